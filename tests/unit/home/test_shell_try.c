/* Shells that are asked for their PATH: real ones, and programs that stand in for a shell. */
#include "home/shell_try.h"

#include <errno.h>
#include <paths.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"

/* What a stand-in does as a shell does with -c: the command is its second word. */
#define ANSWER "eval \"$2\""

/* Checks what is found out of the stand-in that runs BODY. */
static void assert_try(const struct place *place, const char *body, const char *directory,
		       int wanted)
{
	_cleanup_free_ char *shell = place_script(place, "shell", body);
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;
	struct shell_try try = shell_try_begin(shell, "shell", "-ic", place->path, NULL);

	assert_true(try.pid > 0);
	assert_int_equal(shell_try_end(&try, directory), wanted);
	assert_int_equal(try.pid, 0);
	assert_int_equal(try.fd, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	/* neither end of the pipe is open still */
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(after, before + 1);
	assert_int_equal(dup(after), before + 2);
	close(before + 2);
	close(after);
	close(before);
}

/* The list between the marks counts, and of that whole directories. */
static void answers(void **state)
{
	const struct place *place = *state;

	assert_try(place, "PATH=/ok; " ANSWER, "/ok", 1);
	assert_try(place, "PATH=/a:/ok:/b; " ANSWER, "/ok", 1);
	assert_try(place, "PATH=/ok:/b; " ANSWER, "/ok", 1);
	assert_try(place, "PATH=/a:/ok; " ANSWER, "/ok", 1);
	assert_try(place, "PATH=/ok/b:/a/ok:/okay; " ANSWER, "/ok", 0);
	assert_try(place, "PATH=; " ANSWER, "/ok", 0);
	assert_try(place, "echo :/ok:; PATH=/a; " ANSWER "; echo :/ok:", "/ok", 0);
	/* what follows the list is none of it, also if it comes with it */
	assert_try(place,
		   "printf '@nix-user-chroot-path@:/a:@nix-user-chroot-path@\\n:/ok:/ok:\\n'",
		   "/ok", 0);
	assert_try(place, "[ $# = 2 ] && [ \"$1\" = -ic ] && PATH=/ok; " ANSWER, "/ok", 1);
	/* an answer is one even if the shell fails, and none if it only begins */
	assert_try(place, "PATH=/ok; " ANSWER "; exit 1", "/ok", 1);
	assert_try(place, "exit 0", "/ok", -1);
	assert_try(place, "echo @nix-user-chroot-path@:/ok:", "/ok", -1);
	assert_try(place, "kill -KILL $$", "/ok", -1);
}

/* Once the answer is there, whichever, the shell is ended: it does not do what comes after. */
static void the_end(void **state)
{
	const struct place *place = *state;

	assert_try(place, "PATH=/ok; " ANSWER "; /bin/sleep 4; echo >\"$HOME/late\"", "/ok", 1);
	assert_try(place, "PATH=/no; " ANSWER "; /bin/sleep 4; echo >\"$HOME/late\"", "/ok", 0);
	assert_false(fs_exists(place->fd, "late"));
}

/* What startup files print before, in whatever pieces, does not matter. */
static void noise(void **state)
{
	const struct place *place = *state;

	assert_try(place, "printf 'a\\0b\\377\\n'; PATH=/ok; " ANSWER, "/ok", 1);
	assert_try(place,
		   "printf '@nix-user-chroot-'; /bin/true; printf 'path@:/o'; /bin/true; "
		   "printf 'k:@nix-user-chroot-path'; /bin/true; printf @",
		   "/ok", 1);
	assert_try(place, "head -c 1000000 /dev/zero; PATH=/ok; " ANSWER, "/ok", 1);
	/* but an endless text is not read to the end */
	assert_try(place, "head -c 1100000 /dev/zero; PATH=/ok; " ANSWER, "/ok", -1);
}

/* sh itself, as a login shell. */
static void real_shell(void **state)
{
	static const struct {
		const char *profile;
		int found;
	} cases[] = {
		{"PATH=$PATH:/ok\n", 1},
		{"PATH=/ok\n", 1},
		{"exit\n", -1},
		{"\n", 0},
	};
	const struct place *place = *state;
	struct shell_try try;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fs_replace_file(place->fd, ".profile", cases[i].profile,
						 strlen(cases[i].profile), 0644),
				 0);
		try = shell_try_begin("/bin/sh", "-sh", "-c", place->path, NULL);
		assert_int_equal(shell_try_end(&try, "/ok"), cases[i].found);
		/* not as a login shell: its name decides */
		try = shell_try_begin("/bin/sh", "sh", "-c", place->path, NULL);
		assert_int_equal(shell_try_end(&try, "/ok"), 0);
	}
}

