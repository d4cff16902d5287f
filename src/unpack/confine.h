/*
 * A child process that can reach one directory and nothing else of this host: no other file, no
 * network, no other process. For work on foreign bytes by a library that is not ours.
 *
 * Three processes, of which only the last touches foreign bytes:
 *   keeper   holds the lock, and ends the others when the caller dies
 *   init     of a pid namespace of its own: when it ends, the kernel ends all in it
 *   worker   a session and three descriptors of its own
 * Where the host refuses namespaces there is no init, and Landlock has to do: see to_root.
 */
#ifndef UNPACK_CONFINE_H
#define UNPACK_CONFINE_H

#include "unpack/confine_request.h"

#include <stdbool.h>
#include <sys/types.h>

struct confined {
	pid_t pid;	 /* to hand to confine_wait() */
	bool namespaces; /* it has its own: user, mount, pid, network, IPC and UTS */
	int landlock;	 /* the version of Landlock that it is under, or 0 */
	bool to_root; /* it can reach no file outside root_fd: by its namespaces or by Landlock */
};

/*
 * Start the child, and wait until it is confined: pivot_root(2)ed into root_fd in namespaces of its
 * own, its id mapped to itself; no capability left (nor in the bounding set), no_new_privs, no new
 * processes or core dumps, the request's limits (but for memory in builds with AddressSanitizer,
 * which maps terabytes), Landlock where the kernel has it, and a seccomp filter that knows what
 * unpacking needs (seccomp.h). Where a namespace or a mount is refused: all of that in the caller's
 * namespaces. Without the filter there is no work.
 *
 * SIGKILL to the caller, or the end of its thread, ends the child. The caller may have loaded any
 * library, but no thread of it may hold a lock that run() needs.
 * Returns 0, or -1 after it has said which step failed.
 */
int confine_spawn(const struct confine_request *request, struct confined *out);

/* End the child; confine_wait() is still to be called. */
void confine_kill(pid_t pid);

/*
 * Wait until no process of the child is left. Returns what run() returned, or 128 + N where signal
 * N ended it, or a negative errno.
 */
int confine_wait(pid_t pid);

#endif
