#include "fetch/ca_bundle.h"
#include "ui/log.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <curl/curl.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../run/own_mounts.h"

/* The libcurl of another host: where it has its certificates is compiled in. */
static curl_version_info_data of_curl;

curl_version_info_data *curl_version_info(CURLversion version)
{
	(void)version;
	return &of_curl;
}

static const char *const variables[] = {"NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE",
					"SSL_CERT_DIR"};

/* Makes an empty directory to be used as the root directory; *STATE is its path */
static int make_root(void **state)
{
	const char *tmp = env_get("TMPDIR");
	char *root = xasprintf("%s/test_ca_bundle.XXXXXX", tmp ? tmp : "/tmp");

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	*state = root;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static char *path_below(const char *root, const char *path)
{
	return xasprintf("%s%s", root, path);
}

static void put(const char *root, const char *path, const char *text)
{
	_cleanup_free_ char *name = path_below(root, path), *dir = xstrdup(name);
	_cleanup_close_ int fd = -1;

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdirs(AT_FDCWD, dir, 0755), 0);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void expect_choice(const char *cacert, const char *root, const char *file, const char *dir)
{
	struct ca_bundle bundle;

	assert_int_equal(ca_bundle_choose(cacert, root, &bundle), 0);
	if (file)
		assert_string_equal(bundle.file, file);
	else
		assert_null(bundle.file);
	if (dir)
		assert_string_equal(bundle.dir, dir);
	else
		assert_null(bundle.dir);
	ca_bundle_clear(&bundle);
}

/* Checks what is found below ROOT; FILE and DIR are given without ROOT */
static void expect_found(const char *root, const char *file, const char *dir)
{
	_cleanup_free_ char *want_file = file ? path_below(root, file) : NULL;
	_cleanup_free_ char *want_dir = dir ? path_below(root, dir) : NULL;

	expect_choice(NULL, root, want_file, want_dir);
}

static void finds_directories_of_hashed_certificates(void **state)
{
	put(*state, "/etc/ssl/certs/README", "no certificate");
	put(*state, "/etc/ssl/certs/8d89cda1.x", "no certificate");
	put(*state, "/etc/ssl/certs/8d89cda.0", "no certificate");
	expect_found(*state, NULL, NULL);
	put(*state, "/etc/pki/tls/certs/8d89cda1.0", "certificate");
	expect_found(*state, NULL, "/etc/pki/tls/certs");
	put(*state, "/etc/ssl/certs/0a1b2c3d.12", "certificate");
	expect_found(*state, NULL, "/etc/ssl/certs");
	put(*state, "/etc/ssl/cert.pem", "certificates"); /* a file comes before directories */
	expect_found(*state, "/etc/ssl/cert.pem", NULL);
}

static void what_is_named_goes_before_what_is_found(void **state)
{
	_cleanup_free_ char *system = path_below(*state, "/etc/ssl/cert.pem");
	_cleanup_free_ char *own = path_below(*state, "/own.pem");
	_cleanup_free_ char *dir = path_below(*state, "/dir");
	_cleanup_free_ char *dirs = xasprintf(":%s/none:%s", (char *)*state, dir);

	put(*state, "/etc/ssl/cert.pem", "certificates");
	put(*state, "/own.pem", "certificates");
	put(*state, "/dir/8d89cda1.0", "certificate");
	expect_choice(NULL, *state, system, NULL);
	expect_choice(own, *state, own, NULL);
	setenv("SSL_CERT_DIR", dirs, 1);
	expect_choice(NULL, *state, NULL, dir);
	for (size_t i = 3; i-- > 0;) { /* from the last that counts to the first */
		setenv(variables[i], own, 1);
		expect_choice(NULL, *state, own, NULL);
		expect_choice(system, *state, system, NULL);
		if (i > 0)
			setenv(variables[i], "/nonexistent", 1); /* the next one has precedence */
	}
	for (size_t i = 0; i < 4; i++)
		setenv(variables[i], "", 1); /* as if it were not set */
	expect_choice(NULL, *state, system, NULL);
}

static void what_is_named_must_be_there(void **state)
{
	_cleanup_free_ char *none = path_below(*state, "/none.pem");
	_cleanup_free_ char *empty = path_below(*state, "/empty.pem");
	struct ca_bundle bundle;

	put(*state, "/etc/ssl/cert.pem", "certificates");
	put(*state, "/empty.pem", "");
	assert_int_equal(ca_bundle_choose(none, *state, &bundle), -1);
	assert_int_equal(ca_bundle_choose(empty, *state, &bundle), -1);
	assert_int_equal(ca_bundle_choose(*state, *state, &bundle), -1); /* a directory */
	for (size_t i = 0; i < 4; i++) {
		setenv(variables[i], none, 1);
		assert_int_equal(ca_bundle_choose(NULL, *state, &bundle), -1);
		unsetenv(variables[i]);
	}
	setenv("SSL_CERT_DIR", *state, 1); /* no certificate in it */
	assert_int_equal(ca_bundle_choose(NULL, *state, &bundle), -1);
}

/* What is wrong with a name that was given, where it was given, and what to do. */
static void what_is_wrong_with_a_name_is_said(void **state)
{
	static const struct {
		const char *variable; /* NULL: --cacert */
		const char *path, *why;
	} cases[] = {
		{NULL, "/none", "No such file or directory"},
		{NULL, "/empty.pem", "there is no certificate in it"},
		{NULL, "/dir", "Is a directory"},
		{"NIX_SSL_CERT_FILE", "/none", "No such file or directory"},
		{"SSL_CERT_FILE", "/empty.pem", "there is no certificate in it"},
		{"CURL_CA_BUNDLE", "/none", "No such file or directory"},
		{"SSL_CERT_DIR", "/none", "No such file or directory"},
		{"SSL_CERT_DIR", "/dir", "there is no certificate in it"},
		/* of several the last */
		{"SSL_CERT_DIR", "/none:/none:/empty.pem", "No such file or directory"},
		{"SSL_CERT_DIR", ":", "No such file or directory"},
	};

	put(*state, "/empty.pem", "");
	put(*state, "/dir/README", "");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *variable = cases[i].variable, *named = variable ? variable : "--cacert";
		_cleanup_free_ char *path = *cases[i].path == ':'
						    ? xstrdup(cases[i].path)
						    : path_below(*state, cases[i].path);
		_cleanup_free_ char *said = NULL, *words = NULL;
		struct ca_bundle bundle;
		struct capture capture;

		if (variable)
			setenv(variable, path, 1);
		capture_begin(&capture);
		assert_int_equal(ca_bundle_choose(variable ? NULL : path, *state, &bundle), -1);
		said = capture_end(&capture);
		if (variable)
			unsetenv(variable);
		assert_null(bundle.file);
		assert_null(bundle.dir);
		if (!variable)
			words = xasprintf("nix-user-chroot: cannot read the CA certificates in "
					  "'%s' (--cacert): %s\n"
					  "  give a file of CA certificates in PEM form\n",
					  path, cases[i].why);
		else if (strcmp(variable, "SSL_CERT_DIR") == 0)
			words = xasprintf("nix-user-chroot: cannot use the CA certificates in "
					  "'%s' (SSL_CERT_DIR): %s\n"
					  "  unset SSL_CERT_DIR, or give a file of certificates "
					  "with --cacert\n",
					  path, cases[i].why);
		else
			words = xasprintf("nix-user-chroot: cannot read the CA certificates in "
					  "'%s' (%s): %s\n"
					  "  unset %s, or give another file with --cacert\n",
					  path, named, cases[i].why, named);
		assert_string_equal(said, words);
	}
}

