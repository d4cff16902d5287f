/*
 * The parts of a TOML text that have no parts of their own: blanks and comments, strings, numbers,
 * dates. Only toml.c uses them.
 */
#ifndef CHROOT_TOML_VALUE_H
#define CHROOT_TOML_VALUE_H

#include "chroot/toml_document.h"

#include <stdbool.h>

struct toml_scan {
	const char *p; /* the next byte: UTF-8, '\r' only before '\n', a NUL only at the end */
	const char *line_start; /* column 1 */
	unsigned line;
	unsigned depth; /* how many arrays and inline tables are open */
	struct toml_document *document;
	struct toml_error *error;
};

struct toml_position toml_here(const struct toml_scan *s);

/* Set the error, of which there is none yet. Returns -1, for the caller to return. */
int toml_fail(struct toml_scan *s, struct toml_position at, const char *what);

bool toml_at_newline(const struct toml_scan *s);

/*
 * The first skips spaces and tabs; the second a comment, too, up to the newline; the third all of
 * these and newlines.
 */
void toml_skip_blanks(struct toml_scan *s);
void toml_skip_to_newline(struct toml_scan *s);
void toml_skip_lines(struct toml_scan *s);

/*
 * Read the string whose opening quote is ahead, which may span lines if MAY_BE_MULTI_LINE.
 * OUT->text is the caller's to free, also after an error. Returns 0, or -1 with the error set.
 */
int toml_read_string(struct toml_scan *s, bool may_be_multi_line, struct toml_string *out);

/* Read a number, a boolean, a date or a time. Returns 0, or -1 with the error set. */
int toml_read_scalar(struct toml_scan *s);

#endif
