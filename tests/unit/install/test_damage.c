/* What an installation has lost though its store paths are there. */
#include "install/damage.h"
#include "store/nar.h"
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

/*
 * Writes a database that claims PAGES pages of 4096 bytes, is SIZE bytes long, and contains WORDS.
 */
static void put_database(const struct place *place, uint8_t pages, size_t size, const char *words)
{
	_cleanup_free_ char *bytes = xcalloc(size + strlen(words) + 100, 1);

	memcpy(bytes, "SQLite format 3", 16);
	bytes[16] = 0x10;
	bytes[31] = (char)pages;
	strcpy(bytes + 100, words);
	assert_int_equal(fs_mkdirs(place->fd, "var/nix/db", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "var/nix/db/db.sqlite", bytes, size, 0644), 0);
}

static void overwrite(const struct place *place, const char *name, off_t at, const char *text)
{
	_cleanup_close_ int fd = openat(place->fd, name, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
}

static int setup(void **state)
{
	if (place_setup(state) != 0)
		return -1;
	put(*state, "store/" NAME "/bin/nix", "x", 0555);
	put(*state, "store/" NAME "/bin/README", "x", 0444);
	put(*state, "store/" OTHER "/bin/other", "x", 0555);
	put_database(*state, 2, 8192, "/nix/store/" NAME " x");
	return 0;
}

static void assert_damage(const struct place *place, const char *what, bool is_in_store)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(damage_clear) struct damage damage = {0};

	assert_int_equal(record_parse(RECORD, strlen(RECORD), &record), 0);
	damage_find(place->fd, &record, NIX, nar_digest, &damage);
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
	/* a store path without programs, one with links only, one that is a file */
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
	assert_damage(place, "/nix/store/" OTHER "/bin has no programs left", true);
	put(place, "store/" OTHER "/bin/other", "", 0555);
	assert_damage(place, "/nix/store/" OTHER "/bin has no programs left", true);
	assert_int_equal(fchmodat(place->fd, "store/" NAME "/bin/nix", 0444, 0), 0);
	assert_damage(place, NIX " is no longer executable", true);
	assert_int_equal(unlinkat(place->fd, "store/" NAME "/bin/nix", 0), 0);
	assert_damage(place, NIX " is no longer executable", true);
}

static void of_the_database(void **state)
{
	static const char lost[] = "Nix's database does not know /nix/store/" NAME;
	const struct place *place = *state;
	_cleanup_free_ char *long_text = NULL;

	put_database(place, 2, 8192, "/nix/store/" OTHER);
	assert_damage(place, lost, false);
	/* the newest entries are in the write-ahead log */
	put(place, "var/nix/db/db.sqlite-wal", "/nix/store/" NAME, 0644);
	assert_damage(place, NULL, false);
	assert_int_equal(fs_remove_tree(place->fd, "var/nix/db"), 0);
	assert_damage(place, lost, false);
	/* the name is found wherever it is split between two reads */
	for (size_t before = 65536 - 70; before < 65536 + 2; before++) {
		long_text = xasprintf("%*s/nix/store/" NAME, (int)before, "");
		put(place, "var/nix/db/db.sqlite", long_text, 0644);
		assert_true(damage_is_registered(place->fd, "/nix/store/" NAME));
		free(steal_ptr(&long_text));
	}
	assert_false(damage_is_registered(place->fd, "/nix/store/" OTHER));
}

static void of_a_broken_database(void **state)
{
	static const char broken[] = "Nix's database is broken";
	const struct place *place = *state;

	put_database(place, 2, 8191, "/nix/store/" NAME);
	assert_damage(place, broken, false);
	put(place, "var/nix/db/db.sqlite", "garbage /nix/store/" NAME, 0644);
	assert_damage(place, broken, false);
	/* no page of a database begins with this byte */
	put_database(place, 2, 8192, "/nix/store/" NAME);
	assert_damage(place, NULL, false);
	overwrite(place, "var/nix/db/db.sqlite", 4096, "x");
	assert_damage(place, broken, false);
	put(place, "var/nix/db/db.sqlite", "", 0644);
	assert_damage(place, broken, false);
	/* if the database was just begun, everything is still in the write-ahead log */
	put(place, "var/nix/db/db.sqlite-wal", "/nix/store/" NAME, 0644);
	assert_damage(place, NULL, false);
	assert_int_equal(damage_put_database_aside(place->fd, "/NIX"), 0);
	assert_true(fs_exists(place->fd, "var/nix/db/db.sqlite"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fs_remove_tree(place->fd, "var/nix/db"), 0);
		assert_int_equal(fs_mkdirs(place->fd, "var/nix/db/db.sqlite", 0755), 0);
		assert_damage(place, broken, false);
		assert_int_equal(damage_put_database_aside(place->fd, "/NIX"), 0);
		assert_false(fs_exists(place->fd, "var/nix/db"));
		assert_true(fs_exists(place->fd, "var/nix/db.broken/db.sqlite"));
	}
}

/* With the digests in the record, damage is found in contents, x bits, names and types of files. */
static void by_digest(void **state)
{
	static const char damaged[] = "/nix/store/" OTHER " is damaged";
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *text = NULL, *tail = xasprintf("%070000d", 1);
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	put(place, "store/" OTHER "/lib/x.so", tail, 0444);
	assert_int_equal(nar_digest(place->fd, "store/" OTHER, &digest), 0);
	sha256_format(&digest, hex);
	/* the last digest that was noted counts */
	text = xasprintf(RECORD "store " OTHER " %064d\nstore " OTHER " %s\n", 0, hex);
	assert_int_equal(record_parse(text, strlen(text), &record), 0);
	for (int i = 0; i < 7; i++) {
		_cleanup_(damage_clear) struct damage damage = {0};

		if (i == 1)
			tail[strlen(tail) - 1] = '2';
		else if (i == 2)
			tail[60000] = '\0';
		else if (i == 3)
			tail[0] = '\0';
		put(place, "store/" OTHER "/lib/x.so", tail, i == 4 ? 0555 : 0444);
		if (i == 5)
			put(place, "store/" OTHER "/more", "", 0444);
		if (i == 6)
			assert_int_equal(fs_remove_tree(place->fd, "store/" OTHER "/lib"), 0);
		damage_find(place->fd, &record, NIX, nar_digest, &damage);
		if (i == 0)
			assert_null(damage.what);
		else
			assert_string_equal(damage.what, damaged);
		assert_int_equal(damage.is_in_store, i > 0);
	}
	/* a store path that is missing does not count as damaged here */
	assert_int_equal(fs_remove_tree(place->fd, "store/" OTHER), 0);
	assert_false(damage_is_in_store(place->fd, &record, nar_digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none, setup, place_teardown),
		cmocka_unit_test_setup_teardown(in_the_store, setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_the_database, setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_a_broken_database, setup, place_teardown),
		cmocka_unit_test_setup_teardown(by_digest, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
