#include "install/release.h"
#include "install/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* expect TEXT, which is freed, to be WANT; NULL is equal to NULL alone */
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
		{"a/nix-2.26.3/nix-2.26.3-x b/nix-2.26.4/nix-2.26.4-y", NULL}, /* which one? */
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
	/* a NUL is a byte like others, and nothing behind LEN counts */
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
	expect(url_with_suffix("https://x/a.tar.xz", ".sha256"), "https://x/a.tar.xz.sha256");
	expect(url_with_suffix("https://x/a?sig=1#f", ".sha256"), "https://x/a.sha256?sig=1#f");
	expect(url_file_name("https://x/b/nix-2.3-i686-linux.tar.xz?a=/b"),
	       "nix-2.3-i686-linux.tar.xz");
	expect(url_file_name("https://x/"), "tarball");
	expect(url_file_name("https://x/.."), "tarball");
	expect(url_file_name("https://x/.hidden"), "tarball");
	expect(url_file_name("https://x/a%2Fb"), "tarball");
	expect(url_file_name("https://x/a b"), "tarball");
	assert_int_equal(url_scheme("HTTPS://x"), URL_HTTPS);
	assert_int_equal(url_scheme("http://x"), URL_HTTP);
	assert_int_equal(url_scheme("File:///x"), URL_FILE);
	assert_int_equal(url_scheme("httpsx://x"), URL_OTHER);
	assert_int_equal(url_scheme("https:/x"), URL_NONE);
	assert_int_equal(url_scheme("/a/b"), URL_NONE);
}

static void a_long_name_is_not_used(void **state)
{
	char url[9 + 202] = "https://";

	(void)state;
	memset(url + 8, 'a', 201);
	url[7] = '/';
	expect(url_file_name(url), "tarball");
	url[8 + 200] = '\0';
	assert_int_equal(strlen(url + 8), 200);
	expect(url_file_name(url), url + 8);
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
		{"lix-2.26.3-x86_64-linux.tar.xz", NULL, NULL},
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

/* release_resolve() on a mirror that is a directory: no network */

#define HASH  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct fixture {
	char *dir;
	struct downloader *downloader;
	struct install_options options;
};

static void put(const struct fixture *f, const char *path, const char *text)
{
	_cleanup_free_ char *name = xasprintf("%s/%s", f->dir, path), *dir = xstrdup(name);
	_cleanup_close_ int fd = -1;

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdirs(AT_FDCWD, dir, 0755), 0);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static int make_mirror(void **state)
{
	const char *tmp = env_get("TMPDIR");
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct download_options options;

	*state = f;
	f->dir = xasprintf("%s/test release.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	download_options_init(&options);
	f->downloader = downloader_new(&options);
	put(f, "latest/install", "url=x/nix-2.26.3/nix-2.26.3-$system.tar.xz\n");
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", "abc");
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", HASH);
	f->options.mirror = xstrdup(f->dir);
	f->options.system = xstrdup("x86_64-linux");
	return f->downloader ? 0 : -1;
}

static int remove_mirror(void **state)
{
	struct fixture *f = *state;
	int r = fs_remove_tree(AT_FDCWD, f->dir);

	downloader_free(f->downloader);
	free(f->options.mirror);
	free(f->options.system);
	free(f->dir);
	free(f);
	return r;
}

static void expect_hash(const struct release *release, const char *want)
{
	char hex[SHA256_HEX_LEN + 1];

	sha256_format(&release->sha256, hex);
	assert_string_equal(hex, want);
}

static void expect_refusal(struct fixture *f)
{
	struct release release = {.version = (char *)""};

	assert_int_equal(release_resolve(&f->options, f->downloader, &release), -1);
	assert_string_equal(release.version, ""); /* untouched */
}

static void resolves_the_latest_of_a_directory(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_free_ char *base = release_mirror_url(f->dir), *url = NULL;

	url = xasprintf("%s/nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", base);
	assert_int_equal(release_resolve(&f->options, f->downloader, &release), 0);
	assert_string_equal(release.version, "2.26.3");
	assert_string_equal(release.system, "x86_64-linux");
	assert_string_equal(release.tarball_url, url);
	assert_string_equal(release.tarball_name, "nix-2.26.3-x86_64-linux.tar.xz");
	assert_non_null(strstr(release.sha256_source, ".sha256"));
	assert_non_null(strstr(release.missing, "2.26.3"));
	expect_hash(&release, HASH);
}

static void a_given_hash_is_the_one_that_counts(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};

	/* with version and hash given the mirror is not asked at all */
	f->options.nix_version = (char *)"9.9";
	f->options.sha256 = (char *)OTHER;
	assert_int_equal(release_resolve(&f->options, f->downloader, &release), 0);
	assert_string_equal(release.sha256_source, "--sha256");
	expect_hash(&release, OTHER);

	/* nor is http refused then */
	release_clear(&release);
	free(f->options.mirror);
	f->options.mirror = xstrdup("http://127.0.0.1:1");
	assert_int_equal(release_resolve(&f->options, f->downloader, &release), 0);
	assert_string_equal(release.tarball_url,
			    "http://127.0.0.1:1/nix-9.9/nix-9.9-x86_64-linux.tar.xz");
	f->options.sha256 = NULL;
	expect_refusal(f);
}

