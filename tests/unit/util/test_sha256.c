#include "util/cleanup.h"
#include "util/sha256_stream.h"
#include "util/fs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

/* The digest of "abc" (FIPS 180-2, appendix B.1), in every form that Nix prints */
#define ABC_HEX	   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_NIX32  "1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s"
#define ABC_BASE64 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="

static const struct sha256 abc = {{0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
				   0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
				   0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad}};

static void reads_a_hash_file(void **state)
{
	static const char *const good[] = {
		ABC_HEX,
		ABC_HEX "\n",
		"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct sha256 digest = {{0}};

		assert_int_equal(sha256_parse(good[i], strlen(good[i]), &digest), 0);
		assert_true(sha256_equal(&digest, &abc));
	}
}

static void refuses_what_is_no_hash_file(void **state)
{
	static const struct {
		const char *body;
		size_t len;
	} bad[] = {
		{"", 0},
		{"\n", 1},
		{ABC_HEX, 63},
		{ABC_HEX "\n\n", 66},
		{ABC_HEX "\r\n", 66},
		{ABC_HEX "a", 65},
		{ABC_HEX "\0", 65},
		{ABC_HEX " ", 65},
		{" " ABC_HEX, 65},
		{"\n" ABC_HEX, 65},
		{ABC_HEX "  nix-2.26.3-x86_64-linux.tar.xz\n", 97},
		{"sha256:" ABC_HEX, 71},
		{"ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64},
		{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a\0", 64},
		{"\0a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64},
		{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015\xc3\xa4", 64},
		{"<!DOCTYPE html><html><head><title>Please log in</title></head></html>", 69},
		{"<!DOCTYPE html><html><title>Please log in here</title></html>   ", 64},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sha256 digest = abc;

		assert_int_equal(sha256_parse(bad[i].body, bad[i].len, &digest), -EBADMSG);
		assert_true(sha256_equal(&digest, &abc)); /* untouched */
	}
}

static void reads_every_form_of_the_option(void **state)
{
	static const char *const good[] = {
		ABC_HEX,
		"Ba7816bF8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"sha256:" ABC_HEX,
		ABC_NIX32,
		"sha256:" ABC_NIX32,
		ABC_BASE64,
		"sha256:" ABC_BASE64,
		"sha256-" ABC_BASE64,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct sha256 digest = {{0}};

		assert_int_equal(sha256_parse_option(good[i], &digest), 0);
		assert_true(sha256_equal(&digest, &abc));
	}
}

static void refuses_other_options(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		"sha256-",
		ABC_HEX "\n",
		ABC_HEX "00",
		"sha512:" ABC_HEX,
		"sha256-" ABC_HEX, /* SRI has base-64 only */
		"sha256-" ABC_NIX32,
		"sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",	/* '=' is missing */
		"sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0==", /* one '=' too many */
		"sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa1=", /* spare bits that are set */
		"sha256-ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=", /* another alphabet */
		"sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOW=3qctBD/YfIAFa0=",
		/* Nix's base-32 has no 'e' */
		"eb8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
		"zb8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s", /* more than 256 bits */
		"2b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s",
		"ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sha256 digest = abc;

		assert_int_equal(sha256_parse_option(bad[i], &digest), -EBADMSG);
		assert_true(sha256_equal(&digest, &abc));
	}
}

/* Every byte, and every bit of a byte, changes every form */
static void tells_every_byte_apart(void **state)
{
	struct sha256 ones, first = {{1}}, last = {{0}}, digest;

	(void)state;
	memset(ones.byte, 0xff, sizeof(ones.byte));
	last.byte[SHA256_SIZE - 1] = 0x80;
	assert_int_equal(sha256_parse_option("1zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
					     &digest),
			 0);
	assert_true(sha256_equal(&digest, &ones));
	assert_int_equal(
		sha256_parse_option("//////////////////////////////////////////8=", &digest), 0);
	assert_true(sha256_equal(&digest, &ones));
	assert_int_equal(sha256_parse_option("0000000000000000000000000000000000000000000000000001",
					     &digest),
			 0);
	assert_true(sha256_equal(&digest, &first));
	assert_int_equal(sha256_parse_option("1000000000000000000000000000000000000000000000000000",
					     &digest),
			 0);
	assert_true(sha256_equal(&digest, &last));
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		struct sha256 other = abc;

		other.byte[i] ^= 1;
		assert_false(sha256_equal(&other, &abc));
	}
}

static void writes_hex(void **state)
{
	char hex[SHA256_HEX_LEN + 1];

	(void)state;
	sha256_format(&abc, hex);
	assert_string_equal(hex, ABC_HEX);
}

static void takes_a_digest_in_pieces(void **state)
{
	static const char empty[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	struct sha256_stream *stream;
	struct sha256 digest;
	char hex[SHA256_HEX_LEN + 1];

	(void)state;
	assert_int_equal(sha256_stream_new(&stream), 0);
	assert_int_equal(sha256_stream_digest(stream, &digest), 0);
	sha256_format(&digest, hex);
	assert_string_equal(hex, empty);

	assert_int_equal(sha256_stream_update(stream, "a", 1), 0);
	assert_int_equal(sha256_stream_digest(stream, &digest), 0); /* does not end the stream */
	assert_false(sha256_equal(&digest, &abc));
	assert_int_equal(sha256_stream_update(stream, "", 0), 0);
	assert_int_equal(sha256_stream_update(stream, "bc", 2), 0);
	assert_int_equal(sha256_stream_digest(stream, &digest), 0);
	assert_true(sha256_equal(&digest, &abc));

	assert_int_equal(sha256_stream_restart(stream), 0);
	assert_int_equal(sha256_stream_digest(stream, &digest), 0);
	sha256_format(&digest, hex);
	assert_string_equal(hex, empty);
	sha256_stream_free(stream);
	sha256_stream_free(NULL);
}

static void takes_the_digest_of_a_file_alone(void **state)
{
	const struct place *place = *state;
	struct sha256 digest = {{0}};

	assert_int_equal(fs_replace_file(place->fd, "f", "abc", 3, 0600), 0);
	/* of an earlier call, which was interrupted: of no meaning for this one */
	errno = EINTR;
	alarm(20);
	assert_int_equal(sha256_of_file(place->fd, "f", &digest), 0);
	alarm(0);
	assert_true(sha256_equal(&digest, &abc));
	digest = (struct sha256){{0}};
	assert_int_equal(symlinkat("f", place->fd, "link"), 0);
	assert_int_equal(sha256_of_file(place->fd, "link", &digest), -ELOOP);
	/* the call must not wait for a writer of the fifo */
	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	assert_int_equal(sha256_of_file(place->fd, "fifo", &digest), -EINVAL);
	assert_int_equal(sha256_of_file(place->fd, ".", &digest), -EINVAL);
	assert_int_equal(sha256_of_file(place->fd, "missing", &digest), -ENOENT);
	/* nothing is at address 0 of a process */
	assert_int_equal(sha256_of_file(AT_FDCWD, "/proc/self/mem", &digest), -EIO);
	assert_false(sha256_equal(&digest, &abc));
}

static void takes_a_part_of_a_file(void **state)
{
	_cleanup_close_ int fd = -1;
	const struct place *place = *state;
	struct sha256 part, wanted, whole;

	assert_int_equal(fs_replace_file(place->fd, "f", "abcdef", 6, 0600), 0);
	fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sha256_of_bytes("cd", 2, &wanted), 0);
	errno = EINTR;
	assert_int_equal(sha256_of_part(fd, 2, 2, &part), 0);
	assert_true(sha256_equal(&part, &wanted));
	assert_int_equal(sha256_of_bytes("", 0, &wanted), 0);
	assert_int_equal(sha256_of_part(fd, 6, 0, &part), 0);
	assert_true(sha256_equal(&part, &wanted));
	assert_int_equal(sha256_of_bytes("abcdef", 6, &wanted), 0);
	assert_int_equal(sha256_of_part(fd, 0, 6, &part), 0);
	assert_true(sha256_equal(&part, &wanted));
	assert_int_equal(sha256_of_file(place->fd, "f", &whole), 0);
	assert_true(sha256_equal(&whole, &wanted));
	/* a file that ends too early must not be read for ever */
	alarm(20);
	errno = EINTR;
	assert_int_equal(sha256_of_part(fd, 2, 5, &part), -EIO);
	assert_int_equal(sha256_of_part(fd, 7, 1, &part), -EIO);
	alarm(0);
	assert_int_equal(sha256_of_part(-1, 0, 1, &part), -EBADF);
	assert_int_equal(sha256_of_file(place->fd, ".", &part), -EINVAL);
	assert_int_equal(sha256_of_file(place->fd, "none", &part), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_hash_file),
		cmocka_unit_test(refuses_what_is_no_hash_file),
		cmocka_unit_test(reads_every_form_of_the_option),
		cmocka_unit_test(refuses_other_options),
		cmocka_unit_test(tells_every_byte_apart),
		cmocka_unit_test(writes_hex),
		cmocka_unit_test(takes_a_digest_in_pieces),
		cmocka_unit_test_setup_teardown(takes_the_digest_of_a_file_alone, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(takes_a_part_of_a_file, place_setup,
						place_teardown),
	};

	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
