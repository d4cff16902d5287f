#include "store/lock.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/*
 * SIGKILL ends a process within milliseconds, but one that is writing to a slow disk finishes that
 * write.
 */
#define DYING_MS 5000
#define TICK_MS	 5

/* FUSE learns of a close(2) within milliseconds. */
#define CLOSING_MS 500

/* How often the progress shows how long another process has held the lock. */
#define SHOW_MS 250

/*
 * Is FD still the file with the lock's name? The process that held the lock before has removed its
 * file.
 */
static bool is_current(int fd, int nix_dir_fd)
{
	struct stat ours, present;

	return fstat(fd, &ours) == 0 && fs_stat_below(nix_dir_fd, LAYOUT_LOCK, &present) == 0 &&
	       fs_same_inode(&ours, &present);
}

/* Write the process ID into the lock's file, for those who wait. */
static void write_pid(int fd)
{
	char text[24]; /* a pid_t has at most 11 characters */
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, text, (size_t)len, 0);
}

/* The process ID in the lock's file, or "unknown"; the caller frees. */
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
 * While the process waits: a timer's signal makes flock(2) return, so that the progress can be
 * shown.
 */
struct ticking {
	timer_t timer;
	bool is_on;
	struct sigaction before;
};

static void on_tick(int sig)
{
	(void)sig;
}

/*
 * Start the timer. It uses SIGVTALRM, since the caller may have set an alarm for SIGALRM before its
 * exec.
 */
static void ticking_start(struct ticking *ticking)
{
	const struct timespec often = {.tv_nsec = SHOW_MS * 1000000L};
	const struct itimerspec times = {often, often};
	/* without SA_RESTART, so that flock(2) returns */
	const struct sigaction action = {.sa_handler = on_tick};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};

	sigaction(SIGVTALRM, &action, &ticking->before);
	ticking->is_on = timer_create(CLOCK_MONOTONIC, &event, &ticking->timer) == 0;
	if (ticking->is_on)
		timer_settime(ticking->timer, 0, &times, NULL);
}

static void ticking_stop(struct ticking *ticking)
{
	if (ticking->is_on)
		timer_delete(ticking->timer);
	sigaction(SIGVTALRM, &ticking->before, NULL);
}

static void show_waiting(int nix_dir_fd, struct progress *progress)
{
	_cleanup_free_ char *pid = read_pid(nix_dir_fd);
	_cleanup_free_ char *label = text_format("waiting for process %s", pid);

	progress_wait(progress, label);
}

/*
 * flock(2) with OPERATION: sleep until the holder gives the lock up, and show that this process
 * waits. NFS emulates flock(2) by a record lock, which needs O_RDWR. Returns 0 or a negative errno.
 */
static int wait_for(int fd, int operation, int nix_dir_fd, const char *nix_dir,
		    struct progress *progress)
{
	struct ticking ticking;
	int r;

	if (flock(fd, operation | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	if (!progress->label) {
		say_waiting(nix_dir_fd, nix_dir);
		progress_begin(progress, "waiting", NULL);
	}
	ticking_start(&ticking);
	do {
		show_waiting(nix_dir_fd, progress);
		r = flock(fd, operation) < 0 ? -errno : 0;
	} while (r == -EINTR);
	ticking_stop(&ticking);
	return r;
}

static int lock_error(const char *nix_dir, int dir, int r)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_LOCK);

	if (r != -ENOLCK && r != -EOPNOTSUPP && r != -ENOSYS)
		return layout_error("lock", path, r);
	/* no other process can have opened it, so it is a leftover already */
	fs_unlink_below(dir, LAYOUT_LOCK);
	log_error("cannot lock %s: %s\nNix needs locks too: set NIX_USER_CHROOT_DIR to a "
		  "directory on another file system",
		  path, strerror(-r));
	return -1;
}

/*
 * As lock_take(), but without PROGRESS (NULL) it returns 1 if another process holds the lock. Adds
 * to OUT->made.
 */
static int take(const char *nix_dir, struct progress *progress, struct lock *out)
{
	for (;;) {
		_cleanup_close_ int dir = layout_open(nix_dir, &out->made);
		_cleanup_close_ int fd = -1;
		int r;

		if (dir < 0)
			return -1;
		/*
		 * mode 0600: whoever may read the file may lock it, and make this process wait for
		 * ever (flock(2))
		 */
		fd = fs_open_below(dir, LAYOUT_LOCK, O_RDWR | O_CREAT, 0600);
		if (fd == -ENOENT)
			continue; /* another run's roll-back removed DIR: make it again */
		r = fd < 0 || fcntl(fd, F_SETFD, 0) < 0 ? (fd < 0 ? fd : -errno)
		    : progress ? wait_for(fd, LOCK_EX, dir, nix_dir, progress)
		    : flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno
						       : 0;
		if (r == -EWOULDBLOCK)
			return 1;
		if (r < 0)
			return lock_error(nix_dir, dir, r);
		if (is_current(fd, dir)) {
			write_pid(fd);
			out->fd = steal_fd(&fd);
			out->nix_dir_fd = steal_fd(&dir);
			return 0;
		}
	}
}

int lock_take(const char *nix_dir, struct progress *progress, struct lock *out)
{
	int r;

	*out = (struct lock)LOCK_NONE;
	r = take(nix_dir, progress, out);
	if (progress->label)
		progress_drop(progress);
	return r;
}

int lock_take_now(const char *nix_dir, struct lock *out)
{
	return take(nix_dir, NULL, out);
}

/*
 * When the holder gives the lock up, all waiting processes get a shared lock and give it up at
 * once, so that they go on at the same time. The holder has removed the lock's file, or was killed.
 */
int lock_wait(const char *nix_dir, struct progress *progress)
{
	bool is_over = false;
	int r = 0;

	while (r == 0 && !is_over) {
		_cleanup_close_ int dir = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_cleanup_close_ int fd = dir < 0 ? -1 : fs_open_below(dir, LAYOUT_LOCK, O_RDWR, 0);

		if (fd < 0)
			break;
		r = wait_for(fd, LOCK_SH, dir, nix_dir, progress);
		if (r < 0)
			r = lock_error(nix_dir, dir, r);
		is_over = r == 0 && is_current(fd, dir);
	}
	if (!progress->label)
		return r;
	progress_drop(progress);
	return r < 0 ? -1 : 1;
}

bool lock_is_held(const char *nix_dir)
{
	_cleanup_close_ int dir = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = dir < 0 ? -1 : fs_open_below(dir, LAYOUT_LOCK, O_RDWR, 0);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
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

void lock_remove(const struct lock *lock)
{
	fs_unlink_below(lock->nix_dir_fd, LAYOUT_LOCK);
}

/*
 * FUSE renames an open file instead of removing it, and fails on a file system that cannot rename.
 * Then the file is removed after it was closed, which FUSE notices a little later. Nobody can
 * install in such a directory, so no process loses a lock by this.
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
