/* Which files of the store are copied in the place of a link, and how. */
#include "uninstall/keep.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "scene.h"

#define INTO "/nix/store/" PATH_NAME

/* As on a disk that fails: the errno of each fsync(2); 0: they work. */
static int disk_error;

/* How many calls of fsync(2) work before the first that fails. */
static int disk_works;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	if (!disk_error || disk_works-- > 0)
		return __real_fsync(fd);
	errno = disk_error;
	return -1;
}

static void put_program(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = expanded(scene, name);

	put(scene, name, text);
	assert_int_equal(chmod(path, 0755), 0);
}

static int keep(const struct scene *scene, const char *path, const char *link)
{
	_cleanup_free_ char *full = expanded(scene, link);

	errno = EPROTO; /* of an earlier failure */
	return keep_copy(scene->nix_fd, path, full);
}

/* Is NAME a file (no link) with this TEXT, and the permissions MODE? */
static void assert_file(const struct scene *scene, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = expanded(scene, name), *present = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, mode);
	assert_int_equal(fs_read_file(AT_FDCWD, path, 1 << 20, &present, &len), 0);
	assert_string_equal(present, text);
}

static void assert_link(const struct scene *scene, const char *name, const char *target)
{
	_cleanup_free_ char *path = expanded(scene, name), *to = expanded(scene, target);
	_cleanup_free_ char *present = NULL;

	assert_int_equal(fs_readlink(AT_FDCWD, path, &present), 0);
	assert_string_equal(present, to);
}

static void what_is_of_use(void **state)
{
	struct scene *scene = *state;

	put(scene, "@/store/" PATH_NAME "/text", "may name /nix/store/x\n");
	put_program(scene, "@/store/" PATH_NAME "/run", "#!/bin/sh\n");
	put_program(scene, "@/store/" PATH_NAME "/end", "/nix/store");
	assert_true(keep_is_of_use(scene->nix_fd, INTO));
	assert_true(keep_is_of_use(scene->nix_fd, INTO "/text"));
	assert_true(keep_is_of_use(scene->nix_fd, INTO "/run"));
	assert_false(keep_is_of_use(scene->nix_fd, INTO "/missing"));
	assert_false(keep_is_of_use(scene->nix_fd, INTO "/missing/x"));
	put_program(scene, "@/store/" PATH_NAME "/deep/prog", "x/nix/store/");
	assert_false(keep_is_of_use(scene->nix_fd, INTO "/deep/prog"));
	assert_false(keep_is_of_use(scene->nix_fd, INTO));
	unput(scene, "@/store/" PATH_NAME "/deep/prog");
	assert_true(keep_is_of_use(scene->nix_fd, INTO));
	{
		_cleanup_free_ char *fifo = expanded(scene, "@/store/" PATH_NAME "/fifo");

		assert_int_equal(mkfifo(fifo, 0600), 0);
	}
	assert_false(keep_is_of_use(scene->nix_fd, INTO));
}

/* A file of SIZE bytes that takes no room */
static void put_hole(const struct scene *scene, const char *name, off_t size)
{
	_cleanup_free_ char *path = expanded(scene, name);

	put(scene, name, "");
	assert_int_equal(truncate(path, size), 0);
}

/* 64 MiB in all: of one file, and of two. */
static void limit_of_bytes(void **state)
{
	struct scene *scene = *state;

	put_hole(scene, "@/store/" PATH_NAME "/a", (64 << 20) + 1);
	assert_false(keep_is_of_use(scene->nix_fd, INTO));
	put_hole(scene, "@/store/" PATH_NAME "/a", 64 << 20);
	assert_true(keep_is_of_use(scene->nix_fd, INTO));
	put(scene, "@/store/" PATH_NAME "/b", "x");
	assert_false(keep_is_of_use(scene->nix_fd, INTO));
}

static void limits_of_entries_and_levels(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *deep = xstrdup("@/store/" PATH_NAME);
	_cleanup_close_ int dir = -1;
	_cleanup_free_ char *many = expanded(scene, "@/store/" OTHER_NAME);

	for (int i = 0; i < 31; i++) {
		char *deeper = path_join(deep, "d");

		free(deep);
		deep = deeper;
		put_directory(scene, deep);
		if (i == 28)
			assert_true(keep_is_of_use(scene->nix_fd, INTO));
	}
	assert_false(keep_is_of_use(scene->nix_fd, INTO));
	put_directory(scene, "@/store/" OTHER_NAME);
	dir = fs_open_dir(AT_FDCWD, many);
	for (int i = 0; i < 5001; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		/* one link that has 5000 names: 5000 links would keep the disk busy */
		if (i == 0)
			assert_int_equal(symlinkat("/", dir, name), 0);
		else
			assert_int_equal(linkat(dir, "0", dir, name, 0), 0);
		if (i == 4990)
			assert_true(keep_is_of_use(scene->nix_fd, "/nix/store/" OTHER_NAME));
	}
	assert_false(keep_is_of_use(scene->nix_fd, "/nix/store/" OTHER_NAME));
}

static void copies_of_files(void **state)
{
	struct scene *scene = *state;
	mode_t before = umask(022);

	put(scene, "@/store/" PATH_NAME "/rc", "text\n");
	put_program(scene, "@/store/" PATH_NAME "/run", "#!/bin/sh\n");
	put_link(scene, "@/store/" PATH_NAME "/alias", "rc");
	put_link(scene, "~/rc", INTO "/rc");
	put_link(scene, "~/run", INTO "/run");
	put_link(scene, "~/alias", INTO "/alias");
	/* left by a run that was killed */
	put_directory(scene, "~/rc.nix-user-chroot-new/x");
	assert_int_equal(keep(scene, INTO "/rc", "~/rc"), 0);
	assert_int_equal(keep(scene, INTO "/run", "~/run"), 0);
	assert_int_equal(keep(scene, INTO "/alias", "~/alias"), 0);
	umask(before);
	assert_file(scene, "~/rc", "text\n", 0644);
	assert_file(scene, "~/run", "#!/bin/sh\n", 0755);
	assert_file(scene, "~/alias", "text\n", 0644);
	assert_false(is_there(scene, "~/rc.nix-user-chroot-new"));
}

