#include "install/damage.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE       "var/nix/db/db.sqlite"
#define DATABASE_ASIDE "var/nix/db.broken"

/* How many bytes of a database are searched; a release is registered at its beginning. */
#define DATABASE_MAX (64 << 20)

/*
 * Does the directory BELOW have an executable program? True also if there is no directory that
 * could have lost one.
 */
static bool has_programs(int nix_dir_fd, const char *below)
{
	int fd = fs_open_dir_below(nix_dir_fd, below);
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;
	bool is_lost = false;
	struct stat st;

	while (dir && (entry = fs_next_entry(dir))) {
		/* in a directory of links, as busybox has, one file is enough */
		if (entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if ((st.st_mode & S_IXUSR) && st.st_size > 0)
			return true;
		is_lost = true;
	}
	return !is_lost;
}

/*
 * Has the contents of the store path ENTRY changed since the installation? A missing path has not.
 */
static bool is_changed(int store_fd, const struct record_entry *entry, nar_digest_fn *digest)
{
	struct sha256 now, before;
	int r;

	if (!digest || !entry->value ||
	    sha256_parse(entry->value, strlen(entry->value), &before) < 0)
		return false;
	r = digest(store_fd, entry->subject, &now);
	/* without SHA-256 of libcrypto this is unknown */
	return r == 0 ? !sha256_equal(&now, &before) : r != -ENOENT && r != -ENOTSUP;
}

/*
 * The name of a store path of RECORD that is damaged; the caller frees. NULL: none is. All files
 * are read: the 110 MB of a Nix take 0.1 to 0.5 seconds.
 */
static char *find_in_store(int nix_dir_fd, const struct record *record, nar_digest_fn *digest)
{
	_cleanup_close_ int store_fd = fs_open_dir_below(nix_dir_fd, "store");

	for (size_t i = 0; store_fd >= 0 && i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];
		_cleanup_free_ char *bin = xasprintf("store/%s/bin", entry->subject);

		if (entry->kind != RECORD_STORE ||
		    record_store_path(record, entry->subject) != entry)
			continue;
		if (!has_programs(nix_dir_fd, bin))
			return xasprintf("/nix/%s has no programs left", bin);
		if (is_changed(store_fd, entry, digest))
			return xasprintf("/nix/store/%s is damaged", entry->subject);
	}
	return NULL;
}

/* Is NAME in DIR, with everything below it, unchanged since TIME? */
static bool is_as_at(int dir, const char *name, const struct timespec *time)
{
	_cleanup_closedir_ DIR *entries = NULL;
	const struct dirent *entry;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ctim.tv_sec > time->tv_sec ||
	    (st.st_ctim.tv_sec == time->tv_sec && st.st_ctim.tv_nsec > time->tv_nsec))
		return false;
	if (!S_ISDIR(st.st_mode))
		return true;
	entries = fs_list_fd(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	while (entries && (entry = fs_next_entry(entries)))
		if (!is_as_at(dirfd(entries), entry->d_name, time))
			return false;
	return entries;
}

bool damage_is_excluded(int nix_dir_fd, const struct record *record)
{
	_cleanup_close_ int store_fd = fs_open_dir_below(nix_dir_fd, "store");
	struct stat st;

	if (store_fd < 0 || fs_stat_below(nix_dir_fd, LAYOUT_RECORD, &st) < 0 ||
	    !is_as_at(nix_dir_fd, LAYOUT_NIX_CONF, &st.st_mtim))
		return false;
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_STORE &&
		    !is_as_at(store_fd, record->entries[i].subject, &st.st_mtim))
			return false;
	return true;
}

bool damage_is_in_store(int nix_dir_fd, const struct record *record, nar_digest_fn *digest)
{
	_cleanup_free_ char *what = find_in_store(nix_dir_fd, record, digest);

	return what;
}

/* Does SQLite's file NAME contain WORD? SQLite stores text unchanged. */
static bool holds(int nix_dir_fd, const char *name, const char *word)
{
	_cleanup_close_ int fd = fs_open_below(nix_dir_fd, name, O_RDONLY, 0);
	size_t word_len = strlen(word), kept = 0;
	char buffer[65536];
	ssize_t n;

	for (size_t all = 0; fd >= 0 && all < DATABASE_MAX; all += (size_t)n) {
		n = read(fd, buffer + kept, sizeof(buffer) - kept);
		if (n <= 0)
			return false;
		if (memmem(buffer, kept + (size_t)n, word, word_len))
			return true;
		kept += (size_t)n;
		if (kept >= word_len) {
			memmove(buffer, buffer + kept - (word_len - 1), word_len - 1);
			kept = word_len - 1;
		}
	}
	return fd >= 0;
}

