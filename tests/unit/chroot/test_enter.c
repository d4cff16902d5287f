/*
 * chroot_enter(): which step is said to have failed, whichever the kernel refuses; who the command
 * is inside; and whether mounts spread.
 */
#include "chroot/chroot.h"
#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../refuse.h"
#include "seem_root.h"

/* Carries out a plan that shows the Nix directory alone; it is the working directory. */
static int enter(const struct place *place, bool with_user_namespace, struct chroot_error *error)
{
	struct plan_step steps[] = {{.type = PLAN_NIX, .path = (char[]){"/nix"}}};
	const struct plan plan = {.work_dir = place->path,
				  .old_root = (char[]){"/old"},
				  .own_file = (char[]){"/own"},
				  .steps = steps,
				  .count = 1};

	*error = (struct chroot_error){.err = -1};
	return mkdirat(place->fd, "dir", 0755) < 0 || chdir(place->path) < 0 || chdir("dir") < 0
		       ? -100
		       : chroot_enter(&plan, with_user_namespace, error);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

struct refusal {
	const struct place *place;
	long number; /* the call that fails */
	unsigned index, test;
	uint32_t value; /* of the argument INDEX */
	int err;
	enum chroot_step step;
	const char *path, *root; /* of the error; "*" at the beginning is the place */
	bool without_user_namespace;
};

static const char *try_refusal(void *ctx)
{
	const struct refusal *refusal = ctx;
	_cleanup_free_ char *path = xstrdup(refusal->path);
	struct chroot_error error;

	if (path && *path == '*')
		path = xasprintf("%s%s", refusal->place->path, refusal->path + 1);
	/* for root: no child that maps the IDs */
	refuse_call(SYS_clone, -1, EAGAIN);
	refuse_call_if(refusal->number, refusal->index, refusal->test, refusal->value,
		       refusal->err);
	if (enter(refusal->place, !refusal->without_user_namespace, &error) != -1)
		return "no failure";
	/* on a host without user namespaces nothing else can be tried */
	if (error.step == CHROOT_UNSHARE && error.err && refusal->step != CHROOT_UNSHARE)
		return NULL;
	if (error.step != refusal->step || error.err != refusal->err)
		return xasprintf("step %d instead of %d: %d", (int)error.step, (int)refusal->step,
				 error.err);
	if (!is_same(error.path, path) || !is_same(error.root, refusal->root))
		return xasprintf("step %d: %s below %s", (int)error.step, error.path, error.root);
	chroot_error_clear(&error);
	return error.path || error.root || error.err ? "the error is not cleared" : NULL;
}

static void each_step_is_told(void **state)
{
	_cleanup_free_ char *map = xasprintf("%u %u 1\n", getegid(), getegid());
	struct refusal cases[] = {
		{NULL, SYS_unshare, 0, BPF_JGE, 0, ENOSPC, CHROOT_UNSHARE, NULL, "", false},
		{NULL, SYS_unshare, 0, BPF_JGE, 0, ENOSPC, CHROOT_UNSHARE_MOUNTS, NULL, "", true},
		{NULL, SYS_openat, 2, BPF_JEQ, O_WRONLY | O_CLOEXEC, EACCES, CHROOT_MAP_IDS,
		 "/proc/self/setgroups", "", false},
		{NULL, SYS_write, 2, BPF_JEQ, 4, EPERM, CHROOT_MAP_IDS, "/proc/self/setgroups", "",
		 false},
		{NULL, SYS_write, 2, BPF_JEQ, (uint32_t)strlen(map), EPERM, CHROOT_MAP_IDS,
		 "/proc/self/gid_map", "", false},
		{NULL, SYS_mount, 3, BPF_JEQ, MS_SLAVE | MS_REC, EACCES, CHROOT_MAKE_SLAVE, NULL,
		 "", false},
		{NULL, SYS_mount, 3, BPF_JEQ, MS_NOSUID | MS_NODEV, EPERM, CHROOT_MOUNT_TMPFS, "*",
		 "", false},
#ifdef SYS_mkdir
		{NULL, SYS_mkdir, 0, BPF_JGE, 0, ENOSPC, CHROOT_MAKE_DIRECTORY, "*/old", "", false},
		{NULL, SYS_rmdir, 0, BPF_JGE, 0, EBUSY, CHROOT_REMOVE, "/old", "", false},
#endif
		{NULL, SYS_pivot_root, 0, BPF_JGE, 0, EPERM, CHROOT_PIVOT_ROOT, "*", "", false},
		{NULL, SYS_newfstatat, 0, BPF_JGE, 0, EIO, CHROOT_LOOK_AT, "/", "/old", false},
		{NULL, SYS_mount, 3, BPF_JEQ, MS_BIND | MS_REC, EPERM, CHROOT_MOUNT_NIX, "/nix",
		 "/old", false},
		{NULL, SYS_umount2, 0, BPF_JGE, 0, EINVAL, CHROOT_DETACH, "/old", "/old", false},
		{NULL, SYS_mount, 3, BPF_JSET, MS_REMOUNT, EPERM, CHROOT_MAKE_READ_ONLY, "/", "",
		 false},
	};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cases[i].place = place;
		assert_in_child(try_refusal, &cases[i]);
		assert_int_equal(fs_remove_tree(place->fd, "dir"), 0);
	}
}

