/* Where PRoot is found, whose is believed, and how it is tried. */
#include "host/proot.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"

/* Checks which PRoot is found, or, if PATH is NULL, that the reason has REASON. */
static void assert_found(const char *nix_dir, const char *path, const char *reason)
{
	char *why = NULL;
	_cleanup_free_ char *found = proot_find(nix_dir, &why);

	assert_string_equal(found ? found : "(none)", path ? path : "(none)");
	assert_int_equal(reason == NULL, why == NULL);
	if (reason && !strstr(why, reason))
		fail_msg("no \"%s\" in: %s", reason, why);
	free(why);
}

static char *path_before;

static int own_environment(void **state)
{
	path_before = xstrdup(getenv("PATH"));
	unsetenv("NIX_USER_CHROOT_PROOT");
	unsetenv("PATH");
	return place_setup(state);
}

static int own_environment_ends(void **state)
{
	unsetenv("NIX_USER_CHROOT_PROOT");
	if (path_before)
		setenv("PATH", path_before, 1);
	free(steal_ptr(&path_before));
	return place_teardown(state);
}

static void named(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *proot = place_script(place, "proot", "exit 0");

	setenv("PATH", place->path, 1);
	setenv("NIX_USER_CHROOT_PROOT", proot, 1);
	assert_found(NULL, proot, NULL);
	/* if the one that the user names is no program, no other is taken */
	assert_int_equal(chdir(place->path), 0);
	setenv("NIX_USER_CHROOT_PROOT", "./proot", 1);
	assert_found(NULL, NULL, "NIX_USER_CHROOT_PROOT is ./proot, which is not the absolute");
	assert_int_equal(chdir("/"), 0);
	setenv("NIX_USER_CHROOT_PROOT", "/nonexistent/proot", 1);
	assert_found(NULL, NULL, "NIX_USER_CHROOT_PROOT is /nonexistent/proot");
}

static void on_path(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *path = xasprintf(":/nonexistent:%s", place->path), *proot = NULL;

	assert_found(NULL, NULL, "there is no proot on PATH");
	setenv("PATH", path, 1);
	assert_found(NULL, NULL, "there is no proot on PATH");
	proot = place_script(place, "proot", "exit 0");
	assert_found(NULL, proot, NULL);
	/* an entry that means the working directory is not searched */
	assert_int_equal(chdir(place->path), 0);
	setenv("PATH", ":.", 1);
	assert_found(NULL, NULL, "there is no proot on PATH");
	assert_int_equal(chdir("/"), 0);
	setenv("PATH", place->path, 1);
	assert_int_equal(fchmodat(place->fd, "proot", 0644, 0), 0);
	assert_found(NULL, NULL, "there is no proot on PATH");
}

/* The PRoot in the Nix directory is taken only if nobody else can have put it there. */
static void fetched(void **state)
{
	static const char *const places[] = {".", "var", "var/nix-user-chroot", PROOT_FETCHED};
	const struct place *place = *state;
	_cleanup_free_ char *proot = NULL;

	assert_int_equal(fchmod(place->fd, 0755), 0);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(mkdirat(place->fd, places[i], 0755), 0);
		assert_int_equal(fchmodat(place->fd, places[i], 0755, 0), 0);
	}
	assert_found(place->path, NULL, "--install has fetched none");
	proot = place_script(place, PROOT_FETCHED, "exit 0");
	assert_found(place->path, proot, NULL);
	assert_found(NULL, NULL, "--install has fetched none");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (mode_t bits = 02; bits <= 020; bits <<= 3) {
			assert_int_equal(fchmodat(place->fd, places[i], 0755 | bits, 0), 0);
			assert_found(place->path, NULL, "--install has fetched none");
		}
		assert_int_equal(fchmodat(place->fd, places[i], 0755, 0), 0);
		assert_found(place->path, proot, NULL);
	}
	assert_int_equal(fchmodat(place->fd, PROOT_FETCHED, 0644, 0), 0);
	assert_found(place->path, NULL, "--install has fetched none");
}

/* Checks that a PRoot which runs BODY is refused with REASON; NULL: it is not refused. */
static void assert_refused(const struct place *place, const char *body, const char *reason)
{
	_cleanup_free_ char *proot = place_script(place, "proot", body);
	_cleanup_free_ char *why = proot_refusal(proot);

	if (!reason && why)
		fail_msg("refused: %s", why);
	if (reason && (!why || !strstr(why, reason) || !strstr(why, proot)))
		fail_msg("no \"%s\" in: %s", reason, why ? why : "(not refused)");
}

static void answers(void **state)
{
	const struct place *place = *state;

	/* if the child were not one, the test would end with this status */
	assert_refused(place, "exit 7", "not there (status 7)");
	assert_refused(place, "[ $# = 5 ] && [ \"$1 $2 $3 $4\" = '-b /etc:/tmp /bin/sh -c' ]",
		       NULL);
	/* one that runs the command and shows no other directory; and one that shows it */
	assert_refused(place, "shift 2; exec \"$@\"", "not there (status 1)");
	assert_refused(place, "shift 3; exec /bin/sh -c \"$(echo \"$2\" | sed s,/tmp,/etc,g)\"",
		       NULL);
	assert_refused(place, "kill -KILL $$", "was ended by signal 9 (Killed)");
	/* the calls that PRoot does not translate are refused to it */
	assert_refused(place, "grep -q 'Seccomp:.2' /proc/self/status", NULL);
	assert_int_equal(fchmodat(place->fd, "proot", 0, 0), 0);
	{
		_cleanup_free_ char *path = path_join(place->path, "proot");
		_cleanup_free_ char *why = proot_refusal(path);

		assert_non_null(strstr(why, "(status 126)"));
	}
}

