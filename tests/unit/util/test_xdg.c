/* Where a user's files are, by the environment. */
#include "util/xdg.h"
#include "util/cleanup.h"
#include "util/nix_home.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../place.h"

static void assert_path(char *path, const char *wanted)
{
	if (!wanted)
		assert_null(path);
	else
		assert_string_equal(path, wanted);
	free(path);
}

static void homes(void **state)
{
	static const char *const cases[][2] = {
		{"/home/me", "/home/me"},
		{"/home/me/", "/home/me"},
		{"/a//", "/a"},
		{"/", "/"},
		{"//", "/"},
		{"home/me", NULL},
		{"", NULL},
	};

	(void)state;
	assert_path(xdg_home(), NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("HOME", cases[i][0], 1);
		assert_path(xdg_home(), cases[i][1]);
	}
}

static void directories(void **state)
{
	static const struct {
		char *(*get)(void);
		const char *variable, *usual, *top;
	} cases[] = {
		{xdg_data_home, "XDG_DATA_HOME", "/h/.local/share", "/.local/share"},
		{xdg_state_home, "XDG_STATE_HOME", "/h/.local/state", "/.local/state"},
		{xdg_cache_home, "XDG_CACHE_HOME", "/h/.cache", "/.cache"},
		{xdg_config_home, "XDG_CONFIG_HOME", "/h/.config", "/.config"},
		{xdg_bin_home, "XDG_BIN_HOME", "/h/.local/bin", "/.local/bin"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsetenv("HOME");
		assert_path(cases[i].get(), NULL);
		setenv(cases[i].variable, "/named", 1);
		assert_path(cases[i].get(), "/named");
		setenv("HOME", "/h/", 1);
		assert_path(cases[i].get(), "/named");
		setenv(cases[i].variable, "named", 1);
		assert_path(cases[i].get(), cases[i].usual);
		setenv(cases[i].variable, "", 1);
		assert_path(cases[i].get(), cases[i].usual);
		unsetenv(cases[i].variable);
		assert_path(cases[i].get(), cases[i].usual);
		setenv("HOME", "/", 1);
		assert_path(cases[i].get(), cases[i].top);
	}
}

static void places_of_nix(void **state)
{
	static const struct {
		const char *home, *state_home, *places[2];
	} cases[] = {
		{"/h", "", {"/h/.nix-profile", "/h/.local/state/nix/profile"}},
		{"/h", "/s", {"/h/.nix-profile", "/s/nix/profile"}},
		{"/", "", {"/.nix-profile", "/.local/state/nix/profile"}},
		{"", "/s", {"/s/nix/profile", NULL}},
		{"", "", {NULL, NULL}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(strlist_clear) struct strlist found = {0};
		size_t count = 0;

		setenv("HOME", cases[i].home, 1);
		setenv("XDG_STATE_HOME", cases[i].state_home, 1);
		nix_home_places("profile", &found);
		for (; count < 2 && cases[i].places[count]; count++) {
			assert_true(found.count > count);
			assert_string_equal(found.items[count], cases[i].places[count]);
		}
		assert_int_equal(found.count, count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(homes, empty_environment),
		cmocka_unit_test_setup(directories, empty_environment),
		cmocka_unit_test_setup(places_of_nix, empty_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
