/*
 * Joining where the kernel has no unique numbers of mounts (before Linux 6.8): only while a process
 * is left that was where the first entry came from. fs_mount_id() is replaced for that: see
 * Makefile.am.
 */
#include "run/living.h"
#include "run/living_dir.h"
#include "run/living_file.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "../refuse.h"
#include "entries.h"
#include "own_mounts.h"

uint64_t __wrap_fs_mount_id(int dirfd, const char *path, bool unique);
uint64_t __wrap_fs_mount_id(int dirfd, const char *path, bool unique)
{
	(void)dirfd;
	(void)path;
	(void)unique;
	return 0;
}

static uint64_t start_in(const struct place *place, const char *work_dir, bool is_orphan,
			 pid_t *pid)
{
	return entry_start(&(struct entry){.nix_dir_fd = place->fd,
					   .nix_dir = place->path,
					   .work_dir = work_dir},
			   is_orphan, pid);
}

static uint64_t start(const struct place *place, bool is_orphan, pid_t *pid)
{
	return start_in(place, NULL, is_orphan, pid);
}

static void origin_is_alive(void **state)
{
	const struct place *place = *state;
	pid_t one, other;
	uint64_t first = start(place, false, &one), second;

	if (first == 0) {
		entry_end(one);
		skip();
	}
	second = start(place, false, &other);
	assert_int_equal(first, second);
	entry_end(other);
	/* the working directory is the same there; one that came since is not */
	second = start_in(place, "/usr", false, &other);
	assert_int_equal(first, second);
	entry_end(other);
	second = start_in(place, "/", false, &other);
	assert_int_equal(first, second);
	/* this process is the parent of both */
	entry_end(one);
	second = start(place, false, &one);
	assert_int_equal(first, second);
	entry_end(one);
	entry_end(other);
}

static void origin_has_ended(void **state)
{
	const struct place *place = *state;
	pid_t one, other;
	uint64_t first = start(place, true, &one), second;

	if (first == 0) {
		entry_end(one);
		skip();
	}
	second = start(place, false, &other);
	assert_int_not_equal(first, second);
	entry_end(one);
	entry_end(other);
}

/*
 * An entry that was refused removes the empty list. Another one, which has opened it and waits for
 * the lock, must not write into a directory that has no name any more.
 */
static void list_was_removed(void **state)
{
	const struct place *place = *state;
	_cleanup_close_ int list = -1;
	struct origin origin;
	struct stat st;

	assert_int_equal(origin_read(&origin), 0);
	assert_int_equal(mkdirat(place->fd, "list", 0700), 0);
	list = fs_open_dir(place->fd, "list");
	assert_int_equal(unlinkat(place->fd, "list", AT_REMOVEDIR), 0);
	assert_false(living_lock(&list, &origin));
	assert_int_equal(fstat(list, &st), 0);
	assert_true(st.st_nlink > 0);
}

static char *path_of_list(const struct origin *origin)
{
	_cleanup_close_ int list = living_open(origin);
	_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", list);
	char *path;

	assert_true(list >= 0);
	assert_int_equal(fs_readlink(AT_FDCWD, link, &path), 0);
	return path;
}

/* The list in /tmp is this user's alone, and made only where nobody else can exchange it. */
static void list_is_private(void **state)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int list = -1;
	struct origin origin;
	/* others could remove what is there; or make nothing themselves */
	const mode_t others[] = {0777, 01755, 0755};
	struct stat st;
	mode_t before;

	(void)state;
	assert_int_equal(origin_read(&origin), 0);
	path = path_of_list(&origin);
	assert_int_equal(fs_remove_tree(AT_FDCWD, path), 0);
	before = umask(027);
	list = living_open(&origin);
	assert_int_equal(umask(before), 027);
	assert_true(list >= 0 && fstat(list, &st) == 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(fchmod(list, 0755), 0);
	assert_true(living_open(&origin) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/", path), 0);
	assert_true(living_open(&origin) < 0);
	assert_int_equal(unlink(path), 0);
	/* the other place is no better */
	(void)!mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=0755");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(chmod("/tmp", others[i]), 0);
		assert_true(living_open(&origin) < 0);
		assert_int_equal(access(path, F_OK), -1);
	}
	assert_int_equal(chmod("/tmp", 01777), 0);
	umount("/dev/shm");
}

