#include "home/startup_files.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

/* A startup file has a page or two. A much larger one is cleaned all the same. */
#define STARTUP_FILE_MAX (1 << 30)

static bool contains(const char *text, size_t len, const char *word)
{
	return memmem(text, len, word, strlen(word)) != NULL;
}

/* Is LINE what "nix-channel --add" of the script writes to the list of channels? */
static bool is_channel(const char *line, size_t len)
{
	static const char channel[] = "https://nixos.org/channels/nixpkgs-unstable nixpkgs";

	return len == sizeof(channel) - 1 && memcmp(line, channel, len) == 0;
}

/* Is LINE, without its newline, one that the script adds? */
static bool is_ours(const char *line, size_t len)
{
	static const char marker[] = "# added by Nix installer";
	size_t marker_len = sizeof(marker) - 1;

	if (is_channel(line, len))
		return true;
	return len >= marker_len && memcmp(line + len - marker_len, marker, marker_len) == 0 &&
	       (contains(line, len, "profile/etc/profile.d/nix.sh") ||
		contains(line, len, "profile/etc/profile.d/nix.fish"));
}

/* Is LINE, without its newline, one of our own? */
static bool has_mark(const char *line, size_t len)
{
	static const char mark[] = STARTUP_MARK;

	return len >= sizeof(mark) - 1 &&
	       memcmp(line + len - (sizeof(mark) - 1), mark, sizeof(mark) - 1) == 0;
}

/* The length of the line at TEXT, without its newline. */
static size_t line_length(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	return end ? (size_t)(end - text) : len;
}

const char *startup_text_line(const char *text, size_t len, size_t *out_len)
{
	for (size_t at = 0; at < len;) {
		size_t line = line_length(text + at, len - at);

		*out_len = line;
		if (is_ours(text + at, line))
			return text + at;
		at += line + 1;
	}
	return NULL;
}

/* Are the first USED bytes of OUT an empty line, or do they end with one? */
static bool ends_with_empty_line(const char *out, size_t used)
{
	return used > 0 && out[used - 1] == '\n' && (used == 1 || out[used - 2] == '\n');
}

char *startup_text_without_line(const char *text, size_t len, size_t *out_len)
{
	char *out = xcalloc(len + 1, 1);
	size_t used = 0;

	for (size_t at = 0; at < len;) {
		size_t line = line_length(text + at, len - at);
		size_t whole = line + (at + line < len);

		if (!is_ours(text + at, line)) {
			memcpy(out + used, text + at, whole);
			used += whole;
		} else if (!is_channel(text + at, line) &&
			   (ends_with_empty_line(out, used) || (used > 0 && at + whole == len))) {
			used--;
		}
		at += whole;
	}
	out[used] = '\0';
	*out_len = used;
	return out;
}

int startup_file_has_line(const char *path, struct sha256 *digest)
{
	_cleanup_free_ char *text = NULL;
	const char *line;
	size_t len, line_len;
	int r = fs_read_file(AT_FDCWD, path, STARTUP_FILE_MAX, &text, &len);

	/* a link that leads nowhere, a device, a directory: no line was added to that */
	if (r == -ENOENT || r == -ENOTDIR || r == -EINVAL || r == -EISDIR || r == -ENXIO)
		return 0;
	if (r < 0)
		return r;
	line = startup_text_line(text, len, &line_len);
	if (!line)
		return 0;
	r = digest ? sha256_of_bytes(line, line_len, digest) : 0;
	return r < 0 ? r : 1;
}

