/* What an installation has lost though its store paths are there. */
#include "install/damage.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../place.h"

#define NAME   "00000000000000000000000000000100-nix-1.0.0"
#define OTHER  "00000000000000000000000000000200-other-1"
#define NIX    "/nix/store/" NAME "/bin/nix"
#define RECORD "nix-user-chroot-record 1\nstore " NAME "\nstore " OTHER "\n"

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *above = xstrdup(name);

	*strrchr(above, '/') = '\0';
	assert_int_equal(fs_mkdirs(place->fd, above, 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), mode), 0);
}

static int setup(void **state)
{
	if (place_setup(state) != 0)
		return -1;
	put(*state, "store/" NAME "/bin/nix", "x", 0555);
	put(*state, "store/" NAME "/bin/README", "x", 0444);
	put(*state, "store/" OTHER "/bin/other", "x", 0555);
	put(*state, "var/nix/db/db.sqlite", "SQLite /nix/store/" NAME " x", 0644);
	return 0;
}

static void assert_damage(const struct place *place, const char *what, bool is_in_store)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(damage_clear) struct damage damage = {0};

	assert_int_equal(record_parse(RECORD, strlen(RECORD), &record), 0);
	damage_find(place->fd, &record, NIX, &damage);
	if (what)
		assert_string_equal(damage.what, what);
	else
		assert_null(damage.what);
	assert_int_equal(damage.is_in_store, is_in_store);
}

static void none(void **state)
{
	const struct place *place = *state;

	assert_damage(place, NULL, false);
	/* a package without programs, one of links alone, one that is a file */
	assert_int_equal(fs_remove_tree(place->fd, "store/" OTHER), 0);
	put(place, "store/" OTHER "/lib/x", "", 0444);
	assert_damage(place, NULL, false);
	assert_int_equal(fs_mkdirs(place->fd, "store/" OTHER "/bin", 0755), 0);
	assert_int_equal(symlinkat("nix", place->fd, "store/" OTHER "/bin/l"), 0);
	assert_damage(place, NULL, false);
}

static void in_the_store(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fchmodat(place->fd, "store/" OTHER "/bin/other", 0444, 0), 0);
	assert_damage(place, "/nix/store/" OTHER "/bin has no programs any more", true);
	put(place, "store/" OTHER "/bin/other", "", 0555);
	assert_damage(place, "/nix/store/" OTHER "/bin has no programs any more", true);
	assert_int_equal(fchmodat(place->fd, "store/" NAME "/bin/nix", 0444, 0), 0);
	assert_damage(place, NIX " is no program any more", true);
	assert_int_equal(unlinkat(place->fd, "store/" NAME "/bin/nix", 0), 0);
	assert_damage(place, NIX " is no program any more", true);
}

static void of_the_database(void **state)
{
	static const char lost[] = "Nix's database does not know /nix/store/" NAME;
	const struct place *place = *state;
	_cleanup_free_ char *long_text = NULL;

	put(place, "var/nix/db/db.sqlite", "SQLite /nix/store/" OTHER, 0644);
	assert_damage(place, lost, false);
	/* what was written last is in the log */
	put(place, "var/nix/db/db.sqlite-wal", "/nix/store/" NAME, 0644);
	assert_damage(place, NULL, false);
	assert_int_equal(fs_remove_tree(place->fd, "var/nix/db"), 0);
	assert_damage(place, lost, false);
	/* wherever what is read at once ends */
	for (size_t before = 65536 - 70; before < 65536 + 2; before++) {
		long_text = xasprintf("%*s/nix/store/" NAME, (int)before, "");
		put(place, "var/nix/db/db.sqlite", long_text, 0644);
		assert_true(damage_is_registered(place->fd, "/nix/store/" NAME));
		free(steal_ptr(&long_text));
	}
	assert_false(damage_is_registered(place->fd, "/nix/store/" OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none, setup, place_teardown),
		cmocka_unit_test_setup_teardown(in_the_store, setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_the_database, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
