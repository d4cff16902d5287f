#include "run/userns.h"
#include "chroot/chroot.h"
#include "chroot/join.h"
#include "chroot/plan_compare.h"
#include "host/check.h"
#include "run/collector.h"
#include "run/environment.h"
#include "run/living.h"
#include "run/path_config_error.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/xdg.h"

#include <string.h>

/* What the user is told was tried, and what of the host can be the reason that it failed. */
static const struct {
	const char *words;
	enum check_step check;
} steps[CHROOT_STEP_COUNT] = {
	[CHROOT_UNSHARE] = {"enter a user and mount namespace of my own", CHECK_USER_NAMESPACE},
	[CHROOT_MAP_IDS] = {"write", CHECK_ID_MAPS},
	[CHROOT_MAKE_SLAVE] = {"keep mounts from spreading to the host", CHECK_SLAVE},
	[CHROOT_MOUNT_TMPFS] = {"mount a tmpfs on", CHECK_TMPFS},
	[CHROOT_MAKE_DIRECTORY] = {"make the directory", CHECK_TMPFS},
	[CHROOT_PIVOT_ROOT] = {"make the new root of", CHECK_PIVOT_ROOT},
	[CHROOT_LOOK_AT] = {"look at", CHECK_TMPFS},
	[CHROOT_MOUNT_NIX] = {"mount the Nix directory on", CHECK_BIND},
	[CHROOT_DETACH] = {"detach the old root", CHECK_PIVOT_ROOT},
	[CHROOT_REMOVE] = {"remove", CHECK_PIVOT_ROOT},
	[CHROOT_MAKE_READ_ONLY] = {"make read-only", CHECK_TMPFS},
};

static int explain(const struct chroot_error *error)
{
	_cleanup_free_ char *why = check_explain(steps[error->step].check, error->err, error->root);

	log_error("cannot %s%s%s: %s\n%-s", steps[error->step].words, error->path ? " " : "",
		  error->path ? error->path : "", strerror(error->err), why);
	return -1;
}

static int make_plan(const struct userns_request *request, struct plan *plan, uint64_t *fingerprint)
{
	_cleanup_(path_config_clear) struct path_config config = {0};
	_cleanup_free_ char *user = NULL, *state_home = NULL;
	struct host_watch watch = {.nix_dir_fd = request->nix_dir_fd};
	struct host_view view = host_view_watched(&watch);

	if (path_config_read(request->nix_dir_fd, request->nix_dir, &config) < 0)
		return -1;
	if (config.needs_profile) {
		user = environment_user();
		state_home = xdg_state_home();
	}
	if (plan_build(&(struct plan_input){.view = &view,
					    .config = &config,
					    .user = user,
					    .state_home = state_home},
		       plan) < 0)
		return -1;
	*fingerprint = plan_fingerprint(plan, watch.seen);
	return 0;
}

static int make_key(const struct userns_request *request, uint64_t plan, struct living_key *key)
{
	struct stat nix;

	if (fstat(request->nix_dir_fd, &nix) < 0)
		return -errno;
	*key = (struct living_key){.nix_device = nix.st_dev, .nix_inode = nix.st_ino, .plan = plan};
	return origin_read(&key->origin);
}

/* The working directory, as it is before. */
struct place {
	const char *path; /* NULL: any will do */
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
 * Where the path config makes something else of the working directory, a new namespace would do the
 * same. Elsewhere a difference shows that the host has changed in a way that nothing else has told.
 */
static struct place find_place(const struct userns_request *request, const struct plan *plan)
{
	struct place place = {.path = request->work_dir};

	if (place.path && (!plan_keeps(plan, place.path) || stat(".", &place.st) < 0))
		place.path = NULL;
	/* "" is the root itself for fstatat(2) only where it is "." */
	if (place.path && !place.path[1])
		place.path = NULL;
	return place;
}

/* 1: this process has joined a living namespace; 0: there is none for it; -1 after a message. */
static int join(const struct userns_request *request, int list, const struct living_key *key,
		const struct place *place, bool thoroughly)
{
	_cleanup_(chroot_door_close) struct chroot_door door = CHROOT_NO_DOOR;
	int r;

	if (living_find(list, key, request->nix_dir_fd, thoroughly, is_same_place, place, &door) <
	    0)
		return 0;
	if (request->others) {
		struct stat user;

		collector_find_others(request->nix_dir_fd,
				      fstat(door.user_fd, &user) == 0 ? user.st_ino : 0,
				      request->others);
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

static int make(const struct userns_request *request, const struct plan *plan)
{
	_cleanup_(chroot_error_clear) struct chroot_error error = {0};

	/* the working directory is how the Nix directory gets into the namespace: chroot.h */
	if (fchdir(request->nix_dir_fd) < 0) {
		log_error("cannot enter the directory %s: %s\nNIXPATH must be a directory that you "
			  "may search",
			  request->nix_dir, strerror(errno));
		return -1;
	}
	if (request->others) {
		/* some were found already, where joining has failed */
		strlist_clear(request->others);
		collector_find_others(request->nix_dir_fd, 0, request->others);
	}
	return chroot_enter(plan, &error) < 0 ? explain(&error) : 0;
}

int userns_enter(const struct userns_request *request)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_close_ int list = -1, lock = -1;
	struct living_key key;
	struct place place;
	uint64_t fingerprint;
	int r = 0;

	if (make_plan(request, &plan, &fingerprint) < 0)
		return -1;
	place = find_place(request, &plan);
	list = make_key(request, fingerprint, &key) < 0 ? -1 : living_open();
	if (list >= 0 && !request->is_new) {
		r = join(request, list, &key, &place, false);
		if (r == 0) {
			lock = living_lock(list);
			r = join(request, list, &key, &place, true);
		}
	}
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (make(request, &plan) < 0)
		return -1;
	if (list >= 0)
		living_add(list, &key);
	return 0;
}
