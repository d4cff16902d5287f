/*
 * All runtimes at once, on this host and on hosts that refuse one call. Stand-ins for PRoot and the
 * helper, which are named by a variable, work on every host.
 */
#include "host/runtimes.h"
#include "chroot/path_config.h"
#include "host/nix_root.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../filter.h"

static int named(void **state)
{
	struct place *place;
	_cleanup_free_ char *works = NULL;
	int r = place_setup(state);

	place = *state;
	works = place_script(place, "works", "exit 0");
	setenv("NIX_USER_CHROOT_PROOT", works, 1);
	setenv("NIX_USER_CHROOT_HELPER", works, 1);
	return r;
}

static int named_ends(void **state)
{
	unsetenv("NIX_USER_CHROOT_PROOT");
	unsetenv("NIX_USER_CHROOT_HELPER");
	return place_teardown(state);
}

static void assert_reason(const char *why, const char *text)
{
	if (!why || !strstr(why, text))
		fail_msg("no \"%s\" in: %s", text, why ? why : "(it works)");
}

static void each(void **state)
{
	const struct place *place = *state;
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;
	_cleanup_(runtimes_clear) struct runtimes all = {0};

	assert_int_equal(runtimes_try(false, place->path, &all), 0);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(after, before + 1);
	close(after);
	close(before);
	if (all.hides_programs)
		return;
	assert_int_equal(all.refused[RUNTIME_USERNS] == NULL, probe_can_enter(&all.userns));
	assert_int_equal(all.refused[RUNTIME_USERNS] == NULL, runtimes_has_userns());
	assert_null(all.refused[RUNTIME_PROOT]);
	assert_false(all.lacks_proot);
	if (geteuid() == 0) {
		assert_reason(all.refused[RUNTIME_HELPER], "root needs none");
	} else {
		assert_null(all.refused[RUNTIME_HELPER]);
		assert_reason(all.refused[RUNTIME_MOUNTNS], "unshare: Operation not permitted");
	}
}

/* Of a helper that fails: its own words. */
static void helper_that_fails(void **state)
{
	_cleanup_free_ char *fails = place_script(*state, "fails", "echo h: no >&2; exit 1");
	_cleanup_(runtimes_clear) struct runtimes all = {0};

	setenv("NIX_USER_CHROOT_HELPER", fails, 1);
	assert_int_equal(runtimes_try(true, NULL, &all), 0);
	if (!all.hides_programs)
		assert_reason(all.refused[RUNTIME_HELPER], geteuid() == 0 ? "root" : "no");
}

/* The helper reads no path config of the user's, so it must not be taken where there is one. */
static void helper_and_path_config(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *file = path_join(place->path, PATH_CONFIG_FILE);
	_cleanup_(runtimes_clear) struct runtimes all = {0};

	assert_int_equal(fs_put_file(file, "", 0, 0644), 0);
	assert_int_equal(runtimes_try(true, place->path, &all), 0);
	if (all.hides_programs)
		return;
	assert_reason(all.refused[RUNTIME_HELPER],
		      geteuid() == 0 ? "root needs none"
				     : "it takes no path config, and there is ");
	if (geteuid() != 0)
		assert_reason(all.refused[RUNTIME_HELPER], file);
}

/* Without a helper its own reason counts, not the path config. */
static void no_helper_and_path_config(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *file = path_join(place->path, PATH_CONFIG_FILE);
	_cleanup_(runtimes_clear) struct runtimes all = {0};

	assert_int_equal(fs_put_file(file, "", 0, 0644), 0);
	setenv("NIX_USER_CHROOT_HELPER", "nowhere", 1);
	assert_int_equal(runtimes_try(true, place->path, &all), 0);
	if (!all.hides_programs)
		assert_reason(all.refused[RUNTIME_HELPER],
			      geteuid() == 0 ? "root needs none" : "HELPER is nowhere");
}

/* PRoot takes longest: if another runtime works, it is not even tried. */
static void lazy(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *mark = path_join(place->path, "was-run");
	_cleanup_free_ char *body = xasprintf(": >'%s'", mark);
	_cleanup_free_ char *proot = place_script(place, "proot", body);
	_cleanup_(runtimes_clear) struct runtimes all = {0};
	bool other;

	setenv("NIX_USER_CHROOT_PROOT", proot, 1);
	assert_int_equal(runtimes_try(true, place->path, &all), 0);
	if (all.hides_programs)
		return;
	other = runtimes_first(&all, false) != RUNTIME_PROOT;
	assert_true(other || geteuid() == 0);
	assert_int_equal(fs_exists(AT_FDCWD, mark), !other);
	if (other)
		assert_reason(all.refused[RUNTIME_PROOT], "not tried, since another one works");
}

