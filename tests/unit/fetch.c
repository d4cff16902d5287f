/*
 * The download part of the installer as a program, for tests/integration/network.bats:
 *
 *     fetch [OPTION…] URL DIR NAME      download_file() into DIR/NAME.part; prints the digest
 *     fetch [OPTION…] --text URL        download_text(); prints the URL after redirects, then the
 * text
 *
 * Ends with 0, 1 where the download failed (it has said why), 2 for a wrong use of this program,
 * and 3 where download_file() broke its promises: its digest, what a sink got and what is in the
 * file must be the same.
 */
#include "install/download.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

struct request {
	struct download_options options;
	bool text;
	bool remove; /* NAME.part at the end, as the installer does */
	uint64_t max;
	struct sha256 expected;
	bool has_expected;
	uint64_t end_at; /* bytes after which progress() wants an end */
};

static int usage(void)
{
	fputs("usage: fetch [OPTION...] {URL DIR NAME | --text URL}\n", stderr);
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

/* Returns the index of the first argument that is no option, or -1 */
static int parse_options(int argc, char **argv, struct request *out)
{
	enum { CACERT = 256, ROOT, TRIES, WAIT, ASKED, STALL, MAX, EXPECTED, END_AT, TEXT, REMOVE };
	static const struct option options[] = {
		{"cacert", required_argument, NULL, CACERT},
		{"root", required_argument, NULL, ROOT},
		{"tries", required_argument, NULL, TRIES},
		{"wait-ms", required_argument, NULL, WAIT},
		{"retry-after-max", required_argument, NULL, ASKED},
		{"stall-window", required_argument, NULL, STALL},
		{"max", required_argument, NULL, MAX},
		{"expected", required_argument, NULL, EXPECTED},
		{"end-at", required_argument, NULL, END_AT},
		{"text", no_argument, NULL, TEXT},
		{"remove", no_argument, NULL, REMOVE},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	unsigned number = 0;
	int c;

	while ((c = getopt_long(argc, argv, "+v", options, NULL)) != -1) {
		bool is_number = c == TRIES || c == WAIT || c == ASKED || c == STALL || c == MAX ||
				 c == END_AT;

		if (c == '?' || (is_number && !parse_unsigned(optarg, &number)))
			return -1;
		if (c == CACERT)
			out->options.cacert = optarg;
		else if (c == ROOT)
			out->options.root = optarg;
		else if (c == TRIES)
			out->options.tries = number;
		else if (c == WAIT)
			out->options.wait_ms = out->options.wait_max_ms = number;
		else if (c == ASKED)
			out->options.retry_after_max = number;
		else if (c == STALL)
			out->options.stall_window = number;
		else if (c == MAX)
			out->max = number;
		else if (c == END_AT)
			out->end_at = number;
		else if (c == TEXT)
			out->text = true;
		else if (c == REMOVE)
			out->remove = true;
		else if (c == 'v')
			log_set_level(LOG_VERBOSE);
		else if (c == EXPECTED && sha256_parse_option(optarg, &out->expected) == 0)
			out->has_expected = true;
		else
			return -1;
	}
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

static int fetch_file(struct downloader *downloader, const struct request *request, char **words)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_close_ int dirfd = fs_open_dir(AT_FDCWD, words[1]);
	struct download_sink sink = {.write = sink_write, .restart = sink_restart};
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
				  .sinks = &sink,
				  .sink_count = 1,
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
	return 0;
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
	struct request request = {.max = UINT64_C(1) << 30};
	int first, status;

	download_options_init(&request.options);
	request.options.progress = on_progress;
	request.options.progress_ctx = &request;
	first = parse_options(argc, argv, &request);
	if (first < 0 || argc - first != (request.text ? 1 : 3))
		return usage();
	downloader = downloader_new(&request.options);
	if (!downloader)
		return 1;
	status = request.text ? fetch_text(downloader, &request, argv[first])
			      : fetch_file(downloader, &request, argv + first);
	return fflush(stdout) == 0 ? status : 3;
}
