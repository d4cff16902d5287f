#include "chroot/toml_text.h"
#include "util/str.h"

#include <stdio.h>
#include <string.h>

bool utf8_is_scalar(uint32_t c)
{
	return c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

size_t utf8_decode(const char *s, size_t len, uint32_t *out)
{
	/* the smallest character that needs so many bytes */
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)*s;
	size_t size;
	uint32_t c;

	if (first < 0x80) {
		*out = first;
		return 1;
	}
	if (first >= 0xc0 && first < 0xe0)
		size = 2;
	else if (first >= 0xe0 && first < 0xf0)
		size = 3;
	else if (first >= 0xf0 && first < 0xf8)
		size = 4;
	else
		return 0;
	if (len < size)
		return 0;
	c = first & (0x7fU >> size);
	for (size_t i = 1; i < size; i++) {
		unsigned char byte = (unsigned char)s[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (byte & 0x3f);
	}
	if (c < smallest[size] || !utf8_is_scalar(c))
		return 0;
	*out = c;
	return size;
}

size_t utf8_encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t toml_find_forbidden(const char *text, size_t len, char **why)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t size = utf8_decode(text + i, len - i, &c);

		if (size == 0) {
			*why = xasprintf("byte 0x%02x is not UTF-8, as TOML must be",
					 (unsigned)(unsigned char)text[i]);
			return i;
		}
		if (c == '\r' && (i + 1 == len || text[i + 1] != '\n')) {
			*why = xstrdup("a carriage return without a newline behind it");
			return i;
		}
		if (c == 0) {
			*why = xstrdup("a NUL byte, which is no part of a text");
			return i;
		}
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
			*why = xasprintf("the control character 0x%02x; in a string in double "
					 "quotes it can be written as \\u%04X",
					 (unsigned)c, (unsigned)c);
			return i;
		}
		i += size;
	}
	return len;
}

/* Would a terminal do something else with C than show it where it stands? */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

char *toml_escape(const char *s, size_t max)
{
	size_t len = strlen(s), used = 0;
	size_t shown = len < max ? len : max;
	/* one byte becomes at most the six of \uXXXX; then "..." and a NUL */
	size_t room = shown * 6 + sizeof("...");
	char *out = xcalloc(room, 1);

	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t size = utf8_decode(s + i, len - i, &c);
		int n;

		if (i + (size ? size : 1) > shown) {
			memcpy(out + used, "...", 3);
			break;
		}
		if (size == 0) {
			n = snprintf(out + used, room - used, "\\x%02x", (unsigned char)s[i]);
			size = 1;
		} else if (is_unsafe(c)) {
			n = snprintf(out + used, room - used, "\\u%04X", (unsigned)c);
		} else {
			n = snprintf(out + used, room - used, "%s%.*s",
				     c == '"' || c == '\\' ? "\\" : "", (int)size, s + i);
		}
		used += (size_t)n;
		i += size;
	}
	return out;
}
