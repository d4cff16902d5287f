#include "util/text.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <stdio.h>
#include <string.h>

bool utf8_is_scalar(uint32_t c)
{
	return c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

size_t utf8_decode(const char *s, size_t len, uint32_t *out)
{
	/* the smallest character for each length in bytes */
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
	/* the first bits of a character's first byte, by length */
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = size - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (char)(lead[size] | c);
	return size;
}

bool text_is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void print_shown(FILE *f, const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t size = utf8_decode(s + i, len - i, &c);

		if (size == 0)
			fprintf(f, "\\x%02x", (unsigned char)s[i]);
		else if (text_is_unsafe(c))
			fprintf(f, "\\u%04X", (unsigned)c);
		else
			fwrite(s + i, 1, size, f);
		i += size ? size : 1;
	}
}

char *text_shown_at_most(const char *s, size_t max)
{
	size_t len = strnlen(s, max), size;
	char *out;
	FILE *f = xopen_memstream(&out, &size);

	if (s[len]) /* S was cut, perhaps between two characters */
		while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
			len--;
	print_shown(f, s, len);
	fputs(s[len] ? "..." : "", f);
	fclose(f);
	return out;
}

char *text_shown(const char *s)
{
	return text_shown_at_most(s, SIZE_MAX);
}

/* A printf(3) conversion. */
struct conversion {
	/* for fprintf(3), with a number as long long, and a string without its precision */
	char spec[24];
	char letter;   /* the letter at the end */
	char length;   /* 'l', 'L' for ll, 'z', 'j'; 0: int */
	bool is_ours;  /* %-s */
	bool has_star; /* %.*s */
};

/* Parse the conversion at FORMAT, after the '%'; returns the text after it. */
static const char *take_conversion(const char *format, struct conversion *out)
{
	size_t flags = strspn(format, "-+ #0123456789.");
	const char *p = format + flags;
	int used;

	*out = (struct conversion){.is_ours = strncmp(format, "-s", 2) == 0, .has_star = *p == '*'};
	p += out->has_star;
	for (; *p && strchr("hlzj", *p); p++)
		out->length = *p == 'h' ? '\0' : (char)(out->length == 'l' ? 'L' : *p);
	out->letter = *p;
	used = snprintf(out->spec, sizeof(out->spec), "%%%.*s%s%c", (int)flags - out->has_star,
			format, strchr("sc%", *p) ? "" : "ll", *p);
	if (!*p || !strchr("sc%diuxXo", *p) || (size_t)used >= sizeof(out->spec))
		abort();
	return p + 1;
}

static unsigned long long take_number(const struct conversion *conversion, va_list *args)
{
	bool is_signed = conversion->letter == 'd' || conversion->letter == 'i';

	switch (conversion->length) {
	case 'L':
	case 'j':
		return va_arg(*args, unsigned long long);
	case 'l':
	case 'z':
		/* size_t is as wide as long on every Linux */
		return is_signed ? (unsigned long long)va_arg(*args, long)
				 : va_arg(*args, unsigned long);
	default:
		return is_signed ? (unsigned long long)va_arg(*args, int) : va_arg(*args, unsigned);
	}
}

/* SPEC comes from a caller's format, which the compiler has checked. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void print_string(FILE *f, const struct conversion *conversion, va_list *args)
{
	int max = conversion->has_star ? va_arg(*args, int) : -1;
	const char *s = va_arg(*args, const char *);
	_cleanup_free_ char *part = max < 0 ? NULL : xstrndup(s, strnlen(s, (size_t)max));
	_cleanup_free_ char *shown = text_shown(part ? part : s);

	fprintf(f, conversion->spec, conversion->is_ours ? s : shown);
}

static void print_conversion(FILE *f, const struct conversion *conversion, va_list *args)
{
	const char character[] = {conversion->letter == 'c' ? (char)va_arg(*args, int) : '%', '\0'};

	switch (conversion->letter) {
	case 's':
		print_string(f, conversion, args);
		break;
	case 'c':
	case '%':
		print_shown(f, character, 1);
		break;
	default:
		fprintf(f, conversion->spec, take_number(conversion, args));
		break;
	}
}
#pragma GCC diagnostic pop

char *text_vformat(const char *format, va_list args)
{
	struct conversion conversion;
	va_list rest;
	size_t size;
	char *out;
	FILE *f = xopen_memstream(&out, &size);

	va_copy(rest, args);
	while (*format) {
		if (*format != '%') {
			fputc(*format++, f);
			continue;
		}
		format = take_conversion(format + 1, &conversion);
		print_conversion(f, &conversion, &rest);
	}
	va_end(rest);
	fclose(f);
	return out;
}

char *text_format(const char *format, ...)
{
	va_list args;
	char *out;

	va_start(args, format);
	out = text_vformat(format, args);
	va_end(args);
	return out;
}

void text_print(FILE *f, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	text = text_vformat(format, args);
	va_end(args);
	fputs(text, f);
}
