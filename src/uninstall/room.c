#include "uninstall/room.h"
#include "run/processes.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* No store is as deep. A hostile tree may be deeper: it is not followed to its end. */
#define DEPTH_MAX 100

/* The unit of st_blocks: inode(7). */
#define BLOCK 512

/* The disk room of a file. Nix links equal files: each name of such a file counts its share. */
static uint64_t size_of(const struct stat *st)
{
	return (uint64_t)st->st_blocks * BLOCK /
	       (S_ISDIR(st->st_mode) || st->st_nlink == 0 ? 1 : (uint64_t)st->st_nlink);
}

static uint64_t size_below(int fd, int depth)
{
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;
	uint64_t size = 0;
	struct stat st;

	while (dir && (entry = fs_next_entry(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		size += size_of(&st);
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			size += size_below(fs_open_dir_below(dirfd(dir), entry->d_name), depth + 1);
	}
	return size;
}

uint64_t room_of(const struct removals *removals, int nix_dir_fd)
{
	uint64_t size = 0;

	for (size_t i = 0; i < removals->count; i++) {
		const struct removal *removal = &removals->items[i];

		if (removal->kind == REMOVE_TREE)
			size += size_below(removal->path
						   ? fs_open_dir(AT_FDCWD, removal->path)
						   : fs_open_dir_below(nix_dir_fd, removal->below),
					   0);
	}
	return size;
}

struct search {
	struct stat nix;
	struct strlist *out;
};

static void look_at(pid_t pid, void *context)
{
	const struct search *search = context;
	_cleanup_free_ char *nix = xasprintf("/proc/%ld/root/nix", (long)pid);
	_cleanup_free_ char *comm = xasprintf("/proc/%ld/comm", (long)pid);
	char name[64] = "";
	struct stat st;

	if (stat(nix, &st) < 0 || !fs_same_inode(&st, &search->nix))
		return;
	fs_read_some(AT_FDCWD, comm, name, sizeof(name));
	name[strcspn(name, "\n")] = '\0';
	strlist_take(search->out, xasprintf("%ld (%s)", (long)pid, name));
}

void room_processes(int nix_dir_fd, struct strlist *out)
{
	struct search search = {.out = out};
	struct stat here;

	if (fstat(nix_dir_fd, &search.nix) < 0 ||
	    (stat("/nix", &here) == 0 && fs_same_inode(&here, &search.nix)))
		return;
	processes_visit(0, 0, look_at, &search);
}
