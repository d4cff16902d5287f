/* What is said by names: versions, systems, URLs. */
#include "install/release.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Checks that TEXT, which is freed, is WANT; NULL equals only NULL */
static void expect(char *text, const char *want)
{
	if (want) {
		assert_non_null(text);
		assert_string_equal(text, want);
	} else if (text) {
		fail_msg("'%s' where nothing was expected", text);
	}
	free(text);
}

static void knows_a_version(void **state)
{
	static const char *const good[] = {
		"2.26.3",	"2",	 "2.32.0pre20250919_07b96c1", "2.3.16-rc1", "2.4+local",
		"1.11.16.1234", "2.3_x",
	};
	static const char *const bad[] = {
		"",	  ".",	   "..",       "v2.26",	    "latest", "-2",	 "../2.26",
		"2/../3", "2..26", "2.26.3/x", "2.26.3\n",  "2 26",   "2.26%2e", "2.26\xc3\xa4",
		"2:3",	  "2?x",   "2#x",      "2.26\\..x", ".2.26",
	};
	char big[66];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(release_version_is_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(release_version_is_valid(bad[i], strlen(bad[i])));
	assert_false(release_version_is_valid("2.26\0x", 6));
	memset(big, '2', sizeof(big));
	assert_true(release_version_is_valid(big, 64));
	assert_false(release_version_is_valid(big, 65));
}

static void reads_the_version_of_a_url(void **state)
{
	static const struct {
		const char *url, *version;
	} table[] = {
		{"https://releases.nixos.org/nix/nix-2.26.3/install", "2.26.3"},
		{"https://releases.nixos.org/nix/nix-2.26.3/install?x=1", "2.26.3"},
		{"https://releases.nixos.org/nix/nix-2.26.3/install#x", "2.26.3"},
		{"file:///srv/nix-2.3/nix-2.32.0pre1_abc/install", "2.32.0pre1_abc"},
		{"https://nixos.org/nix/install", NULL},
		{"https://nixos.org/latest/install", NULL},
		{"https://nixos.org/nix-/install", NULL},
		{"https://nixos.org/nix-2..3/install", NULL},
		{"https://nixos.org/xnix-2.3/install", NULL},
		{"https://nixos.org/nix-2.3/install/", NULL},
		{"https://nixos.org/nix-2.3/install.sh", NULL},
		{"https://nixos.org/nix-2.3", NULL},
		{"https://nixos.org/x?y=/nix-2.3/install", NULL},
		{"nix-2.3/install", NULL},
		{"/install", NULL},
		{"install", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		expect(release_version_from_url(table[i].url), table[i].version);
}

static void reads_the_version_of_a_script(void **state)
{
	static const struct {
		const char *text, *version;
	} table[] = {
		{"#!/bin/sh\nurl=https://releases.nixos.org/nix/nix-2.26.3/nix-2.26.3-$system.tar.xz\n",
		 "2.26.3"},
		{"path=0a1b/nix-2.26.3-x86_64-linux.tar.xz\n"
		 "url=http://x/nix-2.26.3/nix-2.26.3-$system.tar.xz\n",
		 "2.26.3"},
		{"a/nix-2.26.3/nix-2.26.3-x b/nix-2.26.3/nix-2.26.3-y", "2.26.3"},
		{"nix-2.4-rc1/nix-2.4-rc1-x86_64-linux", "2.4-rc1"},
		{"nix-nix-2.3/nix-2.3-x", "2.3"},
		{"a/nix-2.26.3/nix-2.26.3-x b/nix-2.26.4/nix-2.26.4-y", NULL}, /* two versions */
		{"nix-2.26.3/nix-2.26.4-x", NULL},
		{"nix-2.26.3/nix-2.26.3", NULL},
		{"nix-2.26.3/nix-2.26.3.1-x", NULL},
		{"nix-$version/nix-$version-$system", NULL},
		{"nix-../nix-..-x", NULL},
		{"nix-2..3/nix-2..3-x", NULL},
		{"nix-/nix--x", NULL},
		{"<!DOCTYPE html><title>Please log in</title>", NULL},
		{"nix-", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		expect(release_version_from_script(table[i].text, strlen(table[i].text)),
		       table[i].version);
	/* a NUL is a byte like any other, and bytes after LEN do not count */
	expect(release_version_from_script("\0nix-2.3/nix-2.3-x", 18), "2.3");
	expect(release_version_from_script("nix-2.3/nix-2.3-x", 15), NULL);
	expect(release_version_from_script("nix-2.3\0nix-2.3-x", 17), NULL);
}

static void names_the_system_of_a_machine(void **state)
{
	static const struct {
		const char *machine;
		unsigned bits;
		const char *system;
	} table[] = {
		{"x86_64", 64, "x86_64-linux"},
		{"x86_64", 32, "i686-linux"},
		{"i386", 32, "i686-linux"},
		{"i486", 32, "i686-linux"},
		{"i586", 32, "i686-linux"},
		{"i686", 32, "i686-linux"},
		{"aarch64", 64, "aarch64-linux"},
		{"aarch64", 32, "armv7l-linux"},
		{"armv6l", 32, "armv6l-linux"},
		{"armv7l", 32, "armv7l-linux"},
		{"armv8l", 32, "armv7l-linux"},
		{"riscv64", 64, "riscv64-linux"},
		{"ppc64le", 64, "powerpc64le-linux"},
		{"ppc64", 64, NULL},
		{"mips64", 64, NULL},
		{"s390x", 64, NULL},
		{"riscv64", 32, NULL},
		{"", 64, NULL},
		{"x86_64-linux", 64, NULL},
		{"armv5tel", 32, NULL},
	};
	_cleanup_free_ char *systems = release_systems();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const char *system = release_system_of_machine(table[i].machine, table[i].bits);

		expect(xstrdup(system), table[i].system);
		if (system) {
			assert_true(release_system_is_known(system));
			assert_non_null(strstr(systems, system));
		}
	}
	/* each of them once */
	for (const char *p = systems; p; p = strchr(p, ',') ? strchr(p, ',') + 2 : NULL) {
		_cleanup_free_ char *one = xstrndup(p, strcspn(p, ","));

		assert_null(strstr(strstr(systems, one) + 1, one));
	}
	assert_false(release_system_is_known("x86_64-darwin"));
	assert_false(release_system_is_known("x86_64"));
	assert_false(release_system_is_known(""));
}

static void reads_a_mirror(void **state)
{
	static const struct {
		const char *text, *url;
	} table[] = {
		{NULL, "https://releases.nixos.org/nix"},
		{"https://example.org", "https://example.org"},
		{"https://example.org///", "https://example.org"},
		{"HTTPS://example.org/nix/", "HTTPS://example.org/nix"},
		{"http://localhost:8080/x/", "http://localhost:8080/x"},
		{"https://[::1]:8080/", "https://[::1]:8080"},
		{"file:///srv/mirror/", "file:///srv/mirror"},
		{"file:///", "file://"},
		{"/srv/mirror/", "file:///srv/mirror"},
		{"/srv/my mirror/100%/\xc3\xa4?#", "file:///srv/my%20mirror/100%25/%C3%A4%3F%23"},
		{"/", "file://"},
		{"", NULL},
		{"srv/mirror", NULL},
		{"./mirror", NULL},
		{"example.org", NULL},
		{"ftp://example.org", NULL},
		{"s3://bucket", NULL},
		{"https://", NULL},
		{"https:///", NULL},
		{"https:///x", NULL},
		{"https://example.org/?x", NULL},
		{"https://example.org/#x", NULL},
		{"https://example.org/a b", NULL},
		{"https://example.org/\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		expect(release_mirror_url(table[i].text), table[i].url);
}

static void builds_urls(void **state)
{
	(void)state;
	expect(release_pointer_url("https://releases.nixos.org/nix"),
	       "https://nixos.org/nix/install");
	expect(release_pointer_url("https://example.org/x"),
	       "https://example.org/x/latest/install");
	expect(release_pointer_url("file://"), "file:///latest/install");
	expect(release_tarball_url("https://example.org", "2.26.3", "i686-linux"),
	       "https://example.org/nix-2.26.3/nix-2.26.3-i686-linux.tar.xz");
}

static void reads_the_version_of_a_manifest(void **state)
{
	static const struct {
		const char *body, *version;
	} table[] = {
		{"{ x = \"/nix/store/h-lix-2.93.3\"; }", "lix-2.93.3"},
		{"a \"/h-lix-2.93.3\" b \"/g-lix-2.93.3\"", "lix-2.93.3"},
		{"a \"/h-lix-2.93.3\" b \"/g-lix-2.93.4\"", NULL},
		{"-lix-", NULL},
		{"-lix-..", NULL},
		{"-nix-2.26.3", NULL},
		{"<html>", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		expect(release_version_from_manifest(table[i].body, strlen(table[i].body), "lix"),
		       table[i].version);
}

static void takes_a_name_apart(void **state)
{
	static const struct {
		const char *name, *version, *system;
	} table[] = {
		{"nix-2.26.3-x86_64-linux.tar.xz", "2.26.3", "x86_64-linux"},
		{"nix-2.4-rc1-i686-linux.tar.gz", "2.4-rc1", "i686-linux"},
		{"nix-2.26.3-powerpc64le-linux.tar", "2.26.3", "powerpc64le-linux"},
		{"nix-2.26.3-x86_64-darwin.tar.xz", NULL, NULL},
		{"nix-2.26.3.tar.xz", NULL, NULL},
		{"nix-x86_64-linux.tar.xz", NULL, NULL},
		{"nix--x86_64-linux.tar.xz", NULL, NULL},
		{"nix-..-x86_64-linux.tar.xz", NULL, NULL},
		{"nix-2.26.3-x86_64-linux", NULL, NULL},
		{"nix-2.26.3-x86_64-linux.tarball", NULL, NULL},
		{"lix-2.93.3-x86_64-linux.tar.xz", "lix-2.93.3", "x86_64-linux"},
		{"lix-lix-2.93.3-x86_64-linux.tar.xz", NULL, NULL},
		{"lix--x86_64-linux.tar.xz", NULL, NULL},
		{"nox-2.26.3-x86_64-linux.tar.xz", NULL, NULL},
		{"nix-.tar", NULL, NULL},
		{"nix-2.26.3 x86_64-linux.tar", NULL, NULL},
		{"", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char *version, *system;

		assert_int_equal(release_split_name(table[i].name, &version, &system),
				 table[i].version != NULL);
		expect(version, table[i].version);
		expect(system, table[i].system);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_version),
		cmocka_unit_test(reads_the_version_of_a_url),
		cmocka_unit_test(reads_the_version_of_a_script),
		cmocka_unit_test(names_the_system_of_a_machine),
		cmocka_unit_test(reads_a_mirror),
		cmocka_unit_test(builds_urls),
		cmocka_unit_test(reads_the_version_of_a_manifest),
		cmocka_unit_test(takes_a_name_apart),
	};

	return cmocka_run_group_tests_name("release_name", tests, NULL, NULL);
}
