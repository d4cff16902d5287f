/* Where an installation goes, and by which runtime: what is asked for, and what the host allows. */
#include "install/site.h"
#include "run/userns.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"
#include "../run/own_mounts.h"

#define AUTO   RUNTIME_AUTO
#define USERNS RUNTIME_USERNS
#define DIRECT RUNTIME_DIRECT
#define PROOT  RUNTIME_PROOT

#define OWN "/nix/data/nix"

static void refuse_unshare(void)
{
	refuse_call(SYS_unshare, -1, EPERM);
}

/* One choice, where the place is /nix. */
struct choice {
	enum runtime asked;
	const char *named, *proot; /* NIX_USER_CHROOT_DIR and _PROOT */
	bool has_store;		   /* in the default directory */
	void (*before)(void);
	int r;
	const char *found; /* or what is said */
};

static const struct choice choices[] = {
	/* the first that works is not /nix itself */
	{AUTO, NULL, NULL, false, NULL, 0, OWN " userns"},
	{AUTO, "/nix", NULL, false, NULL, 0, "/nix userns"},
	/* /nix itself, unless another directory is named, or has a store */
	{AUTO, NULL, "none", false, refuse_unshare, 0, "/nix direct"},
	{AUTO, "/nix", "none", false, refuse_unshare, 0, "/nix direct"},
	{AUTO, NULL, "none", true, refuse_unshare, 0, OWN " auto"},
	{AUTO, "/nix/x", "none", false, refuse_unshare, 0, "/nix/x auto"},
	/* PRoot is fetched if nothing else works, or if it is asked for */
	{AUTO, NULL, NULL, false, refuse_unshare, 0, "/nix direct"},
	{AUTO, NULL, NULL, true, refuse_unshare, 0, OWN " proot, to be fetched"},
	{AUTO, "/nix/x", NULL, false, refuse_unshare, 0, "/nix/x proot, to be fetched"},
	{PROOT, NULL, NULL, false, NULL, 0, OWN " proot, to be fetched"},
	{PROOT, NULL, "none", false, NULL, 0, OWN " proot"},
	{USERNS, NULL, NULL, false, refuse_unshare, 0, OWN " userns"},
	{DIRECT, NULL, NULL, false, refuse_unshare, 0, "/nix direct"},
	/* nothing can be tried */
	{AUTO, NULL, NULL, false, refuse_forks, -1,
	 "cannot try what this host allows: Resource temporarily unavailable\n"
	 "  the limit of processes may be reached: ulimit -u\n"},
};

static const struct place *present;

static int choose(const void *context)
{
	const struct choice *choice = context;
	struct refusal refusal = {0};
	struct site site;
	int r;

	if (userns_enter(&(struct entry){.nix_dir_fd = present->fd, .nix_dir = "x"}, &refusal) != 0)
		return 99;
	setenv("XDG_DATA_HOME", "/nix/data", 1);
	setenv("PATH", "/nowhere", 1);
	setenv("HOME", "/nix/home", 1);
	setenv("NIX_USER_CHROOT_HELPER", "none", 1);
	if (choice->named)
		setenv("NIX_USER_CHROOT_DIR", choice->named, 1);
	if (choice->proot)
		setenv("NIX_USER_CHROOT_PROOT", choice->proot, 1);
	if (choice->before)
		choice->before();
	r = site_find(choice->asked, &(struct trusted_wish){0}, &site);
	if (r == 0)
		printf("%s %s%s", site.nix_dir, runtime_name(site.runtime),
		       site.wants_proot ? ", to be fetched" : "");
	return fflush(stdout) < 0 ? 98 : r < 0;
}

static void which(void **state)
{
	present = *state;
	clear_environment();
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		const struct choice *choice = &choices[i];
		_cleanup_free_ char *said = NULL;
		int status;

		assert_int_equal(fs_mkdirs(present->fd, "data/nix", 0755), 0);
		if (choice->has_store)
			assert_int_equal(fs_mkdirs(present->fd, "data/nix/store", 0755), 0);
		said = child_says(choose, choice, NULL, &status);
		if (choice->has_store)
			assert_int_equal(unlinkat(present->fd, "data/nix/store", AT_REMOVEDIR), 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != -choice->r ||
		    !strstr(said, choice->found) ||
		    (choice->r == 0 && strcmp(said, choice->found) != 0))
			fail_msg("case %zu: status %x: %s", i, (unsigned)status, said);
	}
}

/* A store that is there: whose it seems to be, and who may write to it. */
struct store {
	bool is_own, is_trusted;
	mode_t mode;
	int r;
	const char *says;
};

static int check_store(const void *context)
{
	const struct store *store = context;
	const uid_t uid = geteuid();
	struct site site = {.nix_dir = present->path};

	/* it belongs to this user, so this user seems to be root */
	refuse_call(SYS_geteuid, -1, 0);
	/* the namespace of this test gives more than its user has */
	if (!(store->mode & 0200))
		refuse_call(SYS_faccessat2, -1, EACCES);
	site.trust = (struct trust){
		.self = store->is_own ? uid : 0, .has_owner = store->is_trusted, .owner = uid};
	return site_check(&site, present->fd) < 0;
}

static void of_somebody_else(void **state)
{
	static const struct store stores[] = {
		{false, true, 0555, -1, "there is a store already, which belongs to "},
		{false, true, 0755, 0, NULL},
		{false, false, 0755, -1, " is not used as the Nix directory"},
		{true, false, 0555, 0, NULL},
	};

	present = *state;
	/* older kernels have no call that answers for the effective user, and so none to refuse */
	if (geteuid() == 0 || syscall(SYS_faccessat2, AT_FDCWD, "/", F_OK, 0) < 0)
		skip();
	assert_int_equal(mkdirat(present->fd, "store", 0755), 0);
	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		_cleanup_free_ char *said = NULL;
		int status;

		assert_int_equal(fchmodat(present->fd, "store", stores[i].mode, 0), 0);
		said = child_says(check_store, &stores[i], NULL, &status);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != -stores[i].r ||
		    (stores[i].says ? !strstr(said, stores[i].says) : *said != '\0'))
			fail_msg("case %zu: status %x: %s", i, (unsigned)status, said);
	}
	assert_int_equal(fchmodat(present->fd, "store", 0755, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(which, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(of_somebody_else, place_setup, place_teardown),
	};

	if (!filter_host_allows_all() || own_mounts() < 0) {
		puts("1..0 # SKIP this host allows no namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
