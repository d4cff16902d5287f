#include "fetch/part_file.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { STATE_MAX = 8192 /* bytes: a URL and an ETag; what is longer is none of ours */ };

static int cannot(const char *verb, const char *path, int error)
{
	const char *next = "look at that directory, or set XDG_CACHE_HOME to another";

	if (error == ENOSPC || error == EDQUOT)
		next = "make room, or set XDG_CACHE_HOME to a directory with more";
	else if (error == EACCES || error == EPERM || error == EROFS)
		next = "make it writable, or set XDG_CACHE_HOME to a directory of yours";
	log_error("cannot %s %s: %s\n%-s", verb, path, strerror(error), next);
	return -1;
}

/* Readable bytes of one line: nothing that would make a second header of it */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/*
 * Nobody else could have written to it or can: a directory or a file of ours, without another name
 * that leads to it. (The group's bits are the mask of an ACL, where there is one.)
 */
static bool is_private(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH)) &&
	       (S_ISDIR(st->st_mode) || st->st_nlink == 1);
}

static char *state_name(const struct part_file *part)
{
	return xasprintf("%s.state", part->name);
}

static void forget_state(struct part_file *part)
{
	free(part->url);
	free(part->validator);
	part->url = part->validator = NULL;
}

/*
 * The state is two lines, URL and validator. It is not synced: after a power cut it may be torn
 * (its last newline lacks) or belong to other bytes (then the digest of the whole is wrong).
 */
