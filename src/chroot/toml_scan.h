/*
 * The characters of a TOML text one by one: lines, blanks, comments and strings. What toml.c is
 * made of; nobody else needs it.
 */
#ifndef CHROOT_TOML_SCAN_H
#define CHROOT_TOML_SCAN_H

#include "chroot/toml.h"

#include <stdbool.h>
#include <stddef.h>

#define SCAN_END (-1)

struct scan {
	const char *text; /* all of it in UTF-8, with no '\r' but before '\n' */
	size_t len, pos;
	unsigned line;
	size_t line_start;		/* offset of column 1 */
	struct toml_document *document; /* what is read so far; only toml.c looks at it */
	struct toml_error *error;
};

/* The byte ahead, or AHEAD bytes behind that one; SCAN_END past the end. */
int scan_peek(const struct scan *s);
int scan_peek_at(const struct scan *s, size_t ahead);

struct toml_position scan_here(const struct scan *s);

/* Set the error, which is none yet. Always -1, for the caller to return. */
int scan_fail(struct scan *s, struct toml_position at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

bool scan_at_newline(const struct scan *s);

/* Skip spaces and tabs; those and a comment, up to the newline; those and newlines. */
void scan_skip_blanks(struct scan *s);
void scan_skip_to_newline(struct scan *s);
void scan_skip_lines(struct scan *s);

/* Go on to the byte at OFFSET, counting the lines. */
void scan_seek(struct scan *s, size_t offset);

/*
 * Read the basic or literal string whose opening quote is ahead. *OUT, of *LEN bytes with a NUL
 * behind and none within, is the caller's to free. Returns 0, or -1 with the error set.
 */
int scan_string(struct scan *s, char **out, size_t *len);

#endif
