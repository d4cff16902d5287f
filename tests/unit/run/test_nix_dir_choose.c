/* The choice between the default Nix directory, ~/.nix and /nix itself. */
#include "run/nix_dir.h"
#include "run/userns.h"
#include "ui/log.h"
#include "util/capability.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../filter.h"
#include "own_mounts.h"

/* Another Nix than that of the default directory, in ~/.nix. */
static void elsewhere(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *usual = path_join(place->path, ".nix"), *found = NULL;

	clear_environment();
	assert_null(nix_dir_elsewhere("/nowhere"));
	setenv("HOME", place->path, 1);
	assert_null(nix_dir_elsewhere("/nowhere"));
	assert_int_equal(mkdirat(place->fd, ".nix", 0755), 0);
	assert_null(nix_dir_elsewhere("/nowhere"));
	/* a store is a directory */
	assert_int_equal(fs_replace_file(place->fd, ".nix/store", "", 0, 0644), 0);
	assert_null(nix_dir_elsewhere("/nowhere"));
	assert_int_equal(unlinkat(place->fd, ".nix/store", 0), 0);
	assert_int_equal(mkdirat(place->fd, ".nix/store", 0755), 0);
	found = nix_dir_elsewhere("/nowhere");
	assert_string_equal(found, usual);
	assert_null(nix_dir_elsewhere(usual));
}

/* One choice, where the place is /nix. */
struct choice {
	enum runtime asked;
	const char *named;
	bool is_installed, has_store; /* Nix in /nix; a store in the default directory */
	void (*before)(void);
	enum runtime runtime;
	const char *directory, *says; /* the result */
};

static const struct place *present;

static int choose(const void *context)
{
	const struct choice *choice = context;
	enum runtime runtime = choice->asked;
	struct refusal refusal = {0};
	char *directory;

	if (userns_enter(&(struct entry){.nix_dir_fd = present->fd, .nix_dir = "x"}, &refusal) != 0)
		return 99;
	if (choice->before)
		choice->before();
	setenv("XDG_DATA_HOME", "/nix/data", 1);
	if (choice->named)
		setenv("NIX_USER_CHROOT_DIR", choice->named, 1);
	log_set_level(LOG_VERBOSE);
	directory = nix_dir_choose(&runtime);
	printf("%s by %s", directory ? directory : "none", runtime_name(runtime));
	return fflush(stdout);
}

static void refuse_unshare(void)
{
	refuse_call(SYS_unshare, -1, EPERM);
}

static void refuse_user_namespaces(void)
{
	refuse_call_if(SYS_unshare, 0, BPF_JSET, CLONE_NEWUSER, EPERM);
}

/* A user like any other, in a namespace whose capabilities are gone. */
static void drop_all(void)
{
	if (capability_set(0, 0) < 0)
		_exit(99);
}

/* Not by a filter: that would take the privilege of the helper, too. */
static void allow_no_namespace(void)
{
	if (!filter_write("/proc/sys/user/max_mnt_namespaces", "0"))
		_exit(99);
}

static void only_a_helper(void)
{
	setenv("NIX_USER_CHROOT_HELPER", "/bin/true", 1);
	allow_no_namespace();
}

static void a_broken_helper(void)
{
	setenv("NIX_USER_CHROOT_HELPER", "/bin/false", 1);
	allow_no_namespace();
}

#define BOTH "Nix is in /nix and in /nix/data/nix: using "
#define OWN  "/nix/data/nix"
#define NOT_DIRECT                                                                        \
	"nix-user-chroot: --runtime=direct uses /nix itself, and NIX_USER_CHROOT_DIR is " \
	"/x\n  unset NIX_USER_CHROOT_DIR, or choose another runtime\n"

#define ANY    RUNTIME_AUTO
#define DIRECT RUNTIME_DIRECT
#define PROOT  RUNTIME_PROOT

static const struct choice cases[] = {
	/* nothing in /nix */
	{ANY, NULL, false, false, NULL, ANY, OWN, ""},
	{ANY, NULL, false, true, NULL, ANY, OWN, ""},
	{ANY, "/nix", false, true, NULL, ANY, "/nix", ""},
	{ANY, "/x", false, true, NULL, ANY, "/x", ""},
	{ANY, "x", false, true, NULL, ANY, "none", "NIX_USER_CHROOT_DIR is x, which is not"},
	{DIRECT, NULL, false, true, NULL, DIRECT, "/nix", ""},
	/* Nix in /nix */
	{ANY, NULL, true, false, NULL, DIRECT, "/nix", ""},
	{ANY, "/nix", true, true, NULL, DIRECT, "/nix", ""},
	{ANY, "/x", true, true, NULL, ANY, "/x", ""},
	{PROOT, NULL, true, false, NULL, PROOT, OWN, ""},
	{PROOT, "/nix", true, true, NULL, PROOT, "/nix", ""},
	{DIRECT, NULL, true, true, NULL, DIRECT, "/nix", ""},
	{DIRECT, "/nix", true, true, NULL, DIRECT, "/nix", ""},
	{DIRECT, "/x", true, true, NULL, DIRECT, "none", NOT_DIRECT},
	/* in both: that whose runtime works */
	{ANY, NULL, true, true, NULL, ANY, OWN, BOTH OWN ", whose runtime works\n"},
	{ANY, NULL, true, true, refuse_user_namespaces, ANY, OWN, BOTH OWN ","},
	{ANY, NULL, true, true, drop_all, ANY, OWN, BOTH OWN ","},
	{ANY, NULL, true, true, refuse_unshare, DIRECT, "/nix", BOTH "/nix, whose"},
	{ANY, NULL, true, true, a_broken_helper, DIRECT, "/nix", BOTH "/nix, whose"},
	{ANY, NULL, true, true, only_a_helper, ANY, OWN, BOTH OWN ", whose"},
};

static void choices(void **state)
{
	static const char record[] = "x\nruntime direct\n";

	present = *state;
	clear_environment();
	setenv("NIX_USER_CHROOT_HELPER", "none", 1);
	assert_int_equal(fs_mkdirs(present->fd, "var/nix-user-chroot", 0755), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct choice *choice = &cases[i];
		_cleanup_free_ char *said = NULL, *wanted = NULL;
		int status;

		/* root needs no helper, and has none; nor is it root without capabilities */
		if ((choice->before == only_a_helper || choice->before == drop_all) &&
		    geteuid() == 0)
			continue;
		assert_int_equal(fs_mkdirs(present->fd, "data/nix", 0755), 0);
		if (choice->has_store)
			assert_int_equal(fs_mkdirs(present->fd, "data/nix/store", 0755), 0);
		else
			(void)!unlinkat(present->fd, "data/nix/store", AT_REMOVEDIR);
		assert_int_equal(fs_replace_file(present->fd, "var/nix-user-chroot/record", record,
						 choice->is_installed ? strlen(record) : 0, 0644),
				 0);
		said = child_says(choose, choice, NULL, &status);
		/* /proc/sys is read-only here */
		if (status != 0 && WEXITSTATUS(status) == 99 && choice->before)
			continue;
		wanted = xasprintf("%s by %s", choice->directory, runtime_name(choice->runtime));
		if (status != 0 || !str_ends_with(said, wanted) || !strstr(said, choice->says))
			fail_msg("case %zu: status %x: %s", i, (unsigned)status, said);
		assert_int_equal(strcmp(said, wanted) == 0, !*choice->says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(elsewhere, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(choices, place_setup, place_teardown),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
