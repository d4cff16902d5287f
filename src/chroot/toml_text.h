/*
 * Characters: UTF-8 (RFC 3629), what TOML allows in a file, and how foreign text is shown to
 * people.
 */
#ifndef CHROOT_TOML_TEXT_H
#define CHROOT_TOML_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
 * The offset of the first byte of TEXT (LEN bytes) that TOML allows nowhere in a file: what is not
 * UTF-8, control characters but tab and newline, a carriage return without its newline. LEN where
 * there is none. *WHY becomes what is wrong, the caller's to free, and is untouched otherwise.
 */
size_t toml_find_forbidden(const char *text, size_t len, char **why);

/*
 * S for a message: a terminal's control characters (C0, DEL, C1), characters that turn the
 * direction of text, quotes, backslashes and what is not UTF-8 become escapes, and after MAX bytes
 * "..." stands for the rest. The caller frees.
 */
char *toml_escape(const char *s, size_t max);

#endif
