#include "fetch/download.h"
#include "fetch/part_file.h"
#include "fetch/transfer.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	/*
	 * A try that brought so many bytes more than any before does not count as a failure: a bad
	 * line that breaks every few megabytes gets there, one that breaks every few bytes not.
	 */
	GAIN = 1 << 18,
	WAIT_SLICE = 200,    /* ms between two looks at whether the user wants an end */
	READ_SIZE = 1 << 17, /* bytes */
	TEXT_ROOM = 1 << 12, /* bytes that a text gets at first */
};

void download_options_init(struct download_options *options)
{
	*options = (struct download_options){
		.root = "",
		.tries = 5,
		.wait_ms = 1000,
		.wait_max_ms = 30000,
		.retry_after_max = 60,
		.connect_timeout = 20,
		/* slower than any line that is worth waiting for, and long enough for a hiccup */
		.stall_window = 30,
		.stall_speed = 100,
	};
}

struct downloader *downloader_new(const struct download_options *options)
{
	struct downloader *downloader = xcalloc(1, sizeof(*downloader));

	downloader->options = *options;
	if (ca_bundle_choose(options->cacert, options->root, &downloader->ca) < 0) {
		free(downloader);
		return NULL;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0) {
		downloader->curl = curl_easy_init();
		if (downloader->curl)
			return downloader;
		curl_global_cleanup();
	}
	log_error(
		"cannot set up libcurl %s\nits installation, or that of its TLS library, is broken",
		curl_version());
	ca_bundle_clear(&downloader->ca);
	free(downloader);
	return NULL;
}

void downloader_free(struct downloader *downloader)
{
	if (!downloader)
		return;
	curl_easy_cleanup(downloader->curl);
	curl_global_cleanup();
	ca_bundle_clear(&downloader->ca);
	free(downloader);
}

/* One download, of a text or a file, over all its tries. */
struct job {
	const struct downloader *downloader;
	struct transfer transfer;
	const char *missing;
	unsigned failures; /* in a row */
	uint64_t best;	   /* the furthest byte that any try has reached */
	/* set transfer.offset and .validator for the next try; WHOLE: do not resume */
	void (*prepare)(struct job *job, bool whole);
	void *ctx;
};

static int say_failure(const struct job *job, enum transfer_result result)
{
	const struct transfer *transfer = &job->transfer;
	_cleanup_free_ char *where = NULL, *tries = NULL;

	if (result == TRANSFER_MISSING && job->missing) {
		log_error("%-s", job->missing);
		return -1;
	}
	if (transfer->redirected && !strstr(transfer->why, transfer->effective_url))
		where = xasprintf(" (redirected to %s)", transfer->effective_url);
	if (job->failures > 1)
		tries = xasprintf(", %u times in a row", job->failures);
	log_error("cannot download %s%s: %s%s\n%-s", transfer->url, where ? where : "",
		  transfer->why, tries ? tries : "", transfer->next);
	return -1;
}

/* How long to wait in ms, half of it by chance: fifty jobs must not come back at one instant */
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

