/*
 * Work in a child process that can be interrupted at any instant, and a parent that only waits and
 * cleans up.
 */
#ifndef INSTALL_SUPERVISE_H
#define INSTALL_SUPERVISE_H

#include <sys/types.h>

struct supervise_job {
	/* In the child: the work. Returns the exit status (0 to 255). */
	int (*work)(void *ctx);
	/*
	 * In the parent, after CHILD has ended with a status other than 0, or by a signal.
	 * Processes that CHILD started have been killed, but may take another moment to end.
	 */
	void (*clean_up)(void *ctx, pid_t child);
	void *ctx;
};

/*
 * Run JOB. The child and the processes that it starts are a process group of their own. SIGINT,
 * SIGTERM, SIGHUP or SIGQUIT to this process kills that group; then clean_up() is called, and this
 * process ends by the same signal, as shells expect (status 130 or 143 there). SIGTSTP and SIGCONT
 * stop and continue the group. Signals that the caller ignores stay ignored (nohup). In the child,
 * descriptors 0 to 2 are open, if only on /dev/null, and a write beyond the file size limit fails
 * instead of killing. Returns the work's status, or -1 after a message: it could not be started or
 * was killed.
 */
int supervise(const struct supervise_job *job);

#endif
