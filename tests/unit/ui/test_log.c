/* Messages: how they are laid out, which level has them, and what a status line below them does. */
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"

#define P     "nix-user-chroot: "
#define ERASE "\r\033[K"

/* Checks what SCENE writes to a stderr that is no terminal. */
static void assert_said(void (*scene)(void), const char *wanted)
{
	_cleanup_free_ char *said = NULL;
	struct capture capture;

	capture_begin(&capture);
	scene();
	said = capture_end(&capture);
	log_forget_status();
	assert_string_equal(said, wanted);
}

static void messages(void)
{
	log_info("one");
	log_info("%-s", "first\nsecond\nthird");
	log_info("%-s", "ended\n");
	log_info("%-s", "\n");
	log_info("%-s", "");
	log_warning("of %s", "a\nb\033");
	log_print("%-s", "bare\nline");
	log_error("wrong");
}

static void layout(void **state)
{
	(void)state;
	assert_said(messages, P "one\n" P "first\n  second\n  third\n" P "ended\n" P "\n" P "\n" P
				"warning: of a\\u000Ab\\u001B\nbare\n  line\n" P "wrong\n");
}

enum { LINES = 100000 };

static void lines_only(void)
{
	_cleanup_free_ char *text = xcalloc(LINES + 1, 1);

	memset(text, '\n', LINES);
	log_info("%-s", text);
}

/* Each line has room for its indentation. */
static void many_lines(void **state)
{
	struct capture capture;
	struct stat st;

	(void)state;
	capture_begin(&capture);
	lines_only();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	assert_int_equal(ftruncate(STDERR_FILENO, 0), 0);
	free(capture_end(&capture));
	assert_int_equal(st.st_size, strlen(P) + LINES + 2 * (LINES - 1));
}

static void every_level(void)
{
	log_error("e");
	log_warning("w");
	log_info("i");
	log_print("p");
	log_verbose("v");
	log_output("o\n", 2);
	log_debug("d");
}

static void levels(void **state)
{
	(void)state;
	assert_int_equal(log_get_level(), LOG_NORMAL);
	assert_said(every_level, P "e\n" P "warning: w\n" P "i\np\n");
	log_set_level(LOG_ERROR);
	assert_int_equal(log_get_level(), LOG_ERROR);
	assert_said(every_level, P "e\n");
	log_set_level(LOG_VERBOSE);
	assert_said(every_level, P "e\n" P "warning: w\n" P "i\np\n" P "v\no\n");
	log_set_level(LOG_DEBUG);
	assert_said(every_level, P "e\n" P "warning: w\n" P "i\np\n" P "v\no\n" P "d\n");
	log_set_level(LOG_NORMAL);
}

static void outputs(void)
{
	log_output("", 0);
	log_output("half", 4);
	log_info("a message");
	log_info("another");
	log_output("a\0b\n", 4);
	log_output("half", 4);
	log_output(" line\n", 6);
	log_info("after it");
	log_output("begun", 5);
	log_status("not below that", 0);
	log_output("\n", 1);
}

static void foreign_output(void **state)
{
	struct capture capture;
	char text[256];
	size_t len;

	(void)state;
	log_set_level(LOG_VERBOSE);
	capture_begin(&capture);
	outputs();
	rewind(capture.file);
	len = fread(text, 1, sizeof(text), capture.file);
	free(capture_end(&capture));
	log_set_level(LOG_NORMAL);
	{
		static const char wanted[] = "half\n" P "a message\n" P "another\na\0b\n"
					     "half line\n" P "after it\nbegun\n";

		assert_int_equal(len, sizeof(wanted) - 1);
		assert_memory_equal(text, wanted, len);
	}
}

static void statuses(void)
{
	log_status(NULL, 0);
	log_status("one", 0);
	log_status("two", 0);
	log_info("a message");
	log_status(NULL, 0);
	log_status(NULL, 0);
	log_info("without");
	log_status("three", 0);
	log_error("wrong");
	log_info("after it");
	log_status("four", 0);
	log_forget_status();
	log_info("of a child");
	log_erase_line(0);
}

/* Without a terminal of its own, stderr shows a status whose group is 0: an ssh without one. */
static void status(void **state)
{
	(void)state;
	assert_said(statuses, ERASE "one" ERASE "two" ERASE P "a message\ntwo" ERASE P
				    "without\n" ERASE "three" ERASE P "wrong\n" P "after it\n" ERASE
				    "four" P "of a child\n" ERASE);
}

static void output_over_status(void)
{
	log_status("one", 0);
	log_output("whole\n", 6);
	log_output("half", 4);
	log_output(" line\n", 6);
	log_info("after it");
}

static void status_and_output(void **state)
{
	(void)state;
	log_set_level(LOG_VERBOSE);
	assert_said(output_over_status,
		    ERASE "one" ERASE "whole\none" ERASE "half line\n" P "after it\n");
	log_set_level(LOG_NORMAL);
}

static void with_errno(void)
{
	static const int errors[] = {ENOSPC, EINTR};

	for (size_t i = 0; i < 2; i++) {
		errno = errors[i];
		log_info("x");
		assert_int_equal(errno, errors[i]);
		log_output("x\n", 2);
		assert_int_equal(errno, errors[i]);
		log_status("x", 0);
		assert_int_equal(errno, errors[i]);
		log_status(NULL, 0);
		assert_int_equal(errno, errors[i]);
	}
}

static const char *on_closed(void *ctx)
{
	(void)ctx;
	close(STDERR_FILENO);
	log_set_level(LOG_VERBOSE);
	errno = 0;
	log_info("x");
	log_output("x", 1);
	log_status("x", 0);
	return errno == 0 ? NULL : "errno is not what it was";
}

