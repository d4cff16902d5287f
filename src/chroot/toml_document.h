/*
 * What a TOML text becomes: a tree of tables, arrays and strings; and what can be wrong with it.
 */
#ifndef CHROOT_TOML_DOCUMENT_H
#define CHROOT_TOML_DOCUMENT_H

#include <stddef.h>

/* A place in the text, both from 1; columns are bytes. A byte order mark in front has no column. */
struct toml_position {
	unsigned line;
	unsigned column;
};

/* UTF-8, which may hold NUL, with a NUL behind. */
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

/* How a table or an array came to be decides what may be added to it. */
enum toml_origin {
	TOML_VALUE,   /* [1, 2], {a = 1}: nothing */
	TOML_IMPLIED, /* [a.b] makes a: anything */
	TOML_HEADER,  /* [a], [[a]]: what other headers add */
	TOML_DOTTED,  /* a.b = 1 makes a: what dotted keys add beside it, and headers below it */
};

/* What a key stands for, or an element of an array. */
struct toml_node {
	struct toml_string key;	 /* without text where there is none: in arrays, and at the root */
	struct toml_position at; /* of the value; of a table by header or dotted key: the key's */
	enum toml_type type;
	enum toml_origin origin;
	struct toml_string string; /* of a TOML_STRING */

	struct toml_node *parent;
	struct toml_node *children, *last_child; /* of a table or an array, in the text's order */
	struct toml_node *next;			 /* in the same parent */
	struct toml_node *next_made; /* in the document: what toml_clear() goes through */
};

struct toml_document {
	struct toml_node root; /* a table */
	struct toml_node *made;
	void *index; /* tsearch(3): each node that has a key, by parent and key */
};

/* The first thing wrong with a text: WHAT, or "KEY" WHAT in line LINE where KEY is set. */
struct toml_error {
	struct toml_position at;
	const char *what;
	char *key;     /* the caller's to free */
	unsigned line; /* where KEY stands for something already */
};

#endif
