/* Trees that are removed, and what in them is not: mounts, and what links lead to. */
#include "chroot/namespace.h"
#include "util/capability.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../nth.h"
#include "../place.h"
#include "../refuse.h"
#include "../swap.h"

static void put(int fd, const char *name)
{
	/* no fs_replace_file(), which waits for the disk */
	assert_true(mknodat(fd, name, S_IFREG | 0444, 0) == 0 || errno == EEXIST);
}

static bool is_there(int fd, const char *name)
{
	return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many descriptors are open: nothing that a test calls may leave one open. */
static int open_before;

static int count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int setup(void **state)
{
	int r = place_setup(state);

	open_before = count_open();
	return r;
}

static int teardown(void **state)
{
	bool left = count_open() != open_before;

	return place_teardown(state) || left ? -1 : 0;
}

static int enter_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;

	if (uid == 0)
		return namespace_unshare(CLONE_NEWNS);
	return namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0
		       ? -1
		       : namespace_map_ids(uid, gid, &file);
}

/* What a child lacks while it runs a test. */
enum lack {
	LACK_NOTHING,
	LACK_OPENAT2,	/* a kernel before 5.6 */
	REFUSE_OPENAT2, /* a container whose filter does not know the call */
	LACK_PROC,	/* LACK_OPENAT2, and the numbers of mounts cannot be read either */
	LACKS,
};

static bool take_away(enum lack lack)
{
	if (lack == LACK_PROC && mount("tmpfs", "/proc", "tmpfs", 0, NULL) < 0)
		return false;
	if (lack != LACK_NOTHING)
		refuse_call(SYS_openat2, -1, lack == REFUSE_OPENAT2 ? EPERM : ENOSYS);
	return true;
}

/* Runs TEST in a namespace where it may mount; status 77 if the host does not allow that. */
static void in_mount_namespace(const struct place *place, int (*test)(const struct place *place),
			       enum lack lack)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (enter_namespaces() < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !take_away(lack))
			_exit(77);
		/*
		 * enter the directory again, to see the mounts of the new namespace and not those
		 * of the old one
		 */
		if (chdir(place->path) < 0)
			_exit(78);
		_exit(test(place));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int bind_and_remove(const struct place *place)
{
	(void)place;
	if (mount("beside", "t/a/mounted", NULL, MS_BIND, NULL) < 0 ||
	    mount("file", "t/file", NULL, MS_BIND, NULL) < 0 ||
	    mount("file", "t/a/file", NULL, MS_BIND, NULL) < 0)
		return 1;
	/* a mount of the same file system, which its device number does not reveal */
	if (fs_remove_tree(AT_FDCWD, "t/a/mounted") != -EXDEV)
		return 2;
	if (fs_remove_tree(AT_FDCWD, "t") == 0)
		return 3;
	if (fs_open_dir_below(AT_FDCWD, "t/a/mounted") != -EXDEV)
		return 4;
	return umount("t/a/mounted") < 0 || umount("t/file") < 0 || umount("t/a/file") < 0 ? 5 : 0;
}

static void try_bind_mounts(const struct place *place, enum lack lack)
{
	assert_int_equal(fs_mkdirs(place->fd, "t/a/mounted", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "t/b", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "beside/below", 0755), 0);
	put(place->fd, "beside/mine");
	put(place->fd, "beside/below/mine");
	put(place->fd, "file");
	put(place->fd, "t/file");
	put(place->fd, "t/a/file");
	put(place->fd, "t/b/ours");
	assert_int_equal(fchmodat(place->fd, "t/a", 0555, 0), 0);
	in_mount_namespace(place, bind_and_remove, lack);
	assert_true(is_there(place->fd, "beside/mine"));
	assert_true(is_there(place->fd, "beside/below/mine"));
	assert_true(is_there(place->fd, "file"));
	/* everything else was removed */
	assert_false(is_there(place->fd, "t/b"));
	assert_int_equal(fs_remove_tree(place->fd, "t"), 0);
}

static void bind_mounts(void **state)
{
	for (enum lack lack = LACK_NOTHING; lack < LACK_PROC; lack++)
		try_bind_mounts(*state, lack);
}

static int mount_and_remove(const struct place *place)
{
	(void)place;
	if (mount("tmpfs", "t/tmpfs", "tmpfs", 0, NULL) < 0)
		return 1;
	if (mkdir("t/tmpfs/mine", 0755) < 0)
		return 2;
	if (fs_remove_tree(AT_FDCWD, "t") != -EXDEV)
		return 3;
	return access("t/tmpfs/mine", F_OK) < 0 ? 4 : 0;
}

