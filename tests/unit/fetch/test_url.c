/* URLs: what kind, which file, what comes beside it, and what of one is shown. */
#include "fetch/url.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Checks that TEXT, which is freed, is WANT */
static void expect(char *text, const char *want)
{
	assert_string_equal(text, want);
	free(text);
}

static void tells_the_scheme(void **state)
{
	(void)state;
	assert_int_equal(url_scheme("HTTPS://x"), URL_HTTPS);
	assert_int_equal(url_scheme("http://x"), URL_HTTP);
	assert_int_equal(url_scheme("File:///x"), URL_FILE);
	assert_int_equal(url_scheme("httpsx://x"), URL_OTHER);
	assert_int_equal(url_scheme("https:/x"), URL_NONE);
	assert_int_equal(url_scheme("/a/b"), URL_NONE);
}

static void names_files(void **state)
{
	char url[9 + 202] = "https://";

	(void)state;
	expect(url_with_suffix("https://x/a.tar.xz", ".sha256"), "https://x/a.tar.xz.sha256");
	expect(url_with_suffix("https://x/a?sig=1#f", ".sha256"), "https://x/a.sha256?sig=1#f");
	expect(url_file_name("https://x/b/nix-2.3-i686-linux.tar.xz?a=/b"),
	       "nix-2.3-i686-linux.tar.xz");
	expect(url_file_name("https://x/"), "tarball");
	expect(url_file_name("https://x/.."), "tarball");
	expect(url_file_name("https://x/.hidden"), "tarball");
	expect(url_file_name("https://x/a%2Fb"), "tarball");
	expect(url_file_name("https://x/a b"), "tarball");
	memset(url + 8, 'a', 201);
	url[7] = '/';
	expect(url_file_name(url), "tarball"); /* too long */
	url[8 + 200] = '\0';
	assert_int_equal(strlen(url + 8), 200);
	expect(url_file_name(url), url + 8);
}

static void shows_no_password_and_no_key(void **state)
{
	static const struct {
		const char *url, *shown, *host;
	} table[] = {
		{"https://example.org/a/b", "https://example.org/a/b", "example.org"},
		{"https://example.org:8443", "https://example.org:8443", "example.org:8443"},
		{"https://[::1]:8443/a", "https://[::1]:8443/a", "[::1]:8443"},
		{"https://user:secret@example.org/a", "https://example.org/a", "example.org"},
		{"https://secret@example.org:1/a", "https://example.org:1/a", "example.org:1"},
		{"https://u:a@secret@example.org/a", "https://example.org/a", "example.org"},
		{"https://u:sec/ret@example.org/a", "https://example.org/a", "example.org"},
		{"https://u:sec?ret@example.org/a?secret", "https://example.org/a?...",
		 "example.org"},
		{"https://u:sec#ret@example.org", "https://example.org", "example.org"},
		{"https://example.org/@scope/a", "https://example.org/@scope/a", "example.org"},
		{"https://example.org:1/@scope/a", "https://example.org:1/@scope/a",
		 "example.org:1"},
		{"https://example.org/a?Signature=secret&Expires=1", "https://example.org/a?...",
		 "example.org"},
		{"https://example.org?secret", "https://example.org?...", "example.org"},
		{"https://example.org/a#secret", "https://example.org/a", "example.org"},
		{"ftp://user:secret@example.org/a", "ftp://example.org/a", "example.org"},
		{"file:///srv/a%20b", "file:///srv/a%20b", ""},
		{"a file?@:", "a file?@:", ""},
		{"", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		expect(url_shown(table[i].url), table[i].shown);
		expect(url_host(table[i].url), table[i].host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_scheme),
		cmocka_unit_test(names_files),
		cmocka_unit_test(shows_no_password_and_no_key),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
