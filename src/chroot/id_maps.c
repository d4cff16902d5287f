#include "chroot/id_maps.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* An id map has at most 340 lines of three numbers: user_namespaces(7). */
#define ID_MAP_MAX (340 * 36)

enum { MAPPED_UIDS = 1, MAPPED_GIDS = 2 };

/*
 * Read the map FILE (uid_map, gid_map) of this process, and write it for PROCESS: each ID that the
 * map has inside is mapped to itself.
 */
static bool map_all(int process, const char *file)
{
	_cleanup_free_ char *path = xasprintf("/proc/self/%s", file), *own = NULL, *map = NULL;
	_cleanup_close_ int fd = openat(process, file, O_WRONLY | O_CLOEXEC);
	unsigned long inside, outside, count;
	size_t len;
	FILE *out;
	int used;

	if (fd < 0 || fs_read_file(AT_FDCWD, path, ID_MAP_MAX, &own, &len) < 0)
		return false;
	out = xopen_memstream(&map, &len);
	for (const char *p = own; sscanf(p, "%lu %lu %lu%n", &inside, &outside, &count, &used) == 3;
	     p += used)
		fprintf(out, "%lu %lu %lu\n", inside, inside, count);
	fclose(out);
	/* the kernel wants a map in one write */
	return fs_write_all(fd, map, len) == 0;
}

static _Noreturn void run_child(int fd, int process)
{
	char mapped = 0, go;

	/* read(2) returns nothing if the parent has given up */
	if (read(fd, &go, 1) != 1)
		_exit(1);
	mapped = (char)((map_all(process, "uid_map") ? MAPPED_UIDS : 0) |
			(map_all(process, "gid_map") ? MAPPED_GIDS : 0));
	_exit(write(fd, &mapped, 1) != 1);
}

/* Does the user namespace of this process map more IDs than one? */
static bool has_others(void)
{
	unsigned long inside, outside, count;
	char map[512];

	return fs_read_some(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) > 0 &&
	       sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
	       (count > 1 || strchr(map, '\n')[1]);
}

void id_mapper_start(struct id_mapper *mapper)
{
	_cleanup_close_ int process = -1;
	int ends[2];

	*mapper = (struct id_mapper){.fd = -1};
	if (geteuid() != 0 || !has_others())
		return;
	process = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	/*
	 * fork(2) without SIGCHLD at the end: the command would find it pending if it blocks
	 * SIGCHLD
	 */
	mapper->pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (mapper->pid == 0) {
		close(ends[0]);
		run_child(ends[1], process);
	}
	close(ends[1]);
	mapper->fd = ends[0];
	if (mapper->pid < 0) {
		close(steal_fd(&mapper->fd));
		mapper->pid = 0;
	}
}

void id_mapper_finish(struct id_mapper *mapper, bool entered, bool *uids, bool *gids)
{
	char mapped = 0;

	*uids = *gids = false;
	if (mapper->pid == 0)
		return;
	/* MSG_NOSIGNAL: no SIGPIPE if somebody has killed the child */
	if (entered &&
	    (send(mapper->fd, "", 1, MSG_NOSIGNAL) != 1 || read(mapper->fd, &mapped, 1) != 1))
		mapped = 0;
	close(steal_fd(&mapper->fd));
	while (waitpid(mapper->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	mapper->pid = 0;
	*uids = mapped & MAPPED_UIDS;
	*gids = mapped & MAPPED_GIDS;
}
