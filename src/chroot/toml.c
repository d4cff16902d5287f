#include "chroot/toml.h"
#include "chroot/toml_value.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare_keys(const void *left, const void *right)
{
	const struct toml_node *a = left, *b = right;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	if (a->key.len != b->key.len)
		return a->key.len < b->key.len ? -1 : 1;
	return memcmp(a->key.text, b->key.text, a->key.len);
}

/* The value of KEY in TABLE, or NULL. */
static struct toml_node *find(const struct toml_scan *s, struct toml_node *table,
			      const struct toml_string *key)
{
	const struct toml_node wanted = {.parent = table, .key = *key};
	struct toml_node *const *found = tfind(&wanted, &s->document->index, compare_keys);

	return found ? *found : NULL;
}

/*
 * Add a node to the end of PARENT. The node takes KEY's text, which the table does not have yet;
 * NULL: no key.
 */
static struct toml_node *add(struct toml_scan *s, struct toml_node *parent, struct toml_string *key)
{
	struct toml_node *node = xcalloc(1, sizeof(*node));

	node->parent = parent;
	node->next_made = s->document->made;
	s->document->made = node;
	if (parent->last_child)
		parent->last_child->next = node;
	else
		parent->children = node;
	parent->last_child = node;
	if (key) {
		node->key = *key;
		key->text = NULL;
		node->at = node->key.at;
		/* tsearch(3) fails only for lack of memory */
		if (!tsearch(node, &s->document->index, compare_keys))
			abort();
	}
	return node;
}

static int fail_defined(struct toml_scan *s, const struct toml_string *key,
			const struct toml_node *before)
{
	s->error->key = xstrdup(key->text);
	s->error->line = before->key.at.line;
	return toml_fail(s, key->at, "is already defined");
}

static void key_clear(struct toml_string *key)
{
	free(key->text);
}

