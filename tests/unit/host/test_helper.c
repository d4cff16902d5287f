/* Where the privileged helper is, and what is made of its answer. */
#include "host/helper.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"

/* Checks that a helper which runs BODY is refused with REASON; NULL: it is not refused. */
static void assert_refused(const struct place *place, const char *body, const char *reason)
{
	_cleanup_free_ char *helper = place_script(place, "helper", body);
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;
	_cleanup_free_ char *why = helper_refusal(helper);

	if (reason)
		assert_string_equal(why ? why : "(not refused)", reason);
	else if (why)
		fail_msg("refused: %s", why);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(after, before + 1);
	close(after);
	close(before);
}

static void answers(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *silent =
		xasprintf("%s/helper did not tell why it failed", place->path);

	/* if the child were not one, the test would end with this status */
	assert_refused(place, "exit 1", silent);
	assert_refused(place, "[ $# = 1 ] && [ \"$1\" = --try ]", NULL);
	assert_refused(place, "echo 'a: word that does not count' >&2", NULL);
	assert_refused(place, "echo 'nix-user-chroot-helper: mount: refused' >&2; exit 1",
		       "mount: refused");
	assert_refused(place, "printf 'h: one\\nh: two\\n' >&2; exit 1", "one");
	assert_refused(place, "echo plain >&2; exit 125", "plain");
	/* its stdout is no answer */
	assert_refused(place, "exec >/dev/null; echo 'h: no' ; exit 1", silent);
	/* a privileged program that was killed has not said that it works */
	assert_refused(place, "kill -KILL $$", silent);
}

static void in_pieces(void **state)
{
	/* the reader waits for more as long as the helper has not ended */
	assert_refused(*state, "printf 'h: in ' >&2; /bin/true; printf pieces >&2; exit 1",
		       "in pieces");
}

/* An answer that is longer than any of the helper's is cut off, and holds nobody up. */
static void endless(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *helper = place_script(
		place, "helper",
		"i=0; while [ $i -lt 20000 ]; do echo -n 'xxxxxxxxxx' || exit; i=$((i + 1)); "
		"done >&2; exit 1");
	_cleanup_free_ char *why = helper_refusal(helper);

	assert_non_null(why);
	assert_int_equal(strlen(why), 1023);
	assert_int_equal(strspn(why, "x"), 1023);
}

static void not_there(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *path = path_join(place->path, "missing");
	_cleanup_free_ char *why = helper_refusal(path);

	assert_non_null(strstr(why, "did not tell why"));
}

static const char *without_privilege(void *helper)
{
	char *why;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return "no_new_privs cannot be set";
	why = helper_refusal(helper);
	return why && str_starts_with(why, "no_new_privs is set here") ? NULL : "it was run";
}

/* The kernel would give the helper no privilege, so it is not run. */
static void no_new_privs(void **state)
{
	_cleanup_free_ char *helper = place_script(*state, "helper", "exit 0");

	assert_in_child(without_privilege, helper);
}

static const char *without_status(void *helper)
{
	char *why;

	signal(SIGCHLD, SIG_IGN);
	why = helper_refusal(helper);
	return why && str_starts_with(why, "cannot wait for ") ? NULL : "no word about the wait";
}

static void ignored_children(void **state)
{
	_cleanup_free_ char *helper = place_script(*state, "helper", "exit 0");

	assert_in_child(without_status, helper);
}

static const char *without(void *ctx)
{
	const struct rlimit none = {0};
	bool files = *(bool *)ctx;
	char *why;

	if (setrlimit(files ? RLIMIT_NOFILE : RLIMIT_NPROC, &none) < 0)
		return "the limit was not set";
	why = helper_refusal("/bin/true");
	if (!child_has_stdin())
		return "stdin was closed";
	return why && str_starts_with(why, files ? "cannot make a pipe: Too many open files"
						 : "cannot start a process")
		       ? NULL
		       : "it was started";
}

static void limits(void **state)
{
	bool files = true, processes = false;

	(void)state;
	assert_in_child(without, &files);
	if (geteuid() != 0)
		assert_in_child(without, &processes);
}

