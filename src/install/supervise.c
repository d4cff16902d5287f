#include "install/supervise.h"
#include "ui/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What ends the work, and what pauses it. A signal that is ignored (by nohup, or of a background
 * job of sh) must not be among them: while it is blocked the kernel would deliver it all the same.
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

/* A closed one would go to the next file that is opened, and messages be written into that. */
static void fill_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(EXIT_FAILURE);
}

static _Noreturn void run_child(const struct supervise_job *job, pid_t parent,
				const sigset_t *outer_mask)
{
	sigset_t mask = *outer_mask;

	/* a background group may write to the terminal even under "stty tostop" */
	sigaddset(&mask, SIGTTOU);
	/* write(2) then says EFBIG, which becomes a message with the file's name */
	sigaddset(&mask, SIGXFSZ);
	/* not ignored, which an exec would hand on: run_start() lets them through again */
	sigprocmask(SIG_SETMASK, &mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	fill_descriptors();
	/* exit, not _exit: so that a sanitizer's leak check runs and stdio is flushed */
	exit(job->work(job->ctx));
}

/*
 * Stop with the work, as ^Z asks, and go on with it when continued. By SIGTSTP and not SIGSTOP:
 * where no shell could continue us (an orphaned process group) the kernel passes over it.
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
	/* where the caller had the signal blocked or we are init of a namespace */
	_exit(128 + sig);
}

/* Run it to its end. Returns the signal that ended it early, or 0 with *STATUS from wait(2), or -1.
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
	setpgid(child, child); /* in both: whoever is first */
	sig = wait_for(child, set, status);
	/* where the child was killed (for want of memory), what it had started goes on */
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
	/* a caller that ignores SIGCHLD has its children reaped by the kernel: no status then */
	const struct sigaction default_action = {.sa_handler = SIG_DFL};
	struct sigaction outer_action;
	sigset_t set, set_aside, outer_mask;
	int status = 0, sig;

	sigemptyset(&set_aside);
	watched_signals(&set);
	sigaction(SIGCHLD, &default_action, &outer_action);
	sigprocmask(SIG_BLOCK, &set, &outer_mask);
	/* blocked, what we say goes out from the background too ("stty tostop"), and we go on */
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
