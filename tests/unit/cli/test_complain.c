/* Words that are taken for a version of Nix. */
#include "cli/complain.h"
#include "cli/parse.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../capture.h"

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

/* Parses "nix-user-chroot FIRST SECOND [THIRD]": refused with the message WANTED. */
static void assert_refused(const char *wanted, const char *first, const char *second,
			   const char *third)
{
	char *words[] = {xstrdup("nix-user-chroot"), xstrdup(first), xstrdup(second),
			 xstrdup(third), NULL};
	_cleanup_free_ char *said = NULL;
	struct options options;
	struct capture capture;
	int count = 1 + !!first + !!second + !!third, r;

	capture_begin(&capture);
	r = parse_options(count, words, &options);
	said = capture_end(&capture);
	options_clear(&options);
	for (int i = 0; i < count; i++)
		free(words[i]);
	assert_string_equal(said, wanted);
	assert_int_equal(r, -1);
}

#define P     "nix-user-chroot: "
#define LISTS "  nix-user-chroot --help lists the options\n"

/* One hyphen: a word may be an option that was meant, a letter or two may not. */
static void one_hyphen(void **state)
{
	(void)state;
	assert_refused(P "unknown option -jxxn\n  did you mean --json?\n", "-jxxn", NULL, NULL);
	assert_refused(P "unknown option -j\n" LISTS, "-js", NULL, NULL);
	assert_refused(P "unknown option -e\n" LISTS, "-es", NULL, NULL);
	assert_refused(P "unknown option -\\u0001\n" LISTS, "-\001", NULL, NULL);
	assert_refused(P "unknown option -z\n" LISTS, "-zzzzzz", NULL, NULL);
}

/* Options of a command to run inside, with another command. */
static void with_another_command(void **state)
{
	(void)state;
	assert_refused(P "option --command goes with a command to run inside\n"
			 "  as in nix-user-chroot --command -- COMMAND\n",
		       "--check", "-c", "true");
	assert_refused(P "option --new-namespace goes with a command to run inside\n"
			 "  as in nix-user-chroot --new-namespace -- COMMAND\n",
		       "--check", "--new-namespace", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(one_hyphen),
		cmocka_unit_test(with_another_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
