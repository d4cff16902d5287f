/*
 * The result of reading a TOML text: a tree of tables, arrays and strings; and the error, if any.
 */
#ifndef CHROOT_TOML_DOCUMENT_H
#define CHROOT_TOML_DOCUMENT_H

#include <stddef.h>

/*
 * A place in the text, counted from 1; columns are bytes. A byte order mark at the start has no
 * column.
 */
struct toml_position {
	unsigned line;
	unsigned column;
};

/* UTF-8 that may hold NUL, with one more NUL after it. */
struct toml_string {
	char *text;
	size_t len;
	struct toml_position at;
};

enum toml_type {
	TOML_TABLE,
	TOML_ARRAY,
	TOML_STRING,
	TOML_OTHER, /* a number, a boolean, a date or a time */
};

/* How a table or an array was made decides what may be added to it. */
enum toml_origin {
	TOML_VALUE,   /* [1, 2], {a = 1}: nothing may be added */
	TOML_IMPLIED, /* [a.b] makes a: anything may be added */
	TOML_HEADER,  /* [a], [[a]]: what other headers add */
	TOML_DOTTED,  /* a.b = 1 makes a: what dotted keys add to it, and headers below it */
};

/* The value of a key, or an element of an array. */
struct toml_node {
	struct toml_string key; /* no text in arrays and at the root */
	/* of the value; of a table made by a header or a dotted key: that key's */
	struct toml_position at;
	enum toml_type type;
	enum toml_origin origin;
	struct toml_string string; /* of a TOML_STRING */

	struct toml_node *parent;
	/* of a table or an array, in the order of the text */
	struct toml_node *children, *last_child;
	struct toml_node *next;	     /* in the same parent */
	struct toml_node *next_made; /* the list that toml_clear() walks */
};

struct toml_document {
	struct toml_node root; /* a table */
	struct toml_node *made;
	void *index; /* tsearch(3): each node that has a key, by parent and key */
};

/* The first error of a text: WHAT, or, if KEY is set, "KEY" WHAT in line LINE. */
struct toml_error {
	struct toml_position at;
	const char *what;
	char *key;     /* the caller's to free */
	unsigned line; /* where KEY has a value already */
};

#endif
