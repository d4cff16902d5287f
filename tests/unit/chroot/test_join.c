/* Whose namespace is joined: who is no longer there, and what a failure leaves open. */
#include "chroot/join.h"
#include "chroot/namespace.h"
#include "util/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../place.h"

/* No process has this number: pid_max is at most 4 Mi. */
#define NO_PROCESS 0x7ffffff0

static void roots(void **state)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct chroot_root here, other;
	const struct place *place = *state;
	pid_t child;

	assert_int_equal(chroot_root_read(root, &here), 0);
	assert_int_equal(chroot_root_read(-1, &other), -EBADF);
	assert_int_equal(chroot_root_read(place->fd, &other), 0);
	assert_true(chroot_is_in(getpid(), &here));
	assert_false(chroot_is_in(NO_PROCESS, &here));
	assert_false(chroot_is_in(getpid(), &other));
	other = here;
	other.changed++;
	assert_false(chroot_is_in(getpid(), &other));
	/* a zombie is nowhere */
	child = fork();
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_false(chroot_is_in(child, &here));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Which of the descriptors 0 to 9 are open, as bits. */
static unsigned open_descriptors(void)
{
	unsigned open = 0;

	for (int fd = 0; fd < 10; fd++)
		open |= fcntl(fd, F_GETFD) < 0 ? 0 : 1U << fd;
	return open;
}

static void no_door(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct chroot_door door = CHROOT_NO_DOOR;
	struct chroot_root here, other;
	unsigned before;

	assert_int_equal(chroot_root_read(root, &here), 0);
	assert_int_equal(chroot_root_read(place->fd, &other), 0);
	before = open_descriptors();
	assert_int_equal(chroot_open_door(NO_PROCESS, &here, place->fd, &door), -ESRCH);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(chroot_open_door(getpid(), &other, place->fd, &door), -ESRCH);
	assert_int_equal(open_descriptors(), before);
	/* this process is in no namespace of ours: neither its /nix nor its user namespace fit */
	assert_int_equal(chroot_open_door(getpid(), &here, place->fd, &door), -EPERM);
	assert_int_equal(chroot_open_door(getpid(), &here, -1, &door), -EPERM);
	assert_int_equal(open_descriptors(), before);
	chroot_door_close(&door);
	assert_int_equal(open_descriptors(), before);
}

/* Where a process lives: in new namespaces, and below the place as its root. */
struct home {
	const struct place *place;
	int flags;		     /* of unshare(2) */
	bool is_nested;		     /* in a user namespace within another */
	bool has_no_uid, has_no_gid; /* 0 is mapped instead of the caller's */
};

static const char *move_in(const struct home *home)
{
	_cleanup_free_ char *uids =
		xasprintf("%d %u 1\n", home->has_no_uid ? 0 : (int)geteuid(), geteuid());
	_cleanup_free_ char *gids =
		xasprintf("%d %u 1\n", home->has_no_gid ? 0 : (int)getegid(), getegid());
	const char *file;

	if (home->is_nested) {
		uid_t uid = geteuid();
		gid_t gid = getegid();

		if (namespace_unshare(CLONE_NEWUSER) < 0 || namespace_map_ids(uid, gid, &file) < 0)
			return "outer";
	}
	if (namespace_unshare(home->flags) < 0 || !filter_write("/proc/self/setgroups", "deny") ||
	    !filter_write("/proc/self/gid_map", gids) || !filter_write("/proc/self/uid_map", uids))
		return "inner";
	return chroot(home->place->path) < 0 || chdir("/") < 0 ? "chroot" : NULL;
}

