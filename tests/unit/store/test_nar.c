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

#include "../nth.h"
#include "../place.h"
#include "../swap.h"

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

/* Sizes around what is filled up, and around what is read at once; and a directory of nothing. */
static void of_sizes(void **state)
{
	static const struct {
		size_t len;
		const char *digest;
	} cases[] = {
		{0, "77ac62e2629d8e45f624589c0c8bf99e24b3a722349bf1e79bc186008534e246"},
		{1, "7fad2b6bf23fe0d7e41b1b787d3fa149776126f4c1406bdfb97d3fbdcbdb3e74"},
		{8, "f05c56859bdc2b89435b787fbe59e3076d1d23d4ce5ca9164d6cba57caaf0a73"},
		{1 << 17, "24f79c43e1ecfd44db3b03e21633315cc4135bfd0b1a9877b4d24a4bf75ed7af"},
		{(1 << 17) + 1, "bf3bfb594c4af0fe13d705a478ffb1a48e94bd376a1646663a777560727fb1ba"},
	};
	const struct place *place = *state;
	_cleanup_free_ char *data = xcalloc((1 << 17) + 1, 1);

	memset(data, 'a', (1 << 17) + 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fs_replace_file(place->fd, "f", data, cases[i].len, 0644), 0);
		assert_digest(place, "f", cases[i].digest);
	}
	assert_int_equal(fs_mkdirs(place->fd, "d", 0755), 0);
	assert_digest(place, "d",
		      "a50a5ab6d992f5598edd92105059fae9acfc192981e08bd88534c2167e92526a");
}

/* As many directories as there may be in one another, and one more. */
static void of_depth(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *path = xstrdup("top");
	struct sha256 digest;

	for (int i = 1; i < 100; i++) {
		char *deeper = path_join(path, "d");

		free(path);
		path = deeper;
	}
	assert_int_equal(fs_mkdirs(place->fd, path, 0755), 0);
	assert_digest(place, "top",
		      "5a119cfa2295bbdd48025741e4fd3687a588525aff6e5e5d8c5ad56fe8e778e7");
	assert_int_equal(fs_mkdirs(place->fd, "e", 0755), 0);
	assert_int_equal(renameat(place->fd, "top", place->fd, "e/d"), 0);
	assert_int_equal(nar_digest(place->fd, "e", &digest), -ELOOP);
}

static struct sha256 usual;

static int digest_of_x(void *ctx)
{
	const struct place *place = ctx;
	struct sha256 digest;
	int r;

	errno = 0;
	r = nar_digest(place->fd, "x", &digest);
	return r < 0 ? -r : memcmp(&digest, &usual, sizeof(digest)) == 0 ? 0 : 99;
}

/* What cannot be read has no digest; the number tells why. What is interrupted is read again. */
static void unreadable(void **state)
{
	static const struct {
		long number;
		int nth, err, expected;
	} cases[] = {
		{SYS_read, 1, EDOM, EDOM},
		{SYS_read, 1, EINTR, 0},
		/* the file has become shorter */
		{SYS_read, 1, 0, EIO},
		{SYS_read, 2, 0, EIO},
		{SYS_readlinkat, 1, EDOM, EDOM},
		{SYS_openat, 1, EDOM, EDOM},
		{SYS_openat, 2, EDOM, EDOM},
		{SYS_getdents64, 1, EDOM, EDOM},
		{SYS_getdents64, 2, EDOM, EDOM},
	};
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "x/sub", 0755), 0);
	put(place, "x/a", "12345678", 0644);
	put(place, "x/sub/p", "#!/bin/sh\n", 0755);
	assert_int_equal(symlinkat("a", place->fd, "x/l"), 0);
	assert_int_equal(nar_digest(place->fd, "x", &usual), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status, r = nth_fails(cases[i].number, cases[i].nth, cases[i].err, digest_of_x,
					  *state, &status);

		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, cases[i].expected << 8);
	}
	for (size_t i = 0; i < NTH_LOOKS; i++)
		for (int nth = 1, status, r = 1; r > 0; nth++) {
			r = nth_fails(nth_looks[i], nth, EDOM, digest_of_x, *state, &status);
			assert_int_equal(status, r ? EDOM << 8 : 0);
		}
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

/* A file, or a directory, is exchanged for a link to another one, which is no part of the path. */
struct exchange {
	const struct place *place;
	const char *name, *target; /* of the link */
	bool is_fifo;		   /* it is exchanged for a fifo */
};

static int take_digest(void *ctx)
{
	const struct exchange *exchange = ctx;
	struct sha256 digest;
	int r = nar_digest(exchange->place->fd, "x", &digest);

	if (r == 0 && fs_replace_file(exchange->place->fd, "digest", (const char *)digest.byte,
				      sizeof(digest.byte), 0600) < 0)
		return 2;
	return r < 0 ? 1 : 0;
}

static void make_exchange(void *ctx)
{
	const struct exchange *exchange = ctx;
	int fd = exchange->place->fd;

	assert_int_equal(renameat(fd, exchange->name, fd, "aside"), 0);
	if (exchange->is_fifo)
		assert_int_equal(mkfifoat(fd, exchange->name, 0644), 0);
	else
		assert_int_equal(symlinkat(exchange->target, fd, exchange->name), 0);
}

static void undo_exchange(const struct exchange *exchange)
{
	int fd = exchange->place->fd;

	assert_int_equal(unlinkat(fd, exchange->name, 0), 0);
	assert_int_equal(renameat(fd, "aside", fd, exchange->name), 0);
}

static bool is_digest(const struct place *place, const struct sha256 *digest)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	assert_int_equal(fs_read_file(place->fd, "digest", 100, &data, &len), 0);
	return len == sizeof(digest->byte) && memcmp(data, digest->byte, len) == 0;
}

/* At whatever instant that happens, the digest is of what was there before or after, or of none. */
static void exchanged_meanwhile(void **state)
{
	const struct place *place = *state;
	struct exchange exchanges[] = {
		{.place = place, .name = "x/f", .target = "../secret"},
		{.place = place, .name = "x/d", .target = "../other"},
		{.place = place, .name = "x/f", .is_fifo = true},
	};

	assert_int_equal(fs_mkdirs(place->fd, "x/d", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "other", 0755), 0);
	put(place, "x/f", "text", 0644);
	put(place, "x/d/f", "text", 0644);
	put(place, "secret", "something", 0644);
	put(place, "other/g", "something", 0644);
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		struct sha256 before, after = {{0}};
		int r = 1, status;

		assert_int_equal(nar_digest(place->fd, "x", &before), 0);
		make_exchange(&exchanges[i]);
		nar_digest(place->fd, "x", &after);
		undo_exchange(&exchanges[i]);
		for (int number = 1; r > 0; number++) {
			r = swap_at(number, take_digest, make_exchange, &exchanges[i], &status);
			if (r < 0)
				skip();
			assert_true(status == 0 || status == 1 << 8);
			if (status == 0)
				assert_true(is_digest(place, &before) || is_digest(place, &after));
			if (r > 0)
				undo_exchange(&exchanges[i]);
			assert_true(r > 0 || number > 4);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(of_a_tree, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_sizes, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_depth, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(unreadable, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(refused, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(exchanged_meanwhile, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
