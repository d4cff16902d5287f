#include "run/userns.h"
#include "chroot/join.h"
#include "chroot/plan_compare.h"
#include "run/collector.h"
#include "run/living.h"
#include "run/living_dir.h"
#include "run/own_root.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <string.h>
#include <time.h>

static int make_key(const struct entry *entry, uint64_t plan, struct living_key *key)
{
	struct stat nix;

	if (fstat(entry->nix_dir_fd, &nix) < 0)
		return -errno;
	*key = (struct living_key){
		.nix_device = nix.st_dev, .nix_inode = nix.st_ino, .gid = getegid(), .plan = plan};
	return origin_read(&key->origin);
}

/* The working directory before the entry. */
struct place {
	const char *path; /* NULL: it may be any */
	struct stat st;
};

/* Is the working directory the same behind DOOR? */
static bool is_same_place(const struct chroot_door *door, const void *context)
{
	const struct place *place = context;
	struct stat there;

	return !place->path || (fstatat(door->root_fd, place->path + 1, &there, 0) == 0 &&
				fs_same_inode(&there, &place->st));
}

/*
 * Find the working directory that must be the same in a namespace to join. A difference shows that
 * the host has changed in a way that nothing else tells. But if the path config puts something else
 * there, the directory may be any, since a new namespace would have the same difference.
 */
static struct place find_place(const struct entry *entry, const struct plan *plan)
{
	struct place place = {.path = entry->work_dir};

	/* "/" itself is never kept: it is a root of ours */
	if (place.path && (!plan_keeps(plan, place.path) || stat(".", &place.st) < 0))
		place.path = NULL;
	return place;
}

/* Join a living namespace. 1: joined; 0: there is none; -1 after a message. */
static int join(const struct entry *entry, int list, const struct living_key *key,
		const struct place *place, bool thoroughly)
{
	_cleanup_(chroot_door_close) struct chroot_door door = CHROOT_NO_DOOR;
	int r;

	if (living_find(list, key, entry->nix_dir_fd, thoroughly, is_same_place, place, &door) < 0)
		return 0;
	if (entry->others) {
		struct stat user;

		collector_find_others(entry->nix_dir_fd,
				      fstat(door.user_fd, &user) == 0 ? user.st_ino : 0,
				      entry->others);
	}
	r = chroot_join(&door);
	if (r == -ENOTUNIQ) {
		log_error("cannot enter the mount namespace of your other processes\n"
			  "nix-user-chroot --new-namespace makes another one");
		return -1;
	}
	if (r < 0)
		log_debug("cannot join the namespace of your other processes: %s", strerror(-r));
	else
		log_debug("joined the namespace of your other processes");
	return r == 0;
}

/* An entry holds the lock for some milliseconds; a process that holds it longer was stopped. */
#define LOCK_PATIENCE_MS 2000

/*
 * As join(), but if no namespace is known, wait for the lock, whose holder may be making a
 * namespace for all who wait, and then search thoroughly. If the holder was stopped, go on without
 * the lock.
 */
static int join_or_lock(const struct entry *entry, int *list, const struct living_key *key,
			const struct place *place)
{
	const struct timespec tick = {.tv_nsec = 1000000};
	int r = 0;

	for (int waited = 0; r == 0 && waited < LOCK_PATIENCE_MS; waited++) {
		if (waited > 0)
			nanosleep(&tick, NULL);
		if (!entry->is_new)
			r = join(entry, *list, key, place, false);
		if (r == 0 && living_lock(list, &key->origin))
			break;
	}
	return r == 0 && *list >= 0 && !entry->is_new ? join(entry, *list, key, place, true) : r;
}

int userns_enter(const struct entry *entry, struct refusal *refusal)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_close_ int list = -1;
	struct living_key key;
	struct place place;
	uint64_t fingerprint;
	int r = 0;

	if (own_root_plan(entry, true, &plan, &fingerprint) < 0)
		return -1;
	place = find_place(entry, &plan);
	list = make_key(entry, fingerprint, &key) < 0 ? -1 : living_open(&key.origin);
	if (list >= 0)
		r = join_or_lock(entry, &list, &key, &place);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (entry->others) {
		/* the first search may have added some before joining failed */
		strlist_clear(entry->others);
		collector_find_others(entry->nix_dir_fd, 0, entry->others);
	}
	if (list >= 0)
		living_make_room(list, &key);
	r = own_root_enter(entry, &plan, true, refusal);
	if (r > 0 && list >= 0)
		living_remove_empty(list);
	if (r != 0)
		return r;
	if (list >= 0)
		living_add(list, &key);
	return 0;
}
