/*
 * Entering with a root of our own, on hosts that refuse one step of it: which runtime is tried
 * next, what is said, and that nothing has changed then.
 */
#include "run/own_root.h"
#include "chroot/plan_compare.h"
#include "run/direct.h"
#include "run/environment.h"
#include "run/mountns.h"
#include "ui/log.h"
#include "util/capability.h"
#include "util/cleanup.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../filter.h"
#include "../place.h"
#include "own_mounts.h"

/* One attempt of a child. */
struct call {
	const struct place *place;
	bool is_named; /* the runtime was asked for by name */
	bool with_user_namespace;
	bool is_mountns; /* by mountns_enter() */
	bool has_no_directory;
	void (*before)(void);
};

static int attempt(const struct call *call, struct refusal *refusal)
{
	const struct entry entry = {.nix_dir_fd = call->has_no_directory ? -1 : call->place->fd,
				    .nix_dir = call->place->path};
	_cleanup_(plan_clear) struct plan plan = {0};
	uint64_t fingerprint;

	if (call->is_mountns)
		return mountns_enter(&entry, refusal);
	if (own_root_plan(&(struct entry){.nix_dir_fd = call->place->fd, .nix_dir = "x"},
			  call->with_user_namespace, &plan, &fingerprint) < 0)
		return 98;
	return own_root_enter(&entry, &plan, call->with_user_namespace, refusal);
}

static int enter(const void *context)
{
	const struct call *call = context;
	struct refusal refusal = {0};
	_cleanup_free_ char *here = NULL;
	struct stat nix;
	int r;

	log_set_level(LOG_VERBOSE);
	if (call->before)
		call->before();
	if (chdir("/usr") < 0)
		return 99;
	r = attempt(call, call->is_named ? NULL : &refusal);
	here = getcwd(NULL, 0);
	printf("r=%d, cwd %s, refused: %s, %s, %d. /nix is %s\n", r, here ? here : "-",
	       refusal.what ? refusal.what : "-", strerror(refusal.err), (int)refusal.step,
	       stat("/nix", &nix) == 0 && nix.st_uid == geteuid() ? "ours" : "not ours");
	return fflush(stdout);
}

static char *says(const struct call *call)
{
	int status;
	char *said = child_says(enter, call, NULL, &status);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER) {
		free(said);
		skip();
	}
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
	return said;
}

#define SAYS(...) says(&(struct call){.place = place, __VA_ARGS__})

static void assert_refused(const char *said, const char *what, int err, enum check_step step)
{
	_cleanup_free_ char *words =
		xasprintf("r=1, cwd /usr, refused: %s, %s, %d. ", what, strerror(err), (int)step);

	assert_has(said, words);
	/* the caller says it, if no other runtime works */
	assert_has_not(said, "nix-user-chroot: ");
}

/* The host refuses nothing. */
static void enters(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *user = SAYS(.with_user_namespace = true), *mounts = SAYS(0);
	_cleanup_free_ char *named = SAYS(.is_named = true), *by_runtime = SAYS(.is_mountns = true);

	assert_has(user, "r=0, cwd -, refused: -, Success, 0. /nix is ours\n");
	assert_string_equal(mounts, user);
	assert_string_equal(named, user);
	assert_string_equal(by_runtime, user);
}

/* A directory that cannot be entered: said, and no other runtime is tried. */
static void no_directory(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = SAYS(.has_no_directory = true, .with_user_namespace = true);

	assert_has(said, "cannot enter the directory /");
	assert_has(said, ": Bad file descriptor\n  NIXPATH must be a directory that you may ");
	assert_has(said, "r=-1, cwd /usr, refused: -, ");
}

static void refuse_unshare(void)
{
	refuse_call(SYS_unshare, -1, EPERM);
}

static void kill_unshare(void)
{
	forbid_call(SYS_unshare);
}

static void refuse_mounts(void)
{
	refuse_call(SYS_mount, -1, EPERM);
}

static void refuse_pivot_root(void)
{
	refuse_call(SYS_pivot_root, -1, EINVAL);
}

static void refuse_forks_and_unshare(void)
{
	refuse_call(SYS_unshare, -1, EPERM);
	refuse_forks();
}

/* A filter that concerns nothing of this. */
static void any_filter(void)
{
	refuse_call(SYS_reboot, -1, EPERM);
}

