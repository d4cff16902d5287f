/* Which make of Nix a version, a mirror or a file's name means. */
#include "util/flavour.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NONE = -1, NIX, LIX };

static int number(const struct flavour *flavour)
{
	return flavour ? (int)(flavour - flavours) : NONE;
}

static void of_versions(void **state)
{
	static const struct {
		const char *version;
		size_t len;
		int make;
	} cases[] = {
		{"", 0, NIX},	      {"nix", 3, NIX},	    {"2.26.3", 6, NIX},
		{"lix", 3, LIX},      {"lix-", 4, LIX},	    {"lix-2.93", 8, LIX},
		{"lix-2.93", 4, LIX}, {"lix-2.93", 3, LIX}, {"lix-2", 2, NIX},
		{"lix2.93", 7, NIX},  {"lixx", 4, NIX},	    {"lit", 3, NIX},
		{"2lix-2", 6, NIX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (number(flavour_of(cases[i].version, cases[i].len)) != cases[i].make)
			fail_msg("case %zu", i);
}

static void of_mirrors(void **state)
{
	static const struct {
		const char *mirror;
		int make;
	} cases[] = {
		{NULL, NIX},
		{"", NIX},
		{"lix", NIX},
		{"/lix", LIX},
		{"/releases/nix", NIX},
		{"https://releases.lix.systems/lix", LIX},
		{"https://releases.nixos.org/nix", NIX},
		{"/lix/other", NIX},
		{"/srv/lix/", NIX},
		{"/srv/lix2", NIX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (number(flavour_of_mirror(cases[i].mirror)) != cases[i].make)
			fail_msg("%s", cases[i].mirror ? cases[i].mirror : "NULL");
}

static void of_files(void **state)
{
	static const struct {
		const char *name;
		int make;
	} cases[] = {
		{"nix-2.26.3-x86_64-linux.tar.xz", NIX},
		{"lix-2.93.3-x86_64-linux.tar.xz", LIX},
		{"nix-", NIX},
		{"lix", NONE},
		{"nix", NONE},
		{"nix2-x", NONE},
		{"", NONE},
		{"-2.26.3", NONE},
		{"guix-1.4-x86_64-linux.tar.xz", NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (number(flavour_of_file(cases[i].name)) != cases[i].make)
			fail_msg("%s", cases[i].name);
}

static void the_name_alone_is_the_latest(void **state)
{
	(void)state;
	assert_true(flavour_is_latest("nix"));
	assert_true(flavour_is_latest("lix"));
	assert_false(flavour_is_latest(""));
	assert_false(flavour_is_latest("lix-"));
	assert_false(flavour_is_latest("2.26.3"));
}

static void names(void **state)
{
	static const struct {
		const char *version, *top, *shown;
	} cases[] = {
		{"2.26.3", "nix-2.26.3", "Nix 2.26.3"},
		{"lix-2.93.3", "lix-2.93.3", "Lix 2.93.3"},
	};
	_cleanup_free_ char *unknown = flavour_shown(NULL);

	(void)state;
	assert_string_equal(unknown, "Nix (of unknown version)");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *top = flavour_top(cases[i].version);
		_cleanup_free_ char *shown = flavour_shown(cases[i].version);

		assert_string_equal(top, cases[i].top);
		assert_string_equal(shown, cases[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_versions), cmocka_unit_test(of_mirrors),
		cmocka_unit_test(of_files),    cmocka_unit_test(the_name_alone_is_the_latest),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
