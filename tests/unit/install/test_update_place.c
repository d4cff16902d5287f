/* Replacing the program by a newer one, with its line in the record. */
#include "install/update_place.h"
#include "config.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../refuse.h"

#define OLD_HEX "1111111111111111111111111111111111111111111111111111111111111111"

static const struct update_request request;

static int setup(void **state)
{
	const struct place *place;
	_cleanup_free_ char *nix = NULL;

	umask(022);
	if (empty_environment(NULL) != 0 || place_setup(state) != 0)
		return -1;
	place = *state;
	nix = path_join(place->path, "nix");
	assert_int_equal(setenv("HOME", place->path, 1), 0);
	return setenv("NIX_USER_CHROOT_DIR", nix, 1);
}

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = path_join(place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), mode), 0);
}

static void assert_text(const struct place *place, const char *name, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(fs_read_file(place->fd, name, 1 << 16, &text, &len), 0);
	assert_string_equal(text, expected);
}

/* The program bin/prog, as update_place_find() would find it. */
static void open_place(const struct place *place, struct update_place *out)
{
	put(place, "bin/prog", "old", 0755);
	*out = (struct update_place){
		.path = path_join(place->path, "bin/prog"),
		.fd = openat(place->fd, "bin/prog", O_RDONLY | O_CLOEXEC),
		.dir_fd = openat(place->fd, "bin", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.mode = 0750,
	};
	assert_true(out->fd >= 0 && out->dir_fd >= 0);
}

/* What update_place_put() of "new" returns; *SAID, the caller's to free, is what it says. */
static int put_new(const struct update_place *place, char **said)
{
	struct capture capture;
	struct sha256 digest;
	int r;

	assert_int_equal(sha256_of_bytes("new", 3, &digest), 0);
	capture_begin(&capture);
	r = update_place_put(&request, place, "new", 3, &digest);
	*said = capture_end(&capture);
	return r;
}

static void succeeds(const struct update_place *place)
{
	_cleanup_free_ char *said = NULL;
	sigset_t before, after;

	sigprocmask(SIG_BLOCK, NULL, &before);
	if (put_new(place, &said) != 0 || *said)
		fail_msg("said %s", said);
	sigprocmask(SIG_BLOCK, NULL, &after);
	for (int i = 1; i < 32; i++)
		assert_int_equal(sigismember(&before, i), sigismember(&after, i));
}

static void refuses(const struct update_place *place, const char *message)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(put_new(place, &said), -1);
	assert_one_message(said, message);
}

