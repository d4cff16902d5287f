#include "util/fs.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <sys/syscall.h>

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_read_fd(int fd, size_t max, char **data, size_t *len)
{
	_cleanup_free_ char *buffer = NULL;
	size_t used = 0, room = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	for (;;) {
		ssize_t n;

		if (room - used < 2) {
			room = room ? room * 2 : 4096;
			buffer = xreallocarray(buffer, room, 1);
		}
		n = read(fd, buffer + used, room - used - 1);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		/* files of /proc have size 0 and are read in pieces */
		if (used == (size_t)st.st_size)
			break;
	}
	buffer[used] = '\0';
	*data = steal_ptr(&buffer);
	*len = used;
	return 0;
}

int fs_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fs_read_fd(fd, max, data, len);
}

ssize_t fs_read_some(int dirfd, const char *path, char *buffer, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (n < 0)
		return -errno;
	buffer[n] = '\0';
	return n;
}

int fs_sync_dir(int dirfd, const char *path)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* EINVAL: a file system without fsync for directories (some FUSE) has nothing to sync */
	if (fsync(fd) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

static int write_and_sync(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	int r;

	/* remove a leftover, or a fifo on which open(2) would wait */
	unlinkat(dirfd, name, 0);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (fsync(fd) < 0)
		return -errno;
	/* on NFS close(2) may be the call that reports a failed write */
	return close(steal_fd(&fd)) < 0 ? -errno : 0;
}

int fs_replace_file(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
	const char *name;
	_cleanup_close_ int above = fs_open_above(dirfd, path, &name);
	_cleanup_free_ char *fresh = xasprintf("%s.new", name);
	int r = above < 0 ? above : write_and_sync(above, fresh, data, len, mode);

	if (r == 0 && renameat(above, fresh, above, name) < 0)
		r = -errno;
	if (r == 0)
		return fs_sync_dir(above, ".");
	if (above >= 0)
		unlinkat(above, fresh, 0);
	return r;
}

int fs_mkdirs(int dirfd, const char *path, mode_t mode)
{
	_cleanup_free_ char *part = xstrdup(path);
	char *p = part;
	struct stat st;

	while (*p == '/')
		p++;
	while (*p) {
		char *slash = strchr(p, '/');

		if (slash)
			*slash = '\0';
		if (mkdirat(dirfd, part, mode) < 0) {
			int failed = errno;

			/* on a read-only parent mkdir says EROFS even if the directory exists */
			if (fstatat(dirfd, part, &st, 0) < 0)
				return -failed;
			if (!S_ISDIR(st.st_mode))
				return -ENOTDIR;
		}
		if (!slash)
			break;
		*slash = '/';
		for (p = slash; *p == '/';)
			p++;
	}
	return 0;
}

int fs_put_file(const char *path, const void *data, size_t len, mode_t mode)
{
	_cleanup_free_ char *above = path_parent(path);
	_cleanup_close_ int dir = -1;
	int r = fs_mkdirs(AT_FDCWD, above, 0755);

	if (r < 0)
		return r;
	dir = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	return fs_replace_file(dir, strrchr(path, '/') + 1, data, len, mode);
}

int fs_open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int fs_make_plain(int fd)
{
	/* acl(5); this may fail: no default ACL is set, or the file system knows none */
	(void)!fremovexattr(fd, "system.posix_acl_default");
	(void)!fremovexattr(fd, "system.posix_acl_access");
	return fchmod(fd, 0755) < 0 ? -errno : 0;
}

/* Open the directory NAME (LEN bytes) in FD, and close FD; if MAKES, a missing one is made. */
static int step_down(int fd, const char *path, size_t len, bool makes)
{
	_cleanup_free_ char *name = xstrndup(path, len);
	_cleanup_close_ int above = fd, below = -1;
	bool is_made = makes && mkdirat(above, name, 0755) == 0;
	int why = is_made || !makes ? 0 : errno;

	/* mkdir(2) may fail for many reasons if the directory exists: opening it decides */
	below = fs_open_dir(above, name);
	if (below == -ENOENT && why && why != EEXIST)
		return -why;
	if (below >= 0 && is_made) {
		int r = fs_make_plain(below);

		if (r < 0)
			return r;
	}
	return steal_fd(&below);
}

static int walk_down(int dirfd, const char *path, size_t len, bool makes)
{
	const char *end = path + len;
	int fd = fs_open_dir(dirfd, *path == '/' ? "/" : ".");

	for (path += strspn(path, "/"); fd >= 0 && path < end; path += strspn(path, "/")) {
		size_t part = strcspn(path, "/");

		fd = step_down(fd, path, part, makes);
		path += part;
	}
	return fd;
}

int fs_open_above(int dirfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return walk_down(dirfd, path, slash ? (size_t)(slash - path) : 0, false);
}

int fs_make_dirs_below(int dirfd, const char *path)
{
	return walk_down(dirfd, path, strlen(path), true);
}

int fs_open_below(int dirfd, const char *path, int flags, mode_t mode)
{
	const char *name;
	_cleanup_close_ int above = fs_open_above(dirfd, path, &name), fd = -1;
	struct stat st;

	if (above < 0)
		return above;
	fd = openat(above, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? steal_fd(&fd) : S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

int fs_stat_below(int dirfd, const char *path, struct stat *st)
{
	const char *name;
	_cleanup_close_ int above = fs_open_above(dirfd, path, &name);

	if (above < 0)
		return above;
	return fstatat(above, name, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int fs_unlink_below(int dirfd, const char *path)
{
	const char *name;
	_cleanup_close_ int above = fs_open_above(dirfd, path, &name);

	if (above < 0)
		return above;
	return unlinkat(above, name, 0) < 0 ? -errno : 0;
}

int fs_readlink(int dirfd, const char *path, char **target)
{
	_cleanup_free_ char *buffer = NULL;

	for (size_t room = 256; room <= SIZE_MAX / 2; room *= 2) {
		ssize_t n;

		buffer = xreallocarray(buffer, room, 1);
		n = readlinkat(dirfd, path, buffer, room);
		if (n < 0)
			return -errno;
		if ((size_t)n < room) {
			buffer[n] = '\0';
			*target = steal_ptr(&buffer);
			return 0;
		}
	}
	return -ENAMETOOLONG;
}

char *fs_self_path(void)
{
	char *path;

	return fs_readlink(AT_FDCWD, "/proc/self/exe", &path) < 0 ? NULL : path;
}

bool fs_exists(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

DIR *fs_list_fd(int fd)
{
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_close_ int failed = dir ? -1 : fd;

	(void)failed;
	return dir;
}

DIR *fs_list_dir(int dirfd, const char *path)
{
	return fs_list_fd(openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

struct dirent *fs_next_entry(DIR *dir)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry;
}

bool fs_same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool fs_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && fs_same_inode(&one, &other);
}

uint64_t fs_mount_id(int dirfd, const char *path, bool unique)
{
	/*
	 * statx(2): STATX_MNT_ID, STATX_MNT_ID_UNIQUE and their offsets in struct statx, as
	 * numbers, because headers of older systems lack them
	 */
	const unsigned mask = unique ? 0x4000 : 0x1000;
	struct {
		uint32_t mask;
		unsigned char fields[140];
		uint64_t mount_id;
		unsigned char more[104];
	} statx = {0};

	_Static_assert(sizeof(statx) == 256, "the kernel's struct statx");
	if (syscall(SYS_statx, dirfd, path, AT_EMPTY_PATH | AT_NO_AUTOMOUNT, mask, &statx) < 0)
		return 0;
	return statx.mask & mask ? statx.mount_id : 0;
}

bool fs_has_ended(dev_t device)
{
#ifdef SYS_ustat
	/* struct ustat: two numbers, and twelve bytes of names that nothing fills in */
	char answer[64];

	return syscall(SYS_ustat, (unsigned)device, answer) < 0 && errno == EINVAL;
#else
	(void)device;
	return false;
#endif
}

bool fs_is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *fs_deepest_existing(const char *path)
{
	char *there = xstrdup(path);
	struct stat st;

	while (there[1] && stat(there, &st) < 0) {
		char *above = path_parent(there);

		free(there);
		there = above;
	}
	return there;
}
