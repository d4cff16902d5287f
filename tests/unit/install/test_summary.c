/*
 * The last words of --install, for terminals of every width.
 */
#include "install/summary.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct summary common = {
	.version = "nix (Nix) 2.26.3",
	.nix_dir = "/home/me/nix",
	.call = "nix-user-chroot",
	.has_channel = true,
	.wants_channel = true,
	.has_shims = true,
};

static void assert_text(const struct summary *summary, const char *expected)
{
	_cleanup_free_ char *text = summary_text(summary);

	assert_string_equal(text, expected);
}

static void test_wide(void **state)
{
	struct summary summary = common;
	static const char expected[] = "nix (Nix) 2.26.3 is installed in /home/me/nix\n"
				       "nix-user-chroot               a shell with Nix\n"
				       "nix-shell -p hello            one command, from any shell\n"
				       "nix-user-chroot --uninstall   removes everything again";

	(void)state;
	assert_text(&summary, expected);
	summary.columns = 80;
	assert_text(&summary, expected);
	summary.columns = 59; /* exactly the longest line */
	assert_text(&summary, expected);
}

static void test_narrow(void **state)
{
	struct summary summary = common;

	(void)state;
	summary.columns = 58;
	assert_text(&summary, "nix (Nix) 2.26.3 is installed in /home/me/nix\n"
			      "nix-user-chroot\n    a shell with Nix\n"
			      "nix-shell -p hello\n    one command, from any shell\n"
			      "nix-user-chroot --uninstall\n    removes everything again");
}

static void test_nothing_found(void **state)
{
	struct summary summary = common;

	(void)state;
	summary.call = "/opt/nix-user-chroot";
	summary.has_channel = summary.has_shims = false;
	summary.hint = "do this";
	assert_text(&summary,
		    "nix (Nix) 2.26.3 is installed in /home/me/nix\n"
		    "/opt/nix-user-chroot                   a shell with Nix\n"
		    "/opt/nix-user-chroot -- nix --version  one command\n"
		    "/opt/nix-user-chroot --uninstall       removes everything again\n"
		    "there is no nixpkgs channel: the Nix install script could not fetch it\n"
		    "nix-channel --update gets it when the network is there\n"
		    "do this");
	summary.wants_channel = false;
	summary.hint = NULL;
	assert_text(&summary, "nix (Nix) 2.26.3 is installed in /home/me/nix\n"
			      "/opt/nix-user-chroot                   a shell with Nix\n"
			      "/opt/nix-user-chroot -- nix --version  one command\n"
			      "/opt/nix-user-chroot --uninstall       removes everything again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_nothing_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
