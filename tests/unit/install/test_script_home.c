/* What Nix's install script must not change in the home directory, and what is turned off for it.
 */
#include "install/script_home.h"
#include "ui/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_nix.h"

#define SCRIPT LAYOUT_STAGING "/nix-1/install"
#define FISH   ".config/fish/conf.d/nix.fish"
#define NEW                                                        \
	"\\nif test -e /h/.nix-profile/etc/profile.d/nix.fish; . " \
	"/h/.nix-profile/etc/profile.d/nix.fish; end # added by Nix installer\\n"
#define WRITES                                                                                   \
	"echo \"$NIX_INSTALLER_NO_MODIFY_PROFILE,$NIX_INSTALLER_NO_CHANNEL_ADD,$NIX_PROFILE\""   \
	" >/nix/asked\n[ -n \"$NIX_INSTALLER_NO_MODIFY_PROFILE\" ] || printf '" NEW "' >~/" FISH \
	"\n"

static struct site site;
static struct install_request asked;

static int setup(void **state)
{
	struct fake_nix *nix;

	if (fake_setup(state) != 0)
		return -1;
	nix = *state;
	fake_program(nix, SCRIPT, WRITES);
	fake_put(nix, "../" FISH, "mine\n");
	site = (struct site){.nix_dir = xstrdup(nix->nix_dir)};
	return home_find(&site.home);
}

static int teardown(void **state)
{
	site_clear(&site);
	return fake_teardown(state);
}

/* The result must be RESULT, and WORDS be said; the script then got VARIABLES (NULL: did not run).
 */
static void expect(struct fake_nix *nix, int result, const char *words, const char *variables)
{
	const struct installation in = {&asked, &site, &nix->progress};
	_cleanup_free_ char *got = NULL;

	(void)!unlinkat(nix->request.nix_dir_fd, "asked", 0);
	SAID(nix, result, script_run_at_home(&in, &nix->request));
	if (*words)
		assert_has(nix->said, words);
	else
		assert_string_equal(nix->said, "");
	got = fake_text(nix, "asked");
	assert_string_equal(got, variables ? variables : "");
}

static void assert_fish(const struct fake_nix *nix, const char *wanted)
{
	_cleanup_free_ char *text = fake_text(nix, "../" FISH);

	assert_string_equal(text, wanted);
	assert_false(fs_exists(nix->request.nix_dir_fd, LAYOUT_FISH));
}

static void the_users_file_for_fish(void **state)
{
	struct fake_nix *nix = *state;
	_cleanup_free_ char *text = NULL;

	expect(nix, 0, "", ",,\n");
	assert_fish(nix, "mine\n");
	log_set_level(LOG_VERBOSE);
	expect(nix, 0, FISH " is yours, and stays: fish gets no line for Nix\n", ",,\n");
	fake_program(nix, SCRIPT, WRITES "exit 2");
	expect(nix, -1, "failed with status 2", ",,\n");
	log_set_level(LOG_NORMAL);
	assert_has_not(nix->said, "is yours");
	assert_fish(nix, "mine\n");
	/* what is not touched is not kept */
	nix->request.no_modify_profile = true;
	fake_program(nix, SCRIPT, WRITES);
	log_set_level(LOG_VERBOSE);
	expect(nix, 0, "runtime", "1,,\n");
	log_set_level(LOG_NORMAL);
	assert_has_not(nix->said, "is yours");
	assert_fish(nix, "mine\n");
	/* there is none: the script's stays */
	nix->request.no_modify_profile = false;
	unsetenv("NIX_INSTALLER_NO_MODIFY_PROFILE");
	assert_int_equal(unlinkat(nix->place->fd, FISH, 0), 0);
	expect(nix, 0, "", ",,\n");
	text = fake_text(nix, "../" FISH);
	assert_has(text, "# added by Nix installer\n");
}

static void a_file_that_cannot_be_kept(void **state)
{
	struct fake_nix *nix = *state;
	_cleanup_free_ char *kept = NULL;

	/* where the copy of it would be, there is something */
	assert_int_equal(mkdirat(nix->request.nix_dir_fd, LAYOUT_FISH, 0755), 0);
	expect(nix, -1, FISH " as it is, which the Nix install script writes anew: Is a dir", NULL);
	assert_int_equal(unlinkat(nix->request.nix_dir_fd, LAYOUT_FISH, AT_REMOVEDIR), 0);
	/* it is kept, cannot be put back, and is not lost */
	fake_program(nix, SCRIPT, WRITES "rm ~/" FISH "\nmkdir ~/" FISH);
	expect(nix, -1, FISH " as it is, which the Nix install script writes anew: Is a dir",
	       ",,\n");
	kept = fake_text(nix, LAYOUT_FISH);
	assert_string_equal(kept, "mine\n");
}

static void what_is_turned_off(void **state)
{
	struct fake_nix *nix = *state;

	assert_int_equal(unlinkat(nix->place->fd, FISH, 0), 0);
	assert_int_equal(mkdirat(nix->place->fd, FISH, 0755), 0);
	expect(nix, 0, FISH " cannot be written, and the Nix install script would end there: no ",
	       "1,,\n");
	assert_true(nix->request.no_modify_profile);
	assert_false(nix->request.no_channel_add);
	/* it is off, so nothing is to be said */
	expect(nix, 0, "", "1,,\n");
	if (geteuid() == 0)
		return;
	fake_link(nix, "../.local/state/nix/profiles/channels", "/nix/store/of-another");
	expect(nix, 0, "/channels is another Nix's, and stays as it is: there is no channel here",
	       "1,1,\n");
	assert_true(nix->request.no_channel_add);
	expect(nix, 0, "", "1,1,\n");
}

static void no_place_for_the_profile(void **state)
{
	struct fake_nix *nix = *state;

	fake_link(nix, "../.nix-profile", "/nix/var/nix/profiles/per-user/u/profile");
	fake_put(nix, "var/nix", "");
	expect(nix, -1, "cannot make the link to your Nix profile in ", NULL);
	assert_has(nix->said, ": Not a directory\n  see who may write there\n");
}

static void a_profile_of_nix_profile(void **state)
{
	static const char own[] = "var/nix/profiles/nix-user-chroot";
	struct fake_nix *nix = *state;

	/* Nix knows what is in it, so it does not begin anew */
	fake_put(nix, "var/nix/db/db.sqlite", "/nix/store/" PROFILE);
	fake_put(nix, "store/" PROFILE "/manifest.json", "");
	expect(nix, 0, "", ",,/nix/var/nix/profiles/nix-user-chroot/profile\n");
	assert_false(fs_exists(nix->request.nix_dir_fd, own));
	unsetenv("NIX_PROFILE");
	fake_program(nix, SCRIPT, WRITES "exit 2");
	expect(nix, -1, "failed with status 2",
	       ",,/nix/var/nix/profiles/nix-user-chroot/profile\n");
	fake_put(nix, "var/nix/profiles/x", "");
	assert_int_equal(fs_remove_tree(nix->request.nix_dir_fd, "var/nix/profiles"), 0);
	fake_put(nix, "var/nix/profiles", "");
	expect(nix, -1, "cannot make the directory ", NULL);
}

int main(void)
{
#define WITH_NIX(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_NIX(the_users_file_for_fish),  WITH_NIX(a_file_that_cannot_be_kept),
		WITH_NIX(what_is_turned_off),	    WITH_NIX(no_place_for_the_profile),
		WITH_NIX(a_profile_of_nix_profile),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
