/* The ways to make a directory /nix for a command, and their names. */
#ifndef UTIL_RUNTIME_H
#define UTIL_RUNTIME_H

/* In the order in which they are tried. */
enum runtime {
	RUNTIME_AUTO,	 /* the first that works */
	RUNTIME_USERNS,	 /* a user and mount namespace */
	RUNTIME_HELPER,	 /* a mount namespace alone, made by a privileged program */
	RUNTIME_MOUNTNS, /* a mount namespace alone, which needs CAP_SYS_ADMIN */
	RUNTIME_DIRECT,	 /* none: the Nix directory is /nix itself */
	RUNTIME_PROOT,	 /* PRoot, which translates the paths of each system call */
	RUNTIME_COUNT,
};

/* "auto", "userns", "helper", "mountns", "direct", "proot" */
const char *runtime_name(enum runtime runtime);

/* The runtime called NAME in *OUT: 0, or -EINVAL with *OUT untouched. */
int runtime_parse(const char *name, enum runtime *out);

#endif
