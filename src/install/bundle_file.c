#include "install/bundle_file.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int cannot_write(const struct bundle_file *file, int err)
{
	log_error("cannot write %s: %s\n%-s", file->path, strerror(err),
		  err == ENOSPC || err == EDQUOT || err == EFBIG
			  ? "make room there, or name another place; nothing is left of it"
			  : "name a file in a directory that you can write to");
	return -1;
}

/* Check that a file can be put at the path, or replace one there: 0, or -1 after a message. */
static int check_place(struct bundle_file *file)
{
	struct stat st;
	char *real;

	if (lstat(file->path, &st) < 0)
		return errno == ENOENT ? 0 : cannot_write(file, errno);
	if (S_ISLNK(st.st_mode)) {
		real = realpath(file->path, NULL);
		if (!real || stat(real, &st) < 0) {
			free(real);
			return cannot_write(file, errno);
		}
		free(file->path);
		file->path = real;
	}
	if (S_ISREG(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode))
		return cannot_write(file, EISDIR);
	log_error("%s is not a regular file, so it is not replaced\nname another file", file->path);
	return -1;
}

int bundle_file_find(const char *out, struct bundle_file *file)
{
	_cleanup_free_ char *dir = NULL;
	const char *slash;

	*file = (struct bundle_file)BUNDLE_FILE_NONE;
	file->path = xstrdup(out);
	if (check_place(file) < 0)
		return -1;
	slash = strrchr(file->path, '/');
	dir = !slash		    ? xstrdup(".")
	      : slash == file->path ? xstrdup("/")
				    : xstrndup(file->path, (size_t)(slash - file->path));
	file->name = xstrdup(slash ? slash + 1 : file->path);
	file->temporary = xasprintf(".%s.%ld", file->name, (long)getpid());
	if (!*file->name)
		return cannot_write(file, EISDIR);
	file->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->dir_fd < 0 || faccessat(file->dir_fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return cannot_write(file, errno);
	return 0;
}

int bundle_file_begin(struct bundle_file *file)
{
	/* a file without a name: nothing stays behind if this process is killed */
	file->fd = openat(file->dir_fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0700);
	if (file->fd < 0) {
		unlinkat(file->dir_fd, file->temporary, 0);
		file->fd = openat(file->dir_fd, file->temporary,
				  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	}
	return file->fd < 0 ? cannot_write(file, errno) : 0;
}

int bundle_file_write(struct bundle_file *file, const void *data, size_t len)
{
	int r = fs_write_all(file->fd, data, len);

	return r < 0 ? cannot_write(file, -r) : 0;
}

int bundle_file_cut(struct bundle_file *file, uint64_t size)
{
	if (ftruncate(file->fd, (off_t)size) < 0 || lseek(file->fd, (off_t)size, SEEK_SET) < 0)
		return cannot_write(file, errno);
	return 0;
}

/*
 * Give the file its name. If another file has that name, it is replaced by rename(2) of a temporary
 * name, since linkat(2) cannot replace.
 */
static int give_name(const struct bundle_file *file)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", file->fd);
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 0) {
		if (linkat(AT_FDCWD, path, file->dir_fd, file->name, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		unlinkat(file->dir_fd, file->temporary, 0);
		if (linkat(AT_FDCWD, path, file->dir_fd, file->temporary, AT_SYMLINK_FOLLOW) < 0)
			return -errno;
	}
	return renameat(file->dir_fd, file->temporary, file->dir_fd, file->name) < 0 ? -errno : 0;
}

int bundle_file_put(struct bundle_file *file)
{
	int r = 0;

	if (fchmod(file->fd, 0755) < 0 || fsync(file->fd) < 0)
		r = -errno;
	if (r == 0)
		r = give_name(file);
	if (r == 0)
		r = fs_sync_dir(file->dir_fd, ".");
	/* close it: the kernel refuses to run a file that is open for writing (ETXTBSY) */
	cleanup_close(&file->fd);
	file->fd = -1;
	return r < 0 ? cannot_write(file, -r) : 0;
}

void bundle_file_tidy(const struct bundle_file *file)
{
	if (file->dir_fd >= 0 && file->temporary)
		unlinkat(file->dir_fd, file->temporary, 0);
}

void bundle_file_clear(struct bundle_file *file)
{
	free(file->path);
	free(file->name);
	free(file->temporary);
	cleanup_close(&file->dir_fd);
	cleanup_close(&file->fd);
	*file = (struct bundle_file)BUNDLE_FILE_NONE;
}
