#include "fetch/transfer.h"
#include "fetch/curl_options.h"
#include "fetch/error_table.h"
#include "fetch/response_header.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

enum { ERROR_PAGE_MAX = 1 << 16 /* bytes of an error page that are read to keep the connection */ };

/* Why this file ended a transfer that libcurl would have continued. */
enum stop {
	STOP_NOT,
	STOP_PROGRESS,
	STOP_SLOW,
	STOP_RECEIVER,
	STOP_ERROR_PAGE,
	STOP_ENCODED,
	STOP_TOO_LARGE,
	STOP_RANGE,
};

struct run {
	struct downloader *downloader;
	struct transfer *transfer;
	struct response_header header;
	bool is_http;
	bool begun;	 /* the first byte of the body, or the end of an empty one, has come */
	bool wanted;	 /* the body is the file, not an error page */
	uint64_t thrown; /* bytes of an error page, thrown away */
	enum stop stop;
	char detail[CURL_ERROR_SIZE];
};

static void run_clear(struct run *run)
{
	response_header_clear(&run->header);
}

static long status_of(const struct run *run)
{
	long status = 0;

	curl_easy_getinfo(run->downloader->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* CURLOPT_HEADERFUNCTION: one line per call, without NUL */
static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct run *run = ctx;

	if (!run->begun) /* else the line is of a trailer, after a chunked body */
		response_header_take(&run->header, line, size * count);
	return size * count;
}

/* The body of an answer begins: is it what was asked for? */
static enum stop check_answer(struct run *run)
{
	struct transfer *transfer = run->transfer;
	const struct response_header *header = &run->header;
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
	if (run->is_http) /* a local file is read from its first byte, which costs little */
		transfer->answer.validator = xstrdup(response_header_validator(header));
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

	run->transfer->pace.received += len;
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
	/* libcurl takes any number but LEN for an error, also if LEN is 0 */
	return run->stop ? len + 1 : len;
}

int transfer_report(const struct downloader *downloader, const struct transfer *transfer)
{
	const struct download_options *options = &downloader->options;

	if (!options->progress)
		return 0;
	return options->progress(options->progress_ctx, transfer->is_file ? transfer->at : 0,
				 transfer->is_file ? transfer->total : 0);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* CURLOPT_XFERINFOFUNCTION. libcurl's own numbers include redirects and error pages. */
static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	struct run *run = ctx;
	const struct download_options *options = &run->downloader->options;
	struct transfer *transfer = run->transfer;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	if (transfer_report(run->downloader, transfer) != 0)
		run->stop = STOP_PROGRESS;
	else if (transfer->is_file &&
		 pace_is_slow(&transfer->pace, now_ms(), options->slow_window, options->slow_speed))
		run->stop = STOP_SLOW;
	else
		return 0;
	return 1;
}

static void set_callbacks(struct run *run)
{
	CURL *curl = run->downloader->curl;

	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, run->detail);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, run);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, run);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, run);
}

/*
 * Check a local file: libcurl reads a directory as an empty file, and cannot tell a missing file
 * from an unreadable one. Returns 0 or a negative errno; 0 also if URL is malformed, which libcurl
 * reports.
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

/* Set why TRANSFER failed, and return RESULT. Takes WHY over. */
static enum transfer_result fail(struct transfer *transfer, enum transfer_result result,
				 const char *next, char *why)
{
	free(transfer->why);
	free(transfer->next);
	transfer->why = why;
	transfer->next = xstrdup(next);
	return result;
}

static enum transfer_result judge_stop(const struct run *run)
{
	const struct download_options *options = &run->downloader->options;
	struct transfer *transfer = run->transfer;

	switch (run->stop) {
	case STOP_SLOW:
		return fail(
			transfer, TRANSFER_FAILED,
			"run it again: it resumes there if the server can; or try another --mirror",
			xasprintf("for %u seconds less than %u bytes a second came",
				  options->slow_window, options->slow_speed));
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
	const struct response_header *header = &run->header;
	struct transfer *transfer = run->transfer;
	struct error_meaning error = error_of_status(status);
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
	if (wait > 0) /* seconds, also if the server named a date */
		transfer->retry_after = wait > 86400 ? 86400 : (unsigned)wait;
	transfer->detail = xstrdup(error.what);
	return fail(transfer, result, error.next, xasprintf("HTTP %ld", status));
}

/* Judge the proxy's answer to CONNECT. */
static enum transfer_result judge_proxy(struct transfer *transfer, long status)
{
	struct error_meaning error = error_of_status(status);

	transfer->detail = xasprintf("HTTP %ld", status);
	return fail(transfer, error.transient ? TRANSFER_AGAIN : TRANSFER_FAILED,
		    status == 407 ? error.next : "check the variables https_proxy and no_proxy",
		    xstrdup("the proxy refuses"));
}

/* Does CODE mean that a certificate could not be verified because there are no CA certificates? */
static bool is_for_want_of_ca(const struct run *run, CURLcode code)
{
	const struct ca_bundle *ca = &run->downloader->ca;

	return !ca->file && !ca->dir &&
	       (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE);
}

/* Did the transfer end because the time for all tries is over? */
static bool is_time_over(const struct run *run, CURLcode code)
{
	curl_off_t took = 0; /* microseconds */

	curl_easy_getinfo(run->downloader->curl, CURLINFO_TOTAL_TIME_T, &took);
	return code == CURLE_OPERATION_TIMEDOUT && run->transfer->time_left > 0 &&
	       took / 1000 >= run->transfer->time_left;
}

static enum transfer_result judge_curl(const struct run *run, CURLcode code)
{
	struct transfer *transfer = run->transfer;
	struct error_meaning error = error_of_curl(code);
	enum transfer_result result = error.transient ? TRANSFER_AGAIN : TRANSFER_FAILED;
	const char *location = run->header.location;
	long connect_status = 0;

