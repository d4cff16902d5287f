/* The file that --bundle writes. */
#include "install/bundle_file.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../refuse.h"

/* As on a disk that fails: the errno of each fsync(2); 0: they work. */
static int disk_error;
static unsigned flushed;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
	flushed++;
	if (!disk_error)
		return __real_fsync(fd);
	errno = disk_error;
	return -1;
}

static void assert_text(const struct place *place, const char *name, const char *text)
{
	_cleanup_free_ char *present = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(fstatat(place->fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fs_read_file(place->fd, name, 4096, &present, &len), 0);
	assert_string_equal(present, text);
}

/* How many names PLACE has. */
static size_t names(const struct place *place)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, place->path);
	size_t count = 0;

	while (fs_next_entry(dir))
		count++;
	return count;
}

/* Write TEXT to the file OUT, with a part of it cut off and written again. */
static void write_file(const char *out, const char *text)
{
	const int before = dup(STDIN_FILENO);
	struct bundle_file file;
	int after;

	assert_int_equal(bundle_file_find(out, &file), 0);
	assert_int_equal(bundle_file_begin(&file), 0);
	assert_int_equal(bundle_file_write(&file, "xyz and more", 12), 0);
	assert_int_equal(bundle_file_cut(&file, 1), 0);
	assert_int_equal(bundle_file_write(&file, text + 1, strlen(text) - 1), 0);
	assert_int_equal(bundle_file_put(&file), 0);
	/* so that it can be run at once */
	assert_int_equal(file.fd, -1);
	bundle_file_clear(&file);
	assert_null(file.path);
	after = dup(STDIN_FILENO);
	assert_int_equal(after, before + 1);
	assert_int_equal(dup(after), before + 2);
	close(before + 2);
	close(after);
	close(before);
}

static void a_new_file_and_one_that_is_replaced(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *out = path_join(place->path, "out");
	mode_t before = umask(077);

	flushed = 0;
	write_file(out, "xfirst");
	assert_text(place, "out", "xfirst");
	/* the file and its directory */
	assert_int_equal(flushed, 2);
	write_file(out, "xsecond");
	assert_text(place, "out", "xsecond");
	assert_int_equal(flushed, 4);
	assert_int_equal(names(place), 1);
	umask(before);
}

/* A relative name, and a link, whose target is replaced. */
static void other_ways_to_name_it(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *link = path_join(place->path, "link"), *here = getcwd(NULL, 0);

	assert_int_equal(mkdirat(place->fd, "dir", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "dir/real", "old", 3, 0600), 0);
	assert_int_equal(symlinkat("dir/real", place->fd, "link"), 0);
	write_file(link, "xlinked");
	assert_text(place, "dir/real", "xlinked");
	assert_int_equal(chdir(place->path), 0);
	write_file("plain", "xplain");
	write_file("dir/sub", "xsub");
	assert_int_equal(chdir(here), 0);
	assert_text(place, "plain", "xplain");
	assert_text(place, "dir/sub", "xsub");
	assert_int_equal(names(place), 3);
}

static void refuses(const struct place *place, const char *name, const char *message)
{
	_cleanup_free_ char *out = path_join(place->path, name), *said = NULL;
	struct bundle_file file;
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = bundle_file_find(out, &file);
	said = capture_end(&capture);
	bundle_file_clear(&file);
	assert_int_equal(r, -1);
	assert_one_message(said, message);
}

static void places_for_no_file(void **state)
{
	const struct place *place = *state;

	assert_int_equal(mkdirat(place->fd, "dir", 0755), 0);
	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("dir", place->fd, "to-dir"), 0);
	assert_int_equal(symlinkat("fifo", place->fd, "to-fifo"), 0);
	assert_int_equal(symlinkat("missing", place->fd, "to-nowhere"), 0);
	assert_int_equal(fs_replace_file(place->fd, "file", "", 0, 0600), 0);
	refuses(place, "dir", "/dir: Is a directory\n");
	refuses(place, "to-dir", "/dir: Is a directory\n");
	refuses(place, "dir/", "Is a directory\n");
	refuses(place, "fifo", "/fifo is not a regular file, so it is not replaced\n");
	refuses(place, "to-fifo", "/fifo is not a regular file, so it is not replaced\n");
	refuses(place, "to-nowhere", "/to-nowhere: No such file or directory\n");
	refuses(place, "missing/out", "/missing/out: No such file or directory\n");
	refuses(place, "missing/out", "name a file in a directory that you can write to\n");
	refuses(place, "file/out", "/file/out: Not a directory\n");
	refuses(place, "missing/", "missing/: ");
	if (geteuid() != 0) {
		assert_int_equal(fchmodat(place->fd, "dir", 0500, 0), 0);
		refuses(place, "dir/out", "/dir/out: Permission denied\n");
	}
}

