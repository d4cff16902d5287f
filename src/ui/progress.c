#include "ui/progress.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>

/* Nobody can read faster changes. */
#define DRAW_MS 100

/* Plain lines go to logs, which should stay short. */
#define PLAIN_MS 5000

#define DEFAULT_COLUMNS 80

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Does the locale have UTF-8? Read from the variables, not by setlocale(3): libarchive must stay in
 * the C locale (extract.c).
 */
static bool locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = env_get(names[i]);
		const char *charset = value ? strchr(value, '.') : NULL;

		if (value)
			return charset && (strncasecmp(charset, ".UTF-8", 6) == 0 ||
					   strncasecmp(charset, ".utf8", 5) == 0);
	}
	return false;
}

void progress_init(struct progress *progress)
{
	const char *term = env_get("TERM");
	bool is_live = log_get_level() >= LOG_NORMAL && isatty(STDERR_FILENO) && term &&
		       strcmp(term, "dumb") != 0;

	*progress = (struct progress){
		.style = is_live ? PROGRESS_LIVE : PROGRESS_PLAIN,
		.is_utf8 = locale_is_utf8(),
		.has_color = !env_get("NO_COLOR"),
		.group = getpgrp(),
	};
}

size_t progress_columns(void)
{
	struct winsize size = {0};
	const char *variable = env_get("COLUMNS");
	unsigned long columns = 0;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (variable)
		columns = strtoul(variable, NULL, 10);
	return columns > 0 && columns < 10000 ? columns : DEFAULT_COLUMNS;
}

static void draw(const struct progress *progress, uint64_t now)
{
	_cleanup_free_ char *line = progress_line(progress, now, progress_columns());

	log_status(line, progress->group);
}

static void say(const struct progress *progress, uint64_t now)
{
	_cleanup_free_ char *line = progress_line(progress, now, DEFAULT_COLUMNS);

	log_info("%s", line);
}

static void show(struct progress *progress, uint64_t now)
{
	progress->shown = now;
	if (progress->style == PROGRESS_LIVE)
		draw(progress, now);
	else
		say(progress, now);
}

void progress_begin(struct progress *progress, const char *label, const char *format, ...)
{
	uint64_t now = now_ms();

	progress->label = label;
	progress->begun = progress->shown = now;
	progress->done = progress->total = 0;
	progress->sample_count = 0;
	if (progress->style == PROGRESS_LIVE) {
		show(progress, now);
	} else if (format) {
		_cleanup_free_ char *text = NULL;
		va_list args;

		va_start(args, format);
		text = text_vformat(format, args);
		va_end(args);
		log_info("%s %s", label, text);
	}
}

static void take_sample(struct progress *progress, uint64_t now)
{
	struct progress_sample *samples = progress->samples;
	size_t count = progress->sample_count;

	/* bytes kept from an earlier run arrive at once and must not count for the rate */
	if (count > 0 && progress->done < samples[count - 1].done)
		count = 0;
	if (count > 0 && now < samples[count - 1].ms + PROGRESS_SAMPLE_MS)
		return;
	if (count == PROGRESS_SAMPLES)
		memmove(samples, samples + 1, --count * sizeof(*samples));
	samples[count++] = (struct progress_sample){now, progress->done};
	progress->sample_count = count;
}

int progress_update(void *progress, uint64_t done, uint64_t total)
{
	struct progress *p = progress;
	uint64_t now = now_ms();

	if (!p->label)
		return 0;
	p->done = done;
	p->total = total;
	if (done > 0)
		take_sample(p, now);
	if (now >= p->shown + (p->style == PROGRESS_LIVE ? DRAW_MS : PLAIN_MS))
		show(p, now);
	return 0;
}

void progress_wait(struct progress *progress, const char *label)
{
	const char *usual = progress->label;

	progress->label = label;
	progress_update(progress, 0, 0);
	progress->label = usual;
}

void progress_end(struct progress *progress, const char *format, ...)
{
	if (progress->style == PROGRESS_LIVE) {
		const char *tick = progress->is_utf8 ? "✓" : "*";
		_cleanup_free_ char *text = NULL;
		va_list args;

		va_start(args, format);
		text = text_vformat(format, args);
		va_end(args);
		progress_drop(progress);
		log_print("%-s%s%-s %s", progress->has_color ? "\033[32m" : "", tick,
			  progress->has_color ? "\033[m" : "", text);
	}
	progress->label = NULL;
}

void progress_drop(struct progress *progress)
{
	if (progress->style == PROGRESS_LIVE)
		log_status(NULL, progress->group);
	progress->label = NULL;
}

void progress_abandon(const struct progress *progress)
{
	if (progress->style == PROGRESS_LIVE)
		log_erase_line(progress->group);
}