static int remove_at_the_root(const struct place *place)
{
	if (chroot(place->path) < 0 || chdir("/") < 0)
		return 77;
	if (fs_remove_tree(AT_FDCWD, "/t") != 0)
		return 1;
	return access("/t", F_OK) == 0 ? 2 : access("/file", F_OK) == 0 ? 0 : 3;
}

/* A path right below the root. */
static void at_the_root(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "t/a/b", 0755), 0);
	put(place->fd, "file");
	in_mount_namespace(place, remove_at_the_root, LACK_NOTHING);
	assert_false(is_there(place->fd, "t"));
}

static void other_file_systems(void **state)
{
	const struct place *place = *state;

	for (enum lack lack = LACK_NOTHING; lack < LACKS; lack++) {
		assert_int_equal(fs_mkdirs(place->fd, "t/tmpfs", 0755), 0);
		in_mount_namespace(place, mount_and_remove, lack);
	}
}

/* Deeper than there are descriptors: the function must not open one for each level. */
static void deeper_than_descriptors(void **state)
{
	enum { DEPTH = 100, DESCRIPTORS = 40 };
	const struct place *place = *state;
	struct rlimit usual, few;
	int fd = dup(place->fd);

	for (int i = 0; i < DEPTH; i++) {
		int below;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		put(fd, "f");
		below = fs_open_dir(fd, "d");
		assert_true(below >= 0);
		/* read-only, as Nix leaves them */
		assert_int_equal(i > 0 ? fchmod(fd, 0555) : 0, 0);
		close(fd);
		fd = below;
	}
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	few = usual;
	few.rlim_cur = DESCRIPTORS;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fd = fs_remove_tree(place->fd, "d");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(fd, 0);
	assert_false(is_there(place->fd, "d"));
}

/* What must not be changed, although everything belongs to us. */
static void not_ours(void **state)
{
	const struct place *place = *state;

	if (geteuid() == 0)
		skip();
	assert_int_equal(fs_mkdirs(place->fd, "closed/t", 0755), 0);
	assert_int_equal(fchmodat(place->fd, "closed", 0555, 0), 0);
	/* only what is below NAME is made writable, not the parent of NAME */
	assert_int_equal(fs_remove_tree(place->fd, "closed/t"), -EACCES);
	assert_true(is_there(place->fd, "closed/t"));
	assert_int_equal(fs_remove_tree(place->fd, "missing/t"), 0);
	put(place->fd, "file");
	assert_int_equal(fs_remove_tree(place->fd, "file/t"), -ENOTDIR);
}

static int remove_closed(const struct place *place)
{
	(void)place;
	/* with capabilities no directory is closed */
	if (capability_set(0, 0) < 0)
		return 77;
	if (fs_remove_tree(AT_FDCWD, "closed") != -EACCES)
		return 1;
	return fs_remove_tree(AT_FDCWD, "t") == -EACCES ? 0 : 2;
}

/* Without /proc a closed directory cannot be opened: that must not pass for one that has gone. */
static void closed_without_proc(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "closed/d", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "t/closed/d", 0755), 0);
	assert_int_equal(fchmodat(place->fd, "closed", 0, 0), 0);
	assert_int_equal(fchmodat(place->fd, "t/closed", 0, 0), 0);
	alarm(60);
	in_mount_namespace(place, remove_closed, LACK_PROC);
	alarm(0);
	assert_true(is_there(place->fd, "closed"));
}

static void absolute_paths(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *tree = path_join(place->path, "a/t"), *gone = path_join(tree, "x/y");
	_cleanup_free_ char *file = path_join(place->path, "f"), *below = path_join(file, "x");
	_cleanup_free_ char *beside = path_join(place->path, "link/f");

	assert_int_equal(fs_mkdirs(place->fd, "a/t/d", 0755), 0);
	put(place->fd, "a/t/f");
	put(place->fd, "a/f");
	put(place->fd, "f");
	assert_int_equal(symlinkat("a", place->fd, "link"), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, tree), 0);
	assert_false(is_there(place->fd, "a/t"));
	assert_int_equal(fs_remove_tree(AT_FDCWD, tree), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, gone), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, "/no such file"), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, below), -ENOTDIR);
	assert_true(is_there(place->fd, "f") && is_there(place->fd, "a/f"));
	/* a symlink may be on the way */
	assert_int_equal(fs_remove_tree(AT_FDCWD, beside), 0);
	assert_false(is_there(place->fd, "a/f"));
}

