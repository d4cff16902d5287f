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

#include <cmocka.h>

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

static void the_advice_names_the_package_and_every_place(void **state)
{
	_cleanup_free_ char *advice = ca_bundle_advice();

	(void)state;
	assert_non_null(strstr(advice, "ca-certificates"));
	assert_non_null(strstr(advice, "--cacert"));
	for (size_t i = 0; ca_bundle_paths[i]; i++)
		assert_non_null(strstr(advice, ca_bundle_paths[i]));
	assert_non_null(strstr(advice, "/etc/pki/tls/certs"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_directories_of_hashed_certificates),
		TEST(what_is_named_goes_before_what_is_found),
		TEST(what_is_named_must_be_there),
		TEST(the_advice_names_the_package_and_every_place),
	};

	return cmocka_run_group_tests_name("ca_bundle", tests, NULL, NULL);
}
