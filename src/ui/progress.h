/*
 * What a person sees of work that takes its time, on stderr: on a terminal one live line a step,
 * with bar, bytes, rate and time left, and when it has ended a line with a tick; elsewhere a plain
 * line when a step begins, and another every few seconds for as long as it lasts.
 */
#ifndef UI_PROGRESS_H
#define UI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum progress_style {
	PROGRESS_PLAIN, /* lines; what --quiet leaves of them is log.h's affair */
	PROGRESS_LIVE,
};

/* How far it was at one time. */
struct progress_sample {
	uint64_t ms; /* of CLOCK_MONOTONIC */
	uint64_t done;
};

/* The rate is that of so many samples, one a second: steady, and soon zero when nothing comes. */
#define PROGRESS_SAMPLES   8
#define PROGRESS_SAMPLE_MS 1000

struct progress {
	enum progress_style style;
	bool is_utf8;
	bool has_color;
	pid_t group; /* ours: while another one has the terminal nothing is drawn */

	/* The step under way. */
	const char *label;				  /* "downloading"; NULL: there is none */
	uint64_t begun;					  /* ms */
	uint64_t shown;					  /* ms: when it was last drawn or said */
	uint64_t done;					  /* bytes */
	uint64_t total;					  /* bytes, 0: not known */
	struct progress_sample samples[PROGRESS_SAMPLES]; /* the newest last */
	size_t sample_count;
};

/*
 * Decide how to show it: live where stderr is a terminal whose TERM can move the cursor (set, and
 * not "dumb") and --quiet was not given. The bar is drawn in the characters that LC_ALL, LC_CTYPE
 * or LANG promise; the tick is green unless NO_COLOR is set.
 */
void progress_init(struct progress *progress);

/*
 * A step begins. LABEL, a constant in ASCII, says what is being done ("downloading"); FORMAT what
 * it is done to, which a plain line has behind it; NULL: a plain one is not worth it for this step.
 */
void progress_begin(struct progress *progress, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * DONE bytes of TOTAL (0: not known) are done; also to be called where nothing has come for a
 * while. PROGRESS is a struct progress *. Always returns 0: it is the callback of download.h.
 */
int progress_update(void *progress, uint64_t done, uint64_t total);

/* The step under way waits, and is called LABEL for as long as it does; to be repeated. */
void progress_wait(struct progress *progress, const char *label);

/* The step has ended well, with what FORMAT says: "downloaded 22.1 MB". */
void progress_end(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The step has ended otherwise: take its line away. */
void progress_drop(struct progress *progress);

/* The process that showed PROGRESS was killed: take away the line that it may have left. */
void progress_abandon(const struct progress *progress);

/* How wide the terminal on stderr is: by itself, else $COLUMNS, else 80. */
size_t progress_columns(void);

/*
 * The live line at the time NOW (ms of CLOCK_MONOTONIC) for a terminal of COLUMNS; shorter than
 * that by three, what is least missed left out first; or a plain one, which has no bar. Without a
 * newline; the caller frees.
 */
char *progress_line(const struct progress *progress, uint64_t now, size_t columns);

#endif