static void without_a_record(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place program = UPDATE_PLACE_NONE;
	struct stat st;

	open_place(place, &program);
	succeeds(&program);
	assert_text(place, "bin/prog", "new");
	assert_int_equal(fstatat(place->fd, "bin/prog", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	/* nothing is made for the Nix directory that is not there */
	assert_false(fs_exists(place->fd, "nix"));
	/* a second one by the same descriptor finds that it was replaced */
	put(place, "bin/prog", "theirs", 0755);
	refuses(&program, "/bin/prog was replaced or removed meanwhile, and is left as it is\n");
	assert_text(place, "bin/prog", "theirs");
	assert_int_equal(unlinkat(place->fd, "bin/prog", 0), 0);
	refuses(&program, "/bin/prog was replaced or removed meanwhile, and is left as it is\n");
	assert_false(fs_exists(place->fd, "bin/prog"));
}

static void another_update(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place program = UPDATE_PLACE_NONE;
	_cleanup_close_ int other = -1;

	open_place(place, &program);
	other = openat(place->fd, "bin/prog", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX), 0);
	refuses(&program, "another --update of ");
	assert_text(place, "bin/prog", "old");
	assert_int_equal(flock(other, LOCK_UN), 0);
	/* what an earlier call has left in errno is no reason */
	errno = EWOULDBLOCK;
	succeeds(&program);
}

/* The record of nix/, with LINES, in which "@" is the directory of all. */
static void put_record(const struct place *place, const char *lines)
{
	_cleanup_free_ char *text = xstrdup("nix-user-chroot-record 1\n");
	char *longer;

	for (const char *at; (at = strchr(lines, '@')); lines = at + 1) {
		longer = xasprintf("%s%.*s%s", text, (int)(at - lines), lines, place->path);
		free(text);
		text = longer;
	}
	longer = xasprintf("%s%s", text, lines);
	put(place, "nix/" LAYOUT_RECORD, longer, 0644);
	free(longer);
}

/* The digests that the record has of bin/prog, separated by blanks; the caller frees. */
static char *recorded(const struct place *place, const char *name)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int nix = openat(place->fd, "nix", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *path = path_join(place->path, name);
	char *text = xstrdup("");

	assert_int_equal(record_read(nix, &record), 0);
	for (size_t i = 0; i < record.count; i++) {
		char *longer;

		if (strcmp(record.entries[i].subject, path) != 0)
			continue;
		longer = xasprintf("%s%s ", text, record.entries[i].value);
		free(text);
		text = longer;
	}
	return text;
}

static void with_a_record(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place program = UPDATE_PLACE_NONE;
	_cleanup_free_ char *ours = NULL, *other = NULL, *first = NULL;

	open_place(place, &program);
	put_record(place, "link @/bin/other /x\nfile @/bin/prog " OLD_HEX
			  "\nfile @/bin/other " OLD_HEX "\n");
	errno = EWOULDBLOCK;
	succeeds(&program);
	assert_text(place, "bin/prog", "new");
	ours = recorded(place, "bin/prog");
	/* sha256 of "new", alone */
	assert_string_equal(ours,
			    "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437 ");
	other = recorded(place, "bin/other");
	assert_string_equal(other, "/x " OLD_HEX " ");
	assert_false(fs_exists(place->fd, "nix/" LAYOUT_LOCK));
	/* also as the first line */
	update_place_clear(&program);
	open_place(place, &program);
	put_record(place, "file @/bin/prog " OLD_HEX "\n");
	succeeds(&program);
	first = recorded(place, "bin/prog");
	assert_string_equal(first, ours);
}

static const char *put_without_locks(void *ctx)
{
	const struct place *place = ctx;
	struct update_place program;
	char *said;

	open_place(place, &program);
	refuse_call(SYS_flock, -1, ENOLCK);
	return put_new(&program, &said) == 0 && !*said ? NULL : said;
}

/* On a file system without locks two at the same time cannot be kept apart. */
static void without_locks(void **state)
{
	const struct place *place = *state;

	assert_in_child(put_without_locks, *state);
	assert_text(place, "bin/prog", "new");
}

/* A record of other programs is not touched. */
static void another_programs_record(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place program = UPDATE_PLACE_NONE;
	_cleanup_free_ char *other = NULL;

	open_place(place, &program);
	put_record(place, "file @/bin/other " OLD_HEX "\nlink @/bin/prog /x\n");
	succeeds(&program);
	assert_text(place, "bin/prog", "new");
	other = recorded(place, "bin/prog");
	assert_string_equal(other, "/x ");
}

/* A Nix directory that others can write to is not written to: nor is the program replaced. */
static void a_nix_directory_that_is_not_trusted(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place program = UPDATE_PLACE_NONE;

	open_place(place, &program);
	put_record(place, "file @/bin/prog " OLD_HEX "\n");
	assert_int_equal(fchmodat(place->fd, "nix", 0777, 0), 0);
	refuses(&program, "is not used as the Nix directory");
	assert_text(place, "bin/prog", "old");
	assert_int_equal(fchmodat(place->fd, "nix", 0755, 0), 0);
	/* a link in it leads elsewhere */
	assert_int_equal(mkdirat(place->fd, "elsewhere", 0755), 0);
	assert_int_equal(symlinkat("../elsewhere", place->fd, "nix/store"), 0);
	refuses(&program, "nix/store");
	assert_text(place, "bin/prog", "old");
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", "relative", 1), 0);
	refuses(&program, "NIX_USER_CHROOT_DIR");
	assert_text(place, "bin/prog", "old");
}

/* A file that cannot be written: the record keeps both digests, as before any deed. */
static void a_program_that_cannot_be_written(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place program = UPDATE_PLACE_NONE;
	_cleanup_free_ char *ours = NULL;

	open_place(place, &program);
	put_record(place, "file @/bin/prog " OLD_HEX "\n");
	/* its directory is gone, as far as the descriptor tells */
	assert_int_equal(mkdirat(place->fd, "gone", 0755), 0);
	close(program.dir_fd);
	program.dir_fd = openat(place->fd, "gone", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(unlinkat(place->fd, "gone", AT_REMOVEDIR), 0);
	refuses(&program, "cannot write anew");
	assert_text(place, "bin/prog", "old");
	ours = recorded(place, "bin/prog");
	assert_true(str_starts_with(ours, OLD_HEX " "));
	assert_false(fs_exists(place->fd, "nix/" LAYOUT_LOCK));
}

static void the_name_in_the_record(void **state)
{
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *path = path_join(place->path, "bin/prog"), *text = NULL;
	_cleanup_free_ char *link = path_join(place->path, "link/prog");

	put(place, "bin/prog", "", 0755);
	assert_int_equal(symlinkat("bin", place->fd, "link"), 0);
	text = xasprintf("nix-user-chroot-record 1\nlink %s /x\nfile %s " OLD_HEX "\n", path, link);
	assert_int_equal(record_parse(text, strlen(text), &record), 0);
	assert_string_equal(update_recorded_name(&record, path), link);
	assert_null(update_recorded_name(&record, "/bin/prog"));
}

/* This program, which is two files (or belongs to a package): what is said then. */
static void the_program_itself(void **state)
{
	_cleanup_(update_place_clear) struct update_place found = UPDATE_PLACE_NONE;
	_cleanup_free_ char *self = fs_self_path(), *said = NULL, *gone = NULL;
	const struct place *place = *state;
	struct capture capture;
	int kept;

	capture_begin(&capture);
	/* descriptor 0 is one like the others, where the caller has closed stdin */
	kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	close(STDIN_FILENO);
	(void)update_place_find(self, false, &found);
	said = capture_end(&capture);
	assert_null(strstr(said, "cannot open"));
	assert_string_equal(found.path, self);
	assert_true(found.fd >= 0 && found.dir_fd >= 0);
	/* the new program, which may be started, inherits neither */
	assert_int_equal(fcntl(found.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(found.dir_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(found.mode & 0700, 0700);
	update_place_clear(&found);
	assert_null(found.path);
	assert_int_equal(found.fd, -1);
	if (kept >= 0) {
		dup2(kept, STDIN_FILENO);
		close(kept);
	}
	gone = path_join(place->path, "gone");
	capture_begin(&capture);
#ifndef SINGLE_BINARY
	assert_int_equal(update_place_find(gone, false, &found), -1);
#endif
	free(said);
	said = capture_end(&capture);
#ifndef SINGLE_BINARY
	assert_non_null(strstr(said, "cannot tell where this program is"));
#endif
}

/* A name that no file can be opened by. */
static void a_program_that_cannot_be_opened(void **state)
{
	const struct place *place = *state;
	_cleanup_(update_place_clear) struct update_place found = UPDATE_PLACE_NONE;
	_cleanup_free_ char *path = path_join(place->path, "prog"), *said = NULL, *wanted = NULL;
	struct capture capture;
	int r;

#ifdef SINGLE_BINARY
	/* only the running program is looked at */
	skip();
#endif
	assert_int_equal(mknodat(place->fd, "prog", S_IFSOCK | 0755, 0), 0);
	capture_begin(&capture);
	r = update_place_find(path, false, &found);
	said = capture_end(&capture);
	assert_int_equal(r, -1);
	wanted = xasprintf("cannot open %s, or the directory that it is in: No such device or "
			   "address\n",
			   path);
	assert_non_null(strstr(said, wanted));
	assert_null(strstr(said, "is not updated"));
}

int main(void)
{
#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, place_teardown)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(without_a_record),
		WITH_PLACE(another_update),
		WITH_PLACE(with_a_record),
		WITH_PLACE(without_locks),
		WITH_PLACE(another_programs_record),
		WITH_PLACE(a_nix_directory_that_is_not_trusted),
		WITH_PLACE(a_program_that_cannot_be_written),
		WITH_PLACE(the_name_in_the_record),
		WITH_PLACE(the_program_itself),
		WITH_PLACE(a_program_that_cannot_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
