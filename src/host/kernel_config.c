#include "host/kernel_config.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static enum kernel_option scan(FILE *f, const char *option)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0, len = strlen(option);
	bool any = false;

	while (getline(&line, &room, f) >= 0) {
		any = any || str_starts_with(line, "CONFIG_");
		if (strncmp(line, option, len) == 0 && line[len] == '=')
			return line[len + 1] == 'n' ? KERNEL_OPTION_NO : KERNEL_OPTION_YES;
	}
	/* "# CONFIG_X is not set", or no mention where what it depends on is off */
	return any ? KERNEL_OPTION_NO : KERNEL_OPTION_UNKNOWN;
}

static enum kernel_option scan_plain(int fd, const char *option)
{
	_cleanup_fclose_ FILE *f = fdopen(fd, "r");

	if (!f) {
		close(fd);
		return KERNEL_OPTION_UNKNOWN;
	}
	return scan(f, option);
}

/* Nothing of src/host may need zlib, and every system that has a config.gz has a gzip. */
static enum kernel_option scan_gzip(int fd, const char *option)
{
	_cleanup_close_ int packed = fd;
	enum kernel_option answer;
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return KERNEL_OPTION_UNKNOWN;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null >= 0)
			dup2(null, STDERR_FILENO);
		if (dup2(packed, STDIN_FILENO) >= 0 && dup2(fds[1], STDOUT_FILENO) >= 0)
			execlp("gzip", "gzip", "-dc", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return KERNEL_OPTION_UNKNOWN;
	}
	/* reading may end early, which ends gzip by SIGPIPE: its status says nothing */
	answer = scan_plain(fds[0], option);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return answer;
}

enum kernel_option kernel_config_lookup(const char *root, const char *release, const char *option,
					char **file)
{
	_cleanup_(strlist_clear) struct strlist places = {0};

	strlist_take(&places, xasprintf("/boot/config-%s", release));
	strlist_take(&places, xasprintf("/lib/modules/%s/config", release));
	strlist_add(&places, "/proc/config.gz");
	*file = NULL;
	for (size_t i = 0; i < places.count; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", root, places.items[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		enum kernel_option answer;

		if (fd < 0)
			continue;
		answer =
			str_ends_with(path, ".gz") ? scan_gzip(fd, option) : scan_plain(fd, option);
		if (answer == KERNEL_OPTION_UNKNOWN)
			continue;
		*file = xstrdup(places.items[i]);
		return answer;
	}
	return KERNEL_OPTION_UNKNOWN;
}
