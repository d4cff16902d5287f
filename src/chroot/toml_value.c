#include "chroot/toml_value.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define DIGITS "0123456789"

struct toml_position toml_here(const struct toml_scan *s)
{
	return (struct toml_position){s->line, (unsigned)(s->p - s->line_start) + 1};
}

int toml_fail(struct toml_scan *s, struct toml_position at, const char *what)
{
	s->error->at = at;
	s->error->what = what;
	return -1;
}

bool toml_at_newline(const struct toml_scan *s)
{
	return *s->p == '\n' || *s->p == '\r';
}

static void skip_newline(struct toml_scan *s)
{
	s->p += *s->p == '\r' ? 2 : 1;
	s->line++;
	s->line_start = s->p;
}

void toml_skip_blanks(struct toml_scan *s)
{
	s->p += strspn(s->p, " \t");
}

void toml_skip_to_newline(struct toml_scan *s)
{
	toml_skip_blanks(s);
	if (*s->p == '#')
		s->p += strcspn(s->p, "\r\n");
}

void toml_skip_lines(struct toml_scan *s)
{
	for (;;) {
		toml_skip_to_newline(s);
		if (!toml_at_newline(s))
			return;
		skip_newline(s);
	}
}

static void append(struct toml_string *out, char c)
{
	/* the room doubles when it is used up; there is always one byte more, for a NUL */
	if ((out->len & (out->len + 1)) == 0)
		out->text = xreallocarray(out->text, out->len + 1, 2);
	out->text[out->len++] = c;
	out->text[out->len] = '\0';
}

/* The character of the DIGITS hexadecimal digits ahead, in an escape that began at AT. */
static int read_unicode(struct toml_scan *s, struct toml_position at, size_t digits,
			struct toml_string *out)
{
	_cleanup_free_ char *number = xstrndup(s->p, strnlen(s->p, digits));
	char bytes[4];
	size_t len;
	uint32_t c;

	if (strspn(number, DIGITS "abcdefABCDEF") != digits)
		return toml_fail(s, at,
				 digits == 4 ? "\\u takes 4 hexadecimal digits"
					     : "\\U takes 8 hexadecimal digits");
	c = (uint32_t)strtoul(number, NULL, 16);
	if (!utf8_is_scalar(c))
		return toml_fail(s, at, "the escape names no character of Unicode");
	s->p += digits;
	len = utf8_encode(c, bytes);
	for (size_t i = 0; i < len; i++)
		append(out, bytes[i]);
	return 0;
}

/* Read the backslash escape that is ahead. */
static int read_escape(struct toml_scan *s, bool is_multi_line, struct toml_string *out)
{
	static const char letters[] = "btnfr\"\\", meanings[] = "\b\t\n\f\r\"\\";
	struct toml_position at = toml_here(s);
	char c = *++s->p;
	const char *letter = c ? strchr(letters, c) : NULL;

	if (letter) {
		s->p++;
		append(out, meanings[letter - letters]);
		return 0;
	}
	if (c == 'u' || c == 'U') {
		s->p++;
		return read_unicode(s, at, c == 'u' ? 4 : 8, out);
	}
	/* a backslash at the end of a line takes away the newline and all blanks after it */
	toml_skip_blanks(s);
	if (!is_multi_line || !toml_at_newline(s))
		return toml_fail(s, at,
				 "unknown escape; TOML has \\b \\t \\n \\f \\r \\\" \\\\ \\uXXXX "
				 "\\UXXXXXXXX, and no escapes in single quotes");
	while (toml_at_newline(s)) {
		skip_newline(s);
		toml_skip_blanks(s);
	}
	return 0;
}

/* Do the quotes ahead end the multi-line string? One or two quotes may belong to the string. */
static bool read_quotes(struct toml_scan *s, struct toml_string *out)
{
	const char quote[] = {*s->p, '\0'};
	size_t count = strspn(s->p, quote);
	bool ends = count >= 3;

	if (count > 5)
		count = 5;
	s->p += count;
	for (size_t i = ends ? 3 : 0; i < count; i++)
		append(out, *quote);
	return ends;
}

int toml_read_string(struct toml_scan *s, bool may_be_multi_line, struct toml_string *out)
{
	char quote = *s->p;
	bool is_multi_line = may_be_multi_line && s->p[1] == quote && s->p[2] == quote;

	*out = (struct toml_string){.text = xstrdup(""), .at = toml_here(s)};
	s->p += is_multi_line ? 3 : 1;
	if (is_multi_line && toml_at_newline(s))
		skip_newline(s);
	for (;;) {
		char c = *s->p;

		if (c == quote && is_multi_line) {
			if (read_quotes(s, out))
				return 0;
		} else if (c == quote) {
			s->p++;
			return 0;
		} else if (c == '\0' || (toml_at_newline(s) && !is_multi_line)) {
			return toml_fail(s, out->at, "the string that begins here is not closed");
		} else if (c == '\\' && quote == '"') {
			if (read_escape(s, is_multi_line, out) < 0)
				return -1;
		} else {
			append(out, c);
			s->p++;
			if (c == '\n') {
				s->line++;
				s->line_start = s->p;
			}
		}
	}
}