/* Under a filter each step is tried by a child before. */
static void filters(void **state)
{
	static const struct {
		void (*before)(void);
		const char *what;
		int err;
		enum check_step user, mounts;
	} cases[] = {
		{refuse_mounts, "mount", EPERM, CHECK_SLAVE, CHECK_SLAVE},
		{refuse_pivot_root, "pivot_root", EINVAL, CHECK_PIVOT_ROOT, CHECK_PIVOT_ROOT},
	};
	const struct place *place = *state;
	_cleanup_free_ char *user = NULL, *mounts = NULL, *killed = NULL, *other = NULL;
	_cleanup_free_ char *no_child = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *by_user =
			SAYS(.before = cases[i].before, .with_user_namespace = true);
		_cleanup_free_ char *by_mounts = SAYS(.before = cases[i].before);

		assert_refused(by_user, cases[i].what, cases[i].err, cases[i].user);
		assert_refused(by_mounts, cases[i].what, cases[i].err, cases[i].mounts);
	}
	user = SAYS(.before = refuse_unshare, .with_user_namespace = true);
	assert_refused(user, "create a user and mount namespace", EPERM, CHECK_USER_NAMESPACE);
	mounts = SAYS(.before = refuse_unshare);
	assert_refused(mounts, "create a mount namespace", EPERM, CHECK_MOUNT_NAMESPACE);
	killed = SAYS(.before = kill_unshare, .with_user_namespace = true);
	assert_refused(killed, "create a user and mount namespace", ENOSYS, CHECK_USER_NAMESPACE);
	other = SAYS(.before = any_filter, .with_user_namespace = true);
	assert_has(other, "r=0, cwd -, ");
	/* no child can try: the attempt itself tells, and goes back */
	no_child = SAYS(.before = refuse_forks_and_unshare, .with_user_namespace = true);
	assert_refused(no_child, "create a user and mount namespace", EPERM, CHECK_USER_NAMESPACE);
}

/* By name, the attempt itself says what fails; where it would be killed, it is not made. */
static void filters_by_name(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *refused = NULL, *mounts = NULL, *killed = NULL, *other = NULL;
	_cleanup_free_ char *slave = NULL;

	refused = SAYS(.before = refuse_unshare, .with_user_namespace = true, .is_named = true);
	assert_has(refused, "cannot create a user and mount namespace: Operation not permitted\n");
	assert_has(refused, "r=-1, ");
	mounts = SAYS(.before = refuse_unshare, .is_named = true);
	assert_has(mounts, "cannot create a mount namespace: Operation not permitted\n");
	assert_has(mounts, "r=-1, ");
	slave = SAYS(.before = refuse_mounts, .with_user_namespace = true, .is_named = true);
	assert_has(slave, "cannot keep mounts from spreading to the host: Operation not permitted");
	killed = SAYS(.before = kill_unshare, .with_user_namespace = true, .is_named = true);
	assert_has(killed, "cannot create the namespaces: unshare: ");
	assert_has(killed, "r=-1, cwd /usr, refused: -, ");
	other = SAYS(.before = any_filter, .with_user_namespace = true, .is_named = true);
	assert_has(other, "r=0, cwd -, ");
}

/* How many namespaces the user namespace of a child may have: none. */
static void allow_none(const char *path)
{
	if (own_mounts() < 0 || !filter_write(path, "0"))
		_exit(NO_FILTER);
}

static void allow_no_user_namespace(void)
{
	allow_none("/proc/sys/user/max_user_namespaces");
}

static void allow_no_mount_namespace(void)
{
	allow_none("/proc/sys/user/max_mnt_namespaces");
}

static void allow_a_user_no_namespace(void)
{
	allow_no_user_namespace();
	if (capability_set(0, 0) < 0)
		_exit(99);
}

/* Without a filter the attempt is made at once, and what it has changed is taken back. */
static void limits(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *user = NULL, *mounts = NULL, *named = NULL, *by_runtime = NULL;

	user = SAYS(.before = allow_no_user_namespace, .with_user_namespace = true);
	assert_refused(user, "create a user and mount namespace", ENOSPC, CHECK_USER_NAMESPACE);
	mounts = SAYS(.before = allow_no_mount_namespace);
	assert_refused(mounts, "create a mount namespace", ENOSPC, CHECK_MOUNT_NAMESPACE);
	by_runtime = SAYS(.before = allow_no_mount_namespace, .is_mountns = true);
	assert_refused(by_runtime, "create a mount namespace", ENOSPC, CHECK_MOUNT_NAMESPACE);
	named = SAYS(.before = allow_no_mount_namespace, .is_named = true);
	assert_has(named, "cannot create a mount namespace: No space left on device\n");
	assert_has(named, "r=-1, ");
	if (geteuid() == 0)
		return;
	free(named);
	named = SAYS(.before = allow_a_user_no_namespace, .is_named = true,
		     .with_user_namespace = true);
	assert_has(named, "cannot create a user and mount namespace: No space left on device\n");
}

