#include "unpack/extraction.h"

#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int extraction_fail(struct extraction *x, enum extract_advice advice, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(x->report.text, sizeof(x->report.text), format, args);
	va_end(args);
	x->report.advice = advice;
	return -1;
}

int extraction_refuse(struct extraction *x, const char *path, const char *why)
{
	_cleanup_free_ char *name = text_shown_at_most(path, EXTRACTION_SHOWN);

	return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "entry \"%s\": %s", name, why);
}

int extraction_too_large(struct extraction *x)
{
	_cleanup_free_ char *limit = str_size(x->limits->bytes);

	return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "it holds more than %s", limit);
}

int extraction_write_failed(struct extraction *x, const char *path, int err, const char *text)
{
	_cleanup_free_ char *name = text_shown_at_most(path, EXTRACTION_SHOWN);
	enum extract_advice advice = EXTRACT_ADVICE_DISK;

	if (err == ENOSPC || err == EDQUOT)
		advice = EXTRACT_ADVICE_SPACE;
	if (err > 0)
		text = strerror(err);
	return extraction_fail(x, advice, "entry \"%s\": cannot write it: %s", name,
			       text ? text : "?");
}

int extraction_read_failed(struct extraction *x, const char *path)
{
	const char *text = archive_error_string(x->in);
	_cleanup_free_ char *why =
		text_shown_at_most(text ? text : "unknown error", EXTRACTION_SHOWN);
	int err = archive_errno(x->in);

	if (x->over_limit)
		return extraction_too_large(x);
	if (x->read_errno)
		return extraction_fail(x, EXTRACT_ADVICE_NONE, "cannot read it: %s",
				       strerror(x->read_errno));
	if (err == ENOMEM)
		return extraction_fail(x, EXTRACT_ADVICE_NONE,
				       "out of memory, of which it may take %llu MiB",
				       (unsigned long long)(UNPACK_MAX_MEMORY >> 20));
	if (path)
		return extraction_refuse(x, path, why);
	if (archive_format(x->in) != 0)
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "after %llu entries: %s",
				       (unsigned long long)x->report.entries, why);
	/* errors of decompressing damaged data are not about the format */
	if (!str_starts_with(why, "Unrecognized archive format"))
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL,
				       "its compressed data is damaged or cut short: %s", why);
	return extraction_fail(x, EXTRACT_ADVICE_TARBALL,
			       "not a tarball (tar, compressed with xz, gzip, zstd%s or not): %s",
			       archive_bzlib_version() ? ", bzip2" : "", why);
}