/* Write the file NAME anew, with the mode and, if this user may, the owner of OLD. */
static int replace(int dir, const char *name, const struct stat *old, const char *data, size_t len)
{
	_cleanup_free_ char *fresh = xasprintf("%s.nix-user-chroot-new", name);
	_cleanup_close_ int fd = -1;
	int r;

	unlinkat(dir, fresh, 0);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fs_write_all(fd, data, len);
	/* the mode after the owner: chown(2) clears setuid bits */
	if (r == 0 && (old->st_uid != geteuid() || old->st_gid != getegid()))
		r = fchown(fd, old->st_uid, old->st_gid) < 0 ? -errno : 0;
	if (r == 0 && (fchmod(fd, old->st_mode & 07777) < 0 || fsync(fd) < 0 ||
		       renameat(dir, fresh, dir, name) < 0))
		r = -errno;
	if (r == 0)
		return fs_sync_dir(dir, ".");
	unlinkat(dir, fresh, 0);
	return r;
}

/* TEXT without lines of our own, including all newlines that were added with them. */
static char *without_own_line(const char *text, size_t len, size_t *out_len)
{
	char *out = xcalloc(len + 1, 1);
	size_t used = 0;

	for (size_t at = 0; at < len;) {
		size_t line = line_length(text + at, len - at);
		size_t whole = line + (at + line < len);

		if (!has_mark(text + at, line)) {
			memcpy(out + used, text + at, whole);
			used += whole;
		}
		at += whole;
	}
	*out_len = used;
	return out;
}

typedef char *(*cleaner)(const char *text, size_t len, size_t *out_len);

static int clean(const char *path, bool remove_empty, cleaner cleaned)
{
	_cleanup_free_ char *real = realpath(path, NULL), *text = NULL, *rest = NULL;
	_cleanup_free_ char *above = real ? path_parent(real) : NULL;
	_cleanup_close_ int dir = -1;
	size_t len, rest_len;
	struct stat st;
	int r;

	if (!real)
		return errno == ENOENT ? 0 : -errno;
	dir = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = fs_read_file(AT_FDCWD, real, STARTUP_FILE_MAX, &text, &len);
	if (r < 0)
		return r;
	rest = cleaned(text, len, &rest_len);
	if (rest_len == len)
		return 0;
	if (lstat(path, &st) < 0)
		return -errno;
	/* a link was made by the user, so it stays */
	if (remove_empty && rest_len == 0 && S_ISREG(st.st_mode))
		return unlink(path) < 0 ? -errno : 0;
	return stat(real, &st) < 0 ? -errno
				   : replace(dir, strrchr(real, '/') + 1, &st, rest, rest_len);
}

int startup_file_clean(const char *path, bool remove_empty)
{
	return clean(path, remove_empty, startup_text_without_line);
}

int startup_file_clean_own(const char *path, bool remove_empty)
{
	return clean(path, remove_empty, without_own_line);
}

/*
 * Does TEXT hold nothing but the script's line? True for an empty TEXT too: the script may have
 * been killed before it wrote the line.
 */
static bool is_of_script(const char *text, size_t len)
{
	size_t rest_len;
	_cleanup_free_ char *rest = startup_text_without_line(text, len, &rest_len);

	return rest && rest_len == 0;
}

bool startup_file_is_users(const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, STARTUP_FILE_MAX, &text, &len);

	return r < 0 ? r != -ENOENT && r != -ENOTDIR : !is_of_script(text, len);
}

static bool is_writable(const char *path)
{
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

bool startup_file_fish_is_free(const char *path)
{
	_cleanup_free_ char *conf_d = path_parent(path), *fish = path_parent(conf_d);
	struct stat st;

	if (stat(fish, &st) < 0 || !S_ISDIR(st.st_mode))
		return true;
	/* a link that leads nowhere, perhaps to a missing directory */
	if (fs_exists(AT_FDCWD, path))
		return stat(path, &st) == 0 && S_ISREG(st.st_mode) && is_writable(path);
	return is_writable(fs_exists(AT_FDCWD, conf_d) ? conf_d : fish);
}

int startup_file_keep(const char *path, int dir, const char *copy)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = startup_file_put_back(path, dir, copy);

	if (r < 0)
		return r;
	r = fs_read_file(AT_FDCWD, path, STARTUP_FILE_MAX, &text, &len);
	if (r == -ENOENT || r == -ENOTDIR || (r == 0 && is_of_script(text, len)))
		return 0;
	return r < 0 ? r : fs_replace_file(dir, copy, text, len, 0600);
}

