/* Which names Nix takes for those of store paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/store_name.h"

#include <string.h>

#define HASH_A "0123456789abcdfghijklmnpqrsvwxyz"

static void test_names(void **state)
{
	char longest[32 + 1 + 212 + 1] = HASH_A "-";

	(void)state;
	assert_true(store_name_valid(HASH_A "-nix-2.26.3"));
	assert_true(store_name_valid(HASH_A "-a"));
	assert_true(store_name_valid(HASH_A "-AZaz09+-._?="));
	assert_false(store_name_valid(""));
	assert_false(store_name_valid(HASH_A));
	assert_false(store_name_valid(HASH_A "-"));
	assert_false(store_name_valid(HASH_A "a"));
	assert_false(store_name_valid(HASH_A "0-a"));
	assert_false(store_name_valid(HASH_A "_a"));
	assert_false(store_name_valid(HASH_A "-.a"));
	assert_false(store_name_valid(HASH_A "-a/b"));
	assert_false(store_name_valid(HASH_A "-a b"));
	assert_false(store_name_valid(HASH_A "-a\n"));
	assert_false(store_name_valid(HASH_A "-\xc3\xa9"));
	assert_false(store_name_valid("0123456789ABCDFGHIJKLMNPQRSVWXYZ-a"));
	assert_false(store_name_valid(".links"));
	for (const char *p = "eotu"; *p; p++) {
		char name[] = HASH_A "-a";

		name[5] = *p;
		assert_false(store_name_valid(name));
	}
	memset(longest + 33, 'n', 211);
	assert_true(store_name_valid(longest));
	memset(longest + 33, 'n', 212);
	assert_false(store_name_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("store name", tests, NULL, NULL);
}