/* In a child that has the user ID 77 inside of a namespace: the names of both directories. */
static int name_lists(const void *context)
{
	_cleanup_free_ char *uids = xasprintf("77 %u 1", (unsigned)geteuid());
	struct origin origin;
	int fds[3];

	(void)context;
	if (unshare(CLONE_NEWUSER) < 0 || !filter_write("/proc/self/uid_map", uids) ||
	    origin_read(&origin) < 0)
		return 99;
	fds[0] = living_open(&origin);
	fds[1] = living_open_turns(&origin);
	origin.user_namespace = FIRST_USER_NAMESPACE;
	fds[2] = living_open(&origin);
	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", fds[i]);
		_cleanup_free_ char *path = NULL;

		if (fds[i] < 0 || fs_readlink(AT_FDCWD, link, &path) < 0)
			return 1;
		puts(path);
		/* only if it is empty */
		if (mkdirat(fds[i], "x", 0700) < 0)
			return 2;
		living_remove_empty(fds[i]);
		if (access(path, F_OK) < 0 || unlinkat(fds[i], "x", AT_REMOVEDIR) < 0)
			return 3;
		living_remove_empty(fds[i]);
		if (access(path, F_OK) == 0)
			return 4;
	}
	return fflush(stdout);
}

/* Who has this ID only in a namespace shares no list with who has it outside. */
static void names(void **state)
{
	const unsigned uid = geteuid();
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	(void)state;
	said = child_says(name_lists, NULL, NULL, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip();
	wanted = xasprintf("/tmp/nix-user-chroot-77-%u\n/tmp/nix-user-chroot-77-%u-turns\n"
			   "/tmp/nix-user-chroot-77\n",
			   uid, uid);
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
	assert_string_equal(said, wanted);
}

/* One process has the lock; another is told so, until it is free. */
static void lock(void **state)
{
	_cleanup_close_ int list = -1, other = -1;
	struct origin origin;

	(void)state;
	assert_int_equal(origin_read(&origin), 0);
	list = living_open(&origin);
	other = living_open(&origin);
	assert_true(list >= 0 && other >= 0);
	assert_true(living_lock(&list, &origin));
	assert_false(living_lock(&other, &origin));
	close(steal_fd(&list));
	assert_true(living_lock(&other, &origin));
	/* a directory that cannot be locked is as good as none */
	close(steal_fd(&other));
	assert_true(living_lock(&other, &origin));
	assert_int_equal(other, -1);
}

/* The head of the file in LIST whose visitor is the process PID. */
static struct living_head head_of(int list, pid_t pid)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(list, ".");
	const struct dirent *entry;

	while ((entry = fs_next_entry(dir))) {
		_cleanup_(living_file_clear) struct living_file file = {0};

		assert_int_equal(living_file_read(list, entry->d_name, &file), 0);
		if (file.count == 1 && (pid_t)file.visitors[0].pid == pid)
			return *file.head;
	}
	fail_msg("no file of process %d", (int)pid);
	return (struct living_head){0};
}

static bool any_suits(const struct chroot_door *door, const void *context)
{
	(void)door;
	(void)context;
	return true;
}

/* Is the namespace of HEAD found by VISITOR? */
static bool finds(const struct place *place, const struct living_head *head,
		  struct living_visitor visitor)
{
	_cleanup_free_ char *name = living_file_name(&head->key);
	_cleanup_(chroot_door_close) struct chroot_door door = CHROOT_NO_DOOR;

	assert_int_equal(living_file_write(place->fd, name, head, &visitor, 1), 0);
	return living_find(place->fd, &head->key, place->fd, false, any_suits, NULL, &door) == 0;
}

/* Equal numbers of mount namespaces prove nothing unless the very same process has kept them. */
static void another_parent(void **state)
{
	const struct place *place = *state;
	const uint64_t own = (uint64_t)getpid(), own_start = process_start(getpid());
	_cleanup_close_ int list = -1;
	struct living_head head;
	struct origin origin;
	pid_t pid;

	if (start(place, false, &pid) == 0) {
		entry_end(pid);
		skip();
	}
	assert_int_equal(origin_read(&origin), 0);
	list = living_open(&origin);
	head = head_of(list, pid);
	assert_true(finds(place, &head, (struct living_visitor){(uint64_t)pid, own, own_start}));
	/* another process has the parent's ID since */
	assert_false(
		finds(place, &head, (struct living_visitor){(uint64_t)pid, own, own_start + 1}));
	/* a process of another mount namespace, and none */
	assert_false(
		finds(place, &head,
		      (struct living_visitor){(uint64_t)pid, (uint64_t)pid, process_start(pid)}));
	assert_false(finds(place, &head, (struct living_visitor){.pid = (uint64_t)pid}));
	entry_end(pid);
}

