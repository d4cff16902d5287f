/*
 * Work in a child process that can be interrupted at any instant, with the mess cleaned up after it
 * by a parent that has nothing else to do.
 */
#ifndef INSTALL_SUPERVISE_H
#define INSTALL_SUPERVISE_H

#include <sys/types.h>

struct supervise_job {
	/* In the child: the work. Returns its exit status (0 to 255). */
	int (*work)(void *ctx);
	/*
	 * In the parent, after CHILD has ended with another status than 0, or by a signal. What
	 * CHILD had started has been killed, but may be on its way out for an instant yet.
	 */
	void (*clean_up)(void *ctx, pid_t child);
	void *ctx;
};

/*
 * Run JOB. The child and what it starts are one process group of their own: SIGINT, SIGTERM, SIGHUP
 * and SIGQUIT to this process kill all of it, then clean_up() is called and this process ends by
 * the same signal, as shells expect (status 130 or 143 there). SIGTSTP and SIGCONT stop and
 * continue it. Those that the caller ignores stay ignored (nohup). In the child descriptors 0 to 2
 * are open, if only on /dev/null, and a write over the file size limit fails instead of killing.
 * Returns the work's status, or -1 after a message: it could not be started or was killed.
 */
int supervise(const struct supervise_job *job);

#endif
