/* NAME.part and its state: what the system refuses, and which state counts. */
#include "fetch/part_file.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../nth.h"
#include "../place.h"
#include "../refuse.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define URL	   "http://x/y"
#define FSTAT	   (-1L) /* fstat(2), by whatever call this libc makes it */
#define UNWRITABLE "\001"

enum deed { OPEN, OPEN_LINK, RESTART, FINISH };

static void put(const struct place *place, const char *name, const char *bytes, size_t len)
{
	assert_int_equal(fs_replace_file(place->fd, name, bytes, len, 0600), 0);
}

static void refuse(long call, int err)
{
	if (call == SYS_fcntl) {
		refuse_call_with(SYS_fcntl, 1, F_DUPFD_CLOEXEC, err);
	} else if (call == FSTAT) {
#ifdef SYS_newfstatat
		refuse_call_with(SYS_newfstatat, 3, AT_EMPTY_PATH, err);
#endif
#ifdef SYS_fstat
		refuse_call(SYS_fstat, -1, err);
#endif
	} else {
		refuse_call(call, -1, err);
	}
}

/* A call that fails. */
struct refused {
	const struct place *place;
	enum deed deed;
	long call;
	int err;
};

/* What the deed returns where the call fails; the child that does it cannot go back. */
static int do_refused(const void *context)
{
	const struct refused *what = context;
	const struct place *place = what->place;
	struct part_file part;

	if (what->deed == OPEN_LINK && symlinkat("elsewhere", place->fd, "x.part") < 0)
		return 99;
	if (what->deed > OPEN_LINK && part_file_open(&part, place->fd, place->path, "x") < 0)
		return 98;
	refuse(what->call, what->err);
	switch (what->deed) {
	case OPEN:
	case OPEN_LINK:
		return part_file_open(&part, place->fd, place->path, "x");
	case RESTART:
		return part_file_restart(&part, URL, "\"a\"");
	default:
		return part_file_finish(&part);
	}
}

static void what_is_refused_is_said(void **state)
{
	static const struct {
		enum deed deed;
		long call;
		int err;
		const char *verb; /* NULL: it succeeds, and says nothing */
		int said;
	} cases[] = {
		{OPEN, SYS_openat, EIO, "create", EIO},
		{OPEN, SYS_openat, ENOENT, "create", ENOENT},
		{OPEN, FSTAT, EIO, "create", EIO},
		{OPEN_LINK, SYS_unlinkat, EIO, "remove", EIO},
		/* somebody removed it meanwhile; but here it stays */
		{OPEN_LINK, SYS_unlinkat, ENOENT, "create", ELOOP},
		{RESTART, SYS_unlinkat, EIO, "remove the state of", EIO},
		{RESTART, SYS_unlinkat, ENOENT, NULL, 0},
		{RESTART, SYS_ftruncate, EIO, "empty", EIO},
		/* the state is for a later run alone */
		{RESTART, SYS_openat, EIO, NULL, 0},
		{FINISH, SYS_fcntl, EMFILE, "write", EMFILE},
		{FINISH, SYS_close, EIO, "write", EIO},
		{FINISH, SYS_openat, EIO, "read", EIO},
		{FINISH, FSTAT, EIO, "read", EIO},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct refused what = {place, cases[i].deed, cases[i].call, cases[i].err};
		_cleanup_free_ char *said = NULL, *words = NULL;
		int status;

		(void)!unlinkat(place->fd, "x.part", 0);
		said = child_says(do_refused, &what, NULL, &status);
		words = cases[i].verb
				? xasprintf("nix-user-chroot: cannot %s %s/x.part: %s\n"
					    "  look at that directory\n",
					    cases[i].verb, place->path, strerror(cases[i].said))
				: xstrdup("");
		assert_string_equal(said, words);
		assert_int_equal(status, W_EXITCODE(cases[i].verb ? 255 : 0, 0));
	}
}