static void copies_of_directories(void **state)
{
	struct scene *scene = *state;

	put(scene, "@/store/" PATH_NAME "/a/b/file", "text\n");
	put_link(scene, "@/store/" PATH_NAME "/a/inner", "b");
	put_link(scene, "@/store/" PATH_NAME "/a/outer", "/");
	put_link(scene, "@/store/" PATH_NAME "/a/mine", "~/own");
	put_link(scene, "@/store/" PATH_NAME "/a/nowhere", "missing");
	put(scene, "~/own", "");
	put_link(scene, "~/theme", INTO "/a");
	assert_int_equal(keep(scene, INTO "/a", "~/theme"), 0);
	assert_file(scene, "~/theme/b/file", "text\n", 0644);
	assert_file(scene, "~/theme/inner/file", "text\n", 0644);
	assert_link(scene, "~/theme/outer", "/");
	assert_link(scene, "~/theme/mine", "~/own");
	assert_false(is_there(scene, "~/theme/nowhere"));
	assert_false(is_there(scene, "~/theme.nix-user-chroot-new"));
	/* what is in the store is as it was */
	assert_link(scene, "@/store/" PATH_NAME "/a/inner", "b");
	assert_true(is_there(scene, "@/store/" PATH_NAME "/a/b/file"));
}

/* The copy fails halfway: the link stays, and nothing is left beside it. */
static void copies_that_fail(void **state)
{
	struct scene *scene = *state;

	put(scene, "@/store/" PATH_NAME "/a/file", "text\n");
	put_program(scene, "@/store/" PATH_NAME "/a/b/prog", "/nix/store/x");
	put_link(scene, "~/theme", INTO "/a");
	assert_int_equal(keep(scene, INTO "/a", "~/theme"), -ENOEXEC);
	assert_link(scene, "~/theme", INTO "/a");
	assert_false(is_there(scene, "~/theme.nix-user-chroot-new"));
	assert_int_equal(keep(scene, INTO "/missing", "~/theme"), -ENOENT);
	assert_link(scene, "~/theme", INTO "/a");
	/* the store goes next: a copy that is not on the disk is none */
	unput(scene, "@/store/" PATH_NAME "/a/b");
	disk_error = EIO;
	assert_int_equal(keep(scene, INTO "/a", "~/theme"), -EIO);
	disk_error = 0;
	assert_link(scene, "~/theme", INTO "/a");
	assert_false(is_there(scene, "~/theme.nix-user-chroot-new"));
	assert_int_equal(keep(scene, INTO "/a", "~/theme"), 0);
}

/* A file, the directory that it is in, that one's, and the place of the link: each is flushed. */
static void copies_that_may_be_lost(void **state)
{
	struct scene *scene = *state;
	int works = 0, r;

	put(scene, "@/store/" PATH_NAME "/a/b/file", "text\n");
	disk_error = EIO;
	do {
		unput(scene, "~/theme");
		put_link(scene, "~/theme", INTO "/a");
		disk_works = works;
		r = keep(scene, INTO "/a", "~/theme");
		assert_true(r == 0 || r == -EIO);
		assert_false(is_there(scene, "~/theme.nix-user-chroot-new"));
		/* the last is after the exchange */
		if (works < 3)
			assert_link(scene, "~/theme", INTO "/a");
	} while (r < 0 && ++works < 10);
	disk_error = 0;
	assert_int_equal(works, 4);
	assert_file(scene, "~/theme/b/file", "text\n", 0644);
}

/* What is in the place of the link by now is the user's. */
static void places_that_have_changed(void **state)
{
	struct scene *scene = *state;

	put(scene, "@/store/" PATH_NAME "/rc", "text\n");
	put(scene, "~/rc", "mine\n");
	put(scene, "~/dir/file", "mine\n");
	assert_int_equal(keep(scene, INTO "/rc", "~/rc"), 0);
	assert_file(scene, "~/rc", "mine\n", 0644);
	assert_int_equal(keep(scene, INTO "/rc", "~/dir"), 0);
	assert_file(scene, "~/dir/file", "mine\n", 0644);
	assert_int_equal(keep(scene, INTO "/rc", "~/gone"), -ENOENT);
	assert_int_equal(keep(scene, INTO "/rc", "~/gone/x"), -ENOENT);
	assert_false(is_there(scene, "~/gone"));
	if (geteuid() == 0) {
		_cleanup_free_ char *link = expanded(scene, "~/theirs");

		put_link(scene, "~/theirs", INTO "/rc");
		assert_int_equal(lchown(link, 1, 1), 0);
		assert_int_equal(keep(scene, INTO "/rc", "~/theirs"), 0);
		assert_link(scene, "~/theirs", INTO "/rc");
	}
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(what_is_of_use),
		WITH_SCENE(limit_of_bytes),
		WITH_SCENE(limits_of_entries_and_levels),
		WITH_SCENE(copies_of_files),
		WITH_SCENE(copies_of_directories),
		WITH_SCENE(copies_that_fail),
		WITH_SCENE(copies_that_may_be_lost),
		WITH_SCENE(places_that_have_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
