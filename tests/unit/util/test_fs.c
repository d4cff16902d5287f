/* Files and directories by descriptor, strings, and what is said. */
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../capture.h"
#include "../nth.h"
#include "../place.h"

static int fd_of(void **state)
{
	return ((struct place *)*state)->fd;
}

static void put(int fd, const char *name, const char *text)
{
	assert_int_equal(fs_replace_file(fd, name, text, strlen(text), 0644), 0);
}

static void assert_file(int fd, const char *name, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	assert_int_equal(fs_read_file(fd, name, 1 << 20, &text, &len), 0);
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
}

static size_t count_entries(int fd, const char *path)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fs_open_dir(fd, path));
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

static void read_whole(void **state)
{
	static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 100000};
	int fd = fd_of(state);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		_cleanup_free_ char *data = xcalloc(sizes[i] + 1, 1), *found = NULL;
		size_t len = 0;

		memset(data, 'x', sizes[i]);
		assert_int_equal(fs_replace_file(fd, "f", data, sizes[i], 0600), 0);
		/* of an earlier call, which was interrupted: of no meaning for this one */
		errno = EINTR;
		assert_int_equal(fs_read_file(fd, "f", sizes[i], &found, &len), 0);
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(found, data, sizes[i] + 1);
		if (sizes[i] > 0) {
			char *none = NULL;

			assert_int_equal(fs_read_file(fd, "f", sizes[i] - 1, &none, &len), -EFBIG);
			assert_null(none);
		}
	}
}

static void read_what_is_no_file(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = fd_of(state), sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *data = NULL;
	size_t len;

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", fd);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	close(sock);
	/* nobody writes to this fifo: a call that waits for a writer would wait for ever */
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("loop", fd, "loop"), 0);
	assert_int_equal(fs_read_file(fd, "fifo", 10, &data, &len), -EINVAL);
	assert_int_equal(fs_read_file(fd, "socket", 10, &data, &len), -ENXIO);
	assert_int_equal(fs_read_file(fd, ".", 10, &data, &len), -EISDIR);
	assert_int_equal(fs_read_file(fd, "loop", 10, &data, &len), -ELOOP);
	assert_int_equal(fs_read_file(fd, "missing", 10, &data, &len), -ENOENT);
	assert_int_equal(fs_read_file(AT_FDCWD, "/dev/zero", 10, &data, &len), -EINVAL);
	assert_null(data);
}