/* Makes DEPTH directories below T, each inside the one before. */
static void make_deep(const struct place *place, unsigned depth)
{
	int fd = dup(place->fd);

	assert_int_equal(mkdirat(fd, "t", 0755), 0);
	for (const char *name = "t"; depth-- > 0; name = "d") {
		int below = fs_open_dir(fd, name);

		assert_true(below >= 0);
		close(fd);
		fd = below;
		assert_int_equal(mkdirat(fd, "d", 0755), 0);
	}
	close(fd);
}

/*
 * Each level takes stack, and a descriptor. So the numbers of descriptors tell how much stack is
 * taken: not more than that of 64 levels, however deep the tree is.
 */
static void deeper_than_the_stack(void **state)
{
	const struct place *place = *state;
	int status, lowest = dup(place->fd);
	pid_t child;

	close(lowest);
	make_deep(place, 100);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		refuse_if(SYS_getdents64, 0, BPF_JGE, (uint32_t)lowest + 70,
			  SECCOMP_RET_KILL_PROCESS);
		_exit(fs_remove_tree(place->fd, "t") == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(status, 0);
	assert_false(is_there(place->fd, "t"));
}

static int remove_as_a_user(void *ctx)
{
	const struct place *place = ctx;

	/* with capabilities no directory is closed */
	if (capability_set(0, 0) < 0)
		return NO_FILTER;
	fs_remove_tree(place->fd, "t");
	return 0;
}

static void put_a_link_in(void *ctx)
{
	const struct place *place = ctx;

	assert_int_equal(renameat(place->fd, "t/d", place->fd, "t/aside"), 0);
	assert_int_equal(symlinkat("../precious", place->fd, "t/d"), 0);
}

/* A closed directory is exchanged for a link when its mode is about to be changed. */
static void modes_of_what_was_looked_at(void **state)
{
#ifdef SYS_chmod
	const struct nth what = {.number = SYS_chmod, .nth = 1, .meanwhile = put_a_link_in};
#else
	const struct nth what = {.number = SYS_fchmodat, .nth = 1, .meanwhile = put_a_link_in};
#endif
	const struct place *place = *state;
	struct stat st;
	int status, r;

	put(place->fd, "precious");
	assert_int_equal(fchmodat(place->fd, "precious", 0640, 0), 0);
	assert_int_equal(mkdirat(place->fd, "t", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "t/d", 0), 0);
	r = nth_happens(&what, remove_as_a_user, *state, &status);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
	assert_int_equal(fstatat(place->fd, "precious", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

struct exchange {
	const struct place *place;
	bool is_old; /* a kernel before 5.6, without openat2(2) */
};

static int remove_it(void *ctx)
{
	const struct exchange *exchange = ctx;

	if (exchange->is_old)
		refuse_call(SWAP_OPENAT2, -1, ENOSYS);
	fs_remove_tree(exchange->place->fd, "t");
	return 0;
}

static void put_a_link_there(void *ctx)
{
	int fd = ((const struct exchange *)ctx)->place->fd;

	/* it may be removed already */
	if (renameat(fd, "t/d", fd, "aside") == 0)
		assert_int_equal(symlinkat("../precious", fd, "t/d"), 0);
}

/* A directory is exchanged for a link after it was seen, at whatever instant. */
static void links_instead_of_directories(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "precious/d", 0755), 0);
	put(place->fd, "precious/f");
	for (int is_old = 0; is_old <= 1; is_old++) {
		struct exchange exchange = {place, is_old};
		int r = 1, status;

		for (int number = 1; r > 0; number++) {
			assert_int_equal(fs_mkdirs(place->fd, "t/d/d", 0755), 0);
			put(place->fd, "t/d/f");
			r = swap_at(number, remove_it, put_a_link_there, &exchange, &status);
			if (r < 0)
				skip();
			assert_int_equal(status, 0);
			assert_true(is_there(place->fd, "precious/f"));
			assert_true(is_there(place->fd, "precious/d"));
			assert_int_equal(fs_remove_tree(place->fd, "t"), 0);
			assert_int_equal(fs_remove_tree(place->fd, "aside"), 0);
			assert_true(r > 0 || number > 3);
		}
	}
}

static void make_files(int fd, const char *directory, int first, int last)
{
	for (int i = first; i <= last; i++) {
		_cleanup_free_ char *name = xasprintf("%s%d", directory, i);

		put(fd, name);
	}
}

static int remove_what_vanishes(void *ctx)
{
	return fs_remove_tree(((const struct place *)ctx)->fd, "t") == 0 ? 0 : 1;
}

static void make_it_vanish(void *ctx)
{
	int fd = ((const struct place *)ctx)->fd;

	for (int i = 0; i < 20; i++) {
		_cleanup_free_ char *name = xasprintf("t/f%d", i);

		unlinkat(fd, name, 0);
	}
	(void)!renameat(fd, "t/d", fd, "aside");
}

/* Somebody else removes the same tree: what has gone was to be removed, and is no error. */
static void what_vanishes_meanwhile(void **state)
{
	struct place *place = *state;
	int r = 1, status;

	for (int number = 1; r > 0; number++) {
		assert_int_equal(fs_mkdirs(place->fd, "t", 0755), 0);
		make_files(place->fd, "t/f", 0, 9);
		assert_int_equal(fs_mkdirs(place->fd, "t/d/d", 0755), 0);
		make_files(place->fd, "t/f", 10, 19);
		r = swap_at(number, remove_what_vanishes, make_it_vanish, place, &status);
		if (r < 0)
			skip();
		assert_int_equal(status, 0);
		assert_false(is_there(place->fd, "t"));
		assert_int_equal(fs_remove_tree(place->fd, "aside"), 0);
	}
}

/* Directories that are too deep move to the top, where names like their new ones are taken. */
static void taken_names(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "all", 0755), 0);
	for (int i = 0; i < 20; i += 2) {
		_cleanup_free_ char *taken = xasprintf("all/.deep-%d/x", i + 1);
		_cleanup_free_ char *deep = xasprintf("all/d%d", i);

		make_files(place->fd, "all/.deep-", i, i);
		assert_int_equal(fs_mkdirs(place->fd, taken, 0755), 0);
		make_deep(place, 70);
		assert_int_equal(renameat(place->fd, "t", place->fd, deep), 0);
	}
	assert_int_equal(fs_remove_tree(place->fd, "all"), 0);
	assert_false(is_there(place->fd, "all"));
}

