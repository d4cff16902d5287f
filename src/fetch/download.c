#include "fetch/download.h"
#include "fetch/part_file.h"
#include "fetch/retry.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/part_names.h"
#include "util/str.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum {
	READ_SIZE = 1 << 17, /* bytes */
	TEXT_ROOM = 1 << 12, /* bytes that a text gets first */
};

/*
 * Is the answer from URL to be trusted? For https it is: certificates are always verified, and
 * redirects from https lead only to https.
 */
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

	/* LEN is at most the transfer's MAX */
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

int download_text(struct downloader *downloader, const char *url, size_t max,
		  const struct download_missing *missing, struct download_text *out)
{
	_cleanup_(download_text_clear) struct download_text text = {0};
	_cleanup_(job_clear) struct job job = {
		.downloader = downloader,
		.transfer = {.url = url,
			     .max = max,
			     .time_left = (long)downloader->options.text_time * 1000},
		.missing = missing,
		.prepare = text_prepare,
	};

	job.transfer.receiver = (struct transfer_receiver){text_begin, text_write, &text};
	text.body = xcalloc(TEXT_ROOM, 1);
	if (job_run(&job) < 0)
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

/* A download that is growing in NAME.part. */
struct growth {
	const struct download_request *request;
	struct part_file *part;
	struct sha256_stream *digest;
	bool fed;	/* the digest and the sinks have received bytes */
	bool resumed;	/* the file holds bytes of two answers */
	uint64_t total; /* as in struct transfer_answer */
};

static int say_no_digest(const struct growth *growth)
{
	log_error("cannot take the SHA-256 of %s: libcrypto fails\nits installation is broken",
		  growth->part->path);
	return -1;
}

static int feed(struct growth *growth, const void *data, size_t len)
{
	const struct sink *sink = growth->request->sink;

	growth->fed = true;
	if (sha256_stream_update(growth->digest, data, len) < 0)
		return say_no_digest(growth);
	return sink && sink->write(sink->ctx, data, len) != 0 ? -1 : 0;
}

/* Begin again with the first byte. */
static int growth_restart(struct growth *growth, const char *validator)
{
	const struct sink *sink = growth->request->sink;

	growth->resumed = false;
	if (part_file_restart(growth->part, growth->request->url, validator) < 0)
		return -1;
	if (!growth->fed)
		return 0;
	growth->fed = false;
	if (sha256_stream_restart(growth->digest) < 0) {
		log_error("cannot begin a SHA-256: libcrypto fails\nits installation is broken");
		return -1;
	}
	return sink && sink->restart(sink->ctx) != 0 ? -1 : 0;
}

static int file_begin(void *ctx, const struct transfer_answer *answer)
{
	struct growth *growth = ctx;
	struct part_file *part = growth->part;
	const struct sink *sink = growth->request->sink;

	if (answer->offset > 0) {
		log_verbose("continuing %s at byte %llu", part->path,
			    (unsigned long long)answer->offset);
		growth->resumed = true;
	} else {
		if (part->size > 0)
			log_verbose("%s is sent from its first byte", part->path);
		if (growth_restart(growth, answer->validator) < 0)
			return -1;
	}
	growth->total = answer->total;
	if (answer->total == 0)
		return 0;
	if (!growth->fed && sink && sink->begin && sink->begin(sink->ctx, answer->total) != 0)
		return -1;
	return part_file_check_room(part, answer->total);
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
		      part_file_can_resume(growth->part, NULL);

	transfer->offset = transfer->at = resume ? growth->part->size : 0;
	transfer->validator = resume ? growth->part->validator : NULL;
}

static int get_file(struct downloader *downloader, struct growth *growth)
{
	const struct download_request *request = growth->request;
	_cleanup_(job_clear) struct job job = {
		.downloader = downloader,
		.transfer = {.url = request->url, .max = request->max, .is_file = true},
		.missing = request->missing,
		.best = growth->part->size,
		.prepare = file_prepare,
		.ctx = growth,
	};

	job.transfer.receiver = (struct transfer_receiver){file_begin, file_write, growth};
	if (job_run(&job) == 0)
		return 0;
	if (job.transfer.is_other_file)
		/* forget the validator, so that the file is not kept for a later run */
		(void)growth_restart(growth, NULL);
	return -1;
}

/* Pass the bytes that an earlier run left through the digest and the sinks. */
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

/* Use what an earlier run left. 1: the whole file; 0: its beginning or nothing; -1 on failure. */
static int take_old_bytes(struct growth *growth)
{
	const struct download_request *request = growth->request;
	const struct part_file *part = growth->part;
	bool same;

	if (part->size == 0)
		return 0;
	same = part_file_can_resume(part, request->url);
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
		log_verbose(
			"%s was resumed and has the wrong SHA-256: downloading it again from its "
			"first byte",
			growth->part->path);
		if (growth_restart(growth, NULL) < 0 || get_file(downloader, growth) < 0)
			return -1;
	}
	return 0;
}

/* Describe the file, which is complete, in *OUT. On failure too, the caller closes *OUT. */
static int growth_end(const struct growth *growth, struct download_file *out)
{
	const struct download_request *request = growth->request;

	out->fd = part_file_finish(growth->part);
	if (out->fd < 0)
		return -1;
	out->dirfd = fcntl(request->dirfd, F_DUPFD_CLOEXEC, 0);
	if (out->dirfd < 0) {
		log_error("cannot keep %s open: %s\n"
			  "the limit of open files may be reached: ulimit -n",
			  request->dir, strerror(errno));
		return -1;
	}
	if (sha256_stream_digest(growth->digest, &out->digest) < 0)
		return say_no_digest(growth);
	out->name = xstrdup(request->name);
	out->size = growth->part->size;
	out->trusted = is_trusted(request->url);
	return 0;
}

int download_file(struct downloader *downloader, const struct download_request *request,
		  struct download_file *out)
{
	_cleanup_(part_file_close) struct part_file part = PART_FILE_NONE;
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	struct growth growth = {.request = request, .part = &part};

	if (part_file_open(&part, request->dirfd, request->dir, request->name) < 0)
		return -1;
	if (sha256_stream_new(&digest) < 0) {
		log_error("libcrypto offers no SHA-256\nits installation is broken");
		return -1;
	}
	growth.digest = digest;
	if (get_all(downloader, &growth) < 0 || growth_end(&growth, &file) < 0) {
		if (!part_file_can_resume(&part, NULL))
			part_file_remove(request->dirfd, request->name);
		return -1;
	}
	*out = file;
	file = (struct download_file)DOWNLOAD_FILE_NONE;
	return 0;
}

void download_file_remove(const struct download_file *file)
{
	if (file->name)
		part_file_remove(file->dirfd, file->name);
}

/* Count the files that have the name of a download, and remove them if REMOVE. */
static size_t each_kept(int dirfd, bool remove)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(dirfd, ".");
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = fs_next_entry(dir))) {
		if (!str_ends_with(entry->d_name, PART_SUFFIX) &&
		    !str_ends_with(entry->d_name, PART_STATE_SUFFIX))
			continue;
		count++;
		if (remove)
			(void)unlinkat(dirfd, entry->d_name, 0);
	}
	return count;
}

void download_remove_all(int dirfd)
{
	each_kept(dirfd, true);
}

bool download_is_kept(int dirfd)
{
	return each_kept(dirfd, false) > 0;
}

void download_file_close(struct download_file *file)
{
	cleanup_close(&file->fd);
	cleanup_close(&file->dirfd);
	free(file->name);
	*file = (struct download_file)DOWNLOAD_FILE_NONE;
}