/* A user can make no mount namespace alone. */
static const char *alone(void *ctx)
{
	struct chroot_error error;

	if (enter(ctx, false, &error) != -1)
		return "a user made a mount namespace";
	return error.step == CHROOT_UNSHARE_MOUNTS && error.err == EPERM ? NULL : "another reason";
}

static void users_need_a_user_namespace(void **state)
{
	if (geteuid() == 0)
		skip();
	assert_in_child(alone, *state);
}

static const char *look_inside(void *ctx)
{
	const struct place *place = ctx;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	bool may_map = uid == 0;
	struct chroot_error error;
	struct stat nix, here;
	struct statvfs root;

	if (may_map && setgroups(1, (gid_t[]){7}) < 0)
		return "no groups";
	if (enter(place, true, &error) < 0)
		return error.step == CHROOT_UNSHARE && error.err ? NULL : "not entered";
	if (geteuid() != uid || getegid() != gid || getuid() != uid || getgid() != gid)
		return "another user";
	if (stat("/nix", &nix) < 0 || fstatat(place->fd, "dir", &here, 0) < 0 ||
	    !fs_same_inode(&nix, &here))
		return "another /nix";
	if (fs_exists(AT_FDCWD, "/old") || mkdir("/new", 0755) == 0 || errno != EROFS)
		return "another root";
	if (statvfs("/", &root) < 0 || !(root.f_flag & ST_RDONLY) || !(root.f_flag & ST_NOSUID) ||
	    !(root.f_flag & ST_NODEV))
		return "a root with other flags";
	/* root keeps all IDs and its groups; a user must give up setgroups(2) */
	if (may_map && (setgroups(1, (gid_t[]){8}) < 0 || setresuid(5, 5, 5) < 0))
		return "root lost IDs";
	return !may_map && setgroups(0, NULL) == 0 ? "a user may set groups" : NULL;
}

static void inside(void **state)
{
	_cleanup_free_ char *map = NULL;
	size_t len;

	assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/uid_map", 65536, &map, &len), 0);
	/* root of a namespace that has no other users has none to keep */
	if (geteuid() == 0 && !strstr(map, "4294967295"))
		skip();
	assert_in_child(look_inside, *state);
}

static const char *leave_no_child(void *ctx)
{
	struct chroot_error error;

	if (!seem_root(ctx, "0 0 2\n"))
		return NULL;
	alarm(20);
	/* this fails, since the map of this process is hidden from the child that is to write it */
	if (enter(ctx, true, &error) == 0)
		return "entered";
	chroot_error_clear(&error);
	return waitpid(-1, NULL, __WALL | WNOHANG) >= 0 ? "the child is still there" : NULL;
}

/* The child that writes the maps does not outlive the entry. */
static void no_child_is_left(void **state)
{
	assert_in_child(leave_no_child, *state);
}

