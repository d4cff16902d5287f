#include "install/supervise.h"
#include "ui/log.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What ends the work, and what pauses it. */
static void watched_signals(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCHLD};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
}

static _Noreturn void run_child(const struct supervise_job *job, pid_t parent,
				const sigset_t *outer_mask)
{
	/* a background group may write to the terminal even under "stty tostop" */
	signal(SIGTTOU, SIG_IGN);
	sigprocmask(SIG_SETMASK, outer_mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	/* exit, not _exit: so that a sanitizer's leak check runs and stdio is flushed */
	exit(job->work(job->ctx));
}

/* Stop with the work, as ^Z asks, and go on with it when continued. */
static void pause_with(pid_t group)
{
	kill(-group, SIGSTOP);
	raise(SIGSTOP);
	kill(-group, SIGCONT);
}

/* Wait for the child to end or a signal to come: 0 with *STATUS, or the signal. */
static int wait_for(pid_t child, const sigset_t *set, int *status)
{
	for (;;) {
		int sig;

		if (waitpid(child, status, WNOHANG) == child)
			return 0;
		sig = sigwaitinfo(set, NULL);
		if (sig == SIGTSTP)
			pause_with(child);
		else if (sig > 0 && sig != SIGCHLD)
			return sig;
	}
}

/* Kill the group, and wait until all of it that is our child is gone. */
static void kill_group(pid_t child)
{
	int status;

	kill(-child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

static _Noreturn void end_by(int sig, const sigset_t *outer_mask)
{
	signal(sig, SIG_DFL);
	raise(sig);
	sigprocmask(SIG_SETMASK, outer_mask, NULL);
	/* where the caller had the signal blocked or we are init of a namespace */
	_exit(128 + sig);
}

int supervise(const struct supervise_job *job)
{
	sigset_t set, outer_mask;
	pid_t parent = getpid(), child;
	int status, sig;

	watched_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &outer_mask);
	child = fork();
	if (child < 0) {
		log_error("cannot start a process: %s\nthe limit of processes may be reached: "
			  "ulimit -u",
			  strerror(errno));
		sigprocmask(SIG_SETMASK, &outer_mask, NULL);
		return -1;
	}
	if (child == 0) {
		setpgid(0, 0);
		run_child(job, parent, &outer_mask);
	}
	setpgid(child, child); /* in both: whoever is first */
	sig = wait_for(child, &set, &status);
	if (sig)
		kill_group(child);
	if (sig || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		job->clean_up(job->ctx);
	if (sig)
		end_by(sig, &outer_mask);
	sigprocmask(SIG_SETMASK, &outer_mask, NULL);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("the installation was ended by signal %d (%s)\nrun nix-user-chroot --install "
		  "again: it goes on",
		  WTERMSIG(status), strsignal(WTERMSIG(status)));
	return -1;
}
