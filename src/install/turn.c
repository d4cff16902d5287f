#include "install/turn.h"
#include "run/living_dir.h"
#include "store/lock.h"
#include "ui/progress.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Holds the number of the descriptor from turn_pass_on() to turn_take_over(). */
#define VARIABLE "NIX_USER_CHROOT_TURN"

/* An installer needs some hundredths of a second to its lock; one that needs longer was stopped. */
#define PATIENCE_MS 2000
#define TICK_MS	    20

/* A directory of this user's alone, if this process has the turn: its lock is the turn. */
static int turn = -1;

int turn_wait(const char *nix_dir)
{
	static const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
	_cleanup_close_ int fd = -1;
	struct progress progress;
	struct origin origin;

	if (isatty(STDERR_FILENO))
		return 0;
	progress_init(&progress);
	for (int waited = 0; waited < PATIENCE_MS; waited += TICK_MS) {
		int r = lock_wait(nix_dir, &progress);

		if (r != 0)
			return r;
		if (fd < 0 && origin_read(&origin) == 0)
			fd = living_open_turns(&origin);
		if (fd < 0)
			return 0;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			turn = steal_fd(&fd);
			return 0;
		}
		nanosleep(&tick, NULL);
	}
	return 0;
}

void turn_pass_on(void)
{
	_cleanup_free_ char *number = NULL;

	if (turn < 0 || fcntl(turn, F_SETFD, 0) < 0)
		return;
	number = xasprintf("%d", turn);
	setenv(VARIABLE, number, true);
}

bool turn_take_over(void)
{
	const char *number = getenv(VARIABLE);
	int fd = number ? atoi(number) : -1;
	struct stat st;

	unsetenv(VARIABLE);
	/* somebody may have set the variable by hand */
	if (fd <= STDERR_FILENO || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	turn = fd;
	return true;
}

void turn_end(void)
{
	if (turn < 0)
		return;
	/* those who wait for it may then start at the same time as others, and that is all */
	living_remove_empty(turn);
	flock(turn, LOCK_UN);
	close(turn);
	turn = -1;
}
