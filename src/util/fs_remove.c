/*
 * Directories that are entered without crossing a mount, and rm -rf made of that.
 */
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/*
 * A directory that lies this deep in the one that is removed is moved up to that, for each level
 * takes some of the stack and a descriptor. Nix's own trees are some ten deep.
 */
enum { MAX_DEPTH = 64 };

/* What the levels of one walk share. */
struct walk {
	int top_fd;	     /* the directory that is removed */
	int spare_fd;	     /* given up for the one that moving a directory takes */
	unsigned depth;	     /* how many directories are being emptied, each in the one before */
	bool has_no_openat2; /* a kernel before 5.6, or a seccomp filter that does not know it */
	uint64_t moved;	     /* how many directories were moved up to the top */
};

/* The mount that FD is on, "mnt_id" of proc_pid_fdinfo(5); -1 where that cannot be told. */
static long mount_id(int fd)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fdinfo/%d", fd), *text = NULL;
	const char *line;
	size_t len;

	if (fs_read_file(AT_FDCWD, path, 1 << 16, &text, &len) < 0)
		return -1;
	line = strstr(text, "mnt_id:");
	return line ? strtol(line + strlen("mnt_id:"), NULL, 10) : -1;
}

static int open_and_compare(int dirfd, const char *name, int access)
{
	_cleanup_close_ int fd = openat(dirfd, name, access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, parent;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || fstat(dirfd, &parent) < 0)
		return -errno;
	return st.st_dev == parent.st_dev && mount_id(fd) == mount_id(dirfd) ? steal_fd(&fd)
									     : -EXDEV;
}

/*
 * The directory NAME, a single component, where it is no symlink and on DIRFD's mount; ACCESS is
 * O_RDONLY or O_PATH.
 */
static int open_on_same_mount(struct walk *walk, int dirfd, const char *name, int access)
{
	const struct open_how how = {
		.flags = (unsigned)access | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_XDEV,
	};
	int fd;

	if (walk->has_no_openat2)
		return open_and_compare(dirfd, name, access);
	fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	/* Docker's older filters say EPERM, which open(2) of a directory never does */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	walk->has_no_openat2 = true;
	return open_and_compare(dirfd, name, access);
}

int fs_open_dir_below(int dirfd, const char *path)
{
	struct walk walk = {.top_fd = -1};
	int fd = fs_open_dir(dirfd, ".");

	while (fd >= 0 && *path) {
		_cleanup_free_ char *name = xstrndup(path, strcspn(path, "/"));
		int above = fd;

		fd = open_on_same_mount(&walk, above, name, O_RDONLY);
		close(above);
		path += strlen(name);
		path += strspn(path, "/");
	}
	return fd;
}

/*
 * u+rwx for the directory NAME, by a descriptor of it: by its name, fchmodat(2) would change what a
 * racer has put in its place. fchmod(2) refuses O_PATH, so it goes through /proc. Returns that
 * descriptor or a negative errno.
 */
static int open_made_ours(struct walk *walk, int dirfd, const char *name)
{
	_cleanup_close_ int fd = open_on_same_mount(walk, dirfd, name, O_PATH);
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);

	if (fd < 0)
		return fd;
	/* without /proc it says ENOENT, which must not pass for a directory that is gone */
	if (chmod(path, 0700) < 0)
		return errno == ENOENT ? -EACCES : -errno;
	return steal_fd(&fd);
}

/* The directory NAME for removal: one that we may not read is made ours first. */
static int open_child(struct walk *walk, int dirfd, const char *name)
{
	_cleanup_close_ int fd = open_on_same_mount(walk, dirfd, name, O_RDONLY), seen = -1;

	if (fd != -EACCES)
		return steal_fd(&fd);
	seen = open_made_ours(walk, dirfd, name);
	return seen < 0 ? seen : fs_open_dir(seen, ".");
}

/* unlinkat(2), with the directory made writable where that is what is missing. */
static int unlink_in(int fd, const char *name, int flags)
{
	if (unlinkat(fd, name, flags) == 0)
		return 0;
	if (errno != EACCES)
		return -errno;
	/* not before: Nix's directories are read-only, and most others are not */
	return fchmod(fd, 0700) == 0 && unlinkat(fd, name, flags) == 0 ? 0 : -errno;
}

