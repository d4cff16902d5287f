/*
 * One download over all its tries: what is transient is tried again, after a wait that grows.
 */
#ifndef FETCH_RETRY_H
#define FETCH_RETRY_H

#include "fetch/transfer.h"

/* A text or a file to be got. */
struct job {
	struct downloader *downloader;
	struct transfer transfer;
	const struct download_missing *missing;
	unsigned failures; /* in a row */
	uint64_t best;	   /* the furthest byte that any try has reached */
	/* set transfer.offset and .validator for the next try; WHOLE: do not resume */
	void (*prepare)(struct job *job, bool whole);
	void *ctx;
};

/* Try until it is done (0) or hopeless (-1, and why was said). The job is for job_clear(). */
int job_run(struct job *job);

void job_clear(struct job *job);

#endif
