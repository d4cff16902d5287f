/* The TOML parser: keys, tables, arrays, and where an error is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "toml_check.h"

#include "util/cleanup.h"

static void empty_texts(void **state)
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

static void kinds_of_keys(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok("bare_Key-1 = 'a'\n"
		 "1979 = 'b'\n"
		 "\"quoted \\\"key\\\"\" = 'c'\n"
		 "'literal\\key' = 'd'\n"
		 "dotted . \"k.e.y\"\t.x='e'\n"
		 "\"\" = 'f'\n"
		 "\"\\u0061\" = 'g'\n"
		 "3.14159 = 'pi'\n"
		 "- = 'h'\n_ = 'i'\ntrue = 'j'\ninf = 'k'\n1979-05-27 = 'l'\n"
		 "fruit.color = 'yellow'\nfruit . flavor = 'banana'\n",
		 &document);
	assert_string(&document, "bare_Key-1", "a");
	assert_string(&document, "1979", "b");
	assert_string(&document, "quoted \"key\"", "c");
	assert_string(&document, "literal\\key", "d");
	assert_string(&document, "dotted|k.e.y|x", "e");
	assert_string_equal(get(&document, "dotted")->next->key.text, "");
	assert_string(&document, "a", "g");
	assert_string(&document, "3|14159", "pi");
	assert_string(&document, "-", "h");
	assert_string(&document, "_", "i");
	assert_string(&document, "true", "j");
	assert_string(&document, "inf", "k");
	assert_string(&document, "1979-05-27", "l");
	assert_string(&document, "fruit|flavor", "banana");
	toml_clear(&document);
}

/* Every character as a key: letters, digits, '_' and '-' are allowed without quotes. */
static void characters_of_bare_keys(void **state)
{
	(void)state;
	for (int c = 0x21; c < 0x7f; c++) {
		_cleanup_free_ char *text = xasprintf("a%c = 1", c),
				    *alone = xasprintf("%c = 1", c);
		bool is_bare = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			       (c >= '0' && c <= '9') || c == '_' || c == '-';
		struct toml_document document;
		struct toml_error error;

		assert_int_equal(parse_bytes(text, strlen(text), &document, &error),
				 is_bare ? 0 : -1);
		if (is_bare)
			toml_clear(&document);
		/* "#" begins a comment, which is allowed */
		if (c == '#')
			continue;
		assert_int_equal(parse_bytes(alone, strlen(alone), &document, &error),
				 is_bare ? 0 : -1);
		if (is_bare)
			toml_clear(&document);
	}
}

static void arrays(void **state)
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
		parse_ok(three[i], &document);
		assert_string(&document, "a|0", "x");
		assert_string(&document, "a|1", "y");
		assert_string(&document, "a|2", "z");
		assert_null(get(&document, "a|2")->next);
		toml_clear(&document);
	}
	parse_ok("a = []\nb = [\n#\n]\n"
		 "c = [ 0.1, 2, 'x', true, 07:32:00, [[ 1, 2 ], [\"a\", '''b''']], {x.y = 'z'} ]\n",
		 &document);
	assert_type(&document, "a", TOML_ARRAY);
	assert_null(get(&document, "a")->children);
	assert_null(get(&document, "b")->children);
	assert_type(&document, "c|0", TOML_OTHER);
	assert_string(&document, "c|2", "x");
	assert_string(&document, "c|5|1|1", "b");
	assert_string(&document, "c|6|x|y", "z");
	toml_clear(&document);
}

static void tables(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok("top = '0'\n"
		 "[a.b.c]\nx = '1'\n"
		 "[ a ] # opened late\nx = '2'\n"
		 "d.e = '3'\nd.f = '4'\n"
		 "[\"a\" . 'b']\nx = '5'\n"
		 "[a.d.g]\nx = '6'\n"
		 "[empty]\n"
		 "[dog.\"tater.man\"]\ntype.name = 'pug'\n"
		 "[ j . \"\xca\x9e\" . 'l' ]\n",
		 &document);
	assert_string(&document, "top", "0");
	assert_string(&document, "a|b|c|x", "1");
	assert_string(&document, "a|x", "2");
	assert_string(&document, "a|d|e", "3");
	assert_string(&document, "a|d|f", "4");
	assert_string(&document, "a|b|x", "5");
	assert_string(&document, "a|d|g|x", "6");
	assert_type(&document, "empty", TOML_TABLE);
	assert_null(get(&document, "empty")->children);
	assert_string(&document, "dog|tater.man|type|name", "pug");
	assert_type(&document, "j|\xca\x9e|l", TOML_TABLE);
	toml_clear(&document);
	/* a dotted key may add to a table that exists only as a part of a longer header */
	parse_ok("[a.b.c]\n[a]\nb.x = '1'\n", &document);
	assert_string(&document, "a|b|x", "1");
	toml_clear(&document);
}

