/*
 * Where the profile is, as it resolves inside.
 */
#include "run/profile.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

/* Makes a home directory, and a Nix directory with one store path. */
static int setup(void **state)
{
	_cleanup_free_ char *home = NULL;
	const struct place *place;

	if (place_setup(state) != 0)
		return -1;
	place = *state;
	home = path_join(place->path, "home");
	setenv("HOME", home, 1);
	unsetenv("XDG_STATE_HOME");
	return fs_mkdirs(place->fd, "home/.local/state/nix/profiles", 0755) +
	       fs_mkdirs(place->fd, "nix/store/aa-nix/bin", 0755) +
	       fs_replace_file(place->fd, "nix/store/aa-nix/bin/nix", "x", 1, 0755);
}

static void link_to(const struct place *place, const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, place->fd, path), 0);
}

static int nix_fd(const struct place *place)
{
	return openat(place->fd, "nix", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void resolves(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *none = NULL, *xdg = NULL, *usual = NULL;
	_cleanup_close_ int nix = nix_fd(place);

	none = profile_resolve(nix, "profile", "bin/nix");
	assert_null(none);
	/* the profile leads into our store, not into the /nix that this host may have */
	link_to(place, "/nix/store/aa-nix", "home/.local/state/nix/profile");
	xdg = profile_resolve(nix, "profile", "bin/nix");
	assert_string_equal(xdg, "/nix/store/aa-nix/bin/nix");
	/* a profile that exists, but is not in the store, is passed over */
	assert_int_equal(fs_mkdirs(place->fd, "home/.nix-profile/bin", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "home/.nix-profile/bin/nix", "x", 1, 0755), 0);
	usual = profile_resolve(nix, "profile", "bin/nix");
	assert_string_equal(usual, "/nix/store/aa-nix/bin/nix");
}

static void is_found(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *shared = profile_find(), *found = NULL, *wanted = NULL;
	_cleanup_free_ char *colon = NULL, *behind = NULL, *home = NULL;
	_cleanup_(strlist_clear) struct strlist directories = {0}, shared_first = {0};

	/* the result depends on whether this host has a Nix */
	if (access("/nix/var/nix/profiles/default/bin", X_OK) == 0)
		assert_string_equal(shared, "/nix/var/nix/profiles/default");
	else
		assert_null(shared);
	assert_int_equal(fs_mkdirs(place->fd, "home/.local/state/nix/profile/bin", 0755), 0);
	/* a directory without programs is no profile */
	assert_int_equal(fs_mkdirs(place->fd, "home/.nix-profile", 0755), 0);
	found = profile_find();
	wanted = path_join(place->path, "home/.local/state/nix/profile");
	assert_string_equal(found, wanted);
	/* a directory on PATH cannot contain a colon: so the path behind the links is used */
	assert_int_equal(fs_mkdirs(place->fd, "a:b", 0755), 0);
	link_to(place, wanted, "a:b/.nix-profile");
	colon = path_join(place->path, "a:b");
	setenv("HOME", colon, 1);
	behind = profile_find();
	assert_string_equal(behind, wanted);
	home = path_join(place->path, "home");
	setenv("HOME", home, 1);
	/* somebody else keeps the Nix directory: the profile of all comes first */
	setenv("NIX_REMOTE", "local?read-only=true", 1);
	profile_directories(&shared_first);
	assert_int_equal(shared_first.count, 3);
	assert_string_equal(shared_first.items[0], "/nix/var/nix/profiles/default/bin");
	unsetenv("NIX_REMOTE");
	/* a path behind the links that has a colon as well */
	assert_int_equal(fs_mkdirs(place->fd, "a:b/c:d/bin", 0755), 0);
	assert_int_equal(unlinkat(place->fd, "a:b/.nix-profile", 0), 0);
	link_to(place, "c:d", "a:b/.nix-profile");
	setenv("HOME", colon, 1);
	assert_null(profile_find());
	setenv("HOME", home, 1);
	profile_directories(&directories);
	assert_int_equal(directories.count, 3);
	assert_string_equal(directories.items[2], "/nix/var/nix/profiles/default/bin");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(resolves, setup, place_teardown),
		cmocka_unit_test_setup_teardown(is_found, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