static int remove_children(struct walk *walk, int fd, bool *removed);

static int dup_spare(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/*
 * Deeper than this, or than there are descriptors: the directory becomes a child of the top one,
 * whose next pass finds it there.
 */
static int move_to_top(struct walk *walk, int fd, const char *name)
{
	/* a directory can be moved by those who may write it, ".." being in there */
	_cleanup_close_ int moved = -1;

	cleanup_close(&walk->spare_fd);
	moved = open_made_ours(walk, fd, name);
	walk->spare_fd = -1;
	if (moved < 0)
		return moved;
	if (fchmod(fd, 0700) < 0 || fchmod(walk->top_fd, 0700) < 0)
		return -errno;
	for (;;) {
		_cleanup_free_ char *fresh =
			xasprintf(".deep-%llu", (unsigned long long)walk->moved++);

		if (renameat(fd, name, walk->top_fd, fresh) == 0) {
			close(steal_fd(&moved));
			walk->spare_fd = dup_spare(walk->top_fd);
			return 0;
		}
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			return -errno;
	}
}

/*
 * Empty the directory NAME and remove it. A second pass where it is not empty after all: some file
 * systems pass over entries while others are removed, and move_to_top() adds some.
 */
static int remove_directory(struct walk *walk, int fd, const char *name)
{
	bool is_top = walk->top_fd < 0;
	int r;

	do {
		bool removed = false;
		int child = walk->depth == MAX_DEPTH ? -EMFILE : open_child(walk, fd, name);

		if (child == -EMFILE && !is_top && fd != walk->top_fd)
			return move_to_top(walk, fd, name);
		if (child < 0)
			return child;
		if (is_top)
			walk->top_fd = child;
		walk->depth++;
		r = remove_children(walk, child, &removed);
		walk->depth--;
		if (r == 0)
			r = unlink_in(fd, name, AT_REMOVEDIR);
		if (!removed)
			break;
	} while (r == -ENOTEMPTY || r == -EEXIST);
	return r;
}

static int remove_entry(struct walk *walk, int fd, const struct dirent *entry)
{
	int r;

	if (entry->d_type == DT_DIR)
		return remove_directory(walk, fd, entry->d_name);
	r = unlink_in(fd, entry->d_name, 0);
	/* a directory, where the type is not told: EISDIR, and EPERM with POSIX's word for it */
	if (r == -EISDIR || (r == -EPERM && entry->d_type == DT_UNKNOWN))
		r = remove_directory(walk, fd, entry->d_name);
	return r == -ENOENT ? 0 : r;
}

/* Takes FD over. *REMOVED: there was something. */
static int remove_children(struct walk *walk, int fd, bool *removed)
{
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	struct dirent *entry;
	int first = 0;

	if (!dir)
		return -errno;
	while ((entry = fs_next_entry(dir))) {
		int r = remove_entry(walk, fd, entry);

		*removed = true;
		first = first ? first : r;
	}
	return first ? first : -errno;
}

static int remove_top(int parent, const char *name)
{
	struct walk walk = {.top_fd = -1, .spare_fd = -1};
	int r;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	walk.spare_fd = dup_spare(parent);
	r = remove_directory(&walk, parent, name);
	cleanup_close(&walk.spare_fd);
	/* no directory, and it may not be removed */
	return r == -ENOTDIR ? -EPERM : r;
}

int fs_remove_tree(int dirfd, const char *name)
{
	_cleanup_free_ char *above = *name == '/' ? path_parent(name) : NULL;
	_cleanup_close_ int parent = -1;

	if (above) {
		parent = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
		name += strlen(above) + (above[1] != '\0');
	} else {
		parent = fs_open_above(dirfd, name, &name);
		errno = parent < 0 ? -parent : 0;
	}
	if (parent < 0)
		return errno == ENOENT ? 0 : -errno;
	return remove_top(parent, name);
}
