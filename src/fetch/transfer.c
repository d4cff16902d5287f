#include "fetch/transfer.h"
#include "fetch/response_header.h"
#include "fetch/transfer_error.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

enum {
	REDIRECTS_MAX = 10,
	ERROR_PAGE_MAX = 1 << 16, /* bytes of an error page that are read to keep the connection */
	BUFFER_SIZE = 1 << 18,	  /* bytes; fewer calls than with curl's 16 KiB */
};

/* Why we ourselves ended a transfer that libcurl would have gone on with. */
enum stop {
	STOP_NOT,
	STOP_PROGRESS,
	STOP_RECEIVER,
	STOP_ERROR_PAGE,
	STOP_ENCODED,
	STOP_TOO_LARGE,
	STOP_RANGE,
};

struct run {
	const struct downloader *downloader;
	struct transfer *transfer;
	struct answer_header header;
	bool is_http;
	bool begun;	 /* the body's first byte was seen, or its end */
	bool wanted;	 /* the body is the file, not an error page */
	uint64_t thrown; /* bytes of an error page */
	enum stop stop;
	char detail[CURL_ERROR_SIZE];
};

static void run_clear(struct run *run)
{
	answer_header_clear(&run->header);
}

static long status_of(const struct run *run)
{
	long status = 0;

	curl_easy_getinfo(run->downloader->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* CURLOPT_HEADERFUNCTION: one line a call, not terminated */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct run *run = ctx;

	if (!run->begun) /* else it is a trailer, behind a chunked body */
		answer_header_take(&run->header, line, size * count);
	return size * count;
}

/* The answer is there and its body begins: is it what was asked for? */
static enum stop check_answer(struct run *run)
{
	struct transfer *transfer = run->transfer;
	const struct answer_header *header = &run->header;
	curl_off_t length = -1;
	long status = status_of(run);

	run->wanted = !run->is_http || status == 200 || status == 203 || status == 206;
	if (!run->wanted)
		return STOP_NOT;
	if (header->encoding && *header->encoding && strcasecmp(header->encoding, "identity") != 0)
		return STOP_ENCODED;
	if (status == 206 && (!header->has_range || !header->range.has_first ||
			      header->range.first != transfer->offset))
		return STOP_RANGE;
	transfer->at = status == 206 ? transfer->offset : 0;
	curl_easy_getinfo(run->downloader->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status == 206 && header->range.total > 0)
		transfer->answer.total = header->range.total;
	else if (length > 0)
		transfer->answer.total = transfer->at + (uint64_t)length;
	if (transfer->answer.total > transfer->max)
		return STOP_TOO_LARGE;
	transfer->answer.offset = transfer->at;
	transfer->total = transfer->answer.total;
	if (run->is_http) /* a local file is read from its first byte: that costs little */
		transfer->answer.validator = xstrdup(answer_header_validator(header));
	if (transfer->receiver.begin(transfer->receiver.ctx, &transfer->answer) < 0)
		return STOP_RECEIVER;
	return STOP_NOT;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct run *run = ctx;
	const struct transfer_receiver *receiver = &run->transfer->receiver;
	size_t len = size * count;

	if (!run->begun) {
		run->begun = true;
		run->stop = check_answer(run);
	} else if (run->stop) {
		return 0;
	}
	if (!run->stop && !run->wanted) {
		run->thrown += len;
		run->stop = run->thrown > ERROR_PAGE_MAX ? STOP_ERROR_PAGE : STOP_NOT;
	} else if (!run->stop && len > run->transfer->max - run->transfer->at) {
		run->stop = STOP_TOO_LARGE;
	} else if (!run->stop && len > 0 && receiver->write(receiver->ctx, data, len) < 0) {
		run->stop = STOP_RECEIVER;
	} else if (!run->stop) {
		run->transfer->at += len;
	}
	/* another number than LEN is an error to libcurl, also where LEN is 0 */
	return run->stop ? len + 1 : len;
}

int transfer_report(const struct downloader *downloader, const struct transfer *transfer)
{
	const struct download_options *options = &downloader->options;

	if (!options->progress)
		return 0;
	return options->progress(options->progress_ctx, transfer->report ? transfer->at : 0,
				 transfer->report ? transfer->total : 0);
}

/* CURLOPT_XFERINFOFUNCTION; libcurl's own numbers count redirects and error pages too */
static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	struct run *run = ctx;
	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	if (transfer_report(run->downloader, run->transfer) == 0)
		return 0;
	run->stop = STOP_PROGRESS;
	return 1;
}

