#include "run/own_root.h"
#include "chroot/chroot.h"
#include "chroot/plan_compare.h"
#include "host/check.h"
#include "host/probe.h"
#include "run/environment.h"
#include "run/path_config_error.h"
#include "ui/log.h"
#include "util/capability.h"
#include "util/cleanup.h"
#include "util/xdg.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* For each step: the words for what was tried, and the host's step that may explain the failure. */
static const struct {
	const char *words;
	enum check_step check;
} steps[CHROOT_STEP_COUNT] = {
	[CHROOT_UNSHARE] = {"create a user and mount namespace", CHECK_USER_NAMESPACE},
	[CHROOT_UNSHARE_MOUNTS] = {"create a mount namespace", CHECK_MOUNT_NAMESPACE},
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

void refusal_clear(struct refusal *refusal)
{
	free(refusal->what);
	*refusal = (struct refusal){0};
}

int refuse(struct refusal *refusal, char *what, int err, enum check_step step)
{
	refusal_clear(refusal);
	*refusal = (struct refusal){.what = what, .err = err, .step = step};
	return 1;
}

static int explain(const struct chroot_error *error)
{
	_cleanup_free_ char *why = check_explain(steps[error->step].check, error->err, error->root);

	log_error("cannot %s%s%s: %s\n%-s", steps[error->step].words, error->path ? " " : "",
		  error->path ? error->path : "", strerror(error->err), why);
	return -1;
}

int own_root_plan(const struct entry *entry, bool with_user_namespace, struct plan *plan,
		  uint64_t *fingerprint)
{
	_cleanup_(path_config_clear) struct path_config config = {0};
	_cleanup_free_ char *user = NULL, *state_home = NULL;
	struct host_watch watch = {.nix_dir_fd = entry->nix_dir_fd};
	struct host_view view = host_view_watched(&watch);
	struct host_view not_watched = host_view_real(&entry->nix_dir_fd);
	struct ssh_view ssh = {&not_watched, geteuid(), env_get("HOME")};

	if (path_config_read(entry->nix_dir_fd, entry->nix_dir, &config) < 0)
		return -1;
	if (config.needs_profile) {
		user = environment_user();
		state_home = xdg_state_home();
	}
	if (plan_build(&(struct plan_input){.view = &view,
					    .config = &config,
					    .user = user,
					    .state_home = state_home,
					    .ssh = with_user_namespace && !entry->keeps_ssh ? &ssh
											    : NULL},
		       plan) < 0)
		return -1;
	*fingerprint = plan_fingerprint(plan, watch.seen);
	return 0;
}

static bool is_root_without_setfcap(void)
{
	return geteuid() == 0 && !capability_held(CAP_SETFCAP);
}

/*
 * Is it possible that the host allows the namespaces but refuses the later steps? Possible with a
 * seccomp filter, with AppArmor, with a /proc that is read-only or incomplete, and for root without
 * the right to map the ID 0 (Linux 5.12). Each test is one system call, so that an entry without
 * doubts needs no child.
 */
static bool is_doubtful(bool with_user_namespace)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0 ||
	       access("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", F_OK) == 0 ||
	       (with_user_namespace &&
		(access("/proc/self/uid_map", W_OK) < 0 || is_root_without_setfcap()));
}

/* Try the steps in a child. 0: entering will work, or nobody can tell; 1 with *REFUSAL set. */
static int try_before(bool with_user_namespace, struct refusal *refusal)
{
	const struct probe_step *failed;
	enum check_step step;
	struct probe probe;

	if (probe_enter(with_user_namespace, &probe) < 0)
		return 0;
	failed = probe_first_failure(&probe);
	if (!failed)
		return 0;
	step = (enum check_step)(failed - probe.steps);
	return refuse(refusal,
		      xstrdup(step == CHECK_USER_NAMESPACE    ? steps[CHROOT_UNSHARE].words
			      : step == CHECK_MOUNT_NAMESPACE ? steps[CHROOT_UNSHARE_MOUNTS].words
							      : failed->what),
		      failed->err, step);
}

/*
 * Print the refusals that cannot be explained after the attempt: a filter kills the process that
 * tries, and a process in the new namespace has all capabilities. Other refusals of a runtime that
 * the user asked for by name are reported by the attempt itself.
 */
static bool is_refused_by_name(bool with_user_namespace)
{
	bool is_weak_root = with_user_namespace && is_root_without_setfcap();
	const struct probe_step *failed;
	_cleanup_free_ char *failure = NULL, *why = NULL;
	struct probe probe;

	if ((prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 && !is_weak_root) ||
	    probe_enter(with_user_namespace, &probe) < 0)
		return false;
	failed = probe_first_failure(&probe);
	if (!failed || (!failed->signal && !is_weak_root))
		return false;
	failure = probe_failure(failed);
	why = check_explain((enum check_step)(failed - probe.steps), failed->err, "");
	log_error("cannot create the namespaces: %s\n%-s", failure, why);
	return true;
}

int own_root_enter(const struct entry *entry, const struct plan *plan, bool with_user_namespace,
		   struct refusal *refusal)
{
	_cleanup_(chroot_error_clear) struct chroot_error error = {0};
	_cleanup_free_ char *before = NULL;

	if (refusal && is_doubtful(with_user_namespace) &&
	    try_before(with_user_namespace, refusal) != 0)
		return 1;
	if (!refusal && is_refused_by_name(with_user_namespace))
		return -1;
	before = refusal ? getcwd(NULL, 0) : NULL;
	/* the Nix directory gets into the namespace as the working directory: chroot.h */
	if (fchdir(entry->nix_dir_fd) < 0) {
		log_error("cannot enter the directory %s: %s\nNIXPATH must be a directory that you "
			  "may search",
			  entry->nix_dir, strerror(errno));
		return -1;
	}
	if (chroot_enter(plan, with_user_namespace, &error) == 0)
		return 0;
	if (!refusal || (error.step != CHROOT_UNSHARE && error.step != CHROOT_UNSHARE_MOUNTS))
		return explain(&error);
	if (before && chdir(before) < 0)
		log_verbose("cannot go back to %s: %s", before, strerror(errno));
	return refuse(refusal, xstrdup(steps[error.step].words), error.err,
		      steps[error.step].check);
}
