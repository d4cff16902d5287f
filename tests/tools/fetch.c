/*
 * The download part of the installer as a program, for tests/integration/network.bats:
 *
 *     fetch [OPTION…] URL DIR NAME      download_file() into DIR/NAME.part; prints the digest
 *     fetch [OPTION…] --text URL        download_text(); prints the last URL, then the text
 *
 * Ends with 0; with 1 if the download failed, after a message that says why; with 2 if the
 * arguments are wrong; and with 3 if download_file() broke its promise that its digest, the bytes
 * of the sink and those of the file are the same.
 */
#include "fetch/download.h"
#include "install/release.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

struct request {
	struct download_options options;
	bool text, resolve;
	struct release_request release; /* for --resolve */
	bool remove;			/* remove NAME.part at the end, as the installer does */
	unsigned max;			/* bytes */
	struct sha256 expected;
	bool has_expected;
	unsigned end_at; /* bytes after which progress() asks to end the download */
};

static int usage(void)
{
	fputs("usage: fetch [OPTION...] {URL DIR NAME | --text URL | --resolve MIRROR DIR}\n",
	      stderr);
	return 2;
}

static bool parse_unsigned(const char *text, unsigned *out)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	*out = (unsigned)value;
	return errno == 0 && end != text && !*end && value <= UINT32_MAX;
}

enum kind { FLAG, NUMBER, STRING, DIGEST, VERBOSE };

/* The field of struct request that each option sets */
static const struct {
	const char *name;
	enum kind kind;
	size_t field;
} fields[] = {
	{"cacert", STRING, offsetof(struct request, options.cacert)},
	{"root", STRING, offsetof(struct request, options.root)},
	{"tries", NUMBER, offsetof(struct request, options.tries)},
	{"wait-ms", NUMBER, offsetof(struct request, options.wait_max_ms)},
	{"retry-after-max", NUMBER, offsetof(struct request, options.retry_after_max)},
	{"stall-window", NUMBER, offsetof(struct request, options.stall_window)},
	{"slow-window", NUMBER, offsetof(struct request, options.slow_window)},
	{"text-time", NUMBER, offsetof(struct request, options.text_time)},
	{"max", NUMBER, offsetof(struct request, max)},
	{"end-at", NUMBER, offsetof(struct request, end_at)},
	{"expected", DIGEST, offsetof(struct request, expected)},
	{"text", FLAG, offsetof(struct request, text)},
	{"resolve", FLAG, offsetof(struct request, resolve)},
	{"remove", FLAG, offsetof(struct request, remove)},
	{"nix-version", STRING, offsetof(struct request, release.nix_version)},
	{"sha256", STRING, offsetof(struct request, release.sha256)},
	{"verbose", VERBOSE, 0},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static bool set_field(struct request *request, size_t i, const char *value)
{
	void *field = (char *)request + fields[i].field;

	switch (fields[i].kind) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case NUMBER:
		return parse_unsigned(value, field);
	case STRING:
		*(const char **)field = value;
		return true;
	case DIGEST:
		request->has_expected = true;
		return sha256_parse_option(value, field) == 0;
	case VERBOSE:
		log_set_level(log_get_level() < LOG_VERBOSE ? LOG_VERBOSE : LOG_DEBUG);
		return true;
	}
	return false;
}