/*
 * What libcurl may speak, at first and after a redirect: what the URL says, and https after http.
 * (The first of the two options limits redirects as well.)
 */
static void limit_protocols(CURL *curl, enum url_scheme scheme)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	const char *allowed = scheme == URL_FILE   ? "file"
			      : scheme == URL_HTTP ? "http,https"
						   : "https";

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, allowed);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, allowed);
#else
	long allowed = scheme == URL_FILE   ? CURLPROTO_FILE
		       : scheme == URL_HTTP ? CURLPROTO_HTTP | CURLPROTO_HTTPS
					    : CURLPROTO_HTTPS;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, allowed);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, allowed);
#endif
}

static void set_trust(CURL *curl, const struct ca_bundle *ca)
{
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!ca->file && !ca->dir)
		return;
	/* both, so that a place compiled into libcurl does not count beside the one chosen */
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca->file);
	curl_easy_setopt(curl, CURLOPT_CAPATH, ca->dir);
	curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, ca->file);
	curl_easy_setopt(curl, CURLOPT_PROXY_CAPATH, ca->dir);
}

static void set_options(struct run *run, enum url_scheme scheme)
{
	const struct download_options *options = &run->downloader->options;
	CURL *curl = run->downloader->curl;

	curl_easy_reset(curl); /* keeps the connections */
	curl_easy_setopt(curl, CURLOPT_URL, run->transfer->url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "nix-user-chroot/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, run->detail);
	limit_protocols(curl, scheme);
	set_trust(curl, &run->downloader->ca);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)options->connect_timeout);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)options->stall_speed);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)options->stall_window);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, run);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, run);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, run);
	/* a local name is a name: "a/../b" may go through a symlink */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, scheme == URL_FILE ? 1L : 0L);
}

/*
 * libcurl reads a directory as an empty file and cannot tell a missing file from one that may not
 * be read. Returns 0 or a negative errno, also 0 where URL is not understood: libcurl says that.
 */
