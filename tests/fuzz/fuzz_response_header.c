/*
 * Reads any bytes as the header of an HTTP response, line by line. What is kept of the header must
 * be safe to send in a header of our own.
 */
#include "fetch/response_header.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_field(const char *text)
{
	for (; text && *text; text++)
		check((unsigned char)*text >= ' ' && *text != 0x7f);
}

/* Passes on a copy of the line without a NUL behind it, so that a read beyond its end is found */
static void take(struct response_header *header, const uint8_t *line, size_t len)
{
	_cleanup_free_ char *copy = xcalloc(len ? len : 1, 1);

	if (len > 0)
		memcpy(copy, line, len);
	response_header_take(header, copy, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(response_header_clear) struct response_header header = {0};
	struct content_range range;

	while (size > 0) {
		const uint8_t *newline = memchr(data, '\n', size);
		size_t len = newline ? (size_t)(newline - data) + 1 : size;

		take(&header, data, len);
		if (content_range_parse((const char *)data, len, &range) == 0)
			check(!range.total || !range.has_first || range.first < range.total);
		data += len;
		size -= len;
	}
	check_field(header.etag);
	check_field(header.last_modified);
	check_field(header.encoding);
	check_field(header.location);
	check_field(response_header_validator(&header));
	return 0;
}
