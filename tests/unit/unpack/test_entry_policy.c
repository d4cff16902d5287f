/* The policy as pure functions: which entries a Nix tarball may hold, and in what form. */
#include "unpack_fixture.h"

#include "unpack/entry_policy.h"

static void test_normalise(void **state)
{
	static const struct {
		const char *path, *clean; /* clean NULL: refused */
	} cases[] = {
		{"a/b", "a/b"},	  {"./a//b/./", "a/b"},	  {"./", ""},
		{".", ""},	  {"..a/b..", "..a/b.."}, {"a/...", "a/..."},
		{".a", ".a"},	  {"a/.b/c.", "a/.b/c."}, {"./.a/.", ".a"},
		{"", NULL},	  {"/a", NULL},		  {"/", NULL},
		{"..", NULL},	  {"../a", NULL},	  {"a/..", NULL},
		{"a/../b", NULL}, {"./../a", NULL},	  {"a//../b", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *clean = NULL;
		const char *why = entry_normalise(cases[i].path, &clean);

		if (cases[i].clean) {
			assert_null(why);
			assert_string_equal(clean, cases[i].clean);
		} else {
			assert_non_null(why);
			assert_null(clean);
		}
	}
}

/* Returns COUNT times "PART/", then "x"; the caller frees. */
static char *repeated(const char *part, size_t count)
{
	char *path = xcalloc(count * (strlen(part) + 1) + 2, 1), *p = path;

	while (count--) {
		memcpy(p, part, strlen(part));
		p += strlen(part);
		*p++ = '/';
	}
	*p = 'x';
	return path;
}

static void assert_normalises(char *path, bool accepted)
{
	_cleanup_free_ char *owned = path, *clean = NULL;

	assert_int_equal(entry_normalise(owned, &clean) == NULL, accepted);
}

static void test_normalise_bounds(void **state)
{
	char part[257], *path, *clean;

	(void)state;
	memset(part, 'n', sizeof(part));
	part[256] = '\0';
	assert_normalises(repeated(part, 1), false);
	part[255] = '\0';
	assert_normalises(repeated(part, 1), true);
	assert_normalises(repeated("d", ENTRY_MAX_DEPTH - 1), true);
	assert_normalises(repeated("d", ENTRY_MAX_DEPTH), false);
	/* 31 × 32 + 1 and 32 × 32 + 1 bytes: less and more than 1024 */
	part[31] = '\0';
	assert_normalises(repeated(part, 31), true);
	assert_normalises(repeated(part, 32), false);
	/* 4 parts of 255 bytes, or less, and their slashes: exactly 1024 bytes, and one more */
	for (size_t last = 1; last <= 2; last++) {
		char *full = xasprintf("%0255d/%0255d/%0255d/%0253d/%.*s", 1, 1, 1, 1,
				       (int)last + 1, "xxx");

		assert_int_equal(strlen(full), ENTRY_MAX_PATH - 1 + last);
		assert_normalises(full, last == 1);
	}
	/* what is told is what is wrong */
	part[31] = '\0';
	path = repeated(part, ENTRY_MAX_DEPTH - 1);
	assert_string_equal(entry_normalise(path, &clean), "its name is longer than 1024 bytes");
	free(path);
	path = repeated("d", ENTRY_MAX_DEPTH);
	assert_string_equal(entry_normalise(path, &clean), "it lies more than 64 directories deep");
	free(path);
}

static void test_locate(void **state)
{
	static const struct {
		const char *path, *top;
		enum entry_place place;
		bool refused;
	} cases[] = {
		{"", NULL, ENTRY_ROOT, false},
		{TOP, NULL, ENTRY_TOP, false},
		{TOP, TOP, ENTRY_TOP, false},
		{TOP "/install", TOP, ENTRY_BESIDE, false},
		{TOP "/storage/x", TOP, ENTRY_BESIDE, false},
		{TOP "/store", TOP, ENTRY_STORE, false},
		{PATH_A, TOP, ENTRY_STORE_PATH, false},
		{PATH_A "/x/y", NULL, ENTRY_INSIDE, false},
		{"nix-1", TOP, ENTRY_ROOT, true},
		{TOP "2", TOP, ENTRY_ROOT, true},
		{"nix-", NULL, ENTRY_ROOT, true},
		{"nix", NULL, ENTRY_ROOT, true},
		{"README", TOP, ENTRY_ROOT, true},
		{"nix-\n", NULL, ENTRY_ROOT, true},
		{TOP "/store/x", TOP, ENTRY_ROOT, true},
		{TOP "/store/" HASH_A "-.x/y", TOP, ENTRY_ROOT, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum entry_place place;
		const char *why = entry_locate(cases[i].path, cases[i].top, &place);

		if ((why != NULL) != cases[i].refused)
			fail_msg("%s: %s", cases[i].path, why ? why : "accepted");
		if (!why)
			assert_int_equal(place, cases[i].place);
	}
}

static void test_types(void **state)
{
	static const mode_t never[] = {S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, 0};

	(void)state;
	for (enum entry_place place = ENTRY_ROOT; place <= ENTRY_INSIDE; place++) {
		bool in_store = place == ENTRY_STORE_PATH || place == ENTRY_INSIDE;

		for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
			assert_non_null(entry_check_type(place, never[i]));
		assert_null(entry_check_type(place, S_IFDIR));
		assert_int_equal(entry_check_type(place, S_IFLNK) == NULL, in_store);
		assert_int_equal(entry_check_type(place, S_IFREG) == NULL,
				 in_store || place == ENTRY_BESIDE);
	}
}

static void test_modes(void **state)
{
	(void)state;
	for (mode_t mode = 0; mode <= 07777; mode++) {
		mode_t x = mode & 0111 ? 0111 : 0;

		assert_int_equal(entry_mode(ENTRY_INSIDE, S_IFREG, mode), 0444 | x);
		assert_int_equal(entry_mode(ENTRY_STORE_PATH, S_IFREG, mode), 0444 | x);
		assert_int_equal(entry_mode(ENTRY_BESIDE, S_IFREG, mode), 0644 | x);
		assert_int_equal(entry_mode(ENTRY_INSIDE, S_IFDIR, mode), 0555);
		assert_int_equal(entry_mode(ENTRY_STORE_PATH, S_IFDIR, mode), 0755);
		assert_int_equal(entry_mode(ENTRY_STORE, S_IFDIR, mode), 0755);
	}
}

static void test_top(void **state)
{
	static const char *const bad[] = {
		"",  "nix", "nix-",   "nix-x/..", "nix-x/../..", "nix-x\n", "nix-\x1b[2J",
		".", "..",  "/nix-x", "nix-x/y",  "nix-\xc3\xa9"};
	char longest[258];

	(void)state;
	assert_true(entry_top_valid(TOP));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (entry_top_valid(bad[i]))
			fail_msg("%s passes", bad[i]);
	memset(longest, 'n', sizeof(longest));
	memcpy(longest, "nix-", 4);
	longest[256] = '\0';
	assert_false(entry_top_valid(longest));
	longest[255] = '\0';
	assert_true(entry_top_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normalise), cmocka_unit_test(test_normalise_bounds),
		cmocka_unit_test(test_locate),	  cmocka_unit_test(test_types),
		cmocka_unit_test(test_modes),	  cmocka_unit_test(test_top),
	};

	return cmocka_run_group_tests_name("entry policy", tests, NULL, NULL);
}