static const char *interrupted_answer(void *helper)
{
	char *why;

	child_interrupt();
	why = helper_refusal(helper);
	return why && strcmp(why, "in time") == 0 ? NULL : why ? why : "it is not refused";
}

/* A signal interrupts nothing that is waited for. */
static void interrupted(void **state)
{
	_cleanup_free_ char *helper = place_script(
		*state, "helper", "sleep 0.1; echo h: in time >&2; exec 2>&-; sleep 0.1; exit 1");

	assert_in_child(interrupted_answer, helper);
}

/* Checks what is found if the variable is NAMED: a path, or a reason that has the text REASON. */
static void assert_found(const char *named, const char *path, const char *reason)
{
	char *why = NULL;
	_cleanup_free_ char *found = NULL;

	setenv("NIX_USER_CHROOT_HELPER", named, 1);
	found = helper_find(&why);
	unsetenv("NIX_USER_CHROOT_HELPER");
	assert_string_equal(found ? found : "(none)", path ? path : "(none)");
	assert_int_equal(reason == NULL, why == NULL);
	if (reason && !strstr(why, reason))
		fail_msg("no \"%s\" in: %s", reason, why);
	free(why);
}

static void named(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *helper = place_script(place, "helper", "exit 0");

	if (geteuid() == 0) {
		assert_found(helper, NULL, "root needs none");
		return;
	}
	assert_found(helper, helper, NULL);
	/* a relative path would be another program in another directory */
	assert_int_equal(chdir(place->path), 0);
	assert_found("./helper", NULL, "NIX_USER_CHROOT_HELPER is ./helper, which is not the ");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(fchmodat(place->fd, "helper", 0644, 0), 0);
	assert_found(helper, NULL, "which is not the absolute path of a program");
}

/* Whether or not one is installed: a program, or a reason. */
static void unnamed(void **state)
{
	char *why = NULL;
	_cleanup_free_ char *found = NULL;

	(void)state;
	unsetenv("NIX_USER_CHROOT_HELPER");
	found = helper_find(&why);
	if (geteuid() == 0)
		assert_null(found);
	if (found)
		assert_true(fs_is_program(found));
	else
		assert_non_null(
			strstr(why, geteuid() == 0 ? "root needs none" : "none is installed"));
	free(why);
}

static const char *look_in_places(void *ctx)
{
	static const char *const places[] = {"/usr/libexec/nix-user-chroot",
					     "/usr/local/libexec/nix-user-chroot"};
	char *why = NULL;

	(void)ctx;
	if (!filter_get_namespaces() || mount("t", "/usr", "tmpfs", 0, NULL) < 0)
		return "there is no /usr of the test's own";
	/* a build for another place than /usr may have its own */
	if (helper_find(&why))
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		char *path = path_join(places[i], "nix-user-chroot-helper"), *found;

		if (fs_put_file(path, "#!/bin/sh\n", 10, 0755) < 0)
			return "a helper was not installed";
		found = helper_find(&why);
		if (!found || strcmp(found, path) != 0)
			return path;
		if (unlink(path) < 0)
			return "a helper was not removed";
	}
	return NULL;
}

/* It is found in each place where an administrator may have installed it. */
static void installed(void **state)
{
	(void)state;
	if (geteuid() == 0 || !filter_host_allows_all())
		skip();
	unsetenv("NIX_USER_CHROOT_HELPER");
	assert_in_child(look_in_places, NULL);
}

static const char *look_as_root(void *ctx)
{
	char *why = NULL;

	setenv("NIX_USER_CHROOT_HELPER", ctx, 1);
	refuse_call(SYS_geteuid, -1, 0);
	return !helper_find(&why) && strstr(why, "root needs none") ? NULL : "root has a helper";
}

static void of_root(void **state)
{
	_cleanup_free_ char *helper = place_script(*state, "helper", "exit 0");

	assert_in_child(look_as_root, helper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(in_pieces, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(endless, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(not_there, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(no_new_privs, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(ignored_children, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(named, place_setup, place_teardown),
		cmocka_unit_test(limits),
		cmocka_unit_test_setup_teardown(interrupted, place_setup, place_teardown),
		cmocka_unit_test(unnamed),
		cmocka_unit_test_setup_teardown(of_root, place_setup, place_teardown),
		cmocka_unit_test(installed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
