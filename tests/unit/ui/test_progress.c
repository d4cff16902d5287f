/*
 * The live line at every width, and what is written to the terminal when.
 */
#include "ui/log.h"
#include "ui/progress.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"

/* Returns the columns that the UTF-8 text S takes; S has no wide characters. */
static size_t columns_of(const char *s)
{
	size_t columns = 0;

	for (; *s; s++)
		columns += ((unsigned char)*s & 0xc0) != 0x80;
	return columns;
}

/* A download at 4.0 MB/s, three seconds after its beginning: 7.6 of 18.1 MB */
static struct progress halfway(bool is_utf8)
{
	return (struct progress){
		.style = PROGRESS_LIVE,
		.is_utf8 = is_utf8,
		.label = "downloading",
		.begun = 1000,
		.done = 13600000,
		.total = 18100000,
		.samples = {{1000, 1600000}, {2000, 5600000}, {3000, 9600000}},
		.sample_count = 3,
	};
}

static void assert_line(const struct progress *progress, uint64_t now, size_t columns,
			const char *expected)
{
	_cleanup_free_ char *line = progress_line(progress, now, columns);

	assert_string_equal(line, expected);
}

static void test_line(void **state)
{
	struct progress ascii = halfway(false), utf8 = halfway(true);

	(void)state;
	assert_line(
		&ascii, 4000, 80,
		"downloading  [############-----]   75 %  13.6 of 18.1 MB  4.0 MB/s  0:01 left");
	assert_line(
		&utf8, 4000, 80,
		"downloading  ██████████████░░░░░   75 %  13.6 of 18.1 MB  4.0 MB/s  0:01 left");
	assert_line(&ascii, 4000, 50, "downloading   75 %  13.6 of 18.1 MB  0:01 left");
	assert_line(&ascii, 4000, 40, "downloading   75 %  13.6 of 18.1 MB");
	assert_line(&ascii, 4000, 24, "downloading   75 %");
	assert_line(&ascii, 4000, 12, "downloadi");
	assert_line(&ascii, 4000, 0, "d");
}

/* The line is never wider than the terminal, and does not get shorter in a wider terminal. */
static void test_every_width(void **state)
{
	struct progress progress = halfway(true);
	size_t before = 0;

	(void)state;
	for (size_t columns = 4; columns < 300; columns++) {
		_cleanup_free_ char *line = progress_line(&progress, 4000, columns);

		assert_true(columns_of(line) + 3 <= columns);
		/*
		 * where the bar or another part appears, the line gets longer and no other part
		 * disappears
		 */
		assert_true(columns_of(line) >= before || columns_of(line) + 34 >= before);
		before = columns_of(line);
	}
	assert_true(before < 110);
}

static void test_unknown_total(void **state)
{
	struct progress progress = halfway(false);

	(void)state;
	progress.total = 0;
	assert_line(&progress, 4000, 80, "downloading  13.6 MB  4.0 MB/s");
	progress.done = 0;
	progress.sample_count = 0;
	assert_line(&progress, 1999, 80, "downloading");
	assert_line(&progress, 2000, 80, "downloading  0:01");
	assert_line(&progress, 66000, 80, "downloading  1:05");
	assert_line(&progress, 1000 + 3723000, 80, "downloading  1:02:03");
}

/* No bytes come any more: no rate is shown, and no remaining time. */
static void test_stalled(void **state)
{
	struct progress progress = halfway(false);

	(void)state;
	for (size_t i = 0; i < progress.sample_count; i++)
		progress.samples[i].done = progress.done;
	assert_line(
		&progress, 9000, 80,
		"downloading  [#####################--------]   75 %  13.6 of 18.1 MB  stalled");
}