static void inline_tables(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok("name = { first = \"Tom\", last = 'P' }\n"
		 "point = {x=1,y=2}\n"
		 "e = {}\nf = { }\t\n"
		 "animal = { type.name = 'pug', type.size = 1, 'q' = {r = ['s',\n't']} }\n"
		 "[product]\ntype = { name = 'Nail' }\n",
		 &document);
	assert_string(&document, "name|last", "P");
	assert_type(&document, "point|y", TOML_OTHER);
	assert_null(get(&document, "e")->children);
	assert_null(get(&document, "f")->children);
	assert_string(&document, "animal|type|name", "pug");
	assert_string(&document, "animal|q|r|1", "t");
	assert_string(&document, "product|type|name", "Nail");
	toml_clear(&document);
	expect_error("a = {b = 1,}", 1, 12, "expected a key");
	expect_error("a = {,}", 1, 6, "expected a key");
	expect_error("a = {b = 1 c = 2}", 1, 12, "expected ',' or '}' in an inline table");
	expect_error("a = {b = 1\n}", 1, 11, "expected ',' or '}' in an inline table");
	expect_error("a = {\nb = 1}", 1, 6, "expected a key");
	expect_error("a = {b = 1, # x\nc = 2}", 1, 13, "a key needs quotes around it, unless");
	expect_error("a = {b = 1", 1, 11, "expected ',' or '}'");
	expect_error("a = {b}", 1, 7, "expected '='");
	expect_error("a = {", 1, 6, "expected a key");
	expect_error("a = {b = 1, b = 2}", 1, 13, "is already defined");
	expect_error("a = {b.c = 1, b = 2}", 1, 15, "is already defined");
	expect_error("a = {b = {c = 1}, b.d = 2}", 1, 19, "is already defined");
	/* an inline table cannot be extended from outside */
	expect_error("a = {b = 1}\na.c = 2", 2, 1, "is already defined");
	expect_error("a = {b.c = 1}\n[a.b]", 2, 2, "is already defined");
	expect_error("a = {}\n[a]", 2, 2, "is already defined");
	expect_error("a = {}\n[[a.b]]", 2, 3, "is already defined");
}

static void arrays_of_tables(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok("[[products]]\nname = 'Hammer'\n"
		 "[[products]] # empty\n"
		 "[[ products ]]\nname = 'Nail'\n"
		 "[[fruits]]\nname = 'apple'\n"
		 "[fruits.physical]\ncolor = 'red'\n"
		 "[[fruits.varieties]]\nname = 'delicious'\n"
		 "[[fruits.varieties]]\nname = 'smith'\n"
		 "[[fruits]]\nname = 'banana'\n"
		 "[[fruits.varieties]]\nname = 'plantain'\n"
		 "[fruits.physical]\ncolor = 'yellow'\n"
		 "[[x.y]]\n[x]\nz = 'w'\n",
		 &document);
	assert_string(&document, "products|0|name", "Hammer");
	assert_null(get(&document, "products|1")->children);
	assert_string(&document, "products|2|name", "Nail");
	assert_string(&document, "fruits|0|physical|color", "red");
	assert_string(&document, "fruits|0|varieties|1|name", "smith");
	assert_string(&document, "fruits|1|varieties|0|name", "plantain");
	assert_string(&document, "fruits|1|physical|color", "yellow");
	assert_string(&document, "x|z", "w");
	toml_clear(&document);
	expect_error("[fruit.physical]\n[[fruit]]", 2, 3, "is already defined");
	expect_error("fruits = []\n[[fruits]]", 2, 3, "is already defined");
	expect_error("fruits = [{}]\n[fruits.x]", 2, 2, "is already defined");
	expect_error("[[a]]\n[a]", 2, 2, "is already defined");
	expect_error("[[a]]\n[[a.b]]\n[a.b]", 3, 4, "is already defined");
	expect_error("[[a]]\n[a.b]\n[[a.b]]", 3, 5, "is already defined");
	expect_error("[[a.b]]\n[a]\nb.y = 2", 3, 1, "is already defined");
	expect_error("[[a]", 1, 4, "expected ']]'");
	expect_error("[[a] ]", 1, 4, "expected ']]'");
	expect_error("[ [a]]", 1, 3, "a key needs quotes around it, unless");
	expect_error("[[]]", 1, 3, "expected a key");
	expect_error("[[a]] b = 1", 1, 7, "expected the end of the line");
}