/* Starts a process that lives there until it is killed; 0: this host cannot. */
static pid_t start(const struct home *home)
{
	int ends[2];
	char ready;
	bool lives;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		if (!move_in(home) && write(ends[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	lives = read(ends[0], &ready, 1) == 1;
	close(ends[0]);
	if (!lives)
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	return lives ? pid : 0;
}

static void end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void root_of(pid_t pid, struct chroot_root *out)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/root", (int)pid);
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(chroot_root_read(fd, out), 0);
}

static const char *go_in(void *ctx)
{
	const struct chroot_door *door = ctx;
	struct stat inside, user, mounts;
	_cleanup_close_ int proc = open("/proc/self", O_PATH | O_CLOEXEC);

	if (chroot_join(door) != 0)
		return "not joined";
	if (fstat(door->user_fd, &user) < 0 || fstat(door->mount_fd, &mounts) < 0)
		return "no namespaces";
	if (fstatat(proc, "ns/user", &inside, 0) < 0 || !fs_same_inode(&inside, &user))
		return "another user namespace";
	if (fstatat(proc, "ns/mnt", &inside, 0) < 0 || !fs_same_inode(&inside, &mounts))
		return "another mount namespace";
	return NULL;
}

static const char *go_half_in(void *ctx)
{
	const struct chroot_door *door = ctx;
	const struct chroot_door none = CHROOT_NO_DOOR;
	const struct chroot_door half = {-1, door->user_fd, -1};

	if (chroot_join(&none) != -EBADF)
		return "no door";
	return chroot_join(&half) == -ENOTUNIQ ? NULL : "no mounts";
}

static void a_door(void **state)
{
	const struct place *place = *state;
	const struct home home = {.place = place, .flags = CLONE_NEWUSER | CLONE_NEWNS};
	_cleanup_close_ int nix = -1;
	struct chroot_door door = CHROOT_NO_DOOR, none = CHROOT_NO_DOOR;
	struct chroot_root root, other;
	unsigned before;
	pid_t pid;

	nix = fs_make_dirs_below(place->fd, "nix");
	pid = start(&home);
	if (pid == 0)
		skip();
	root_of(pid, &root);
	assert_true(chroot_is_in(pid, &root));
	assert_false(chroot_is_in(getpid(), &root));
	before = open_descriptors();
	assert_int_equal(chroot_open_door(pid, &root, nix, &door), 0);
	assert_int_equal(fcntl(door.root_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(door.user_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(door.mount_fd, F_GETFD), FD_CLOEXEC);
	assert_in_child(go_in, &door);
	assert_in_child(go_half_in, &door);
	chroot_door_close(&door);
	assert_memory_equal(&door, &none, sizeof(door));
	assert_int_equal(open_descriptors(), before);
	/* another /nix, none, and another root */
	assert_int_equal(chroot_open_door(pid, &root, place->fd, &door), -EPERM);
	assert_int_equal(chroot_open_door(pid, &root, -1, &door), -EPERM);
	other = root;
	other.inode++;
	assert_int_equal(chroot_open_door(pid, &other, nix, &door), -ESRCH);
	assert_int_equal(renameat(place->fd, "nix", place->fd, "no-nix"), 0);
	root_of(pid, &root);
	assert_int_equal(chroot_open_door(pid, &root, nix, &door), -EPERM);
	assert_int_equal(open_descriptors(), before);
	end(pid);
	assert_false(chroot_is_in(pid, &root));
	assert_int_equal(chroot_open_door(pid, &root, nix, &door), -ESRCH);
}

/* Whose namespaces are not this caller's, although all else fits. */
static void doors_of_others(void **state)
{
	const struct place *place = *state;
	const struct home homes[] = {
		/* the mount namespace belongs to the user namespace outside */
		{place, CLONE_NEWUSER, false, false, false},
		{place, CLONE_NEWUSER | CLONE_NEWNS, true, false, false},
		{place, CLONE_NEWUSER | CLONE_NEWNS, false, true, false},
		{place, CLONE_NEWUSER | CLONE_NEWNS, false, false, true},
	};
	_cleanup_close_ int nix = fs_make_dirs_below(place->fd, "nix");

	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
		struct chroot_door door = CHROOT_NO_DOOR;
		struct chroot_root root;
		unsigned before = open_descriptors();
		pid_t pid;

		/* for root, 0 is its own */
		if (geteuid() == 0 && (homes[i].has_no_uid || homes[i].has_no_gid))
			continue;
		pid = start(&homes[i]);
		if (pid == 0)
			skip();
		root_of(pid, &root);
		assert_int_equal(chroot_open_door(pid, &root, nix, &door), -EPERM);
		assert_int_equal(open_descriptors(), before);
		end(pid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(roots, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(no_door, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_door, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(doors_of_others, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