static void drop_all(void)
{
	if (capability_set(0, 0) < 0)
		_exit(99);
}

/* Without the capability mountns is not tried; by name it is, and says why it fails. */
static void without_capability(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = SAYS(.before = drop_all, .is_mountns = true), *named = NULL;

	assert_refused(said, "create a mount namespace", EPERM, CHECK_MOUNT_NAMESPACE);
	named = SAYS(.before = drop_all, .is_mountns = true, .is_named = true);
	assert_has(named, "cannot create a mount namespace: Operation not permitted\n");
	assert_has(named, "r=-1, ");
}

/* Root of a user namespace, without the right to give the ID 0 on: capabilities(7). */
static void be_weak_root(void)
{
	const uint64_t without = ~UINT64_C(0) & ~(UINT64_C(1) << CAP_SETFCAP);
	_cleanup_free_ char *uids = xasprintf("0 %u 1", (unsigned)geteuid());
	_cleanup_free_ char *gids = xasprintf("0 %u 1", (unsigned)getegid());
	uint64_t have = 0;

	if (unshare(CLONE_NEWUSER) < 0 || !filter_write("/proc/self/setgroups", "deny") ||
	    !filter_write("/proc/self/gid_map", gids) || !filter_write("/proc/self/uid_map", uids))
		_exit(99);
	for (unsigned i = 0; i < 64; i++)
		have |= capability_held(i) ? UINT64_C(1) << i : 0;
	if (geteuid() != 0 || capability_set(have & without, have & without) < 0)
		_exit(99);
}

static void weak_root(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = SAYS(.before = be_weak_root, .with_user_namespace = true);
	_cleanup_free_ char *named = NULL, *mounts = NULL;

	if (strstr(said, "r=0, "))
		skip(); /* before Linux 5.12 the ID needs no right */
	assert_refused(said, "/proc/self/uid_map", EPERM, CHECK_ID_MAPS);
	named = SAYS(.before = be_weak_root, .with_user_namespace = true, .is_named = true);
	assert_has(named, "cannot create the namespaces: /proc/self/uid_map: Operation not perm");
	assert_has(named, "r=-1, cwd /usr, ");
	mounts = SAYS(.before = be_weak_root);
	assert_has(mounts, "r=0, cwd -, ");
	free(mounts);
	mounts = SAYS(.before = be_weak_root, .is_named = true);
	assert_has(mounts, "r=0, cwd -, ");
}

static void broken_config(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(
		fs_replace_file(place->fd, "etc/nix-user-chroot/path-config.toml", "x", 1, 0644),
		0);
	said = SAYS(.is_mountns = true);
	assert_has(said, "failed to parse config file ");
	assert_has(said, "r=-1, cwd /usr, refused: -");
}

static void refuse_lists(void)
{
	refuse_call(SYS_getdents64, -1, EIO);
}

static void what_cannot_be_planned(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = SAYS(.before = refuse_lists);

	assert_has(said, "cannot list /: Input/output error\n");
	assert_has(said, "r=98, cwd /usr, refused: -");
}

/* How the plan of the place shows the file "x" of the profile; what is said to *SAID. */
static bool shows_profile(const struct place *place, char **said)
{
	const struct entry entry = {.nix_dir_fd = place->fd, .nix_dir = place->path};
	_cleanup_(plan_clear) struct plan plan = {0};
	struct capture capture;
	uint64_t fingerprint;
	bool is_there = false;
	int r;

	capture_begin(&capture);
	r = own_root_plan(&entry, true, &plan, &fingerprint);
	*said = capture_end(&capture);
	assert_int_equal(r, 0);
	for (size_t i = 0; i < plan.count; i++)
		is_there |= strcmp(plan.steps[i].path, "/usr/lib/x") == 0;
	return is_there;
}