/* Sleep for WAIT ms; -1 where progress() wants an end */
static int sleep_before_retry(const struct job *job, unsigned wait)
{
	for (;;) {
		unsigned slice = wait < WAIT_SLICE ? wait : WAIT_SLICE;
		struct timespec ts = {.tv_nsec = (long)slice * 1000000};

		if (transfer_report(job->downloader, &job->transfer) != 0)
			return -1;
		if (wait == 0)
			return 0;
		nanosleep(&ts, NULL); /* a signal shortens it, so that progress() is asked */
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
	log_info("%s: %s; trying again in %u.%u s", transfer->url, transfer->why, wait / 1000,
		 wait % 1000 / 100);
	return sleep_before_retry(job, wait);
}

/* Try until it is done (0) or hopeless (-1, said) */
static int run_job(struct job *job)
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
			log_verbose("%s cannot be continued (%s): downloading it from its first "
				    "byte",
				    job->transfer.url, job->transfer.why);
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

static void job_clear(struct job *job)
{
	transfer_clear(&job->transfer);
}

/* Certificates are always verified, and from https nothing but https is followed */
static bool is_trusted(const char *url)
{
	return url_scheme(url) == URL_HTTPS || url_scheme(url) == URL_FILE;
}

static int text_begin(void *ctx, const struct transfer_answer *answer)
{
	struct download_text *text = ctx;

	(void)answer;
	text->len = 0;
	return 0;
}

static int text_write(void *ctx, const void *data, size_t len)
{
	struct download_text *text = ctx;

	/* LEN is limited by the transfer's MAX */
	text->body = xreallocarray(text->body, text->len + len + 1, 1);
	memcpy(text->body + text->len, data, len);
	text->len += len;
	text->body[text->len] = '\0';
	return 0;
}

static void text_prepare(struct job *job, bool whole)
{
	(void)whole;
	job->transfer.offset = job->transfer.at = 0;
}

int download_text(struct downloader *downloader, const char *url, size_t max, const char *missing,
		  struct download_text *out)
{
	_cleanup_(download_text_clear) struct download_text text = {0};
	_cleanup_(job_clear) struct job job = {
		.downloader = downloader,
		.transfer = {.url = url, .max = max},
		.missing = missing,
		.prepare = text_prepare,
	};

	job.transfer.receiver = (struct transfer_receiver){text_begin, text_write, &text};
	text.body = xcalloc(TEXT_ROOM, 1);
	if (run_job(&job) < 0)
		return -1;
	text.body[text.len] = '\0';
	text.effective_url = steal_ptr(&job.transfer.effective_url);
	text.trusted = is_trusted(url);
	*out = text;
	text = (struct download_text){0};
	return 0;
}

void download_text_clear(struct download_text *text)
{
	free(text->body);
	free(text->effective_url);
	*text = (struct download_text){0};
}

/* A file that is being downloaded. */
struct growth {
	const struct download_request *request;
	struct part_file *part;
	struct sha256_stream *digest;
	bool fed;	/* digest and sinks have bytes */
	bool resumed;	/* bytes of two answers are in it */
	uint64_t total; /* as in struct transfer_answer */
};

static int feed(struct growth *growth, const void *data, size_t len)
{
	const struct download_request *request = growth->request;

	growth->fed = true;
	if (sha256_stream_update(growth->digest, data, len) < 0) {
		log_error("cannot take the SHA-256 of %s: libcrypto fails\n"
			  "its installation is broken",
			  growth->part->path);
		return -1;
	}
	for (size_t i = 0; i < request->sink_count; i++)
		if (request->sinks[i].write(request->sinks[i].ctx, data, len) != 0)
			return -1;
	return 0;
}

/* Begin with the first byte again */
static int growth_restart(struct growth *growth, const char *validator)
{
	const struct download_request *request = growth->request;

	growth->resumed = false;
	if (part_file_restart(growth->part, request->url, validator) < 0)
		return -1;
	if (!growth->fed)
		return 0;
	growth->fed = false;
	if (sha256_stream_restart(growth->digest) < 0) {
		log_error("cannot begin a SHA-256: libcrypto fails\nits installation is broken");
		return -1;
	}
	for (size_t i = 0; i < request->sink_count; i++)
		if (request->sinks[i].restart(request->sinks[i].ctx) != 0)
			return -1;
	return 0;
}

static int file_begin(void *ctx, const struct transfer_answer *answer)
{
	struct growth *growth = ctx;
	struct part_file *part = growth->part;

	if (answer->offset > 0) {
		log_verbose("continuing %s at byte %llu", part->path,
			    (unsigned long long)answer->offset);
		growth->resumed = true;
	} else {
		if (part->size > 0)
			log_verbose("%s is sent from its first byte", growth->request->url);
		if (growth_restart(growth, answer->validator) < 0)
			return -1;
	}
	growth->total = answer->total;
	return answer->total > 0 ? part_file_check_room(part, answer->total) : 0;
}

static int file_write(void *ctx, const void *data, size_t len)
{
	struct growth *growth = ctx;

	if (part_file_write(growth->part, data, len, growth->total) < 0)
		return -1;
	return feed(growth, data, len);
}

static void file_prepare(struct job *job, bool whole)
{
	const struct growth *growth = job->ctx;
	struct transfer *transfer = &job->transfer;
	bool resume = !whole && url_scheme(transfer->url) != URL_FILE &&
		      part_file_can_resume(growth->part);

	transfer->offset = transfer->at = resume ? growth->part->size : 0;
	transfer->validator = resume ? growth->part->validator : NULL;
}

static int get_file(struct downloader *downloader, struct growth *growth)
{
	const struct download_request *request = growth->request;
	_cleanup_(job_clear) struct job job = {
		.downloader = downloader,
		.transfer = {.url = request->url, .max = request->max, .report = true},
		.missing = request->missing,
		.best = growth->part->size,
		.prepare = file_prepare,
		.ctx = growth,
	};

	job.transfer.receiver = (struct transfer_receiver){file_begin, file_write, growth};
	if (run_job(&job) == 0)
		return 0;
	if (job.transfer.is_other_file)
		(void)growth_restart(growth, NULL); /* so that it is not kept to be continued */
	return -1;
}

/* Read what an earlier run has left through the digest and the sinks */
static int feed_old_bytes(struct growth *growth)
{
	_cleanup_free_ char *buffer = xcalloc(READ_SIZE, 1);
	const struct part_file *part = growth->part;
	uint64_t at = 0;

	while (at < part->size) {
		ssize_t n = pread(part->fd, buffer, READ_SIZE, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_error("cannot read %s: %s\nremove it and try again", part->path,
				  n < 0 ? strerror(errno) : "it became shorter");
			return -1;
		}
		if (feed(growth, buffer, (size_t)n) < 0)
			return -1;
		at += (uint64_t)n;
	}
	growth->resumed = true;
	return 0;
}

static bool has_expected_digest(const struct growth *growth)
{
	struct sha256 digest;

	return growth->request->expected && sha256_stream_digest(growth->digest, &digest) == 0 &&
	       sha256_equal(&digest, growth->request->expected);
}

/* What is there from an earlier run: all (1), the beginning or nothing (0); -1 */
static int take_old_bytes(struct growth *growth)
{
	const struct download_request *request = growth->request;
	const struct part_file *part = growth->part;
	bool same;

	if (part->size == 0)
		return 0;
	same = part_file_can_resume(part) && strcmp(part->url, request->url) == 0;
	if (part->size > request->max || (!same && !request->expected))
		return growth_restart(growth, NULL);
	if (feed_old_bytes(growth) < 0)
		return -1;
	if (has_expected_digest(growth)) {
		log_verbose("%s is complete from an earlier run", part->path);
		return 1;
	}
	return same ? 0 : growth_restart(growth, NULL);
}

static int get_all(struct downloader *downloader, struct growth *growth)
{
	int r = take_old_bytes(growth);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (get_file(downloader, growth) < 0)
		return -1;
	if (growth->request->expected && growth->resumed && !has_expected_digest(growth)) {
		log_verbose("%s was continued and is not what it should be: downloading it from "
			    "its first byte",
			    growth->part->path);
		if (growth_restart(growth, NULL) < 0 || get_file(downloader, growth) < 0)
			return -1;
	}
	return 0;
}

static void part_file_freep(struct part_file **part)
{
	if (*part)
		part_file_close(*part);
	free(*part);
}

int download_file(struct downloader *downloader, const struct download_request *request,
		  struct download_file *out)
{
	_cleanup_(part_file_freep) struct part_file *part = xcalloc(1, sizeof(*part));
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	struct growth growth = {.request = request, .part = part};
	struct download_file file = DOWNLOAD_FILE_NONE;

	if (part_file_open(part, request->dirfd, request->dir, request->name) < 0)
		return -1;
	if (sha256_stream_new(&digest) < 0) {
		log_error("libcrypto offers no SHA-256\nits installation is broken");
		return -1;
	}
	growth.digest = digest;
	file.trusted = is_trusted(request->url);
	if (get_all(downloader, &growth) < 0) {
		if (!part_file_can_resume(part))
			part_file_remove(part);
		return -1;
	}
	if (part_file_flush(part) < 0 || sha256_stream_digest(digest, &file.digest) < 0)
		return -1;
	file.size = part->size;
	file.fd = steal_fd(&part->read_fd);
	file.part = steal_ptr(&part);
	*out = file;
	return 0;
}

void download_file_remove(struct download_file *file)
{
	if (file->part)
		part_file_remove(file->part);
}

void download_file_close(struct download_file *file)
{
	cleanup_close(&file->fd);
	part_file_freep(&file->part);
	*file = (struct download_file)DOWNLOAD_FILE_NONE;
}