static void nothing_to_start(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *shell = place_script(place, "shell", "PATH=/ok; " ANSWER);
	struct shell_try try = {.fd = -1};

	assert_int_equal(shell_try_end(&try, "/ok"), -1);
	try = shell_try_begin("/nonexistent/sh", "sh", "-c", place->path, NULL);
	assert_int_equal(shell_try_end(&try, "/ok"), -1);
	/* not in another directory than home, where its startup files are */
	try = shell_try_begin(shell, "sh", "-c", "/nonexistent", NULL);
	assert_int_equal(shell_try_end(&try, "/ok"), -1);
}

/*
 * Says what is not as after a login, by the directory that it has on PATH. The shell reads its mask
 * itself, since it blocks signals while another process starts.
 */
#define LOOK                                                                                      \
	"is() { [ \"$2\" = \"$3\" ] || bad=$1; }; bad=\n"                                         \
	"is home \"$HOME\" \"${0%%/*}\"\n"                                                        \
	"is cwd \"$(pwd -P)\" \"$(cd \"$HOME\" && pwd -P)\"\n"                                    \
	"is shell \"$SHELL\" \"$0\"\n"                                                            \
	"is path \"$PATH\" " _PATH_DEFPATH "\n"                                                   \
	"is term \"$TERM\" dumb\n"                                                                \
	"is entry \"$NIX_USER_CHROOT\" /nix\n"                                                    \
	"is history \"$HISTFILE\" /dev/null\n"                                                    \
	"is user \"${USER-none}\" me\n"                                                           \
	"is logname \"${LOGNAME-none}\" none\n"                                                   \
	"is lang \"$LANG\" C.UTF-8\n"                                                             \
	"is config \"$XDG_CONFIG_HOME\" /c\n"                                                     \
	"is other \"${OTHER-none}\" none\n"                                                       \
	"for fd in 0 2; do [ /proc/$$/fd/$fd -ef /dev/null ] || bad=fd$fd; done\n"                \
	"for fd in 3 4 5 6 20; do [ ! -e /proc/$$/fd/$fd ] || bad=fd$fd; done\n"                  \
	"read -r pid name state parent group session rest </proc/$$/stat\n"                       \
	"is session \"$session\" $$\n"                                                            \
	"while read -r key value; do [ $key != SigBlk: ] || mask=$value; done </proc/$$/status\n" \
	"is mask \"$mask\" 0000000000000000\n"

