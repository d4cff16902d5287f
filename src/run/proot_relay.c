#include "run/proot_relay.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Signals that ask a process for something. A signal that stops processes reaches this one with all
 * of its process group.
 */
static const int passed_on[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM,
				SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};

/*
 * Read one int from FD, of which poll(2) has told: it does not wait, and so no signal interrupts
 * it. The int is there whole or not at all: pipe(7), PIPE_BUF.
 */
static bool read_int(int fd, int *out)
{
	return read(fd, out, sizeof(*out)) == sizeof(*out);
}

static void write_int(int fd, int value)
{
	/* if this fails, the reading process has ended, and needs no answer */
	(void)!write(fd, &value, sizeof(value));
}

static _Noreturn void end_as(int status)
{
	const struct rlimit no_core = {0};
	sigset_t set;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	/* the command has left a core file already: this process must not leave another */
	setrlimit(RLIMIT_CORE, &no_core);
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

/*
 * Wait for PRoot to end. PRoot stays as long as anything runs in it, since whatever runs in it
 * would end with it. A user who does not want to wait can end this process.
 */
static int wait_for_proot(pid_t proot)
{
	sigset_t none;
	int status;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (waitpid(proot, &status, 0) < 0)
		if (errno != EINTR)
			_exit(EXIT_CANCELED);
	return status;
}

/*
 * Pass SIGNALS on to the command, except those of the terminal, which have reached the command
 * already: it is in the same process group.
 */
static void pass_on(int signals, pid_t command)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == sizeof(info) && info.ssi_code <= 0)
		kill(command, (int)info.ssi_signo);
}

static _Noreturn void stay_outside(pid_t proot, int told, int signals)
{
	struct pollfd polls[] = {{.fd = told, .events = POLLIN}, {.events = POLLIN}};
	pid_t command = 0;
	int value;

	for (;;) {
		/* a signal that comes before the command is there waits for it */
		polls[1].fd = command > 0 ? signals : -1;
		if (poll(polls, 2, -1) < 0)
			continue;
		if (polls[1].revents)
			pass_on(signals, command);
		if (!polls[0].revents)
			continue;
		if (!read_int(told, &value))
			break;
		if (command > 0) {
			wait_for_proot(proot);
			end_as(value);
		}
		command = value;
	}
	/*
	 * the process inside did not report: it ended too early, or was killed with all that it ran
	 */
	end_as(wait_for_proot(proot));
}

static _Noreturn void run_proot(const char *proot, char *const words[], int tell, pid_t outside)
{
	/*
	 * if the caller's process is killed, this process, which carries out its work, must end too
	 */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != outside)
		_exit(EXIT_CANCELED);
	fcntl(tell, F_SETFD, 0);
	execv(proot, words);
	log_error("cannot run %s: %s\nNIX_USER_CHROOT_PROOT names another proot", proot,
		  strerror(errno));
	_exit(EXIT_CANCELED);
}

int proot_relay(const char *proot, char *const words[], const char *name, const char *text)
{
	_cleanup_close_ int told = -1, tell = -1, signals = -1;
	_cleanup_free_ char *value = NULL;
	sigset_t set, before;
	int pipes[2];
	pid_t child, outside = getpid();

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	told = pipes[0];
	tell = pipes[1];
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		sigaddset(&set, passed_on[i]);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0)
		return -errno;
	value = xasprintf("%s %d", text, tell);
	setenv(name, value, 1);
	sigprocmask(SIG_BLOCK, &set, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		run_proot(proot, words, tell, outside);
	}
	if (child < 0) {
		int err = errno;

		sigprocmask(SIG_SETMASK, &before, NULL);
		return -err;
	}
	close(steal_fd(&tell));
	stay_outside(child, told, signals);
}

void proot_relay_inside(int fd)
{
	int status;
	pid_t command;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return;
	/* a process that has lost its PRoot can make no system call that PRoot would answer */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	command = fork();
	if (command == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (command <= 0)
		return;
	/* a signal to the whole process group is for the command to obey */
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
		signal(passed_on[i], SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	write_int(fd, command);
	while (waitpid(command, &status, 0) < 0)
		if (errno != EINTR)
			_exit(EXIT_CANCELED);
	write_int(fd, status);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}