static void positions(void **state)
{
	struct toml_document document;
	const struct toml_node *node;

	(void)state;
	parse_ok("\xef\xbb\xbf[t]\r\n  'k\xc3\xa9y'\t= [ 'x',\n\n '''\n''', 'y' ]\n", &document);
	node = get(&document, "t");
	assert_int_equal(node->key.at.line, 1);
	assert_int_equal(node->key.at.column, 2);
	node = node->children;
	assert_int_equal(node->key.at.line, 2);
	assert_int_equal(node->key.at.column, 3);
	assert_int_equal(node->at.column, 12);
	assert_int_equal(node->children->string.at.column, 14);
	assert_int_equal(node->children->next->at.line, 4);
	assert_int_equal(node->last_child->string.at.line, 5);
	assert_int_equal(node->last_child->string.at.column, 6);
	toml_clear(&document);
}

static void expect_defined(const char *text, unsigned line, unsigned column, const char *key,
			   unsigned before)
{
	struct toml_document document;
	struct toml_error error;

	assert_int_equal(parse_bytes(text, strlen(text), &document, &error), -1);
	assert_string_equal(error.what, "is already defined");
	assert_string_equal(error.key, key);
	assert_int_equal(error.line, before);
	assert_int_equal(error.at.line, line);
	assert_int_equal(error.at.column, column);
	free(error.key);
}

static void duplicates(void **state)
{
	(void)state;
	expect_defined("a = 'x'\na = 1\n", 2, 1, "a", 1);
	expect_defined("a = 'x'\n 'a' = 'y'\n", 2, 2, "a", 1);
	expect_defined("[a]\n\n[a]\n", 3, 2, "a", 1);
	expect_defined("[a.b]\n[a]\n[a.b]\n", 3, 4, "b", 1);
	expect_defined("[a]\n[b]\n[a]\n", 3, 2, "a", 1);
	expect_defined("[a.b]\n[a]\n[a]\n", 3, 2, "a", 2);
	expect_defined("a = 'x'\n[a]\n", 2, 2, "a", 1);
	expect_defined("a = 'x'\n[a.b]\n", 2, 2, "a", 1);
	expect_defined("a = 1\na.b = 'y'\n", 2, 1, "a", 1);
	expect_defined("a.b = 'x'\na = 'y'\n", 2, 1, "a", 1);
	/*
	 * a table made by a dotted key cannot have a header, and one with a header cannot be
	 * extended by a dotted key
	 */
	expect_defined("a.b = 'x'\n[a]\n", 2, 2, "a", 1);
	expect_defined("[a]\nb.c = 'x'\n[a.b]\n", 3, 4, "b", 2);
	expect_defined("[a.b]\n[a]\nb.c = 'x'\n", 3, 1, "b", 1);
	expect_defined("[a.b.c]\n[a]\nb.c.d = 'x'\n", 3, 3, "c", 1);
	expect_defined("[a.b.c]\n[a]\nb.x = '1'\n[a.b]\n", 4, 4, "b", 1);
	expect_defined("a = ['x']\na = ['y']\n", 2, 1, "a", 1);
	expect_defined("\"k\\u001b\" = ''\n\"k\\u001b\" = ''\n", 2, 1, "k\x1b", 1);
	expect_valid("\"a\\u0000b\" = 1\na = 2\n\"a\\u0000c\" = 3\n");
}

