/*
 * --check on this host, by the runtime of a stand-in for PRoot, which works on every host: the exit
 * status, and what is said of the Nix directory.
 */
#include "host/check.h"
#include "host/nix_root.h"
#include "util/exit_status.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../filter.h"

static int named(void **state)
{
	int r = place_setup(state);
	_cleanup_free_ char *works = place_script(*state, "works", "exit 0");

	setenv("NIX_USER_CHROOT_PROOT", works, 1);
	return r;
}

static int named_ends(void **state)
{
	unsetenv("NIX_USER_CHROOT_PROOT");
	return place_teardown(state);
}

/* The status of --check for NIX_DIR by PRoot; what it prints is in *TEXT, the caller's to free. */
static int check(const char *nix_dir, bool json, char **text)
{
	FILE *before = stdout;
	size_t len;
	int status;

	stdout = xopen_memstream(text, &len);
	status = check_run(RUNTIME_PROOT, nix_dir, NULL, json);
	fclose(stdout);
	stdout = before;
	return status;
}

static void assert_check(const char *nix_dir, int status, const char *fragment)
{
	_cleanup_free_ char *json = NULL, *table = NULL;
	/* on NixOS and its like nothing is well */
	int wanted = nix_root_has_programs("") ? 1 : status;

	assert_int_equal(check(nix_dir, true, &json), wanted);
	assert_true(str_starts_with(json, wanted == 0 ? "{\"ok\": true" : "{\"ok\": false"));
	if (fragment && !strstr(json, fragment))
		fail_msg("no %s in: %s", fragment, json);
	assert_int_equal(check(nix_dir, false, &table), wanted);
	assert_true(str_starts_with(table, "Linux "));
}

static void directories(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *missing = path_join(place->path, "a/b/nix");

	assert_check(NULL, 0, "\"directory\": null, \"directory-error\": null");
	assert_check(missing, 0, "/a/b/nix\", \"directory-error\": null");
	assert_check(place->path, 0, "\"directory-error\": null");
	if (geteuid() == 0)
		return;
	assert_int_equal(fchmod(place->fd, 0500), 0);
	assert_check(missing, 1, "\"directory-error\": \"Permission denied\"");
	assert_int_equal(fchmod(place->fd, 0600), 0);
	assert_check(missing, 1, "\"directory-error\": \"Permission denied\"");
	assert_int_equal(fchmod(place->fd, 0700), 0);
	/* a store that is there already needs not be made */
	assert_int_equal(mkdirat(place->fd, "store", 0500), 0);
	assert_int_equal(fchmod(place->fd, 0500), 0);
	assert_check(place->path, 0, "\"directory-error\": null");
	assert_int_equal(fchmod(place->fd, 0700), 0);
}

static const char *without_stdin(void *ctx)
{
	char *json;

	close(STDIN_FILENO);
	check(ctx, true, &json);
	return strstr(json, "the store belongs to ") ? NULL : json;
}

/* A store of somebody else's, which this user may not write to: whose it is. */
static void kept(void **state)
{
	const struct place *place = *state;
	const struct passwd *root = getpwuid(0);
	_cleanup_free_ char *wanted = NULL;

	if (geteuid() == 0)
		skip();
	wanted = xasprintf("\"directory-error\": \"the store belongs to %s and ",
			   root ? root->pw_name : "0");
	/* a directory of root's that every host has stands for the store */
	assert_int_equal(symlinkat("/usr", place->fd, "store"), 0);
	assert_check(place->path, 1, wanted);
	assert_in_child(without_stdin, place->path);
}

static const char *refused(void *ctx)
{
	const struct filter filter = {SYS_unshare, 0, FILTER_ANY, FILTER_ERROR(ENOSPC)};
	char *json;

	if (filter_set(&filter) < 0)
		return "the filter was not set";
	check(ctx, true, &json);
	if (!strstr(json, "{\"step\": \"user-namespace\", \"result\": \"failed\", \"errno\": 28"))
		return "the step has not failed";
	/* "no-proc" and others of a strange host aside, each failed step is explained */
	return strstr(json, "\"reasons\": [{\"id\": ") &&
			       strstr(json, "\", \"step\": \"user-namespace\", \"reason\": ")
		       ? NULL
		       : "there is no reason";
}

static const char *refused_inside(void *ctx)
{
	const struct filter filter = {SYS_unshare, 0, SANDBOX, FILTER_ERROR(ENOSPC)};
	char *json;

	if (filter_set(&filter) < 0)
		return "the filter was not set";
	check(ctx, true, &json);
	return strstr(json, "\", \"step\": \"nested-namespace\", \"reason\": ")
		       ? NULL
		       : "there is no reason for a later step";
}

static void reasons(void **state)
{
	struct place *place = *state;

	assert_in_child(refused, place->path);
	if (!filter_host_allows_all())
		return;
	assert_in_child(refused_inside, place->path);
	assert_check(place->path, 0, "\"reasons\": [], ");
}

static const char *without_descriptors(void *ctx)
{
	struct rlimit none, some;
	char *text, *said;
	struct capture capture;
	int status;

	capture_begin(&capture);
	getrlimit(RLIMIT_NOFILE, &some);
	none = (struct rlimit){0, some.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	status = check(ctx, true, &text);
	/* dup2(2) needs room for its number */
	setrlimit(RLIMIT_NOFILE, &some);
	said = capture_end(&capture);
	if (status != EXIT_CANCELED || *text)
		return "the status is not 125";
	return strstr(said, ": cannot start a process to try things in: Too many open files\n")
		       ? NULL
		       : said;
}

static void nothing_to_try_with(void **state)
{
	struct place *place = *state;

	assert_in_child(without_descriptors, place->path);
}

#define test(name) cmocka_unit_test_setup_teardown(name, named, named_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(directories),
		test(kept),
		test(reasons),
		test(nothing_to_try_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
