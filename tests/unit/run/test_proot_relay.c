/* The process that starts PRoot and stays outside; /bin/sh stands for PRoot here. */
#include "run/proot_relay.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../orphan.h"
#include "../refuse.h"

#define NAME "TEST_PROOT_RELAY"

static pid_t test; /* the test itself */

enum { BY_SIGNAL = 1000 };

/* Run BODY in a child, and return its exit status, or BY_SIGNAL + the signal that ended it. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : BY_SIGNAL + WTERMSIG(status);
}

/* Have /bin/sh run LINE as PRoot would be run. */
static int relay(const char *line)
{
	char name[] = "sh", option[] = "-c", *text = xstrdup(line);
	char *const words[] = {name, option, text, NULL};
	int r = proot_relay("/bin/sh", words, NAME, "a text");

	free(text);
	return r;
}

static int run_to_the_end(void)
{
#ifdef SYS_poll
	/* the process outside sleeps meanwhile */
	refuse_if(SYS_poll, 2, BPF_JEQ, 0, SECCOMP_RET_KILL_PROCESS);
#endif
	/* the descriptor for the reports is told after the text, whatever the variable was */
	setenv(NAME, "x", 1);
	return relay("case $" NAME " in 'a text '[0-9]*) exit 7 ;; esac; exit 8");
}

static int run_to_a_signal(void)
{
	return relay("kill -TERM $$");
}

static int run_without_forks(void)
{
	sigset_t before, after;

	refuse_forks();
	forbid_call(SYS_kill);
	sigprocmask(SIG_BLOCK, NULL, &before);
	if (relay("exit 7") != -EAGAIN)
		return 1;
	/* the caller goes on with another runtime: no signal stays blocked */
	sigprocmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&before, sig) != sigismember(&after, sig))
			return 2;
	return 0;
}

static int run_without_pipes(void)
{
	refuse_call(SYS_pipe2, -1, EMFILE);
	/* none of this process is closed in its place */
	return relay("exit 7") == -EMFILE && fcntl(STDIN_FILENO, F_GETFD) >= 0 ? 0 : 1;
}

static int run_without_signalfd(void)
{
	refuse_call(SYS_signalfd4, -1, ENOMEM);
	return relay("exit 7") == -ENOMEM ? 0 : 1;
}

static int run_inside_without_forks(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return 1;
	refuse_forks();
	/* the command runs in this very process then */
	proot_relay_inside(ends[1]);
	return 9;
}

/* A descriptor that is none: nobody listens, and the command runs in this very process. */
static int run_inside_without_relay(void)
{
	proot_relay_inside(999);
	return waitpid(-1, NULL, WNOHANG) < 0 && getppid() == test ? 9 : 1;
}

static void on_continue(int number)
{
	(void)number;
}

/* From now on SIGCONT interrupts what waits. */
static void catch_continue(void)
{
	const struct sigaction action = {.sa_handler = on_continue};

	sigaction(SIGCONT, &action, NULL);
}

static int run_while_interrupted(void)
{
	catch_continue();
	/* without the descriptor for the reports, the process outside waits for PRoot's end */
	return relay("fd=${" NAME "##* }; eval \"exec $fd>&-\"; i=0\n"
		     "while [ $((i += 1)) -le 300 ]; do kill -CONT $PPID; done; exit 7");
}

static int run_inside_while_interrupted(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return 1;
	catch_continue();
	proot_relay_inside(ends[1]);
	for (int i = 0; i < 300; i++) {
		kill(getppid(), SIGCONT);
		sched_yield();
	}
	return 7;
}

/* A signal for all of them is for the command to obey: the process that reports lives on. */
static int run_inside_with_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
	int ends[2];
	char byte;

	if (pipe(ends) < 0)
		return 1;
	proot_relay_inside(ends[1]);
	/* it reports the command's ID once it ignores them */
	if (read(ends[0], &byte, 1) != 1)
		return 1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		kill(getppid(), signals[i]);
	return 7;
}

static void statuses(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_to_the_end), 7);
	assert_int_equal(in_child(run_to_a_signal), BY_SIGNAL + SIGTERM);
	/* a signal is no end */
	assert_int_equal(in_child(run_while_interrupted), 7);
	assert_int_equal(in_child(run_inside_while_interrupted), 7);
	assert_int_equal(in_child(run_inside_with_signals), 7);
}

static void no_process(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_without_forks), 0);
	assert_int_equal(in_child(run_without_pipes), 0);
	assert_int_equal(in_child(run_without_signalfd), 0);
	assert_int_equal(in_child(run_inside_without_forks), 9);
	test = getpid();
	assert_int_equal(in_child(run_inside_without_relay), 9);
}

static void relay_to(void *ctx, int out)
{
	_cleanup_free_ char *line = xasprintf("echo runs >&%d", out);

	(void)ctx;
	fcntl(out, F_SETFD, 0);
	relay(line);
}

static void no_proot_without_the_process_outside(void **state)
{
	int count;

	(void)state;
	alarm(60);
	count = orphan_writes(relay_to, NULL, SIGKILL);
	alarm(0);
	if (count < 0)
		skip();
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(no_process),
		cmocka_unit_test(no_proot_without_the_process_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
