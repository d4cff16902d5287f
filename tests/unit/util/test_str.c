/* Strings on the heap. */
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(char *text, const char *wanted)
{
	if (!wanted)
		assert_null(text);
	else
		assert_string_equal(text, wanted);
	free(text);
}

static void shell_words(void **state)
{
	(void)state;
	assert_text(str_shell_word(""), "''");
	assert_text(str_shell_word("a b"), "'a b'");
	assert_text(str_shell_word("$x \"`\\"), "'$x \"`\\'");
	assert_text(str_shell_word("it's"), "'it'\\''s'");
	assert_text(str_shell_word("''"), "''\\'''\\'''");
}

static void sizes(void **state)
{
	(void)state;
	assert_text(str_size(0), "0 bytes");
	assert_text(str_size(999), "999 bytes");
	assert_text(str_size(1000), "1.0 kB");
	assert_text(str_size(99900), "99.9 kB");
	assert_text(str_size(99950), "100 kB");
	assert_text(str_size(999949), "1000 kB");
	assert_text(str_size(999950), "1.0 MB");
	assert_text(str_size(18100000), "18.1 MB");
	assert_text(str_size(5000000000), "5.0 GB");
	assert_text(str_size(7000000000000), "7.0 TB");
	assert_text(str_size(7000000000000000), "7000 TB");
}

static void next_of_a_path(void **state)
{
	const char *list = "/a::b:", *none = NULL;

	(void)state;
	assert_text(path_next(&list), "/a");
	assert_text(path_next(&list), ".");
	assert_text(path_next(&list), "b");
	/* the empty text behind the last colon is the working directory, too: execvp(3) */
	assert_text(path_next(&list), ".");
	assert_text(path_next(&list), NULL);
	assert_text(path_next(&none), NULL);
}

static void parents(void **state)
{
	(void)state;
	assert_text(path_parent("/a/b"), "/a");
	assert_text(path_parent("/a"), "/");
	assert_text(path_parent("/"), "");
	assert_text(path_join("/", "a"), "/a");
	assert_text(path_join("/a", "b"), "/a/b");
}

static void ends(void **state)
{
	(void)state;
	assert_true(str_ends_with("abc", "bc"));
	assert_true(str_ends_with("abc", "abc"));
	assert_true(str_ends_with("abc", ""));
	assert_true(str_ends_with("", ""));
	assert_false(str_ends_with("abc", "ab"));
	assert_false(str_ends_with("abc", "xabc"));
	assert_false(str_ends_with("", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shell_words),	  cmocka_unit_test(sizes),
		cmocka_unit_test(next_of_a_path), cmocka_unit_test(parents),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
