/* The variables of the command: which settings make Nix look for a daemon. */
#include "run/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void wants_a_daemon(void **state)
{
	(void)state;
	assert_true(environment_wants_daemon("store = daemon"));
	assert_true(environment_wants_daemon("cores = 1\n\tstore\t=\tdaemon\n"));
	assert_true(environment_wants_daemon("store = unix://"));
	assert_true(environment_wants_daemon("store = unix:///nix/var/nix/daemon-socket/socket"));
	assert_true(environment_wants_daemon("store = auto\nstore = daemon"));
	assert_false(environment_wants_daemon(""));
	assert_false(environment_wants_daemon("\n\n="));
	assert_false(environment_wants_daemon("store"));
	assert_false(environment_wants_daemon("store ="));
	assert_false(environment_wants_daemon("store = daemon\nstore = auto"));
	assert_false(environment_wants_daemon("# store = daemon"));
	assert_false(environment_wants_daemon("substitute = daemon"));
	assert_false(environment_wants_daemon("store = ssh://daemon"));
	assert_false(environment_wants_daemon("store = unix:///run/other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants_a_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