static void refuses_bad_words_before_any_connection(void **state)
{
	struct fixture *f = *state;
	const struct install_options good = f->options;
	const struct install_options bad[] = {
		{.mirror = good.mirror, .system = (char *)"x86_64-darwin"},
		{.mirror = good.mirror, .system = (char *)""},
		{.mirror = good.mirror, .nix_version = (char *)"../../etc"},
		{.mirror = good.mirror, .nix_version = (char *)""},
		{.mirror = good.mirror, .sha256 = (char *)"abc"},
		{.mirror = good.mirror, .sha256 = (char *)""},
		{.mirror = (char *)"ftp://127.0.0.1"},
		{.mirror = (char *)"relative"},
		{.mirror = (char *)"http://127.0.0.1:1"}, /* its hash would come over http */
		{.tarball = (char *)"http://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz"},
		{.tarball = (char *)"ftp://127.0.0.1/x"},
		{.tarball = (char *)"/nonexistent/nix-2.3-x86_64-linux.tar.xz"},
		{.tarball = good.mirror}, /* a directory */
		{.tarball = (char *)"https://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz",
		 .nix_version = (char *)"2.4"},
		{.tarball = (char *)"https://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz",
		 .system = (char *)"i686-linux"},
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		f->options = bad[i];
		expect_refusal(f);
	}
	f->options = good;
}

static void refuses_a_mirror_that_lacks_something(void **state)
{
	static const char *const hash_texts[] = {
		"",    "<!DOCTYPE html>", HASH "  nix-2.26.3-x86_64-linux.tar.xz\n",
		"abc", "\033[2J\n",
	};
	struct fixture *f = *state;
	_cleanup_free_ char *pointer = xasprintf("%s/latest/install", f->dir);

	for (size_t i = 0; i < COUNT_OF(hash_texts); i++) {
		put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", hash_texts[i]);
		expect_refusal(f);
	}
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", HASH "\n");
	f->options.nix_version = (char *)"2.26.4";
	expect_refusal(f);
	f->options.nix_version = NULL;
	put(f, "latest/install", "nothing");
	expect_refusal(f);
	put(f, "latest/install", "url=x/nix-2.26.4/nix-2.26.4-$system.tar.xz\n");
	expect_refusal(f);
	assert_int_equal(unlink(pointer), 0);
	expect_refusal(f);
}

static void resolves_a_local_tarball(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_free_ char *file =
		xasprintf("%s/nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", f->dir);
	_cleanup_free_ char *url = url_of_path(file), *copy = NULL;

	f->options.tarball = file;
	assert_int_equal(release_resolve(&f->options, f->downloader, &release), 0);
	assert_string_equal(release.tarball_url, url);
	assert_string_equal(release.version, "2.26.3");
	expect_hash(&release, HASH);

	/* a name that tells nothing, and no hash beside it */
	put(f, "my tarball.tgz", "abc");
	copy = xasprintf("%s/my tarball.tgz", f->dir);
	f->options.tarball = copy;
	expect_refusal(f);
	f->options.sha256 = (char *)OTHER;
	release_clear(&release);
	assert_int_equal(release_resolve(&f->options, f->downloader, &release), 0);
	assert_null(release.version);
	assert_string_equal(release.system, "x86_64-linux");
	assert_string_equal(release.tarball_name, "tarball");
	expect_hash(&release, OTHER);
}

static void a_relative_tarball_is_of_the_working_directory(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_close_ int old = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(chdir(f->dir), 0);
	f->options.tarball = (char *)"nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz";
	assert_int_equal(release_resolve(&f->options, f->downloader, &release), 0);
	expect_hash(&release, HASH);
	assert_int_equal(fchdir(old), 0);
}

#define WITH_MIRROR(f) cmocka_unit_test_setup_teardown(f, make_mirror, remove_mirror)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_version),
		cmocka_unit_test(reads_the_version_of_a_url),
		cmocka_unit_test(reads_the_version_of_a_script),
		cmocka_unit_test(names_the_system_of_a_machine),
		cmocka_unit_test(reads_a_mirror),
		cmocka_unit_test(builds_urls),
		cmocka_unit_test(a_long_name_is_not_used),
		cmocka_unit_test(takes_a_name_apart),
		WITH_MIRROR(resolves_the_latest_of_a_directory),
		WITH_MIRROR(a_given_hash_is_the_one_that_counts),
		WITH_MIRROR(refuses_bad_words_before_any_connection),
		WITH_MIRROR(refuses_a_mirror_that_lacks_something),
		WITH_MIRROR(resolves_a_local_tarball),
		WITH_MIRROR(a_relative_tarball_is_of_the_working_directory),
	};

	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