static const char *try_lazily(void *ctx)
{
	const struct filter refused = {SYS_unshare, 0, FILTER_ANY, FILTER_ERROR(EPERM)};
	struct runtimes all;

	setenv("NIX_USER_CHROOT_HELPER", "none", 1);
	if (filter_set(&refused) < 0 || runtimes_try(true, ctx, &all) != 0)
		return "nothing could be tried";
	if (all.hides_programs)
		return NULL;
	if (!all.refused[RUNTIME_USERNS] || !all.refused[RUNTIME_HELPER] ||
	    !all.refused[RUNTIME_MOUNTNS])
		return "a runtime that cannot work seems to";
	if (all.refused[RUNTIME_PROOT])
		return all.refused[RUNTIME_PROOT];
	if (runtimes_has_userns())
		return "user namespaces seem to work";
	return runtimes_first(&all, false) == RUNTIME_PROOT ? NULL : "PRoot is not the first";
}

/* If nothing else works, PRoot is tried; that /nix could be used directly does not count. */
static void lazy_and_alone(void **state)
{
	struct place *place = *state;

	assert_in_child(try_lazily, place->path);
}

/* --install fetches a PRoot if there is none; not if the user has named one. */
static void without_proot(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *before = xstrdup(getenv("PATH"));
	_cleanup_(runtimes_clear) struct runtimes none = {0}, wrong = {0};

	setenv("NIX_USER_CHROOT_PROOT", "nowhere", 1);
	assert_int_equal(runtimes_try(false, place->path, &wrong), 0);
	unsetenv("NIX_USER_CHROOT_PROOT");
	setenv("PATH", place->path, 1);
	assert_int_equal(runtimes_try(false, place->path, &none), 0);
	if (before)
		setenv("PATH", before, 1);
	if (none.hides_programs)
		return;
	assert_true(none.lacks_proot);
	assert_reason(none.refused[RUNTIME_PROOT], "there is no proot on PATH");
	assert_false(wrong.lacks_proot);
	assert_reason(wrong.refused[RUNTIME_PROOT], "NIX_USER_CHROOT_PROOT is nowhere");
}

/* Only a step of entering refuses the runtime; what Nix's sandbox needs does not. */
static const char *try_sandbox(void *ctx)
{
	const struct filter refused = {SYS_mount, 3, MS_NOSUID | MS_NODEV | MS_NOEXEC,
				       FILTER_ERROR(EPERM)};
	struct runtimes all;

	if (filter_set(&refused) < 0 || runtimes_try(true, ctx, &all) != 0)
		return "nothing could be tried";
	if (all.hides_programs)
		return NULL;
	return all.refused[RUNTIME_USERNS];
}

static const char *try_pivot(void *ctx)
{
	const struct filter refused = {SYS_pivot_root, 0, FILTER_ANY, FILTER_ERROR(EPERM)};
	struct runtimes all;
	const char *why;

	if (filter_set(&refused) < 0 || runtimes_try(true, ctx, &all) != 0)
		return "nothing could be tried";
	if (all.hides_programs)
		return NULL;
	why = all.refused[RUNTIME_USERNS];
	if (runtimes_has_userns())
		return "user namespaces seem to work";
	return why && strcmp(why, "pivot_root: Operation not permitted") == 0 ? NULL : "no reason";
}

static void which_step(void **state)
{
	struct place *place = *state;

	if (!filter_host_allows_all())
		skip();
	assert_true(runtimes_has_userns() || nix_root_has_programs(""));
	assert_in_child(try_sandbox, place->path);
	assert_in_child(try_pivot, place->path);
}

static const char *try_without_status(void *ctx)
{
	struct sigaction after;
	struct runtimes all;
	bool works;

	signal(SIGCHLD, SIG_IGN);
	if (runtimes_try(false, ctx, &all) != 0)
		return "nothing could be tried";
	sigaction(SIGCHLD, NULL, &after);
	if (after.sa_handler != SIG_IGN)
		return "the command would not have SIGCHLD as its caller had it";
	works = runtimes_has_userns();
	sigaction(SIGCHLD, NULL, &after);
	if (after.sa_handler != SIG_IGN)
		return "the command would not have SIGCHLD after the short probe";
	if (all.hides_programs)
		return NULL;
	if (works != !all.refused[RUNTIME_USERNS])
		return "the short probe says something else";
	return all.refused[RUNTIME_PROOT];
}

/* A caller that ignores SIGCHLD (nohup of some shells, cron) changes nothing, and gets it back. */
static void ignored_children(void **state)
{
	struct place *place = *state;

	assert_in_child(try_without_status, place->path);
}

