#include "chroot/toml.h"
#include "chroot/toml_scan.h"
#include "chroot/toml_text.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of a key that a message shows. */
#define SHOWN_KEY 80

static struct toml_node *find(const struct toml_node *table, const char *key, size_t len)
{
	struct toml_node *node = table->children;

	while (node && (node->key_len != len || memcmp(node->key, key, len) != 0))
		node = node->next;
	return node;
}

static int count_entry(struct scan *s, struct toml_position at)
{
	if (++s->document->entries > TOML_MAX_ENTRIES)
		return scan_fail(s, at, "more than %d entries", TOML_MAX_ENTRIES);
	return 0;
}

/* One part of a dotted key, or a whole key of one part. */
struct key {
	char *text;
	size_t len;
	struct toml_position at;
};

static void key_clear(struct key *key)
{
	free(key->text);
}

/* A new node at the end of TABLE, with the text of KEY, which it takes; NULL after an error. */
static struct toml_node *add(struct scan *s, struct toml_node *table, struct key *key,
			     enum toml_type type)
{
	struct toml_node *node;

	if (count_entry(s, key->at) < 0)
		return NULL;
	node = xcalloc(1, sizeof(*node));
	node->key = steal_ptr(&key->text);
	node->key_len = key->len;
	node->at = key->at;
	node->type = type;
	if (table->last_child)
		table->last_child->next = node;
	else
		table->children = node;
	table->last_child = node;
	node->next_made = s->document->made;
	s->document->made = node;
	return node;
}

static int fail_defined(struct scan *s, const struct key *key, const struct toml_node *before)
{
	_cleanup_free_ char *shown = text_shown_at_most(before->key, SHOWN_KEY);

	return scan_fail(s, key->at, "\"%s\" is already %s line %u", shown,
			 before->type == TOML_TABLE ? "a table, made in" : "set in",
			 before->at.line);
}

static bool is_bare(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static int parse_key_part(struct scan *s, struct key *key)
{
	size_t start = s->pos;

	key->at = scan_here(s);
	if (scan_peek(s) == '"' || scan_peek(s) == '\'')
		return scan_string(s, &key->text, &key->len);
	while (is_bare(scan_peek(s)))
		s->pos++;
	if (scan_peek(s) == '/' || scan_peek(s) == '~')
		return scan_fail(s, scan_here(s), "a key with '%c' in it needs quotes around it",
				 scan_peek(s));
	if (s->pos == start)
		return scan_fail(s, key->at, "expected a key");
	key->len = s->pos - start;
	key->text = xstrndup(s->text + start, key->len);
	return 0;
}

/* The table KEY in TABLE, which a dotted key or a header goes through; NULL after an error. */
static struct toml_node *go_through(struct scan *s, struct toml_node *table, struct key *key,
				    bool is_header)
{
	struct toml_node *node = find(table, key->text, key->len);

	if (!node) {
		node = add(s, table, key, TOML_TABLE);
		if (node)
			node->origin = is_header ? TOML_IMPLIED : TOML_DOTTED;
		return node;
	}
	/* a table that has its own header cannot be opened again by a dotted key */
	if (node->type != TOML_TABLE || (!is_header && node->origin == TOML_HEADER)) {
		fail_defined(s, key, node);
		return NULL;
	}
	if (!is_header)
		node->origin = TOML_DOTTED;
	return node;
}

/*
 * A key of one or more parts, below TABLE: all but the last are made or gone through. *LAST becomes
 * the last, the caller's to clear, and *PARENT the table that it belongs in.
 */
static int parse_key(struct scan *s, struct toml_node *table, bool is_header,
		     struct toml_node **parent, struct key *last)
{
	for (;;) {
		_cleanup_(key_clear) struct key part = {0};

		if (parse_key_part(s, &part) < 0)
			return -1;
		scan_skip_blanks(s);
		if (scan_peek(s) != '.') {
			*parent = table;
			*last = part;
			part.text = NULL;
			return 0;
		}
		s->pos++;
		scan_skip_blanks(s);
		table = go_through(s, table, &part, is_header);
		if (!table)
			return -1;
	}
}

static int parse_item(struct scan *s, struct toml_node *node)
{
	struct toml_position at = scan_here(s);
	char *text;
	size_t len;

	if (scan_string(s, &text, &len) < 0)
		return -1;
	/* room is doubled each time that it is used up */
	if ((node->count & (node->count - 1)) == 0)
		node->strings = xreallocarray(node->strings, node->count ? node->count * 2 : 1,
					      sizeof(*node->strings));
	node->strings[node->count++] = (struct toml_string){text, at};
	return 0;
}

/* What is ahead is no string (and no array, where that could be): say what it is. */
static int fail_value(struct scan *s)
{
	static const struct {
		const char *word, *kind;
	} words[] = {
		{"true", "booleans"},
		{"false", "booleans"},
		{"inf", "numbers"},
		{"nan", "numbers"},
	};
	size_t len = 0;
	int c = scan_peek(s);

	if (c == SCAN_END || scan_at_newline(s) || c == '#' || c == ',' || c == ']')
		return scan_fail(s, scan_here(s),
				 "a value is missing: expected a string in quotes");
	if (c == '{')
		return scan_fail(s, scan_here(s), "inline tables are not supported here");
	if (c == '[')
		return scan_fail(s, scan_here(s), "arrays in arrays are not supported here");
	if ((c >= '0' && c <= '9') || c == '+' || c == '-')
		return scan_fail(
			s, scan_here(s),
			"numbers and dates are not supported here: expected a string in quotes");
	while (is_bare(scan_peek_at(s, len)))
		len++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == len &&
		    memcmp(s->text + s->pos, words[i].word, len) == 0)
			return scan_fail(s, scan_here(s), "%s are not supported here",
					 words[i].kind);
	return scan_fail(s, scan_here(s), "expected a string in quotes");
}

