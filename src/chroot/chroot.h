/*
 * The door into the chroot: a user and mount namespace in which a directory of the user's is /nix
 * and everything else of / is where it was.
 */
#ifndef CHROOT_CHROOT_H
#define CHROOT_CHROOT_H

#include <stdbool.h>
#include <sys/types.h>

/* The exit statuses that chroot(1), env(1) and timeout(1) share. */
enum {
	EXIT_CANCELED = 125,	  /* we failed before the command ran */
	EXIT_CANNOT_INVOKE = 126, /* the command was found and could not be run */
	EXIT_ENOENT = 127,	  /* the command was not found */
};

struct chroot_request {
	const char *nix_dir; /* what becomes /nix; relative to the working directory, or absolute */
	bool is_default;     /* nix_dir was not named by the user: the profile is put on PATH */
	/* what to say that the user can do where nix_dir is no directory; NULL: nothing special */
	const char *missing_advice;
	char *const *argv; /* the command, NULL-terminated; NULL: a login shell */
	/*
	 * Not NULL: the command is the one of this name in the user's profile, wherever PATH leads;
	 * argv[0] is only what it is called. Then is_default and argv are set too.
	 */
	const char *profile_command;
	const char *work_dir; /* where the command starts; NULL: the present working directory */
};

/* Is this process in a chroot of ours, with the directory NIX_DIR_FD for /nix? */
bool chroot_is_inside(int nix_dir_fd);

/*
 * Turn the calling process into the command, inside. The process must have one thread (unshare(2)
 * refuses CLONE_NEWUSER otherwise). Returns only the status to end with, after it has said what
 * failed: EXIT_CANCELED, EXIT_CANNOT_INVOKE or EXIT_ENOENT; the process may then be in namespaces
 * of its own and must end.
 */
int chroot_exec(const struct chroot_request *request);

/*
 * The same in a child process, with IN_FD for its stdin, and OUT_FD for its stdout and stderr,
 * where messages of our own from before the exec go too; -1: as they are. Returns the child, or -1
 * after a message.
 */
pid_t chroot_start(const struct chroot_request *request, int in_fd, int out_fd);

/*
 * Wait for CHILD to end. Returns the command's exit status, 128 + N where signal N ended it, or -1
 * after a message.
 */
int chroot_wait(pid_t child);

#endif