static const char *try_killing(void *ctx)
{
	const struct filter killing = {SYS_unshare, 0, FILTER_ANY, SECCOMP_RET_KILL_PROCESS};

	(void)ctx;
	signal(SIGCHLD, SIG_IGN);
	return filter_set(&killing) == 0 && !runtimes_has_userns() ? NULL : "it seems to work";
}

static void killed_with_ignored_children(void **state)
{
	(void)state;
	assert_in_child(try_killing, NULL);
}

/* A host whose sh is in /nix/store, which a /nix of our own would hide. */
static const char *try_with_programs(void *ctx)
{
	struct runtimes all;

	if (!filter_unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
	    mount("t", "/bin", "tmpfs", 0, NULL) < 0 ||
	    symlink("/nix/store/0123456789abcdfghijklmnpqrsvwxyz-bash/bin/sh", "/bin/sh") < 0)
		return "there is no /bin of the test's own";
	if (runtimes_try(false, ctx, &all) != 0)
		return "nothing could be tried";
	if (!all.hides_programs || all.lacks_proot)
		return "the host's programs do not count";
	for (int i = RUNTIME_USERNS; i < RUNTIME_COUNT; i++)
		if (!all.refused[i] || !str_starts_with(all.refused[i], "it would hide /nix/store"))
			return runtime_name((enum runtime)i);
	if (runtimes_has_userns())
		return "the short probe says something else";
	runtimes_clear(&all);
	return NULL;
}

static void programs_in_store(void **state)
{
	struct place *place = *state;

	if (!filter_host_allows_all())
		skip();
	assert_in_child(try_with_programs, place->path);
}

static const char *try_in_session(void *ctx)
{
	struct runtimes all;

	/* not the leader of a process group, which setsid(2) refuses */
	if (setsid() < 0)
		return "no session of its own";
	if (runtimes_try(true, ctx, &all) != 0)
		return "nothing could be tried";
	return open("/dev/tty", O_RDWR | O_CLOEXEC) < 0 ? NULL : "it has got a terminal";
}

static const char *try_without_stdin(void *ctx)
{
	struct runtimes all;

	close(STDIN_FILENO);
	if (runtimes_try(true, ctx, &all) != 0)
		return "nothing could be tried";
	return all.no_terminals;
}

static const char *try_without(void *ctx)
{
	struct {
		struct filter filter;
		const char *reason;
	} *refused = ctx;
	struct runtimes all;

	if (filter_set(&refused->filter) < 0 || runtimes_try(true, NULL, &all) != 0)
		return "nothing could be tried";
	if (!all.no_terminals)
		return "there seems to be a terminal";
	if (!child_has_stdin())
		return "stdin was closed";
	return strstr(all.no_terminals, refused->reason) ? NULL : all.no_terminals;
}

/* Each step to a terminal, on a host that refuses it. */
static void no_terminals(void **state)
{
	struct {
		struct filter filter;
		const char *reason;
	} refused[] = {
		{{SYS_openat, 2, O_RDWR | O_NOCTTY | O_CLOEXEC, FILTER_ERROR(EACCES)},
		 "cannot open /dev/ptmx: Permission denied"},
		{{SYS_ioctl, 1, TIOCSPTLCK, FILTER_ERROR(EIO)},
		 "/dev/ptmx gives no terminal: Input/output error"},
	};
	struct place *place = *state;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		skip();
	close(fd);
	assert_in_child(try_without_stdin, place->path);
	/* other C libraries and processors open it with more flags */
#if defined(__x86_64__) && defined(__GLIBC__)
	assert_in_child(try_without, &refused[0]);
#endif
	assert_in_child(try_without, &refused[1]);
}

/* The terminal that is tried does not become that of the process: its end would send SIGHUP. */
static void terminals(void **state)
{
	struct place *place = *state;
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	_cleanup_(runtimes_clear) struct runtimes all = {0};

	assert_int_equal(runtimes_try(true, place->path, &all), 0);
	assert_int_equal(all.no_terminals == NULL, fd >= 0 && unlockpt(fd) == 0);
	if (fd >= 0)
		close(fd);
	assert_in_child(try_in_session, place->path);
}

#define test(name) cmocka_unit_test_setup_teardown(name, named, named_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(each),
		test(helper_that_fails),
		test(helper_and_path_config),
		test(no_helper_and_path_config),
		test(lazy),
		test(lazy_and_alone),
		test(without_proot),
		test(which_step),
		test(ignored_children),
		test(killed_with_ignored_children),
		test(programs_in_store),
		test(terminals),
		test(no_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
