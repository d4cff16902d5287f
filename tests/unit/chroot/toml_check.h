/*
 * What the tests of the TOML parser share. Include after cmocka.h.
 */
#ifndef TEST_TOML_CHECK_H
#define TEST_TOML_CHECK_H

#include "chroot/toml.h"
#include "util/str.h"

#include <stdlib.h>
#include <string.h>

/*
 * Parses a copy of TEXT without a NUL behind it, so that a sanitizer finds a read beyond its end.
 */
static inline int parse_bytes(const char *text, size_t len, struct toml_document *document,
			      struct toml_error *error)
{
	char *exact = malloc(len ? len : 1);
	int r;

	assert_non_null(exact);
	memcpy(exact, text, len);
	r = toml_parse(exact, len, document, error);
	free(exact);
	return r;
}

static inline void parse_ok(const char *text, struct toml_document *document)
{
	struct toml_error error;

	if (parse_bytes(text, strlen(text), document, &error) < 0)
		fail_msg("%s\n%u:%u: %s", text, error.at.line, error.at.column, error.what);
}

static inline void expect_valid(const char *text)
{
	struct toml_document document;

	parse_ok(text, &document);
	toml_clear(&document);
}

static inline void expect_error_bytes(const char *text, size_t len, unsigned line, unsigned column,
				      const char *part)
{
	struct toml_document document;
	struct toml_error error;

	if (parse_bytes(text, len, &document, &error) == 0)
		fail_msg("accepted: %s", text);
	if (error.at.line != line || error.at.column != column || !strstr(error.what, part))
		fail_msg("%s\nsaid %u:%u: %s\nnot  %u:%u: %s", text, error.at.line, error.at.column,
			 error.what, line, column, part);
	assert_null(document.made);
	assert_null(document.root.children);
	assert_null(document.index);
	free(error.key);
}

static inline void expect_error(const char *text, unsigned line, unsigned column, const char *part)
{
	expect_error_bytes(text, strlen(text), line, column, part);
}

/*
 * Returns the node at PATH: keys, or numbers in arrays, separated by '|'. Fails the test if there
 * is none.
 */
static inline const struct toml_node *get(const struct toml_document *document, const char *path)
{
	const struct toml_node *node = &document->root;

	for (const char *rest = path; *rest;) {
		size_t len = strcspn(rest, "|");
		bool is_array = node->type == TOML_ARRAY;
		unsigned long skip = is_array ? strtoul(rest, NULL, 10) : 0;

		node = node->children;
		while (node &&
		       (is_array ? skip-- > 0
				 : node->key.len != len || strncmp(node->key.text, rest, len) != 0))
			node = node->next;
		if (!node)
			fail_msg("no %s", path);
		rest += len + (rest[len] == '|');
	}
	return node;
}

static inline void assert_type(const struct toml_document *document, const char *path,
			       enum toml_type type)
{
	if (get(document, path)->type != type)
		fail_msg("%s has type %d", path, (int)get(document, path)->type);
}

static inline void assert_string(const struct toml_document *document, const char *path,
				 const char *expected)
{
	assert_type(document, path, TOML_STRING);
	assert_string_equal(get(document, path)->string.text, expected);
	assert_int_equal(get(document, path)->string.len, strlen(expected));
}

#endif
