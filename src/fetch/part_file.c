#include "fetch/part_file.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/part_names.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { STATE_MAX = 8192 /* bytes: a URL and an ETag; a longer file is not ours */ };

static int cannot(const char *verb, const char *path, int error)
{
	const char *next = "look at that directory";

	if (error == ENOSPC || error == EDQUOT)
		next = "make room there, and run it again: what has come is kept";
	else if (error == EACCES || error == EPERM || error == EROFS)
		next = "it must be in a directory of yours that can be written to";
	log_error("cannot %s %s: %s\n%-s", verb, path, strerror(error), next);
	return -1;
}

/* Is TEXT one line of printable bytes, which cannot add a second header? */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static char *state_name(const struct part_file *part)
{
	size_t len = strlen(part->name) - strlen(PART_SUFFIX);

	return xasprintf("%.*s" PART_STATE_SUFFIX, (int)len, part->name);
}

static void forget_state(struct part_file *part)
{
	free(part->source);
	free(part->validator);
	part->source = part->validator = NULL;
}

/* Is ST of a regular file of this user's that has no second name? */
static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && st->st_nlink == 1;
}

/*
 * Read the state: two lines, URL and validator. It is written without fsync: after a power failure
 * it may be torn (its last newline is missing) or belong to other bytes (then the digest of the
 * whole is wrong).
 */
static void read_state(struct part_file *part)
{
	_cleanup_free_ char *name = state_name(part), *text = NULL;
	char *second, *end;
	struct stat st;
	size_t len;

	if (fstatat(part->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_ours(&st))
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
	part->source = xstrdup(text);
	part->validator = xstrdup(second);
}

static void write_state(const struct part_file *part)
{
	_cleanup_free_ char *name = state_name(part);
	_cleanup_free_ char *text = xasprintf("%s\n%s\n", part->source, part->validator);
	_cleanup_close_ int fd = openat(part->dirfd, name,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0)
		log_verbose("cannot note the state of %s: %s", part->path, strerror(errno));
}

/* Open NAME.part. 0 or a negative errno; -EEXIST if what is there is not this user's alone. */
static int open_ours(struct part_file *part)
{
	/* O_NONBLOCK: do not wait on a fifo */
	_cleanup_close_ int fd =
		openat(part->dirfd, part->name,
		       O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_ours(&st))
		return -EEXIST;
	part->fd = steal_fd(&fd);
	part->size = (uint64_t)st.st_size;
	return 0;
}

/*
 * Did open_ours() fail with R because something else has the name? A symlink, a socket, another
 * user's file, or a file that was made read-only.
 */
static bool is_in_the_way(int r)
{
	return r == -EEXIST || r == -ELOOP || r == -ENXIO || r == -EACCES;
}

int part_file_open(struct part_file *part, int dirfd, const char *dir, const char *name)
{
	int r;

	*part = (struct part_file)PART_FILE_NONE;
	part->dirfd = dirfd;
	part->name = xasprintf("%s" PART_SUFFIX, name);
	part->path = path_join(dir, part->name);
	r = open_ours(part);
	if (is_in_the_way(r)) {
		if (unlinkat(dirfd, part->name, 0) < 0 && errno != ENOENT)
			return cannot("remove", part->path, errno);
		r = open_ours(part);
	}
	if (r < 0)
		return cannot("create", part->path, -r);
	if (part->size > 0)
		read_state(part);
	return 0;
}

int part_file_restart(struct part_file *part, const char *url, const char *validator)
{
	_cleanup_free_ char *name = state_name(part), *source = url_shown(url);

	forget_state(part);
	/* before the bytes are removed: an old state must never stand beside new bytes */
	if (unlinkat(part->dirfd, name, 0) < 0 && errno != ENOENT)
		return cannot("remove the state of", part->path, errno);
	if (ftruncate(part->fd, 0) < 0)
		return cannot("empty", part->path, errno);
	part->size = 0;
	if (validator && is_plain(validator) && is_plain(source)) {
		part->source = steal_ptr(&source);
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
		  "make room there",
		  part->path, needed, left);
	return -1;
}

int part_file_finish(const struct part_file *part)
{
	_cleanup_close_ int fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0), read_fd = -1;
	struct stat written, reopened;

	/*
	 * NFS and FUSE write at close(2), of any descriptor, and report a full quota only then; on
	 * other file systems this does nothing. fsync(2) would make every user wait for the disk.
	 */
	if (fd < 0 || close(steal_fd(&fd)) < 0)
		return cannot("write", part->path, errno);
	read_fd = openat(part->dirfd, part->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (read_fd < 0 || fstat(part->fd, &written) < 0 || fstat(read_fd, &reopened) < 0)
		return cannot("read", part->path, errno);
	if (written.st_ino != reopened.st_ino || written.st_dev != reopened.st_dev)
		return cannot("read", part->path, ESTALE);
	return steal_fd(&read_fd);
}

bool part_file_can_resume(const struct part_file *part, const char *url)
{
	_cleanup_free_ char *source = url ? url_shown(url) : NULL;

	return part->size > 0 && part->source && part->validator &&
	       (!source || strcmp(part->source, source) == 0);
}

void part_file_remove(int dirfd, const char *name)
{
	_cleanup_free_ char *part = xasprintf("%s" PART_SUFFIX, name);
	_cleanup_free_ char *state = xasprintf("%s" PART_STATE_SUFFIX, name);

	/* if this fails, a later run finds the file, and its digest decides */
	(void)unlinkat(dirfd, state, 0);
	(void)unlinkat(dirfd, part, 0);
}

void part_file_close(struct part_file *part)
{
	cleanup_close(&part->fd);
	forget_state(part);
	free(part->name);
	free(part->path);
	*part = (struct part_file)PART_FILE_NONE;
}
