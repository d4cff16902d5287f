/* The files of our own releases. */
#include "install/own_release.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"

/* 64 characters, of which the first is no hex digit */
#define G64 "gaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* How many files of the program for x86_64-linux TEXT names, the first of which is NAME. */
static void assert_found(const char *text, size_t count, const char *name)
{
	_cleanup_(own_file_clear) struct own_file file = {0};
	_cleanup_free_ char *sums = xstrdup(text);
	_cleanup_free_ char *url = name ? xasprintf("https://x/%s", name) : NULL;

	assert_int_equal(
		own_release_find(sums, "https://x", "nix-user-chroot", "x86_64-linux", &file),
		count);
	if (!name) {
		assert_null(file.url);
		assert_null(file.name);
		return;
	}
	assert_string_equal(file.name, name);
	assert_string_equal(file.url, url);
}

static void what_a_line_names(void **state)
{
	static const char *const none[] = {
		"",
		"\n\n",
		"<html>",
		A64,
		A64 "  ",
		A64 "  nix-user-chroot",
		A64 "  nix-user-chroot-",
		A64 "  nix-user-chroot-x86_64-linux",
		A64 "  nix-user-chroot-1.0",
		A64 "  nix-user-chroot-1.0-aarch64-linux",
		A64 "  nix-user-chroot-1.0-x86_64-linux.asc",
		A64 "  nix-user-chroot-1.0x-x86_64-linux",
		A64 "  nix-user-chroot_1.0-x86_64-linux",
		A64 "  proot-1.0-x86_64-linux",
		A64 "x  nix-user-chroot-1.0-x86_64-linux",
		A64 "\tnix-user-chroot-1.0-x86_64-linux",
		"g" A64 "  nix-user-chroot-1.0-x86_64-linux",
		G64 "  nix-user-chroot-1.0-x86_64-linux",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_found(none[i], 0, NULL);
	assert_found(A64 "  nix-user-chroot-1.0-x86_64-linux", 1,
		     "nix-user-chroot-1.0-x86_64-linux");
	/* as sha256sum --binary writes it */
	assert_found(A64 " *nix-user-chroot-1.0-x86_64-linux\n", 1,
		     "nix-user-chroot-1.0-x86_64-linux");
	assert_found("x\n" A64 "  proot-1-x86_64-linux\n" B64
		     "  nix-user-chroot-2-x86_64-linux\n" A64
		     "  nix-user-chroot-1-x86_64-linux\n" B64 "  nix-user-chroot-2-i686-linux\n",
		     2, "nix-user-chroot-2-x86_64-linux");
}

static void all_that_is_known_of_a_file(void **state)
{
	char sums[] = A64 "  proot-5.4-x86_64-linux\n" B64 "  nix-user-chroot-1.2.3-x86_64-linux\n";
	_cleanup_(own_file_clear) struct own_file file = {0};
	char hex[SHA256_HEX_LEN + 1];

	(void)state;
	assert_int_equal(
		own_release_find(sums, "file:///r", "nix-user-chroot", "x86_64-linux", &file), 1);
	sha256_format(&file.sha256, hex);
	assert_string_equal(hex, B64);
	assert_string_equal(file.version, "1.2.3");
	own_file_clear(&file);
	assert_null(file.url);
}

/* Without a system, this host's. */
static void of_this_host(void **state)
{
	const char *system = own_release_system();
	_cleanup_(own_file_clear) struct own_file file = {0};
	_cleanup_free_ char *sums = NULL;

	(void)state;
	if (!system)
		skip();
	sums = xasprintf(A64 "  proot-1-other\n" A64 "  proot-2-%s\n", system);
	assert_int_equal(own_release_find(sums, "https://x", "proot", NULL, &file), 1);
	assert_string_equal(file.version, "2");
}

static void where_releases_are(void **state)
{
	_cleanup_free_ char *latest = own_release_base(NULL);
	_cleanup_free_ char *directory = own_release_base("/srv/release/");
	_cleanup_free_ char *url = own_release_base("https://example.org/r");
	_cleanup_free_ char *said = NULL;
	struct capture capture;

	(void)state;
	assert_true(str_starts_with(latest, "https://"));
	assert_true(str_ends_with(latest, "/latest/download"));
	assert_string_equal(directory, "file:///srv/release");
	assert_string_equal(url, "https://example.org/r");
	capture_begin(&capture);
	assert_null(own_release_base("relative"));
	said = capture_end(&capture);
	assert_non_null(strstr(said, "cannot look for a release of this program in 'relative'"));
	assert_non_null(strstr(said, "NIX_USER_CHROOT_RELEASES"));
}

static void another_digest(void **state)
{
	struct own_file file = {.url = (char[]){"https://me:secret@x/f"}};
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	struct sha256 found;

	(void)state;
	assert_int_equal(sha256_parse(A64, 64, &file.sha256), 0);
	assert_int_equal(sha256_parse(B64, 64, &found), 0);
	capture_begin(&capture);
	assert_int_equal(own_file_mismatch(&file, &found, "do this"), -1);
	said = capture_end(&capture);
	assert_non_null(strstr(said, "SHA-256 mismatch for https://"));
	assert_null(strstr(said, "secret"));
	assert_non_null(strstr(said, "expected " A64 "\n"));
	assert_non_null(strstr(said, "found    " B64 "\n"));
	assert_non_null(strstr(said, "do this\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_line_names), cmocka_unit_test(all_that_is_known_of_a_file),
		cmocka_unit_test(of_this_host),	     cmocka_unit_test(where_releases_are),
		cmocka_unit_test(another_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
