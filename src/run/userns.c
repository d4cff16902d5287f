#include "run/userns.h"
#include "chroot/chroot.h"
#include "host/check.h"
#include "run/environment.h"
#include "run/path_config_error.h"
#include "ui/log.h"
#include "util/cleanup.h"
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

static int make_plan(int nix_dir_fd, const char *nix_dir, struct plan *plan)
{
	_cleanup_(path_config_clear) struct path_config config = {0};
	_cleanup_free_ char *user = NULL, *state_home = NULL;
	struct host_view view = host_view_real(&nix_dir_fd);

	if (path_config_read(nix_dir_fd, nix_dir, &config) < 0)
		return -1;
	if (config.needs_profile) {
		user = environment_user();
		state_home = xdg_state_home();
	}
	return plan_build(
		&(struct plan_input){
			.view = &view, .config = &config, .user = user, .state_home = state_home},
		plan);
}

int userns_enter(int nix_dir_fd, const char *nix_dir)
{
	_cleanup_(chroot_error_clear) struct chroot_error error = {0};
	_cleanup_(plan_clear) struct plan plan = {0};

	if (make_plan(nix_dir_fd, nix_dir, &plan) < 0)
		return -1;
	/* the working directory is how the Nix directory gets into the namespace: chroot.h */
	if (fchdir(nix_dir_fd) < 0) {
		log_error("cannot enter the directory %s: %s\nNIXPATH must be a directory that you "
			  "may search",
			  nix_dir, strerror(errno));
		return -1;
	}
	return chroot_enter(&plan, &error) < 0 ? explain(&error) : 0;
}
