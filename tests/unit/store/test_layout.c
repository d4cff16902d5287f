/* The directories of an installation: what is in their way, what is made, what is missing. */
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../nth.h"
#include "../place.h"
#include "../unpack/unpack_fixture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void expect_says(char *said, const char *part)
{
	if (!strstr(said, part))
		fail_msg("\"%s\" is not in: %s", part, said);
	free(said);
}

static void put(const struct place *place, const char *name, const char *text)
{
	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), 0644), 0);
}

/* Each failure of a file system has its advice, after the words of the failure. */
static void failures_have_advice(void **state)
{
	static const struct {
		int err;
		const char *advice;
	} cases[] = {
		{ENOSPC, "make room there, or set"},
		{EDQUOT, "your quota there is used up"},
		{EROFS, "set NIX_USER_CHROOT_DIR to a directory that can be written"},
		{EACCES, "it must be a directory of yours"},
		{EPERM, "it must be a directory of yours"},
		{ENOTDIR, "move what is in the way"},
		{ELOOP, "move what is in the way"},
		{EIO, "look at the file system"},
		{ESTALE, "look at the file system"},
		{ENOTEMPTY, "a process still uses a file in there: end it, then run"},
		{EXDEV, "when that is repaired, run nix-user-chroot --install again"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_free_ char *text = xasprintf("cannot shave /the/yak: %s\n  %s",
						      strerror(cases[i].err), cases[i].advice);
		struct capture capture;

		capture_begin(&capture);
		assert_int_equal(layout_error("shave", "/the/yak", -cases[i].err), -1);
		expect_says(capture_end(&capture), text);
	}
}

static int check(const char *nix_dir, char **said)
{
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = layout_check(nix_dir);
	*said = capture_end(&capture);
	return r;
}

static void what_is_in_the_way(void **state)
{
	static const char *const below[] = {"",	    "/var",	"/var/nix", "/var/nix-user-chroot",
					    "/etc", "/etc/nix", "/store"};
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "n"), *said = NULL;

	assert_int_equal(check(nix_dir, &said), 0);
	assert_string_equal(said, "");
	for (size_t i = 0; i < COUNT_OF(below); i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", nix_dir, below[i]);
		_cleanup_free_ char *name = xasprintf("n%s", below[i]);
		_cleanup_free_ char *words = xasprintf("cannot open the directory %s: Not a "
						       "directory\n",
						       path);
		_cleanup_free_ char *link =
			xasprintf("cannot follow the link %s: No such file", path);

		put(place, name, "");
		free(said);
		assert_int_equal(check(nix_dir, &said), -1);
		expect_says(steal_ptr(&said), words);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink("nowhere", path), 0);
		assert_int_equal(check(nix_dir, &said), -1);
		expect_says(steal_ptr(&said), link);
		assert_int_equal(unlink(path), 0);
		/* a link to a directory is none of this check's */
		assert_int_equal(symlink(place->path, path), 0);
		assert_int_equal(check(nix_dir, &said), 0);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(fs_mkdirs(AT_FDCWD, path, 0755), 0);
		free(said);
		assert_int_equal(check(nix_dir, &said), 0);
		assert_string_equal(said, "");
	}
	free(steal_ptr(&said));
	assert_int_equal(check("/dev/null/n", &said), -1);
	expect_says(steal_ptr(&said), "cannot use the directory /dev/null/n: Not a directory\n");
}

/*
 * Fills the stack below the caller's frame, so that a struct stat that nobody has filled in is one
 * of a symlink.
 */
static __attribute__((noinline)) void dirty_the_stack(void)
{
	volatile char dirt[1 << 14];

	for (size_t i = 0; i < sizeof(dirt); i++)
		dirt[i] = (char)0xa0;
}

/* Nothing is written through a symlink, wherever it leads. */
static void links_are_refused(void **state)
{
	static const char *const below[] = {"var", "var/nix", LAYOUT_STATE,
					    "etc", "etc/nix", "store"};
	const struct place *place = *state;

	dirty_the_stack();
	assert_int_equal(layout_check_links(place->fd, "NIX"), 0);
	for (size_t i = 0; i < COUNT_OF(below); i++) {
		_cleanup_free_ char *words = xasprintf("NIX/%s is a symlink: nothing is written "
						       "through one\n",
						       below[i]);
		struct capture capture;

		for (int leads = 0; leads < 2; leads++) {
			assert_int_equal(symlinkat(leads ? "/" : "nowhere", place->fd, below[i]),
					 0);
			capture_begin(&capture);
			assert_int_equal(layout_check_links(place->fd, "NIX"), -1);
			expect_says(capture_end(&capture), words);
			assert_int_equal(unlinkat(place->fd, below[i], 0), 0);
		}
		assert_int_equal(fs_mkdirs(place->fd, below[i], 0755), 0);
		assert_int_equal(layout_check_links(place->fd, "NIX"), 0);
	}
}

