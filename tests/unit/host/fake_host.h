/*
 * A made-up host for the plan: a table of what is where. Include after cmocka.h.
 *
 * Below /nix the table holds the Nix directory. A path whose parent is not in the table is not
 * there; "/" is, and is listed in the order of the table.
 */
#ifndef TEST_FAKE_HOST_H
#define TEST_FAKE_HOST_H

#include "chroot/host_view.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <string.h>

struct fake_entry {
	const char *path;
	/*
	 * 'd'irectory; 'w': directory that the user can write; 'k': made by the kernel; 'l'ink;
	 * 'f'ile
	 */
	char type;
	const char *target; /* of a link */
	int error;	    /* the error of looking at it and of listing it, as a positive errno */
	int list_error;	    /* the error of listing it alone */
	const char *text;   /* of a file that can be read */
	unsigned owner;	    /* the owner of that file */
	unsigned mode;
};

struct fake_host {
	const struct fake_entry *entries;
	size_t count;
	unsigned looks; /* how often something of the host was looked at */
};

static inline const struct fake_entry *fake_find(const struct fake_host *host, const char *path)
{
	static const struct fake_entry root = {.path = "/", .type = 'd'};
	static const struct fake_entry nix = {.path = "/nix", .type = 'd'};

	/* /nix is ours, whatever the host has there */
	if (strcmp(path, "/nix") == 0)
		return &nix;
	for (size_t i = 0; i < host->count; i++)
		if (strcmp(host->entries[i].path, path) == 0)
			return &host->entries[i];
	return strcmp(path, "/") == 0 ? &root : NULL;
}

static inline enum entry_type fake_type(const struct fake_entry *entry)
{
	return entry->type == 'l'   ? ENTRY_SYMLINK
	       : entry->type == 'f' ? ENTRY_FILE
				    : ENTRY_DIRECTORY;
}

/* Returns 0 if every parent of PATH is a directory that can be searched, else -errno. */
static inline int fake_check_parents(const struct fake_host *host, const char *path)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		_cleanup_free_ char *parent = xstrndup(path, (size_t)(slash - path));
		const struct fake_entry *entry = fake_find(host, parent);

		if (!entry)
			return -ENOENT;
		if (entry->error)
			return -entry->error;
		/* callers resolve links in the parents of a path before they ask about it */
		assert_int_not_equal(entry->type, 'l');
		if (fake_type(entry) != ENTRY_DIRECTORY)
			return -ENOTDIR;
	}
	return 0;
}

static inline int fake_look(void *context, const char *path, enum entry_type *type, char **target)
{
	struct fake_host *host = context;
	const struct fake_entry *entry = fake_find(host, path);
	int r = fake_check_parents(host, path);

	host->looks++;
	assert_int_equal(path[0], '/');
	if (r < 0)
		return r;
	if (!entry)
		return -ENOENT;
	if (entry->error)
		return -entry->error;
	*type = fake_type(entry);
	if (*type == ENTRY_SYMLINK)
		*target = xstrdup(entry->target);
	return 0;
}

static inline int fake_list(void *context, const char *path, struct listing *out)
{
	struct fake_host *host = context;
	const struct fake_entry *directory = fake_find(host, path);
	size_t len = path[1] ? strlen(path) : 0;

	host->looks++;
	*out = (struct listing){0};
	if (!directory)
		return -ENOENT;
	if (directory->error || directory->list_error)
		return directory->error ? -directory->error : -directory->list_error;
	if (fake_type(directory) != ENTRY_DIRECTORY)
		return -ENOTDIR;
	for (size_t i = 0; i < host->count; i++) {
		const struct fake_entry *entry = &host->entries[i];

		if (strncmp(entry->path, path, len) == 0 && entry->path[len] == '/' &&
		    entry->path[len + 1] && !strchr(entry->path + len + 1, '/'))
			listing_add(out, entry->path + len + 1, fake_type(entry), entry->target);
	}
	return 0;
}

static inline bool fake_is_writable(void *context, const char *path)
{
	const struct fake_entry *entry = fake_find(context, path);

	return entry && entry->type == 'w';
}

static inline bool fake_is_kernels(void *context, const char *path)
{
	const struct fake_entry *entry = fake_find(context, path);

	return entry && entry->type == 'k';
}

static inline int fake_read(void *context, const char *path, size_t max, struct host_file *out)
{
	struct fake_host *host = context;
	const struct fake_entry *entry = fake_find(host, path);
	int r = fake_check_parents(host, path);

	host->looks++;
	if (r < 0 || !entry)
		return r < 0 ? r : -ENOENT;
	if (entry->error || !entry->text)
		return entry->error ? -entry->error : -EINVAL;
	if (strlen(entry->text) > max)
		return -EFBIG;
	*out = (struct host_file){entry->owner, entry->mode, xstrdup(entry->text)};
	return 0;
}

static inline struct host_view fake_view(struct fake_host *host)
{
	return (struct host_view){
		.list = fake_list,
		.look = fake_look,
		.is_writable = fake_is_writable,
		.is_kernels = fake_is_kernels,
		.read = fake_read,
		.context = host,
	};
}

/* Macros for the entries of a table. */
#define D(where)                             \
	{                                    \
		.path = (where), .type = 'd' \
	}
#define W(where)                             \
	{                                    \
		.path = (where), .type = 'w' \
	}
#define K(where)                             \
	{                                    \
		.path = (where), .type = 'k' \
	}
#define F(where)                             \
	{                                    \
		.path = (where), .type = 'f' \
	}
/* A file that belongs to USER, with these contents; TEXT_MODE also sets its mode. */
#define TEXT_MODE(where, user, bits, what)                                                    \
	{                                                                                     \
		.path = (where), .type = 'f', .text = (what), .owner = (user), .mode = (bits) \
	}
#define TEXT(where, user, what) TEXT_MODE(where, user, 0100644, what)
#define L(where, to)                                         \
	{                                                    \
		.path = (where), .type = 'l', .target = (to) \
	}
#define CLOSED(where)                                         \
	{                                                     \
		.path = (where), .type = 'd', .error = EACCES \
	}
#define UNLISTABLE(where)                                          \
	{                                                          \
		.path = (where), .type = 'd', .list_error = EACCES \
	}

#define FAKE_HOST(table)                                                        \
	{                                                                       \
		.entries = (table), .count = sizeof(table) / sizeof((table)[0]) \
	}

#endif