/* Without its name the file was not there; with a failure it never gets it. */
static void a_disk_that_fails(void **state)
{
	static const struct {
		int error;
		const char *advice;
	} cases[] = {
		{EIO, "Input/output error\n  name a file in a directory"},
		{ENOSPC, "No space left on device\n  make room there, or name another place"},
		{EDQUOT, "\n  make room there, or name another place"},
		{EFBIG, "\n  make room there, or name another place"},
	};
	const struct place *place = *state;
	_cleanup_free_ char *out = path_join(place->path, "out");

	assert_int_equal(fs_replace_file(place->fd, "out", "old", 3, 0755), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *said = NULL;
		struct bundle_file file;
		struct capture capture;
		int r;

		assert_int_equal(bundle_file_find(out, &file), 0);
		assert_int_equal(bundle_file_begin(&file), 0);
		assert_int_equal(bundle_file_write(&file, "new", 3), 0);
		disk_error = cases[i].error;
		capture_begin(&capture);
		r = bundle_file_put(&file);
		said = capture_end(&capture);
		disk_error = 0;
		assert_int_equal(r, -1);
		assert_non_null(strstr(said, "cannot write "));
		if (!strstr(said, cases[i].advice))
			fail_msg("said %s", said);
		bundle_file_tidy(&file);
		bundle_file_clear(&file);
		assert_text(place, "out", "old");
		assert_int_equal(names(place), 1);
	}
}

/* What cannot be written, or cut. */
static void writing_that_fails(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *out = path_join(place->path, "out"), *said = NULL;
	struct bundle_file file;
	struct capture capture;

	assert_int_equal(bundle_file_find(out, &file), 0);
	file.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	capture_begin(&capture);
	assert_int_equal(bundle_file_write(&file, "x", 1), -1);
	assert_int_equal(bundle_file_cut(&file, 1), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "out: Bad file descriptor\n"));
	assert_non_null(strstr(said, "out: Invalid argument\n"));
	bundle_file_clear(&file);
}

/* The name that a file has where the file system has none without a name. */
static void what_a_killed_process_leaves(void **state)
{
	const struct place *place = *state;
	const struct bundle_file none = BUNDLE_FILE_NONE;
	_cleanup_free_ char *out = path_join(place->path, "out");
	_cleanup_close_ int kept = -1;
	struct bundle_file file;

	assert_int_equal(bundle_file_find(out, &file), 0);
	assert_string_not_equal(file.temporary, "out");
	assert_int_equal(file.temporary[0], '.');
	assert_int_equal(fs_replace_file(place->fd, file.temporary, "x", 1, 0600), 0);
	/* in the way of nothing */
	write_file(out, "xfirst");
	write_file(out, "xsecond");
	assert_text(place, "out", "xsecond");
	assert_int_equal(fs_replace_file(place->fd, file.temporary, "x", 1, 0600), 0);
	bundle_file_tidy(&file);
	assert_int_equal(names(place), 1);
	bundle_file_clear(&file);
	bundle_file_tidy(&none);
	/* descriptor 0 is one like the others, where the caller has closed stdin */
	kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(STDIN_FILENO);
	assert_int_equal(bundle_file_find(out, &file), 0);
	assert_int_equal(file.dir_fd, STDIN_FILENO);
	assert_int_equal(fs_replace_file(place->fd, file.temporary, "x", 1, 0600), 0);
	bundle_file_tidy(&file);
	bundle_file_clear(&file);
	assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(names(place), 1);
}

/* Until it is whole it has no name, where the file system can do that: SIGKILL leaves nothing. */
static void a_file_without_a_name(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int can = openat(place->fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	_cleanup_free_ char *out = NULL;
	struct bundle_file file;

	if (can < 0)
		skip();
	out = path_join(place->path, "out");
	assert_int_equal(bundle_file_find(out, &file), 0);
	assert_int_equal(bundle_file_begin(&file), 0);
	assert_int_equal(bundle_file_write(&file, "x", 1), 0);
	assert_int_equal(names(place), 0);
	bundle_file_clear(&file);
	assert_int_equal(names(place), 0);
}

/* Write "x" to the file CONTEXT where every file has a name. */
static const char *write_by_name(void *context)
{
	struct bundle_file file;

	refuse_call_if(SYS_openat, 2, BPF_JSET, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP);
	if (bundle_file_find(context, &file) < 0)
		return "no place";
	/* what a process of the same number left, which was killed */
	if (symlinkat("nowhere", file.dir_fd, file.temporary) < 0)
		return "not left";
	if (bundle_file_begin(&file) < 0)
		return "it is not begun";
	if (!fs_exists(file.dir_fd, file.temporary))
		return "it has no name";
	return bundle_file_write(&file, "x", 1) < 0 || bundle_file_put(&file) < 0
		       ? "it is not written"
		       : NULL;
}

static void a_file_with_a_name(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *out = path_join(place->path, "out");
	struct stat st;

	for (int i = 0; i < 2; i++) {
		assert_in_child(write_by_name, out);
		assert_text(place, "out", "x");
		assert_int_equal(fstatat(place->fd, "out", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		assert_int_equal(names(place), 1);
	}
}

int main(void)
{
#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_new_file_and_one_that_is_replaced),
		WITH_PLACE(other_ways_to_name_it),
		WITH_PLACE(places_for_no_file),
		WITH_PLACE(a_disk_that_fails),
		WITH_PLACE(writing_that_fails),
		WITH_PLACE(a_file_without_a_name),
		WITH_PLACE(a_file_with_a_name),
		WITH_PLACE(what_a_killed_process_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
