/* What of the user's own would make Nix fail. */
#include "install/user_checks.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"

static int setup(void **state)
{
	if (empty_environment(NULL) != 0 || place_setup(state) != 0)
		return -1;
	return setenv("HOME", ((struct place *)*state)->path, 1);
}

/* The result of user_checks() for HOME; *SAID, the caller's to free, is what it says. */
static int check(char **said)
{
	const struct install_request request = {0};
	const struct nix_conf_facts facts = {0};
	struct site site = {.nix_dir = (char[]){"/nowhere/nix"}};
	struct capture capture;
	int r;

	assert_int_equal(home_find(&site.home), 0);
	capture_begin(&capture);
	r = user_checks(&site, &request, &facts);
	*said = capture_end(&capture);
	home_clear(&site.home);
	return r;
}

static void passes(void)
{
	_cleanup_free_ char *said = NULL;

	if (check(&said) != 0 || *said)
		fail_msg("said %s", said);
}

static void refuses(const char *message)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(check(&said), -1);
	assert_one_message(said, message);
}

static void temporary_files(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *file = path_join(place->path, "file");
	_cleanup_free_ char *gone = path_join(place->path, "gone");
	_cleanup_free_ char *locked = path_join(place->path, "locked");

	passes();
	assert_int_equal(fs_replace_file(place->fd, "file", "", 0, 0644), 0);
	assert_int_equal(mkdirat(place->fd, "locked", 0500), 0);
	setenv("TMPDIR", gone, 1);
	refuses("/gone, where Nix cannot make its files: No such file or directory\n");
	setenv("TMPDIR", file, 1);
	refuses("/file, where Nix cannot make its files: Not a directory\n");
	setenv("TMPDIR", "relative", 1);
	refuses("TMPDIR is relative, where Nix cannot make its files: "
		"it is not an absolute path\n");
	if (geteuid() != 0) {
		setenv("TMPDIR", locked, 1);
		refuses("/locked, where Nix cannot make its files: Permission denied\n"
			"  set TMPDIR to a directory that you may write to, or unset it, for /tmp\n");
		/* files in it could not be opened */
		assert_int_equal(fchmodat(place->fd, "locked", 0600, 0), 0);
		refuses("/locked, where Nix cannot make its files: Permission denied\n");
	}
	setenv("TMPDIR", place->path, 1);
	passes();
	unsetenv("TMPDIR");
	passes();
}

static void another_store(void **state)
{
	(void)state;
	setenv("NIX_CONFIG", "store = /elsewhere", 1);
	/* that of the environment does not count */
	passes();
	unsetenv("NIX_CONFIG");
}

static void another_store_in_a_file(void **state)
{
	static const struct {
		const char *text;
		bool is_fine;
	} cases[] = {
		{"store = auto\n", true},	 {"store = local\n", true},   {"cores = 2\n", true},
		{"store = /elsewhere\n", false}, {"store = daemon\n", false},
	};
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, ".config/nix", 0755), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fs_replace_file(place->fd, ".config/nix/nix.conf", cases[i].text,
						 strlen(cases[i].text), 0644),
				 0);
		if (cases[i].is_fine)
			passes();
		else
			refuses("/.config/nix/nix.conf has 'store = ");
	}
	/* the one that counts is shown */
	assert_int_equal(fs_replace_file(place->fd, ".config/nix/nix.conf",
					 "store = auto\nstore = /x\n", 24, 0644),
			 0);
	refuses(" has 'store = /x', which is for another Nix: this one would not use the store ");
}

/* As after sudo; root could write all the same. */
static void places_of_root(void **state)
{
	const struct place *place = *state;

	if (geteuid() == 0) {
		/* its own profile is elsewhere */
		assert_int_equal(fs_mkdirs(place->fd, ".local/state", 0755), 0);
		assert_int_equal(fs_replace_file(place->fd, ".local/state/nix", "", 0, 0644), 0);
		passes();
		return;
	}
	assert_int_equal(fs_mkdirs(place->fd, ".local/state/nix", 0755), 0);
	assert_int_equal(fchmodat(place->fd, ".local/state/nix", 0500, 0), 0);
	refuses("/.local/state/nix cannot be written, where Nix keeps your profile: "
		"Permission denied\n");
	assert_int_equal(fchmodat(place->fd, ".local/state/nix", 0600, 0), 0);
	refuses("/.local/state/nix cannot be written, where Nix keeps your profile: ");
	assert_int_equal(fchmodat(place->fd, ".local/state/nix", 0700, 0), 0);
	passes();
	assert_int_equal(fchmod(place->fd, 0500), 0);
	refuses(" cannot be written, where Nix keeps your profile: Permission denied\n");
	assert_int_equal(fchmod(place->fd, 0700), 0);
}

/* A profile that is no link is not one that can be replaced. */
static void a_profile_that_is_a_directory(void **state)
{
	const struct place *place = *state;

	assert_int_equal(mkdirat(place->fd, ".nix-profile", 0755), 0);
	refuses("/.nix-profile");
}

int main(void)
{
#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, setup, place_teardown)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(temporary_files),
		WITH_PLACE(another_store),
		WITH_PLACE(another_store_in_a_file),
		WITH_PLACE(places_of_root),
		WITH_PLACE(a_profile_that_is_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
