#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

int namespace_unshare(int flags)
{
	return unshare(flags) < 0 ? -errno : 0;
}

static int write_proc(const char *file, const char *text)
{
	_cleanup_close_ int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* the kernel wants a map in one write */
	return fs_write_all(fd, text, strlen(text));
}

int namespace_map_ids(uid_t uid, gid_t gid, const char **file)
{
	/* two ids of at most 10 digits, a length, blanks and the end */
	char uid_map[32], gid_map[32];
	const struct {
		const char *file;
		const char *text;
	} writes[] = {
		{"/proc/self/setgroups", "deny"},
		{"/proc/self/uid_map", uid_map},
		{"/proc/self/gid_map", gid_map},
	};

	snprintf(uid_map, sizeof(uid_map), "%u %u 1\n", (unsigned)uid, (unsigned)uid);
	snprintf(gid_map, sizeof(gid_map), "%u %u 1\n", (unsigned)gid, (unsigned)gid);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		int r = write_proc(writes[i].file, writes[i].text);

		if (r < 0) {
			*file = writes[i].file;
			return r;
		}
	}
	return 0;
}

int namespace_make_slave(void)
{
	return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ? -errno : 0;
}
