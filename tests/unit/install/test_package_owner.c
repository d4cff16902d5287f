/* Whether a package owns the program. A stand-in has the place of each package manager. */
#include "install/package_owner.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"

/* A PATH with one package manager, which writes down what it is asked, and ends with STATUS. */
static int setup(void **state)
{
	if (empty_environment(NULL) != 0 || place_setup(state) != 0)
		return -1;
	return setenv("PATH", ((struct place *)*state)->path, 1);
}

static void put_manager(const struct place *place, const char *name, int status)
{
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\necho \"$@\" >%s/asked\n"
					      "echo noise\necho noise >&2\nexit %d\n",
					      place->path, status);

	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), 0755), 0);
}

static void assert_asked(const struct place *place, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fs_read_file(place->fd, "asked", 4096, &text, &len);

	if (!expected) {
		assert_true(r < 0);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(text, expected);
	assert_int_equal(unlinkat(place->fd, "asked", 0), 0);
}

static void each_manager(void **state)
{
	static const struct {
		const char *name, *asked, *advice;
	} cases[] = {
		{"dpkg-query", "--search /opt/p\n", "apt upgrade"},
		{"rpm", "--query --file /opt/p\n", "dnf upgrade, or zypper update"},
		{"pacman", "--query --owns /opt/p\n", "pacman -Syu"},
		{"apk", "info --who-owns /opt/p\n", "apk upgrade"},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *advice;

		put_manager(place, cases[i].name, 0);
		advice = package_owner_advice("/opt/p");
		assert_non_null(advice);
		assert_true(str_ends_with(advice, cases[i].advice));
		assert_asked(place, cases[i].asked);
		put_manager(place, cases[i].name, 1);
		assert_null(package_owner_advice("/opt/p"));
		assert_asked(place, cases[i].asked);
		assert_int_equal(unlinkat(place->fd, cases[i].name, 0), 0);
	}
}

/* The first that is there decides; one that cannot be run is none. */
static void the_hosts_manager(void **state)
{
	const struct place *place = *state;

	assert_null(package_owner_advice("/opt/p"));
	put_manager(place, "rpm", 1);
	put_manager(place, "apk", 0);
	assert_null(package_owner_advice("/opt/p"));
	assert_asked(place, "--query --file /opt/p\n");
	put_manager(place, "rpm", 127);
	assert_string_equal(package_owner_advice("/opt/p"), "update its package: apk upgrade");
	assert_asked(place, "info --who-owns /opt/p\n");
	assert_int_equal(fs_replace_file(place->fd, "rpm", "#!/bin/sh\nkill -9 $$\n", 20, 0755), 0);
	assert_string_equal(package_owner_advice("/opt/p"), "update its package: apk upgrade");
}

static int ask_unreaped(const void *context)
{
	(void)context;
	/* the kernel reaps the manager, and its answer is unknown */
	signal(SIGCHLD, SIG_IGN);
	return package_owner_advice("/opt/p") != NULL;
}

static int ask_interrupted(const void *context)
{
	(void)context;
	child_interrupt();
	return package_owner_advice("/opt/p") != NULL;
}

static void signals(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *first = NULL, *second = NULL;
	static const char late[] = "#!/bin/sh\n/bin/sleep 0.1\n";
	int status;

	put_manager(place, "apk", 0);
	first = child_says(ask_unreaped, NULL, NULL, &status);
	assert_string_equal(first, "");
	assert_int_equal(status, 0);
	assert_int_equal(fs_replace_file(place->fd, "apk", late, strlen(late), 0755), 0);
	second = child_says(ask_interrupted, NULL, NULL, &status);
	assert_string_equal(second, "");
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void places_that_need_no_question(void **state)
{
	const struct place *place = *state;

	put_manager(place, "dpkg-query", 0);
	assert_non_null(strstr(package_owner_advice("/nix/store/x/bin/p"), "in its profile"));
	assert_non_null(strstr(package_owner_advice("/gnu/store/x/bin/p"), "in its profile"));
	assert_int_equal(setenv("HOME", "/h/u", 1), 0);
	assert_null(package_owner_advice("/h/u/.local/bin/p"));
	assert_asked(place, NULL);
	assert_non_null(package_owner_advice("/h/u2/p"));
	assert_non_null(package_owner_advice("/nix/p"));
	/* root of some containers has / as its home, in which everything is */
	assert_int_equal(setenv("HOME", "/", 1), 0);
	assert_non_null(package_owner_advice("/opt/p"));
}

int main(void)
{
#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, place_teardown)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(each_manager),
		WITH_PLACE(the_hosts_manager),
		WITH_PLACE(signals),
		WITH_PLACE(places_that_need_no_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
