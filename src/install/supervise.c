#include "install/supervise.h"
#include "ui/log.h"
#include "util/standard_fds.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The signals that end the work, and those that pause it. Ignored signals (by nohup, or in a
 * background job of sh) are left out: the kernel delivers a blocked signal even if it is ignored.
 */
static void watched_signals(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
	struct sigaction action;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

static _Noreturn void run_child(const struct supervise_job *job, pid_t parent,
				const sigset_t *outer_mask)
{
	sigset_t mask = *outer_mask;

	/* a background process group may write to the terminal even under "stty tostop" */
	sigaddset(&mask, SIGTTOU);
	/* write(2) then fails with EFBIG, and a message names the file */
	sigaddset(&mask, SIGXFSZ);
	/* blocked, not ignored: programs would inherit that, while run_start() can unblock them */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	if (standard_fds_fill() < 0)
		_exit(EXIT_FAILURE);
	/* exit, not _exit, so that a sanitizer's leak check runs and stdio is flushed */
	exit(job->work(job->ctx));
}

/*
 * Stop together with the work, as ^Z asks, and continue with it. By SIGTSTP, not SIGSTOP: if no
 * shell could continue this process (an orphaned process group), the kernel ignores SIGTSTP.
 */
static void pause_with(pid_t group)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	kill(-group, SIGSTOP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(-group, SIGCONT);
}

/* A signal of SET that has come and ends the work, or 0. */
static int pending_end(const sigset_t *set)
{
	const struct timespec now = {0};
	int sig;

	do
		sig = sigtimedwait(set, NULL, &now);
	while (sig == SIGCHLD || sig == SIGTSTP);
	return sig > 0 ? sig : 0;
}

/*
 * Wait until the child ends or a signal comes: 0 with *STATUS, or the signal. A signal to both may
 * have ended the child first, and has been sent all the same.
 */
static int wait_for(pid_t child, const sigset_t *set, int *status)
{
	for (;;) {
		int sig;

		if (waitpid(child, status, WNOHANG) == child)
			return pending_end(set);
		sig = sigwaitinfo(set, NULL);
		if (sig == SIGTSTP)
			pause_with(child);
		else if (sig > 0 && sig != SIGCHLD)
			return sig;
	}
}

static void reap(pid_t child, int *status)
{
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
}

static _Noreturn void end_by(int sig, const sigset_t *outer_mask)
{
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_SETMASK, outer_mask, NULL);
	/* the caller had the signal blocked, or this process is init of a namespace */
	_exit(128 + sig);
}

/*
 * Run JOB to its end. Returns the signal that ended it early, or 0 with *STATUS of wait(2), or -1.
 */
static int run(const struct supervise_job *job, const sigset_t *set, const sigset_t *outer_mask,
	       int *status)
{
	pid_t parent = getpid(), child = fork();
	int sig;

	if (child < 0) {
		log_error("cannot start a process: %s\nthe limit of processes may be reached: "
			  "ulimit -u",
			  strerror(errno));
		return -1;
	}
	if (child == 0) {
		setpgid(0, 0);
		run_child(job, parent, outer_mask);
	}
	setpgid(child, child); /* both parent and child do this, since either may run first */
	sig = wait_for(child, set, status);
	/* if the child was killed (for lack of memory), processes that it started still run */
	if (sig || !WIFEXITED(*status))
		kill(-child, SIGKILL);
	if (sig)
		reap(child, status);
	if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0)
		return sig; /* a signal that came too late */
	job->clean_up(job->ctx, child);
	if (sig)
		log_info("ended early (%s)\nrun nix-user-chroot --install again: it continues",
			 strsignal(sig));
	return sig;
}

int supervise(const struct supervise_job *job)
{
	/* if the caller ignores SIGCHLD, the kernel reaps children and there is no status */
	const struct sigaction default_action = {.sa_handler = SIG_DFL};
	struct sigaction outer_action;
	sigset_t set, set_aside, outer_mask;
	int status = 0, sig;

	sigemptyset(&set_aside);
	watched_signals(&set);
	sigaction(SIGCHLD, &default_action, &outer_action);
	sigprocmask(SIG_BLOCK, &set, &outer_mask);
	/*
	 * if SIGTTOU is blocked, messages appear also from the background ("stty tostop"), and the
	 * work goes on
	 */
	sigaddset(&set_aside, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set_aside, NULL);
	sig = run(job, &set, &outer_mask, &status);
	if (sig > 0)
		end_by(sig, &outer_mask);
	sigaction(SIGCHLD, &outer_action, NULL);
	sigprocmask(SIG_SETMASK, &outer_mask, NULL);
	if (sig < 0)
		return -1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("the installation was ended by signal %d (%s)\nrun nix-user-chroot --install "
		  "again: it continues",
		  WTERMSIG(status), strsignal(WTERMSIG(status)));
	return -1;
}