/* Where the rate, "stalled", the bar and the time left appear and disappear. */
static void test_bounds(void **state)
{
	struct progress progress = halfway(false);

	(void)state;
	/* the rate is known after one second, and a single sample is enough */
	progress.sample_count = 1;
	assert_line(&progress, 1999, 60,
		    "downloading  [#############-----]   75 %  13.6 of 18.1 MB");
	assert_line(&progress, 2000, 60,
		    "downloading   75 %  13.6 of 18.1 MB  12.0 MB/s  0:00 left");
	progress.samples[0].done = progress.done;
	assert_line(&progress, 3999, 60,
		    "downloading  [#############-----]   75 %  13.6 of 18.1 MB");
	assert_line(&progress, 4000, 62,
		    "downloading  [########---]   75 %  13.6 of 18.1 MB  stalled");
	progress.sample_count = 0;
	assert_line(&progress, 9000, 60,
		    "downloading  [#############-----]   75 %  13.6 of 18.1 MB");
	/* a bar of less than eight cells says nothing */
	assert_line(&progress, 9000, 48, "downloading  [####--]   75 %  13.6 of 18.1 MB");
	assert_line(&progress, 9000, 47, "downloading   75 %  13.6 of 18.1 MB");
	/* all bytes are there */
	progress = halfway(false);
	progress.done = progress.total;
	assert_line(&progress, 4000, 70,
		    "downloading  [##################]  100 %  18.1 of 18.1 MB  5.5 MB/s");
	progress.done = 980000;
	progress.samples[0].done = 0;
	progress.sample_count = 1;
	assert_line(&progress, 2000, 61,
		    "downloading    5 %  980 kB of 18.1 MB  980 kB/s  0:17 left");
	progress.style = PROGRESS_PLAIN;
	assert_line(&progress, 2000, 80,
		    "downloading    5 %  980 kB of 18.1 MB  980 kB/s  0:17 left");
	/* an hour */
	progress.total = progress.done = progress.sample_count = 0;
	assert_line(&progress, 1000 + 3599000, 80, "downloading  59:59");
	assert_line(&progress, 1000 + 3600000, 80, "downloading  1:00:00");
	assert_line(&progress, 1000 + 7384000, 80, "downloading  2:03:04");
}

/* More bytes than were announced, and an impossible rate. */
static void test_absurd(void **state)
{
	struct progress progress = halfway(false);

	(void)state;
	progress.done = 2 * progress.total;
	assert_line(&progress, 4000, 120, "downloading  36.2 MB  11.5 MB/s");
	progress.done = UINT64_MAX;
	progress.total = UINT64_MAX;
	free(progress_line(&progress, UINT64_MAX, 80));
	progress.sample_count = 1;
	progress.samples[0] = (struct progress_sample){UINT64_MAX, UINT64_MAX};
	free(progress_line(&progress, 0, 80));
}

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 bytes"},
		{1, "1 bytes"},
		{999, "999 bytes"},
		{1000, "1.0 kB"},
		{99949, "99.9 kB"},
		{99950, "100 kB"},
		{999499, "999 kB"},
		{999949, "1000 kB"},
		{999950, "1.0 MB"},
		{18100000, "18.1 MB"},
		{UINT64_C(1) << 32, "4.3 GB"},
		{UINT64_MAX, "18446744 TB"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *text = str_size(cases[i].bytes);

		assert_string_equal(text, cases[i].text);
	}
}

/* Returns what SCENE prints on stderr with PROGRESS; the caller frees. */
static char *said_by(void (*scene)(struct progress *), struct progress *progress)
{
	struct capture capture;

	capture_begin(&capture);
	scene(progress);
	return capture_end(&capture);
}

/* A step, with everything that can happen to its line */
static void live_scene(struct progress *progress)
{
	progress_begin(progress, "downloading", "%s", "URL");
	log_info("a message");
	log_output("half a", 6);
	log_output(" line\n", 6);
	progress_update(progress, 0, 0);
	log_verbose("not shown");
	progress_end(progress, "it is %s", "there");
	progress_begin(progress, "unpacking", NULL);
	log_error("it broke");
	log_info("after it");
	progress_drop(progress);
}

static void test_live(void **state)
{
	struct progress progress = {.style = PROGRESS_LIVE, .is_utf8 = true, .group = getpgrp()};
	_cleanup_free_ char *said = said_by(live_scene, &progress);

	(void)state;
	assert_string_equal(said, "\r\033[Kdownloading"
				  "\r\033[Knix-user-chroot: a message\ndownloading"
				  "\r\033[K"
				  "✓ it is there\n"
				  "\r\033[Kunpacking"
				  "\r\033[K"
				  "nix-user-chroot: it broke\n"
				  "nix-user-chroot: after it\n");
	assert_null(progress.label);
}