/* Returns the index of the first argument that is not an option, or -1 */
static int parse_options(int argc, char **argv, struct request *out)
{
	struct option options[FIELD_COUNT + 1] = {0};
	int i;

	for (size_t n = 0; n < FIELD_COUNT; n++) {
		bool alone = fields[n].kind == FLAG || fields[n].kind == VERBOSE;

		options[n].name = fields[n].name;
		options[n].has_arg = alone ? no_argument : required_argument;
		options[n].val = (int)n + 256;
	}
	while ((i = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (i < 256 || !set_field(out, (size_t)i - 256, optarg))
			return -1;
	if (out->options.wait_ms > out->options.wait_max_ms)
		out->options.wait_ms = out->options.wait_max_ms;
	return optind;
}

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct request *request = ctx;

	if (total > 0 && done > total) {
		fprintf(stderr, "progress of %" PRIu64 " of %" PRIu64 " bytes\n", done, total);
		_exit(3);
	}
	return request->end_at > 0 && done >= request->end_at;
}

static int sink_write(void *ctx, const void *data, size_t len)
{
	return sha256_stream_update(ctx, data, len);
}

static int sink_restart(void *ctx)
{
	return sha256_stream_restart(ctx);
}

/* Do the file's bytes and those of the sink have the digest that was reported? */
static bool check_promises(const struct download_file *file, struct sha256_stream *sink)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *stream = NULL;
	struct sha256 from_sink, from_file;
	uint64_t size = 0;
	char buffer[65536];
	ssize_t n;

	if (sha256_stream_new(&stream) < 0 || sha256_stream_digest(sink, &from_sink) < 0)
		return false;
	while ((n = read(file->fd, buffer, sizeof(buffer))) > 0) {
		size += (uint64_t)n;
		if (sha256_stream_update(stream, buffer, (size_t)n) < 0)
			return false;
	}
	if (n < 0 || write(file->fd, "", 1) >= 0)
		return false;
	return sha256_stream_digest(stream, &from_file) == 0 &&
	       sha256_equal(&from_sink, &file->digest) && sha256_equal(&from_file, &file->digest) &&
	       size == file->size;
}

/* Downloads the file, and prints its digest; WORDS are URL, DIR and NAME */
static int fetch_file(struct downloader *downloader, const struct request *request, char **words,
		      struct sha256 *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_close_ int dirfd = fs_open_dir(AT_FDCWD, words[1]);
	struct sink sink = {.write = sink_write, .restart = sink_restart};
	char hex[SHA256_HEX_LEN + 1];

	if (dirfd < 0 || sha256_stream_new(&digest) < 0)
		return usage();
	sink.ctx = digest;
	if (download_file(downloader,
			  &(struct download_request){
				  .url = words[0],
				  .max = request->max,
				  .dirfd = dirfd,
				  .dir = words[1],
				  .name = words[2],
				  .expected = request->has_expected ? &request->expected : NULL,
				  .sink = &sink,
			  },
			  &file) < 0)
		return 1;
	if (!check_promises(&file, digest)) {
		fputs("the digest, the sink and the file do not agree\n", stderr);
		return 3;
	}
	sha256_format(&file.digest, hex);
	printf("%s %s\n", hex, file.trusted ? "trusted" : "untrusted");
	if (request->remove)
		download_file_remove(&file);
	*out = file.digest;
	return 0;
}

static int fetch_release(struct downloader *downloader, struct request *request, char **words)
{
	_cleanup_(release_clear) struct release release = {0};
	struct sha256 digest;
	int status;

	request->release.mirror = words[0];
	request->release.system = "x86_64-linux";
	if (release_resolve(&request->release, downloader, &release) < 0)
		return 1;
	printf("%s ", release.version);
	request->expected = release.sha256;
	request->has_expected = true;
	status = fetch_file(downloader, request,
			    (char *[]){release.tarball_url, words[1], release.tarball_name},
			    &digest);
	if (status == 0 && !sha256_equal(&digest, &release.sha256)) {
		fputs("the hash is not the expected one\n", stderr);
		return 4;
	}
	return status;
}

static int fetch_text(struct downloader *downloader, const struct request *request, char *url)
{
	_cleanup_(download_text_clear) struct download_text text = {0};

	if (download_text(downloader, url, request->max, NULL, &text) < 0)
		return 1;
	printf("%s %s\n", text.effective_url, text.trusted ? "trusted" : "untrusted");
	return fwrite(text.body, 1, text.len, stdout) == text.len ? 0 : 3;
}

int main(int argc, char **argv)
{
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	struct request request = {.max = 1U << 30};
	struct sha256 digest;
	int first, status;

	download_options_init(&request.options);
	request.options.progress = on_progress;
	request.options.progress_ctx = &request;
	first = parse_options(argc, argv, &request);
	if (first < 0 || argc - first != (request.text ? 1 : request.resolve ? 2 : 3))
		return usage();
	downloader = downloader_new(&request.options);
	if (!downloader)
		return 1;
	if (request.text)
		status = fetch_text(downloader, &request, argv[first]);
	else if (request.resolve)
		status = fetch_release(downloader, &request, argv + first);
	else
		status = fetch_file(downloader, &request, argv + first, &digest);
	return fflush(stdout) == 0 ? status : 3;
}
