/* A profile that "nix profile" has written: Nix's packages in it are replaced by Nix itself. */
#include "install/profile_install.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_nix.h"

#define OWN   "var/nix/profiles/nix-user-chroot"
#define FRESH HASH(5) "-nix-2"
#define CERT2 HASH(6) "-cacert-2"
#define TOOL  "nix --extra-experimental-features nix-command flakes profile "

static int setup(void **state)
{
	struct fake_nix *nix;

	if (fake_setup(state) != 0)
		return -1;
	nix = *state;
	fake_put(nix, "store/" PROFILE "/manifest.json", "");
	/* $refused is a verb that fails */
	fake_program(
		nix, "store/" FRESH "/bin/nix",
		"echo \"${0##*/} $*\" >>/nix/asked\ncase \"$*\" in *\" $refused \"*) exit 6; esac");
	return 0;
}

/* What the script has put into its profile. */
static void put_own(const struct fake_nix *nix)
{
	fake_link(nix, OWN "/profile", "/nix/store/" HASH(7) "-own");
	fake_link(nix, "store/" HASH(7) "-own/bin/nix", "/nix/store/" FRESH "/bin/nix");
}

static void put_certificates(const struct fake_nix *nix)
{
	fake_put(nix, "store/" CERT2 "/" CERTS, "");
	fake_link(nix, "store/" HASH(7) "-own/" CERTS, "/nix/store/" CERT2 "/" CERTS);
}

static void expect(struct fake_nix *nix, int result, const char *asked, const char *words)
{
	_cleanup_free_ char *text = NULL;

	nix->request.profile = "x";
	SAID(nix, result, profile_install_finish(&nix->request));
	text = fake_text(nix, "asked");
	assert_string_equal(text, asked);
	assert_has(nix->said, words);
	assert_null(nix->request.profile);
	assert_false(fs_exists(nix->request.nix_dir_fd, OWN));
	(void)!unlinkat(nix->request.nix_dir_fd, "asked", 0);
}

static void when_it_is_needed(void **state)
{
	struct fake_nix *nix = *state;

	assert_true(profile_install_is_needed(nix->request.nix_dir_fd));
	assert_int_equal(unlinkat(nix->request.nix_dir_fd, "store/" PROFILE "/manifest.json", 0),
			 0);
	assert_false(profile_install_is_needed(nix->request.nix_dir_fd));
}

static void it_begins_empty(void **state)
{
	struct fake_nix *nix = *state;

	put_own(nix);
	SAID(nix, 0, profile_install_begin(&nix->request));
	assert_string_equal(nix->request.profile, "/nix/" OWN "/profile");
	assert_true(fs_exists(nix->request.nix_dir_fd, OWN));
	assert_false(fs_exists(nix->request.nix_dir_fd, OWN "/profile"));
	assert_int_equal(fs_remove_tree(nix->request.nix_dir_fd, "var/nix"), 0);
	fake_put(nix, "var/nix", "");
	nix->request.profile = NULL;
	SAID(nix, -1, profile_install_begin(&nix->request));
	assert_has(nix->said, OWN " in ");
	assert_null(nix->request.profile);
}

static void what_is_replaced(void **state)
{
	struct fake_nix *nix = *state;

	/* the script has put nothing there */
	expect(nix, 0, "", "");
	put_own(nix);
	expect(nix, 0, TOOL "remove /nix/store/" NIX "\n" TOOL "install /nix/store/" FRESH "\n",
	       "");
	/* certificates that were not there */
	put_own(nix);
	put_certificates(nix);
	fake_link(nix, "store/" PROFILE "/bin/nix", "/nix/store/" FRESH "/bin/nix");
	expect(nix, 0, TOOL "install /nix/store/" CERT2 "\n", "");
	/* others */
	put_own(nix);
	fake_put(nix, "store/" CACERT "/" CERTS, "");
	fake_link(nix, "store/" PROFILE "/" CERTS, "/nix/store/" CACERT "/" CERTS);
	expect(nix, 0, TOOL "remove /nix/store/" CACERT "\n" TOOL "install /nix/store/" CERT2 "\n",
	       "");
	/* the same */
	put_own(nix);
	fake_link(nix, "store/" PROFILE "/" CERTS, "/nix/store/" CERT2 "/" CERTS);
	expect(nix, 0, "", "");
}

static void what_fails(void **state)
{
	struct fake_nix *nix = *state;

	put_own(nix);
	put_certificates(nix);
	setenv("refused", "remove", 1);
	expect(nix, -1, TOOL "remove /nix/store/" NIX "\n",
	       "nix profile remove failed with status 6; its last words:");
	put_own(nix);
	setenv("refused", "install", 1);
	/* the profile has its old Nix again */
	expect(nix, -1,
	       TOOL "remove /nix/store/" NIX "\n" TOOL "install /nix/store/" FRESH "\n" TOOL
		    "rollback\n",
	       "nix profile install failed with status 6; its last words:");
	put_own(nix);
	fake_link(nix, "store/" PROFILE "/bin/nix", "/nix/store/" FRESH "/bin/nix");
	/* nothing was removed */
	expect(nix, -1, TOOL "install /nix/store/" CERT2 "\n", "nix profile install failed");
}

int main(void)
{
#define WITH_NIX(f) cmocka_unit_test_setup_teardown(f, setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		WITH_NIX(when_it_is_needed),
		WITH_NIX(it_begins_empty),
		WITH_NIX(what_is_replaced),
		WITH_NIX(what_fails),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
