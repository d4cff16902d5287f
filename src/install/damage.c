#include "install/damage.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE "var/nix/db/db.sqlite"

/* Of a database this much is looked at; a release is registered at its beginning. */
#define DATABASE_MAX (64 << 20)

/* Is there a program in the directory BELOW, or none that is lost? */
static bool has_programs(int nix_dir_fd, const char *below)
{
	int fd = fs_open_dir_below(nix_dir_fd, below);
	_cleanup_closedir_ DIR *dir = fs_list_fd(fd);
	const struct dirent *entry;
	bool is_lost = false;
	struct stat st;

	while (dir && (entry = fs_next_entry(dir))) {
		/* busybox has one program and some hundred links to it */
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

/* A store path of RECORD whose programs are lost; the caller frees. NULL: there is none. */
static char *find_in_store(int nix_dir_fd, const struct record *record)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];
		_cleanup_free_ char *bin = xasprintf("store/%s/bin", entry->subject);

		if (entry->kind == RECORD_STORE && !has_programs(nix_dir_fd, bin))
			return xasprintf("/nix/%s has no programs any more", bin);
	}
	return NULL;
}

bool damage_is_in_store(int nix_dir_fd, const struct record *record)
{
	_cleanup_free_ char *what = find_in_store(nix_dir_fd, record);

	return what;
}

/* Does the file NAME, SQLite's, hold WORD? Its text is there as it is. */
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

bool damage_is_registered(int nix_dir_fd, const char *path)
{
	/* what was written last is in the log beside it */
	return holds(nix_dir_fd, DATABASE, path) || holds(nix_dir_fd, DATABASE "-wal", path);
}

void damage_find(int nix_dir_fd, const struct record *record, const char *nix, struct damage *out)
{
	_cleanup_free_ char *path = xstrdup(nix);
	struct stat st;

	*out = (struct damage){0};
	if (fstatat(nix_dir_fd, nix + strlen("/nix/"), &st, 0) < 0 || !(st.st_mode & S_IXUSR) ||
	    st.st_size == 0)
		out->what = xasprintf("%s is no program any more", nix);
	else
		out->what = find_in_store(nix_dir_fd, record);
	out->is_in_store = out->what;
	if (out->what)
		return;
	path[strlen("/nix/store/") + strcspn(path + strlen("/nix/store/"), "/")] = '\0';
	if (!damage_is_registered(nix_dir_fd, path))
		out->what = xasprintf("Nix's database does not know %s", path);
}

void damage_clear(struct damage *damage)
{
	free(damage->what);
	*damage = (struct damage){0};
}