static int remove_what_cannot_move(const struct place *place)
{
	alarm(20);
#ifdef SYS_renameat
	refuse_call(SYS_renameat, -1, EIO);
#endif
	refuse_call(SYS_renameat2, -1, EIO);
	return fs_remove_tree(place->fd, "t") == -EIO ? 0 : 1;
}

#ifdef SYS_renameat
static int remove_t(void *ctx)
{
	const struct place *place = ctx;

	return fs_remove_tree(place->fd, "t") == 0 ? 0 : 1;
}

/* Each way in which a file system may say that a name is taken: the next one is tried. */
static void each_way_to_say_taken(void **state)
{
	static const int errors[] = {ENOTEMPTY, EEXIST, ENOTDIR};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		int status, r;

		make_deep(place, 70);
		r = nth_fails(SYS_renameat, 1, errors[i], remove_t, *state, &status);
		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, 0);
		assert_false(is_there(place->fd, "t"));
	}
}
#endif

/* Any other reason than a name that is taken is told. */
static void moves_that_fail(void **state)
{
	const struct place *place = *state;

	make_deep(place, 70);
	in_mount_namespace(place, remove_what_cannot_move, LACK_NOTHING);
}

static int remove_what_is_never_empty(const struct place *place)
{
	alarm(20);
	refuse_call_with(SYS_unlinkat, 2, AT_REMOVEDIR, ENOTEMPTY);
	return fs_remove_tree(place->fd, "t") == -ENOTEMPTY ? 0 : 1;
}

/* A directory that does not get empty is not tried for ever, nor what it is in. */
static void never_empty(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "t/a/b/c", 0755), 0);
	in_mount_namespace(place, remove_what_is_never_empty, LACK_NOTHING);
	/* what else is in it does not make it empty either */
	put(place->fd, "t/a/f");
	put(place->fd, "t/g");
	in_mount_namespace(place, remove_what_is_never_empty, LACK_NOTHING);
	assert_int_equal(fs_remove_tree(place->fd, "t"), 0);
}