static void syntax_errors(void **state)
{
	static const char quotes[] = "a key needs quotes around it, unless it has only";
	static const char value[] = "expected a value; a text needs quotes around it";

	(void)state;
	expect_error("a", 1, 2, "expected '='");
	expect_error("a b = 'x'", 1, 3, "expected '='");
	expect_error("a\n= 'x'", 1, 2, "expected '='");
	expect_error("= 'x'", 1, 1, "expected a key");
	expect_error("a. = 'x'", 1, 4, "expected a key");
	expect_error("a..b = 'x'", 1, 3, "expected a key");
	expect_error(".a = 'x'", 1, 1, "expected a key");
	expect_error("\"\"\"a\"\"\" = 'x'", 1, 3, "expected '='");
	expect_error("\xc3\xa9 = 'x'", 1, 1, quotes);
	expect_error("bin/env = '/usr/bin/env'", 1, 4, quotes);
	expect_error("~/x = '/x'", 1, 1, quotes);
	expect_error("a+b = 1", 1, 2, quotes);
	expect_error("a =", 1, 4, value);
	expect_error("a = # x\n", 1, 5, value);
	expect_error("a =\n'x'", 1, 4, value);
	expect_error("a = /usr", 1, 5, value);
	expect_error("a = 'x' b = 'y'", 1, 9, "expected the end of the line");
	expect_error("a = 1 = 2", 1, 7, "expected the end of the line");
	expect_error("[a] b = 'y'", 1, 5, "expected the end of the line");
	expect_error("[a", 1, 3, "expected ']'");
	expect_error("[a\n]", 1, 3, "expected ']'");
	expect_error("[a # x", 1, 4, "expected ']'");
	expect_error("[]", 1, 2, "expected a key");
	expect_error("[a.]", 1, 4, "expected a key");
	expect_error("]", 1, 1, "expected a key");
	expect_error("a = ['x'", 1, 5, "the array that begins here is not closed");
	expect_error("\na = [", 2, 5, "the array that begins here is not closed");
	expect_error("a = [1, [2]\n# x", 1, 5, "the array that begins here is not closed");
	expect_error("a = ['x' 'y']", 1, 10, "expected ',' or ']' in an array");
	expect_error("a = ['x'\nb = 'y'\n", 2, 1, "expected ',' or ']' in an array");
	expect_error("a = [1}", 1, 7, "expected ',' or ']' in an array");
	expect_error("a = [,]", 1, 6, value);
	expect_error("a = ['x',,]", 1, 10, value);
	expect_error("# x\n a = 'x'\n\xef\xbb\xbf", 3, 1, quotes);
}

/* COUNT times OPEN, then MIDDLE, then COUNT times CLOSE; the caller frees. */
static char *nest(const char *open, const char *middle, const char *close, size_t count)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	fputs("a = ", f);
	for (size_t i = 0; i < count; i++)
		fputs(open, f);
	fputs(middle, f);
	for (size_t i = 0; i < count; i++)
		fputs(close, f);
	fclose(f);
	return text;
}

static void depth_has_a_limit(void **state)
{
	static const struct {
		const char *open, *close;
	} kinds[] = {{"[", "]"}, {"{a=", "}"}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(kinds[i].open);
		_cleanup_free_ char *fits =
			nest(kinds[i].open, "1", kinds[i].close, TOML_MAX_DEPTH);
		_cleanup_free_ char *deeper =
			nest(kinds[i].open, "1", kinds[i].close, TOML_MAX_DEPTH + 1);
		_cleanup_free_ char *hostile = nest(kinds[i].open, "", "", 100000);

		expect_valid(fits);
		expect_error(deeper, 1, (unsigned)(5 + len * TOML_MAX_DEPTH), "nested too deep");
		expect_error(hostile, 1, (unsigned)(5 + len * TOML_MAX_DEPTH), "nested too deep");
	}
	/* values one after the other are not nested */
	expect_valid("a = [[1], [2], {b = [3]}, [[4]], [[5]], [[6]], [[7]]]\nb = [[1]]\n");
}

/* Reading a long text takes time in proportion to its length, and no stack. */
static void size_has_a_limit(void **state)
{
	_cleanup_free_ char *large = xcalloc(TOML_MAX_SIZE + 2, 1);
	struct toml_document document;
	struct toml_error error;
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	(void)state;
	memset(large, '\n', TOML_MAX_SIZE + 1);
	assert_int_equal(parse_bytes(large, TOML_MAX_SIZE, &document, &error), 0);
	toml_clear(&document);
	assert_int_equal(parse_bytes(large, TOML_MAX_SIZE + 1, &document, &error), -1);
	assert_string_equal(error.what, "more than 1 MiB of text");
	/* 100,000 keys in one table, and 100,000 nested tables */
	for (int i = 0; i < 100000; i++)
		fprintf(f, "%x=1\n", i);
	fclose(f);
	expect_valid(text);
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? '.' : *p == '=' ? '_' : *p;
	text[len - 1] = '\0';
	memcpy(text + len - 3, "=1", 3);
	expect_valid(text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_texts),
		cmocka_unit_test(kinds_of_keys),
		cmocka_unit_test(characters_of_bare_keys),
		cmocka_unit_test(arrays),
		cmocka_unit_test(tables),
		cmocka_unit_test(inline_tables),
		cmocka_unit_test(arrays_of_tables),
		cmocka_unit_test(positions),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(size_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
