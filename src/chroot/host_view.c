#include "chroot/host_view.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

void listing_add(struct listing *listing, const char *name, enum entry_type type,
		 const char *target)
{
	/* the array doubles when it is full: its size is the next power of two */
	if ((listing->count & (listing->count - 1)) == 0)
		listing->entries =
			xreallocarray(listing->entries, listing->count ? 2 * listing->count : 1,
				      sizeof(*listing->entries));
	listing->entries[listing->count++] = (struct listing_entry){
		.name = xstrdup(name),
		.type = type,
		.target = xstrdup(target),
	};
}

void listing_clear(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++) {
		free(listing->entries[i].name);
		free(listing->entries[i].target);
	}
	free(listing->entries);
	*listing = (struct listing){0};
}

void host_file_clear(struct host_file *file)
{
	free(file->text);
	*file = (struct host_file){0};
}

/*
 * The descriptor to look PATH up from, and in *PATH what to look up: below /nix the Nix directory,
 * else the host's root.
 */
static int base_of(const struct host_view *view, const char **path)
{
	if (!path_is_within(*path, "/nix"))
		return AT_FDCWD;
	*path += strspn(*path + 4, "/") + 4;
	if (!**path)
		*path = ".";
	return *(const int *)view->context;
}

static enum entry_type type_of_mode(mode_t mode)
{
	return S_ISDIR(mode) ? ENTRY_DIRECTORY : S_ISLNK(mode) ? ENTRY_SYMLINK : ENTRY_FILE;
}

static int look_at(void *context, const char *path, enum entry_type *type, char **target,
		   struct stat *st)
{
	const struct host_view view = {.context = context};
	int base = base_of(&view, &path);

