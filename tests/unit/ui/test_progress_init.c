/* What the terminal and the environment say about progress, and what its steps remember. */
#include "ui/log.h"
#include "ui/progress.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"

/* Does the terminal have UTF-8 with these values of the variables (NULL: unset)? */
static bool is_utf8(const char *all, const char *ctype, const char *lang)
{
	const char *const values[] = {all, ctype, lang};
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	struct progress progress;

	for (size_t i = 0; i < 3; i++) {
		unsetenv(names[i]);
		if (values[i])
			setenv(names[i], values[i], 1);
	}
	progress_init(&progress);
	return progress.is_utf8;
}

static void locales(void **state)
{
	(void)state;
	assert_true(is_utf8(NULL, NULL, "en_GB.UTF-8"));
	assert_true(is_utf8(NULL, NULL, "de_DE.utf8"));
	assert_true(is_utf8(NULL, NULL, "de_DE.UTF-8@euro"));
	assert_true(is_utf8("C.utf-8", NULL, NULL));
	assert_true(is_utf8(NULL, "C.UTF8", "C"));
	assert_false(is_utf8(NULL, NULL, NULL));
	assert_false(is_utf8(NULL, NULL, "C"));
	assert_false(is_utf8(NULL, NULL, "en_GB.ISO-8859-1"));
	assert_false(is_utf8(NULL, NULL, "UTF-8"));
	/* the first that is set counts; an empty one is none */
	assert_false(is_utf8("C", "en_GB.UTF-8", "en_GB.UTF-8"));
	assert_false(is_utf8(NULL, "C", "en_GB.UTF-8"));
	assert_true(is_utf8("en_GB.UTF-8", "C", "C"));
	assert_true(is_utf8("", "", "en_GB.UTF-8"));
	is_utf8(NULL, NULL, NULL);
}

struct terminal {
	const char *term;
	enum log_level level;
	enum progress_style style;
	unsigned short width;
};

static const char *on_a_terminal(void *ctx)
{
	const struct terminal *terminal = ctx;
	struct winsize size = {.ws_col = terminal->width, .ws_row = 24};
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct progress progress;

	if (master < 0 || unlockpt(master) < 0)
		return NULL; /* none to be had on this host */
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0 || dup2(slave, STDERR_FILENO) < 0 || ioctl(slave, TIOCSWINSZ, &size) < 0)
		return "no terminal";
	unsetenv("TERM");
	if (terminal->term)
		setenv("TERM", terminal->term, 1);
	setenv("COLUMNS", "77", 1);
	log_set_level(terminal->level);
	progress_init(&progress);
	if (progress.style != terminal->style)
		return "another style";
	if (progress.group != getpgrp())
		return "another group";
	if (progress_columns() != (terminal->width ? terminal->width : 77))
		return "another width";
	return NULL;
}

static void terminals(void **state)
{
	static const struct terminal terminals[] = {
		{"xterm", LOG_NORMAL, PROGRESS_LIVE, 132}, {"xterm", LOG_DEBUG, PROGRESS_LIVE, 1},
		{"xterm", LOG_ERROR, PROGRESS_PLAIN, 80},  {"dumb", LOG_NORMAL, PROGRESS_PLAIN, 80},
		{NULL, LOG_NORMAL, PROGRESS_PLAIN, 0},	   {"", LOG_NORMAL, PROGRESS_PLAIN, 80},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		struct terminal one = terminals[i];

		assert_in_child(on_a_terminal, &one);
	}
}

/* Without a terminal: plain lines, and the width that a variable says. */
static void no_terminal(void **state)
{
	static const struct {
		const char *columns;
		size_t width;
	} cases[] = {
		{"100", 100},	{"1", 1},
		{"9999", 9999}, {"10000", 80},
		{"0", 80},	{"-3", 80},
		{"wide", 80},	{"", 80},
		{NULL, 80},	{"99999999999999999999", 80},
	};
	struct progress progress;
	struct capture capture;

	(void)state;
	setenv("TERM", "xterm", 1);
	capture_begin(&capture);
	progress_init(&progress);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsetenv("COLUMNS");
		if (cases[i].columns)
			setenv("COLUMNS", cases[i].columns, 1);
		assert_int_equal(progress_columns(), cases[i].width);
	}
	free(capture_end(&capture));
	unsetenv("COLUMNS");
	assert_int_equal(progress.style, PROGRESS_PLAIN);
	assert_null(progress.label);
	assert_int_equal(progress.sample_count, 0);
}

static void colors(void **state)
{
	struct progress with, without;

	(void)state;
	unsetenv("NO_COLOR");
	progress_init(&with);
	setenv("NO_COLOR", "1", 1);
	progress_init(&without);
	unsetenv("NO_COLOR");
	assert_true(with.has_color);
	assert_false(without.has_color);
}

/* Returns what SCENE prints on stderr with PROGRESS; the caller frees. */
static char *said_by(void (*scene)(struct progress *), struct progress *progress)
{
	struct capture capture;

	capture_begin(&capture);
	scene(progress);
	return capture_end(&capture);
}

