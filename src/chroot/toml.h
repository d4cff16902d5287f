/*
 * A reader of the part of TOML 1.0 (toml.io/en/v1.0.0) that a file of paths needs: comments,
 * tables, bare, quoted and dotted keys, basic and literal strings, arrays of strings over any
 * number of lines. The rest of TOML (numbers, booleans, dates, multi-line strings, inline tables,
 * arrays of tables, arrays in arrays) is refused by name.
 *
 * Strict, and made for hostile input: no recursion; time linear in the text but for the look-up of
 * a key among at most TOML_MAX_ENTRIES.
 */
#ifndef CHROOT_TOML_H
#define CHROOT_TOML_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of text: no list of paths that a kernel can mount comes near it. */
#define TOML_MAX_SIZE (1024 * 1024)

/* Tables, keys and strings in arrays, together. */
#define TOML_MAX_ENTRIES 4096

/* A place in the text, both from 1; columns are bytes. A byte order mark in front has no column. */
struct toml_position {
	unsigned line;
	unsigned column;
};

enum toml_type {
	TOML_TABLE,
	TOML_STRING,
	TOML_ARRAY, /* of strings */
};

/* What may still be added to a table depends on how it came to be. */
enum toml_origin {
	TOML_IMPLIED, /* by a longer header: [a.b] makes a */
	TOML_HEADER,  /* by its own header */
	TOML_DOTTED,  /* by a dotted key: a.b = "" makes a */
};

/* UTF-8 without NUL. */
struct toml_string {
	char *text;
	struct toml_position at; /* of the opening quote */
};

/* A key and what it stands for. */
struct toml_node {
	char *key; /* UTF-8 without NUL */
	size_t key_len;
	struct toml_position at; /* of the key */
	enum toml_type type;

	struct toml_string *strings; /* TOML_STRING: one; TOML_ARRAY: count of them */
	size_t count;
	struct toml_position value_at; /* of the value, but for a table */

	enum toml_origin origin; /* of a table */
	struct toml_node *children, *last_child;

	struct toml_node *next;	     /* in the same table, in the order of the file */
	struct toml_node *next_made; /* in the document: what toml_clear() goes through */
};

struct toml_document {
	struct toml_node root; /* a table without a key */
	struct toml_node *made;
	size_t entries;
};

/* The first thing wrong with a text. */
struct toml_error {
	struct toml_position at;
	char *what; /* without a position or a newline, fit for a terminal; the caller's to free */
};

/*
 * Read TEXT (LEN bytes, of any value) into *DOCUMENT. Returns 0 with *DOCUMENT the caller's to
 * clear, or -1 with *DOCUMENT empty and *ERROR set.
 * DOCUMENT stays where it is until it is cleared: it points into itself.
 */
int toml_parse(const char *text, size_t len, struct toml_document *document,
	       struct toml_error *error);

/* Free what *DOCUMENT holds; it is empty after. */
void toml_clear(struct toml_document *document);

#endif
