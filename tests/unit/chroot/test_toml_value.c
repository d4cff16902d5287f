/* The TOML parser: strings, numbers, booleans, dates, times, and bytes that are in no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "toml_check.h"

#include "util/cleanup.h"

static void basic_and_literal_strings(void **state)
{
	struct toml_document document;

	(void)state;
	parse_ok(
		"a = \"\\b\\t\\n\\f\\r\\\"\\\\\"\n"
		"b = '\\b\"'\n"
		"c = \"\\u00e9\\u00E9\\U0001F600\\u0001\\u007f\\u0080\\u07ff\\u0800\\uD7ff\\uE000\"\n"
		"d = \"\\U0010FFFF\\U00010000\"\n"
		"e = \"a\tb # no comment\" # a comment\n"
		"f = \"\"\n"
		"g = \"\\\"\"\n"
		"h = 'C:\\Users\\x'\n"
		"i = '<\\i\\c*\\s*>'\n",
		&document);
	assert_string(&document, "a", "\b\t\n\f\r\"\\");
	assert_string(&document, "b", "\\b\"");
	assert_string(&document, "c",
		      "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\x01\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80"
		      "\xed\x9f\xbf\xee\x80\x80");
	assert_string(&document, "d", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80");
	assert_string(&document, "e", "a\tb # no comment");
	assert_string(&document, "f", "");
	assert_string(&document, "g", "\"");
	assert_string(&document, "h", "C:\\Users\\x");
	assert_string(&document, "i", "<\\i\\c*\\s*>");
	toml_clear(&document);
}

static void strings_with_nul(void **state)
{
	struct toml_document document;
	const struct toml_node *node;

	(void)state;
	parse_ok("\"k\\u0000\" = \"a\\U00000000b\"\nk = 1", &document);
	node = document.root.children;
	assert_int_equal(node->key.len, 2);
	assert_int_equal(node->string.len, 3);
	assert_memory_equal(node->string.text, "a\0b", 4);
	toml_clear(&document);
}

static void strings_of_any_length(void **state)
{
	(void)state;
	for (size_t len = 0; len < 70; len++) {
		_cleanup_free_ char *text = xasprintf("a = '%*s'", (int)len, "");
		struct toml_document document;

		parse_ok(text, &document);
		assert_int_equal(strlen(get(&document, "a")->string.text), len);
		assert_int_equal(get(&document, "a")->string.len, len);
		toml_clear(&document);
	}
}

static void multi_line_strings(void **state)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{"\"\"\"\"\"\"", ""},
		{"''''''", ""},
		{"\"\"\"\nRoses\nViolets\"\"\"", "Roses\nViolets"},
		{"\"\"\"\r\nRoses\r\nViolets\"\"\"", "Roses\r\nViolets"},
		{"\"\"\"\n\nx\"\"\"", "\nx"},
		{"\"\"\"The \\\n\n\n   fox \\  \t\n\t jumps.\\\n  \"\"\"", "The fox jumps."},
		{"\"\"\"\\\r\n   \r\n  x\"\"\"", "x"},
		{"\"\"\"\\\"\"\"\\\"\"\"\"", "\"\"\"\""},
		{"\"\"\"a \"b\" \"\"c\"\" d\"\"\"", "a \"b\" \"\"c\"\" d"},
		{"\"\"\"\"x\"\"\"\"", "\"x\""},
		{"\"\"\"\"\"x\"\"\"\"\"", "\"\"x\"\""},
		{"\"\"\"\"\"\"\"", "\""},
		{"\"\"\"\"\"\"\"\"", "\"\""},
		{"'''\nThe first newline is\ntrimmed.\n  \\n'''",
		 "The first newline is\ntrimmed.\n  \\n"},
		{"'''a 'b' ''c''\\\n'''''", "a 'b' ''c''\\\n''"},
		{"'''''x'''", "''x"},
		{"'''\"\"\"'''", "\"\"\""},
		{"'''# no\n comment'''", "# no\n comment"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *text = xasprintf("a = %s # x\nb = 'y'", cases[i].text);
		struct toml_document document;

		parse_ok(text, &document);
		assert_string(&document, "a", cases[i].value);
		assert_string(&document, "b", "y");
		toml_clear(&document);
	}
	/* lines inside of a multi-line string are counted */
	expect_error("a = '''\n\r\n'''\nb", 4, 2, "expected '='");
	expect_error("a = \"\"\"\\\n\r\n  \n\\x", 4, 1, "unknown escape");
}

