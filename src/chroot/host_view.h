/*
 * How the plan looks at the host: read-only, and through functions, so that a unit test can make up
 * a host of its own. Below "/nix" lies the Nix directory, as it will inside, not the host's /nix.
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
	ENTRY_FILE, /* everything that a file can be mounted over: devices, sockets, fifos too */
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
	char *text; /* with a NUL behind; the caller's to free */
};

struct host_view {
	/* The entries of the directory PATH. 0, or -errno with *OUT empty. */
	int (*list)(void *context, const char *path, struct listing *out);
	/*
	 * What PATH is, its last component not followed; *TARGET becomes a symlink's target, the
	 * caller's to free, and is untouched otherwise. 0 or -errno.
	 */
	int (*look)(void *context, const char *path, enum entry_type *type, char **target);
	/* Is the directory PATH one in which the user, not being root, may make new entries? */
	bool (*is_writable)(void *context, const char *path);
	/* Is the directory PATH on a file system whose entries the kernel makes: proc, sysfs,
	 * devpts? */
	bool (*is_kernels)(void *context, const char *path);
	/* The regular file PATH, of MAX bytes at most. 0 or -errno. */
	int (*read)(void *context, const char *path, size_t max, struct host_file *out);
	void *context;
};

/* The real host. NIX_DIR_FD is the Nix directory, and must stay open as long as the view is used.
 */
struct host_view host_view_real(const int *nix_dir_fd);

/*
 * The same, and WATCH->seen changes with all that is seen through it: which names there are, what
 * they are, and by their inodes, whether they are the same as before.
 */
struct host_watch {
	int nix_dir_fd; /* first, as the context of host_view_real() */
	uint64_t seen;
};
struct host_view host_view_watched(struct host_watch *watch);

/* Add an entry; NAME and TARGET are copied. */
void listing_add(struct listing *listing, const char *name, enum entry_type type,
		 const char *target);

/* Free the entries; empty after. */
void listing_clear(struct listing *listing);

void host_file_clear(struct host_file *file);

/*
 * Follow PATH (absolute) link by link, ".." too, as the kernel would, but with /nix standing for
 * the Nix directory. The last component is followed as well if FOLLOW_LAST. *RESOLVED becomes the
 * path without links, the caller's to free; *TYPE what it is. Returns 0, or -ELOOP after 40 links
 * (path_resolution(7)), or what looking at a component said. Where only the last component is
 * missing: -ENOENT, and *RESOLVED is set nevertheless.
 */
int host_resolve(const struct host_view *view, const char *path, bool follow_last, char **resolved,
		 enum entry_type *type);

#endif
