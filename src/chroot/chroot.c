#include "chroot/chroot.h"
#include "chroot/apply.h"
#include "run/environment.h"
#include "chroot/namespace.h"
#include "chroot/path_config.h"
#include "chroot/plan.h"
#include "host/check.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

static const char *advice_on(const struct chroot_request *request, int err)
{
	if ((err == ENOENT || err == ENOTDIR) && request->missing_advice)
		return request->missing_advice;
	return err == ENOENT	? "make the directory first (mkdir -p), or leave it out for the "
				  "default one"
	       : err == ENOTDIR ? "NIXPATH must be a directory, the one that is to be /nix inside"
				: "NIXPATH must be a directory that you may search";
}

/* The descriptor of the Nix directory, or -1 after a message. */
static int open_nix_dir(const struct chroot_request *request)
{
	_cleanup_close_ int fd = open(request->nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int err = errno;

	/* what may not be searched can be opened like this, and nothing in it */
	if (fd >= 0 && faccessat(fd, ".", X_OK, 0) < 0) {
		err = errno;
		close(steal_fd(&fd));
	}
	if (request->is_default && (fd < 0 ? err == ENOENT : fstatat(fd, "store", &st, 0) < 0)) {
		log_error("there is no Nix store in %s\nnix-user-chroot --install makes one",
			  request->nix_dir);
		return -1;
	}
	if (fd < 0)
		log_error("cannot use %s as /nix: %s\n%-s", request->nix_dir, strerror(err),
			  advice_on(request, err));
	return steal_fd(&fd);
}

/* The root of ours is a tmpfs with these flags; a host that boots into a tmpfs has not all of them.
 */
bool chroot_is_inside(int nix_fd)
{
	const unsigned long ours = ST_RDONLY | ST_NOSUID | ST_NODEV;
	struct stat wanted, present;
	struct statfs root;

	return fstat(nix_fd, &wanted) == 0 && stat("/nix", &present) == 0 &&
	       wanted.st_dev == present.st_dev && wanted.st_ino == present.st_ino &&
	       statfs("/", &root) == 0 && root.f_type == TMPFS_MAGIC &&
	       ((unsigned long)root.f_flags & ours) == ours;
}

static int enter_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;
	int r = namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS);

	if (r < 0) {
		_cleanup_free_ char *why = check_explain(CHECK_USER_NAMESPACE, -r, "");

		log_error("cannot enter a user and mount namespace of my own: %s\n%-s",
			  strerror(-r), why);
		return -1;
	}
	r = namespace_map_ids(uid, gid, &file);
	if (r < 0) {
		_cleanup_free_ char *why = check_explain(CHECK_ID_MAPS, -r, "");

		log_error("cannot write %s: %s\n%-s", file, strerror(-r), why);
		return -1;
	}
	r = namespace_make_slave();
	if (r < 0) {
		_cleanup_free_ char *why = check_explain(CHECK_SLAVE, -r, "");

		log_error("cannot keep mounts from spreading to the host: %s\n%-s", strerror(-r),
			  why);
		return -1;
	}
	return 0;
}

static int make_plan(const struct chroot_request *request, int nix_fd, struct plan *plan)
{
	_cleanup_(path_config_clear) struct path_config config = {0};
	_cleanup_free_ char *user = NULL, *state_home = NULL;
	struct host_view view = host_view_real(&nix_fd);

	if (path_config_load(nix_fd, request->nix_dir, &config) < 0)
		return -1;
	if (config.profile_count > 0) {
		user = environment_user();
		state_home = environment_state_home();
	}
	return plan_build(
		&(struct plan_input){
			.view = &view, .config = &config, .user = user, .state_home = state_home},
		plan);
}

/* Go where the command is to start, and say so where that is not where the caller was. */
static void enter_work_dir(const char *work_dir, int err)
{
	const char *home = env_get("HOME");

	if (work_dir && chdir(work_dir) == 0)
		return;
	if (work_dir)
		err = errno;
	if (!home || chdir(home) < 0) {
		home = "/";
		/* / is ours and cannot fail */
		(void)!chdir(home);
	}
	log_warning("the working directory %s%scannot be reached inside: %s; starting in %s",
		    work_dir ? work_dir : "", work_dir ? " " : "", strerror(err), home);
}

static int enter(const struct chroot_request *request, int nix_fd)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_free_ char *work_dir = NULL;
	int work_dir_error = 0;

	if (make_plan(request, nix_fd, &plan) < 0)
		return -1;
	work_dir = request->work_dir ? xstrdup(request->work_dir) : getcwd(NULL, 0);
	if (!work_dir)
		work_dir_error = errno;
	/* see apply.h: the working directory is how the Nix directory gets into the namespace */
	if (fchdir(nix_fd) < 0) {
		log_error("cannot enter the directory %s: %s\nNIXPATH must be a directory that you "
			  "may search",
			  request->nix_dir, strerror(errno));
		return -1;
	}
	if (enter_namespaces() < 0 || apply_plan(&plan) < 0)
		return -1;
	enter_work_dir(work_dir, work_dir_error);
	return 0;
}

int chroot_exec(const struct chroot_request *request)
{
	_cleanup_close_ int nix_fd = open_nix_dir(request);

	if (nix_fd < 0)
		return EXIT_CANCELED;
	if (chroot_is_inside(nix_fd)) {
		log_verbose("%s is /nix already: no second namespace is needed", request->nix_dir);
		if (request->work_dir)
			enter_work_dir(request->work_dir, 0);
	} else if (enter(request, nix_fd) < 0) {
		return EXIT_CANCELED;
	}
	environment_prepare(request->is_default);
	return request->profile_command
		       ? environment_exec_profile(request->profile_command, request->argv)
		       : environment_exec(request->argv, request->is_default);
}

static _Noreturn void run_child(const struct chroot_request *request, int in_fd, int out_fd)
{
	log_forget_status();
	if ((in_fd >= 0 && dup2(in_fd, STDIN_FILENO) < 0) ||
	    (out_fd >= 0 && (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(out_fd, STDERR_FILENO) < 0))) {
		log_error(
			"cannot redirect a process: %s\nthe limit of open files may be reached: ulimit -n",
			strerror(errno));
		_exit(EXIT_CANCELED);
	}
	_exit(chroot_exec(request));
}

pid_t chroot_start(const struct chroot_request *request, int in_fd, int out_fd)
{
	pid_t child = fork();

	if (child < 0)
		log_error("cannot start a process: %s\nthe limit of processes may be reached: "
			  "ulimit -u",
			  strerror(errno));
	if (child == 0)
		run_child(request, in_fd, out_fd);
	return child;
}

int chroot_wait(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR) {
			log_error("cannot wait for a process: %s\nrun it again", strerror(errno));
			return -1;
		}
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
