/*
 * How stderr shows work that takes time. On a terminal: a live line for each step, with bar, bytes,
 * rate and time left, and a line with a tick when the step has ended. Elsewhere: a plain line when
 * a step begins, and another every few seconds as long as it lasts.
 */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum progress_style {
	PROGRESS_PLAIN, /* lines; log.h drops them under --quiet */
	PROGRESS_LIVE,
};

/* The progress at one time. */
struct progress_sample {
	uint64_t ms; /* of CLOCK_MONOTONIC */
	uint64_t done;
};

/* The rate is that of the last samples, one a second: steady, and soon zero if nothing comes. */
#define PROGRESS_SAMPLES   8
#define PROGRESS_SAMPLE_MS 1000

struct progress {
	enum progress_style style;
	bool is_utf8;
	bool has_color;
	pid_t group; /* our process group; nothing is drawn while another group has the terminal */

	/* The current step. */
	const char *label; /* "downloading"; NULL: no step */
	uint64_t begun;	   /* ms */
	/* ms: when it was last drawn or printed */
	uint64_t shown;
	uint64_t done;					  /* bytes */
	uint64_t total;					  /* bytes, 0: unknown */
	struct progress_sample samples[PROGRESS_SAMPLES]; /* the newest last */
	size_t sample_count;
};

/*
 * Choose how to show progress: live if stderr is a terminal whose TERM can move the cursor (set,
 * and not "dumb") and --quiet was not given. The bar uses the characters that LC_ALL, LC_CTYPE or
 * LANG promise; the tick is green unless NO_COLOR is set.
 */
void progress_init(struct progress *progress);

/*
 * Begin a step. LABEL, a constant in ASCII, says what is done ("downloading"); FORMAT, which a
 * plain line adds, says to what. FORMAT NULL: this step is not worth a plain line.
 */
void progress_begin(struct progress *progress, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * DONE bytes of TOTAL (0: unknown) are done; call this also if nothing has come for a while.
 * PROGRESS is a struct progress *. Always returns 0, since this is a callback for download.h.
 */
int progress_update(void *progress, uint64_t done, uint64_t total);

/* The current step waits, and is called LABEL meanwhile; call this repeatedly. */
void progress_wait(struct progress *progress, const char *label);

/* The step has succeeded, with the words of FORMAT: "downloaded 22.1 MB". */
void progress_end(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The step has ended without success: remove its line. */
void progress_drop(struct progress *progress);

/* The process that showed PROGRESS was killed: remove the line that it may have left. */
void progress_abandon(const struct progress *progress);

/* The width of the terminal on stderr, else $COLUMNS, else 80. */
size_t progress_columns(void);

/*
 * The live line at the time NOW (ms of CLOCK_MONOTONIC) for a terminal of COLUMNS columns. The line
 * stays three columns shorter than that: the least important parts are left out first. For
 * PROGRESS_PLAIN it has no bar. It has no newline; the caller frees.
 */
char *progress_line(const struct progress *progress, uint64_t now, size_t columns);

#endif
