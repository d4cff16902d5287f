/* Entering directories without crossing a mount, and rm -rf, which is built on it. */
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
 * A directory this deep below the removed one is moved up to the top, since each level takes stack
 * and a descriptor. Nix's own trees are about ten levels deep.
 */
enum { MAX_DEPTH = 64 };

/* Some file systems may say for ever that an entry is removed, and show it again. */
enum { MAX_PASSES = 1000 };

/* What all levels of one walk share. */
struct walk {
	int top_fd;   /* the directory that is being removed */
	int spare_fd; /* closed to free a descriptor for moving a directory */
	/* how many directories are being emptied, each within the one before */
	unsigned depth;
	/* a kernel before 5.6, or a seccomp filter that does not know the call */
	bool has_no_openat2;
	uint64_t moved; /* how many directories were moved to the top */
};

/* The mount that FD is on, "mnt_id" of proc_pid_fdinfo(5); -1 if unknown. */
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
 * Open the directory NAME, a single component, if it is no symlink and is on DIRFD's mount; ACCESS
 * is O_RDONLY or O_PATH.
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
	/* Docker's older filters answer EPERM, which open(2) of a directory never does */
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
 * Give the directory NAME u+rwx, through a descriptor: by name, fchmodat(2) would change whatever
 * somebody has just put there instead. fchmod(2) refuses O_PATH, so the path is in /proc. Returns
 * the descriptor or a negative errno.
 */
static int open_made_ours(struct walk *walk, int dirfd, const char *name)
{
	_cleanup_close_ int fd = open_on_same_mount(walk, dirfd, name, O_PATH);
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);

	if (fd < 0)
		return fd;
	/* without /proc this fails with ENOENT, which must not pass for a missing directory */
	if (chmod(path, 0700) < 0)
		return errno == ENOENT ? -EACCES : -errno;
	return steal_fd(&fd);
}

/* Open the directory NAME for removal; an unreadable one gets u+rwx first. */
static int open_child(struct walk *walk, int dirfd, const char *name)
{
	_cleanup_close_ int fd = open_on_same_mount(walk, dirfd, name, O_RDONLY), seen = -1;

	if (fd != -EACCES)
		return steal_fd(&fd);
	seen = open_made_ours(walk, dirfd, name);
	return seen < 0 ? seen : fs_open_dir(seen, ".");
}

/* unlinkat(2); if the directory FD is not writable, make it writable first. */
static int unlink_in(int fd, const char *name, int flags)
{
	if (unlinkat(fd, name, flags) == 0)
		return 0;
	if (errno != EACCES)
		return -errno;
	/* only after a failure: Nix's directories are read-only, but most others are not */
	return fchmod(fd, 0700) == 0 && unlinkat(fd, name, flags) == 0 ? 0 : -errno;
}

static int remove_children(struct walk *walk, int fd, bool *removed);

static int dup_spare(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/*
 * Move the directory NAME to the top of the tree, because it is too deep or there are no more
 * descriptors. The top's next pass finds it there.
 */
static int move_to_top(struct walk *walk, int fd, const char *name)
{
	/*
	 * to move a directory takes write permission for the directory itself, since its ".."
	 * changes
	 */
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
 * Empty the directory NAME and remove it. If all in it could be removed, and it is not empty then,
 * do it again: some file systems skip entries while others are removed, and move_to_top() adds
 * some.
 */
static int remove_directory(struct walk *walk, int fd, const char *name)
{
	bool is_top = walk->top_fd < 0, removed;
	int r, passes = 0;

	do {
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
		if (r < 0)
			return r;
		r = unlink_in(fd, name, AT_REMOVEDIR);
	} while ((r == -ENOTEMPTY || r == -EEXIST) && removed && ++passes < MAX_PASSES);
	return r;
}

bool fs_is_removed_in_use(const char *name)
{
	return str_starts_with(name, ".nfs") || str_starts_with(name, ".fuse_hidden");
}

/* Remove ENTRY of FD: 0, -ENOENT if somebody else has done it, or another negative errno. */
static int remove_entry(struct walk *walk, int fd, const struct dirent *entry)
{
	int r = entry->d_type == DT_DIR ? -EISDIR : unlink_in(fd, entry->d_name, 0);

	/* a directory whose type readdir(3) did not tell: EISDIR, or EPERM as POSIX has it */
	if (r == -EISDIR || (r == -EPERM && entry->d_type == DT_UNKNOWN))
		r = remove_directory(walk, fd, entry->d_name);
	return r;
}

/* Remove everything in FD, and close FD. *REMOVED: something was. */
static int remove_children(struct walk *walk, int fd, bool *removed)
{
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	struct dirent *entry;
	int first = 0;

	*removed = false;
	if (!dir)
		return -errno;
	while ((entry = fs_next_entry(dir))) {
		int r = remove_entry(walk, fd, entry);

		/* what is in use has only got another name */
		*removed |= r == 0 && !fs_is_removed_in_use(entry->d_name);
		if (first == 0 && r != -ENOENT)
			first = r;
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
	/* NAME is no directory, and may not be removed */
	return r == -ENOTDIR ? -EPERM : r;
}

int fs_remove_tree(int dirfd, const char *name)
{
	_cleanup_free_ char *above = *name == '/' ? path_parent(name) : NULL;
	_cleanup_close_ int parent = -1;

	if (above) {
		parent = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (parent < 0)
			parent = -errno;
		name += strlen(above) + (above[1] != '\0');
	} else {
		parent = fs_open_above(dirfd, name, &name);
	}
	if (parent < 0)
		return parent == -ENOENT ? 0 : parent;
	return remove_top(parent, name);
}
