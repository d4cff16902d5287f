/* What an installation has lost though its store paths are there. */
#include "install/damage.h"
#include "store/nar.h"
#include "store/layout.h"
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

#include "../capture.h"
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
	put(place, "store/" NAME "/bin/nix", "", 0555);
	assert_damage(place, NIX " is no longer executable", true);
	/* nothing of what was seen before counts */
	put(place, "store/" NAME "/bin/nix", "x", 0555);
	put(place, "store/" OTHER "/bin/other", "x", 0555);
	assert_damage(place, NULL, false);
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

/* What SQLite writes, and what it never does. */
static void bytes_of_a_database(void **state)
{
	static const char broken[] = "Nix's database is broken", name[] = "/nix/store/" NAME;
	static const struct {
		size_t size;
		off_t at;
		const char *bytes;
		size_t len;
		bool is_broken;
	} cases[] = {
		{8192, 0, "s", 1, true},
		{8192, 15, "x", 1, true},
		{8192, 4096, "\0", 1, false},
		{8192, 4096, "\2", 1, false},
		{8192, 4096, "\5", 1, false},
		{8192, 4096, "\n", 1, false},
		{8192, 4096, "\r", 1, false},
		{8192, 4096, "\1", 1, true},
		{8192, 4096, "\377", 1, true},
		/* on a page, any byte may be */
		{8192, 4097, "x", 1, false},
		/* pages of 256 bytes, of 512, of 65536 */
		{8192, 16, "\1\0", 2, true},
		{8192, 16, "\2\0", 2, false},
		{131072, 16, "\0\1", 2, false},
		{131071, 16, "\0\1", 2, true},
		/* more pages than there are */
		{8192, 28, "\0\0\1\2", 4, true},
		{8192, 28, "\0\0\0\3", 4, true},
		{8192, 28, "\0\0\0\1", 4, false},
		{8192, 28, "\1\0\0\2", 4, true},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_close_ int fd = -1;

		put_database(place, 2, cases[i].size, name);
		fd = openat(place->fd, "var/nix/db/db.sqlite", O_WRONLY | O_CLOEXEC);
		assert_int_equal(pwrite(fd, cases[i].bytes, cases[i].len, cases[i].at),
				 cases[i].len);
		assert_damage(place, cases[i].is_broken ? broken : NULL, false);
	}
	/* what is in a log may mend it; an empty one has nothing */
	put(place, "var/nix/db/db.sqlite-journal", "x", 0644);
	assert_damage(place, NULL, false);
	put(place, "var/nix/db/db.sqlite-journal", "", 0644);
	put(place, "var/nix/db/db.sqlite-wal", "", 0644);
	assert_damage(place, broken, false);
	/* Nix makes tables only where it finds no schema */
	put_database(place, 2, 8192, name);
	put(place, "var/nix/db/schema", "10", 0644);
	assert_damage(place, broken, false);
	put(place, "var/nix/db/db.sqlite-wal", "ValidPaths", 0644);
	assert_damage(place, NULL, false);
	assert_int_equal(unlinkat(place->fd, "var/nix/db/db.sqlite-wal", 0), 0);
	put_database(place, 2, 8192, "ValidPaths /nix/store/" NAME);
	assert_damage(place, NULL, false);
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

/* Is it known, without reading the files, that none has changed since the record was written? */
static void excluded_by_time(void **state)
{
	static const char newest[] = "store/" OTHER "/bin/other";
	const struct place *place = *state;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	struct timespec times[2];
	struct stat st;
	const struct {
		time_t seconds;
		long nanoseconds;
		bool is_excluded;
	} cases[] = {
		{0, 0, true}, {0, -1, false}, {1, 0, true}, {-1, 0, false}, {0, 0, true},
	};

	assert_int_equal(record_parse(RECORD, strlen(RECORD), &record), 0);
	put(place, LAYOUT_NIX_CONF, "", 0644);
	assert_false(damage_is_excluded(place->fd, &record));
	put(place, LAYOUT_RECORD, "", 0644);
	assert_int_equal(fchmodat(place->fd, newest, 0555, 0), 0);
	assert_int_equal(fstatat(place->fd, newest, &st, 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		times[0] = times[1] = st.st_ctim;
		times[1].tv_sec += cases[i].seconds;
		times[1].tv_nsec += cases[i].nanoseconds;
		if (times[1].tv_nsec < 0) {
			times[1].tv_nsec += 1000000000;
			times[1].tv_sec--;
		}
		assert_int_equal(utimensat(place->fd, LAYOUT_RECORD, times, 0), 0);
		assert_int_equal(damage_is_excluded(place->fd, &record), cases[i].is_excluded);
	}
	/* from here on only what is missing or cannot be read counts */
	times[1].tv_sec += 1000;
	assert_int_equal(utimensat(place->fd, LAYOUT_RECORD, times, 0), 0);
	if (geteuid() != 0) {
		assert_int_equal(fchmodat(place->fd, "store/" OTHER "/bin", 0, 0), 0);
		assert_false(damage_is_excluded(place->fd, &record));
		assert_int_equal(fchmodat(place->fd, "store/" OTHER "/bin", 0755, 0), 0);
	}
	assert_true(damage_is_excluded(place->fd, &record));
	assert_int_equal(unlinkat(place->fd, LAYOUT_NIX_CONF, 0), 0);
	assert_false(damage_is_excluded(place->fd, &record));
	put(place, LAYOUT_NIX_CONF, "", 0644);
	assert_true(damage_is_excluded(place->fd, &record));
	assert_int_equal(fs_remove_tree(place->fd, "store/" OTHER), 0);
	assert_false(damage_is_excluded(place->fd, &record));
	assert_int_equal(fs_remove_tree(place->fd, "store"), 0);
	assert_false(damage_is_excluded(place->fd, &record));
}

static int put_aside(const struct place *place, const char *words)
{
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = damage_put_database_aside(place->fd, "/n");
	said = capture_end(&capture);
	if (*words)
		assert_non_null(strstr(said, words));
	else
		assert_string_equal(said, "");
	return r;
}

static void a_database_put_aside(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(put_aside(place, ""), 0);
	assert_true(fs_exists(place->fd, "var/nix/db/db.sqlite"));
	put(place, "var/nix/db.broken/x", "of an earlier time", 0644);
	put(place, "var/nix/db/db.sqlite", "garbage", 0644);
	assert_int_equal(put_aside(place, "the old one is now /n/var/nix/db.broken\n"), 0);
	assert_false(fs_exists(place->fd, "var/nix/db"));
	assert_false(fs_exists(place->fd, "var/nix/db.broken/x"));
	assert_int_equal(fs_read_file(place->fd, "var/nix/db.broken/db.sqlite", 4096, &text, &len),
			 0);
	assert_string_equal(text, "garbage");
	/* there is none */
	assert_int_equal(put_aside(place, ""), 0);
	if (geteuid() == 0)
		return;
	put(place, "var/nix/db/db.sqlite", "garbage", 0644);
	assert_int_equal(fs_remove_tree(place->fd, "var/nix/db.broken"), 0);
	assert_int_equal(fchmodat(place->fd, "var/nix", 0555, 0), 0);
	assert_int_equal(
		put_aside(place, "put Nix's broken database aside as /n/var/nix/db.broken: "), -1);
	assert_int_equal(fchmodat(place->fd, "var/nix", 0755, 0), 0);
	assert_true(fs_exists(place->fd, "var/nix/db/db.sqlite"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none, setup, place_teardown),
		cmocka_unit_test_setup_teardown(in_the_store, setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_the_database, setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_a_broken_database, setup, place_teardown),
		cmocka_unit_test_setup_teardown(bytes_of_a_database, setup, place_teardown),
		cmocka_unit_test_setup_teardown(by_digest, setup, place_teardown),
		cmocka_unit_test_setup_teardown(excluded_by_time, setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_database_put_aside, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
