#include "install/update_place.h"
#include "config.h"
#include "install/package_owner.h"
#include "run/nix_dir.h"
#include "store/layout.h"
#include "store/lock.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>

#define OWN_COPY \
	"install.sh of a release (README) installs a copy of your own, which --update can replace"

/* Report that the program at PATH is not updated, and WHY. -1 */
static int refuse(bool is_part, const char *path, const char *why, const char *next)
{
	_cleanup_free_ char *text =
		text_format("%s is not updated by --update: %s\n%-s", path, why, next);

	if (is_part)
		log_warning("%-s", text);
	else
		log_error("%-s", text);
	return -1;
}

/*
 * The path of the program. NULL: its file was replaced or removed while it runs, or /proc is
 * missing.
 */
static char *find_path(const char *argv0)
{
	_cleanup_free_ char *self = fs_self_path();

#ifndef SINGLE_BINARY
	/*
	 * nix-user-chroot starts this installer with its own absolute path as argv[0] (delegate.c)
	 */
	if (*argv0 == '/')
		return realpath(argv0, NULL);
#endif
	(void)argv0;
	return self && fs_same_file("/proc/self/exe", self) ? steal_ptr(&self) : NULL;
}

static int check_owner(bool is_part, const struct update_place *place, const struct stat *st)
{
	_cleanup_free_ char *dir = path_parent(place->path), *why = NULL;
	const char *package = package_owner_advice(place->path);

	if (package)
		return refuse(is_part, place->path, "it belongs to a package", package);
#ifndef SINGLE_BINARY
	return refuse(
		is_part, place->path,
		"it was built as two files, itself and nix-user-chroot-install, and a release "
		"has one file",
		"update it as it was installed: make install of a newer version; " OWN_COPY);
#endif
	if (st->st_uid != geteuid())
		why = xasprintf("it belongs to user %lu, and you are user %lu",
				(unsigned long)st->st_uid, (unsigned long)geteuid());
	else if (faccessat(place->dir_fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		why = xasprintf("cannot write to %s: %s", dir, strerror(errno));
	return why ? refuse(is_part, place->path, why, "ask whoever maintains it; " OWN_COPY) : 0;
}

int update_place_find(const char *argv0, bool is_part, struct update_place *out)
{
	_cleanup_free_ char *dir = NULL;
	struct stat st;

	*out = (struct update_place)UPDATE_PLACE_NONE;
	out->path = find_path(argv0);
	if (!out->path) {
		log_error("cannot tell where this program is: /proc is not mounted, or the file "
			  "was replaced or removed meanwhile\nrun it again");
		return -1;
	}
	dir = path_parent(out->path);
	out->fd = open(out->path, O_RDONLY | O_CLOEXEC);
	out->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0 || out->dir_fd < 0 || fstat(out->fd, &st) < 0) {
		log_error("cannot open %s, or the directory that it is in: %s\n"
			  "look at its permissions",
			  out->path, strerror(errno));
		return -1;
	}
	out->mode = st.st_mode & 0777;
	return check_owner(is_part, out, &st);
}

const char *update_recorded_name(const struct record *record, const char *path)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_FILE &&
		    record_is_about(&record->entries[i], path))
			return record->entries[i].subject;
	return NULL;
}

/*
 * Does the record of NIX_DIR, if it is this user's, have the program? 1, 0, or -1 after a message.
 */
static int is_recorded(const struct update_request *request, const char *nix_dir, const char *path)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int fd = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct trust trust;

	if (fd < 0 || record_read(fd, &record) < 0 || record.owner != geteuid() ||
	    !update_recorded_name(&record, path))
		return 0;
	if (trusted_find(&request->trust, &trust) < 0 || layout_check_links(fd, nix_dir) < 0 ||
	    trusted_check(&trust, fd, nix_dir, false, NULL) < 0)
		return -1;
	return 1;
}

/* Block signals that would end the process until everything is done, which takes milliseconds. */
static void hold_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* Is PLACE unchanged, and is no other process at work there? The lock ends with its descriptor. */
static int take_place(const struct update_place *place)
{
	struct stat then, now;

	if (flock(place->fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		log_error("another --update of %s is at work\nwait for it", place->path);
		return -1;
	}
	if (fstat(place->fd, &then) == 0 && stat(place->path, &now) == 0 &&
	    fs_same_inode(&then, &now))
		return 0;
	log_error("%s was replaced or removed meanwhile, and is left as it is\nrun it again",
		  place->path);
	return -1;
}

static int replace(const struct update_place *place, const void *data, size_t len)
{
	const char *name = strrchr(place->path, '/') + 1;
	int r = fs_replace_file(place->dir_fd, name, data, len, place->mode);

	return r < 0 ? layout_error("write anew", place->path, r) : 0;
}

/*
 * Replace the program, with the new digest in the record before and the old one removed afterwards.
 */
static int replace_recorded(const char *nix_dir, const struct update_place *place, const void *data,
			    size_t len, const struct sha256 *sha256, const struct lock *lock)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *subject = NULL;
	char hex[SHA256_HEX_LEN + 1];
	int r = record_open(lock->nix_dir_fd, &record);

	sha256_format(sha256, hex);
	subject = r < 0 ? NULL : xstrdup(update_recorded_name(&record, place->path));
	if (r == 0 && subject)
		r = record_note(&record, RECORD_FILE, subject, hex);
	if (r == 0 && fsync(record.fd) < 0)
		r = -errno;
	if (r == 0 && replace(place, data, len) < 0)
		return -1;
	for (size_t i = record.count; r == 0 && subject && i-- > 0;)
		if (record.entries[i].kind == RECORD_FILE &&
		    strcmp(record.entries[i].subject, subject) == 0 &&
		    strcmp(record.entries[i].value, hex) != 0)
			record_forget_entry(&record, i);
	if (r == 0)
		r = record_write(&record, lock->nix_dir_fd);
	return r < 0 ? layout_error("write the record in", nix_dir, r) : 0;
}

int update_place_put(const struct update_request *request, const struct update_place *place,
		     const void *data, size_t len, const struct sha256 *sha256)
{
	enum runtime runtime = request->runtime;
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime);
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	struct progress progress;
	int recorded = nix_dir ? is_recorded(request, nix_dir, place->path) : -1, r;
	sigset_t before;

	progress_init(&progress);
	if (recorded < 0 || (recorded && lock_take(nix_dir, &progress, &lock) < 0))
		return -1;
	hold_signals(&before);
	r = take_place(place);
	if (r == 0)
		r = recorded ? replace_recorded(nix_dir, place, data, len, sha256, &lock)
			     : replace(place, data, len);
	if (recorded)
		lock_end(&lock);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

void update_place_clear(struct update_place *place)
{
	free(place->path);
	if (place->fd >= 0)
		close(place->fd);
	if (place->dir_fd >= 0)
		close(place->dir_fd);
	*place = (struct update_place)UPDATE_PLACE_NONE;
}