	curl_easy_getinfo(run->downloader->curl, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status >= 300)
		return judge_proxy(transfer, connect_status);
	if (code == CURLE_UNSUPPORTED_PROTOCOL && location && url_scheme(location) != URL_NONE) {
		_cleanup_free_ char *shown = url_shown(location);

		return fail(transfer, TRANSFER_FAILED, "try another --mirror",
			    xasprintf("the server redirects to %s; only %s is followed", shown,
				      url_scheme(transfer->url) == URL_HTTP ? "http(s)://"
									    : "https://"));
	}
	if (is_time_over(run, code))
		return fail(transfer, TRANSFER_FAILED, error.next,
			    xasprintf("it was not complete after %u seconds",
				      run->downloader->options.text_time));
	/* libcurl's text may quote a wrong URL, also that of a proxy, with its password */
	if (*run->detail && !strpbrk(run->detail, "@?"))
		transfer->detail = xstrdup(run->detail);
	if (is_for_want_of_ca(run, code)) {
		_cleanup_free_ char *advice = ca_bundle_advice();

		return fail(transfer, TRANSFER_FAILED, advice,
			    xstrdup("there are no CA certificates on this host to verify it by"));
	}
	return fail(transfer, result, error.next, xstrdup(error.what));
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
	if (!run->begun) { /* the body is empty */
		run->begun = true;
		run->stop = check_answer(run);
		if (run->stop)
			return judge_stop(run);
	}
	if (!run->wanted)
		return judge_status(run, status);
	if (transfer->answer.total > 0 && transfer->at != transfer->answer.total)
		return fail(transfer, TRANSFER_AGAIN, "try another --mirror",
			    xstrdup("the answer is shorter than announced"));
	return TRANSFER_DONE;
}

/* Note where the URL led to, and how long the transfer took. */
static void take_info(struct run *run)
{
	struct transfer *transfer = run->transfer;
	CURL *curl = run->downloader->curl;
	char *effective = NULL;
	curl_off_t took = 0; /* microseconds */
	long redirects = 0;

	curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &effective);
	transfer->effective_url = xstrdup(effective ? effective : transfer->url);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_COUNT, &redirects);
	transfer->redirected = redirects > 0;
	curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took);
	if (transfer->time_left > 0) {
		transfer->time_left -= (long)(took / 1000);
		if (transfer->time_left <= 0)
			transfer->time_left = 1;
	}
}

static enum transfer_result perform(struct run *run)
{
	struct transfer *transfer = run->transfer;
	CURL *curl = run->downloader->curl;
	_cleanup_free_ char *range = NULL, *if_range = NULL, *shown = url_shown(transfer->url);
	struct curl_slist *headers = NULL;
	enum transfer_result result;

	curl_options_set(run->downloader, transfer->url, transfer->time_left);
	set_callbacks(run);
	if (transfer->offset > 0) {
		range = xasprintf("%llu-", (unsigned long long)transfer->offset);
		if_range = xasprintf("If-Range: %s", transfer->validator);
		headers = curl_slist_append(NULL, if_range);
		if (!headers)
			return fail(transfer, TRANSFER_FAILED, "free some", xstrdup("no memory"));
		curl_easy_setopt(curl, CURLOPT_RANGE, range);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	log_debug("get %s from byte %llu", shown, (unsigned long long)transfer->offset);
	result = judge(run, curl_easy_perform(curl));
	take_info(run);
	curl_easy_reset(curl); /* the handle points to variables that end here */
	curl_slist_free_all(headers);
	return result;
}

/* Choose the CA certificates, which a local file does not need. -1 after a message. */
static int choose_ca(struct downloader *downloader)
{
	const struct download_options *options = &downloader->options;

	if (!downloader->has_ca &&
	    ca_bundle_choose(options->cacert, options->root, &downloader->ca) < 0)
		return -1;
	downloader->has_ca = true;
	return 0;
}

enum transfer_result transfer_run(struct downloader *downloader, struct transfer *transfer)
{
	_cleanup_(run_clear) struct run run = {.downloader = downloader, .transfer = transfer};
	enum url_scheme scheme = url_scheme(transfer->url);
	int r;

	run.is_http = scheme == URL_HTTPS || scheme == URL_HTTP;
	if (!run.is_http && scheme != URL_FILE)
		return fail(transfer, TRANSFER_FAILED, "check --mirror and --tarball",
			    xstrdup("only https://, http:// and file:// are downloaded"));
	if (run.is_http && choose_ca(downloader) < 0)
		return TRANSFER_ENDED;
	r = scheme == URL_FILE ? check_local_file(transfer->url) : 0;
	if (r < 0)
		return fail(transfer,
			    r == -ENOENT || r == -ENOTDIR ? TRANSFER_MISSING : TRANSFER_FAILED,
			    "check --mirror and --tarball", xstrdup(strerror(-r)));
	return perform(&run);
}

void transfer_clear(struct transfer *transfer)
{
	free(transfer->answer.validator);
	free(transfer->why);
	free(transfer->detail);
	free(transfer->next);
	free(transfer->effective_url);
	transfer->answer = (struct transfer_answer){0};
	transfer->why = transfer->detail = transfer->next = transfer->effective_url = NULL;
	transfer->retry_after = 0;
	transfer->redirected = transfer->is_other_file = false;
}