static void read_state(struct part_file *part)
{
	_cleanup_free_ char *name = state_name(part), *text = NULL;
	char *second, *end;
	struct stat st;
	size_t len;

	if (fstatat(part->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    !is_private(&st))
		return;
	if (fs_read_file(part->dirfd, name, STATE_MAX, &text, &len) < 0 || strlen(text) != len)
		return;
	second = strchr(text, '\n');
	end = second ? strchr(second + 1, '\n') : NULL;
	if (!end || end[1] != '\0')
		return;
	*second++ = *end = '\0';
	if (!*text || !*second || !is_plain(text) || !is_plain(second))
		return;
	part->url = xstrdup(text);
	part->validator = xstrdup(second);
}

static void write_state(const struct part_file *part)
{
	_cleanup_free_ char *name = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;

	if (!part->name || !part->validator)
		return;
	name = state_name(part);
	text = xasprintf("%s\n%s\n", part->url, part->validator);
	fd = openat(part->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		log_verbose("cannot note the state of %s: %s", part->path, strerror(errno));
}

/* Open NAME for reading, if it is the file that FD is: 0, -EAGAIN where it is not, or -errno */
static int open_to_read(struct part_file *part, const char *name, int fd)
{
	_cleanup_close_ int read_fd =
		openat(part->dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat opened, again;

	if (read_fd < 0)
		return errno == ENOENT || errno == ELOOP ? -EAGAIN : -errno;
	if (fstat(fd, &opened) < 0 || fstat(read_fd, &again) < 0)
		return -errno;
	if (opened.st_ino != again.st_ino || opened.st_dev != again.st_dev)
		return -EAGAIN;
	part->read_fd = steal_fd(&read_fd);
	return 0;
}

/*
 * 1: it is ours and locked; 0: it cannot be had; negative errno. To be called only where others
 * cannot write to the directory.
 */
static int open_named(struct part_file *part, const char *name)
{
	_cleanup_close_ int fd = openat(
		part->dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st;
	int r;

	/* another one's; or the directory is not for us to write to, as the next file will tell */
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EEXIST;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	/* whoever had the lock before us may have removed the file, or another may have a new one
	 */
	r = open_to_read(part, name, fd);
	if (r < 0)
		return r;
	/* the size of before the lock may be another's, who wrote on */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_private(&st)) {
		/* somebody else may write to it at any time, so that its digest tells nothing */
		close(steal_fd(&part->read_fd));
		if (st.st_uid != geteuid())
			return 0;
		return unlinkat(part->dirfd, name, 0) < 0 && errno != ENOENT ? -errno : -EAGAIN;
	}
	part->fd = steal_fd(&fd);
	part->size = (uint64_t)st.st_size;
	return 1;
}

/* A file without a name: 0 or a negative errno */
static int open_nameless(struct part_file *part, const char *name)
{
	for (unsigned n = 0; n < 1000; n++) {
		_cleanup_free_ char *unique = xasprintf("%s.%ld.%u", name, (long)getpid(), n);
		_cleanup_close_ int fd =
			openat(part->dirfd, unique,
			       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		int r;

		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -errno;
		r = open_to_read(part, unique, fd);
		if (unlinkat(part->dirfd, unique, 0) < 0 && errno != ENOENT && r == 0)
			r = -errno;
		/* where others can write to the directory, one may have put a file in its place */
		if (r == -EAGAIN)
			continue;
		part->fd = steal_fd(&fd);
		return r;
	}
	return -EEXIST;
}

/* As open_named() */
static int open_named_again(struct part_file *part, const char *name)
{
	int r = -EAGAIN;

	for (unsigned n = 0; n < 10 && r == -EAGAIN; n++)
		r = open_named(part, name);
	return r == -EAGAIN ? 0 : r;
}

int part_file_open(struct part_file *part, int dirfd, const char *dir, const char *name)
{
	_cleanup_free_ char *part_name = xasprintf("%s.part", name);
	struct stat st;
	int r = 0;

	*part = (struct part_file)PART_FILE_NONE;
	part->path = xasprintf("%s/%s", dir, part_name);
	part->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (part->dirfd < 0 || fstat(part->dirfd, &st) < 0)
		return cannot("use the directory of", part->path, errno);
	if (is_private(&st))
		r = open_named_again(part, part_name);
	else
		log_verbose("others can write to %s", dir);
	if (r == 1) {
		part->name = steal_ptr(&part_name);
		if (part->size > 0)
			read_state(part);
		return 0;
	}
	if (r < 0)
		return cannot("create", part->path, -r);
	log_verbose("%s is in use, not ours alone or cannot be locked: downloading to a file "
		    "without a name, which cannot be continued by a later run",
		    part->path);
	r = open_nameless(part, part_name);
	return r < 0 ? cannot("create", part->path, -r) : 0;
}

int part_file_restart(struct part_file *part, const char *url, const char *validator)
{
	forget_state(part);
	if (part->name) {
		_cleanup_free_ char *name = state_name(part);

		/* before the bytes go: at no instant may an old state stand beside new bytes */
		if (unlinkat(part->dirfd, name, 0) < 0 && errno != ENOENT)
			return cannot("remove the state of", part->path, errno);
	}
	if (ftruncate(part->fd, 0) < 0 || lseek(part->fd, 0, SEEK_SET) < 0)
		return cannot("empty", part->path, errno);
	part->size = 0;
	if (validator && is_plain(validator) && is_plain(url)) {
		part->url = xstrdup(url);
		part->validator = xstrdup(validator);
		write_state(part);
	}
	return 0;
}

int part_file_write(struct part_file *part, const void *data, size_t len, uint64_t total)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(part->fd, p, len, (off_t)part->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			_cleanup_free_ char *what = NULL;

			what = total ? xasprintf("write more than %llu of %llu bytes to",
						 (unsigned long long)part->size,
						 (unsigned long long)total)
				     : xstrdup("write to");
			return cannot(what, part->path, errno);
		}
		p += n;
		len -= (size_t)n;
		part->size += (uint64_t)n;
	}
	return 0;
}

int part_file_check_room(const struct part_file *part, uint64_t total)
{
	_cleanup_free_ char *needed = NULL, *left = NULL;
	uint64_t room, need = total > part->size ? total - part->size : 0;
	struct statvfs fs;

	/* some FUSE file systems tell nothing: no blocks at all */
	if (fstatvfs(part->fd, &fs) < 0 || fs.f_blocks == 0 || fs.f_frsize == 0)
		return 0;
	if (__builtin_mul_overflow((uint64_t)fs.f_bavail, (uint64_t)fs.f_frsize, &room) ||
	    need <= room)
		return 0;
	needed = str_size(need);
	left = str_size(room);
	log_error("cannot write %s: it needs %s, and its file system has %s left\n"
		  "make room, or set XDG_CACHE_HOME to a directory with more",
		  part->path, needed, left);
	return -1;
}

int part_file_flush(const struct part_file *part)
{
	/*
	 * NFS and FUSE write at close(2), of any descriptor, and only there tell of a full quota;
	 * others do nothing here. fsync(2) would cost everyone a wait for the disk.
	 */
	int fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || close(fd) < 0)
		return cannot("write", part->path, errno);
	return 0;
}

bool part_file_can_resume(const struct part_file *part)
{
	return part->size > 0 && part->url && part->validator;
}

void part_file_remove(const struct part_file *part)
{
	_cleanup_free_ char *state = NULL;

	if (!part->name)
		return;
	state = state_name(part);
	/* what cannot be removed is found again, and judged by its digest */
	(void)unlinkat(part->dirfd, state, 0);
	(void)unlinkat(part->dirfd, part->name, 0);
}

void part_file_close(struct part_file *part)
{
	int *fds[] = {&part->fd, &part->read_fd, &part->dirfd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		cleanup_close(fds[i]);
	forget_state(part);
	free(part->name);
	free(part->path);
	*part = (struct part_file)PART_FILE_NONE;
}