static const char *map_twice(void *ctx)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file = NULL;

	(void)ctx;
	if (namespace_unshare(1) != -EINVAL)
		return "a flag that no kernel knows";
	if (namespace_unshare(CLONE_NEWUSER) < 0)
		return geteuid() == uid ? NULL : "entered, but a failure was told";
	if (namespace_map_ids(uid, gid, &file) != 0 || geteuid() != uid || getegid() != gid)
		return "not mapped";
	/* a map can be written once */
	if (namespace_map_uid(uid, &file) != -EPERM || !is_same(file, "/proc/self/uid_map"))
		return "uid_map";
	if (namespace_map_gid(gid, &file) >= 0 || !is_same(file, "/proc/self/setgroups"))
		return "setgroups";
	if (namespace_map_ids(uid, gid, &file) >= 0 || !is_same(file, "/proc/self/setgroups"))
		return "both";
	/* in a user namespace the mounts of the outer one cannot be changed */
	if (namespace_make_slave() >= 0 || namespace_make_private() >= 0)
		return "mounts of others";
	/* of an earlier call: of no meaning for this one */
	errno = EIO;
	if (namespace_unshare(CLONE_NEWNS) != 0)
		return "no mounts";
	return namespace_make_slave() == 0 && namespace_make_private() == 0 ? NULL : "own mounts";
}

static void maps(void **state)
{
	(void)state;
	assert_in_child(map_twice, NULL);
}

struct spreading {
	const struct place *place;
	bool is_unbindable, has_no_proc;
};

static bool stays_unbindable(void)
{
	_cleanup_free_ char *text = NULL;

	if (namespace_unshare(CLONE_NEWNS) < 0)
		return false;
	text = mountinfo_read("", "self");
	return text && strstr(text, " unbindable ");
}

/* In a namespace whose mounts are all shared, enters without a user namespace; 77: impossible. */
static int enter_shared(const struct spreading *spreading)
{
	_cleanup_free_ char *path = path_join(spreading->place->path, "mounted");
	struct chroot_error error;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;

	if (namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
	    namespace_map_ids(uid, gid, &file) < 0)
		return 77;
	/* that namespace has to stay, so that its mounts can have slaves */
	if (open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC) < 0 ||
	    mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) < 0 || mkdir(path, 0755) < 0 ||
	    mount("t", path, "tmpfs", 0, NULL) < 0)
		return 1;
	if (spreading->is_unbindable && mount(NULL, path, NULL, MS_UNBINDABLE, NULL) < 0)
		return 2;
	/* since Linux 6.17 a copy of such a mount is like any other */
	if (spreading->is_unbindable && !stays_unbindable())
		return 77;
	if (spreading->has_no_proc && mount("t", "/proc", "tmpfs", 0, NULL) < 0)
		return 3;
	return enter(spreading->place, false, &error) < 0 ? 4 + 10 * (int)error.step : 0;
}

static const char *look_at_mounts(void *ctx)
{
	const struct spreading *spreading = ctx;
	bool is_private = spreading->is_unbindable || spreading->has_no_proc;
	_cleanup_free_ char *path = NULL, *text = NULL;
	int ends[2], status;
	size_t len;
	char ready;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return "pipe";
	child = fork();
	if (child == 0) {
		status = enter_shared(spreading);
		if (status == 0 && write(ends[1], "x", 1) == 1)
			pause();
		_exit(status);
	}
	close(ends[1]);
	path = xasprintf("/proc/%d/mountinfo", (int)child);
	if (read(ends[0], &ready, 1) != 1) {
		waitpid(child, &status, 0);
		return WEXITSTATUS(status) == 77
			       ? NULL
			       : xasprintf("not entered: %d", WEXITSTATUS(status));
	}
	if (fs_read_file(AT_FDCWD, path, 1 << 20, &text, &len) < 0)
		return "no mounts";
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (!strstr(text, " /nix "))
		return "no /nix";
	if (strstr(text, " shared:"))
		return "a mount would spread";
	return !strstr(text, " master:") == is_private ? NULL : "slaves or private mounts";
}

static void mounts_do_not_spread(void **state)
{
	const struct place *place = *state;
	struct spreading cases[] = {
		{place, false, false}, {place, true, false}, {place, false, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_in_child(look_at_mounts, &cases[i]);
		assert_int_equal(fs_remove_tree(place->fd, "dir"), 0);
		assert_int_equal(fs_remove_tree(place->fd, "mounted"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_step_is_told, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(users_need_a_user_namespace, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(inside, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(no_child_is_left, place_setup, place_teardown),
		cmocka_unit_test(maps),
		cmocka_unit_test_setup_teardown(mounts_do_not_spread, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
