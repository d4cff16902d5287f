/*
 * A child process that can reach one directory and nothing else of this host: no other file, no
 * network, no other process. For work on foreign bytes by a library that is not ours.
 */
#ifndef UNPACK_CONFINE_H
#define UNPACK_CONFINE_H

#include <sys/types.h>

struct confine_request {
	int root_fd; /* the directory that becomes the child's / (mounted nosuid, nodev, noexec) */
	int in_fd;   /* becomes its descriptor 0 */
	int out_fd;  /* becomes its descriptor 1 */
	int keep_fd; /* becomes its descriptor 3; 0 or -1: none */

	/*
	 * The work; its return value (0 to 127) is the child's exit status. It runs with / as its
	 * working directory, umask 0, default signal dispositions, no environment, no /proc.
	 */
	int (*run)(void *ctx);
	void *ctx;
};

/*
 * Start the child: in user, mount, pid, network, IPC and UTS namespaces of its own, its id mapped
 * to itself, pivot_root(2)ed into root_fd, every other descriptor closed but 2 (stderr), no
 * capability left (nor in the bounding set), no_new_privs, no new processes or core dumps,
 * SIGKILLed when the caller's thread ends, and a seccomp filter against what can make namespaces,
 * sockets or programs (where the processor is known to it; an extra, since the rest already holds).
 *
 * The caller may have loaded any library, but no thread of it may hold a lock that run() needs.
 * Returns the process to hand to confine_wait(). Or -1 after it has said which step failed: no work
 * is done unconfined.
 */
pid_t confine_spawn(const struct confine_request *request);

/* Kill the child; confine_wait() is still to be called. */
void confine_kill(pid_t pid);

/*
 * Wait for the child to end. Returns what run() returned, or 128 + N where signal N ended it, or a
 * negative errno.
 */
int confine_wait(pid_t pid);

#endif
