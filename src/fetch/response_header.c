#include "fetch/response_header.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

enum { FIELD_MAX = 4096 /* bytes; an ETag has about 34, and a Location is a URL */ };

void response_header_clear(struct response_header *header)
{
	free(header->etag);
	free(header->last_modified);
	free(header->encoding);
	free(header->location);
	*header = (struct response_header){0};
}

/* Parse the digits at *P, up to END, as a number; *P moves past them. */
static int parse_number(const char **p, const char *end, uint64_t *out)
{
	const char *start = *p;

	*out = 0;
	for (; *p < end && isdigit((unsigned char)**p); (*p)++)
		if (__builtin_mul_overflow(*out, UINT64_C(10), out) ||
		    __builtin_add_overflow(*out, (uint64_t)(**p - '0'), out))
			return -EBADMSG;
	return *p > start ? 0 : -EBADMSG;
}

int content_range_parse(const char *value, size_t len, struct content_range *out)
{
	static const char unit[] = "bytes ";
	const char *p, *end = value + len;
	struct content_range range = {0};
	uint64_t last = 0;

	if (len < strlen(unit) || strncasecmp(value, unit, strlen(unit)) != 0)
		return -EBADMSG;
	p = value + strlen(unit);
	if (p < end && *p == '*') {
		p++;
	} else {
		if (parse_number(&p, end, &range.first) < 0 || p == end || *p++ != '-' ||
		    parse_number(&p, end, &last) < 0 || last < range.first)
			return -EBADMSG;
		range.has_first = true;
	}
	if (p == end || *p++ != '/')
		return -EBADMSG;
	if (range.has_first && end - p == 1 && *p == '*')
		p++;
	else if (parse_number(&p, end, &range.total) < 0 ||
		 (range.has_first && last >= range.total))
		return -EBADMSG;
	if (p != end)
		return -EBADMSG;
	*out = range;
	return 0;
}

/* Keep the VALUE of LEN bytes in *FIELD if it is text that a header of ours may hold. */
static void keep_field(char **field, const char *value, size_t len)
{
	free(*field);
	*field = NULL;
	if (len > FIELD_MAX)
		return;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
			return;
	*field = xstrndup(value, len);
}

static void take_field(struct response_header *header, const char *name, size_t name_len,
		       const char *value, size_t len)
{
	const struct {
		const char *name;
		char **field;
	} fields[] = {
		{"ETag", &header->etag},
		{"Last-Modified", &header->last_modified},
		{"Content-Encoding", &header->encoding},
		{"Location", &header->location},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == name_len &&
		    strncasecmp(fields[i].name, name, name_len) == 0)
			keep_field(fields[i].field, value, len);
	if (name_len == strlen("Content-Range") &&
	    strncasecmp("Content-Range", name, name_len) == 0)
		header->has_range = content_range_parse(value, len, &header->range) == 0;
}

void response_header_take(struct response_header *header, const char *line, size_t len)
{
	const char *colon, *value, *end = line + len;

	if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		char *location = steal_ptr(&header->location);

		response_header_clear(header);
		header->location = location;
		return;
	}
	colon = memchr(line, ':', len);
	if (!colon)
		return;
	value = colon + 1;
	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	while (value < end && isspace((unsigned char)*value))
		value++;
	take_field(header, line, (size_t)(colon - line), value, (size_t)(end - value));
}

const char *response_header_validator(const struct response_header *header)
{
	if (header->etag && header->etag[0] == '"')
		return header->etag;
	return header->last_modified && *header->last_modified ? header->last_modified : NULL;
}