/*
 * The end of the digits at S, each in ALLOWED, with single '_' between two of them; NULL if
 * malformed.
 */
static const char *skip_digits(const char *s, const char *allowed)
{
	for (;; s++) {
		size_t count = strspn(s, allowed);

		if (count == 0)
			return NULL;
		s += count;
		if (*s != '_')
			return s;
	}
}

/* What is wrong with the integer S, whose digits were checked; NULL: nothing. */
static const char *check_range(const char *s, int base)
{
	struct toml_string digits = {0};

	for (; *s; s++)
		if (*s != '_')
			append(&digits, *s);
	errno = 0;
	(void)strtoll(digits.text, NULL, base);
	free(digits.text);
	return errno == ERANGE ? "the number does not fit into 64 bits" : NULL;
}

static const char *check_number(const char *s)
{
	static const char malformed[] = "this is no number, as TOML writes them";
	static const struct {
		char letter;
		int base;
		const char *digits;
	} bases[] = {{'x', 16, DIGITS "abcdefABCDEF"}, {'o', 8, "01234567"}, {'b', 2, "01"}};
	const char *digits = s + strspn(s, "+-"), *end;

	if (digits > s + 1)
		return malformed;
	if (strcmp(digits, "inf") == 0 || strcmp(digits, "nan") == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		if (s[0] != '0' || s[1] != bases[i].letter)
			continue;
		end = skip_digits(s + 2, bases[i].digits);
		return end && !*end ? check_range(s + 2, bases[i].base) : malformed;
	}
	end = skip_digits(digits, DIGITS);
	if (!end)
		return malformed;
	if (*digits == '0' && end > digits + 1)
		return "a number must not begin with 0";
	if (!*end)
		return check_range(s, 10);
	if (*end == '.')
		end = skip_digits(end + 1, DIGITS);
	if (end && (*end == 'e' || *end == 'E'))
		end = skip_digits(end + (end[1] == '+' || end[1] == '-' ? 2 : 1), DIGITS);
	return end && !*end ? NULL : malformed;
}

/* Does S begin as PATTERN does, where 'd' stands for any digit? */
static bool fits(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == 'd' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return true;
}

static int two_digits(const char *s)
{
	return (s[0] - '0') * 10 + s[1] - '0';
}

static bool is_date(const char *s)
{
	static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;

	if (!fits(s, "dddd-dd-dd"))
		return false;
	year = two_digits(s) * 100 + two_digits(s + 2);
	month = two_digits(s + 5);
	day = two_digits(s + 8);
	if (month == 2 && day == 29)
		return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/* The end of the time at S, without an offset; NULL if S is no time. 60 is a leap second. */
static const char *skip_time(const char *s)
{
	size_t fraction;

	if (!fits(s, "dd:dd:dd") || two_digits(s) > 23 || two_digits(s + 3) > 59 ||
	    two_digits(s + 6) > 60)
		return NULL;
	s += strlen("dd:dd:dd");
	fraction = *s == '.' ? strspn(s + 1, DIGITS) : 0;
	return fraction ? s + 1 + fraction : s;
}

/* Is S a date, a time, or both, as RFC 3339 has them, with or without an offset? */
static bool is_date_or_time(const char *s)
{
	const char *end;

	if (!fits(s, "dddd-")) {
		end = skip_time(s);
		return end && !*end;
	}
	if (!is_date(s))
		return false;
	s += strlen("dddd-dd-dd");
	if (!*s)
		return true;
	end = strchr("Tt ", *s) ? skip_time(s + 1) : NULL;
	if (!end)
		return false;
	if (*end == 'Z' || *end == 'z')
		return !end[1];
	if (*end == '+' || *end == '-')
		return fits(end + 1, "dd:dd") && two_digits(end + 1) <= 23 &&
		       two_digits(end + 4) <= 59 && !end[6];
	return !*end;
}

static const char *check_scalar(const char *word)
{
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		return NULL;
	if (fits(word, "dddd-") || fits(word, "dd:"))
		return is_date_or_time(word) ? NULL : "there is no such date or time";
	if (strspn(word, DIGITS "+-.") > 0 || strcmp(word, "inf") == 0 || strcmp(word, "nan") == 0)
		return check_number(word);
	return "expected a value; a text needs quotes around it";
}

int toml_read_scalar(struct toml_scan *s)
{
	static const char characters[] = DIGITS "abcdefghijklmnopqrstuvwxyz"
						"ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._:";
	size_t len = strspn(s->p, characters);
	_cleanup_free_ char *word = NULL;
	const char *what;

	/* a date and a time may be separated by a space */
	if (len == strlen("dddd-dd-dd") && fits(s->p, "dddd-dd-dd dd"))
		len += 1 + strspn(s->p + len + 1, characters);
	word = xstrndup(s->p, len);
	what = check_scalar(word);
	if (what)
		return toml_fail(s, toml_here(s), what);
	s->p += len;
	return 0;
}
