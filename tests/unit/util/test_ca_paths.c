/* Where distributions keep their CA certificates, in a root directory of the test's own. */
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Makes an empty directory to be used as the root directory; *STATE is its path */
static int make_root(void **state)
{
	const char *tmp = env_get("TMPDIR");
	char *root = xasprintf("%s/test_ca_paths.XXXXXX", tmp ? tmp : "/tmp");

	*state = root;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void put(const char *root, const char *path, const char *text)
{
	_cleanup_free_ char *name = xasprintf("%s%s", root, path), *dir = path_parent(name);
	_cleanup_close_ int fd = -1;

	assert_int_equal(fs_mkdirs(AT_FDCWD, dir, 0755), 0);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static void expect_found(const char *root, const char *path)
{
	const char *found = ca_bundle_find(root);

	if (path)
		assert_string_equal(found, path);
	else
		assert_null(found);
}

static void finds_the_bundle_of_every_distribution(void **state)
{
	size_t count = 0;

	expect_found(*state, NULL);
	while (ca_bundle_paths[count])
		count++;
	assert_true(count >= 9);
	/*
	 * add the paths from the last to the first: each has precedence over those that are there
	 * already
	 */
	while (count-- > 0) {
		put(*state, ca_bundle_paths[count], "certificates");
		expect_found(*state, ca_bundle_paths[count]);
	}
	/* the first is where Nix itself looks, so that Nix needs no setting there */
	expect_found(*state, "/etc/ssl/certs/ca-certificates.crt");
}

static void follows_links_and_passes_by_what_is_no_bundle(void **state)
{
	const char *root = *state;
	_cleanup_free_ char *link = xasprintf("%s/etc/ssl/cert.pem", root);
	_cleanup_free_ char *dangling = xasprintf("%s/etc/ssl/ca-bundle.pem", root);
	_cleanup_free_ char *dir = xasprintf("%s/etc/pki/tls/certs/ca-bundle.crt", root);
	_cleanup_free_ char *empty = xasprintf("%s/etc/ssl/certs/ca-certificates.crt", root);

	put(root, "/etc/ssl/certs/ca-certificates.crt", "");
	assert_int_equal(fs_mkdirs(AT_FDCWD, dir, 0755), 0);
	assert_int_equal(symlink("../nowhere", dangling), 0);
	assert_int_equal(symlink("../bundle", link), 0);
	expect_found(root, NULL);
	assert_int_equal(ca_bundle_check(empty), -ENODATA);
	assert_int_equal(ca_bundle_check(dir), -EISDIR);
	assert_int_equal(ca_bundle_check(dangling), -ENOENT);
	put(root, "/etc/bundle", "certificates");
	expect_found(root, "/etc/ssl/cert.pem");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_the_bundle_of_every_distribution),
		TEST(follows_links_and_passes_by_what_is_no_bundle),
	};

	return cmocka_run_group_tests_name("ca_paths", tests, NULL, NULL);
}
