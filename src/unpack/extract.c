#include "unpack/extract.h"

#include "unpack/dictionary.h"
#include "unpack/extract_entry.h"
#include "util/flavour.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How many bytes pass between two reports of progress. */
#define PROGRESS_STEP ((uint64_t)256 << 10)

/* Read more of the archive, as read(2) does. */
static ssize_t read_archive(void *data, size_t len)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, data, len);
	while (n < 0 && errno == EINTR);
	return n;
}

static int cannot_read(struct extraction *x)
{
	return extraction_fail(x, EXTRACT_ADVICE_NONE, "cannot read it: %s", strerror(errno));
}

static la_ssize_t read_block(struct archive *in, void *data, const void **buffer)
{
	struct extraction *x = data;
	la_int64_t decompressed = archive_filter_bytes(in, 0);
	ssize_t n;

	/* an archive of nothing but zeros meets no other limit */
	if (decompressed > 0 && (uint64_t)decompressed > x->limits->bytes) {
		x->over_limit = true;
		return ARCHIVE_FATAL;
	}
	n = x->head ? (ssize_t)x->head : read_archive(x->block, sizeof(x->block));
	x->head = 0;
	if (n < 0) {
		x->read_errno = errno;
		return ARCHIVE_FATAL;
	}
	x->taken += (uint64_t)n;
	if (x->taken - x->told >= PROGRESS_STEP) {
		struct extract_report report = {.kind = EXTRACT_PROGRESS, .bytes = x->taken};

		extract_report_send(STDOUT_FILENO, &report);
		x->told = x->taken;
	}
	*buffer = x->block;
	return n;
}

/* Read the beginning of the archive into X's block, and check how much memory it asks for. */
static int check_dictionary(struct extraction *x)
{
	_cleanup_free_ char *wanted = NULL, *most = NULL;
	uint64_t size;
	ssize_t n = 1;

	while (x->head < DICTIONARY_HEAD && n > 0) {
		n = read_archive(x->block + x->head, DICTIONARY_HEAD - x->head);
		if (n < 0)
			return cannot_read(x);
		x->head += (size_t)n;
	}
	size = dictionary_size(x->block, x->head);
	if (size <= DICTIONARY_MAX)
		return 0;
	wanted = str_size(size);
	most = str_size(DICTIONARY_MAX);
	return extraction_fail(
		x, EXTRACT_ADVICE_TARBALL,
		"decompressing it takes a dictionary of %s, and at most %s (64 MiB) is allowed",
		wanted, most);
}

static int open_archive(struct extraction *x)
{
	x->in = archive_read_new();
	x->out = archive_write_disk_new();
	if (!x->in || !x->out)
		return extraction_fail(x, EXTRACT_ADVICE_NONE, "out of memory");
	/* WARN: libarchive would run the program xz, which does not exist inside */
	if (archive_read_support_filter_xz(x->in) < ARCHIVE_WARN ||
	    archive_read_support_filter_gzip(x->in) < ARCHIVE_WARN ||
	    /* the static build has no bzip2, since no mirror's tarball needs it */
	    (archive_bzlib_version() && archive_read_support_filter_bzip2(x->in) < ARCHIVE_WARN) ||
	    archive_read_support_filter_zstd(x->in) < ARCHIVE_WARN ||
	    archive_read_support_format_tar(x->in) < ARCHIVE_WARN)
		return extraction_fail(x, EXTRACT_ADVICE_NONE, "%s", archive_error_string(x->in));
	/*
	 * Continue after the end-of-archive blocks, to the end of the compressed data: only its
	 * checksums, which are there, show whether something was cut off.
	 */
	archive_read_set_option(x->in, "tar", "read_concatenated_archives", "1");
	/*
	 * pax names are UTF-8, and libarchive converts them to Unicode's normal form C, which
	 * changes names, or with musl's iconv to '*'. With this option it tries neither: in the C
	 * locale (no setlocale(3) was called) the conversion fails and the bytes stay as they are.
	 */
	archive_read_set_option(x->in, "tar", "compat-2x", "1");
	if (check_dictionary(x) < 0)
		return -1;
	if (archive_read_open(x->in, x, NULL, read_block, NULL) != ARCHIVE_OK)
		return extraction_read_failed(x, NULL);
	return 0;
}

/* Are there bytes after the last compressed stream? */
static int check_end(struct extraction *x)
{
	char byte;
	ssize_t n = 1;

	if (archive_filter_bytes(x->in, -1) >= (la_int64_t)x->taken)
		n = read_archive(&byte, 1);
	if (n < 0)
		return cannot_read(x);
	if (n > 0)
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL,
				       "there are bytes after the archive's end");
	return 0;
}

static int take_all(struct extraction *x, const struct extract_policy *policy)
{
	struct archive_entry *entry;
	int r;

	/* WARN: a name that is no UTF-8, or an extended header that means nothing here */
	while ((r = archive_read_next_header(x->in, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		/* the last filter is the descriptor itself */
		if (archive_filter_count(x->in) > 2)
			return extraction_fail(x, EXTRACT_ADVICE_TARBALL,
					       "it is compressed more than once");
		if (policy->take(x, entry) < 0)
			return -1;
	}
	if (r != ARCHIVE_EOF)
		return extraction_read_failed(x, NULL);
	if (check_end(x) < 0)
		return -1;
	/* only now directories get their modes and times */
	if (archive_write_close(x->out) < ARCHIVE_WARN)
		return extraction_write_failed(x, x->top ? x->top : "", archive_errno(x->out),
					       archive_error_string(x->out));
	if (!x->top)
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "it is empty");
	if (!(x->has & HAS_INSTALL) && flavour_of_file(x->top)->has_script)
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL,
				       "there is no install script in it");
	if (!(x->has & HAS_STORE))
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "there is no store/ in it");
	if (!(x->has & HAS_REGINFO))
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "there is no .reginfo in it");
	return 0;
}

int extract_run(const struct unpack_limits *limits, const struct extract_policy *policy)
{
	struct extraction *x = xcalloc(1, sizeof(*x));
	int r;

	x->limits = limits;
	r = open_archive(x);
	if (r == 0)
		archive_write_disk_set_options(x->out, policy->write_flags);
	if (r == 0)
		r = take_all(x, policy);
	if (r == 0)
		snprintf(x->report.text, sizeof(x->report.text), "%s", x->top);
	x->report.kind = r == 0 ? EXTRACT_DONE : EXTRACT_FAILED;
	extract_report_send(STDOUT_FILENO, &x->report);
	archive_read_free(x->in);
	archive_write_free(x->out);
	free(x->top);
	free(x->parent);
	free(x);
	return r == 0 ? 0 : 1;
}

int extract_nix_tarball(const struct unpack_limits *limits)
{
	const struct extract_policy policy = {extract_entry, extract_entry_flags};

	return extract_run(limits, &policy);
}
