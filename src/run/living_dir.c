#include "run/living_dir.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/network_fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/*
 * Where the directories may be; the first that is usable. /tmp comes before /dev/shm, from which
 * systemd removes a user's files at the last logout (RemoveIPC in logind.conf(5)).
 */
static const char *const places[] = {"/tmp", "/dev/shm"};

/* Is FD a directory of this host in which everybody may make files, and remove only their own? */
static bool is_place(int fd)
{
	const mode_t wanted = S_ISVTX | S_IWOTH;
	struct statfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & wanted) == wanted && fstatfs(fd, &fs) == 0 &&
	       !network_fs_name((unsigned long)fs.f_type) && faccessat(fd, ".", W_OK, 0) == 0;
}

static bool is_private(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

/*
 * Open the directory NAME in PLACE; if it is missing and CREATE, make it. -1 if it is not this
 * user's alone.
 */
static int open_list(int place, const char *name, bool create)
{
	_cleanup_close_ int fd = fs_open_dir(place, name);

	if (fd == -ENOENT && create) {
		mode_t umask_before = umask(077);

		mkdirat(place, name, 0700);
		umask(umask_before);
		fd = fs_open_dir(place, name);
	}
	return fd >= 0 && is_private(fd) ? steal_fd(&fd) : -1;
}

/*
 * The name of the list. In a user namespace, user 0 may be anybody outside, where /tmp is the same
 * directory: then the number of the namespace is part of the name.
 */
static char *list_name(const struct origin *origin)
{
	char *name = xasprintf("nix-user-chroot-%u", (unsigned)geteuid()), *longer, map[64];
	unsigned inside, outside;

	if (origin->user_namespace == FIRST_USER_NAMESPACE ||
	    fs_read_some(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) < 0 ||
	    sscanf(map, "%u %u", &inside, &outside) != 2 || inside == outside)
		return name;
	longer = xasprintf("%s-%u", name, outside);
	free(name);
	return longer;
}

/* Open the directory NAME, and make it if it is missing. */
static int open_or_make(const char *name)
{
	_cleanup_free_ char *usual = path_join(places[0], name);
	int fd = open_list(AT_FDCWD, usual, false);

	for (size_t i = 0; fd < 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_close_ int place = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (place >= 0 && is_place(place))
			return open_list(place, name, true);
	}
	return fd;
}

int living_open(const struct origin *origin)
{
	_cleanup_free_ char *name = list_name(origin);

	return open_or_make(name);
}

int living_open_turns(const struct origin *origin)
{
	_cleanup_free_ char *list = list_name(origin), *name = xasprintf("%s-turns", list);

	return open_or_make(name);
}

void living_remove_empty(int list)
{
	_cleanup_free_ char *link = xasprintf("/proc/self/fd/%d", list), *path = NULL;

	if (fs_readlink(AT_FDCWD, link, &path) == 0)
		rmdir(path);
}

bool living_lock(int *list, const struct origin *origin)
{
	struct stat st;

	if (flock(*list, LOCK_EX | LOCK_NB) < 0 && (errno == EWOULDBLOCK || errno == EINTR))
		return false;
	if (fstat(*list, &st) < 0 || st.st_nlink > 0)
		return true;
	close(*list);
	*list = living_open(origin);
	return *list < 0;
}
