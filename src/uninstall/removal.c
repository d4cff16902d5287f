#include "uninstall/removal.h"
#include "home/startup_files.h"
#include "ui/log.h"
#include "uninstall/keep.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

void removals_add(struct removals *list, enum removal_kind kind, const char *path,
		  const char *below, const char *shown)
{
	list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct removal){
		.kind = kind,
		.path = xstrdup(path),
		.below = xstrdup(below),
		.shown = xstrdup(shown),
	};
}

/* Open the directory that holds the last component of BELOW, and point *NAME to that component. */
static int open_above(int nix_dir_fd, const char *below, const char **name)
{
	const char *slash = strrchr(below, '/');
	_cleanup_free_ char *above = xstrndup(below, slash ? (size_t)(slash - below) : 0);

	*name = slash ? slash + 1 : below;
	return fs_open_dir_below(nix_dir_fd, above);
}

/*
 * Make a link again. If something has its place by now, or its directory is gone, the user has done
 * that, and nothing is made.
 */
static int remake_link(const struct removal *removal)
{
	return symlink(removal->target, removal->path) < 0 && errno != EEXIST ? -errno : 0;
}

static int remove_at(int dir, const char *name, const struct removal *removal)
{
	enum removal_kind kind = removal->kind;

	switch (kind) {
	case REMOVE_TREE:
		return fs_remove_tree(dir, name);
	case REMOVE_FILE:
		return unlinkat(dir, name, 0) < 0 ? -errno : 0;
	case REMOVE_EMPTY:
		/*
		 * this may fail: if the directory is not empty, or is a link, somebody else uses it
		 */
		unlinkat(dir, name, AT_REMOVEDIR);
		return 0;
	case REMOVE_LINE:
	case REMOVE_LINE_FILE:
		return startup_file_clean(name, kind == REMOVE_LINE_FILE);
	case REMOVE_OWN_LINE:
	case REMOVE_OWN_LINE_FILE:
		return startup_file_clean_own(name, kind == REMOVE_OWN_LINE_FILE);
	case KEEP_COPY: /* looked up from the Nix directory, not from DIR */
		break;
	case REMAKE_LINK:
		return remake_link(removal);
	}
	return -EINVAL;
}

static const char *advice(int err)
{
	switch (err) {
	case EXDEV:
		return "something is mounted in there: unmount it, then run nix-user-chroot "
		       "--uninstall again";
	/* NFS, and FUSE below, keep a removed file under another name as long as it is open */
	case EBUSY:
		return "something is mounted in there, or a process still uses a file of it: "
		       "unmount it, or end the process, then run nix-user-chroot --uninstall "
		       "again";
	case ENOTEMPTY:
		return "a process still uses a file in there, or makes new ones: end it, then "
		       "run nix-user-chroot --uninstall again";
	case EROFS:
	case EACCES:
	case EPERM:
		return "when you may write there, run nix-user-chroot --uninstall again, or remove "
		       "it by hand";
	default:
		return "when that is repaired, run nix-user-chroot --uninstall again: it continues";
	}
}

static const char *doing(enum removal_kind kind)
{
	return kind == KEEP_COPY     ? "put a copy in the place of the link "
	       : kind == REMAKE_LINK ? "put back the link "
	       : kind == REMOVE_OWN_LINE || kind == REMOVE_OWN_LINE_FILE ? "remove our line from "
	       : kind == REMOVE_LINE || kind == REMOVE_LINE_FILE
		       ? "remove the line of the Nix installer from "
		       : "remove ";
}

int removal_carry_out(const struct removal *removal, int nix_dir_fd, const char *nix_dir)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int above = -1;
	const char *name = removal->path;
	int r = 0;

	if (removal->kind == KEEP_COPY) {
		_cleanup_free_ char *inside = path_join("/nix", removal->below);

		r = keep_copy(nix_dir_fd, inside, removal->path);
	} else if (!removal->path) {
		above = open_above(nix_dir_fd, removal->below, &name);
		r = above < 0 ? above : 0;
	}
	if (r == 0 && removal->kind != KEEP_COPY)
		r = remove_at(removal->path ? AT_FDCWD : above, name, removal);
	/* a parent directory is a link by now: what it leads to is not ours */
	if (r == 0 ||
	    (removal->kind != KEEP_COPY && (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)))
		return 0;
	path = removal->path ? xstrdup(removal->path) : path_join(nix_dir, removal->below);
	log_error("cannot %s%s: %s\n%-s", doing(removal->kind), path, strerror(-r), advice(-r));
	return -1;
}

void removals_clear(struct removals *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].path);
		free(list->items[i].below);
		free(list->items[i].target);
		free(list->items[i].shown);
	}
	free(list->items);
	*list = (struct removals){0};
}
