/*
 * Characters: UTF-8 (RFC 3629), and how foreign text is shown to people.
 *
 * Foreign is all that others wrote: file names, a server's words, a script's output, configuration.
 * Shown raw, it could move a terminal's cursor, or forge a line of ours.
 */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The length in bytes of the character at S, of which LEN bytes (at least one) are there, and the
 * character in *OUT; 0 where it is not UTF-8: cut short, overlong, a surrogate or past U+10FFFF.
 */
size_t utf8_decode(const char *s, size_t len, uint32_t *out);

/* May C be written in UTF-8? Not a surrogate, not past U+10FFFF. */
bool utf8_is_scalar(uint32_t c);

/* Write the character C, for which utf8_is_scalar() holds, to OUT; its length in bytes. */
size_t utf8_encode(uint32_t c, char out[4]);

/*
 * S in one line for people: control characters (C0, DEL, C1), newlines among them, characters that
 * turn the direction of text, the invisible U+FEFF, and what is not UTF-8 become escapes such as
 * \u001B and \xff. Everything else is as it was. The caller frees.
 */
char *text_shown(const char *s);

/* The same of at most MAX bytes of S; "..." stands for the rest. */
char *text_shown_at_most(const char *s, size_t max);

/*
 * As xasprintf(), and every %s is shown as text_shown() shows it, so that a file's name cannot pass
 * for a line of ours. %-s is for text of our own that has several lines. The conversions are those
 * that our messages need: %s %-s %.*s %c %d %i %u %x %X %o with hh, h, l, ll, j, z, flags and
 * widths in digits, and %%; another one ends the program (abort(3)). The caller frees.
 */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* fprintf(3) of what text_format() makes. */
void text_print(FILE *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Would a terminal do something else with the character C than show it where it stands? */
bool text_is_unsafe(uint32_t c);

#endif
