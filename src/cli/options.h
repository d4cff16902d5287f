/*
 * What was asked for, by the command line and the environment, as data.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "ui/log.h"
#include "util/runtime.h"
#include "util/str.h"

#include <stdbool.h>
#include <stddef.h>

enum command {
	COMMAND_ENTER, /* NIXPATH COMMAND…, the default */
	COMMAND_INSTALL,
	COMMAND_UNINSTALL,
	COMMAND_UPDATE,
	COMMAND_BUNDLE,
	COMMAND_CHECK,
	COMMAND_PRINT_PATH_CONFIG,
	COMMAND_HELP,
	COMMAND_VERSION,
};

/*
 * The options of --install; those that say which Nix are --bundle's too. A string is NULL if
 * neither an option nor a variable gave it.
 */
struct install_options {
	char *nix_version;	   /* "2.26.3"; NULL: the latest */
	char *mirror;		   /* URL without a trailing slash; NULL: the default mirror */
	char *tarball;		   /* a file name or a URL */
	char *sha256;		   /* as given: 64 hex digits, or SRI "sha256-…=" */
	char *system;		   /* "x86_64-linux"; NULL: this host's */
	char *cacert;		   /* a file of CA certificates */
	struct strlist extra_conf; /* lines for nix.conf, in order */
	char *nix_extra_conf_file; /* a file whose lines are added to nix.conf */
	bool no_channel_add;
	bool no_modify_profile;
	bool no_shims;
	bool no_daemon; /* changes nothing: there never is a daemon */
	bool dry_run;
	bool force; /* goes with --uninstall and --update too */
};

/* The options that only --update has. */
struct update_options {
	char *releases;	      /* where releases of this program are; NULL: its own place */
	char *program_sha256; /* as given: what the program must have; NULL: what SHA256SUMS says */
	bool with_nix;
};

struct options {
	enum command command;
	enum command help_on; /* with COMMAND_HELP: the command to print the help page of */
	const char *nix_dir;  /* NIXPATH as typed; NULL: the default directory */
	char **argv;	      /* the command to run inside, NULL-terminated; NULL: none was given */
	char *command_line;   /* for the user's shell, whose $0, $1... are ARGV then; NULL: none */
	enum log_level log_level;
	bool json; /* --check --json */
	bool yes;  /* --uninstall --yes; --install asks nothing */
	bool new_namespace;
	bool no_ssh_config;
	char *trust_owner;  /* one more user whose Nix directory may be used; NULL: none */
	char *shared_group; /* whose members may write to the Nix directory; NULL: none */
	char *bundle;	    /* --bundle: the file to write */
	char *program; /* --bundle --program: the file that holds the program; NULL: not given */
	enum runtime runtime;
	struct install_options install;
	struct update_options update;
	char *const *program_argv; /* the whole command line, to hand on to another program */
};

void options_clear(struct options *options);

#endif
