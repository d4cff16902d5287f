/* The default Nix directory. */
#include "run/nix_dir.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

#define PREFIX "nix-user-chroot: "

/* Returns the result of nix_dir_default() and its messages; the caller frees. */
static char *default_dir(void)
{
	struct capture capture;
	char *directory, *said, *both;

	capture_begin(&capture);
	directory = nix_dir_default();
	said = capture_end(&capture);
	assert_true(!directory != !*said);
	both = directory ? directory : xstrdup(said);
	free(said);
	return both;
}

static void assert_default_dir(const char *expected)
{
	_cleanup_free_ char *found = default_dir();

	assert_string_equal(found, expected);
}

static void default_directory(void **state)
{
	(void)state;
	setenv("HOME", "/nowhere/me", 1);
	assert_default_dir("/nowhere/me/.local/share/nix");
	setenv("XDG_DATA_HOME", "relative", 1);
	assert_default_dir("/nowhere/me/.local/share/nix");
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_default_dir("/data/nix");
	setenv("NIX_USER_CHROOT_DIR", "", 1);
	assert_default_dir("/data/nix");
	setenv("NIX_USER_CHROOT_DIR", "/named", 1);
	assert_default_dir("/named");
	setenv("NIX_USER_CHROOT_DIR", "named", 1);
	assert_default_dir(PREFIX "NIX_USER_CHROOT_DIR is named, which is not an absolute path\n"
				  "  set it to one that begins with /\n");
}

static void no_home(void **state)
{
	const char *advice = "set HOME, or NIX_USER_CHROOT_DIR to the directory that is to be /nix";
	_cleanup_free_ char *unset =
		xasprintf(PREFIX "cannot tell where Nix is: HOME is not set\n  %s\n", advice);
	_cleanup_free_ char *relative = xasprintf(
		PREFIX "cannot tell where Nix is: HOME is not an absolute path\n  %s\n", advice);

	(void)state;
	assert_default_dir(unset);
	setenv("HOME", "me", 1);
	assert_default_dir(relative);
}

static void the_older_default_directory(void **state)
{
	const char *tmp = getenv("TEST_TMPDIR");
	_cleanup_free_ char *home = xasprintf("%s/test_nix_dir.XXXXXX", tmp ? tmp : "/tmp");
	_cleanup_free_ char *older = NULL, *present = NULL;
	_cleanup_close_ int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(home));
	older = xasprintf("%s/.data/nix", home);
	present = xasprintf("%s/.local/share/nix", home);
	fd = fs_open_dir(AT_FDCWD, home);
	setenv("HOME", home, 1);
	assert_int_equal(fs_mkdirs(fd, ".data/nix", 0755), 0);
	assert_default_dir(present);
	assert_int_equal(fs_mkdirs(fd, ".data/nix/store", 0755), 0);
	assert_default_dir(older);
	/* not where another place was asked for; a relative one does not count */
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_default_dir("/data/nix");
	setenv("XDG_DATA_HOME", "data", 1);
	assert_default_dir(older);
	unsetenv("XDG_DATA_HOME");
	/* the current default directory wins if both contain a store */
	assert_int_equal(fs_mkdirs(fd, ".local/share/nix/store", 0755), 0);
	assert_default_dir(present);
	assert_int_equal(fs_remove_tree(AT_FDCWD, home), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, empty_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(default_directory),
		TEST(no_home),
		TEST(the_older_default_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
