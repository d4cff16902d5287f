#include "store/lock.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* SIGKILL takes milliseconds, but a process in the midst of a write to a slow disk finishes that.
 */
#define DYING_MS 5000
#define TICK_MS	 5

/* FUSE is told of a close(2) within milliseconds. */
#define CLOSING_MS 500

/* How often it is tried again while another one has the lock. */
#define ASK_MS 50

/* Is FD still the file of that name? Whoever had the lock before us removed the file. */
static bool is_current(int fd, int nix_dir_fd)
{
	struct stat ours, present;

	return fstat(fd, &ours) == 0 && fs_stat_below(nix_dir_fd, LAYOUT_LOCK, &present) == 0 &&
	       fs_same_inode(&ours, &present);
}

/* For those who wait. */
static void write_pid(int fd)
{
	char text[24]; /* a pid_t has at most 11 characters */
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

/* What write_pid() wrote, or "unknown"; the caller frees. */
static char *read_pid(int nix_dir_fd)
{
	_cleanup_close_ int fd = fs_open_below(nix_dir_fd, LAYOUT_LOCK, O_RDONLY, 0);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || fs_read_fd(fd, 64, &text, &len) < 0 || len == 0)
		return xstrdup("unknown");
	text[strcspn(text, "\n")] = '\0';
	return steal_ptr(&text);
}

static void say_waiting(int nix_dir_fd, const char *nix_dir)
{
	_cleanup_free_ char *text = read_pid(nix_dir_fd);

	log_info("another --install or --uninstall is at work on %s (process %s): waiting for it",
		 nix_dir, text);
}

/*
 * Wait until whoever has the lock leaves it, and show for whom and how long. A flock(2) that waits
 * could not show anything meanwhile, so it is tried every ASK_MS. Returns 0 or a negative errno.
 */
static int wait_in_line(int fd, int nix_dir_fd, struct progress *progress)
{
	static const struct timespec tick = {.tv_nsec = ASK_MS * 1000000L};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		_cleanup_free_ char *pid = NULL, *label = NULL;

		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		pid = read_pid(nix_dir_fd);
		label = text_format("waiting for process %s", pid);
		progress_wait(progress, label);
		nanosleep(&tick, NULL);
	}
	return 0;
}

/* flock(2), with a word of waiting. NFS emulates it by a record lock, which wants O_RDWR. */
static int wait_for(int fd, int nix_dir_fd, const char *nix_dir, struct progress *progress)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	if (!progress->label) {
		say_waiting(nix_dir_fd, nix_dir);
		progress_begin(progress, "waiting", NULL);
	}
	return wait_in_line(fd, nix_dir_fd, progress);
}

static int lock_error(const char *nix_dir, int dir, int r)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_LOCK);

	if (r != -ENOLCK && r != -EOPNOTSUPP && r != -ENOSYS)
		return layout_error("lock", path, r);
	/* nobody can have it there: the file is a leftover at once */
	fs_unlink_below(dir, LAYOUT_LOCK);
	log_error("cannot lock %s: %s\nNix needs locks too: set NIX_USER_CHROOT_DIR to a "
		  "directory on another file system",
		  path, strerror(-r));
	return -1;
}

int lock_take(const char *nix_dir, struct progress *progress, struct lock *out)
{
	_cleanup_(strlist_clear) struct strlist made = {0};

	for (;;) {
		_cleanup_close_ int dir = layout_open(nix_dir, &made);
		_cleanup_close_ int fd = -1;
		int r;

		if (dir < 0)
			return -1;
		/* whoever may read it may lock it, and so keep us waiting for ever: flock(2) */
		fd = fs_open_below(dir, LAYOUT_LOCK, O_RDWR | O_CREAT, 0600);
		if (fd == -ENOENT)
			continue; /* removed under us by a roll-back: make it again */
		r = fd < 0			? fd
		    : fcntl(fd, F_SETFD, 0) < 0 ? -errno
						: wait_for(fd, dir, nix_dir, progress);
		if (r < 0)
			return lock_error(nix_dir, dir, r);
		if (is_current(fd, dir)) {
			if (progress->label)
				progress_drop(progress);
			write_pid(fd);
			*out = (struct lock){steal_fd(&fd), steal_fd(&dir), made};
			made = (struct strlist){0};
			return 0;
		}
	}
}

static bool is_of(int nix_dir_fd, pid_t pid)
{
	_cleanup_free_ char *text = read_pid(nix_dir_fd), *wanted = xasprintf("%ld", (long)pid);

	return strcmp(text, wanted) == 0;
}

int lock_try(const char *nix_dir, pid_t dying, struct lock *out)
{
	static const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
	_cleanup_close_ int dir = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;

	if (dir < 0)
		return -1;
	fd = fs_open_below(dir, LAYOUT_LOCK, O_RDWR, 0);
	if (fd < 0)
		return -1;
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += TICK_MS) {
		if (errno != EWOULDBLOCK || !dying || waited >= DYING_MS || !is_of(dir, dying))
			return -1;
		nanosleep(&tick, NULL);
	}
	if (!is_current(fd, dir))
		return -1;
	*out = (struct lock){.fd = steal_fd(&fd), .nix_dir_fd = steal_fd(&dir)};
	return 0;
}

bool lock_is_there(const char *nix_dir)
{
	_cleanup_close_ int dir = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dir < 0 ? -1 : fs_open_below(dir, LAYOUT_LOCK, O_RDWR, 0);

	return fd >= 0;
}

void lock_remove(const struct lock *lock)
{
	fs_unlink_below(lock->nix_dir_fd, LAYOUT_LOCK);
}

/*
 * In place of removing an open file, FUSE gives it another name, and where names cannot be changed
 * that fails: then it goes once it is closed, of which FUSE learns a little later. Nobody can
 * install there, so that nobody is robbed of a lock.
 */
static void remove_closed(int nix_dir_fd)
{
	static const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};

	for (int waited = 0; waited < CLOSING_MS; waited += TICK_MS) {
		if (fs_unlink_below(nix_dir_fd, LAYOUT_LOCK) == 0)
			return;
		nanosleep(&tick, NULL);
	}
}

void lock_end(struct lock *lock)
{
	int r = fs_unlink_below(lock->nix_dir_fd, LAYOUT_LOCK);

	cleanup_close(&lock->fd);
	lock->fd = -1;
	if (r == -EPERM || r == -EACCES || r == -EXDEV)
		remove_closed(lock->nix_dir_fd);
}

void lock_clear(struct lock *lock)
{
	cleanup_close(&lock->fd);
	cleanup_close(&lock->nix_dir_fd);
	strlist_clear(&lock->made);
	*lock = (struct lock)LOCK_NONE;
}