static void test_plain(void **state)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = said_by(live_scene, &progress);

	(void)state;
	assert_string_equal(said, "nix-user-chroot: downloading URL\n"
				  "nix-user-chroot: a message\n"
				  "nix-user-chroot: it broke\n"
				  "nix-user-chroot: after it\n");
}

/* Without a terminal there is a line every five seconds, and no more. */
static void plain_scene(struct progress *progress)
{
	progress_begin(progress, "downloading", "URL");
	for (int i = 0; i < 1000; i++)
		progress_update(progress, 1000, 4000);
	progress->begun -= 5000; /* as if five seconds had passed */
	progress->shown -= 5000;
	for (int i = 0; i < 1000; i++)
		progress_update(progress, 2000, 4000);
}

static void test_plain_every_few_seconds(void **state)
{
	struct progress progress = {.style = PROGRESS_PLAIN, .is_utf8 = true};
	_cleanup_free_ char *said = said_by(plain_scene, &progress);

	(void)state;
	assert_string_equal(said, "nix-user-chroot: downloading URL\n"
				  "nix-user-chroot: downloading   50 %  2.0 of 4.0 kB\n");
}

/*
 * With -v the script's output is above the progress line, which comes back only after a complete
 * line of output.
 */
static void test_verbose(void **state)
{
	struct progress progress = {.style = PROGRESS_LIVE, .group = getpgrp()};
	_cleanup_free_ char *said = NULL;

	(void)state;
	log_set_level(LOG_VERBOSE);
	said = said_by(live_scene, &progress);
	log_set_level(LOG_NORMAL);
	assert_non_null(strstr(said, "a message\ndownloading\r\033[Khalf a line\n"));
	assert_non_null(strstr(said, "nix-user-chroot: not shown\n"));
}

/*
 * An incomplete line of output stays, whatever time passes, and a message begins on a line of its
 * own.
 */
static void broken_scene(struct progress *progress)
{
	progress_begin(progress, "running", NULL);
	log_output("copying...", 10);
	progress->shown -= 1000;
	progress_update(progress, 0, 0);
	log_output(".", 1);
	log_info("a message");
	log_output("half", 4);
	progress_end(progress, "it has run");
}

static void test_begun_line(void **state)
{
	struct progress progress = {.style = PROGRESS_LIVE, .group = getpgrp()};
	_cleanup_free_ char *said = NULL;

	(void)state;
	log_set_level(LOG_VERBOSE);
	said = said_by(broken_scene, &progress);
	log_set_level(LOG_NORMAL);
	assert_string_equal(said, "\r\033[Krunning\r\033[Kcopying....\n"
				  "nix-user-chroot: a message\nhalf\n* it has run\n");
}

/* A child does not know its parent's progress line, and leaves it alone. */
static void forgetful_scene(struct progress *progress)
{
	progress_begin(progress, "running", NULL);
	log_forget_status();
	log_info("of a child");
}

static void test_forgotten(void **state)
{
	struct progress progress = {.style = PROGRESS_LIVE, .group = getpgrp()};
	_cleanup_free_ char *said = said_by(forgetful_scene, &progress);

	(void)state;
	assert_string_equal(said, "\r\033[Krunningnix-user-chroot: of a child\n");
}

/* The time is the kernel's; the first bytes are a sample, however many they are. */
static void test_clock(void **state)
{
	struct progress progress = {.style = PROGRESS_LIVE, .group = -1};
	uint64_t begun;

	(void)state;
	progress_begin(&progress, "running", NULL);
	begun = progress.begun;
	usleep(20000);
	progress_begin(&progress, "running", NULL);
	assert_in_range(progress.begun, begun + 20, begun + 20000);
	progress_update(&progress, UINT64_C(1) << 62, 0);
	assert_int_equal(progress.sample_count, 1);
	assert_true(progress.samples[0].done == UINT64_C(1) << 62);
	progress_drop(&progress);
}

/* --quiet also applies to steps. */
static void test_quiet(void **state)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = NULL;

	(void)state;
	log_set_level(LOG_ERROR);
	said = said_by(live_scene, &progress);
	log_set_level(LOG_NORMAL);
	assert_string_equal(said, "nix-user-chroot: it broke\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_unknown_total),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_absurd),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_plain_every_few_seconds),
		cmocka_unit_test(test_verbose),
		cmocka_unit_test(test_begun_line),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
