#include "util/fs.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
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

int fs_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *buffer = NULL;
	size_t used = 0, room = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
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
	}
	buffer[used] = '\0';
	*data = steal_ptr(&buffer);
	*len = used;
	return 0;
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
	/* EINVAL: a file system without fsync for directories (some FUSE), which has nothing to
	 * sync */
	if (fsync(fd) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

static int write_and_sync(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, data, len);
	if (r < 0)
		return r;
	if (fsync(fd) < 0)
		return -errno;
	/* on NFS the write may fail as late as here */
	return close(steal_fd(&fd)) < 0 ? -errno : 0;
}

int fs_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode)
{
	_cleanup_free_ char *fresh = xasprintf("%s.new", name);
	int r = write_and_sync(dirfd, fresh, data, len, mode);

	if (r == 0 && renameat(dirfd, fresh, dirfd, name) < 0)
		r = -errno;
	if (r == 0) {
		_cleanup_free_ char *parent = xstrdup(name);
		char *slash = strrchr(parent, '/');

		if (slash)
			*(slash == parent ? slash + 1 : slash) = '\0';
		return fs_sync_dir(dirfd, slash ? parent : ".");
	}
	unlinkat(dirfd, fresh, 0);
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

			/* on a read-only parent mkdir says EROFS even where the directory exists */
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

int fs_open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
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
	/* statx(2): STATX_MNT_ID, STATX_MNT_ID_UNIQUE, and where they are in struct statx; as
	 * numbers, for the headers of older systems lack them */
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