static void end_scene(struct progress *progress)
{
	progress_begin(progress, "a", NULL);
	progress_end(progress, "it is %s", "there\033");
	assert_null(progress->label);
	progress_begin(progress, "b", NULL);
	progress_drop(progress);
	assert_null(progress->label);
	progress_abandon(progress);
}

static void ends(void **state)
{
	struct progress live = {.style = PROGRESS_LIVE, .has_color = true, .group = getpgrp()};
	struct progress plain = {.style = PROGRESS_PLAIN, .has_color = true};
	_cleanup_free_ char *on_terminal = said_by(end_scene, &live);
	_cleanup_free_ char *elsewhere = said_by(end_scene, &plain);

	(void)state;
	assert_string_equal(on_terminal, "\r\033[Ka\r\033[K\033[32m*\033[m it is there\\u001B\n"
					 "\r\033[Kb\r\033[K\r\033[K");
	assert_string_equal(elsewhere, "");
}

/* A step begins anew, whatever the one before it has left. */
static void steps_scene(struct progress *progress)
{
	assert_int_equal(progress_update(progress, 7, 9), 0);
	assert_int_equal(progress->done, 0);
	progress_begin(progress, "first", "file");
	assert_int_equal(progress_update(progress, 700, 900), 0);
	assert_int_equal(progress->done, 700);
	assert_int_equal(progress->total, 900);
	assert_int_equal(progress->sample_count, 1);
	progress->shown = 0;
	progress_wait(progress, "waiting");
	assert_string_equal(progress->label, "first");
	progress_update(progress, 1, 900);
	/* fewer bytes than before: what was measured does not count */
	assert_int_equal(progress->sample_count, 1);
	assert_int_equal(progress->samples[0].done, 1);
	progress_end(progress, "done");
	progress_begin(progress, "second", "file");
	assert_int_equal(progress->done, 0);
	assert_int_equal(progress->total, 0);
	assert_int_equal(progress->sample_count, 0);
	assert_int_equal(progress->begun, progress->shown);
	progress_update(progress, 0, 900);
	assert_int_equal(progress->sample_count, 0);
	progress_update(progress, 1, 900);
	assert_int_equal(progress->sample_count, 1);
	/* a second is too short for another line */
	progress->shown -= 1000;
	progress_update(progress, 2, 900);
	progress_drop(progress);
}

static void steps(void **state)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = said_by(steps_scene, &progress);

	(void)state;
	assert_string_equal(said, "nix-user-chroot: first file\nnix-user-chroot: waiting\n"
				  "nix-user-chroot: second file\n");
}

/* One sample a second, the last eight of them; what came before a restart does not count. */
static void samples_scene(struct progress *progress)
{
	progress_begin(progress, "downloading", NULL);
	for (uint64_t i = 1; i <= 20; i++) {
		progress_update(progress, 1000 * i, 0);
		progress_update(progress, 1000 * i, 0);
		assert_int_equal(progress->sample_count, i < 8 ? i : 8);
		assert_int_equal(progress->samples[progress->sample_count - 1].done, 1000 * i);
		assert_int_equal(progress->samples[0].done, i < 8 ? 1000 : 1000 * (i - 7));
		/* as if a second had passed */
		for (size_t k = 0; k < progress->sample_count; k++)
			progress->samples[k].ms -= PROGRESS_SAMPLE_MS;
	}
	progress_update(progress, 500, 0);
	assert_int_equal(progress->sample_count, 1);
	assert_int_equal(progress->samples[0].done, 500);
}

static void samples(void **state)
{
	struct progress progress = {.style = PROGRESS_PLAIN};
	_cleanup_free_ char *said = said_by(samples_scene, &progress);

	(void)state;
	assert_string_equal(said, "");
}

/* On a terminal the line is drawn ten times a second, not more often. */
static void drawn_scene(struct progress *progress)
{
	progress_begin(progress, "downloading", NULL);
	progress->begun += 1000000;
	progress->shown += 1000000;
	progress_update(progress, 1, 0);
	progress->shown = 0;
	progress_update(progress, 1000, 2000);
	assert_true(progress->shown > 0);
	log_forget_status();
}

static void drawn(void **state)
{
	struct progress progress = {.style = PROGRESS_LIVE, .group = getpgrp()};
	_cleanup_free_ char *said = NULL;

	(void)state;
	unsetenv("COLUMNS");
	said = said_by(drawn_scene, &progress);
	assert_true(str_starts_with(said, "\r\033[Kdownloading\r\033[Kdownloading  [####"));
	assert_true(str_ends_with(said, "]   50 %  1.0 of 2.0 kB"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locales),     cmocka_unit_test(terminals),
		cmocka_unit_test(no_terminal), cmocka_unit_test(colors),
		cmocka_unit_test(ends),	       cmocka_unit_test(steps),
		cmocka_unit_test(samples),     cmocka_unit_test(drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