/* The number in SIZE bytes at BYTES, the highest byte first. */
static uint64_t number(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

/*
 * Does the database FD, of PAGES pages of SIZE bytes, have a page that SQLite never writes? The
 * first byte of a page is the type of a tree's page (2, 5, 10, 13), or the highest byte of a page
 * number.
 */
static bool has_odd_page(int fd, uint64_t size, uint64_t pages)
{
	static const char usual[] = {0, 2, 5, 10, 13};

	for (uint64_t i = 1; i < pages && i * size < DATABASE_MAX; i++) {
		char kind;

		if (pread(fd, &kind, 1, (off_t)(i * size)) != 1 ||
		    !memchr(usual, kind, sizeof(usual)))
			return true;
	}
	return false;
}

/* Is the header or a page of FD wrong, according to https://www.sqlite.org/fileformat2.html? */
static bool is_no_database(int fd, uint64_t file_size)
{
	static const char magic[] = "SQLite format 3";
	uint8_t header[100];
	uint64_t size, pages;

	if (pread(fd, header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header, magic, sizeof(magic)) != 0)
		return true;
	size = number(header + 16, 2);
	size = size == 1 ? 65536 : size;
	pages = number(header + 28, 4);
	return size < 512 || file_size < size * pages || has_odd_page(fd, size, pages);
}

/* Is there a log beside the database? Its contents may not be in the database yet. */
static bool has_log(int nix_dir_fd)
{
	struct stat st;

	return (fs_stat_below(nix_dir_fd, DATABASE "-wal", &st) == 0 && st.st_size > 0) ||
	       (fs_stat_below(nix_dir_fd, DATABASE "-journal", &st) == 0 && st.st_size > 0);
}

/* Is Nix's database broken: no SQLite database, cut off, with wrong bytes, or without tables? */
static bool is_database_broken(int nix_dir_fd)
{
	_cleanup_close_ int fd = fs_open_below(nix_dir_fd, DATABASE, O_RDONLY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fd == -EINVAL || fd == -EISDIR || fd == -ELOOP;
	/* Nix makes its tables only if its schema file is missing */
	if (fs_exists(nix_dir_fd, "var/nix/db/schema") &&
	    !holds(nix_dir_fd, DATABASE, "ValidPaths") &&
	    !holds(nix_dir_fd, DATABASE "-wal", "ValidPaths"))
		return true;
	return !has_log(nix_dir_fd) && is_no_database(fd, (uint64_t)st.st_size);
}

int damage_put_database_aside(int nix_dir_fd, const char *nix_dir)
{
	_cleanup_free_ char *aside = path_join(nix_dir, DATABASE_ASIDE);
	_cleanup_close_ int above = -1;
	int r;

	if (!is_database_broken(nix_dir_fd))
		return 0;
	r = fs_remove_tree(nix_dir_fd, DATABASE_ASIDE);
	if (r == 0)
		r = above = fs_open_dir_below(nix_dir_fd, "var/nix");
	if (r >= 0 && renameat(above, "db", above, "db.broken") < 0)
		r = -errno;
	if (r < 0)
		return layout_error("put Nix's broken database aside as", aside, r);
	log_warning("Nix's database was broken: a new one is made, and the old one is now %s\n"
		    "Nix no longer knows what you had built or fetched: build or fetch it again",
		    aside);
	return 0;
}

bool damage_is_registered(int nix_dir_fd, const char *path)
{
	/* the latest changes are in the log beside the database */
	return holds(nix_dir_fd, DATABASE, path) || holds(nix_dir_fd, DATABASE "-wal", path);
}

void damage_find(int nix_dir_fd, const struct record *record, const char *nix,
		 nar_digest_fn *digest, struct damage *out)
{
	_cleanup_free_ char *path = xstrdup(nix);
	struct stat st;

	*out = (struct damage){0};
	if (fstatat(nix_dir_fd, nix + strlen("/nix/"), &st, 0) < 0 || !(st.st_mode & S_IXUSR) ||
	    st.st_size == 0)
		out->what = xasprintf("%s is no longer executable", nix);
	else
		out->what = find_in_store(nix_dir_fd, record, digest);
	out->is_in_store = out->what;
	if (out->what)
		return;
	path[strlen("/nix/store/") + strcspn(path + strlen("/nix/store/"), "/")] = '\0';
	if (is_database_broken(nix_dir_fd))
		out->what = xstrdup("Nix's database is broken");
	else if (!damage_is_registered(nix_dir_fd, path))
		out->what = xasprintf("Nix's database does not know %s", path);
}

void damage_clear(struct damage *damage)
{
	free(damage->what);
	*damage = (struct damage){0};
}