	if (fstatat(base, path, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return -errno;
	*type = type_of_mode(st->st_mode);
	return *type == ENTRY_SYMLINK ? fs_readlink(base, path, target) : 0;
}

static int real_look(void *context, const char *path, enum entry_type *type, char **target)
{
	struct stat st;

	return look_at(context, path, type, target, &st);
}

/*
 * Add ENTRY of the directory FD. readdir(3) usually gives the type. If neither it nor fstatat(2)
 * does (a FUSE mount of another user answers EACCES), the entry counts as a directory, since such
 * mounts are directories.
 */
static void add_dirent(struct listing *out, int fd, const struct dirent *entry)
{
	_cleanup_free_ char *target = NULL;
	enum entry_type type = ENTRY_DIRECTORY;
	struct stat st;

	switch (entry->d_type) {
	case DT_DIR:
		break;
	case DT_LNK:
		type = ENTRY_SYMLINK;
		break;
	case DT_UNKNOWN:
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
			type = type_of_mode(st.st_mode);
		else if (errno == ENOENT)
			return;
		break;
	default:
		type = ENTRY_FILE;
	}
	if (type == ENTRY_SYMLINK && fs_readlink(fd, entry->d_name, &target) < 0)
		return; /* the entry has gone since it was listed */
	listing_add(out, entry->d_name, type, target);
	out->entries[out->count - 1].inode = entry->d_ino;
}

static int real_list(void *context, const char *path, struct listing *out)
{
	const struct host_view view = {.context = context};
	int base = base_of(&view, &path);
	_cleanup_closedir_ DIR *dir =
		fs_list_fd(openat(base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	*out = (struct listing){0};
	if (!dir)
		return -errno;
	while ((entry = fs_next_entry(dir)))
		add_dirent(out, dirfd(dir), entry);
	if (errno) {
		int r = -errno;

		listing_clear(out);
		return r;
	}
	return 0;
}

static bool real_is_writable(void *context, const char *path)
{
	const struct host_view view = {.context = context};
	int base = base_of(&view, &path);

	/* root may write to every directory, so for root this says nothing */
	return geteuid() != 0 && faccessat(base, path, W_OK, 0) == 0;
}

static bool real_is_kernels(void *context, const char *path)
{
	const struct host_view view = {.context = context};
	int base = base_of(&view, &path);
	_cleanup_close_ int fd = openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs st;

	return fd >= 0 && fstatfs(fd, &st) == 0 &&
	       (st.f_type == PROC_SUPER_MAGIC || st.f_type == SYSFS_MAGIC ||
		st.f_type == DEVPTS_SUPER_MAGIC);
}

static int real_read(void *context, const char *path, size_t max, struct host_file *out)
{
	const struct host_view view = {.context = context};
	int base = base_of(&view, &path);
	/* a fifo is opened without waiting for a writer */
	_cleanup_close_ int fd = openat(base, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	out->owner = st.st_uid;
	out->mode = st.st_mode;
	return fs_read_fd(fd, max, &out->text, &len);
}

struct host_view host_view_real(const int *nix_dir_fd)
{
	return (struct host_view){
		.list = real_list,
		.look = real_look,
		.is_writable = real_is_writable,
		.is_kernels = real_is_kernels,
		.read = real_read,
		.context = (void *)(uintptr_t)nix_dir_fd,
	};
}

static int watched_look(void *context, const char *path, enum entry_type *type, char **target)
{
	struct host_watch *watch = context;
	struct stat st = {0};
	int r = look_at(context, path, type, target, &st);

	watch->seen = hash_string(watch->seen, path);
	watch->seen = hash_number(watch->seen, (uint64_t)r);
	if (r < 0)
		return r;
	watch->seen = hash_number(watch->seen, st.st_dev);
	watch->seen = hash_number(watch->seen, st.st_ino);
	watch->seen = hash_string(watch->seen, *type == ENTRY_SYMLINK ? *target : NULL);
	return r;
}

static int watched_list(void *context, const char *path, struct listing *out)
{
	struct host_watch *watch = context;
	int r = real_list(context, path, out);

	watch->seen = hash_string(watch->seen, path);
	watch->seen = hash_number(watch->seen, (uint64_t)r);
	for (size_t i = 0; i < out->count; i++) {
		const struct listing_entry *entry = &out->entries[i];

		/* /nix inside covers the host's /nix, whatever that is */
		if (strcmp(path, "/") == 0 && strcmp(entry->name, "nix") == 0)
			continue;
		watch->seen = hash_string(watch->seen, entry->name);
		watch->seen = hash_number(watch->seen, (uint64_t)entry->type);
		watch->seen = hash_number(watch->seen, entry->inode);
		watch->seen = hash_string(watch->seen, entry->target);
	}
	return r;
}

struct host_view host_view_watched(struct host_watch *watch)
{
	struct host_view view = host_view_real(&watch->nix_dir_fd);

	view.list = watched_list;
	view.look = watched_look;
	view.context = watch;
	watch->seen = HASH_START;
	return view;
}

/* path_resolution(7): "the maximum number of symbolic links followed is 40" */
#define MAX_LINKS 40

/* RESOLVED without its last component; "/" stays. */
static void drop_last(char *resolved)
{
	char *slash = strrchr(resolved, '/');

	if (slash && slash != resolved)
		*slash = '\0';
	else
		resolved[1] = '\0';
}

/* Cut the first component off *REST and return it, the caller's to free; NULL if none is left. */
static char *next_component(char **rest)
{
	char *name;
	size_t len;

	*rest += strspn(*rest, "/");
	len = strcspn(*rest, "/");
	if (len == 0)
		return NULL;
	name = xstrndup(*rest, len);
	*rest += len;
	return name;
}

int host_resolve(const struct host_view *view, const char *path, bool follow_last, char **resolved,
		 enum entry_type *type)
{
	_cleanup_free_ char *done = xstrdup("/"), *whole = xstrdup(path);
	char *rest = whole, *component;
	unsigned links = 0;

	*type = ENTRY_DIRECTORY;
	while ((component = next_component(&rest))) {
		_cleanup_free_ char *name = component, *target = NULL, *here = NULL;
		bool last = rest[strspn(rest, "/")] == '\0';
		int r;

		if (*type != ENTRY_DIRECTORY)
			return -ENOTDIR;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			drop_last(done);
			continue;
		}
		here = path_join(done, name);
		r = view->look(view->context, here, type, &target);
		if (r == -ENOENT && last)
			*resolved = steal_ptr(&here);
		if (r < 0)
			return r;
		if (*type == ENTRY_SYMLINK && (follow_last || !last)) {
			char *joined;

			if (++links > MAX_LINKS)
				return -ELOOP;
			joined = xasprintf("%s/%s", target, rest);
			if (*target == '/')
				done[1] = '\0';
			free(whole);
			rest = whole = joined;
			*type = ENTRY_DIRECTORY;
			continue;
		}
		free(done);
		done = steal_ptr(&here);
	}
	*resolved = steal_ptr(&done);
	return 0;
}
