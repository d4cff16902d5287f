/* NAME.part and its state, without a server: test_download.c has what downloads do with them. */
#include "fetch/part_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../refuse.h"

#define URL "https://example.org/x"

enum { STATE_MAX = 8192 };

static void put(const struct place *place, const char *name, const char *text)
{
	_cleanup_close_ int fd =
		openat(place->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

/* Opens a part of one byte with the STATE, and checks its source and validator (NULL: none). */
static void assert_state(const struct place *place, const char *state, const char *source,
			 const char *validator)
{
	struct part_file part;

	put(place, "x.part", "0");
	put(place, "x.part.state", state);
	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(part.size, 1);
	if (source) {
		assert_string_equal(part.source, source);
		assert_string_equal(part.validator, validator);
	} else {
		assert_null(part.source);
		assert_null(part.validator);
	}
	part_file_close(&part);
}

static void states(void **state)
{
	static const char head[] = URL "\n\"";
	_cleanup_free_ char *longest = xcalloc(STATE_MAX + 2, 1), *validator = NULL;
	struct place *place = *state;

	assert_state(place, URL "\n\"a\"\n", URL, "\"a\"");
	/* a date is a validator too, and has blanks; so may a URL, which libcurl takes */
	assert_state(place, "https://e/a b\nWed, 21 Oct 2015 07:28:00 GMT\n", "https://e/a b",
		     "Wed, 21 Oct 2015 07:28:00 GMT");
	assert_state(place, URL "\n\"~\"\n", URL, "\"~\"");
	assert_state(place, "", NULL, NULL);
	assert_state(place, URL, NULL, NULL);
	assert_state(place, URL "\n", NULL, NULL);
	assert_state(place, URL "\n\"a\"", NULL, NULL);
	assert_state(place, URL "\n\"a\"\nmore", NULL, NULL);
	assert_state(place, URL "\n\"a\"\n\n", NULL, NULL);
	assert_state(place, "\n\"a\"\n", NULL, NULL);
	assert_state(place, URL "\n\n", NULL, NULL);
	assert_state(place, "https://e/\ta\n\"a\"\n", NULL, NULL);
	assert_state(place, URL "\n\"\x7f\"\n", NULL, NULL);
	/* not one byte more than a state may have */
	memset(longest, 'a', STATE_MAX);
	memcpy(longest, head, strlen(head));
	memcpy(longest + STATE_MAX - 2, "\"\n", 2);
	validator = xstrndup(longest + strlen(URL "\n"), STATE_MAX - strlen(URL "\n") - 1);
	assert_state(place, longest, URL, validator);
	memcpy(longest + STATE_MAX - 2, "a\"\n", 3);
	assert_state(place, longest, NULL, NULL);
}

/* Bytes of a new download must never stand beside the state of an old one. */
static void a_state_that_cannot_be_removed(void **state)
{
	struct place *place = *state;
	_cleanup_free_ char *said = NULL, *words = NULL;
	struct capture capture;
	struct part_file part;

	words = xasprintf("nix-user-chroot: cannot remove the state of %s/x.part: %s\n"
			  "  look at that directory\n",
			  place->path, strerror(EISDIR));
	put(place, "x.part", "old");
	assert_int_equal(mkdirat(place->fd, "x.part.state", 0700), 0);
	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_null(part.source);
	capture_begin(&capture);
	assert_int_equal(part_file_restart(&part, URL, "\"a\""), -1);
	said = capture_end(&capture);
	assert_string_equal(said, words);
	/* nothing was done */
	assert_int_equal(part.size, 3);
	part_file_close(&part);
}

static int open_in_the_way(const void *context)
{
	const struct place *place = context;
	struct part_file part;

	/* root would remove it in spite of a mode */
	refuse_call(SYS_unlinkat, -1, EACCES);
	return part_file_open(&part, place->fd, place->path, "x") == -1 ? 0 : 1;
}

static void a_link_that_cannot_be_removed(void **state)
{
	struct place *place = *state;
	_cleanup_free_ char *said = NULL, *words = NULL;
	int status;

	words = xasprintf("nix-user-chroot: cannot remove %s/x.part: %s\n"
			  "  it must be in a directory of yours that can be written to\n",
			  place->path, strerror(EACCES));
	assert_int_equal(symlinkat("elsewhere", place->fd, "x.part"), 0);
	said = child_says(open_in_the_way, place, NULL, &status);
	if (status == NO_FILTER << 8)
		skip();
	assert_string_equal(said, words);
	assert_int_equal(status, 0);
	assert_false(fs_exists(place->fd, "elsewhere"));
}

/* Some file systems tell nothing about their room: proc, and many of FUSE. */
static void room_that_is_unknown(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	char name[] = "x.part";
	struct part_file part = {.fd = fd, .name = name, .path = name};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(part_file_check_room(&part, UINT64_MAX), 0);
	part.fd = -1;
	assert_int_equal(part_file_check_room(&part, UINT64_MAX), 0);
}

/* What can be continued: bytes whose source and validator are known, from that URL. */
static void resuming(void **state)
{
	struct place *place = *state;
	struct part_file part;

	assert_int_equal(part_file_open(&part, place->fd, place->path, "x"), 0);
	assert_int_equal(part_file_restart(&part, URL, "\"a\""), 0);
	assert_false(part_file_can_resume(&part, URL));
	assert_int_equal(part_file_write(&part, "0", 1, 0), 0);
	assert_true(part_file_can_resume(&part, URL));
	assert_true(part_file_can_resume(&part, NULL));
	assert_false(part_file_can_resume(&part, URL "y"));
	/* a validator that would add a header, or none */
	assert_int_equal(part_file_restart(&part, URL, "\"a\"\r\nX: y"), 0);
	assert_int_equal(part_file_write(&part, "0", 1, 0), 0);
	assert_false(part_file_can_resume(&part, NULL));
	assert_false(fs_exists(place->fd, "x.part.state"));
	assert_int_equal(part_file_restart(&part, URL, NULL), 0);
	assert_int_equal(part_file_write(&part, "0", 1, 0), 0);
	assert_false(part_file_can_resume(&part, NULL));
	part_file_close(&part);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACE(states),
		IN_PLACE(a_state_that_cannot_be_removed),
		IN_PLACE(a_link_that_cannot_be_removed),
		cmocka_unit_test(room_that_is_unknown),
		IN_PLACE(resuming),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
