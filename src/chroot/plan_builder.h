/*
 * The plan in the making: which directories have to be taken apart ("changed") so that entries can
 * be left out of them or added, and what is mounted after that. Knows nothing of steps.
 */
#ifndef CHROOT_PLAN_BUILDER_H
#define CHROOT_PLAN_BUILDER_H

#include "chroot/host_view.h"
#include "util/str.h"

#include <stdbool.h>
#include <stddef.h>

/* A directory that becomes a tmpfs inside, with its entries mounted one by one. */
struct change {
	char *path;		/* without links */
	struct listing listing; /* nothing in it where the directory is excluded */
	struct strlist dropped; /* names of the listing that are left out */
	bool emptied;		/* excluded: everything below is gone, too */
};

/* What is mounted, or made, once all changed directories are there; in this order. */
struct mount {
	char *path;
	char *source;	      /* NULL: a new directory is made */
	enum entry_type type; /* of the source */
	bool covers;	      /* something to mount on is there already */
	bool hides;	      /* an empty file is mounted; there is no source, the type is a file */
	bool configured;      /* by the path config */
};

struct builder {
	const struct host_view *view;
	struct change **changes; /* the first one is / */
	size_t change_count;
	struct mount *mounts;
	size_t mount_count;
};

enum mount_kind {
	MOUNT_CONFIGURED, /* what keeps it from being mounted is a warning */
	MOUNT_IF_PRESENT, /* silently nothing where the source is missing */
};

/* Begin with / as the only changed directory. 0, or -errno where it cannot be listed. */
int builder_start(struct builder *builder);

/*
 * Leave PATH (absolute) out. Says what cannot be done. A file whose directory cannot be taken apart
 * (in /dev, /proc and /sys that would break the session: /dev/ptmx, /proc/self; or it cannot be
 * listed, or is too long) is covered by an empty one.
 */
void builder_exclude(struct builder *builder, const char *path);

/* Mount SOURCE, a path of the host or below /nix, at TARGET (both absolute). Says what cannot. */
void builder_mount(struct builder *builder, const char *source, const char *target,
		   enum mount_kind kind);

/* Put the changes into an order in which they can be made: parents first. */
void builder_sort(struct builder *builder);

/* Has CHANGE no effect, because its directory, or one above it, is excluded or gives way? */
bool builder_is_moot(const struct builder *builder, const struct change *change);

/* The change of just this path, or NULL. */
struct change *builder_change_at(const struct builder *builder, const char *path);

void builder_clear(struct builder *builder);

#endif
