/* One download over all its tries: a transient failure is retried, after a wait that grows. */
#ifndef FETCH_RETRY_H
#define FETCH_RETRY_H

#include "fetch/transfer.h"

/* A text or a file to get. */
struct job {
	struct downloader *downloader;
	struct transfer transfer;
	const struct download_missing *missing;
	unsigned failures; /* in a row */
	uint64_t best;	   /* the last byte of the file that any try has reached */
	/* set transfer.offset and .validator for the next try; WHOLE: do not resume */
	void (*prepare)(struct job *job, bool whole);
	void *ctx;
};

/*
 * Try until the download is done (0), or has failed for good (-1 after a message). JOB is for
 * job_clear().
 */
int job_run(struct job *job);

void job_clear(struct job *job);

#endif
