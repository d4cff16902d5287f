/*
 * A child process that can reach one directory and nothing else of this host: no other file, no
 * network, no other process. It is for the work of a foreign library on foreign bytes.
 *
 * Three processes, of which only the last touches foreign bytes:
 *   keeper   holds the lock, and ends the others when the caller dies
 *   init     of a new pid namespace: when it ends, the kernel ends all processes in it
 *   worker   with a session and three descriptors of its own
 * If the host refuses namespaces there is no init, and Landlock must confine the worker: see
 * to_root.
 */
#ifndef UNPACK_CONFINE_H
#define UNPACK_CONFINE_H

#include "unpack/confine_request.h"

#include <stdbool.h>
#include <sys/types.h>

struct confined {
	pid_t pid;	 /* for confine_wait() */
	bool namespaces; /* its own: user, mount, pid, network, IPC and UTS */
	int landlock;	 /* the version of Landlock that confines the child, or 0 */
	bool to_root;	 /* namespaces or Landlock keep the child from every file outside root_fd */
};

/*
 * Start the child, and wait until it is confined. In namespaces of its own, with its id mapped to
 * itself, root_fd is its root (pivot_root(2)). It has no capability left (nor in the bounding set),
 * has set no_new_privs, makes no processes or core dumps, and has the request's limits (except that
 * of memory in builds with AddressSanitizer, which maps terabytes). Landlock holds it if the kernel
 * has that, and so does a seccomp filter that allows what unpacking needs (seccomp.h). If the host
 * refuses a namespace or a mount, all the rest holds in the caller's namespaces. Without the filter
 * the work does not begin.
 *
 * SIGKILL to the caller, or the end of its thread, ends the child. The caller may have loaded any
 * library, but no thread of it may hold a lock that run() needs. Returns 0, or -1 after a message
 * that names the failed step.
 */
int confine_spawn(const struct confine_request *request, struct confined *out);

/* End the child. confine_wait() must still be called. */
void confine_kill(pid_t pid);

/*
 * Wait until no process of the child is left. Returns what run() returned, 128 + N if signal N
 * ended the worker, or a negative errno.
 */
int confine_wait(pid_t pid);

#endif