/* [profile] is the user's profile: where it was, or where it is today. */
static void profiles(void **state)
{
	static const char config[] = "[profile]\n\"bin/x\" = \"/usr/lib/x\"\n";
	const struct place *place = *state;
	_cleanup_free_ char *user = environment_user(), *home = path_join(place->path, "home");
	_cleanup_free_ char *none = NULL, *old = NULL, *today = NULL, *wanted = NULL, *path = NULL;

	if (!user)
		skip();
	setenv("XDG_STATE_HOME", home, 1);
	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "etc/nix-user-chroot/path-config.toml", config,
					 sizeof(config) - 1, 0644),
			 0);
	assert_false(shows_profile(place, &none));
	wanted = xasprintf("there is no profile of user %s\n", user);
	assert_has(none, wanted);
	assert_int_equal(fs_mkdirs(place->fd, "home/nix/profiles/profile/bin/x", 0755), 0);
	assert_true(shows_profile(place, &today));
	assert_string_equal(today, "");
	assert_int_equal(fs_remove_tree(place->fd, "home"), 0);
	path = xasprintf("var/nix/profiles/per-user/%s/profile/bin/x", user);
	assert_int_equal(fs_mkdirs(place->fd, path, 0755), 0);
	assert_true(shows_profile(place, &old));
	assert_string_equal(old, "");
	unsetenv("XDG_STATE_HOME");
}

/* The reason replaces an earlier one. */
static void refusals(void **state)
{
	struct refusal refusal = {0};

	(void)state;
	assert_int_equal(refuse(&refusal, xstrdup("a"), EPERM, CHECK_SLAVE), 1);
	assert_int_equal(refuse(&refusal, xstrdup("b"), ENOENT, CHECK_BIND), 1);
	assert_string_equal(refusal.what, "b");
	assert_int_equal(refusal.err, ENOENT);
	assert_int_equal(refusal.step, CHECK_BIND);
	refusal_clear(&refusal);
	assert_null(refusal.what);
	assert_int_equal(refusal.err, 0);
}

/* The runtime "direct" uses /nix as it is, and no other directory. */
static int be_direct(const void *context)
{
	const struct place *place = context;
	const struct entry entry = {.nix_dir_fd = place->fd, .nix_dir = "/the/nix"};
	const struct entry none = {.nix_dir_fd = -1, .nix_dir = "/the/nix"};
	const struct call call = {.place = place, .with_user_namespace = true};
	struct refusal refusal = {0};

	if (direct_enter(&entry, &refusal) != 1 || refusal.err != EXDEV ||
	    refusal.step != CHECK_STEP_COUNT)
		return 1;
	puts(refusal.what);
	if (attempt(&call, &refusal) != 0)
		return 2;
	log_set_level(LOG_VERBOSE);
	refusal_clear(&refusal);
	if (direct_enter(&entry, &refusal) != 0 || refusal.what)
		return 3;
	/* what was equal a moment ago does not count */
	if (direct_enter(&none, &refusal) != 1)
		return 6;
	if (direct_enter(&entry, &refusal) != 0)
		return 7;
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV, NULL) < 0 ||
	    umount2("/nix", MNT_DETACH) < 0 || rmdir("/nix") < 0)
		return 8;
	if (direct_enter(&entry, &refusal) != 1)
		return 9;
	return fflush(stdout) == 0 ? 0 : 10;
}

static void direct(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *said = NULL, *noted = NULL;
	int status;

	said = child_says(be_direct, place, NULL, &status);
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
	assert_string_equal(said, "use /the/nix as it is, which is not /nix\n");
	/* a path config is of no use there */
	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(
		fs_replace_file(place->fd, "etc/nix-user-chroot/path-config.toml", "", 0, 0644), 0);
	noted = child_says(be_direct, place, NULL, &status);
	assert_int_equal(status, 0);
	assert_has(noted, "/nix/etc/nix-user-chroot/path-config.toml does not apply: nothing is ");
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(enters),
		FILE_TEST(no_directory),
		FILE_TEST(filters),
		FILE_TEST(filters_by_name),
		FILE_TEST(limits),
		FILE_TEST(without_capability),
		FILE_TEST(weak_root),
		FILE_TEST(broken_config),
		FILE_TEST(what_cannot_be_planned),
		cmocka_unit_test(refusals),
		FILE_TEST(profiles),
		FILE_TEST(direct),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
