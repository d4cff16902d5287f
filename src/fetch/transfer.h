/*
 * One try at one URL with libcurl: the request, the checks of the answer before a byte of it is
 * passed on, and the result. retry.c decides what follows a failure.
 */
#ifndef FETCH_TRANSFER_H
#define FETCH_TRANSFER_H

#include "fetch/downloader.h"
#include "fetch/pace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transfer_result {
	TRANSFER_DONE,
	TRANSFER_AGAIN,	   /* failed; the next try may succeed */
	TRANSFER_WHOLE,	   /* the requested range is not available: request the whole */
	TRANSFER_COMPLETE, /* the range begins where the file ends: everything is there already */
	TRANSFER_MISSING,  /* the file does not exist */
	TRANSFER_FAILED,   /* failed, and would fail again */
	TRANSFER_ENDED,	   /* the receiver failed, after a message, or progress() wants to stop */
};

/* What the server says about the body that follows. */
struct transfer_answer {
	uint64_t offset; /* where in the file the body begins; 0 for the whole file */
	uint64_t total;	 /* bytes in the file, 0: not told */
	char *validator; /* for If-Range; NULL: none that is usable */
};

/* Who gets the body. Both functions return 0, or -1 after a message. */
struct transfer_receiver {
	int (*begin)(void *ctx, const struct transfer_answer *answer);
	int (*write)(void *ctx, const void *data, size_t len);
	void *ctx;
};

struct transfer {
	/* the request */
	const char *url;
	uint64_t offset;       /* begin with this byte, */
	const char *validator; /* if the file still is the one with this validator (If-Range) */
	uint64_t max;	       /* bytes of the file */
	bool is_file;	       /* large: progress() gets at and total, and the pace counts */
	long time_left;	       /* ms for this try and all that follow; 0: any time */
	struct transfer_receiver receiver;

	uint64_t at;	/* bytes of the file so far, including those of earlier tries */
	uint64_t total; /* the size of the file, as far as known; 0: unknown */
	struct pace pace;

	/* the result; for transfer_clear() */
	struct transfer_answer answer;
	char *why;	      /* why it failed, in a few words */
	char *detail;	      /* more about WHY, perhaps foreign text; NULL: nothing */
	char *next;	      /* what the user can do about the failure */
	unsigned retry_after; /* seconds that the server asks to wait; 0: it does not ask */
	char *effective_url;  /* after redirects */
	bool redirected;      /* there was a redirect */
	bool is_other_file;   /* what came cannot be the requested file: none of it is usable */
};

enum transfer_result transfer_run(struct downloader *downloader, struct transfer *transfer);

/* Call progress() with the state of TRANSFER; not 0 if it wants to stop. */
int transfer_report(const struct downloader *downloader, const struct transfer *transfer);

/* Free the result, for the next try. */
void transfer_clear(struct transfer *transfer);

#endif
