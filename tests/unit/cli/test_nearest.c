/* Mistyped words. */
#include "cli/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t slips;
	} cases[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "abc", 0},
		{"install", "instal", 1},
		{"install", "installl", 1},
		{"install", "instoll", 1},
		{"quiet", "quite", 1},
		{"version", "versoin", 1},
		{"ab", "ba", 1},
		{"abc", "cab", 2},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
		{"\xc3\xa4", "a", 2},
	};
	char longest[64], longer[65];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nearest_distance(cases[i].a, cases[i].b), cases[i].slips);
		assert_int_equal(nearest_distance(cases[i].b, cases[i].a), cases[i].slips);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(nearest_distance(longest, longest), 0);
	assert_int_equal(nearest_distance(longest, ""), 63);
	assert_int_equal(nearest_distance(longer, "x"), SIZE_MAX);
	assert_int_equal(nearest_distance("x", longer), SIZE_MAX);
}

/* No byte before a word is read: here it would be in a page that cannot be read. */
static void at_the_edge_of_memory(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *edge = pages + page;

	(void)state;
	assert_true(pages != MAP_FAILED);
	assert_int_equal(mprotect(pages, page, PROT_NONE), 0);
	strcpy(edge, "aab");
	assert_int_equal(nearest_distance(edge, "aba"), 1);
	assert_int_equal(nearest_distance("aba", edge), 1);
	assert_int_equal(munmap(pages, 2 * page), 0);
}

static void words(void **state)
{
	static const char *const known[] = {"install", "uninstall",	    "json", "yes",
					    "mirror",  "no-modify-profile", "q"};
	static const struct {
		const char *typed, *nearest;
	} cases[] = {
		{"install", "install"},
		{"instal", "install"},
		{"isntlal", "install"},
		{"unistall", "uninstall"},
		{"jsno", "json"},
		{"yse", "yes"},
		{"no-modfy-porfile", "no-modify-profile"},
		/* too many mistakes for a word of that length */
		{"", NULL},
		{"x", NULL},
		{"ye", "yes"},
		{"jxxn", "json"},
		{"mirrxyz", NULL},
		{"instaxyz", "install"},
		{"yxx", NULL},
		{"jam", NULL},
		{"minor-thing", NULL},
		{"install-now", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found =
			nearest_word(cases[i].typed, known, sizeof(known) / sizeof(known[0]));

		if (cases[i].nearest)
			assert_string_equal(found, cases[i].nearest);
		else
			assert_null(found);
	}
	assert_null(nearest_word("install", known, 0));
}

/* Of words that are equally near the first is taken, and a nearer one in any place. */
static void equally_near(void **state)
{
	static const char *const alike[] = {"mirror", "mirrow", "mirroz"};

	(void)state;
	assert_string_equal(nearest_word("mirrox", alike, 3), "mirror");
	assert_string_equal(nearest_word("mirrorw", alike, 3), "mirror");
	assert_string_equal(nearest_word("mirrozz", alike, 3), "mirroz");
	assert_string_equal(nearest_word("mirrow", alike, 3), "mirrow");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(at_the_edge_of_memory),
		cmocka_unit_test(words),
		cmocka_unit_test(equally_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
