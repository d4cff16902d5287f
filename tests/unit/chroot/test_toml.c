/* The TOML reader: what it takes, what it refuses and where, and what it shows of foreign text. */
#include "chroot/toml.h"
#include "util/str.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A buffer without a NUL behind it, so that a sanitizer sees a read too far. */
static int parse_bytes(const char *text, size_t len, struct toml_document *document,
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

static void parse_ok(const char *text, struct toml_document *document)
{
	struct toml_error error;

	if (parse_bytes(text, strlen(text), document, &error) < 0)
		fail_msg("%s\n%u:%u: %s", text, error.at.line, error.at.column, error.what);
}

static void expect_error_bytes(const char *text, size_t len, unsigned line, unsigned column,
			       const char *part)
{
	struct toml_document document;
	struct toml_error error;

	if (parse_bytes(text, len, &document, &error) == 0)
		fail_msg("accepted: %s", text);
	if (error.at.line != line || error.at.column != column || !strstr(error.what, part))
		fail_msg("%s\nsaid %u:%u: %s\nnot  %u:%u: %s", text, error.at.line, error.at.column,
			 error.what, line, column, part);
	assert_null(strchr(error.what, '\n'));
	assert_null(document.made);
	assert_null(document.root.children);
	free(error.what);
}

static void expect_error(const char *text, unsigned line, unsigned column, const char *part)
{
	expect_error_bytes(text, strlen(text), line, column, part);
}

/* The node at PATH, keys with a '|' between; fails where there is none. */
static const struct toml_node *get(const struct toml_document *document, const char *path)
{
	const struct toml_node *node = &document->root;

	while (*path) {
		size_t len = strcspn(path, "|");

		node = node->children;
		while (node && (strlen(node->key) != len || strncmp(node->key, path, len) != 0))
			node = node->next;
		if (!node)
			fail_msg("no %s", path);
		path += len + (path[len] == '|');
	}
	return node;
}

static void assert_string(const struct toml_document *document, const char *path,
			  const char *expected)
{
	const struct toml_node *node = get(document, path);

	assert_int_equal(node->type, TOML_STRING);
	assert_int_equal(node->count, 1);
	assert_string_equal(node->strings[0].text, expected);
}

static void test_empty(void **state)
{
	static const char *const texts[] = {
		"", "\n", "\r\n", " \t", "#", "# comment", "# \xc3\xa9\t\n\n#\r\n", "\xef\xbb\xbf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct toml_document document;

		parse_ok(texts[i], &document);
		assert_null(document.root.children);
		toml_clear(&document);
	}
}

static void test_key_kinds(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok("bare_Key-1 = 'a'\n"
		 "1979 = 'b'\n"
		 "\"quoted \\\"key\\\"\" = 'c'\n"
		 "'literal\\key' = 'd'\n"
		 "dotted . \"k.e.y\"\t.x='e'\n"
		 "\"\" = 'f'\n"
		 "\"\\u0061\" = 'g'\n",
		 &document);
	assert_string(&document, "bare_Key-1", "a");
	assert_string(&document, "1979", "b");
	assert_string(&document, "quoted \"key\"", "c");
	assert_string(&document, "literal\\key", "d");
	assert_string(&document, "dotted|k.e.y|x", "e");
	assert_string(&document, "a", "g");
	assert_string_equal(get(&document, "dotted")->next->key, "");
	toml_clear(&document);
}

static void test_strings(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok(
		"a = \"\\b\\t\\n\\f\\r\\\"\\\\\"\n"
		"b = '\\b\"'\n"
		"c = \"\\u00e9\\u00E9\\U0001F600\\u0001\\u007f\\u0080\\u07ff\\u0800\\uD7ff\\uE000\"\n"
		"d = \"\\U0010FFFF\\U00010000\"\n"
		"e = \"a\tb # no comment\" # a comment\n"
		"g = \"\"\n"
		"h = \"\\\"\"\n",
		&document);
	assert_string(&document, "a", "\b\t\n\f\r\"\\");
	assert_string(&document, "b", "\\b\"");
	assert_string(&document, "c",
		      "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"
		      "\xed\x9f\xbf\xee\x80\x80");
	assert_string(&document, "d", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80");
	assert_string(&document, "e", "a\tb # no comment");
	assert_string(&document, "g", "");
	assert_string(&document, "h", "\"");
	toml_clear(&document);
}

static void test_arrays(void **state)
{
	static const char *const three[] = {
		"a = ['x','y','z']",
		"a=[ \"x\" , 'y' , \"z\" ]",
		"a = [\n\t'x', # one\n\n\t# a line\n\t'y'\n\t, 'z', # last\n]\n",
		"a = [\r\n'x',\r\n'y',\r\n'z'\r\n]\r\n",
		"a = [#]\n'x','y','z' #']\n,]#",
	};
	struct toml_document document;

	(void)state;
	for (size_t i = 0; i < sizeof(three) / sizeof(three[0]); i++) {
		const struct toml_node *node;

		parse_ok(three[i], &document);
		node = get(&document, "a");
		assert_int_equal(node->type, TOML_ARRAY);
		assert_int_equal(node->count, 3);
		assert_string_equal(node->strings[0].text, "x");
		assert_string_equal(node->strings[1].text, "y");
		assert_string_equal(node->strings[2].text, "z");
		toml_clear(&document);
	}
	parse_ok("a = []\nb = [\n#\n]", &document);
	assert_int_equal(get(&document, "a")->type, TOML_ARRAY);
	assert_int_equal(get(&document, "a")->count, 0);
	assert_int_equal(get(&document, "b")->count, 0);
	toml_clear(&document);
}

static void test_tables(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok("top = '0'\n"
		 "[a.b.c]\nx = '1'\n"
		 "[ a ] # opened late\nx = '2'\n"
		 "d.e = '3'\nd.f = '4'\n"
		 "[\"a\" . 'b']\nx = '5'\n"
		 "[a.d.g]\nx = '6'\n"
		 "[empty]\n",
		 &document);
	assert_string(&document, "top", "0");
	assert_string(&document, "a|b|c|x", "1");
	assert_string(&document, "a|x", "2");
	assert_string(&document, "a|d|e", "3");
	assert_string(&document, "a|d|f", "4");
	assert_string(&document, "a|b|x", "5");
	assert_string(&document, "a|d|g|x", "6");
	assert_int_equal(get(&document, "empty")->type, TOML_TABLE);
	assert_null(get(&document, "empty")->children);
	toml_clear(&document);
}

static void test_positions(void **state)
{
	struct toml_document document;
	const struct toml_node *node;

	(void)state;
	parse_ok("\xef\xbb\xbf[t]\r\n  'k\xc3\xa9y'\t= [ 'x',\n\n 'y' ]\n", &document);
	node = get(&document, "t");
	assert_int_equal(node->at.line, 1);
	assert_int_equal(node->at.column, 2);
	node = node->children;
	assert_int_equal(node->at.line, 2);
	assert_int_equal(node->at.column, 3);
	assert_int_equal(node->value_at.column, 12);
	assert_int_equal(node->strings[0].at.column, 14);
	assert_int_equal(node->strings[1].at.line, 4);
	assert_int_equal(node->strings[1].at.column, 2);
	toml_clear(&document);
}

static void test_duplicates(void **state)
{
	(void)state;
	expect_error("a = 'x'\na = 'y'\n", 2, 1, "\"a\" is already set in line 1");
	expect_error("a = 'x'\n 'a' = 'y'\n", 2, 2, "already set in line 1");
	expect_error("[a]\n\n[a]\n", 3, 2, "\"a\" is already a table, made in line 1");
	expect_error("[a.b]\n[a]\n[a.b]\n", 3, 4, "\"b\" is already a table, made in line 1");
	expect_error("[a]\n[b]\n[a]\n", 3, 2, "made in line 1");
	expect_error("[a.b]\n[a]\n[a]\n", 3, 2, "made in line 2");
	expect_error("a = 'x'\n[a]\n", 2, 2, "already set in line 1");
	expect_error("a = 'x'\n[a.b]\n", 2, 2, "already set in line 1");
	expect_error("a = 'x'\na.b = 'y'\n", 2, 1, "already set in line 1");
	expect_error("a.b = 'x'\na = 'y'\n", 2, 1, "already a table, made in line 1");
	/* a table made by a dotted key has no header, one that has a header takes no dotted key */
	expect_error("a.b = 'x'\n[a]\n", 2, 2, "already a table");
	expect_error("[a]\nb.c = 'x'\n[a.b]\n", 3, 4, "already a table");
	expect_error("[a.b]\n[a]\nb.c = 'x'\n", 3, 1, "already a table");
	expect_error("[a.b.c]\n[a]\nb.c.d = 'x'\n", 3, 3, "already a table");
	expect_error("a = ['x']\na = ['y']\n", 2, 1, "already set");
	expect_error("\"k\\u001b\" = ''\n\"k\\u001b\" = ''\n", 2, 1, "\"k\\u001B\" is already");
}

static void test_syntax_errors(void **state)
{
	(void)state;
	expect_error("a", 1, 2, "expected '='");
	expect_error("a b = 'x'", 1, 3, "expected '='");
	expect_error("= 'x'", 1, 1, "expected a key");
	expect_error("a. = 'x'", 1, 4, "expected a key");
	expect_error("a..b = 'x'", 1, 3, "expected a key");
	expect_error(".a = 'x'", 1, 1, "expected a key");
	expect_error("\xc3\xa9 = 'x'", 1, 1, "expected a key");
	expect_error("a\n= 'x'", 1, 2, "expected '='");
	expect_error("bin/env = '/usr/bin/env'", 1, 4, "a key with '/' in it needs quotes");
	expect_error("~/x = '/x'", 1, 1, "a key with '~' in it needs quotes");
	expect_error("a =", 1, 4, "a value is missing");
	expect_error("a = # x\n", 1, 5, "a value is missing");
	expect_error("a =\n'x'", 1, 4, "a value is missing");
	expect_error("a = /usr", 1, 5, "expected a string in quotes");
	expect_error("a = trueish", 1, 5, "expected a string in quotes");
	expect_error("a = 'x' b = 'y'", 1, 9, "expected the end of the line");
	expect_error("[a] b = 'y'", 1, 5, "expected the end of the line");
	expect_error("[a", 1, 3, "expected ']'");
	expect_error("[a\n]", 1, 3, "expected ']'");
	expect_error("[]", 1, 2, "expected a key");
	expect_error("[a.]", 1, 4, "expected a key");
	expect_error("[ [a]]", 1, 3, "expected a key");
	expect_error("]", 1, 1, "expected a key");
	expect_error("a = ['x'", 1, 5, "the array that begins here is not closed");
	expect_error("\na = [", 2, 5, "the array that begins here is not closed");
	expect_error("a = ['x' 'y']", 1, 10, "expected ',' or ']' in the array of line 1");
	expect_error("a = ['x'\nb = 'y'\n", 2, 1, "expected ',' or ']' in the array of line 1");
	expect_error("a = [,]", 1, 6, "a value is missing");
	expect_error("a = ['x',,]", 1, 10, "a value is missing");
	expect_error("# x\n a = 'x'\n\xef\xbb\xbf", 3, 1, "expected a key");
}

static void test_string_errors(void **state)
{
	(void)state;
	expect_error("a = 'x", 1, 5, "the string that begins here is not closed");
	expect_error("a = \"x\n\"", 1, 5, "the string that begins here is not closed");
	expect_error("a = 'x\r\n'", 1, 5, "the string that begins here is not closed");
	expect_error("a = \"x\\", 1, 5, "the string that begins here is not closed");
	expect_error("a = \"x\\\n\"", 1, 5, "the string that begins here is not closed");
	expect_error("a = \"x\\\"", 1, 5, "the string that begins here is not closed");
	expect_error("'a", 1, 1, "the string that begins here is not closed");
	expect_error("a = \"ab\\e\"", 1, 8, "unknown escape");
	expect_error("a = \"\\x41\"", 1, 6, "unknown escape");
	expect_error("a = \"\\ \"", 1, 6, "unknown escape");
	expect_error("a = \"\\\xc3\xa9\"", 1, 6, "unknown escape");
	expect_error("a = \"\\u12\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\u00g0\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\U0000012\"", 1, 6, "\\U takes 8 hexadecimal digits");
	expect_error("a = \"\\u+123\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\u0000\"", 1, 6, "NUL");
	expect_error("\"\\U00000000\" = ''", 1, 2, "NUL");
	expect_error("a = \"\\ud800\"", 1, 6, "U+D800");
	expect_error("a = \"\\uDFFF\"", 1, 6, "U+DFFF");
	expect_error("a = \"\\ud83d\\ude00\"", 1, 6, "U+D83D");
	expect_error("a = \"\\U00110000\"", 1, 6, "U+110000");
	expect_error("a = \"\\UFFFFFFFF\"", 1, 6, "U+FFFFFFFF");
}

static void test_not_supported(void **state)
{
	static const struct {
		const char *text;
		unsigned column;
		const char *what;
	} cases[] = {
		{"a = \"\"\"x\"\"\"", 5, "multi-line strings"},
		{"a = '''\nx'''", 5, "multi-line strings"},
		{"a = ['''x''']", 6, "multi-line strings"},
		{"\"\"\"a\"\"\" = 'x'", 1, "multi-line strings"},
		{"a = 1", 5, "numbers and dates"},
		{"a = +1.5", 5, "numbers and dates"},
		{"a = -inf", 5, "numbers and dates"},
		{"a = inf", 5, "numbers"},
		{"a = nan", 5, "numbers"},
		{"a = 1979-05-27T07:32:00Z", 5, "numbers and dates"},
		{"a = true", 5, "booleans"},
		{"a = [false]", 6, "booleans"},
		{"a = ['x', 2]", 11, "numbers and dates"},
		{"a = {}", 5, "inline tables"},
		{"a = [{b = 'c'}]", 6, "inline tables"},
		{"a = [['x']]", 6, "arrays in arrays"},
		{"[[a]]", 1, "arrays of tables ([[...]])"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *what = xasprintf("%s are not supported here", cases[i].what);

		expect_error(cases[i].text, 1, cases[i].column, what);
		free(what);
	}
}

static void test_forbidden_bytes(void **state)
{
	(void)state;
	expect_error("a = '\xff'", 1, 6, "byte 0xff is not UTF-8");
	expect_error("# \xc3", 1, 3, "byte 0xc3 is not UTF-8");
	expect_error("a = 'x'\n\xc0\xaf", 2, 1, "not UTF-8");	   /* overlong */
	expect_error("a = '\xe0\x80\x80'", 1, 6, "not UTF-8");	   /* overlong */
	expect_error("a = '\xf0\x80\x80\x80'", 1, 6, "not UTF-8"); /* overlong */
	expect_error("a = '\xed\xa0\x80'", 1, 6, "not UTF-8");	   /* a surrogate */
	expect_error("a = '\xf4\x90\x80\x80'", 1, 6, "not UTF-8"); /* past the last */
	expect_error("a = '\xf8\x90\x80\x80\x80'", 1, 6, "not UTF-8");
	expect_error("a = '\x80'", 1, 6, "not UTF-8");
	expect_error("a = '\xc3(", 1, 6, "not UTF-8");
	expect_error("\xff\xfe[\x01", 1, 1, "not UTF-8"); /* UTF-16 */
	expect_error("a = '\x01'", 1, 6, "control character 0x01");
	expect_error("a = '\x7f'", 1, 6, "control character 0x7f");
	expect_error("# \x1b[31m", 1, 3, "written as \\u001B");
	expect_error("\n\n a = \x0b", 3, 6, "control character 0x0b");
	expect_error("a = 'x'\rb = 'y'", 1, 8, "carriage return");
	expect_error("# x\r", 1, 4, "carriage return");
	expect_error("# x\r\r\n", 1, 4, "carriage return");
	expect_error("\xef\xbb\xbf\x02", 1, 1, "control character 0x02");
	expect_error_bytes("a = '\0'", 7, 1, 6, "NUL");
	expect_error_bytes("\0", 1, 1, 1, "NUL");
}

/* TEXT, COUNT times, with a number of its own in place of each '%'; the caller frees. */
static char *repeat(const char *text, size_t count)
{
	const char *number = strchr(text, '%');
	char *all = NULL;
	size_t len;
	FILE *f = open_memstream(&all, &len);

	assert_non_null(f);
	assert_non_null(number);
	for (size_t i = 0; i < count; i++)
		fprintf(f, "%.*s%zu%s", (int)(number - text), text, i, number + 1);
	assert_int_equal(fclose(f), 0);
	return all;
}

static void test_entry_limit(void **state)
{
	char *fits = repeat("k% = 'v'\n", TOML_MAX_ENTRIES);
	char *keys = repeat("k% = 'v'\n", TOML_MAX_ENTRIES + 1);
	char *items = repeat("'%',\n", TOML_MAX_ENTRIES);
	char *array = xasprintf("a = [\n%s]", items);
	char *dots = repeat("k%.", TOML_MAX_ENTRIES + 1);
	struct toml_document document;
	struct toml_error error;

	(void)state;
	parse_ok(fits, &document);
	toml_clear(&document);
	expect_error(keys, TOML_MAX_ENTRIES + 1, 1, "more than 4096 entries");
	expect_error(array, TOML_MAX_ENTRIES + 1, 1, "more than 4096 entries");
	/* tables in tables, 4096 deep, are nothing to recurse on */
	assert_int_equal(parse_bytes(dots, strlen(dots), &document, &error), -1);
	assert_string_equal(error.what, "more than 4096 entries");
	free(error.what);
	free(fits);
	free(keys);
	free(items);
	free(array);
	free(dots);
}

static void test_size_limit(void **state)
{
	char *large = malloc(TOML_MAX_SIZE + 1);
	struct toml_document document;
	struct toml_error error;

	(void)state;
	assert_non_null(large);
	memset(large, '\n', TOML_MAX_SIZE + 1);
	assert_int_equal(parse_bytes(large, TOML_MAX_SIZE, &document, &error), 0);
	toml_clear(&document);
	assert_int_equal(parse_bytes(large, TOML_MAX_SIZE + 1, &document, &error), -1);
	assert_string_equal(error.what, "more than 1048576 bytes");
	free(error.what);
	free(large);
}

static void test_utf8(void **state)
{
	static const uint32_t characters[] = {0x01,   0x7f,   0x80,   0x7ff,   0x800,
					      0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
		char bytes[4];
		uint32_t back = 0;
		size_t len = utf8_encode(characters[i], bytes);

		assert_int_equal(utf8_decode(bytes, len, &back), len);
		assert_int_equal(back, characters[i]);
		if (len > 1)
			assert_int_equal(utf8_decode(bytes, len - 1, &back), 0);
	}
	assert_false(utf8_is_scalar(0xd800));
	assert_false(utf8_is_scalar(0xdfff));
	assert_false(utf8_is_scalar(0x110000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),		cmocka_unit_test(test_key_kinds),
		cmocka_unit_test(test_strings),		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_tables),		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_duplicates),	cmocka_unit_test(test_syntax_errors),
		cmocka_unit_test(test_string_errors),	cmocka_unit_test(test_not_supported),
		cmocka_unit_test(test_forbidden_bytes), cmocka_unit_test(test_entry_limit),
		cmocka_unit_test(test_size_limit),	cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