/* An array, whose '[' is ahead. */
static int parse_array(struct scan *s, struct toml_node *node)
{
	struct toml_position at = scan_here(s);

	s->pos++;
	for (;;) {
		scan_skip_lines(s);
		if (scan_peek(s) == ']')
			break;
		if (scan_peek(s) == SCAN_END)
			return scan_fail(s, at, "the array that begins here is not closed");
		if (scan_peek(s) != '"' && scan_peek(s) != '\'')
			return fail_value(s);
		if (count_entry(s, scan_here(s)) < 0 || parse_item(s, node) < 0)
			return -1;
		scan_skip_lines(s);
		if (scan_peek(s) == ',')
			s->pos++;
		else if (scan_peek(s) == SCAN_END)
			return scan_fail(s, at, "the array that begins here is not closed");
		else if (scan_peek(s) != ']')
			return scan_fail(s, scan_here(s),
					 "expected ',' or ']' in the array of line %u", at.line);
	}
	s->pos++;
	return 0;
}

/* key = value */
static int parse_assignment(struct scan *s, struct toml_node *table)
{
	_cleanup_(key_clear) struct key key = {0};
	struct toml_node *parent, *node;

	if (parse_key(s, table, false, &parent, &key) < 0)
		return -1;
	if (scan_peek(s) != '=')
		return scan_fail(s, scan_here(s), "expected '=' after a key");
	node = find(parent, key.text, key.len);
	if (node)
		return fail_defined(s, &key, node);
	s->pos++;
	scan_skip_blanks(s);
	node = add(s, parent, &key, scan_peek(s) == '[' ? TOML_ARRAY : TOML_STRING);
	if (!node)
		return -1;
	node->value_at = scan_here(s);
	if (node->type == TOML_ARRAY)
		return parse_array(s, node);
	if (scan_peek(s) != '"' && scan_peek(s) != '\'')
		return fail_value(s);
	return parse_item(s, node);
}

/* [table], which becomes *TABLE. */
static int parse_header(struct scan *s, struct toml_node **table)
{
	_cleanup_(key_clear) struct key key = {0};
	struct toml_node *parent, *node;

	if (scan_peek_at(s, 1) == '[')
		return scan_fail(s, scan_here(s),
				 "arrays of tables ([[...]]) are not supported here");
	s->pos++;
	scan_skip_blanks(s);
	if (parse_key(s, &s->document->root, true, &parent, &key) < 0)
		return -1;
	if (scan_peek(s) != ']')
		return scan_fail(s, scan_here(s), "expected ']' after the name of a table");
	s->pos++;
	node = find(parent, key.text, key.len);
	if (!node)
		node = add(s, parent, &key, TOML_TABLE);
	else if (node->type != TOML_TABLE || node->origin != TOML_IMPLIED)
		return fail_defined(s, &key, node);
	if (!node)
		return -1;
	node->at = key.at;
	node->origin = TOML_HEADER;
	*table = node;
	return 0;
}

static int parse_document(struct scan *s)
{
	struct toml_node *table = &s->document->root;

	for (;;) {
		scan_skip_lines(s);
		if (scan_peek(s) == SCAN_END)
			return 0;
		if (scan_peek(s) == '[') {
			if (parse_header(s, &table) < 0)
				return -1;
		} else if (parse_assignment(s, table) < 0) {
			return -1;
		}
		scan_skip_to_newline(s);
		if (scan_peek(s) != SCAN_END && !scan_at_newline(s))
			return scan_fail(s, scan_here(s), "expected the end of the line");
	}
}

int toml_parse(const char *text, size_t len, struct toml_document *document,
	       struct toml_error *error)
{
	struct scan s = {.text = text, .len = len, .line = 1, .document = document, .error = error};
	size_t forbidden;
	char *why;

	*document = (struct toml_document){.root = {.type = TOML_TABLE, .origin = TOML_HEADER}};
	*error = (struct toml_error){0};
	if (len > TOML_MAX_SIZE)
		return scan_fail(&s, scan_here(&s), "more than %d bytes", TOML_MAX_SIZE);
	/* editors of another system put a byte order mark in front */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		s.pos = s.line_start = 3;
	forbidden = toml_find_forbidden(text, len, &why);
	if (forbidden < len) {
		scan_seek(&s, forbidden);
		*error = (struct toml_error){scan_here(&s), why};
		return -1;
	}
	if (parse_document(&s) < 0) {
		toml_clear(document);
		return -1;
	}
	return 0;
}

void toml_clear(struct toml_document *document)
{
	struct toml_node *next;

	for (struct toml_node *node = document->made; node; node = next) {
		next = node->next_made;
		for (size_t i = 0; i < node->count; i++)
			free(node->strings[i].text);
		free(node->strings);
		free(node->key);
		free(node);
	}
	*document = (struct toml_document){0};
}
