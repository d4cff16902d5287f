#include "fetch/response_header.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void reads_a_content_range(void **state)
{
	static const struct {
		const char *value;
		struct content_range range;
	} good[] = {
		{"bytes 0-0/1", {0, true, 1}},
		{"bytes 100-199/200", {100, true, 200}},
		{"Bytes 100-199/*", {100, true, 0}},
		{"bytes */200", {0, false, 200}},
		{"bytes 18446744073709551613-18446744073709551614/18446744073709551615",
		 {UINT64_MAX - 2, true, UINT64_MAX}},
	};
	static const char *const bad[] = {
		"",
		"bytes",
		"bytes ",
		"bytes *",
		"bytes */",
		"bytes */*",
		"bytes 1",
		"bytes 1-",
		"bytes 1-2",
		"bytes 1-2/",
		"bytes -5/9",
		"bytes 0-/9",
		"bytes x-5/9",
		"bytes 1x5/9",
		"bytes 1-x/9",
		"bytes 1-5x9",
		"bytes */x",
		"bytes 2-1/9",
		"bytes 1-9/9",
		"bytes -1-2/9",
		"bytes 1-2/9x",
		"bytes 1-2/ 9",
		"bytes=1-2/9",
		"lines 1-2/9",
		"bytes 18446744073709551616-18446744073709551617/*",
		"bytes 99999999999999999999999-99999999999999999999999/*",
	};
	struct content_range range = {7, true, 7};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		/* without a NUL, so that a sanitizer sees what is read behind the end */
		size_t len = strlen(bad[i]);
		_cleanup_free_ char *copy = xcalloc(len ? len : 1, 1);

		memcpy(copy, bad[i], len);
		assert_int_equal(content_range_parse(copy, len, &range), -EBADMSG);
	}
	assert_int_equal(content_range_parse("bytes 1-2/9", 8, &range), -EBADMSG); /* "bytes 1-" */
	assert_true(range.first == 7 && range.has_first && range.total == 7);	   /* untouched */
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(content_range_parse(good[i].value, strlen(good[i].value), &range),
				 0);
		assert_true(range.first == good[i].range.first);
		assert_true(range.total == good[i].range.total);
		assert_int_equal(range.has_first, good[i].range.has_first);
	}
}

static void take(struct response_header *header, const char *line)
{
	/* libcurl passes lines without a NUL */
	_cleanup_free_ char *copy = xcalloc(strlen(line) ? strlen(line) : 1, 1);

	memcpy(copy, line, strlen(line));
	response_header_take(header, copy, strlen(line));
}

static void reads_a_header(void **state)
{
	struct response_header header = {0};

	(void)state;
	take(&header, "HTTP/1.1 302 Found\r\n");
	take(&header, "Location: https://example.org/\r\n");
	take(&header, "etag: \"of the redirect\"\r\n");
	take(&header, "HTTP/2 200 \r\n");
	assert_null(header.etag);
	assert_string_equal(header.location, "https://example.org/");
	assert_null(response_header_validator(&header));
	take(&header, "last-modified:  Thu, 01 Jan 1970 00:00:01 GMT \r\n");
	assert_string_equal(response_header_validator(&header), "Thu, 01 Jan 1970 00:00:01 GMT");
	take(&header, "ETag: W/\"weak\"\r\n"); /* If-Range cannot use a weak ETag */
	assert_string_equal(response_header_validator(&header), "Thu, 01 Jan 1970 00:00:01 GMT");
	take(&header, "ETAG:\"strong\"\n");
	assert_string_equal(response_header_validator(&header), "\"strong\"");
	take(&header, "ETag: \"control\x01\"\r\n"); /* it could add a header line */
	assert_null(header.etag);
	take(&header, "Content-Encoding: gzip\r\n");
	assert_string_equal(header.encoding, "gzip");
	assert_false(header.has_range);
	take(&header, "Content-Range: bytes 5-9/10\r\n");
	assert_true(header.has_range && header.range.first == 5);
	take(&header, "Content-Range: nonsense\r\n");
	assert_false(header.has_range);
	take(&header, "\r\n");
	take(&header, "");
	take(&header, ":");
	take(&header, "ETag");
	response_header_clear(&header);
}

/* A value is kept up to its most bytes, and only if it is text. */
static void keeps_values_of_text(void **state)
{
	static const struct {
		const char *value;
		bool kept;
	} cases[] = {
		{"\x1f", false},     {"\x7f", false},	  {"\" ~\"", true}, {"\"\xc3\xa9\"", true},
		{"\"\x1f\"", false}, {"\"\x7f\"", false}, {"", true},
	};
	char longest[4098];
	struct response_header header = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_free_ char *line = xasprintf("Content-Encoding: %s\r\n", cases[i].value);

		take(&header, line);
		if (cases[i].kept)
			assert_string_equal(header.encoding, cases[i].value);
		else
			assert_null(header.encoding);
	}
	for (size_t len = 4095; len <= 4097; len++) {
		_cleanup_free_ char *line = NULL;

		memset(longest, 'x', len);
		longest[len] = '\0';
		line = xasprintf("Location:%s\r\n", longest);
		take(&header, line);
		if (len <= 4096)
			assert_string_equal(header.location, longest);
		else
			assert_null(header.location);
	}
	/* names that only begin or end like ours */
	take(&header, "ETagx: \"a\"\r\n");
	take(&header, "xETag: \"a\"\r\n");
	take(&header, "ETa: \"a\"\r\n");
	assert_null(header.etag);
	take(&header, "Content-Range: bytes 5-9/10\r\n");
	take(&header, "Content-Rangex: bytes 6-9/10\r\n");
	take(&header, "Content-Rang: bytes 6-9/10\r\n");
	assert_true(header.has_range && header.range.first == 5 && header.range.total == 10);
	/* an empty date is none */
	take(&header, "Last-Modified: \r\n");
	assert_null(response_header_validator(&header));
	/* the shortest beginning of an answer: all is forgotten but where a redirect led to */
	take(&header, "Location: x\r\n");
	take(&header, "HTTP");
	assert_true(header.has_range);
	take(&header, "http/");
	assert_false(header.has_range);
	assert_null(header.encoding);
	assert_string_equal(header.location, "x");
	response_header_clear(&header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_content_range),
		cmocka_unit_test(reads_a_header),
		cmocka_unit_test(keeps_values_of_text),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