static void replace(void **state)
{
	int fd = fd_of(state);
	struct stat st;

	put(fd, "f", "one");
	put(fd, "f", "two");
	assert_file(fd, "f", "two");
	assert_int_equal(fs_mkdirs(fd, "a/b", 0755), 0);
	put(fd, "a/b/f", "deep");
	assert_file(fd, "a/b/f", "deep");
	assert_int_equal(fs_replace_file(fd, "secret", "", 0, 0600), 0);
	assert_int_equal(fstatat(fd, "secret", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* the entries are f, a and secret; f.new is gone */
	assert_int_equal(count_entries(fd, "."), 3);
	assert_int_equal(count_entries(fd, "a/b"), 1);
}

static void replace_a_link(void **state)
{
	int fd = fd_of(state);

	put(fd, "target", "mine");
	assert_int_equal(symlinkat("target", fd, "link"), 0);
	put(fd, "link", "new");
	/* the link itself is replaced, and the file behind it is not written */
	assert_file(fd, "target", "mine");
	assert_file(fd, "link", "new");
	/* a link by the temporary name is not followed either */
	assert_int_equal(symlinkat("target", fd, "f.new"), 0);
	put(fd, "f", "x");
	assert_file(fd, "f", "x");
	assert_file(fd, "target", "mine");
	put(fd, "f", "second time");
	assert_file(fd, "f", "second time");
}

static void replace_that_fails(void **state)
{
	int fd = fd_of(state);

	assert_int_equal(fs_replace_file(fd, "no/f", "x", 1, 0644), -ENOENT);
	assert_int_equal(fs_mkdirs(fd, "directory/full", 0755), 0);
	assert_int_equal(fs_replace_file(fd, "directory", "x", 1, 0644), -EISDIR);
	assert_int_equal(count_entries(fd, "."), 1);
	assert_int_equal(fs_write_all(-1, "x", 1), -EBADF);
}

static int read_f(void *ctx)
{
	const struct place *place = ctx;
	_cleanup_free_ char *text = NULL;
	size_t len;

	return fs_read_file(place->fd, "f", 100, &text, &len) == 0 && strcmp(text, "text") == 0 ? 0
												: 1;
}

static int write_f(void *ctx)
{
	const struct place *place = ctx;

	return fs_replace_file(place->fd, "f", "text", 4, 0600) == 0 ? 0 : 1;
}

static int digest_f(void *ctx)
{
	const struct place *place = ctx;
	struct sha256 digest;

	return sha256_of_file(place->fd, "f", &digest) == 0 ? 0 : 1;
}

static int digest_part_of_f(void *ctx)
{
	const struct place *place = ctx;
	_cleanup_close_ int fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	struct sha256 digest;

	return sha256_of_part(fd, 1, 2, &digest) == 0 ? 0 : 1;
}

/* A signal that comes meanwhile costs nothing; another error is told. */
static void signals_meanwhile(void **state)
{
	static const struct {
		long call;
		int (*body)(void *ctx);
	} cases[] = {
		{SYS_read, read_f},
		{SYS_write, write_f},
		{SYS_read, digest_f},
		{SYS_pread64, digest_part_of_f},
	};
	const struct place *place = *state;
	struct sha256 digest;

	/* libcrypto reads its configuration with the first one */
	assert_int_equal(sha256_of_bytes("", 0, &digest), 0);
	put(place->fd, "f", "text");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int is_error = 0; is_error < 2; is_error++) {
			int status, r = nth_fails(cases[i].call, 1, is_error ? EIO : EINTR,
						  cases[i].body, *state, &status);

			if (r < 0)
				skip();
			assert_int_equal(r, 1);
			assert_int_equal(status, is_error << 8);
			assert_file(place->fd, "f", "text");
		}
}

/* A full disk, as /dev/full simulates it. */
static void write_to_a_full_disk(void **state)
{
	_cleanup_close_ int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(full >= 0);
	errno = EINTR;
	assert_int_equal(fs_write_all(full, "x", 1), -ENOSPC);
	assert_int_equal(fs_write_all(full, "x", 0), 0);
}

static void make_directories(void **state)
{
	int fd = fd_of(state);
	struct stat st;
	mode_t before = umask(022);

	assert_int_equal(fs_mkdirs(fd, "a/b/c", 0700), 0);
	assert_int_equal(fs_mkdirs(fd, "a/b/c", 0700), 0);
	assert_int_equal(fs_mkdirs(fd, "a//b/./d/", 0700), 0);
	umask(before);
	assert_int_equal(fstatat(fd, "a/b/d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	put(fd, "f", "");
	assert_int_equal(fs_mkdirs(fd, "f", 0700), -ENOTDIR);
	assert_int_equal(fs_mkdirs(fd, "f/x", 0700), -ENOTDIR);
	assert_int_equal(symlinkat("a", fd, "link"), 0);
	assert_int_equal(fs_mkdirs(fd, "link/e", 0700), 0);
	assert_int_equal(fstatat(fd, "a/e", &st, 0), 0);
	assert_int_equal(symlinkat("missing", fd, "dangling"), 0);
	assert_int_equal(fs_mkdirs(fd, "dangling/x", 0700), -EEXIST);
	assert_int_equal(fstatat(fd, "missing", &st, 0), -1);
	assert_int_equal(fs_mkdirs(AT_FDCWD, "/proc/self", 0700), 0);
	assert_int_equal(fs_mkdirs(AT_FDCWD, "/", 0700), 0);
}

static void open_directories(void **state)
{
	int fd = fd_of(state), opened;

	put(fd, "f", "");
	assert_int_equal(fs_mkdirs(fd, "d", 0755), 0);
	assert_int_equal(symlinkat("d", fd, "link"), 0);
	opened = fs_open_dir(fd, "d");
	assert_true(opened >= 0);
	assert_int_equal(fcntl(opened, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(opened);
	assert_int_equal(fs_open_dir(fd, "f"), -ENOTDIR);
	assert_int_equal(fs_open_dir(fd, "missing"), -ENOENT);
	opened = fs_open_dir(fd, "link");
	assert_true(opened == -ENOTDIR || opened == -ELOOP);
	assert_int_equal(fs_sync_dir(fd, "d"), 0);
	assert_int_equal(fs_sync_dir(fd, "missing"), -ENOENT);
	/* fsync(2) returns EINVAL for a directory of /proc */
	assert_int_equal(fs_sync_dir(AT_FDCWD, "/proc/self"), 0);
}

static void remove_trees(void **state)
{
	static const char *const closed[] = {"t/a/b/c", "t/a/b", "t/a", "t"};
	int fd = fd_of(state);

	put(fd, "outside", "mine");
	assert_int_equal(fs_mkdirs(fd, "beside", 0755), 0);
	put(fd, "beside/f", "mine");
	assert_int_equal(fs_mkdirs(fd, "t/a/b/c", 0755), 0);
	put(fd, "t/a/b/c/f", "x");
	assert_int_equal(symlinkat("../beside", fd, "t/to-directory"), 0);
	assert_int_equal(symlinkat("../../outside", fd, "t/a/to-file"), 0);
	assert_int_equal(mkfifoat(fd, "t/a/fifo", 0), 0);
	/* some are read-only, as Nix leaves its store, and some have no permissions at all */
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		assert_int_equal(fchmodat(fd, closed[i], i % 2 ? 0555 : 0, 0), 0);
	assert_int_equal(fs_remove_tree(fd, "t"), 0);
	assert_int_equal(faccessat(fd, "t", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_file(fd, "outside", "mine");
	assert_file(fd, "beside/f", "mine");
}

static void remove_what_is_no_tree(void **state)
{
	int fd = fd_of(state);

	assert_int_equal(fs_remove_tree(fd, "missing"), 0);
	put(fd, "f", "");
	assert_int_equal(fs_remove_tree(fd, "f"), 0);
	assert_int_equal(fs_mkdirs(fd, "d", 0755), 0);
	put(fd, "d/f", "mine");
	assert_int_equal(symlinkat("d", fd, "link"), 0);
	assert_int_equal(fs_remove_tree(fd, "link"), 0);
	assert_file(fd, "d/f", "mine");
	assert_int_equal(count_entries(fd, "."), 1);
}

static void read_links(void **state)
{
	_cleanup_free_ char *longest = xcalloc(4096, 1), *target = NULL, *other = NULL;
	int fd = fd_of(state);

	/*
	 * longer than any first guess of a size, and the longest that Linux allows (PATH_MAX with
	 * its NUL)
	 */
	memset(longest, 'x', 4095);
	assert_int_equal(symlinkat(longest, fd, "long"), 0);
	assert_int_equal(fs_readlink(fd, "long", &target), 0);
	assert_string_equal(target, longest);
	longest[256] = '\0';
	assert_int_equal(symlinkat(longest, fd, "even"), 0);
	assert_int_equal(fs_readlink(fd, "even", &other), 0);
	assert_string_equal(other, longest);
	assert_int_equal(fs_readlink(fd, "missing", &other), -ENOENT);
	put(fd, "f", "");
	assert_int_equal(fs_readlink(fd, "f", &other), -EINVAL);
}

static void self(void **state)
{
	_cleanup_free_ char *path = fs_self_path();

	(void)state;
	assert_non_null(path);
	assert_int_equal(path[0], '/');
	assert_non_null(strstr(path, "test_fs"));
}

static void paths(void **state)
{
	static const char *const parents[][2] = {
		{"/a/b", "/a"}, {"/a", "/"}, {"/", ""}, {"/a/b/c d", "/a/b"}};
	_cleanup_free_ char *below = path_join("/a", "b"), *top = path_join("/", "b");

	(void)state;
	assert_string_equal(below, "/a/b");
	assert_string_equal(top, "/b");
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		_cleanup_free_ char *parent = path_parent(parents[i][0]);

		assert_string_equal(parent, parents[i][1]);
	}
}

static void lists(void **state)
{
	_cleanup_(strlist_clear) struct strlist list = {0};

	(void)state;
	assert_false(strlist_has(&list, "a"));
	for (unsigned i = 0; i < 100; i++)
		strlist_take(&list, xasprintf("%u", i));
	assert_int_equal(list.count, 100);
	assert_string_equal(list.items[99], "99");
	assert_null(list.items[100]);
	assert_true(strlist_has(&list, "42"));
	assert_false(strlist_has(&list, "4 2"));
	strlist_clear(&list);
	assert_int_equal(list.count, 0);
	assert_null(list.items);
	/* an empty list can be cleared, too */
	strlist_clear(&list);
	strlist_add(&list, "again");
	assert_int_equal(list.count, 1);
	assert_null(list.items[1]);
}

static void beginnings_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts_with("abc", "ab"));
	assert_true(str_starts_with("abc", ""));
	assert_false(str_starts_with("a", "ab"));
	assert_true(str_ends_with("abc", "bc"));
	assert_true(str_ends_with("abc", "abc"));
	assert_false(str_ends_with("bc", "abc"));
	setenv("TEST_FS_VARIABLE", "", 1);
	assert_null(env_get("TEST_FS_VARIABLE"));
	setenv("TEST_FS_VARIABLE", "x", 1);
	assert_string_equal(env_get("TEST_FS_VARIABLE"), "x");
}

/* AddressSanitizer, if this is built with it, ends the program at sizes that malloc(3) refuses. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void ask_for_too_much(int number)
{
	const wchar_t none[] = {(wchar_t)0x7fffffff, 0};

	switch (number) {
	case 0:
		xreallocarray(NULL, SIZE_MAX / 2, 3);
		break;
	/* the products are 2 */
	case 1:
		xreallocarray(NULL, SIZE_MAX / 2 + 2, 2);
		break;
	case 2:
		xreallocarray(NULL, 2, SIZE_MAX / 2 + 2);
		break;
	case 3:
		xreallocarray(NULL, SIZE_MAX / 2, 1);
		break;
	case 4:
		xcalloc(SIZE_MAX / 2, 1);
		break;
	/* vasprintf(3) fails, too, at a character that there is not */
	case 5:
		xasprintf("%ls", none);
		break;
	}
}

/* Without memory nothing useful can be done: exit status 125, as for any other failure of ours. */
static void out_of_memory(void **state)
{
	(void)state;
	for (int number = 0; number <= 5; number++) {
		int status = 0;
		struct capture capture;
		_cleanup_free_ char *said = NULL;
		pid_t child;

		capture_begin(&capture);
		child = fork();
		if (child == 0) {
			ask_for_too_much(number);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		said = capture_end(&capture);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 125);
		assert_true(str_ends_with(said, "nix-user-chroot: out of memory\n"));
	}
}

static void messages(void **state)
{
	_cleanup_free_ char *said = NULL;
	struct capture capture;

	(void)state;
	capture_begin(&capture);
	errno = EIO;
	log_error("cannot %s: %d\nfirst advice\nsecond", "work", 1);
	log_warning("odd\n");
	log_verbose("not said");
	log_set_level(LOG_DEBUG);
	log_debug("%%");
	log_set_level(LOG_ERROR);
	log_warning("not said");
	log_error("bad");
	log_set_level(LOG_NORMAL);
	assert_int_equal(errno, EIO);
	said = capture_end(&capture);
	assert_string_equal(said, "nix-user-chroot: cannot work: 1\n"
				  "  first advice\n"
				  "  second\n"
				  "nix-user-chroot: warning: odd\n"
				  "nix-user-chroot: %\n"
				  "nix-user-chroot: bad\n");
}

static void within(void **state)
{
	(void)state;
	assert_true(path_is_within("/a/b", "/a"));
	assert_true(path_is_within("/a", "/a"));
	assert_true(path_is_within("/a", "/"));
	assert_true(path_is_within("/", "/"));
	assert_false(path_is_within("/ab", "/a"));
	assert_false(path_is_within("/", "/a"));
}

/* a dangling link exists, and is an entry of its directory */
static void entries(void **state)
{
	const struct place *place = *state;
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	int file;

	assert_false(fs_exists(place->fd, "dangling"));
	assert_int_equal(symlinkat("nowhere", place->fd, "dangling"), 0);
	assert_true(fs_exists(place->fd, "dangling"));
	dir = fs_list_dir(place->fd, ".");
	assert_non_null(dir);
	assert_int_equal(fcntl(dirfd(dir), F_GETFD), FD_CLOEXEC);
	entry = fs_next_entry(dir);
	assert_non_null(entry);
	assert_string_equal(entry->d_name, "dangling");
	errno = EIO;
	assert_null(fs_next_entry(dir));
	assert_int_equal(errno, 0);
	assert_null(fs_list_dir(place->fd, "dangling"));
	assert_int_equal(symlinkat(".", place->fd, "link"), 0);
	assert_null(fs_list_dir(place->fd, "link"));
	assert_null(fs_list_fd(-1));
	/* a descriptor that is no directory's is closed, too */
	file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_null(fs_list_fd(file));
	assert_int_equal(fcntl(file, F_GETFD), -1);
	assert_false(fs_exists(place->fd, "nowhere"));
}

static void put_where_directories_are_missing(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *path = path_join(place->path, "a/b/f");
	_cleanup_free_ char *below = path_join(path, "x");
	mode_t before = umask(022);
	struct stat st;

	assert_int_equal(fs_put_file(path, "x", 1, 0600), 0);
	umask(before);
	assert_file(place->fd, "a/b/f", "x");
	assert_int_equal(fstatat(place->fd, "a/b/f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(fstatat(place->fd, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fs_put_file(below, "x", 1, 0600), -ENOTDIR);
}

/* No more is written to a buffer than it has room for. */
static void read_some(void **state)
{
	int fd = fd_of(state);
	char few[] = "-------";

	put(fd, "f", "abcdef");
	assert_int_equal(fs_read_some(fd, "f", few, 4), 3);
	assert_memory_equal(few, "abc\0---", 8);
	assert_int_equal(fs_read_some(fd, "f", few, 8), 6);
	assert_string_equal(few, "abcdef");
	put(fd, "f", "");
	assert_int_equal(fs_read_some(fd, "f", few, 4), 0);
	assert_string_equal(few, "");
}

static void same_files(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *one = path_join(place->path, "f"), *link = path_join(place->path, "l");
	_cleanup_free_ char *other = path_join(place->path, "g");

	put(place->fd, "f", "");
	put(place->fd, "g", "");
	assert_false(fs_same_file(one, link));
	assert_false(fs_same_file(link, one));
	assert_int_equal(symlinkat("f", place->fd, "l"), 0);
	assert_true(fs_same_file(one, link));
	assert_true(fs_same_file(link, one));
	assert_false(fs_same_file(one, other));
}

static void same_inodes(void **state)
{
	const struct stat one = {.st_dev = 1, .st_ino = 2}, same = one;
	const struct stat elsewhere = {.st_dev = 2, .st_ino = 2},
			  beside = {.st_dev = 1, .st_ino = 3};

	(void)state;
	assert_true(fs_same_inode(&one, &same));
	assert_false(fs_same_inode(&one, &elsewhere));
	assert_false(fs_same_inode(&one, &beside));
}

/* A caller may have closed stdin: the next directory that is opened gets its number. */
static void without_stdin(void **state)
{
	int saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), fd = fd_of(state), opened;
	struct stat st, other;

	assert_int_equal(fs_mkdirs(fd, "a/b", 0755), 0);
	put(fd, "a/b/f", "x");
	close(STDIN_FILENO);
	assert_int_equal(fs_stat_below(fd, "a/b/f", &st), 0);
	opened = fs_open_below(fd, "a/b/f", O_RDONLY, 0);
	assert_true(opened > 0 && fstat(opened, &other) == 0 && fs_same_inode(&st, &other));
	close(opened);
	put(fd, "a/b/f", "y");
	assert_file(fd, "a/b/f", "y");
	assert_int_equal(fs_replace_file(fd, "a/b", "y", 1, 0644), -EISDIR);
	assert_false(fs_exists(fd, "a/b.new"));
	assert_int_equal(fs_unlink_below(fd, "a/b/f"), 0);
	assert_int_equal(fs_stat_below(fd, "a/b/f", &st), -ENOENT);
	opened = fs_open_dir_below(fd, "a/b");
	assert_true(opened >= 0 && fstat(opened, &st) == 0);
	close(opened);
	assert_int_equal(fstatat(fd, "a/b", &other, 0), 0);
	assert_true(fs_same_inode(&st, &other));
	opened = fs_make_dirs_below(fd, "a/b/c/d");
	assert_true(opened >= 0);
	close(opened);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
	assert_true(fs_exists(fd, "a/b/c/d"));
	if (saved >= 0) {
		assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
		close(saved);
	}
}

static void programs(void **state)
{
	const char *path = ((const struct place *)*state)->path;
	_cleanup_free_ char *file = path_join(path, "f"), *above = NULL;
	_cleanup_free_ char *below = path_join(file, "x/y"), *root = NULL;
	int fd = fd_of(state);

	assert_false(fs_is_program(file));
	put(fd, "f", "");
	assert_false(fs_is_program(file));
	assert_int_equal(fchmodat(fd, "f", 0755, 0), 0);
	assert_true(fs_is_program(file));
	assert_false(fs_is_program(path));
	above = fs_deepest_existing(below);
	assert_string_equal(above, file);
	root = fs_deepest_existing("/no/such/directory");
	assert_string_equal(root, "/");
}

/* A directory that was made and cannot be opened is an error with its reason. */
static void make_under_a_umask(void **state)
{
	int fd = fd_of(state);
	mode_t before;

	if (geteuid() == 0)
		skip();
	before = umask(0777);
	assert_int_equal(fs_make_dirs_below(fd, "a/b"), -EACCES);
	umask(before);
}

/*
 * A file system that is mounted never counts as ended. tests/hosts/join.bats has one that has
 * ended.
 */
static void ended(void **state)
{
	static const char *const there[] = {"/proc", "/proc/sys", "/sys"};
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		assert_false(stat(there[i], &st) == 0 && fs_has_ended(st.st_dev));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(read_whole, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(read_what_is_no_file, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(replace, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(replace_a_link, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(replace_that_fails, place_setup, place_teardown),
		cmocka_unit_test(write_to_a_full_disk),
		cmocka_unit_test_setup_teardown(signals_meanwhile, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(make_directories, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(open_directories, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(remove_trees, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(remove_what_is_no_tree, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(read_links, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(without_stdin, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(programs, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(make_under_a_umask, place_setup, place_teardown),
		cmocka_unit_test(self),
		cmocka_unit_test(ended),
		cmocka_unit_test(paths),
		cmocka_unit_test(lists),
		cmocka_unit_test(within),
		cmocka_unit_test_setup_teardown(entries, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(put_where_directories_are_missing, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(read_some, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(same_files, place_setup, place_teardown),
		cmocka_unit_test(same_inodes),
		cmocka_unit_test(beginnings_and_ends),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