/* Write DATA to the file PATH, or to the file that the link PATH leads to. */
static int rewrite(const char *path, const char *data, size_t len)
{
	_cleanup_free_ char *real = realpath(path, NULL), *above = real ? path_parent(real) : NULL;
	_cleanup_close_ int dir = real ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (dir < 0 || stat(real, &st) < 0)
		return -errno;
	return replace(dir, strrchr(real, '/') + 1, &st, data, len);
}

int startup_file_put_back(const char *path, int dir, const char *copy)
{
	_cleanup_free_ char *kept = NULL, *text = NULL;
	size_t kept_len, len;
	int r = fs_read_file(dir, copy, STARTUP_FILE_MAX, &kept, &kept_len);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	r = fs_read_file(AT_FDCWD, path, STARTUP_FILE_MAX, &text, &len);
	if (r == 0 && is_of_script(text, len))
		r = rewrite(path, kept, kept_len);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return r;
	return unlinkat(dir, copy, 0) < 0 ? -errno : 0;
}

/*
 * Call MATCHES for each line of the file PATH until it returns true: 1 then, else 0, or a negative
 * errno.
 */
static int find_line(const char *path, bool (*matches)(const char *line, size_t len, void *ctx),
		     void *ctx)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, STARTUP_FILE_MAX, &text, &len);

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	for (size_t at = 0; at < len;) {
		size_t line = line_length(text + at, len - at);

		if (matches(text + at, line, ctx))
			return 1;
		at += line + 1;
	}
	return 0;
}

static bool is_text(const char *line, size_t len, void *ctx)
{
	const char *text = ctx;

	return len == strlen(text) && memcmp(line, text, len) == 0;
}

int startup_file_has_text(const char *path, const char *text)
{
	return find_line(path, is_text, (void *)(uintptr_t)text);
}

static bool digest_own(const char *line, size_t len, void *ctx)
{
	return has_mark(line, len) && sha256_of_bytes(line, len, ctx) == 0;
}

int startup_file_has_own_line(const char *path, struct sha256 *digest)
{
	return find_line(path, digest_own, digest);
}

int startup_file_can_change(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL), *above = path_parent(real ? real : path);
	struct stat st;

	if (!real && (errno != ENOENT || fs_exists(AT_FDCWD, path)))
		return -errno;
	/* the directory is opened, to sync it */
	if (faccessat(AT_FDCWD, above, R_OK | W_OK | X_OK, AT_EACCESS) < 0)
		return -errno;
	if (!real)
		return 0;
	if (stat(real, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* root could write it all the same, but somebody made it read-only on purpose */
	if (!(st.st_mode & 0222))
		return -EACCES;
	return is_writable(real) ? 0 : -errno;
}

int startup_file_put_text(const char *path, const char *text)
{
	_cleanup_free_ char *old = NULL, *fresh = NULL, *above = path_parent(path);
	_cleanup_close_ int dir = -1;
	size_t len = 0, first = 0, line = strlen(text);
	int r = startup_file_can_change(path);

	if (r < 0)
		return r;
	r = fs_read_file(AT_FDCWD, path, STARTUP_FILE_MAX, &old, &len);
	if (r < 0 && r != -ENOENT)
		return r;
	if (old && startup_file_has_text(path, text) == 1)
		return 0;
	if (len > 2 && memcmp(old, "#!", 2) == 0 && memchr(old, '\n', len))
		first = line_length(old, len) + 1;
	fresh = xcalloc(len + line + 2, 1);
	if (old)
		memcpy(fresh, old, first);
	memcpy(fresh + first, text, line);
	fresh[first + line] = '\n';
	if (old)
		memcpy(fresh + first + line + 1, old + first, len - first);
	if (old)
		return rewrite(path, fresh, len + line + 1);
	dir = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno
		       : fs_replace_file(dir, strrchr(path, '/') + 1, fresh, len + line + 1, 0644);
}
