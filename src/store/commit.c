#include "store/commit.h"
#include "store/layout.h"
#include "store/nar.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/store_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* renameat2(2); some libcs lack it */
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

struct commit {
	const struct store_request *request;
	int staged_fd; /* TOP/store */
	int store_fd;  /* NIXDIR/store */
};

static int say(const struct store_request *request, const char *what, const char *name, int err)
{
	const char *advice = "look at the permissions and mount options of that directory";

	if (err == ENOSPC || err == EDQUOT)
		advice = "make room there (or raise the quota) and run it again";
	else if (err == EXDEV)
		advice = "store/ must be a plain directory on the file system that var/ is on";
	else if (err == EIO)
		advice = "the disk fails: the kernel's log (dmesg) says more";
	log_error("cannot %s %s/store%s%s: %s\n%-s", what, request->nix_path, *name ? "/" : "",
		  name, strerror(err), advice);
	return -1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The names in TOP/store, each valid and of a type that a store path can have; or -1 after a
 * message.
 */
static int list_staged(const struct commit *commit, struct strlist *names)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(commit->staged_fd, ".");
	const struct dirent *entry;
	struct stat st;

	while (dir && (entry = fs_next_entry(dir))) {
		if (fstatat(commit->staged_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return say(commit->request, "list what goes to", "", errno);
		if (!store_name_valid(entry->d_name) ||
		    (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))) {
			log_error("there is something in the staged store/ that is no store path\n"
				  "run it again, with another tarball if that does not help");
			return -1;
		}
		strlist_add(names, entry->d_name);
	}
	if (errno)
		return say(commit->request, "list what goes to", "", errno);
	if (names->count > 0)
		qsort(names->items, names->count, sizeof(*names->items), compare_names);
	return 0;
}

/*
 * chmod(2) NAME to MODE if NAME is a directory. By descriptor, because NAME may be a symlink.
 * Returns 0 or -errno.
 */
static int set_dir_mode(int dirfd, const char *name, mode_t mode)
{
	_cleanup_close_ int fd = fs_open_dir(dirfd, name);
	struct stat st;

	if (fd < 0)
		return fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 07777) == mode)
		return 0;
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

/* Give the directory NAME itself Nix's canonical form; unpacking gave it to everything below. */
static int seal(int store_fd, const char *name)
{
	static const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};

	/* some file systems change the time at a rename; a few cannot set it, which does no harm */
	(void)!utimensat(store_fd, name, times, AT_SYMLINK_NOFOLLOW);
	return set_dir_mode(store_fd, name, 0555);
}

