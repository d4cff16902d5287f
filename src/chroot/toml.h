/*
 * A parser of TOML 1.0 (toml.io/en/v1.0.0): a text becomes a tree of tables, arrays and strings.
 * Numbers, booleans, dates and times are checked, but their values are not kept: no caller needs
 * them.
 *
 * Made for hostile input: the recursion has a bound, the time grows with the text, and the memory
 * is at most some hundred times as large as the text.
 */
#ifndef CHROOT_TOML_H
#define CHROOT_TOML_H

#include "chroot/toml_document.h"

/* Bytes of text. A list of as many paths as a kernel can mount is shorter. */
#define TOML_MAX_SIZE (1024 * 1024)

/* How deep arrays and inline tables nest; each level is one or two function calls. */
#define TOML_MAX_DEPTH 64

/*
 * Read TEXT (LEN bytes of any value) into *DOCUMENT. Returns 0 with *DOCUMENT the caller's to
 * clear, or -1 with *DOCUMENT empty and *ERROR set.
 * Do not move *DOCUMENT until it is cleared: it points into itself.
 */
int toml_parse(const char *text, size_t len, struct toml_document *document,
	       struct toml_error *error);

/* Free what *DOCUMENT holds; it is empty afterwards. */
void toml_clear(struct toml_document *document);

#endif