/* Hides every bundle of this host; false: it lets users make no namespaces. */
static bool hide_bundles(void)
{
	if (own_mounts() < 0)
		return false;
	for (size_t i = 0; ca_bundle_paths[i]; i++)
		if (fs_exists(AT_FDCWD, ca_bundle_paths[i]) &&
		    mount("/proc/self/comm", ca_bundle_paths[i], NULL, MS_BIND, NULL) < 0)
			return false;
	return true;
}

/* What is found on this host if its libcurl, as old as AGE, has the bundle FILE. */
static bool finds(CURLversion age, char *file, const char *wanted)
{
	struct ca_bundle bundle;
	bool is_it;

	of_curl.age = age;
	of_curl.cainfo = file;
	is_it = ca_bundle_choose(NULL, "", &bundle) == 0 &&
		(wanted ? bundle.file && strcmp(bundle.file, wanted) == 0 : !bundle.file);
	ca_bundle_clear(&bundle);
	return is_it;
}

static const char *look_without_bundles(void *ctx)
{
	char own[] = "/tmp/own.pem", none[] = "/nonexistent.pem";

	(void)ctx;
	if (!hide_bundles())
		return NULL;
	put("/tmp", "/own.pem", "certificates");
	if (ca_bundle_find(""))
		return "the bundles of the host are not hidden";
	if (!finds(CURLVERSION_SEVENTH, own, own))
		return "the bundle of libcurl is not found";
	/* an older libcurl has no such field; and the file may not be there */
	if (!finds(CURLVERSION_SIXTH, own, NULL))
		return "a field that an older libcurl has not";
	return finds(CURLVERSION_SEVENTH, none, NULL) ? NULL : "a file that is not there";
}

/* Where this host has no bundle, that of its libcurl counts; not for another root directory. */
static void the_bundle_of_libcurl(void **state)
{
	const char *of_host = ca_bundle_find("");
	_cleanup_free_ char *own = path_below(*state, "/own.pem");

	put(*state, "/own.pem", "certificates");
	of_curl.age = CURLVERSION_SEVENTH;
	of_curl.cainfo = own;
	expect_choice(NULL, "", of_host ? of_host : own, NULL);
	expect_choice(NULL, *state, NULL, NULL);
	assert_in_child(look_without_bundles, NULL);
	of_curl = (curl_version_info_data){0};
}

static void the_advice_names_the_package_and_every_place(void **state)
{
	_cleanup_free_ char *advice = ca_bundle_advice();

	(void)state;
	assert_non_null(strstr(advice, "ca-certificates"));
	assert_non_null(strstr(advice, "--cacert"));
	for (size_t i = 0; ca_bundle_paths[i]; i++)
		assert_non_null(strstr(advice, ca_bundle_paths[i]));
	assert_true(str_starts_with(advice, "install the package ca-certificates, or give"));
	assert_non_null(strstr(advice, "\nsearched:\n/etc/ssl/certs/ca-certificates.crt\n"));
	assert_true(str_ends_with(advice, "\n/etc/ssl/certs\n/etc/pki/tls/certs\n"
					  "/var/lib/ca-certificates/openssl\n/usr/lib/ssl/certs"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_directories_of_hashed_certificates),
		TEST(what_is_named_goes_before_what_is_found),
		TEST(what_is_named_must_be_there),
		TEST(what_is_wrong_with_a_name_is_said),
		TEST(the_bundle_of_libcurl),
		TEST(the_advice_names_the_package_and_every_place),
	};

	return cmocka_run_group_tests_name("ca_bundle", tests, NULL, NULL);
}
