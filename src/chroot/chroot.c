#include "chroot/chroot.h"
#include "chroot/apply.h"
#include "chroot/id_maps.h"
#include "chroot/namespace.h"
#include "util/cleanup.h"
#include "util/mountinfo.h"

#include <sched.h>
#include <unistd.h>

static int make_user_namespace(struct chroot_error *error)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct id_mapper mapper;
	bool has_uids, has_gids;
	const char *file;
	int r;

	id_mapper_start(&mapper);
	r = namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS);
	id_mapper_finish(&mapper, r == 0, &has_uids, &has_gids);
	if (r < 0)
		return chroot_fail(error, CHROOT_UNSHARE, NULL, "", r);
	r = has_gids ? 0 : namespace_map_gid(gid, &file);
	if (r == 0 && !has_uids)
		r = namespace_map_uid(uid, &file);
	return r < 0 ? chroot_fail(error, CHROOT_MAP_IDS, file, "", r) : 0;
}

static int make_mount_namespace(struct chroot_error *error)
{
	int r = namespace_unshare(CLONE_NEWNS);

	return r < 0 ? chroot_fail(error, CHROOT_UNSHARE_MOUNTS, NULL, "", r) : 0;
}

/* Is there an unbindable mount? True if /proc does not tell. */
static bool has_unbindable_mount(void)
{
	_cleanup_free_ char *text = mountinfo_read("", "self");
	char *cursor = text;
	struct mountinfo line;

	while (cursor && mountinfo_next(&cursor, &line))
		if (line.is_unbindable)
			return true;
	return !text;
}

/*
 * Keep what we mount from spreading to the host. A bind mount leaves an unbindable mount out, and
 * what that mount hides would be seen. In a user namespace the kernel refuses that; without one,
 * all mounts are made private instead of slaves.
 */
static int stop_spreading(bool with_user_namespace)
{
	int r = namespace_make_slave();

	return r == 0 && !with_user_namespace && has_unbindable_mount() ? namespace_make_private()
									: r;
}

int chroot_enter(const struct plan *plan, bool with_user_namespace, struct chroot_error *error)
{
	int r = with_user_namespace ? make_user_namespace(error) : make_mount_namespace(error);

	if (r < 0)
		return -1;
	r = stop_spreading(with_user_namespace);
	return r < 0 ? chroot_fail(error, CHROOT_MAKE_SLAVE, NULL, "", r) : apply_plan(plan, error);
}