static int read_key_part(struct toml_scan *s, struct toml_string *key)
{
	size_t len = strspn(s->p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_-");

	if (*s->p == '"' || *s->p == '\'')
		return toml_read_string(s, false, key);
	*key = (struct toml_string){.text = xstrndup(s->p, len), .len = len, .at = toml_here(s)};
	s->p += len;
	if (*s->p && !strchr(" \t\r\n.=]},", *s->p))
		return toml_fail(
			s, toml_here(s),
			"a key needs quotes around it, unless it has only A-Z a-z 0-9 _ - in it");
	if (len == 0)
		return toml_fail(s, toml_here(s), "expected a key");
	return 0;
}

/*
 * The table that KEY leads to from TABLE, where KEY is a part of a dotted key but not the last;
 * NULL after an error.
 */
static struct toml_node *descend(struct toml_scan *s, struct toml_node *table,
				 struct toml_string *key, bool is_header)
{
	struct toml_node *node = find(s, table, key);

	if (!node) {
		node = add(s, table, key);
		node->origin = is_header ? TOML_IMPLIED : TOML_DOTTED;
		return node;
	}
	if (is_header && node->type == TOML_ARRAY && node->origin == TOML_HEADER)
		return node->last_child;
	/* a dotted key cannot reopen a table that has a header */
	if (node->type != TOML_TABLE || node->origin == TOML_VALUE ||
	    (!is_header && node->origin == TOML_HEADER)) {
		fail_defined(s, key, node);
		return NULL;
	}
	if (!is_header)
		node->origin = TOML_DOTTED;
	return node;
}

/*
 * Read a key of one or more parts. All parts but the last are tables, which are made or entered.
 * *TABLE becomes the table of the last part, and *LAST the last part, the caller's to clear in
 * either case.
 */
static int read_key(struct toml_scan *s, struct toml_node **table, bool is_header,
		    struct toml_string *last)
{
	while (read_key_part(s, last) == 0) {
		toml_skip_blanks(s);
		if (*s->p != '.')
			return 0;
		s->p++;
		toml_skip_blanks(s);
		*table = descend(s, *table, last, is_header);
		key_clear(last);
		last->text = NULL;
		if (!*table)
			return -1;
	}
	return -1;
}

static int read_value(struct toml_scan *s, struct toml_node *node);

/* Read an array whose '[' is ahead. */
static int read_array(struct toml_scan *s, struct toml_node *array)
{
	static const char open[] = "the array that begins here is not closed";

	s->p++;
	for (;;) {
		toml_skip_lines(s);
		if (*s->p == ']')
			break;
		if (!*s->p)
			return toml_fail(s, array->at, open);
		if (read_value(s, add(s, array, NULL)) < 0)
			return -1;
		toml_skip_lines(s);
		if (*s->p == ']')
			break;
		if (*s->p != ',')
			return *s->p ? toml_fail(s, toml_here(s), "expected ',' or ']' in an array")
				     : toml_fail(s, array->at, open);
		s->p++;
	}
	s->p++;
	return 0;
}

/* key = value */
static int read_assignment(struct toml_scan *s, struct toml_node *table)
{
	_cleanup_(key_clear) struct toml_string key = {0};
	struct toml_node *before;

	if (read_key(s, &table, false, &key) < 0)
		return -1;
	if (*s->p != '=')
		return toml_fail(s, toml_here(s), "expected '=' after a key");
	before = find(s, table, &key);
	if (before)
		return fail_defined(s, &key, before);
	s->p++;
	toml_skip_blanks(s);
	return read_value(s, add(s, table, &key));
}

/*
 * Read an inline table whose '{' is ahead: on one line, and without a comma after the last value.
 */
static int read_inline_table(struct toml_scan *s, struct toml_node *table)
{
	do {
		s->p++;
		toml_skip_blanks(s);
		if (*s->p == '}' && !table->children)
			break;
		if (read_assignment(s, table) < 0)
			return -1;
		toml_skip_blanks(s);
	} while (*s->p == ',');
	if (*s->p != '}')
		return toml_fail(s, toml_here(s), "expected ',' or '}' in an inline table");
	s->p++;
	return 0;
}

static int read_value(struct toml_scan *s, struct toml_node *node)
{
	int r;

	node->at = toml_here(s);
	node->origin = TOML_VALUE;
	if (*s->p == '"' || *s->p == '\'') {
		node->type = TOML_STRING;
		return toml_read_string(s, true, &node->string);
	}
	node->type = *s->p == '[' ? TOML_ARRAY : *s->p == '{' ? TOML_TABLE : TOML_OTHER;
	if (node->type == TOML_OTHER)
		return toml_read_scalar(s);
	if (++s->depth > TOML_MAX_DEPTH)
		return toml_fail(s, node->at, "arrays and inline tables are nested too deep");
	r = node->type == TOML_ARRAY ? read_array(s, node) : read_inline_table(s, node);
	s->depth--;
	return r;
}

/* Read [table], or [[table]], an element of an array; *TABLE becomes that table. */
static int read_header(struct toml_scan *s, struct toml_node **table)
{
	_cleanup_(key_clear) struct toml_string key = {0};
	struct toml_node *parent = &s->document->root, *node;
	bool is_element = s->p[1] == '[';

	s->p += is_element ? 2 : 1;
	toml_skip_blanks(s);
	if (read_key(s, &parent, true, &key) < 0)
		return -1;
	if (*s->p != ']' || (is_element && s->p[1] != ']'))
		return toml_fail(s, toml_here(s),
				 is_element ? "expected ']]' after the name of an array of tables"
					    : "expected ']' after the name of a table");
	s->p += is_element ? 2 : 1;
	node = find(s, parent, &key);
	if (node && (is_element ? node->type != TOML_ARRAY || node->origin != TOML_HEADER
				: node->type != TOML_TABLE || node->origin != TOML_IMPLIED))
		return fail_defined(s, &key, node);
	if (!node) {
		node = add(s, parent, &key);
		node->type = is_element ? TOML_ARRAY : TOML_TABLE;
	} else {
		node->at = node->key.at = key.at;
	}
	node->origin = TOML_HEADER;
	*table = is_element ? add(s, node, NULL) : node;
	(*table)->origin = TOML_HEADER;
	(*table)->at = key.at;
	return 0;
}

static int read_document(struct toml_scan *s)
{
	struct toml_node *table = &s->document->root;

	for (;;) {
		toml_skip_lines(s);
		if (!*s->p)
			return 0;
		if ((*s->p == '[' ? read_header(s, &table) : read_assignment(s, table)) < 0)
			return -1;
		toml_skip_to_newline(s);
		if (*s->p && !toml_at_newline(s))
			return toml_fail(s, toml_here(s), "expected the end of the line");
	}
}

/*
 * What is wrong with the character at P, of which LEN bytes (at least 1) are there; NULL: nothing.
 */
static const char *check_character(const char *p, size_t len, size_t *size)
{
	uint32_t c;

	*size = utf8_decode(p, len, &c);
	if (*size == 0)
		return "this is not UTF-8, as TOML must be";
	if (c == '\r' && (len == 1 || p[1] != '\n'))
		return "a carriage return without a newline after it";
	if ((c < 0x20 && !strchr("\t\n\r", (int)c)) || c == 0 || c == 0x7f)
		return "a control character; in a string in double quotes it is written as an "
		       "escape: \\u001B";
	return NULL;
}

/* Do the LEN bytes ahead hold only what TOML allows somewhere? -1 with the error set if not. */
static int check_characters(struct toml_scan s, size_t len)
{
	const char *end = s.p + len;
	size_t size;

	for (; s.p < end; s.p += size) {
		const char *what = check_character(s.p, (size_t)(end - s.p), &size);

		if (what)
			return toml_fail(&s, toml_here(&s), what);
		if (*s.p == '\n') {
			s.line++;
			s.line_start = s.p + 1;
		}
	}
	return 0;
}

int toml_parse(const char *text, size_t len, struct toml_document *document,
	       struct toml_error *error)
{
	/* editors of another system begin a file with a byte order mark */
	size_t mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	_cleanup_free_ char *copy = xstrndup(text, len);
	struct toml_scan s = {.p = copy + mark,
			      .line_start = copy + mark,
			      .line = 1,
			      .document = document,
			      .error = error};

	*document = (struct toml_document){.root = {.type = TOML_TABLE, .origin = TOML_HEADER}};
	*error = (struct toml_error){0};
	if (len > TOML_MAX_SIZE)
		return toml_fail(&s, toml_here(&s), "more than 1 MiB of text");
	if (check_characters(s, len - mark) < 0)
		return -1;
	if (read_document(&s) < 0) {
		toml_clear(document);
		return -1;
	}
	return 0;
}

static void keep(void *node)
{
	(void)node;
}

void toml_clear(struct toml_document *document)
{
	struct toml_node *next;

	tdestroy(document->index, keep);
	for (struct toml_node *node = document->made; node; node = next) {
		next = node->next_made;
		free(node->string.text);
		free(node->key.text);
		free(node);
	}
	*document = (struct toml_document){0};
}
