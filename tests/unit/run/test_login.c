/* Startup files that run this program: when a shell reads none, and when a user would be out. */
#include "run/login.h"
#include "run/processes.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"

#define WORDS(...) ((char *const[]){__VA_ARGS__, NULL})

/* Sets the variable that an earlier call leaves. */
static void came_by(uint64_t pid, uint64_t start, unsigned depth)
{
	_cleanup_free_ char *text = xasprintf("%llu %llu %u", (unsigned long long)pid,
					      (unsigned long long)start, depth);

	setenv(LOGIN_VARIABLE, text, 1);
}

static void goes_round(void **state)
{
	const uint64_t own = (uint64_t)getpid(), start = process_start(getpid());
	_cleanup_free_ char *left = NULL, *half = NULL;

	(void)state;
	assert_false(login_goes_round(NULL));
	/* the same process again: "exec nix-user-chroot" in a startup file */
	assert_true(login_goes_round(NULL));
	left = xasprintf("%llu %llu 2", (unsigned long long)own, (unsigned long long)start);
	assert_string_equal(getenv(LOGIN_VARIABLE), left);
	/* what was typed after "exec" is no startup file's */
	assert_false(login_goes_round(WORDS("bash")));
	/* another process, an earlier one of this number */
	came_by(own + 1, start, 1);
	assert_false(login_goes_round(NULL));
	came_by(own, start + 1, 1);
	assert_false(login_goes_round(NULL));
	/* each starts another: as deep as nobody nests them by hand */
	came_by(own + 1, start, 15);
	assert_false(login_goes_round(NULL));
	came_by(own + 1, start, 16);
	assert_true(login_goes_round(NULL));
	came_by(own + 1, start, 16);
	assert_true(login_goes_round(WORDS("zsh")));
	/* rubbish counts for nothing */
	setenv(LOGIN_VARIABLE, "99 99", 1);
	assert_false(login_goes_round(NULL));
	half = xasprintf("%llu %llu", (unsigned long long)own, (unsigned long long)start);
	setenv(LOGIN_VARIABLE, half, 1);
	assert_false(login_goes_round(NULL));
	setenv(LOGIN_VARIABLE, "x", 1);
	assert_false(login_goes_round(NULL));
	assert_true(str_ends_with(getenv(LOGIN_VARIABLE), " 1"));
}

/* Only shells into which somebody types count. */
static void for_typing(void **state)
{
	char *const *const typed[] = {
		WORDS("sh"),	     WORDS("/bin/bash"),
		WORDS("-zsh"),	     WORDS("-/x/-fish"),
		WORDS("bash", "-l"), WORDS("zsh", "-i", "-l"),
		WORDS("mksh"),	     WORDS("bash", "--norc"),
		WORDS("tcsh", "-f"), WORDS("ksh", "--posix"),
		WORDS("ash"),	     WORDS("dash"),
		WORDS("csh"),
	};
	char *const *const others[] = {
		WORDS("true"),
		WORDS("bash", "-c", "true"),
		WORDS("bash", "-lc", "true"),
		WORDS("sh", "script"),
		WORDS("sh", "-s"),
		WORDS("bash", "-l", "script"),
		WORDS("fish", "--command", "true"),
		WORDS("bashful"),
		WORDS("sh/x"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		came_by(1, 1, 99);
		if (!login_goes_round(typed[i]))
			fail_msg("not taken for a shell: %s (%zu)", typed[i][0], i);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		came_by(1, 1, 99);
		if (login_goes_round(others[i]))
			fail_msg("taken for a shell: %s (%zu)", others[i][0], i);
		/* no trace of it either */
		assert_string_equal(getenv(LOGIN_VARIABLE), "1 1 99");
	}
}

/* Which of stdin and stderr are a terminal, and is this process the first of its session? */
struct session {
	bool in, err, is_first;
	char *const *argv;
};

/* 1: the user would be logged out; 0: not; 9: there are no terminals here. */
static int is_session(const void *context)
{
	const struct session *session = context;
	int terminal, shell;

	/* of a terminal that this process has not made its own */
	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal < 0 || grantpt(terminal) < 0 || unlockpt(terminal) < 0)
		return 9;
	shell = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	if (shell < 0 || (session->in && dup2(shell, STDIN_FILENO) < 0) ||
	    (session->err && dup2(shell, STDERR_FILENO) < 0) || (session->is_first && setsid() < 0))
		return 9;
	return login_is_session(session->argv);
}