static void broken_strings(void **state)
{
	static const char not_closed[] = "the string that begins here is not closed";

	(void)state;
	expect_error("a = 'x", 1, 5, not_closed);
	expect_error("a = '", 1, 5, not_closed);
	expect_error("a = \"x\n\"", 1, 5, not_closed);
	expect_error("a = 'x\r\n'", 1, 5, not_closed);
	expect_error("a = \"x\\", 1, 7, "unknown escape");
	expect_error("a = \"x\\\n\"", 1, 7, "unknown escape");
	expect_error("a = \"x\\\"", 1, 5, not_closed);
	expect_error("'a", 1, 1, not_closed);
	expect_error("a = '''x''", 1, 5, not_closed);
	expect_error("\na = \"\"\"x\n\n\\\"\"\"", 2, 5, not_closed);
	expect_error("a = \"\"\"\"\"", 1, 5, not_closed);
	expect_error("a = ''''''''''", 1, 13, "expected the end of the line");
	expect_error("a = \"ab\\e\"", 1, 8, "unknown escape");
	expect_error("a = \"\"\"\nxy\n  \\x\"\"\"", 3, 3, "unknown escape");
	expect_error("a = \"\\x41\"", 1, 6, "unknown escape");
	expect_error("a = \"\\/\"", 1, 6, "unknown escape");
	expect_error("a = \"\\ \"", 1, 6, "unknown escape");
	expect_error("a = \"\"\"\\ \"\"\"", 1, 8, "unknown escape");
	expect_error("a = \"\\\xc3\xa9\"", 1, 6, "unknown escape");
	expect_error("a = \"\\u12\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\u00g0\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\u+123\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\u 123\"", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\u", 1, 6, "\\u takes 4 hexadecimal digits");
	expect_error("a = \"\\U0000012\"", 1, 6, "\\U takes 8 hexadecimal digits");
	expect_error("a = \"\\ud800\"", 1, 6, "no character of Unicode");
	expect_error("a = \"\\uDFFF\"", 1, 6, "no character of Unicode");
	expect_error("a = \"\\ud83d\\ude00\"", 1, 6, "no character of Unicode");
	expect_error("a = \"\\U00110000\"", 1, 6, "no character of Unicode");
	expect_error("a = \"\\UFFFFFFFF\"", 1, 6, "no character of Unicode");
}

/*
 * Reads each of WORDS (ended by NULL) as a value. PART is a part of the expected error; NULL: no
 * error.
 */
static void try_values(const char *const *words, const char *part)
{
	for (; *words; words++) {
		_cleanup_free_ char *line = xasprintf("a = %s# x\n", *words);
		_cleanup_free_ char *array = xasprintf("a = [ %s\n,%s]", *words, *words);
		_cleanup_free_ char *table = xasprintf("a = {b = %s}", *words);
		struct toml_document document;

		if (part) {
			expect_error(line, 1, 5, part);
			expect_error(array, 1, 7, part);
			expect_error(table, 1, 10, part);
			continue;
		}
		parse_ok(line, &document);
		assert_type(&document, "a", TOML_OTHER);
		toml_clear(&document);
		parse_ok(array, &document);
		assert_type(&document, "a|1", TOML_OTHER);
		toml_clear(&document);
		parse_ok(table, &document);
		assert_type(&document, "a|b", TOML_OTHER);
		toml_clear(&document);
	}
}

static void numbers(void **state)
{
	static const char *const good[] = {
		"0",
		"+0",
		"-0",
		"+99",
		"42",
		"-17",
		"1_000",
		"5_349_221",
		"1_2_3",
		"0xDEADBEEF",
		"0xdead_beef",
		"0x00",
		"0o0123",
		"0o755",
		"0b11010110",
		"0b0_1",
		"+1.0",
		"3.1415",
		"-0.01",
		"5e+22",
		"1e06",
		"-2E-2",
		"6.626e-34",
		"224_617.445_991_228",
		"0e0",
		"0.0",
		"-0.0",
		"1e0_1",
		"inf",
		"+inf",
		"-inf",
		"nan",
		"+nan",
		"-nan",
		"0.00",
		"9223372036854775807",
		"1.5e300",
		"1e9999999999",
		"-9223372036854775808",
		"0x7fffffffffffffff",
		NULL,
	};
	static const char *const zeros[] = {"01", "-01", "+00", "00", "03.14", "00e1", "0_1", NULL};
	static const char *const large[] = {
		"9223372036854775808",	    "-9223372036854775809",	  "0x8000000000000000",
		"0o7777777777777777777777", "99_999_999_999_999_999_999", NULL};

	(void)state;
	try_values(good, NULL);
	try_values(zeros, "a number must not begin with 0");
	try_values(large, "the number does not fit into 64 bits");
}

static void malformed_numbers(void **state)
{
	static const char *const words[] = {
		"1__0", "1_",	"1._0",	 "1_.0",  "1.0_",  "1.",    ".5",   "1.e5", "1e",   "1e+",
		"1e_1", "1e1_", "1.2.3", "1e5e5", "1e5.0", "--1",   "+-1",  "-",    "+",    "0x",
		"0x_1", "0x1_", "0xg",	 "0o8",	  "0b2",   "0X1",   "0O1",  "0B1",  "+0x1", "-0o7",
		"1a",	"12_a", "0x1.0", "+info", "-nano", "+true", "1e1.", "-_1",  "+_1",  NULL,
	};

	(void)state;
	try_values(words, "this is no number");
}

static void booleans_and_other_words(void **state)
{
	static const char *const good[] = {"true", "false", NULL};
	static const char *const bad[] = {
		"True", "FALSE", "truth", "trueish", "t",   "yes", "null", "infix", "Inf", "NaN",
		"_1",	"/usr",	 "~",	  "$HOME",   "(1)", "*",   ":",	   "=",	    "x.y", NULL};

	(void)state;
	try_values(good, NULL);
	try_values(bad, "expected a value; a text needs quotes around it");
}

static void dates_and_times(void **state)
{
	static const char *const good[] = {
		"1979-05-27T07:32:00Z",
		"1979-05-27T00:32:00-07:00",
		"1979-05-27T00:32:00.999999-07:00",
		"1979-05-27 07:32:00z",
		"1979-05-27t07:32:00+23:59",
		"1979-05-27T07:32:00",
		"1979-05-27T00:32:00.999999",
		"1979-05-27 00:32:00",
		"1979-05-27",
		"07:32:00",
		"00:32:00.5",
		"23:59:60",
		"2000-02-29",
		"2024-02-29",
		"0000-01-01",
		"9999-12-31",
		"2023-04-30",
		NULL,
	};
	static const char *const bad[] = {
		"1979-00-27",
		"1979-13-27",
		"1979-05-00",
		"1979-05-32",
		"2023-02-29",
		"1900-02-29",
		"2023-02-30",
		"2023-04-31",
		"1979-5-27",
		"1979-05-7",
		"1979-05-27T",
		"1979-05-27T07:32",
		"1979-05-27T07:32:0",
		"1979-05-27T24:00:00",
		"1979-05-27T07:60:00",
		"1979-05-27T07:32:61",
		"1979-05-27T07:32:00.",
		"1979-05-27T07:32:00.Z",
		"1979-05-27T07:32:00+",
		"1979-05-27T07:32:00+7:00",
		"1979-05-27T07:32:00+24:00",
		"1979-05-27T07:32:00+07:60",
		"1979-05-27T07:32:00+07:00Z",
		"1979-05-27T07:32:00Zz",
		"1979-05-27Z",
		"1979-05-27x",
		"1979-05-27_07:32:00",
		"07:32",
		"24:00:00",
		"07:32:00Z",
		"07:32:00+01:00",
		"07:32:00.",
		NULL,
	};

	(void)state;
	try_values(good, NULL);
	try_values(bad, "there is no such date or time");
	/* a space with no time behind it ends a date */
	expect_valid("a = 1979-05-27 \nb = 1979-05-27 # x\nc = [1979-05-27 , 07:32:00 ]");
	expect_error("a = 1979-05-27 7:32:00", 1, 16, "expected the end of the line");
	expect_error("a = 1979-05-27 x", 1, 16, "expected the end of the line");
	expect_error("a = 1979-05-27  07:32:00", 1, 17, "expected the end of the line");
}

static void forbidden_bytes(void **state)
{
	(void)state;
	expect_error("a = '\xff'", 1, 6, "not UTF-8");
	expect_error("# \xc3", 1, 3, "not UTF-8");
	expect_error("a = 'x'\n\xc0\xaf", 2, 1, "not UTF-8");	   /* overlong */
	expect_error("a = '\xe0\x80\x80'", 1, 6, "not UTF-8");	   /* overlong */
	expect_error("a = '\xf0\x80\x80\x80'", 1, 6, "not UTF-8"); /* overlong */
	expect_error("a = '\xed\xa0\x80'", 1, 6, "not UTF-8");	   /* a surrogate */
	expect_error("a = '\xf4\x90\x80\x80'", 1, 6, "not UTF-8"); /* past the last code point */
	expect_error("a = '\xf8\x90\x80\x80\x80'", 1, 6, "not UTF-8");
	expect_error("a = '\x80'", 1, 6, "not UTF-8");
	expect_error("a = '''\n\xc3(", 2, 1, "not UTF-8");
	expect_error("\xff\xfe[\x01", 1, 1, "not UTF-8"); /* UTF-16 */
	expect_error("a = '\x01'", 1, 6, "a control character");
	expect_error("a = '\x7f'", 1, 6, "a control character");
	expect_error("# \x1b[31m", 1, 3, "a control character");
	expect_error("\n\n a = \x0b", 3, 6, "a control character");
	expect_error("a = '''\x08'''", 1, 8, "a control character");
	expect_error("a = 'x'\rb = 'y'", 1, 8, "carriage return");
	expect_error("# x\r", 1, 4, "carriage return");
	expect_error("# x\r\r\n", 1, 4, "carriage return");
	expect_error("a = '''\r'''", 1, 8, "carriage return");
	expect_error("\xef\xbb\xbf\x02", 1, 1, "a control character");
	expect_error_bytes("a = '\0'", 8, 1, 6, "a control character");
	expect_error_bytes("\0", 1, 1, 1, "a control character");
	/* TOML allows the control characters of C1 */
	expect_valid("# \xc2\x80\xc2\x9f \xe2\x80\xae \xf4\x8f\xbf\xbf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basic_and_literal_strings),
		cmocka_unit_test(strings_with_nul),
		cmocka_unit_test(strings_of_any_length),
		cmocka_unit_test(multi_line_strings),
		cmocka_unit_test(broken_strings),
		cmocka_unit_test(numbers),
		cmocka_unit_test(malformed_numbers),
		cmocka_unit_test(booleans_and_other_words),
		cmocka_unit_test(dates_and_times),
		cmocka_unit_test(forbidden_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