/* Exchange the staged NAME and the one in the store. Returns 0 or -errno. */
static int exchange(const struct commit *commit, const char *name)
{
	_cleanup_free_ char *aside = xasprintf(".old-%s", name);
	int r = set_dir_mode(commit->store_fd, name, 0755);

	if (r < 0)
		return r;
	if (syscall(SYS_renameat2, commit->staged_fd, name, commit->store_fd, name,
		    RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (renameat(commit->store_fd, name, commit->staged_fd, aside) < 0)
		return -errno;
	if (renameat(commit->staged_fd, name, commit->store_fd, name) == 0)
		return 0;
	r = -errno;
	(void)!renameat(commit->staged_fd, aside, commit->store_fd, name);
	return r;
}

/*
 * Does the store path with ST belong to a trusted user? Its owner is all that matters, since Nix
 * makes store paths read-only for everybody.
 */
static bool is_trusted(const struct trust *trust, const struct stat *st)
{
	return trust_judge_here(trust, st, false) != TRUST_OWNER;
}

/* Does NAME in the store hold something other than the staged NAME, whose digest is in RECORD? */
static bool is_other(const struct commit *commit, const char *name, const struct record *record)
{
	const struct record_entry *entry = record_store_path(record, name);
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;
	int r = nar_digest(commit->store_fd, name, &digest);

	if (r == 0)
		sha256_format(&digest, hex);
	return entry && entry->value && (r == 0 ? strcmp(hex, entry->value) != 0 : r != -ENOTSUP);
}

static int commit_path(const struct commit *commit, const char *name, const struct record *record,
		       struct store_result *out)
{
	struct stat st;
	int r = 0;

	if (fstatat(commit->store_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return say(commit->request, "look at", name, errno);
		r = set_dir_mode(commit->staged_fd, name, 0755);
		if (r == 0 && renameat(commit->staged_fd, name, commit->store_fd, name) < 0)
			r = -errno;
		out->added += r == 0;
	} else if (!is_trusted(commit->request->trust, &st)) {
		log_error("%s/store/%s is there already, and belongs to user %lu: what others "
			  "made is not used\nremove it, or set NIX_USER_CHROOT_DIR to a "
			  "directory of your own elsewhere",
			  commit->request->nix_path, name, (unsigned long)st.st_uid);
		return -1;
	} else if (commit->request->replace || is_other(commit, name, record)) {
		r = set_dir_mode(commit->staged_fd, name, 0755);
		if (r == 0)
			r = exchange(commit, name);
		out->replaced += r == 0;
	} else if (!(st.st_mode & 0222) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		return 0;
	}
	if (r < 0)
		return say(commit->request, "move a store path to", name, -r);
	r = seal(commit->store_fd, name);
	return r < 0 ? say(commit->request, "chmod", name, -r) : 0;
}

static int open_store(struct commit *commit)
{
	const struct store_request *request = commit->request;
	int r;

	commit->staged_fd = fs_open_dir(request->top_fd, "store");
	if (commit->staged_fd < 0) {
		log_error("there is no staged store/ to move to %s/store: %s\nrun it again",
			  request->nix_path, strerror(-commit->staged_fd));
		return -1;
	}
	/* a symlink is not followed, because Nix refuses a store that is one */
	commit->store_fd = fs_make_dirs_below(request->nix_dir_fd, "store");
	if (commit->store_fd < 0)
		return say(request, "make", "", -commit->store_fd);
	r = fs_sync_dir(request->nix_dir_fd, ".");
	if (r < 0)
		return say(request, "make", "", -r);
	return 0;
}

/*
 * Put a link for each of NAMES into TOP/store, which the renames have emptied. The install script
 * copies each entry that /nix/store lacks, and so copies nothing. (A link to all of /nix/store
 * would show the script also the user's own paths, and it takes a dangling symlink among them for a
 * missing one.)
 */
static int leave_links(const struct store_request *request, const struct strlist *names)
{
	_cleanup_close_ int fd = -1;
	int r = fs_remove_tree(request->top_fd, "store");

	if (r < 0)
		return r;
	if (mkdirat(request->top_fd, "store", 0755) < 0)
		return -errno;
	fd = fs_open_dir(request->top_fd, "store");
	if (fd < 0)
		return fd;
	for (size_t i = 0; i < names->count; i++) {
		_cleanup_free_ char *target = path_join("/nix/store", names->items[i]);

		if (symlinkat(target, fd, names->items[i]) < 0)
			return -errno;
	}
	return 0;
}

/* Record NAMES with their digests, so that a later --install sees what was damaged since. */
static int note_names(const struct commit *commit, const struct strlist *names,
		      struct record *record)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < names->count; i++) {
		char hex[SHA256_HEX_LEN + 1];
		struct sha256 digest;
		bool is_known = nar_digest(commit->staged_fd, names->items[i], &digest) == 0;

		if (is_known)
			sha256_format(&digest, hex);
		r = record_note(record, RECORD_STORE, names->items[i], is_known ? hex : NULL);
	}
	if (r == 0)
		r = record_begin(record);
	return r < 0 ? layout_error("write the record in", commit->request->nix_path, r) : 0;
}

/*
 * Begin to write what is staged to disk: syncfs(2) instead of fsync(2) of some 5,000 files, for one
 * wait for the disk, one journal commit, and no directory forgotten. It also flushes what others
 * wrote there. A process of its own waits, so that the digests are computed meanwhile.
 */
static pid_t flush_begin(int fd)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(syncfs(fd) < 0 ? errno : 0);
	return pid;
}

/* Wait for flush_begin(): 0 or a negative errno. */
static int flush_end(int fd, pid_t pid)
{
	int status;

	if (pid < 0)
		return syncfs(fd) < 0 ? -errno : 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int commit_all(const struct commit *commit, struct record *record, struct store_result *out)
{
	const struct store_request *request = commit->request;
	pid_t flush;
	int r, noted;

	if (list_staged(commit, &out->names) < 0)
		return -1;
	flush = flush_begin(request->top_fd);
	noted = note_names(commit, &out->names, record);
	r = flush_end(request->top_fd, flush);
	if (noted < 0)
		return -1;
	if (r < 0)
		return say(request, "write to disk what goes to", "", -r);
	for (size_t i = 0; i < out->names.count; i++)
		if (commit_path(commit, out->names.items[i], record, out) < 0)
			return -1;
	r = fs_sync_dir(commit->store_fd, ".");
	if (r < 0)
		return say(request, "write to disk", "", -r);
	r = leave_links(request, &out->names);
	return r < 0 ? say(request, "put links in the place of the staged copy of", "", -r) : 0;
}

int store_commit(const struct store_request *request, struct record *record,
		 struct store_result *out)
{
	struct commit commit = {.request = request, .staged_fd = -1, .store_fd = -1};
	int r;

	*out = (struct store_result){0};
	r = open_store(&commit);
	if (r == 0)
		r = commit_all(&commit, record, out);
	cleanup_close(&commit.staged_fd);
	cleanup_close(&commit.store_fd);
	if (r < 0)
		store_result_clear(out);
	return r;
}

void store_result_clear(struct store_result *result)
{
	strlist_clear(&result->names);
	*result = (struct store_result){0};
}
