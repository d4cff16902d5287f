#include "fetch/retry.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	/*
	 * Bytes. A try that gets so much further than all earlier ones does not count as a failure:
	 * a download finishes over a bad line that breaks every few megabytes, and is given up over
	 * one that breaks every few bytes.
	 */
	GAIN = 1 << 18,
	WAIT_SLICE = 200, /* ms between two checks whether the user wants to stop */
};

static int say_failure(const struct job *job, enum transfer_result result)
{
	const struct transfer *transfer = &job->transfer;
	_cleanup_free_ char *url = url_shown(transfer->url);
	_cleanup_free_ char *where = NULL, *detail = NULL, *tries = NULL;

	if (result == TRANSFER_MISSING && job->missing) {
		log_error("%s\n%s", job->missing->what, job->missing->next);
		return -1;
	}
	if (transfer->redirected) {
		_cleanup_free_ char *to = url_shown(transfer->effective_url);

		if (!strstr(transfer->why, to))
			where = xasprintf(" (redirected to %s)", to);
	}
	if (transfer->detail)
		detail = xasprintf(" (%s)", transfer->detail);
	if (job->failures > 1)
		tries = xasprintf(", %u times in a row", job->failures);
	log_error("cannot download %s%s: %s%s%s\n%-s", url, where ? where : "", transfer->why,
		  detail ? detail : "", tries ? tries : "", transfer->next);
	return -1;
}

/*
 * Announce the retry. The message has the server's name instead of the URL, so that it fits one
 * line of a terminal.
 */
static void say_retry(const struct transfer *transfer, unsigned wait)
{
	_cleanup_free_ char *host = url_host(transfer->effective_url);

	log_info("%s: %s; retry in %u.%u s", host, transfer->why, wait / 1000, wait % 1000 / 100);
	if (transfer->detail)
		log_verbose("%s", transfer->detail);
}

/*
 * How long to wait, in ms; half of it is random, so that fifty jobs do not return at the same time.
 */
static unsigned next_wait(const struct job *job)
{
	const struct download_options *options = &job->downloader->options;
	unsigned wait = options->wait_ms, asked = job->transfer.retry_after, chance = 0;

	for (unsigned n = 1; n < job->failures && wait < options->wait_max_ms; n++)
		wait *= 2;
	if (wait > options->wait_max_ms)
		wait = options->wait_max_ms;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
		chance = (unsigned)getpid();
	wait = wait / 2 + chance % (wait / 2 + 1);
	if (asked > options->retry_after_max)
		asked = options->retry_after_max;
	return wait > asked * 1000 ? wait : asked * 1000;
}

/* Sleep for WAIT ms; -1 if progress() wants to stop. */
static int sleep_before_retry(const struct job *job, unsigned wait)
{
	for (;;) {
		unsigned slice = wait < WAIT_SLICE ? wait : WAIT_SLICE;
		struct timespec ts = {.tv_nsec = (long)slice * 1000000};

		if (transfer_report(job->downloader, &job->transfer) != 0)
			return -1;
		if (wait == 0)
			return 0;
		nanosleep(&ts, NULL); /* a signal ends the sleep early, and progress() is asked */
		wait -= slice;
	}
}

/* After a transient failure: wait for the next try, or give up. Returns 0 or -1. */
static int retry(struct job *job)
{
	const struct download_options *options = &job->downloader->options;
	const struct transfer *transfer = &job->transfer;
	unsigned wait;

	if (transfer->at >= job->best + GAIN)
		job->failures = 0;
	if (transfer->at > job->best)
		job->best = transfer->at;
	job->failures++;
	if (job->failures >= options->tries)
		return say_failure(job, TRANSFER_AGAIN);
	wait = next_wait(job);
	say_retry(transfer, wait);
	return sleep_before_retry(job, wait);
}

int job_run(struct job *job)
{
	bool whole = false;

	for (;;) {
		enum transfer_result result;

		job->prepare(job, whole);
		transfer_clear(&job->transfer);
		result = transfer_run(job->downloader, &job->transfer);
		switch (result) {
		case TRANSFER_DONE:
		case TRANSFER_COMPLETE:
			return 0;
		case TRANSFER_ENDED:
			return -1;
		case TRANSFER_WHOLE:
			if (whole || job->transfer.offset == 0)
				return say_failure(job, result);
			log_verbose("it cannot be continued (%s): downloading it from its first "
				    "byte",
				    job->transfer.why);
			whole = true;
			break;
		case TRANSFER_AGAIN:
			if (retry(job) < 0)
				return -1;
			break;
		case TRANSFER_MISSING:
		case TRANSFER_FAILED:
			return say_failure(job, result);
		}
	}
}

void job_clear(struct job *job)
{
	transfer_clear(&job->transfer);
}