static void writable(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "a/b");
	struct capture capture;

	assert_int_equal(layout_check_writable(nix_dir), 0);
	assert_false(fs_exists(place->fd, "a"));
	assert_int_equal(layout_check_writable(place->path), 0);
	/* root can write there anyway */
	if (geteuid() == 0)
		skip();
	for (mode_t mode = 0500; mode <= 0600; mode += 0100) {
		assert_int_equal(chmod(place->path, mode), 0);
		capture_begin(&capture);
		assert_int_equal(layout_check_writable(place->path), -1);
		expect_says(capture_end(&capture), ": Permission denied\n");
	}
	assert_int_equal(chmod(place->path, 0700), 0);
}

static void missing_ones_in_the_order_of_rmdir(void **state)
{
	static const char *const all[] = {
		"a/b/var/nix",	       "a/b/etc/nix", "a/b/etc", "a/b/store",
		("a/b/" LAYOUT_STATE), "a/b/var",     "a/b",	 "a"};
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "a/b");

	/* with the last one there, the last but one there ... */
	for (size_t i = COUNT_OF(all); i-- > 0;) {
		_cleanup_(strlist_clear) struct strlist missing = {0};
		size_t n = 0;

		layout_missing(nix_dir, &missing);
		for (size_t j = 0; j < COUNT_OF(all); j++) {
			_cleanup_free_ char *path = path_join(place->path, all[j]);

			if (fs_exists(place->fd, all[j]))
				continue;
			assert_true(n < missing.count);
			assert_string_equal(missing.items[n++], path);
		}
		assert_int_equal(n, missing.count);
		assert_int_equal(fs_mkdirs(place->fd, all[i], 0755), 0);
	}
	{
		_cleanup_(strlist_clear) struct strlist missing = {0};

		layout_missing(nix_dir, &missing);
		assert_int_equal(missing.count, 0);
	}
}

static void makes_what_is_missing(void **state)
{
	static const char *const below[] = {"a", "a/b", "a/b/var", ("a/b/" LAYOUT_STATE)};
	const struct place *place = *state;
	_cleanup_(strlist_clear) struct strlist made = {0};
	_cleanup_free_ char *nix_dir = path_join(place->path, "a/b");
	_cleanup_close_ int fd = -1, again = -1;
	struct stat st, here;
	mode_t before = umask(0077);

	fd = layout_open(nix_dir, &made);
	umask(before);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(made.count, COUNT_OF(below));
	for (size_t i = 0; i < made.count; i++) {
		_cleanup_free_ char *path = path_join(place->path, below[i]);

		assert_string_equal(made.items[i], path);
		assert_int_equal(stat(path, &st), 0);
		/* above the Nix directory the user's umask holds */
		assert_int_equal(st.st_mode, S_IFDIR | (i == 0 ? 0700 : 0755));
	}
	assert_int_equal(stat(nix_dir, &st), 0);
	assert_int_equal(fstat(fd, &here), 0);
	assert_true(fs_same_inode(&st, &here));
	/* what is there stays as it is */
	assert_int_equal(fchmod(fd, 0700), 0);
	again = layout_open(nix_dir, &made);
	assert_true(again >= 0);
	assert_int_equal(made.count, COUNT_OF(below));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
}

struct opening {
	const char *nix_dir;
	size_t made;
};

static int open_it(void *ctx)
{
	const struct opening *opening = ctx;
	struct strlist made = {0};
	int fd = layout_open(opening->nix_dir, &made);

	return fd < 0 ? 1 : made.count == opening->made ? 0 : 2;
}

/* The roll-back of another run removes one of the directories before the next one is made. */
static void what_vanishes_is_made_again(void **state)
{
	static const struct {
		long number;
		int nth;
	} cases[] = {{SYS_openat, 1}, {SYS_mkdirat, 1}, {SYS_mkdirat, 2}};
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "n");
	struct opening opening = {nix_dir, 3};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int status, r = nth_fails(cases[i].number, cases[i].nth, ENOENT, open_it, &opening,
					  &status);

		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, 0);
		assert_true(fs_exists(place->fd, "n/" LAYOUT_STATE));
		assert_int_equal(fs_remove_tree(place->fd, "n"), 0);
	}
}

static void cannot_make(const char *nix_dir, const char *words)
{
	_cleanup_(strlist_clear) struct strlist made = {0};
	struct capture capture;

	capture_begin(&capture);
	assert_int_equal(layout_open(nix_dir, &made), -1);
	expect_says(capture_end(&capture), words);
	assert_int_equal(made.count, 0);
}

