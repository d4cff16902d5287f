/* A Nix directory that others own or can write to: what is looked at, and what is said. */
#include "run/trusted.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

/* Returns what trusted_check() says; its result must be WANTED. The caller frees. */
static char *check(const struct place *place, const struct trust *trust, bool is_named, int wanted)
{
	struct capture capture;
	bool is_own = !wanted;
	int r;

	capture_begin(&capture);
	r = trusted_check(trust, place->fd, place->path, is_named, &is_own);
	if (r != wanted)
		fail_msg("%d instead of %d:\n%s", r, wanted, capture_end(&capture));
	assert_int_equal(is_own, trust->self == geteuid());
	assert_int_equal(trusted_check(trust, place->fd, place->path, is_named, NULL), wanted);
	return capture_end(&capture);
}

static void assert_said(const char *said, const char *words)
{
	if (!strstr(said, words))
		fail_msg("no \"%s\" in:\n%s", words, said);
}

static void assert_good(const struct place *place, const struct trust *trust)
{
	_cleanup_free_ char *said = check(place, trust, false, 0);

	assert_string_equal(said, "");
}

static void each_place(void **state)
{
	static const char *const looked_at[] = {
		"store",
		"var",
		"var/nix",
		"var/nix/profiles",
		"var/nix-user-chroot",
		"etc",
		"etc/nix",
		"etc/nix/nix.conf",
		"etc/nix-user-chroot",
		"etc/nix-user-chroot/path-config.toml",
	};
	const struct place *place = *state;
	const struct trusted_wish nobody = {0};
	struct trust trust;

	assert_int_equal(trusted_find(&nobody, &trust), 0);
	assert_good(place, &trust);
	for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
		_cleanup_free_ char *said = NULL, *path = path_join(place->path, looked_at[i]);

		assert_int_equal(fs_mkdirs(place->fd, looked_at[i], 0755), 0);
		assert_good(place, &trust);
		assert_int_equal(fchmodat(place->fd, looked_at[i], 0757, 0), 0);
		said = check(place, &trust, false, -1);
		assert_said(said, path);
		assert_said(said, " and can be written to by everybody\n");
		assert_int_equal(fchmodat(place->fd, looked_at[i], 0755, 0), 0);
	}
	/* what is not on the list is nobody's concern */
	assert_int_equal(fs_mkdirs(place->fd, "other", 0755), 0);
	assert_int_equal(fchmodat(place->fd, "other", 0777, 0), 0);
	assert_good(place, &trust);
}

static void flaws(void **state)
{
	const struct place *place = *state;
	const struct trusted_wish nobody = {0};
	const struct group *entry = getgrgid(getegid());
	_cleanup_free_ char *group =
		entry ? xstrdup(entry->gr_name) : xasprintf("%lu", (unsigned long)getegid());
	_cleanup_free_ char *others = NULL, *by_group = NULL, *owner = NULL, *named = NULL;
	_cleanup_free_ char *not_own = NULL, *other_group = NULL, *quiet = NULL, *shared = NULL;
	struct trust trust;

	assert_int_equal(trusted_find(&nobody, &trust), 0);
	assert_int_equal(fchmod(place->fd, 0702), 0);
	others = check(place, &trust, false, -1);
	assert_said(others, "is not used as the Nix directory, or in it: it belongs to ");
	assert_said(others, "  chmod go-w '/");
	assert_int_equal(fchmod(place->fd, 0720), 0);
	by_group = check(place, &trust, false, -1);
	assert_said(by_group, " and can be written to by its group\n  chmod g-w '/");
	shared =
		xasprintf("; if it is shared with the group %s on purpose, use --shared-group=%s\n",
			  group, group);
	assert_said(by_group, shared);
	trust.has_group = true;
	trust.group = getegid();
	assert_good(place, &trust);
	trust.has_group = false;
	/* the user's word counts more, but a note is made of it */
	quiet = check(place, &trust, true, 0);
	assert_string_equal(quiet, "");
	log_set_level(LOG_VERBOSE);
	named = check(place, &trust, true, 0);
	log_set_level(LOG_NORMAL);
	assert_said(named, " and can be written to by its group; it is used, since you named it\n");
	if (geteuid() == 0)
		return;
	/* as for another user who trusts this one */
	trust.self = geteuid() + 1;
	trust.has_owner = true;
	trust.owner = geteuid();
	other_group = check(place, &trust, false, -1);
	assert_said(other_group, "\n  ask its owner to run chmod g-w '/");
	assert_said(other_group,
		    ", or set NIX_USER_CHROOT_DIR to a directory of your own elsewhere;");
	assert_int_equal(fchmod(place->fd, 0702), 0);
	not_own = check(place, &trust, false, -1);
	assert_said(not_own, "\n  ask its owner to run chmod go-w '/");
	assert_int_equal(fchmod(place->fd, 0700), 0);
	assert_good(place, &trust);
	trust.has_owner = false;
	owner = check(place, &trust, false, -1);
	assert_said(owner, " and is neither yours nor root's\n");
	assert_said(owner, "if you trust ");
	assert_said(owner, " with everything that you run, use --trust-owner=");
}

static void who_is_unknown(void **state)
{
	const struct trusted_wish owner = {.owner = "no-such-user", .group = "0"};
	const struct trusted_wish group = {.owner = "0", .group = "no-such-group"};
	const struct trusted_wish both = {.owner = "0", .group = "0"};
	struct capture capture;
	_cleanup_free_ char *said = NULL;
	struct trust trust;

	(void)state;
	capture_begin(&capture);
	assert_int_equal(trusted_find(&owner, &trust), -1);
	assert_int_equal(trusted_find(&group, &trust), -1);
	assert_int_equal(trusted_find(&both, &trust), 0);
	said = capture_end(&capture);
	assert_said(said, "there is no user no-such-user here\n");
	assert_said(said, "there is no group no-such-group here\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_place, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(flaws, place_setup, place_teardown),
		cmocka_unit_test(who_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