static int check_local_file(const char *url)
{
	CURLU *parts = curl_url();
	char *path = NULL;
	struct stat st;
	int r = 0;

	if (curl_url_set(parts, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK) {
		if (stat(path, &st) < 0 || access(path, R_OK) < 0)
			r = -errno;
		else if (S_ISDIR(st.st_mode))
			r = -EISDIR;
	}
	curl_free(path);
	curl_url_cleanup(parts);
	return r;
}

static enum transfer_result fail(struct transfer *transfer, enum transfer_result result,
				 const char *next, char *why)
{
	/* some of it may come from the server */
	for (char *p = why; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	free(transfer->why);
	transfer->why = why;
	transfer->next = next;
	return result;
}

static enum transfer_result judge_stop(const struct run *run)
{
	struct transfer *transfer = run->transfer;

	switch (run->stop) {
	case STOP_ENCODED:
		return fail(transfer, TRANSFER_FAILED,
			    "try another --mirror; a proxy may be in between",
			    xasprintf("the server sends it in the encoding '%s', which was not "
				      "asked for",
				      run->header.encoding));
	case STOP_TOO_LARGE:
		transfer->is_other_file = true;
		return fail(transfer, TRANSFER_FAILED,
			    "check --mirror, --tarball and the network (a login page?)",
			    xasprintf("it is larger than %llu bytes, so it is not what was asked "
				      "for",
				      (unsigned long long)transfer->max));
	case STOP_RANGE:
		return fail(transfer, TRANSFER_WHOLE, "try another --mirror",
			    xstrdup("the server sent another part than was asked for"));
	default:
		return TRANSFER_ENDED;
	}
}

static enum transfer_result judge_status(const struct run *run, long status)
{
	const struct answer_header *header = &run->header;
	struct transfer *transfer = run->transfer;
	struct transfer_error error = transfer_error_of_status(status);
	enum transfer_result result = error.transient ? TRANSFER_AGAIN : TRANSFER_FAILED;
	curl_off_t wait = 0;

	if (status == 416 && transfer->offset > 0) {
		if (header->has_range && header->range.total == transfer->offset)
			return TRANSFER_COMPLETE;
		result = TRANSFER_WHOLE;
	} else if (status == 404 || status == 410) {
		result = TRANSFER_MISSING;
	}
	curl_easy_getinfo(run->downloader->curl, CURLINFO_RETRY_AFTER, &wait);
	if (wait > 0) /* seconds, also where the server named a date */
		transfer->retry_after = wait > 86400 ? 86400 : (unsigned)wait;
	return fail(transfer, result, error.next, xasprintf("HTTP %ld: %s", status, error.what));
}

static enum transfer_result judge_curl(const struct run *run, CURLcode code)
{
	struct transfer *transfer = run->transfer;
	struct transfer_error error = transfer_error_of_curl(code);
	enum transfer_result result = error.transient ? TRANSFER_AGAIN : TRANSFER_FAILED;
	const char *location = run->header.location;
	long connect_status = 0;

	curl_easy_getinfo(run->downloader->curl, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status >= 300) {
		struct transfer_error proxy = transfer_error_of_status(connect_status);

		return fail(
			transfer, proxy.transient ? TRANSFER_AGAIN : TRANSFER_FAILED,
			connect_status == 407 ? proxy.next
					      : "check the variables https_proxy and no_proxy",
			xasprintf("the proxy does not let us through: HTTP %ld", connect_status));
	}
	if (code == CURLE_UNSUPPORTED_PROTOCOL && location && url_scheme(location) != URL_NONE)
		return fail(transfer, TRANSFER_FAILED, "try another --mirror",
			    xasprintf("the server redirects to %s; only %s is followed", location,
				      url_scheme(transfer->url) == URL_HTTP ? "http(s)://"
									    : "https://"));
	return fail(transfer, result, error.next,
		    *run->detail ? xasprintf("%s (%s)", error.what, run->detail)
				 : xstrdup(error.what));
}

static enum transfer_result judge(struct run *run, CURLcode code)
{
	struct transfer *transfer = run->transfer;
	long status = run->is_http ? status_of(run) : 0;

	if (run->stop && run->stop != STOP_ERROR_PAGE)
		return judge_stop(run);
	if (status >= 400)
		return judge_status(run, status);
	if (code != CURLE_OK)
		return judge_curl(run, code);
	if (!run->begun) { /* a body of no bytes */
		run->begun = true;
		run->stop = check_answer(run);
		if (run->stop)
			return judge_stop(run);
	}
	if (!run->wanted)
		return judge_status(run, status);
	if (transfer->answer.total > 0 && transfer->at != transfer->answer.total)
		return fail(transfer, TRANSFER_AGAIN, "try another --mirror",
			    xstrdup("the server sent less than there is"));
	return TRANSFER_DONE;
}

static enum transfer_result perform(struct run *run, enum url_scheme scheme)
{
	struct transfer *transfer = run->transfer;
	CURL *curl = run->downloader->curl;
	_cleanup_free_ char *range = NULL, *if_range = NULL;
	struct curl_slist *headers = NULL;
	enum transfer_result result;
	char *effective = NULL;
	long redirects = 0;

	set_options(run, scheme);
	if (transfer->offset > 0) {
		range = xasprintf("%llu-", (unsigned long long)transfer->offset);
		if_range = xasprintf("If-Range: %s", transfer->validator);
		headers = curl_slist_append(NULL, if_range);
		if (!headers)
			return fail(transfer, TRANSFER_FAILED, "free some", xstrdup("no memory"));
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	log_debug("get %s from byte %llu", transfer->url, (unsigned long long)transfer->offset);
	result = judge(run, curl_easy_perform(curl));
	curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &effective);
	transfer->effective_url = xstrdup(effective ? effective : transfer->url);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_COUNT, &redirects);
	transfer->redirected = redirects > 0;
	curl_easy_reset(curl); /* it points to what ends here */
	curl_slist_free_all(headers);
	return result;
}

enum transfer_result transfer_run(const struct downloader *downloader, struct transfer *transfer)
{
	_cleanup_(run_clear) struct run run = {.downloader = downloader, .transfer = transfer};
	enum url_scheme scheme = url_scheme(transfer->url);
	int r;

	run.is_http = scheme == URL_HTTPS || scheme == URL_HTTP;
	if (!run.is_http && scheme != URL_FILE)
		return fail(transfer, TRANSFER_FAILED, "check --mirror and --tarball",
			    xstrdup("only https://, http:// and file:// are downloaded"));
	r = scheme == URL_FILE ? check_local_file(transfer->url) : 0;
	if (r < 0)
		return fail(transfer,
			    r == -ENOENT || r == -ENOTDIR ? TRANSFER_MISSING : TRANSFER_FAILED,
			    "check --mirror and --tarball", xstrdup(strerror(-r)));
	return perform(&run, scheme);
}

void transfer_clear(struct transfer *transfer)
{
	free(transfer->answer.validator);
	free(transfer->why);
	free(transfer->effective_url);
	transfer->answer = (struct transfer_answer){0};
	transfer->why = transfer->effective_url = NULL;
	transfer->next = NULL;
	transfer->retry_after = 0;
	transfer->redirected = transfer->is_other_file = false;
}
