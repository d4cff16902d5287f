/*
 * How the plan looks at the host: read-only, and through functions, so that a unit test can make up
 * a host. A path below "/nix" means the Nix directory, as it will inside, not the host's /nix.
 */
#ifndef CHROOT_HOST_VIEW_H
#define CHROOT_HOST_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum entry_type {
	ENTRY_DIRECTORY,
	ENTRY_SYMLINK,
	ENTRY_FILE, /* everything a file can be mounted over: also devices, sockets, fifos */
};

struct listing_entry {
	char *name; /* any bytes but '/' and NUL */
	enum entry_type type;
	char *target;	/* of a symlink, else NULL */
	uint64_t inode; /* 0: not known */
};

struct listing {
	struct listing_entry *entries;
	size_t count;
};

struct host_file {
	uid_t owner;
	mode_t mode;
	char *text; /* with a NUL after it; the caller's to free */
};

struct host_view {
	/* The entries of the directory PATH. 0, or -errno with *OUT empty. */
	int (*list)(void *context, const char *path, struct listing *out);
	/*
	 * The type of PATH; a symlink as the last component is not followed, and its target becomes
	 * *TARGET, the caller's to free. Otherwise *TARGET is untouched. 0 or -errno.
	 */
	int (*look)(void *context, const char *path, enum entry_type *type, char **target);
	/* May the user, not being root, make new entries in the directory PATH? */
	bool (*is_writable)(void *context, const char *path);
	/* Is the directory PATH on proc, sysfs or devpts, whose entries the kernel makes? */
	bool (*is_kernels)(void *context, const char *path);
	/* Read the regular file PATH, of MAX bytes at most. 0 or -errno. */
	int (*read)(void *context, const char *path, size_t max, struct host_file *out);
	void *context;
};

/* The real host. NIX_DIR_FD, the Nix directory, must stay open as long as the view is used. */
struct host_view host_view_real(const int *nix_dir_fd);

/*
 * The real host again, with a hash of all that is seen through it in WATCH->seen: the names, their
 * types, and their inodes, which tell whether a file was replaced.
 */
struct host_watch {
	int nix_dir_fd; /* comes first: it is the context of host_view_real() */
	uint64_t seen;
};
struct host_view host_view_watched(struct host_watch *watch);

/* Add an entry; NAME and TARGET are copied. */
void listing_add(struct listing *listing, const char *name, enum entry_type type,
		 const char *target);

/* Free all entries; the listing is empty afterwards. */
void listing_clear(struct listing *listing);

void host_file_clear(struct host_file *file);

/*
 * Follow PATH (absolute) link by link, also "..", as the kernel would if /nix were the Nix
 * directory. The last component is followed as well if FOLLOW_LAST. *RESOLVED becomes the path
 * without links, the caller's to free; *TYPE its type. Returns 0, -ELOOP after 40 links
 * (path_resolution(7)), or the error of looking at a component. If only the last component is
 * missing: -ENOENT, with *RESOLVED set.
 */
int host_resolve(const struct host_view *view, const char *path, bool follow_last, char **resolved,
		 enum entry_type *type);

#endif
