/*
 * The fields of an HTTP answer's header that a download looks at, as they come line by line.
 * HTTP/2 writes their names in lower case, so case does not count (RFC 9110, 5.1).
 */
#ifndef FETCH_RESPONSE_HEADER_H
#define FETCH_RESPONSE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The field "Content-Range" (RFC 9110, 14.4). */
struct content_range {
	uint64_t first; /* of "bytes FIRST-LAST/TOTAL" */
	bool has_first; /* false: an asterisk, in the answer to a range that begins behind the end
			 */
	uint64_t total; /* 0: an asterisk */
};

/* A field is NULL where it was not sent, is too long, or has control characters in it. */
struct response_header {
	char *etag, *last_modified, *encoding;
	char *location; /* also of the redirects before; the last one */
	struct content_range range;
	bool has_range;
};

/*
 * Take the header's next LINE, of LEN bytes with its newline. A line that begins with "HTTP/"
 * begins another answer's header: after a redirect, or after a "100 Continue".
 */
void response_header_take(struct response_header *header, const char *line, size_t len);

/*
 * What If-Range may hold (RFC 9110, 13.1.5): the ETag where it is a strong one, else the date. That
 * a date is strong only where it is a while ago is not looked at: the digest of the whole decides
 * in the end. NULL: there is none. It is HEADER's.
 */
const char *response_header_validator(const struct response_header *header);

/* VALUE of LEN bytes. Returns 0, or -EBADMSG with *OUT untouched. */
int content_range_parse(const char *value, size_t len, struct content_range *out);

void response_header_clear(struct response_header *header);

#endif
