/* The names of the runtimes. */
#include "util/runtime.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names(void **state)
{
	static const char *const others[] = {"", "aut", "auto2", "Userns", "zzz", "a"};
	enum runtime found = RUNTIME_COUNT;

	(void)state;
	for (int i = 0; i < RUNTIME_COUNT; i++) {
		assert_int_equal(runtime_parse(runtime_name((enum runtime)i), &found), 0);
		assert_int_equal(found, i);
	}
	assert_int_equal(runtime_parse("auto", &found), 0);
	assert_int_equal(found, RUNTIME_AUTO);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(runtime_parse(others[i], &found), -EINVAL);
	assert_int_equal(found, RUNTIME_AUTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
