#include "chroot/apply.h"
#include "host/check.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TMPFS_FLAGS (MS_NOSUID | MS_NODEV)

/* ROOT is where the host's files are at this moment, for the explanation. */
static int fail(const char *root, enum check_step step, const char *what, const char *path, int r)
{
	_cleanup_free_ char *why = check_explain(step, -r, root);

	log_error("cannot %s %s: %s\n%s", what, path, strerror(-r), why);
	return -1;
}

static int mount_tmpfs(const char *path)
{
	return mount("nix-user-chroot", path, "tmpfs", TMPFS_FLAGS, "mode=0755") < 0 ? -errno : 0;
}

static int make_read_only(const char *path)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | TMPFS_FLAGS;

	return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* MS_REC: the kernel refuses to show a directory without the mounts below it that others made. */
static int bind_directory(const char *source, const char *path)
{
	return mount(source, path, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int bind_file(const char *source, const char *path)
{
	return mount(source, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

static bool is_within(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Where the step's source lies while the plan is carried out; the caller frees. */
static char *source_of(const struct plan *plan, const struct plan_step *step)
{
	if (!step->source)
		return NULL;
	return is_within(step->source, "/nix") ? xstrdup(step->source)
					       : path_join(plan->old_root, step->source + 1);
}

/*
 * Where the Nix directory is: the working directory. Where it is the host's /, pivot_root(2) has
 * moved every process that was there to the new root, and so us.
 */
static const char *nix_source(const struct plan *plan)
{
	struct stat here, root;
	bool moved = stat(".", &here) == 0 && stat("/", &root) == 0 && here.st_dev == root.st_dev &&
		     here.st_ino == root.st_ino;

	return moved ? plan->old_root : ".";
}

static int carry_out(const struct plan *plan, const struct plan_step *step)
{
	_cleanup_free_ char *source = source_of(plan, step);
	int r = 0;

	switch (step->type) {
	case PLAN_DIRECTORY:
		return mkdir(step->path, 0755) < 0 ? -errno : 0;
	case PLAN_SYMLINK:
		return symlink(step->source, step->path) < 0 ? -errno : 0;
	case PLAN_NIX:
		return mkdir(step->path, 0755) < 0 ? -errno
						   : bind_directory(nix_source(plan), step->path);
	case PLAN_TMPFS:
		return mount_tmpfs(step->path);
	case PLAN_COVER_DIRECTORY:
		return bind_directory(source, step->path);
	case PLAN_COVER_FILE:
		return bind_file(source, step->path);
	case PLAN_BIND_DIRECTORY:
		if (mkdir(step->path, 0755) < 0)
			return -errno;
		r = bind_directory(source, step->path);
		if (r < 0)
			rmdir(step->path);
		return r;
	case PLAN_BIND_FILE:
		r = make_file(step->path);
		if (r < 0)
			return r;
		r = bind_file(source, step->path);
		if (r < 0)
			unlink(step->path);
		return r;
	}
	return -EINVAL;
}

/*
 * Nothing but /nix itself, and a tmpfs that later steps write into, is worth failing for. A tmpfs
 * over what has gone is not, either: the steps below it find no directory to write into.
 */
static bool is_fatal(const struct plan_step *step, int r)
{
	return step->type == PLAN_NIX || (step->type == PLAN_TMPFS && r != -ENOENT);
}

static int carry_out_steps(const struct plan *plan)
{
	static const char *const words[] = {
		[PLAN_DIRECTORY] = "mkdir",	  [PLAN_SYMLINK] = "symlink",
		[PLAN_BIND_DIRECTORY] = "bind",	  [PLAN_BIND_FILE] = "bind",
		[PLAN_COVER_DIRECTORY] = "cover", [PLAN_COVER_FILE] = "cover",
		[PLAN_TMPFS] = "tmpfs",		  [PLAN_NIX] = "bind",
	};

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_step *step = &plan->steps[i];
		int r = carry_out(plan, step);

		log_debug("%s %s%s%s%s%s", words[step->type], step->path,
			  step->source ? " from " : "", step->source ? step->source : "",
			  r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
		if (r == 0)
			continue;
		if (is_fatal(step, r))
			return fail(plan->old_root,
				    step->type == PLAN_NIX ? CHECK_BIND : CHECK_TMPFS,
				    step->type == PLAN_NIX ? "mount the Nix directory on"
							   : "mount a tmpfs on",
				    step->path, r);
		log_verbose("%s is not there inside: %s", step->path, strerror(-r));
	}
	return 0;
}

/* Has a later step mounted something over the tmpfs PATH, or over a directory above it? */
static bool is_covered(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].type == PLAN_COVER_DIRECTORY &&
		    is_within(path, plan->steps[i].path))
			return true;
	return false;
}

/* The read-only tmpfs: what was written to it would be gone with the last process inside. */
static int finish(const struct plan *plan)
{
	int r;

	if (umount2(plan->old_root, MNT_DETACH) < 0)
		return fail(plan->old_root, CHECK_PIVOT_ROOT, "detach the old root", plan->old_root,
			    -errno);
	if (rmdir(plan->old_root) < 0)
		return fail("", CHECK_PIVOT_ROOT, "remove", plan->old_root, -errno);
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].type == PLAN_TMPFS && !is_covered(plan, plan->steps[i].path))
			make_read_only(plan->steps[i].path);
	r = make_read_only("/");
	return r < 0 ? fail("", CHECK_TMPFS, "make read-only", "/", r) : 0;
}

static int build_root(const struct plan *plan)
{
	_cleanup_free_ char *old_root = path_join(plan->work_dir, plan->old_root + 1);
	int r = mount_tmpfs(plan->work_dir);

	if (r < 0)
		return fail("", CHECK_TMPFS, "mount a tmpfs on", plan->work_dir, r);
	if (mkdir(old_root, 0700) < 0)
		return fail("", CHECK_TMPFS, "make the directory", old_root, -errno);
	if (syscall(SYS_pivot_root, plan->work_dir, old_root) < 0)
		return fail("", CHECK_PIVOT_ROOT, "make the new root of", plan->work_dir, -errno);
	return carry_out_steps(plan) < 0 || finish(plan) < 0 ? -1 : 0;
}

int apply_plan(const struct plan *plan)
{
	/* the directories that we make are to be searched whatever the user's umask is */
	mode_t umask_before = umask(0);
	int r = build_root(plan);

	umask(umask_before);
	return r;
}
