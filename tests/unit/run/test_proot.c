/*
 * PRoot's two companions, outside and inside; and what the process inside is told. This program
 * itself takes PRoot's place: what tests/hosts/proot.bats shows with PRoot depends on the
 * companions alone.
 */
#include "run/inside.h"
#include "run/proot.h"
#include "run/proot_relay.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"

#define TOLD "TEST_PROOT_TOLD"

static int look(const void *context)
{
	(void)context;
	execl("/bin/sh", "sh", "-c", "ls /proc/self/fd; grep Sig[BI] /proc/self/status", NULL);
	return 96;
}

/* In PRoot's place: do what WORD says, as the command, or (of the first) instead of PRoot. */
static int be_inside(const char *word)
{
	const char *told = getenv(TOLD), *blank = told ? strrchr(told, ' ') : NULL;

	if (strcmp(word, "early") == 0)
		return 9;
	if (strcmp(word, "early-signal") == 0)
		return raise(SIGKILL);
	if (!blank || strncmp(told, "some text ", 10) != 0 ||
	    fcntl((int)strtol(blank + 1, NULL, 10), F_GETFD) != 0)
		return 98;
	/* somebody ends the process outside, which has no command yet to pass that on to */
	if (strcmp(word, "signalled") == 0 && kill(getppid(), SIGTERM) < 0)
		return 96;
	/* should this test fail, nobody ends it */
	alarm(60);
	proot_relay_inside((int)strtol(blank + 1, NULL, 10));
	if (strcmp(word, "signal") == 0)
		return raise(SIGABRT);
	if (strcmp(word, "look") == 0)
		execl("/bin/sh", "sh", "-c", "ls /proc/self/fd; grep Sig[BI] /proc/self/status",
		      NULL);
	alarm(60);
	if (strcmp(word, "signalled") == 0)
		return pause();
	if (strcmp(word, "wait") == 0) {
		if (write(STDOUT_FILENO, "ready", 5) == 5)
			pause();
		return 97;
	}
	return 7;
}

static int relay(const void *context)
{
	_cleanup_free_ char *self = fs_self_path();
	const char *word = context;
	char *const words[] = {self, (char *)(uintptr_t) "inside", (char *)(uintptr_t)word, NULL};
	const char *proot = strcmp(word, "none") == 0 ? "/nonexistent/proot" : self;

	return -proot_relay(proot, words, TOLD, "some text");
}

static void ends(void **state)
{
	_cleanup_free_ char *none = NULL;
	int status;

	(void)state;
	free(child_says(relay, "exit", NULL, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	free(child_says(relay, "signal", NULL, &status));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	free(child_says(relay, "signalled", NULL, &status));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	/* PRoot itself ended, before the command was there */
	free(child_says(relay, "early", NULL, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	free(child_says(relay, "early-signal", NULL, &status));
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	none = child_says(relay, "none", NULL, &status);
	assert_int_equal(WEXITSTATUS(status), EXIT_CANCELED);
	assert_has(none, "cannot run /nonexistent/proot: No such file");
	assert_has(none, "NIX_USER_CHROOT_PROOT names another proot");
}

/* The command has the descriptors and the signals that it would have without the companions. */
static void what_the_command_has(void **state)
{
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	(void)state;
	wanted = child_says(look, NULL, NULL, &status);
	said = child_says(relay, "look", NULL, &status);
	assert_string_equal(said, wanted);
	assert_int_equal(status, 0);
}

static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};

/*
 * Starts a command that waits, and that ignores none of these signals, whatever this test was told
 * to ignore; *END is its stdout, open as long as any process is left of it.
 */
static pid_t start_waiting(int *end)
{
	char ready[5];
	int ends_of[2];
	pid_t child;

	assert_int_equal(pipe2(ends_of, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++)
			signal(passed_on[i], SIG_DFL);
		if (dup2(ends_of[1], STDOUT_FILENO) < 0)
			_exit(99);
		_exit(relay("wait"));
	}
	close(ends_of[1]);
	*end = ends_of[0];
	assert_int_equal(read(*end, ready, 5), 5);
	return child;
}

static void signals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
		char rest;
		int end, status;
		pid_t pid = start_waiting(&end);

		assert_int_equal(kill(pid, passed_on[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), passed_on[i]);
		/* the command has left a core file, or would have: there is no second one */
		assert_false(WCOREDUMP(status));
		assert_int_equal(read(end, &rest, 1), 0);
		close(end);
	}
}

/* With the process that was started, all of it ends. */
static void killed(void **state)
{
	char rest;
	int end, status;
	pid_t pid = start_waiting(&end);

	(void)state;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(end, &rest, 1), 0);
	close(end);
}

/* Returns whether TEXT, of a process that has *ARGV (NULL-terminated), is understood. */
static bool has_started_us(const char *text, char **argv, struct run_request *request)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	setenv(INSIDE_VARIABLE, "proot", 1);
	setenv("NIX_USER_CHROOT_STARTED", text, 1);
	return proot_has_started_us(argc, argv, request);
}

