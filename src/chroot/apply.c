#include "chroot/apply.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TMPFS_FLAGS (MS_NOSUID | MS_NODEV)

/* Steps that failed in one directory, one after the other, for the same reason. */
struct failures {
	char *directory;
	const struct plan_step *first;
	size_t count;
	int r;
};

/* A plan being carried out. */
struct work {
	const struct plan *plan;
	struct chroot_error *error;
	dev_t *ours;			/* the file systems that we made, the new root's first */
	const struct plan_step **tmpfs; /* which step made ours[i + 1] */
	size_t tmpfs_count;
	char *directory; /* where something was made last; it is on a file system of ours */
	int directory_fd;
	struct failures failures;
};

static void forget_directory(struct work *work)
{
	cleanup_close(&work->directory_fd);
	work->directory_fd = -1;
	free(work->directory);
	work->directory = NULL;
}

static void work_clear(struct work *work)
{
	forget_directory(work);
	free(work->ours);
	free(work->tmpfs);
	free(work->failures.directory);
}

static bool is_ours(const struct work *work, dev_t device)
{
	for (size_t i = 0; i <= work->tmpfs_count; i++)
		if (work->ours[i] == device)
			return true;
	return false;
}

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/*
 * The directory that PATH is to be made in: a descriptor, which work keeps open, or -errno. The
 * host may have changed since the plan was made, so that a tmpfs is missing: a directory that is
 * not on a file system of ours is refused (-EXDEV), and nothing is ever made there.
 */
static int parent_of(struct work *work, const char *path)
{
	_cleanup_free_ char *parent = path_parent(path);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (work->directory && strcmp(work->directory, parent) == 0)
		return work->directory_fd;
	forget_directory(work);
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_ours(work, st.st_dev))
		return -EXDEV;
	work->directory = steal_ptr(&parent);
	work->directory_fd = steal_fd(&fd);
	return work->directory_fd;
}

static int make_directory(struct work *work, const char *path)
{
	int parent = parent_of(work, path);

	if (parent < 0)
		return parent;
	return mkdirat(parent, name_of(path), 0755) < 0 ? -errno : 0;
}

static int make_symlink(struct work *work, const char *path, const char *target)
{
	int parent = parent_of(work, path);

	if (parent < 0)
		return parent;
	return symlinkat(target, parent, name_of(path)) < 0 ? -errno : 0;
}

