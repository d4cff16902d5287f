/* Words that are taken for a version of Nix. */
#include "cli/complain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void versions(void **state)
{
	static const char *const yes[] = {"2.26.3", "v2.3", "nix-2.24.1", "nix-v2.24", "2."};
	static const char *const no[] = {"",	 "2",	  ".2",	   ".nix",  "v.2",    "nix",
					 "nix-", "nix-2", "2.3/x", "./2.3", "nix.2.3"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(complain_is_nix_version(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(complain_is_nix_version(no[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
