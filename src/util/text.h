/*
 * Characters: UTF-8 (RFC 3629), and how foreign text is shown to people.
 *
 * Foreign text is what others wrote: file names, a server's words, a script's output,
 * configuration. Printed raw, it could move a terminal's cursor, or imitate a message of ours.
 */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Decode the character at S, of which LEN bytes (at least 1) are there, into *OUT. Returns its
 * length in bytes; 0 if it is not UTF-8: cut short, overlong, a surrogate or beyond U+10FFFF.
 */
size_t utf8_decode(const char *s, size_t len, uint32_t *out);

/* Can UTF-8 encode C, which is no surrogate and not beyond U+10FFFF? */
bool utf8_is_scalar(uint32_t c);

/* Encode the character C, for which utf8_is_scalar() holds, in OUT; returns its length in bytes. */
size_t utf8_encode(uint32_t c, char out[4]);

/*
 * S on one line for people: control characters (C0, DEL, C1, also newlines), characters that change
 * the direction of text, the invisible U+FEFF, and bytes that are not UTF-8 become escapes such as
 * \u001B and \xff. Everything else stays. The caller frees.
 */
char *text_shown(const char *s);

/* The same for at most MAX bytes of S; "..." stands for the rest. */
char *text_shown_at_most(const char *s, size_t max);

/*
 * xasprintf() with every %s as text_shown() shows it, so that a file name cannot imitate a message.
 * %-s is for text of our own, which may have several lines. The conversions are those that our
 * messages need: %s %-s %.*s %c %d %i %u %x %X %o with hh, h, l, ll, j, z, flags and widths in
 * digits, and %%; any other ends the program (abort(3)). The caller frees.
 */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* fprintf(3) of the text that text_format() makes. */
void text_print(FILE *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Would a terminal do anything with the character C but show it in its place? */
bool text_is_unsafe(uint32_t c);

#endif