/* The state that LEN bytes are counts, or not: also one byte of the file can be continued. */
static void expect_state(const struct place *place, const char *bytes, size_t len, bool counts)
{
	struct part_file part;

	put(place, "x.part", "0", 1);
	put(place, "x.part.state", bytes, len);
	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(part.size, 1);
	if (part_file_can_resume(&part, URL) != counts)
		fail_msg("counts: %d: %s", !counts, bytes);
	assert_false(part_file_can_resume(&part, "http://x/z"));
	part_file_close(&part);
}

static void which_state_counts(void **state)
{
	static const char head[] = URL "\n";
	static const struct {
		const char *text;
		bool counts;
	} cases[] = {
		{URL "\n\"a\"\n", true},
		{URL "\n\"a b\"\n", true},
		{URL "\n\"\xc3\xa9\"\n", true},
		{URL "\n ~\n", true},
		{URL "\n\"\x1f\"\n", false},
		{URL "\n\"\x7f\"\n", false},
		{URL "\x1f\n\"a\"\n", false},
		{"\n\"a\"\n", false},
		{URL "\n\n", false},
		{URL "\n\"a\"", false},
		{URL "\n\"a\"\n\n", false},
		{URL "\n\"a\"\nx", false},
		{URL, false},
		{"", false},
	};
	char longest[8193];

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect_state(*state, cases[i].text, strlen(cases[i].text), cases[i].counts);
	expect_state(*state, URL "\n\"a\"\n", sizeof(URL "\n\"a\"\n"), false); /* with a NUL */
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, head, strlen(head));
	longest[8191] = '\n';
	expect_state(*state, longest, 8192, true);
	longest[8191] = 'x';
	longest[8192] = '\n';
	expect_state(*state, longest, 8193, false);
}

/* What could add a line to the state, or a header to a request, is not kept at all. */
static void which_validator_is_kept(void **state)
{
	static const struct {
		const char *url, *validator;
		bool kept;
	} cases[] = {
		{URL, "\"a\"", true},
		{URL, "\" ~\xc3\xa9\"", true},
		{URL, NULL, false},
		{URL, "\"\x1f\"", false},
		{URL, "\"\x7f\"", false},
		{URL, "\"a\n\"", false},
		{URL UNWRITABLE, "\"a\"", false},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct part_file part;

		assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
		assert_int_equal(part_file_restart(&part, cases[i].url, "\"old\""), 0);
		assert_int_equal(part_file_write(&part, "old", 3, 0), 0);
		assert_int_equal(part_file_restart(&part, cases[i].url, cases[i].validator), 0);
		assert_int_equal(part.size, 0);
		assert_int_equal(lseek(part.fd, 0, SEEK_END), 0);
		assert_false(part_file_can_resume(&part, NULL));
		assert_int_equal(part_file_write(&part, "0", 1, 0), 0);
		assert_int_equal(part_file_can_resume(&part, NULL), cases[i].kept);
		assert_int_equal(part_file_can_resume(&part, cases[i].url), cases[i].kept);
		assert_int_equal(fs_exists(place->fd, "x.part.state"), cases[i].kept);
		part_file_remove(place->fd, "x");
		part_file_close(&part);
		assert_false(fs_exists(place->fd, "x.part"));
		assert_false(fs_exists(place->fd, "x.part.state"));
	}
}

/* Where the state cannot be written, this run can continue all the same; -v says why none is. */
static int without_state(const void *context)
{
	const struct place *place = context;
	struct part_file part;

	log_set_level(LOG_VERBOSE);
	if (part_file_open(&part, place->fd, place->path, "x") < 0)
		return 1;
	refuse_call(SYS_openat, -1, EIO);
	return part_file_restart(&part, URL, "\"a\"") != 0 ||
	       part_file_write(&part, "0", 1, 0) != 0 || !part_file_can_resume(&part, URL);
}

static void a_state_that_cannot_be_written(void **state)
{
	const struct place *place = *state;
	int status;
	_cleanup_free_ char *said = child_says(without_state, place, NULL, &status);
	_cleanup_free_ char *words =
		xasprintf("nix-user-chroot: cannot note the state of %s/x.part: %s\n", place->path,
			  strerror(EIO));

	assert_string_equal(said, words);
	assert_int_equal(status, 0);
}

