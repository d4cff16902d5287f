#include "ui/progress.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <string.h>

/* A shorter bar shows no more than the percentage does; a longer one is no clearer. */
#define BAR_MIN 8
#define BAR_MAX 32

/* In ms: if no byte comes for so long, this is more than a short interruption. */
#define STALLED_MS 3000

/*
 * Columns at the right that stay free: a character in the last one makes some terminals begin a new
 * line, and the two before it are for a "^C" of the terminal itself.
 */
#define FREE_COLUMNS 3

/* "0:08", "12:34", "1:02:03"; the caller frees. */
static char *duration(uint64_t seconds)
{
	unsigned long long s = seconds;

	if (s < 3600)
		return xasprintf("%llu:%02llu", s / 60, s % 60);
	return xasprintf("%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}

/* "7.6 of 18.1 MB", "980.0 kB of 18.1 MB"; the caller frees. */
static char *share_of(const char *done, uint64_t total)
{
	_cleanup_free_ char *whole = str_size(total);
	const char *unit = strchr(done, ' ');
	bool same = strcmp(unit, strchr(whole, ' ')) == 0;

	return xasprintf("%.*s of %s", same ? (int)(unit - done) : (int)strlen(done), done, whole);
}

/* The latest rate in bytes a second, 0 if it is not known yet. */
static uint64_t rate_of(const struct progress *progress, uint64_t now)
{
	const struct progress_sample *oldest = &progress->samples[0];

	if (progress->sample_count == 0 || now < oldest->ms + PROGRESS_SAMPLE_MS ||
	    progress->done < oldest->done)
		return 0;
	return (progress->done - oldest->done) * 1000 / (now - oldest->ms);
}

/* The parts of a line, the least important first; NULL: the line lacks it. */
enum part {
	PART_RATE,
	PART_LEFT,
	PART_BYTES,
	PART_PERCENT,
	PARTS,
};

static void find_parts(const struct progress *progress, uint64_t now, char *parts[PARTS])
{
	uint64_t rate = rate_of(progress, now);
	_cleanup_free_ char *done = str_size(progress->done), *speed = str_size(rate);

	if (progress->done == 0 && progress->total == 0) {
		if (now >= progress->begun + 1000)
			parts[PART_LEFT] = duration((now - progress->begun) / 1000);
		return;
	}
	if (rate > 0)
		parts[PART_RATE] = xasprintf("%s/s", speed);
	else if (progress->sample_count > 0 && now >= progress->samples[0].ms + STALLED_MS)
		parts[PART_RATE] = xstrdup("stalled");
	/* more bytes came than were announced, so the announced size was wrong */
	if (progress->total < progress->done) {
		parts[PART_BYTES] = steal_ptr(&done);
		return;
	}
	if (rate > 0 && progress->done < progress->total) {
		_cleanup_free_ char *left = duration((progress->total - progress->done) / rate);

		parts[PART_LEFT] = xasprintf("%s left", left);
	}
	parts[PART_BYTES] = share_of(done, progress->total);
	parts[PART_PERCENT] =
		xasprintf("%3llu %%", (unsigned long long)((double)progress->done * 100 /
							   (double)progress->total));
}

/* Write a bar of CELLS to F; the ends of an ASCII bar are among the CELLS. */
static void put_bar(const struct progress *progress, size_t cells, FILE *f)
{
	size_t inner = progress->is_utf8 ? cells : cells - 2;
	double share = (double)progress->done / (double)progress->total;
	size_t full = (size_t)((double)inner * share);

	fputs(progress->is_utf8 ? "" : "[", f);
	for (size_t i = 0; i < inner; i++)
		if (progress->is_utf8)
			fputs(i < full ? "█" : "░", f);
		else
			fputc(i < full ? '#' : '-', f);
	fputs(progress->is_utf8 ? "" : "]", f);
}

/* How many columns LABEL and PARTS take. */
static size_t width_of(const char *label, char *const parts[PARTS])
{
	size_t width = strlen(label);

	for (size_t i = 0; i < PARTS; i++)
		width += parts[i] ? 2 + strlen(parts[i]) : 0;
	return width;
}

char *progress_line(const struct progress *progress, uint64_t now, size_t columns)
{
	static const enum part order[] = {PART_PERCENT, PART_BYTES, PART_RATE, PART_LEFT};
	char *parts[PARTS] = {0}, *text = NULL;
	size_t len, width, room;
	FILE *f = xopen_memstream(&text, &len);

	columns = columns > FREE_COLUMNS ? columns - FREE_COLUMNS : 1;
	find_parts(progress, now, parts);
	for (size_t i = 0; width_of(progress->label, parts) > columns && i < PARTS; i++) {
		free(parts[i]);
		parts[i] = NULL;
	}
	width = width_of(progress->label, parts);
	room = columns > width + 2 ? columns - width - 2 : 0;
	fprintf(f, "%.*s", (int)columns, progress->label);
	if (progress->style == PROGRESS_LIVE && progress->total > 0 &&
	    progress->done <= progress->total && room >= BAR_MIN) {
		fputs("  ", f);
		put_bar(progress, room < BAR_MAX ? room : BAR_MAX, f);
	}
	for (size_t i = 0; i < PARTS; i++) {
		if (parts[order[i]])
			fprintf(f, "  %s", parts[order[i]]);
		free(parts[order[i]]);
	}
	fclose(f);
	return text;
}