/* Its descriptors 0 to 2, and no others, are /dev/null; and a core file is not wanted. */
#define LOOK                                                                       \
	"for fd in 0 1 2; do [ /proc/$$/fd/$fd -ef /dev/null ] || exit 10; done\n" \
	"for fd in /proc/$$/fd/*; do case $fd in */[0-2]) continue ;; esac\n"      \
	"[ ! $fd -ef /dev/null ] || exit 11; done\n"                               \
	"[ \"$(ulimit -c)\" = 0 ] || exit 12"

static const char *with_others(void *ctx)
{
	struct rlimit core;
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (getrlimit(RLIMIT_CORE, &core) == 0) {
		core.rlim_cur = core.rlim_max;
		setrlimit(RLIMIT_CORE, &core);
	}
	return proot_refusal(ctx);
}

static const char *with_none(void *ctx)
{
	for (int i = 0; i < 3; i++)
		close(i);
	return proot_refusal(ctx);
}

static void descriptors(void **state)
{
	_cleanup_free_ char *proot = place_script(*state, "proot", LOOK);

	assert_in_child(with_others, proot);
	assert_in_child(with_none, proot);
}

static const char *without_status(void *proot)
{
	char *why;

	signal(SIGCHLD, SIG_IGN);
	why = proot_refusal(proot);
	return why && str_starts_with(why, "cannot wait for ") ? NULL : "no word about the wait";
}

static void ignored_children(void **state)
{
	_cleanup_free_ char *proot = place_script(*state, "proot", "exit 0");

	assert_in_child(without_status, proot);
}

static const char *interrupted_answer(void *proot)
{
	child_interrupt();
	return proot_refusal(proot);
}

/* A signal does not end the wait. */
static void interrupted(void **state)
{
	_cleanup_free_ char *proot = place_script(*state, "proot", "sleep 0.1");

	assert_in_child(interrupted_answer, proot);
}

static const char *without_stdin(void *ctx)
{
	const struct place *place = ctx;
	char *why = NULL;

	close(STDIN_FILENO);
	return proot_find(place->path, &why) ? NULL : why;
}

/* Descriptor 0 is one like others. */
static void closed_stdin(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fchmod(place->fd, 0755), 0);
	assert_int_equal(mkdirat(place->fd, "var", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "var/nix-user-chroot", 0755), 0);
	free(place_script(place, PROOT_FETCHED, "exit 0"));
	assert_in_child(without_stdin, *state);
}

static const char *without_processes(void *proot)
{
	const struct rlimit none = {0};
	char *why;

	setrlimit(RLIMIT_NPROC, &none);
	why = proot_refusal(proot);
	return why && str_starts_with(why, "cannot start a process") ? NULL : "it was started";
}

static void limits(void **state)
{
	_cleanup_free_ char *proot = NULL;

	if (geteuid() == 0)
		skip();
	proot = place_script(*state, "proot", "exit 0");
	assert_in_child(without_processes, proot);
}

/* Without the filter PRoot would show the host's own files: it is not run then. */
static const char *without_filter(void *ctx)
{
	const struct filter *filter = ctx;

	return filter_set(filter) == 0 && proot_hide_system_calls() == -EPERM ? NULL : "no error";
}

static void refused_filters(void **state)
{
	struct filter filters[] = {
		{SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, FILTER_ERROR(EPERM)},
		{SYS_prctl, 0, PR_SET_SECCOMP, FILTER_ERROR(EPERM)},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_in_child(without_filter, &filters[i]);
}

static const char *unfiltered(void *ctx)
{
	const struct filter refused = {SYS_prctl, 0, PR_SET_SECCOMP, FILTER_ERROR(EPERM)};
	char *why;

	if (filter_set(&refused) < 0)
		return "the filter was not set";
	why = proot_refusal(ctx);
	return why && strstr(why, "(status 125)") ? NULL : "it was run";
}

static void not_run_unfiltered(void **state)
{
	_cleanup_free_ char *proot = place_script(*state, "proot", "exit 0");

	assert_in_child(unfiltered, proot);
}

static bool is_refused(long number)
{
	/* the arguments are wrong, so that a call that is let through does nothing */
	return syscall(number, -1, NULL, 0, 0, NULL) < 0 && errno == ENOSYS;
}

static const char *hide(void *ctx)
{
	static const long hidden[] = {SYS_statx, SYS_openat2, SYS_faccessat2, SYS_renameat2};
	static const long others[] = {SYS_openat, SYS_faccessat, SYS_getpid, SYS_close};

	(void)ctx;
	if (proot_hide_system_calls() != 0)
		return "the filter was not set";
	for (size_t i = 0; i < 4; i++)
		if (!is_refused(hidden[i]))
			return "a call was let through";
	for (size_t i = 0; i < 4; i++)
		if (is_refused(others[i]))
			return "another call was refused";
	return NULL;
}

static void hidden_calls(void **state)
{
	(void)state;
	assert_in_child(hide, NULL);
}

/* Descriptors of whoever runs the tests are not ours, and would look like such that leaked. */
static int close_others(void **state)
{
	(void)state;
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, own_environment, own_environment_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(named),
		test(on_path),
		test(fetched),
		test(closed_stdin),
		cmocka_unit_test_setup_teardown(interrupted, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(answers, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(descriptors, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(ignored_children, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(limits, place_setup, place_teardown),
		cmocka_unit_test(refused_filters),
		cmocka_unit_test_setup_teardown(not_run_unfiltered, place_setup, place_teardown),
		cmocka_unit_test(hidden_calls),
	};

	return cmocka_run_group_tests(tests, close_others, NULL);
}
