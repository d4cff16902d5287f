/* The digest of a store path's NAR, against digests of nix-hash(1) of Nix 2.26.3. */
#include "store/nar.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

static void assert_digest(const struct place *place, const char *name, const char *expected)
{
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;

	assert_int_equal(nar_digest(place->fd, name, &digest), 0);
	sha256_format(&digest, hex);
	assert_string_equal(hex, expected);
}

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), mode), 0);
}

/* x/ with a (9 bytes), b (empty), l -> a, and sub/p, which is executable */
static void of_a_tree(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "x/sub", 0755), 0);
	put(place, "x/b", "", 0644);
	put(place, "x/a", "123456789", 0644);
	put(place, "x/sub/p", "#!/bin/sh\n", 0755);
	assert_int_equal(symlinkat("a", place->fd, "x/l"), 0);
	assert_digest(place, "x",
		      "7a8ec3fb6dca319268e83060d1f3e0545f57043c8e4a3ff45f51b19bad6cd63c");
	/* of the mode only the x bit matters */
	assert_int_equal(fchmodat(place->fd, "x/a", 0400, 0), 0);
	assert_digest(place, "x",
		      "7a8ec3fb6dca319268e83060d1f3e0545f57043c8e4a3ff45f51b19bad6cd63c");
	assert_digest(place, "x/a",
		      "01e23d2c0a14bfecbb8a82b3f11ca003d7322bcfec14c3a1b57168b445480e41");
	assert_digest(place, "x/sub/p",
		      "6283c1668260f903d1a895c0cd6b822fa4b68762bb0b17cedef2d39d97e26554");
	assert_digest(place, "x/l",
		      "b2d471a08d30662f14c0ae1e718b16f9fc1f38de425f47cca0437e9e93bc1f24");
}

static void refused(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *path = xstrdup("deep");
	struct sha256 digest;

	assert_int_equal(nar_digest(place->fd, "none", &digest), -ENOENT);
	/* the call must not wait for a writer of the fifo */
	assert_int_equal(fs_mkdirs(place->fd, "x", 0755), 0);
	assert_int_equal(mkfifoat(place->fd, "x/fifo", 0644), 0);
	assert_int_equal(nar_digest(place->fd, "x", &digest), -EINVAL);
	for (int i = 0; i < 200; i++) {
		char *deeper = path_join(path, "d");

		free(path);
		path = deeper;
	}
	assert_int_equal(fs_mkdirs(place->fd, path, 0755), 0);
	assert_int_equal(nar_digest(place->fd, "deep", &digest), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(of_a_tree, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(refused, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
