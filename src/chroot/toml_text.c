#include "chroot/toml_text.h"
#include "util/str.h"
#include "util/text.h"

#include <string.h>

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
