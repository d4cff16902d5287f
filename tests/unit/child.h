/*
 * Child processes of tests: what they say, and how they end. A child may be changed for good: by a
 * filter, a limit, a signal that is ignored, or into another program. Include after cmocka.h.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Calls CALL with CONTEXT in a child, whose stdin is the file INPUT (NULL: /dev/null). Returns all
 * that it, or the program that it has become, writes to stdout and stderr; the caller frees.
 * *STATUS is what waitpid(2) says; the child exits with the result of CALL.
 */
static inline char *child_says(int (*call)(const void *context), const void *context,
			       const char *input, int *status)
{
	char *text = xcalloc(65536, 1);
	size_t used = 0;
	int ends[2];
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		int in = open(input ? input : "/dev/null", O_RDONLY);

		if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0 ||
		    dup2(ends[1], STDERR_FILENO) < 0)
			_exit(99);
		close(in);
		_exit(call(context));
	}
	close(ends[1]);
	while ((n = read(ends[0], text + used, 65535 - used)) > 0)
		used += (size_t)n;
	close(ends[0]);
	assert_int_equal(waitpid(child, status, 0), child);
	return text;
}

static inline void assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("no \"%s\" in:\n%s", words, text);
}

static inline void assert_has_not(const char *text, const char *words)
{
	if (strstr(text, words))
		fail_msg("\"%s\" is in:\n%s", words, text);
}

/* TEXT is one message, and has WORDS. */
static inline void assert_one_message(const char *text, const char *words)
{
	assert_has(text, words);
	if (strncmp(text, "nix-user-chroot: ", 17) != 0 || strstr(text + 1, "nix-user-chroot: "))
		fail_msg("not one message: %s", text);
}

/* Is stdin open still? What closes a descriptor that it never got closes stdin. */
static inline bool child_has_stdin(void)
{
	return fcntl(STDIN_FILENO, F_GETFD) >= 0;
}

static inline void child_on_alarm(int signal)
{
	(void)signal;
}

/*
 * From now on calls that wait are interrupted every 20 ms, as by the signals of --install: fork(2)
 * could not keep up with much more.
 */
static inline void child_interrupt(void)
{
	const struct sigaction action = {.sa_handler = child_on_alarm};
	const struct itimerval often = {{0, 20000}, {0, 20000}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
}

static inline void child_run(const char *(*try)(void *ctx), void *ctx, int fd)
{
	/* cmocka catches these, and would go on with the next test in the child */
	static const int caught[] = {SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
	const char *wrong;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	wrong = try(ctx);
	if (wrong && dprintf(fd, "%s", *wrong ? wrong : "(empty)") < 0)
		_exit(2);
	_exit(wrong ? 1 : 0);
}

/*
 * Calls TRY in a child, and checks that it returned NULL. What it returns instead is a text that
 * says what is wrong; the child ends without freeing it.
 */
static inline void assert_in_child(const char *(*try)(void *ctx), void *ctx)
{
	char said[1024] = "";
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child_run(try, ctx, fds[1]);
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (n != 0)
		fail_msg("%s", said);
	assert_int_equal(status, 0);
}

#endif
