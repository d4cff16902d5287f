/*
 * The fields of an HTTP answer's header that a download uses, taken line by line. HTTP/2 writes
 * field names in lower case, so case does not count (RFC 9110, 5.1).
 */
#ifndef FETCH_RESPONSE_HEADER_H
#define FETCH_RESPONSE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The field "Content-Range" (RFC 9110, 14.4). */
struct content_range {
	uint64_t first; /* of "bytes FIRST-LAST/TOTAL" */
	bool has_first; /* false: an asterisk, the answer to a range that begins after the end */
	uint64_t total; /* 0: an asterisk */
};

/* A field is NULL if it was not sent, is too long, or contains control characters. */
struct response_header {
	char *etag, *last_modified, *encoding;
	char *location; /* the last one, also if an earlier answer, a redirect, had it */
	struct content_range range;
	bool has_range;
};

/*
 * Take the header's next LINE, of LEN bytes with its newline. A line that begins with "HTTP/"
 * begins the header of another answer: after a redirect, or after "100 Continue".
 */
void response_header_take(struct response_header *header, const char *line, size_t len);

/*
 * The value for If-Range (RFC 9110, 13.1.5): the ETag if it is a strong one, else the date. A date
 * is strong only if it is some time ago, which is not checked: in the end the digest of the whole
 * decides. NULL: none. It belongs to HEADER.
 */
const char *response_header_validator(const struct response_header *header);

/* Parse VALUE of LEN bytes. Returns 0, or -EBADMSG with *OUT untouched. */
int content_range_parse(const char *value, size_t len, struct content_range *out);

void response_header_clear(struct response_header *header);

#endif
