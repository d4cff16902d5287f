/*
 * One try at one URL with libcurl: the request, the checks on the answer before a byte of it is
 * handed on, and what came of it. What to do about a failure is retry.c's.
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
	TRANSFER_AGAIN,	   /* failed; may be different the next time */
	TRANSFER_WHOLE,	   /* the range that was asked for cannot be had: ask for the whole */
	TRANSFER_COMPLETE, /* the range begins where the file ends: all of it is there already */
	TRANSFER_MISSING,  /* there is no such file */
	TRANSFER_FAILED,   /* failed, and would again */
	TRANSFER_ENDED,	   /* the receiver failed and said so, or progress() wants an end */
};

/* What the server says about the body that follows. */
struct transfer_answer {
	uint64_t offset; /* the body's first byte in the file; 0 where the whole file comes */
	uint64_t total;	 /* bytes in the file, 0: not told */
	char *validator; /* for If-Range; NULL: there is none that is good for it */
};

/* Who gets the body. Both return 0, or -1 after they have said what failed. */
struct transfer_receiver {
	int (*begin)(void *ctx, const struct transfer_answer *answer);
	int (*write)(void *ctx, const void *data, size_t len);
	void *ctx;
};

struct transfer {
	/* what is asked for */
	const char *url;
	uint64_t offset;       /* begin with this byte, */
	const char *validator; /* where the file is still this one (If-Range) */
	uint64_t max;	       /* bytes of the file */
	bool is_file;	       /* large: progress() hears of at and total, and the pace counts */
	long time_left;	       /* ms that this try and all that follow may take; 0: any time */
	struct transfer_receiver receiver;

	uint64_t at;	/* bytes of the file so far, with those from before */
	uint64_t total; /* bytes that the file should get, as far as is known; 0: not known */
	struct pace pace;

	/* what came of it; for transfer_clear() */
	struct transfer_answer answer;
	char *why;	      /* where it failed: why, in a few words */
	char *detail;	      /* more of it, perhaps in foreign words; NULL */
	char *next;	      /* and what the user can do */
	unsigned retry_after; /* seconds that the server asks to wait; 0: it does not */
	char *effective_url;  /* after redirects */
	bool redirected;      /* there were some */
	bool is_other_file;   /* what came cannot be what was asked for: nothing of it is of use */
};

enum transfer_result transfer_run(struct downloader *downloader, struct transfer *transfer);

/* Tell progress() where TRANSFER is; not 0 where it wants an end. */
int transfer_report(const struct downloader *downloader, const struct transfer *transfer);

/* Free what came of it, for the next try. */
void transfer_clear(struct transfer *transfer);

#endif