static void files_below(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *real = realpath(place->path, NULL), *file = path_join(real, "a/b/f");
	mode_t before = umask(077);
	struct stat st;
	int fd;

	/* the mode does not depend on the umask */
	fd = fs_make_dirs_below(place->fd, "a/b");
	umask(before);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	close(fd);
	put(place->fd, "a/b/f");
	assert_int_equal(fs_stat_below(place->fd, file, &st), 0); /* an absolute path */
	assert_int_equal(symlinkat("a", place->fd, "link"), 0);
	assert_int_equal(symlinkat("f", place->fd, "a/b/link"), 0);
	assert_int_equal(mkfifoat(place->fd, "a/b/fifo", 0600), 0);
	fd = fs_open_below(place->fd, "a/b/f", O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(fs_open_below(place->fd, "a/b/link", O_RDONLY, 0), -ELOOP);
	assert_int_equal(fs_stat_below(place->fd, "a/b/link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(fs_stat_below(place->fd, "link/b/f", &st) < 0);
	assert_true(fs_open_below(place->fd, "link/b/f", O_RDONLY, 0) < 0);
	assert_true(fs_open_below(place->fd, "link/b/new", O_WRONLY | O_CREAT, 0600) < 0);
	assert_true(fs_make_dirs_below(place->fd, "link/c") < 0);
	assert_true(fs_unlink_below(place->fd, "link/b/f") < 0);
	assert_true(fs_remove_tree(place->fd, "link/b") < 0);
	assert_true(fs_replace_file(place->fd, "link/b/f", "y", 1, 0600) < 0);
	assert_false(is_there(place->fd, "a/c"));
	assert_true(is_there(place->fd, "a/b/f"));
	/* opening a fifo must not wait for the other side */
	assert_int_equal(fs_open_below(place->fd, "a/b/fifo", O_WRONLY | O_CREAT, 0600), -ENXIO);
	assert_int_equal(fs_open_below(place->fd, "a/b/fifo", O_RDONLY, 0), -EINVAL);
	assert_int_equal(mkfifoat(place->fd, "a/b/f.new", 0600), 0);
	assert_int_equal(fs_replace_file(place->fd, "a/b/f", "y", 1, 0600), 0);
	assert_int_equal(fs_unlink_below(place->fd, "a/b/f"), 0);
	assert_int_equal(fs_stat_below(place->fd, "a/b/f", &st), -ENOENT);
}

static void try_open_below(const struct place *place)
{
	int fd;

	for (size_t i = 0; i < 3; i++) {
		static const char *const paths[] = {"", "a", "a/b/c"};

		fd = fs_open_dir_below(place->fd, paths[i]);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	assert_int_equal(fs_open_dir_below(place->fd, "a/f"), -ENOTDIR);
	assert_int_equal(fs_open_dir_below(place->fd, "a/x/c"), -ENOENT);
	fd = fs_open_dir_below(place->fd, "a/link/c");
	assert_true(fd == -ELOOP || fd == -ENOTDIR);
	fd = fs_open_dir_below(place->fd, "link");
	assert_true(fd == -ELOOP || fd == -ENOTDIR);
}

static int try_without_openat2(const struct place *place)
{
	int fd = fs_open_dir_below(place->fd, "a/b/c");

	if (fd < 0 || fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return 1;
	close(fd);
	fd = fs_open_dir_below(place->fd, "a/link/c");
	if (fd != -ELOOP && fd != -ENOTDIR)
		return 2;
	fd = fs_open_dir_below(place->fd, "link");
	return fd == -ELOOP || fd == -ENOTDIR ? 0 : 3;
}

static void open_below(void **state)
{
	const struct place *place = *state;

	assert_int_equal(fs_mkdirs(place->fd, "a/b/c", 0755), 0);
	put(place->fd, "a/f");
	assert_int_equal(symlinkat("b", place->fd, "a/link"), 0);
	assert_int_equal(symlinkat("a", place->fd, "link"), 0);
	try_open_below(place);
	in_mount_namespace(place, try_without_openat2, LACK_OPENAT2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bind_mounts, setup, teardown),
		cmocka_unit_test_setup_teardown(other_file_systems, setup, teardown),
		cmocka_unit_test_setup_teardown(at_the_root, setup, teardown),
		cmocka_unit_test_setup_teardown(deeper_than_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(deeper_than_the_stack, setup, teardown),
		cmocka_unit_test_setup_teardown(modes_of_what_was_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(links_instead_of_directories, setup, teardown),
		cmocka_unit_test_setup_teardown(what_vanishes_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_names, setup, teardown),
#ifdef SYS_renameat
		cmocka_unit_test_setup_teardown(each_way_to_say_taken, setup, teardown),
#endif
		cmocka_unit_test_setup_teardown(moves_that_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(never_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(files_below, setup, teardown),
		cmocka_unit_test_setup_teardown(not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(open_below, setup, teardown),
		cmocka_unit_test_setup_teardown(absolute_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_without_proc, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