/* Make the file PATH, with TEXT in it, or empty if TEXT is NULL. */
static int make_file(struct work *work, const char *path, const char *text)
{
	_cleanup_close_ int fd = -1;
	int parent = parent_of(work, path);

	if (parent < 0)
		return parent;
	fd = openat(parent, name_of(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		return -errno;
	return text ? fs_write_all(fd, text, strlen(text)) : 0;
}

/* MS_REC: the kernel refuses to show a directory without the mounts that others made below it. */
static int bind_directory(const char *source, const char *path)
{
	return mount(source, path, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int bind_file(const char *source, const char *path)
{
	return mount(source, path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* Make PATH and mount SOURCE there. If the mount fails, PATH is removed again. */
static int bind_on_new(struct work *work, const char *source, const char *path, bool directory)
{
	int r = directory ? make_directory(work, path) : make_file(work, path, NULL);

	if (r < 0)
		return r;
	r = directory ? bind_directory(source, path) : bind_file(source, path);
	if (r < 0)
		unlinkat(work->directory_fd, name_of(path), directory ? AT_REMOVEDIR : 0);
	return r;
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

static int add_tmpfs(struct work *work, const struct plan_step *step)
{
	struct stat before, after;
	int r;

	if (stat(step->path, &before) < 0)
		return -errno;
	r = mount_tmpfs(step->path);
	if (r < 0)
		return r;
	forget_directory(work);
	/* still the same file system: the path leads elsewhere by now, not to our tmpfs */
	if (stat(step->path, &after) < 0 || after.st_dev == before.st_dev)
		return -ENOENT;
	work->tmpfs = xreallocarray(work->tmpfs, work->tmpfs_count + 1, sizeof(*work->tmpfs));
	work->tmpfs[work->tmpfs_count++] = step;
	work->ours = xreallocarray(work->ours, work->tmpfs_count + 1, sizeof(*work->ours));
	work->ours[work->tmpfs_count] = after.st_dev;
	return 0;
}

/*
 * Mount a file with TEXT in it over PATH. The file's name is removed, so the mount alone holds the
 * file. The mount is read-only because the mode of a file does not stop root inside.
 */
static int cover_with_text(struct work *work, const char *path, const char *text)
{
	const char *own = work->plan->own_file;
	int r = make_file(work, own, text);

	if (r == 0)
		r = bind_file(own, path);
	if (r == 0)
		r = make_read_only(path);
	/* remove the name, also if the file could not be made or written whole */
	unlinkat(AT_FDCWD, own, 0);
	return r;
}

/* Where the step's source lies while the plan is carried out; the caller frees. */
static char *source_of(const struct plan *plan, const struct plan_step *step)
{
	if (!step->source)
		return NULL;
	return path_is_within(step->source, "/nix") ? xstrdup(step->source)
						    : path_join(plan->old_root, step->source + 1);
}

/*
 * The path of the Nix directory, which is the working directory. If the Nix directory is the host's
 * /, pivot_root(2) has moved this process to the new root like every other process that was in /.
 */
static const char *nix_source(const struct plan *plan)
{
	struct stat here, root;

	if (stat(".", &here) == 0 && stat("/", &root) == 0 && fs_same_inode(&here, &root))
		return plan->old_root;
	return ".";
}

static int carry_out(struct work *work, const struct plan_step *step)
{
	_cleanup_free_ char *source = source_of(work->plan, step);

	switch (step->type) {
	case PLAN_DIRECTORY:
		return make_directory(work, step->path);
	case PLAN_SYMLINK:
		return make_symlink(work, step->path, step->source);
	case PLAN_NIX:
		return bind_on_new(work, nix_source(work->plan), step->path, true);
	case PLAN_TMPFS:
		return add_tmpfs(work, step);
	case PLAN_HIDE_FILE:
		return cover_with_text(work, step->path, NULL);
	case PLAN_COVER_TEXT:
		return cover_with_text(work, step->path, step->text);
	case PLAN_WRITE_FILE:
		return make_file(work, step->path, step->text);
	case PLAN_COVER_DIRECTORY:
		forget_directory(work);
		return bind_directory(source, step->path);
	case PLAN_COVER_FILE:
		return bind_file(source, step->path);
	case PLAN_BIND_DIRECTORY:
	case PLAN_BIND_FILE:
		return bind_on_new(work, source, step->path, step->type == PLAN_BIND_DIRECTORY);
	}
	return -EINVAL;
}

/*
 * Only a failure of /nix, or of a tmpfs that later steps write into, ends the entry. A tmpfs over a
 * directory that has gone, or has become something else, does not: the steps below that tmpfs find
 * no directory of ours, and write nothing.
 */
static bool is_fatal(const struct plan_step *step, int r)
{
	bool changed = r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -ELOOP;

	return step->type == PLAN_NIX || (step->type == PLAN_TMPFS && !changed);
}

/* Does STEP take something away, rather than show something? */
static bool takes_away(const struct plan_step *step)
{
	return step->type == PLAN_TMPFS || step->type == PLAN_HIDE_FILE;
}

/*
 * A failure is worth a warning if the path config asked for the step, or if the kernel's limit of
 * mounts is reached. Entries of the host that come and go, or that this user may not mount, are a
 * note at -v.
 */
static bool is_warned_of(const struct plan_step *step, int r)
{
	struct stat st;

	/* a file that has gone by itself is left out, as the path config asked */
	if (takes_away(step))
		return r != -ENOENT || lstat(step->path, &st) == 0;
	return step->configured || r == -ENOSPC;
}

/* With so many entries, the path config is part of the reason why the limit was reached. */
#define MANY 1000

/* Advice on the limit of mounts: is the path config to blame, or the host? */
static const char *advice_on_limit(const struct plan *plan)
{
	return plan->count > MANY
		       ? "\nthe kernel limits the number of mounts (sysctl fs.mount-max): in "
			 "path-config.toml, exclude a whole\ndirectory instead of very many of its "
			 "entries, and mount nothing new into it"
		       : "\nthe kernel limits the number of mounts (sysctl fs.mount-max), and each of "
			 "the host's counts twice while\nthe new root is made: unmount what is not "
			 "needed, or have an administrator raise the limit to more than\ntwice what "
			 "this says: wc -l /proc/self/mountinfo";
}

/* Report the steps that failed since the last call, in one message for all of them. */
static void say_failures(struct work *work)
{
	struct failures *failures = &work->failures;
	bool one = failures->count == 1;
	_cleanup_free_ char *what = NULL;

	if (failures->count == 0)
		return;
	what = one ? xstrdup(failures->first->path)
		   : xasprintf("%zu entries of %s", failures->count, failures->directory);
	log_warning("%s %s %s inside: %s%-s", what, one ? "is" : "are",
		    takes_away(failures->first) ? "still there" : "missing",
		    failures->r == -EXDEV ? "the directory was changed meanwhile"
					  : strerror(-failures->r),
		    failures->r == -ENOSPC ? advice_on_limit(work->plan) : "");
	free(failures->directory);
	*failures = (struct failures){0};
}

static void add_failure(struct work *work, const struct plan_step *step, int r)
{
	struct failures *failures = &work->failures;
	_cleanup_free_ char *directory = path_parent(step->path);

	if (!is_warned_of(step, r)) {
		log_verbose("%s is missing inside: %s", step->path, strerror(-r));
		return;
	}
	if (failures->count > 0 &&
	    (failures->r != r || strcmp(failures->directory, directory) != 0 ||
	     takes_away(failures->first) != takes_away(step)))
		say_failures(work);
	if (failures->count++ > 0)
		return;
	failures->directory = steal_ptr(&directory);
	failures->first = step;
	failures->r = r;
}

static void say_step(const struct plan_step *step, int r)
{
	static const char *const words[] = {
		[PLAN_DIRECTORY] = "mkdir",
		[PLAN_SYMLINK] = "symlink",
		[PLAN_BIND_DIRECTORY] = "bind",
		[PLAN_BIND_FILE] = "bind",
		[PLAN_COVER_DIRECTORY] = "cover",
		[PLAN_COVER_FILE] = "cover",
		[PLAN_HIDE_FILE] = "hide",
		[PLAN_WRITE_FILE] = "copy",
		[PLAN_COVER_TEXT] = "cover with a copy",
		[PLAN_TMPFS] = "tmpfs",
		[PLAN_NIX] = "bind",
	};

	log_debug("%s %s%s%s%s%s", words[step->type], step->path, step->source ? " from " : "",
		  step->source ? step->source : "", r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
}

static int carry_out_steps(struct work *work)
{
	const struct plan *plan = work->plan;

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_step *step = &plan->steps[i];
		int r = carry_out(work, step);

		say_step(step, r);
		if (r == 0)
			continue;
		if (is_fatal(step, r))
			return chroot_fail(work->error,
					   step->type == PLAN_NIX ? CHROOT_MOUNT_NIX
								  : CHROOT_MOUNT_TMPFS,
					   step->path, plan->old_root, r);
		add_failure(work, step, r);
	}
	say_failures(work);
	return 0;
}

/*
 * Make the tmpfs read-only: what somebody wrote to it would be gone with the last process inside.
 */
static int finish(struct work *work)
{
	const struct plan *plan = work->plan;
	int r;

	if (umount2(plan->old_root, MNT_DETACH) < 0)
		return chroot_fail(work->error, CHROOT_DETACH, plan->old_root, plan->old_root,
				   -errno);
	if (rmdir(plan->old_root) < 0)
		return chroot_fail(work->error, CHROOT_REMOVE, plan->old_root, "", -errno);
	for (size_t i = 0; i < work->tmpfs_count; i++)
		make_read_only(work->tmpfs[i]->path);
	r = make_read_only("/");
	return r < 0 ? chroot_fail(work->error, CHROOT_MAKE_READ_ONLY, "/", "", r) : 0;
}

static int build_root(const struct plan *plan, struct chroot_error *error)
{
	_cleanup_(work_clear) struct work work = {.plan = plan, .error = error, .directory_fd = -1};
	_cleanup_free_ char *old_root = path_join(plan->work_dir, plan->old_root + 1);
	int r = mount_tmpfs(plan->work_dir);
	struct stat root;

	if (r < 0)
		return chroot_fail(error, CHROOT_MOUNT_TMPFS, plan->work_dir, "", r);
	if (mkdir(old_root, 0700) < 0)
		return chroot_fail(error, CHROOT_MAKE_DIRECTORY, old_root, "", -errno);
	if (syscall(SYS_pivot_root, plan->work_dir, old_root) < 0)
		return chroot_fail(error, CHROOT_PIVOT_ROOT, plan->work_dir, "", -errno);
	if (stat("/", &root) < 0)
		return chroot_fail(error, CHROOT_LOOK_AT, "/", plan->old_root, -errno);
	work.ours = xcalloc(1, sizeof(*work.ours));
	work.ours[0] = root.st_dev;
	return carry_out_steps(&work) < 0 || finish(&work) < 0 ? -1 : 0;
}

int apply_plan(const struct plan *plan, struct chroot_error *error)
{
	/* everybody may search the directories that we make, whatever the user's umask is */
	mode_t umask_before = umask(0);
	int r = build_root(plan, error);

	umask(umask_before);
	return r;
}