static void set_variables(void)
{
	setenv("USER", "me", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("OTHER", "x", 1);
	setenv("TERM", "xterm", 1);
	setenv("PATH", "/nowhere", 1);
	setenv("NIX_USER_CHROOT", "/elsewhere", 1);
	setenv("HISTFILE", "/elsewhere", 1);
	setenv("ZDOTDIR", "/elsewhere", 1);
	setenv("XDG_DATA_HOME", "/elsewhere", 1);
	setenv("XDG_CACHE_HOME", "/elsewhere", 1);
	unsetenv("LOGNAME");
}

static const char *interrupted_answer(void *ctx)
{
	const struct place *place = ctx;
	char *shell = place_script(place, "shell", "sleep 0.1; PATH=/ok; " ANSWER);
	struct shell_try try;

	child_interrupt();
	try = shell_try_begin(shell, "sh", "-c", place->path, NULL);
	return shell_try_end(&try, "/ok") == 1 ? NULL : "the answer was not waited for";
}

/* The signals that --install handles interrupt nothing that is waited for. */
static void interrupted(void **state)
{
	assert_in_child(interrupted_answer, *state);
}

struct look {
	const struct place *place;
	const char *name, *zdotdir, *more;
};

static const char *look(void *ctx)
{
	const struct look *look = ctx;
	char *body = xasprintf(LOOK "%s\nPATH=/${bad:-ok}; " ANSWER, look->more);
	char *shell = place_script(look->place, look->name, body);
	struct shell_try try;
	sigset_t all;
	char *bad;

	set_variables();
	/* as the caller of --install may have them */
	dup2(open("/dev/zero", O_RDWR | O_CLOEXEC), STDIN_FILENO);
	dup2(STDIN_FILENO, STDERR_FILENO);
	dup2(STDIN_FILENO, 20);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	try = shell_try_begin(shell, look->name, "-ic", look->place->path, look->zdotdir);
	if (shell_try_end(&try, "/ok") == 1)
		return NULL;
	/* what it is: run it once more, for its answer */
	try = shell_try_begin(shell, look->name, "-ic", look->place->path, look->zdotdir);
	bad = xcalloc(4096, 1);
	return read(try.fd, bad, 4095) > 0 ? bad : "no answer";
}

static void environment(void **state)
{
	const struct look cases[] = {
		{*state, "sh", NULL,
		 "is zdotdir \"${ZDOTDIR-none}\" none\n"
		 "is data \"${XDG_DATA_HOME-none}${XDG_CACHE_HOME-none}\" nonenone\n"},
		{*state, "zsh", "/z", "is zdotdir \"$ZDOTDIR\" /z\n"},
		{*state, "fish", NULL,
		 "is data \"$XDG_DATA_HOME$XDG_CACHE_HOME\" /dev/null/dev/null\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct look one = cases[i];

		assert_in_child(look, &one);
	}
}

static int64_t now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A shell that hangs is left after five seconds; an answer that is there by then counts. */
static void patience(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *fifo = path_join(place->path, "fifo");
	_cleanup_free_ char *hang = xasprintf("read -r x <'%s'; PATH=/ok; " ANSWER, fifo);
	_cleanup_free_ char *hangs = place_script(place, "hangs", hang);
	_cleanup_free_ char *answers = place_script(place, "answers", "PATH=/ok; " ANSWER);
	int64_t before = now();
	struct shell_try slow, quick;
	struct pollfd wait = {.events = POLLIN};

	assert_int_equal(mkfifo(fifo, 0600), 0);
	slow = shell_try_begin(hangs, "sh", "-c", place->path, NULL);
	assert_true(slow.end_ms >= before + 5000 && slow.end_ms <= now() + 5000);
	quick = shell_try_begin(answers, "sh", "-c", place->path, NULL);
	wait.fd = quick.fd;
	assert_int_equal(poll(&wait, 1, -1), 1);
	slow.end_ms = quick.end_ms = 0;
	assert_int_equal(shell_try_end(&slow, "/ok"), -1);
	assert_int_equal(shell_try_end(&quick, "/ok"), 1);
}

/* Ends PID, a process that has no other parent: was it killed? */
static bool was_killed(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

static pid_t read_pid(const struct place *place, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return fs_read_file(place->fd, name, 64, &text, &len) < 0 ? -1 : atoi(text);
}

static const char *background(void *ctx)
{
	const struct place *place = ctx;
	char *shell = place_script(place, "shell",
				   "sleep 60 & echo $! >\"$HOME/pid\"; PATH=/ok; " ANSWER);
	struct shell_try try;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	try = shell_try_begin(shell, "sh", "-c", place->path, NULL);
	/* without patience, so that who reads to the end is ended */
	try.end_ms = INT64_MAX;
	alarm(20);
	if (shell_try_end(&try, "/ok") != 1)
		return "it was waited for";
	alarm(0);
	return was_killed(read_pid(place, "pid")) ? NULL : "it runs on";
}

/* A startup file may start what never ends: that is not waited for, and does not stay. */
static void background_process(void **state)
{
	assert_in_child(background, *state);
}

static const char *orphan(void *ctx)
{
	const struct place *place = ctx;
	char *shell = place_script(place, "shell", "echo $$ >\"$HOME/pid\"; echo; exec sleep 60");
	pid_t child;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		struct shell_try try = shell_try_begin(shell, "sh", "-c", place->path, NULL);
		char byte;

		/* the shell runs, and has written its number */
		_exit(read(try.fd, &byte, 1) == 1 ? 0 : 1);
	}
	if (waitpid(child, NULL, 0) != child)
		return "no child";
	return was_killed(read_pid(place, "pid")) ? NULL : "the shell outlives --install";
}

static void killed_installer(void **state)
{
	assert_in_child(orphan, *state);
}

static const char *without(void *ctx)
{
	const struct rlimit none = {0};
	bool files = *(bool *)ctx;
	struct shell_try try;

	if (setrlimit(files ? RLIMIT_NOFILE : RLIMIT_NPROC, &none) < 0)
		return "the limit was not set";
	try = shell_try_begin("/bin/sh", "sh", "-c", "/", NULL);
	if (try.pid != -1)
		return "a shell was started";
	return shell_try_end(&try, "/ok") == -1 && try.fd == -1 && child_has_stdin()
		       ? NULL
		       : "there is an answer";
}

static void limits(void **state)
{
	bool files = true, processes = false;

	(void)state;
	assert_in_child(without, &files);
	if (geteuid() != 0)
		assert_in_child(without, &processes);
}

#define test(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(answers),
		test(noise),
		test(the_end),
		test(real_shell),
		test(interrupted),
		test(nothing_to_start),
		test(environment),
		test(patience),
		test(background_process),
		test(killed_installer),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