static int restart_verbosely(void *ctx)
{
	const struct place *place = ctx;
	struct part_file part;

	log_set_level(LOG_VERBOSE);
	return part_file_open(&part, place->fd, place->path, "x") != 0 ||
	       part_file_restart(&part, URL, "\"a\"") != 0;
}

static void a_state_on_a_full_disk(void **state)
{
	struct capture capture;
	_cleanup_free_ char *said = NULL;
	int status, r;

	capture_begin(&capture);
	r = nth_fails(SYS_write, 1, ENOSPC, restart_verbosely, *state, &status);
	said = capture_end(&capture);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
	assert_one_message(said, "cannot note the state of ");
	assert_has(said, "/x.part: No space left on device\n");
}

/* Somebody gives another file the name of the state, in the moment after the old state is gone. */
static void link_as_state(void *ctx)
{
	const struct place *place = ctx;

	assert_int_equal(linkat(place->fd, "mine", place->fd, "x.part.state", 0), 0);
}

static int restart_there(void *ctx)
{
	const struct place *place = ctx;
	struct part_file part;

	return part_file_open(&part, place->fd, place->path, "x") != 0 ||
	       part_file_restart(&part, URL, "\"a\"") != 0;
}

static void a_state_is_written_to_a_new_file_alone(void **state)
{
	const struct nth emptying = {.number = SYS_ftruncate, .nth = 1, .meanwhile = link_as_state};
	struct place *place = *state;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int status, r;

	put(place, "mine", "0123", 4);
	r = nth_happens(&emptying, restart_there, place, &status);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
	assert_int_equal(fs_read_file(place->fd, "mine", 100, &text, &len), 0);
	assert_string_equal(text, "0123");
}

/* A file system that tells nothing of itself, as some FUSE file systems, is not refused. */
static void room_that_nobody_knows(void **state)
{
	const struct place *place = *state;
	struct part_file part;

	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(part_file_check_room(&part, 1), 0);
	close(part.fd);
	part.fd = -1;
	assert_int_equal(part_file_check_room(&part, UINT64_C(1) << 60), 0);
	part.fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	assert_int_equal(part_file_check_room(&part, UINT64_C(1) << 60), 0);
	part_file_close(&part);
}

/* In the place of the file is a link to it, or a fifo: nothing is read by that name. */
static void another_file_at_the_end(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *path = path_join(place->path, "x.part"), *said = NULL, *words = NULL;
	struct capture capture;
	struct part_file part;

	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(renameat(place->fd, "x.part", place->fd, "y"), 0);
	assert_int_equal(symlinkat("y", place->fd, "x.part"), 0);
	capture_begin(&capture);
	assert_int_equal(part_file_finish(&part), -1);
	assert_int_equal(unlinkat(place->fd, "x.part", 0), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(part_file_finish(&part), -1);
	said = capture_end(&capture);
	words = xasprintf("nix-user-chroot: cannot read %s: %s\n  look at that directory\n"
			  "nix-user-chroot: cannot read %s: %s\n  look at that directory\n",
			  path, strerror(ELOOP), path, strerror(ESTALE));
	assert_string_equal(said, words);
	part_file_close(&part);
}

static int write_refused(const void *context)
{
	const struct refused *what = context;
	struct part_file part;

	refuse_call(SYS_pwrite64, -1, what->err);
	return part_file_open(&part, what->place->fd, what->place->path, "x") != 0 ||
	       part_file_write(&part, "x", 1, 20) != -1 || part_file_write(&part, "x", 1, 0) != -1;
}

static int write_bytes(void *ctx)
{
	const struct place *place = ctx;
	struct part_file part;

	return part_file_open(&part, place->fd, place->path, "x") != 0 ||
	       part_file_write(&part, "bytes", 5, 0) != 0 || part.size != 5;
}

/* A signal that comes meanwhile costs nothing; after a call that writes less, the rest follows. */
static void what_is_written_again(void **state)
{
	static const struct {
		struct nth what;
		const char *bytes;
	} cases[] = {
		{{.number = SYS_pwrite64, .nth = 1, .err = EINTR}, "bytes"},
		/* these two are said to be written, and are not */
		{{.number = SYS_pwrite64, .nth = 1, .value = 2}, "\0\0tes"},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_free_ char *text = NULL;
		int status, r = nth_happens(&cases[i].what, write_bytes, *state, &status);
		size_t len;

		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, 0);
		assert_int_equal(fs_read_file(place->fd, "x.part", 100, &text, &len), 0);
		assert_int_equal(len, 5);
		assert_memory_equal(text, cases[i].bytes, 5);
		part_file_remove(place->fd, "x");
	}
}

