#include "chroot/toml_scan.h"
#include "chroot/toml_text.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

int scan_peek_at(const struct scan *s, size_t ahead)
{
	return ahead < s->len - s->pos ? (unsigned char)s->text[s->pos + ahead] : SCAN_END;
}

int scan_peek(const struct scan *s)
{
	return scan_peek_at(s, 0);
}

struct toml_position scan_here(const struct scan *s)
{
	return (struct toml_position){s->line, (unsigned)(s->pos - s->line_start) + 1};
}

int scan_fail(struct scan *s, struct toml_position at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	s->error->at = at;
	s->error->what = xvasprintf(format, args);
	va_end(args);
	return -1;
}

/* No lone '\r' is left in the text by now: toml_find_forbidden() */
bool scan_at_newline(const struct scan *s)
{
	return scan_peek(s) == '\n' || scan_peek(s) == '\r';
}

static void scan_skip_newline(struct scan *s)
{
	s->pos += scan_peek(s) == '\r' ? 2 : 1;
	s->line++;
	s->line_start = s->pos;
}

void scan_skip_blanks(struct scan *s)
{
	while (scan_peek(s) == ' ' || scan_peek(s) == '\t')
		s->pos++;
}

void scan_skip_to_newline(struct scan *s)
{
	scan_skip_blanks(s);
	if (scan_peek(s) != '#')
		return;
	while (scan_peek(s) != SCAN_END && !scan_at_newline(s))
		s->pos++;
}

void scan_skip_lines(struct scan *s)
{
	for (;;) {
		scan_skip_to_newline(s);
		if (!scan_at_newline(s))
			return;
		scan_skip_newline(s);
	}
}

static int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The DIGITS hex digits of an escape that began at AT; the character goes to OUT, *USED grows. */
static int parse_unicode(struct scan *s, struct toml_position at, int digits, char *out,
			 size_t *used)
{
	uint32_t c = 0;

	for (int i = 0; i < digits; i++) {
		int value = hex_value(scan_peek(s));

		if (value < 0)
			return scan_fail(s, at, "\\%c takes %d hexadecimal digits",
					 digits == 4 ? 'u' : 'U', digits);
		c = c << 4 | (uint32_t)value;
		s->pos++;
	}
	if (c == 0)
		return scan_fail(s, at, "a NUL character cannot be part of a path");
	if (!utf8_is_scalar(c))
		return scan_fail(s, at, "U+%04X is not a character that Unicode allows in a text",
				 (unsigned)c);
	*used += utf8_encode(c, out + *used);
	return 0;
}

/* What follows a backslash, which is still ahead. */
static int parse_escape(struct scan *s, char *out, size_t *used)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	struct toml_position at = scan_here(s);
	int c = scan_peek_at(s, 1);
	const char *letter;

	if (c == 'u' || c == 'U') {
		s->pos += 2;
		return parse_unicode(s, at, c == 'u' ? 4 : 8, out, used);
	}
	letter = c > 0 ? strchr(letters, c) : NULL;
	if (!letter)
		return scan_fail(s, at,
				 "unknown escape; TOML has \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX "
				 "\\UXXXXXXXX, and no escapes in single quotes");
	s->pos += 2;
	out[(*used)++] = meanings[letter - letters];
	return 0;
}

int scan_string(struct scan *s, char **out, size_t *len)
{
	struct toml_position at = scan_here(s);
	int quote = scan_peek(s);
	_cleanup_free_ char *buffer = NULL;
	size_t room = 1, used = 0;

	if (scan_peek_at(s, 1) == quote && scan_peek_at(s, 2) == quote)
		return scan_fail(s, at, "multi-line strings are not supported here");
	s->pos++;
	/* no escape is shorter than what it stands for: the string fits into its own source */
	for (size_t i = 0; scan_peek_at(s, i) != quote; i++) {
		if (scan_peek_at(s, i) == '\\' && quote == '"')
			i++;
		if (scan_peek_at(s, i) == SCAN_END || scan_peek_at(s, i) == '\n')
			return scan_fail(s, at, "the string that begins here is not closed");
		room = i + 2;
	}
	buffer = xcalloc(room, 1);
	while (scan_peek(s) != quote) {
		if (scan_peek(s) == '\\' && quote == '"') {
			if (parse_escape(s, buffer, &used) < 0)
				return -1;
		} else {
			buffer[used++] = s->text[s->pos++];
		}
	}
	s->pos++;
	*out = steal_ptr(&buffer);
	*len = used;
	return 0;
}

void scan_seek(struct scan *s, size_t offset)
{
	for (; s->pos < offset; s->pos++) {
		if (s->text[s->pos] == '\n') {
			s->line++;
			s->line_start = s->pos + 1;
		}
	}
}
