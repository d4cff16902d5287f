/* Is a download too slow? With a clock of the test's own. */
#include "fetch/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { WINDOW = 300, SPEED = 1000 };

/*
 * Simulates SECONDS at RATE bytes a second, with a check every second. Returns when it is found
 * slow, or 0
 */
static unsigned run(struct pace *pace, int64_t *now, unsigned seconds, unsigned rate)
{
	for (unsigned second = 1; second <= seconds; second++) {
		if (pace_is_slow(pace, *now, WINDOW, SPEED))
			return second;
		*now += 1000;
		pace->received += rate;
	}
	return 0;
}

static void what_drips_is_slow_after_the_window(void **state)
{
	struct pace pace = {0};
	int64_t now = 12345;

	(void)state;
	assert_int_equal(run(&pace, &now, 1000, 999), WINDOW + 1);
}

static void what_comes_fast_enough_goes_on(void **state)
{
	struct pace pace = {.received = 7};
	int64_t now = 1;

	(void)state;
	assert_int_equal(run(&pace, &now, 10000, 1000), 0);
	/* once it becomes slow, it is found slow within two windows */
	assert_in_range(run(&pace, &now, 10000, 500), 1, 2 * WINDOW + 1);
}

static void bursts_count_by_their_average(void **state)
{
	struct pace pace = {0};
	int64_t now = 1;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(run(&pace, &now, 200, 0), 0);
		assert_int_equal(run(&pace, &now, 50, 20000), 0);
	}
}

static void a_pause_does_not_count(void **state)
{
	struct pace pace = {0};
	int64_t now = 1;

	(void)state;
	assert_int_equal(run(&pace, &now, 100, 2000), 0);
	now += 3600 * 1000; /* stopped by ^Z for an hour */
	assert_int_equal(run(&pace, &now, 10000, 2000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_drips_is_slow_after_the_window),
		cmocka_unit_test(what_comes_fast_enough_goes_on),
		cmocka_unit_test(bursts_count_by_their_average),
		cmocka_unit_test(a_pause_does_not_count),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