static void files(void **state)
{
	const struct place *place = *state;
	const struct living_head head = {.made = 7};
	const struct living_visitor visitors[] = {{.pid = 1}, {.pid = 2}}, third = {.pid = 3};
	_cleanup_(living_file_clear) struct living_file file = {0};
	const mode_t before = umask(02);
	_cleanup_close_ int fd = -1;
	struct stat st;

	assert_int_equal(living_file_read(place->fd, "a", &file), -ENOENT);
	assert_int_equal(living_file_write(place->fd, "a", &head, visitors, 2), 0);
	assert_int_equal(umask(before), 02);
	assert_int_equal(fstatat(place->fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | S_ISVTX | 0600);
	/* neither what a link leads to, nor a pipe that nobody reads */
	assert_int_equal(symlinkat("a", place->fd, "link"), 0);
	assert_int_equal(living_file_write(place->fd, "link", &head, visitors, 2), -ELOOP);
	assert_int_equal(living_file_visit(place->fd, "link", &third), -ELOOP);
	assert_int_equal(mkfifoat(place->fd, "pipe", 0600), 0);
	assert_int_equal(living_file_write(place->fd, "pipe", &head, visitors, 2), -ENXIO);
	assert_int_equal(living_file_visit(place->fd, "a", &third), 0);
	assert_int_equal(living_file_visit(place->fd, "none", &third), -ENOENT);
	/* an entry of the file that was not written completely */
	fd = openat(place->fd, "a", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fs_write_all(fd, "xxx", 3), 0);
	assert_int_equal(living_file_read(place->fd, "a", &file), 0);
	assert_int_equal(file.count, 3);
	assert_int_equal(file.head->made, 7);
	assert_int_equal(file.visitors[2].pid, 3);
	living_file_clear(&file);
	/* rewritten with fewer visitors, it is shorter; without any, it is a file all the same */
	assert_int_equal(living_file_write(place->fd, "a", &head, visitors, 1), 0);
	assert_int_equal(living_file_read(place->fd, "a", &file), 0);
	assert_int_equal(file.count, 1);
	living_file_clear(&file);
	assert_int_equal(ftruncate(fd, (off_t)sizeof(head)), 0);
	assert_int_equal(living_file_read(place->fd, "a", &file), 0);
	assert_int_equal(file.count, 0);
	living_file_clear(&file);
	assert_int_equal(ftruncate(fd, (off_t)sizeof(head) - 1), 0);
	assert_int_equal(living_file_read(place->fd, "a", &file), -EBADMSG);
	assert_int_equal(fs_replace_file(place->fd, "a", &head, sizeof(head), 0600), 0);
	assert_int_equal(living_file_read(place->fd, "a", &file), -EBADMSG);
}

/* In a child: files must not grow (ulimit -f). That is an error, and the signal stays as it was. */
static int write_at_limit(const void *context)
{
	const struct place *place = context;
	const struct living_head head = {.made = 7};
	const struct living_visitor one = {.pid = 1};
	const struct rlimit none = {0};
	struct sigaction action;

	signal(SIGXFSZ, SIG_DFL);
	if (living_file_write(place->fd, "a", &head, &one, 1) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &none) < 0)
		return 1;
	if (living_file_write(place->fd, "b", &head, &one, 1) != -EFBIG ||
	    living_file_visit(place->fd, "a", &one) != -EFBIG)
		return 2;
	sigaction(SIGXFSZ, NULL, &action);
	return action.sa_handler == SIG_DFL ? 0 : 3;
}

/* In a child: a file that keeps visitors of before at its end is not as it was asked for. */
static int write_without_truncating(const void *context)
{
	const struct place *place = context;
	const struct living_head head = {.made = 7};
	const struct living_visitor two[] = {{.pid = 1}, {.pid = 2}};

	if (living_file_write(place->fd, "c", &head, two, 2) != 0)
		return 1;
	refuse_call(SYS_ftruncate, -1, EIO);
	return living_file_write(place->fd, "c", &head, two, 2) == 0 &&
			       living_file_write(place->fd, "c", &head, two, 1) == -EIO
		       ? 0
		       : 2;
}

static void limits(void **state)
{
	int status;

	free(child_says(write_at_limit, *state, NULL, &status));
	assert_int_equal(status, 0);
	free(child_says(write_without_truncating, *state, NULL, &status));
	assert_int_equal(status, 0);
}

static int read_without_mount_namespace(const void *context)
{
	const struct place *place = context;
	struct origin origin;
	struct stat st;

	if (chroot(place->path) < 0)
		return 1;
	if (origin_read(&origin) != -ENOENT)
		return 2;
	if (mkdirat(place->fd, "proc/self/ns/mnt", 0755) < 0 || stat("/proc/self/ns/mnt", &st) < 0)
		return 3;
	return origin_read(&origin) == 0 && origin.mount_namespace == st.st_ino ? 0 : 4;
}

/* Without unique numbers the mount namespace's own number counts: there must be one. */
static void mount_namespace(void **state)
{
	static const char *const others[] = {"proc/sys/kernel/random/boot_id", "proc/self/ns/user",
					     "proc/self/mountinfo"};
	const struct place *place = *state;
	int status;

	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *path = path_join(place->path, others[i]);

		assert_int_equal(fs_put_file(path, "", 0, 0644), 0);
	}
	free(child_says(read_without_mount_namespace, place, NULL, &status));
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(origin_is_alive, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(origin_has_ended, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(another_parent, place_setup, place_teardown),
		cmocka_unit_test(list_is_private),
		cmocka_unit_test(names),
		cmocka_unit_test(lock),
		cmocka_unit_test_setup_teardown(limits, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(list_was_removed, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(mount_namespace, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(files, place_setup, place_teardown),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