static void what_cannot_be_made(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "n");
	_cleanup_free_ char *file =
		xasprintf("cannot make the directory %s: Not a directory\n", nix_dir);
	_cleanup_free_ char *link =
		xasprintf("cannot make the directory %s: No such file", nix_dir);
	_cleanup_free_ char *var = xasprintf(
		"cannot make the directory %s/" LAYOUT_STATE ": Not a directory\n", nix_dir);

	put(place, "n", "");
	cannot_make(nix_dir, file);
	assert_int_equal(unlink(nix_dir), 0);
	/* the directory could vanish and come back, but not for ever */
	assert_int_equal(symlink("nowhere", nix_dir), 0);
	cannot_make(nix_dir, link);
	assert_int_equal(unlink(nix_dir), 0);
	assert_int_equal(mkdir(nix_dir, 0755), 0);
	put(place, "n/var", "");
	cannot_make(nix_dir, var);
	if (geteuid() == 0)
		skip();
	assert_int_equal(fs_remove_tree(place->fd, "n"), 0);
	assert_int_equal(chmod(place->path, 0500), 0);
	cannot_make(nix_dir, ": Permission denied\n");
	assert_int_equal(chmod(place->path, 0700), 0);
}

/* A directory that keeps another mode than 0755 is not used. */
static void a_mode_that_cannot_be_given(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix_dir = path_join(place->path, "n");
	_cleanup_free_ char *words = xasprintf(
		"nix-user-chroot: cannot make the directory %s: Input/output error\n", nix_dir);
	struct capture capture;
	int status;
	pid_t pid;

	capture_begin(&capture);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct strlist made = {0};

		refuse_call(SYS_fchmod, -1, EIO);
		_exit(layout_open(nix_dir, &made) == -1 && made.count == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_says(capture_end(&capture), words);
	assert_int_equal(status, 0);
}

static void store_paths(void **state)
{
	const struct place *place = *state;

	assert_false(layout_has_store_paths(place->fd));
	assert_int_equal(fs_mkdirs(place->fd, "store/.links", 0755), 0);
	assert_false(layout_has_store_paths(place->fd));
	assert_int_equal(fs_mkdirs(place->fd, "store/x", 0755), 0);
	assert_true(layout_has_store_paths(place->fd));
}

/* A crash leaves a file that is empty, or full of zeros. */
static void nix_conf(void **state)
{
	const struct place *place = *state;

	assert_false(layout_has_nix_conf(place->fd));
	assert_int_equal(fs_mkdirs(place->fd, "etc/nix", 0755), 0);
	assert_false(layout_has_nix_conf(place->fd));
	put(place, LAYOUT_NIX_CONF, "");
	assert_false(layout_has_nix_conf(place->fd));
	assert_int_equal(fs_replace_file(place->fd, LAYOUT_NIX_CONF, "\0\0", 2, 0644), 0);
	assert_false(layout_has_nix_conf(place->fd));
	put(place, LAYOUT_NIX_CONF, "\n");
	assert_true(layout_has_nix_conf(place->fd));
	/* a link of the user's counts, wherever it leads */
	assert_int_equal(unlinkat(place->fd, LAYOUT_NIX_CONF, 0), 0);
	assert_int_equal(symlinkat("nowhere", place->fd, LAYOUT_NIX_CONF), 0);
	assert_true(layout_has_nix_conf(place->fd));
	if (geteuid() == 0)
		skip();
	assert_int_equal(unlinkat(place->fd, LAYOUT_NIX_CONF, 0), 0);
	put(place, LAYOUT_NIX_CONF, "");
	assert_int_equal(fchmodat(place->fd, LAYOUT_NIX_CONF, 0, 0), 0);
	assert_true(layout_has_nix_conf(place->fd));
}

static void staging(void **state)
{
	const struct place *place = *state;
	struct capture capture;

	assert_int_equal(layout_remove_staging(place->fd, "NIX"), 0);
	assert_int_equal(fs_mkdirs(place->fd, LAYOUT_STAGING "/x", 0755), 0);
	assert_int_equal(layout_remove_staging(place->fd, "NIX"), 0);
	assert_false(fs_exists(place->fd, LAYOUT_STAGING));
	assert_int_equal(fs_remove_tree(place->fd, "var"), 0);
	put(place, "var", "");
	capture_begin(&capture);
	assert_int_equal(layout_remove_staging(place->fd, "NIX"), -1);
	expect_says(capture_end(&capture), "cannot remove NIX/" LAYOUT_STAGING ": ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_have_advice),
		TEST(what_is_in_the_way),
		TEST(links_are_refused),
		TEST(writable),
		TEST(missing_ones_in_the_order_of_rmdir),
		TEST(makes_what_is_missing),
		TEST(what_vanishes_is_made_again),
		TEST(what_cannot_be_made),
		TEST(a_mode_that_cannot_be_given),
		TEST(store_paths),
		TEST(nix_conf),
		TEST(staging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
