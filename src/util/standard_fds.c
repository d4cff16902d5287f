#include "util/standard_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int standard_fds_guard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* the direction that nobody uses */
		int flags = (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC;

		/* all below are open, so that FD is the next one */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags) < 0)
			return -errno;
	}
	return 0;
}

int standard_fds_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int flags = fcntl(fd, F_GETFD), null;

		/* nothing but standard_fds_guard() leaves one here that exec closes */
		if (flags >= 0 && !(flags & FD_CLOEXEC))
			continue;
		null = open("/dev/null", O_RDWR);
		if (null < 0)
			return -errno;
		if (null != fd && (dup2(null, fd) < 0 || close(null) < 0))
			return -errno;
	}
	return 0;
}