/* A message changes no errno, whatever writing it did; a stderr that is closed is no error. */
static void errors(void **state)
{
	(void)state;
	log_set_level(LOG_VERBOSE);
	assert_said(with_errno, P "x\nx\n" ERASE "x" ERASE P "x\nx\n" ERASE "x" ERASE);
	log_set_level(LOG_NORMAL);
	assert_in_child(on_closed, NULL);
}

enum { LONG = 300000 };

static char letter(size_t i)
{
	return (char)('a' + i % 23);
}

/* Waits until the process PID sleeps: in poll(2), for a pipe that is full. */
static void wait_until_asleep(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
	char text[512];
	const char *state;

	do {
		usleep(1000);
		if (fs_read_some(AT_FDCWD, path, text, sizeof(text)) < 0)
			return;
		state = strrchr(text, ')');
	} while (state && state[2] != 'S');
}

/* Reads all from FD: 0 if it is what FILLED bytes of '-', the prefix and the letters are. */
static int read_all(int fd, size_t filled)
{
	size_t count = 0, prefix = filled + strlen(P);
	char buffer[1000];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < n; i++, count++) {
			char wanted = count < filled	      ? '-'
				      : count < prefix	      ? P[count - filled]
				      : count < prefix + LONG ? letter(count - prefix)
							      : '\n';

			if (buffer[i] != wanted)
				return 1;
		}
	return count == prefix + LONG + 1 ? 0 : 1;
}

static const char *through_a_pipe(void *ctx)
{
	char *text = xcalloc(LONG + 1, 1);
	int fds[2], status_of_it;
	bool blocks = *(bool *)ctx;
	size_t filled = 0;
	pid_t reader, self = getpid();

	for (size_t i = 0; i < LONG; i++)
		text[i] = letter(i);
	if (pipe(fds) < 0 || fcntl(fds[1], F_SETFL, O_NONBLOCK) < 0)
		return "no pipe";
	while (write(fds[1], "-", 1) == 1)
		filled++;
	reader = fork();
	if (reader == 0) {
		close(fds[1]);
		wait_until_asleep(self);
		/* long enough for signals to come while the writer waits */
		if (blocks)
			usleep(100000);
		_exit(read_all(fds[0], filled));
	}
	dup2(fds[1], STDERR_FILENO);
	if (blocks && fcntl(fds[1], F_SETFL, 0) == 0)
		child_interrupt();
	close(fds[0]);
	close(fds[1]);
	log_info("%s", text);
	close(STDERR_FILENO);
	if (waitpid(reader, &status_of_it, 0) != reader)
		return "no reader";
	return status_of_it == 0 ? NULL : "some of it was lost";
}

/* Another program has made stderr non-blocking, or signals come, and nobody reads for a while. */
static void full_pipe(void **state)
{
	bool blocks[] = {false, true};

	(void)state;
	assert_in_child(through_a_pipe, &blocks[0]);
	assert_in_child(through_a_pipe, &blocks[1]);
}

/* A case: whose group is in the foreground of the terminal, and what the terminal then gets. */
struct foreground {
	bool first, second; /* is it the group of the first status, and of the second? */
	bool is_lost;	    /* a group of another process gets the terminal after both */
	const char *wanted;
};

/* A process in a group of its own, which gets the terminal; its ID, or -1. */
static pid_t start_in_foreground(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
		pause();
		_exit(0);
	}
	return pid > 0 && setpgid(pid, pid) == 0 && tcsetpgrp(STDERR_FILENO, pid) == 0 ? pid : -1;
}

static const char *on_a_terminal(void *ctx)
{
	const struct foreground *foreground = ctx;
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char *said = xcalloc(4096, 1);
	size_t len = 0;
	pid_t other, editor = 0;

	if (master < 0 || unlockpt(master) < 0)
		return NULL; /* none to be had on this host */
	if (setsid() < 0)
		return "no session";
	slave = open(ptsname(master), O_RDWR);
	if (slave < 0 || dup2(slave, STDERR_FILENO) < 0)
		return "no terminal";
	other = getpgrp() + 1;
	log_status("one", foreground->first ? getpgrp() : other);
	log_status("two", foreground->second ? getpgrp() : other);
	if (foreground->is_lost && (editor = start_in_foreground()) < 0)
		return "no process that gets the terminal";
	log_info("m");
	if (editor)
		kill(editor, SIGKILL);
	log_erase_line(foreground->second ? getpgrp() : other);
	if (write(STDERR_FILENO, "END", 3) != 3)
		return "no end";
	while (!str_ends_with(said, "END")) {
		ssize_t n = read(master, said + len, 4095 - len);

		if (n <= 0)
			return "nothing was written";
		len += (size_t)n;
	}
	return strcmp(said, foreground->wanted) == 0 ? NULL : said;
}

/* While another group has the terminal, such as an editor, no status is drawn over it. */
static void foreground(void **state)
{
	static const struct foreground cases[] = {
		{true, true, false, ERASE "one" ERASE "two" ERASE P "m\r\ntwo" ERASE "END"},
		{false, false, false, P "m\r\nEND"},
		{true, false, false, ERASE "one" P "m\r\nEND"},
		{false, true, false, ERASE "two" ERASE P "m\r\ntwo" ERASE "END"},
		{true, true, true, ERASE "one" ERASE "two" P "m\r\nEND"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct foreground one = cases[i];

		assert_in_child(on_a_terminal, &one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),     cmocka_unit_test(many_lines),
		cmocka_unit_test(levels),     cmocka_unit_test(foreign_output),
		cmocka_unit_test(status),     cmocka_unit_test(status_and_output),
		cmocka_unit_test(errors),     cmocka_unit_test(full_pipe),
		cmocka_unit_test(foreground),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
