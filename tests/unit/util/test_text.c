/* Foreign text as people see it: nothing in it moves a terminal's cursor or forges a line. */
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_shown(const char *s, const char *expected)
{
	_cleanup_free_ char *shown = text_shown(s);

	assert_string_equal(shown, expected);
}

static void assert_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void what_a_terminal_shows_stays(void **state)
{
	(void)state;
	assert_shown("", "");
	assert_shown("/nix/store/a b'c\"d\\e", "/nix/store/a b'c\"d\\e");
	assert_shown("zażółć 日本 \xf0\x9f\x92\xa9", "zażółć 日本 \xf0\x9f\x92\xa9");
}

static void what_a_terminal_obeys_does_not(void **state)
{
	(void)state;
	assert_shown("a\033[2Jb", "a\\u001B[2Jb");
	assert_shown("a\nb\tc\rd\x7f", "a\\u000Ab\\u0009c\\u000Dd\\u007F");
	/* a control character of C1, CSI: in UTF-8, and as a single byte */
	assert_shown("\xc2\x9b"
		     "1m",
		     "\\u009B1m");
	assert_shown("\x9b"
		     "1m",
		     "\\x9b1m");
}

static void the_direction_of_text_cannot_be_turned(void **state)
{
	static const char *const turning[] = {
		"\xd8\x9c",	"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
		"\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", "\xef\xbb\xbf",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(turning) / sizeof(turning[0]); i++) {
		_cleanup_free_ char *shown = text_shown(turning[i]);

		assert_int_equal(strlen(shown), strlen("\\u202E"));
		assert_memory_equal(shown, "\\u", 2);
	}
}

static void what_is_not_utf8_becomes_escapes(void **state)
{
	(void)state;
	assert_shown("\xff\xfe", "\\xff\\xfe");
	assert_shown("\xc3", "\\xc3");			 /* cut short */
	assert_shown("\xc0\xaf", "\\xc0\\xaf");		 /* overlong */
	assert_shown("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
	assert_shown("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	assert_shown("\xf8\x90\x80\x80", "\\xf8\\x90\\x80\\x80");
}

static void a_limit_cuts_between_characters(void **state)
{
	(void)state;
	assert_text(text_shown_at_most("abc", 3), "abc");
	assert_text(text_shown_at_most("abcd", 3), "abc...");
	assert_text(text_shown_at_most("ab\xc3\xa9", 3), "ab...");
	assert_text(text_shown_at_most("\x80\x80\x80\x80", 2), "...");
}

static void a_format_shows_what_it_brings_in(void **state)
{
	(void)state;
	assert_text(text_format("a %s b\n%s", "x\ny", "z"), "a x\\u000Ay b\nz");
	assert_text(text_format("%-s|%s", "two\nlines", "one"), "two\nlines|one");
	assert_text(text_format("%.*s|%.2s|%5s|", 3, "abc\033", "xyz", "r"), "abc|xy|    r|");
	assert_text(text_format("%.*s", 1, "\033x"), "\\u001B");
	assert_text(text_format("%.*s|%.*s|%.0s", 0, "abc", -1, "abc", "abc"), "|abc|");
	assert_text(text_format("%c%c%%", 'x', '\n'), "x\\u000A%");
}

static void a_format_writes_numbers_of_every_width(void **state)
{
	(void)state;
	assert_text(text_format("%d %i %u %x %X %o", -1, 2, 4000000000U, 255U, 255U, 8U),
		    "-1 2 4000000000 ff FF 10");
	assert_text(text_format("%ld %lu %lld %llu %s", -1L, 5UL, -7LL, UINT64_MAX + 0ULL, "end"),
		    "-1 5 -7 18446744073709551615 end");
	assert_text(text_format("%zu %jd %03llu %02x %04X|%s", (size_t)3, (intmax_t)-4, 7ULL, 1U,
				0x20U, "end"),
		    "3 -4 007 01 0020|end");
	assert_text(text_format("%hhu %hd", (unsigned char)200, (short)-3), "200 -3");
}

static void a_file_gets_the_text(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	(void)state;
	text_print(f, "%s: %d\n", "a\nb", 7);
	fclose(f);
	assert_text(text, "a\\u000Ab: 7\n");
}

static void encoding_undoes_decoding(void **state)
{
	(void)state;
	for (uint32_t c = 1; c <= 0x10ffff; c += c < 0x3000 ? 1 : 61) {
		char bytes[4];
		uint32_t again = 0;
		size_t size;

		if (!utf8_is_scalar(c))
			continue;
		size = utf8_encode(c, bytes);
		assert_int_equal(utf8_decode(bytes, size, &again), size);
		assert_int_equal(again, c);
	}
}

static void scalars(void **state)
{
	static const uint32_t good[] = {0, 0x7f, 0xd7ff, 0xe000, 0x10ffff};
	static const uint32_t bad[] = {0xd800, 0xdbff, 0xdfff, 0x110000, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(utf8_is_scalar(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_is_scalar(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(what_a_terminal_shows_stays),
		cmocka_unit_test(what_a_terminal_obeys_does_not),
		cmocka_unit_test(the_direction_of_text_cannot_be_turned),
		cmocka_unit_test(what_is_not_utf8_becomes_escapes),
		cmocka_unit_test(a_limit_cuts_between_characters),
		cmocka_unit_test(a_format_shows_what_it_brings_in),
		cmocka_unit_test(a_format_writes_numbers_of_every_width),
		cmocka_unit_test(a_file_gets_the_text),
		cmocka_unit_test(encoding_undoes_decoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