static void told(void **state)
{
	const int level = log_get_level();
	char self[] = "self", word[] = "word", *two[] = {self, word, NULL}, *one[] = {self, NULL};
	struct run_request request;

	(void)state;
	assert_true(has_started_us("1default", two, &request));
	assert_null(getenv("NIX_USER_CHROOT_STARTED"));
	assert_true(request.is_default);
	assert_ptr_equal(request.argv, two + 1);
	assert_null(request.profile_command);
	assert_null(request.work_dir);
	assert_true(has_started_us("2named!", one, &request));
	assert_int_equal(log_get_level(), LOG_VERBOSE);
	assert_false(request.is_default);
	assert_null(request.argv);
	assert_string_equal(request.work_dir, "");
	assert_null(request.profile_command);
	assert_true(has_started_us("1default/nix!", one, &request));
	assert_null(request.work_dir);
	assert_string_equal(request.profile_command, "nix!");
	free((char *)(uintptr_t)request.profile_command);
	/* a descriptor that is none: the command goes on without a companion */
	assert_true(has_started_us("1default!/nix-shell 999", one, &request));
	assert_string_equal(request.work_dir, "");
	assert_string_equal(request.profile_command, "nix-shell");
	free((char *)(uintptr_t)request.profile_command);
	/* outside of PRoot, or without the variable, this is a process like any other */
	setenv(INSIDE_VARIABLE, "other", 1);
	setenv("NIX_USER_CHROOT_STARTED", "1default", 1);
	assert_false(proot_has_started_us(1, one, &request));
	assert_non_null(getenv("NIX_USER_CHROOT_STARTED"));
	assert_false(has_started_us("", one, &request));
	log_set_level(level);
}

/* With a descriptor, the command is a child of the companion: 7; else another number. */
static int be_told_of_descriptor(const void *context)
{
	const pid_t before = getpid();
	char self[] = "self", *argv[] = {self, NULL};
	_cleanup_free_ char *text = NULL;
	struct run_request request;
	int ends[2];

	(void)context;
	if (pipe(ends) < 0)
		return 1;
	text = xasprintf("1default/nix %d", ends[1]);
	if (!has_started_us(text, argv, &request) || strcmp(request.profile_command, "nix") != 0)
		return 2;
	return getppid() == before && fcntl(ends[1], F_GETFD) == FD_CLOEXEC ? 7 : 3;
}

static void told_of_descriptor(void **state)
{
	int status;

	(void)state;
	free(child_says(be_told_of_descriptor, NULL, NULL, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(what_the_command_has),
		cmocka_unit_test(signals),
		cmocka_unit_test(killed),
		cmocka_unit_test_setup(told, empty_environment),
		cmocka_unit_test_setup(told_of_descriptor, empty_environment),
	};
	const struct rlimit no_core = {0};

	if (argc > 2 && strcmp(argv[1], "inside") == 0)
		return be_inside(argv[2]);
	setrlimit(RLIMIT_CORE, &no_core);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