/* What the user can do about a file that cannot be written depends on why. */
static void advice_for_a_part(void **state)
{
	static const struct {
		int err;
		const char *advice;
	} cases[] = {
		{ENOSPC, "make room there, and run it again: what has come is kept"},
		{EDQUOT, "make room there, and run it again: what has come is kept"},
		{EACCES, "it must be in a directory of yours that can be written to"},
		{EPERM, "it must be in a directory of yours that can be written to"},
		{EROFS, "it must be in a directory of yours that can be written to"},
		{EIO, "look at that directory"},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_free_ char *words = xasprintf(
			"nix-user-chroot: cannot write more than 0 of 20 bytes to %s/x.part: %s\n"
			"  %s\n"
			"nix-user-chroot: cannot write to %s/x.part: %s\n  %s\n",
			place->path, strerror(cases[i].err), cases[i].advice, place->path,
			strerror(cases[i].err), cases[i].advice);
		const struct refused what = {.place = place, .err = cases[i].err};
		int status;
		_cleanup_free_ char *said = child_says(write_refused, &what, NULL, &status);

		assert_int_equal(status, 0);
		assert_string_equal(said, words);
	}
}

/* The file must still have its name at the end: what is read then is what was written. */
static void a_part_that_was_replaced(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	struct part_file part;
	char byte;
	int fd;

	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(fcntl(part.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(part_file_write(&part, "mine", 4, 0), 0);
	fd = part_file_finish(&part);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'm');
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	assert_int_equal(unlinkat(place->fd, "x.part", 0), 0);
	capture_begin(&capture);
	assert_int_equal(part_file_finish(&part), -1);
	put(place, "x.part", "theirs", 6);
	assert_int_equal(part_file_finish(&part), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "/x.part: No such file or directory\n"));
	assert_non_null(strstr(said, "/x.part: Stale file handle\n"));
	part_file_close(&part);
}

static void room_for_a_part(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL, *words = NULL;
	struct capture capture;
	struct part_file part;

	words = xasprintf("nix-user-chroot: cannot write %s/x.part: it needs ", place->path);
	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(part_file_check_room(&part, 1), 0);
	capture_begin(&capture);
	assert_int_equal(part_file_check_room(&part, UINT64_C(1) << 60), -1);
	said = capture_end(&capture);
	assert_int_equal(strncmp(said, words, strlen(words)), 0);
	/* what has come is not needed again */
	part.size = (UINT64_C(1) << 60) - 1;
	assert_int_equal(part_file_check_room(&part, UINT64_C(1) << 60), 0);
	part.size = UINT64_C(1) << 61;
	assert_int_equal(part_file_check_room(&part, UINT64_C(1) << 60), 0);
	part_file_close(&part);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(what_is_refused_is_said),
		IN_PLACE(which_state_counts),
		IN_PLACE(which_validator_is_kept),
		IN_PLACE(a_state_that_cannot_be_written),
		IN_PLACE(a_state_on_a_full_disk),
		IN_PLACE(a_state_is_written_to_a_new_file_alone),
		IN_PLACE(room_that_nobody_knows),
		IN_PLACE(another_file_at_the_end),
		IN_PLACE(what_is_written_again),
		IN_PLACE(advice_for_a_part),
		IN_PLACE(a_part_that_was_replaced),
		IN_PLACE(room_for_a_part),
	};

	return cmocka_run_group_tests_name("part_file", tests, NULL, NULL);
}