static void sessions(void **state)
{
	const struct {
		struct session session;
		int is_out;
	} cases[] = {
		{{.in = true, .err = true, .is_first = true}, 1},
		{{.in = true, .err = true, .is_first = true, .argv = WORDS("bash", "-i")}, 1},
		{{.in = false, .err = true, .is_first = true}, 0},
		{{.in = true, .err = false, .is_first = true}, 0},
		{{.in = true, .err = true, .is_first = false}, 0},
		{{.in = true, .err = true, .is_first = true, .argv = WORDS("true")}, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;

		free(child_says(is_session, &cases[i].session, NULL, &status));
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 9)
			skip();
		assert_int_equal(WEXITSTATUS(status), cases[i].is_out);
	}
}

static int become(const void *shell)
{
	return login_without_files(shell);
}

/* Returns what the words of the shell are in the end; it reads them from stdin. */
static char *words_of(const struct place *place, const char *shell)
{
	static const char typed[] = "tr '\\0' ' ' </proc/$$/cmdline; echo; echo \"ENV=$ENV\"\n";
	_cleanup_free_ char *file = path_join(place->path, "typed");
	int status;

	assert_int_equal(fs_put_file(file, typed, strlen(typed), 0644), 0);
	return child_says(become, shell, file, &status);
}

static void without_files(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *unknown = NULL, *sh = NULL, *bash = NULL, *zsh = NULL, *none = NULL;
	int status;

	/* a file that was named for it before does not count */
	setenv("ENV", "/nonexistent", 1);
	unknown = words_of(place, "/x/unknown");
	assert_int_equal(strncmp(unknown, "sh", 2), 0);
	assert_has(unknown, "\nENV=/dev/null\n");
	sh = words_of(place, "/bin/sh");
	assert_int_equal(strncmp(sh, "sh", 2), 0);
	assert_has(sh, "\nENV=/dev/null\n");
	none = child_says(become, "/nonexistent/bash", NULL, &status);
	assert_int_equal(WEXITSTATUS(status), 2 /* ENOENT */);
	/* these two may be missing */
	bash = words_of(place, "/bin/bash");
	if (*bash)
		assert_int_equal(strncmp(bash, "bash --noprofile --norc", 23), 0);
	zsh = words_of(place, "/usr/bin/zsh");
	if (*zsh)
		assert_int_equal(strncmp(zsh, "zsh -f", 6), 0);
}

/* fish before 3.3 does not know --no-config: then sh. The stand-ins are shells that know no
 * options. */
static void fish(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *shell = path_join(place->path, "fish"), *old = NULL, *present = NULL;
	static const char too_old[] =
		"#!/bin/sh\n[ \"$1\" != --no-config ] && echo files\nexit 1\n";
	static const char good[] =
		"#!/bin/sh\n[ \"$1\" = --no-config ] && [ $# != 1 ] || echo new\n";

	assert_int_equal(fs_put_file(shell, too_old, strlen(too_old), 0755), 0);
	old = words_of(place, shell);
	assert_int_equal(strncmp(old, "sh", 2), 0);
	assert_has(old, "\nENV=/dev/null\n");
	assert_int_equal(fs_put_file(shell, good, strlen(good), 0755), 0);
	present = words_of(place, shell);
	assert_string_equal(present, "new\n");
}

static int setup(void **state)
{
	if (empty_environment(state) != 0)
		return -1;
	setenv("PATH", "/usr/bin:/bin", 1);
	return place_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(goes_round, empty_environment),
		cmocka_unit_test_setup(for_typing, empty_environment),
		cmocka_unit_test_setup(sessions, empty_environment),
		cmocka_unit_test_setup_teardown(without_files, setup, place_teardown),
		cmocka_unit_test_setup_teardown(fish, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
