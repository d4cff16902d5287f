#include "unpack/extract_entry.h"

#include "unpack/entry_policy.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Room is checked before files of this size or more, since each check is a system call. */
#define LARGE_FILE ((uint64_t)1 << 20)

/*
 * ARCHIVE_EXTRACT_PERM: the entry gets its mode, which this file has set by then, whatever the
 * umask.
 * Without ARCHIVE_EXTRACT_SECURE_SYMLINKS: for it libarchive looks at each directory of each path
 * by three system calls, three quarters of all that a small file takes. ensure_parents() has looked
 * at them, and nothing that is there becomes a symlink later.
 */
const int extract_entry_flags =
	ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
	ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS | ARCHIVE_EXTRACT_NO_OVERWRITE;

/* Write the contents of ENTRY, whose header was written. */
static int copy_data(struct extraction *x, struct archive_entry *entry, const char *path)
{
	const la_int64_t size = archive_entry_size(entry);
	const void *data;
	la_int64_t offset;
	size_t len;
	int r;

	while ((r = archive_read_data_block(x->in, &data, &len, &offset)) == ARCHIVE_OK) {
		if (offset < 0 || offset > size || len > (uint64_t)(size - offset))
			return extraction_refuse(x, path, "its contents are larger than its size");
		if (archive_write_data_block(x->out, data, len, offset) != ARCHIVE_OK)
			return extraction_write_failed(x, path, archive_errno(x->out),
						       archive_error_string(x->out));
	}
	return r == ARCHIVE_EOF ? 0 : extraction_read_failed(x, path);
}

int extract_entry_write(struct extraction *x, struct archive_entry *entry, const char *path)
{
	/* WARN: this file system cannot keep the time or the mode */
	if (archive_write_header(x->out, entry) < ARCHIVE_WARN)
		return extraction_write_failed(x, path, archive_errno(x->out),
					       archive_error_string(x->out));
	if (archive_entry_size(entry) > 0 && copy_data(x, entry, path) < 0)
		return -1;
	if (archive_write_finish_entry(x->out) < ARCHIVE_WARN)
		return extraction_write_failed(x, path, archive_errno(x->out),
					       archive_error_string(x->out));
	return 0;
}

static int count_entry(struct extraction *x)
{
	if (x->report.entries >= x->limits->entries)
		return extraction_fail(x, EXTRACT_ADVICE_TARBALL, "it holds more than %llu entries",
				       (unsigned long long)x->limits->entries);
	x->report.entries++;
	return 0;
}

/* Does a file of SIZE bytes fit into what is left of the limit and of the file system? */
static int check_room(struct extraction *x, const char *path, la_int64_t size)
{
	struct statvfs st;
	uint64_t want = (uint64_t)size;

	if (size < 0)
		return extraction_refuse(x, path, "its size is negative");
	if (want > x->limits->bytes - x->report.bytes)
		return extraction_too_large(x);
	/* a file system that tells no size (some FUSE) fails when the file is written */
	if (want >= LARGE_FILE && statvfs(".", &st) == 0 && st.f_frsize > 0 && st.f_blocks > 0 &&
	    want / st.f_frsize > st.f_bavail) {
		_cleanup_free_ char *name = text_shown_at_most(path, EXTRACTION_SHOWN);
		_cleanup_free_ char *wanted = str_size(want);
		_cleanup_free_ char *room = str_size(st.f_bavail * st.f_frsize);

		return extraction_fail(x, EXTRACT_ADVICE_SPACE, "entry \"%s\" has %s, %s are free",
				       name, wanted, room);
	}
	x->report.bytes += want;
	return 0;
}

static int refuse_place(struct extraction *x, const char *path, const char *directory)
{
	_cleanup_free_ char *name = text_shown_at_most(path, EXTRACTION_SHOWN);
	_cleanup_free_ char *parent = text_shown_at_most(directory, EXTRACTION_SHOWN);

	return extraction_fail(x, EXTRACT_ADVICE_TARBALL,
			       "entry \"%s\": it lies below \"%s\", which is no directory", name,
			       parent);
}

static int make_parent(struct extraction *x, const char *path)
{
	struct archive_entry *entry = archive_entry_new();
	enum entry_place place;
	int r;

	if (!entry)
		return extraction_fail(x, EXTRACT_ADVICE_NONE, "out of memory");
	/*
	 * the place of PATH was checked when its entry came, and each parent of a valid place is
	 * valid: this cannot fail
	 */
	(void)entry_locate(path, x->top, &place);
	if (place == ENTRY_STORE)
		x->has |= HAS_STORE;
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFDIR);
	archive_entry_set_perm(entry, entry_mode(place, S_IFDIR, 0));
	archive_entry_set_mtime(entry, 1, 0);
	archive_entry_set_atime(entry, 1, 0);
	r = count_entry(x);
	if (r == 0)
		r = extract_entry_write(x, entry, path);
	archive_entry_free(entry);
	return r;
}

/* Make sure that every directory above PATH exists and is a directory; missing ones are made. */
static int ensure_parents(struct extraction *x, const char *path)
{
	const char *last = strrchr(path, '/');
	_cleanup_free_ char *parent = xstrndup(path, last ? (size_t)(last - path) : 0);
	struct stat st;

	/* nothing is ever removed or replaced, so a directory stays one */
	if (x->parent && strcmp(x->parent, parent) == 0)
		return 0;
	for (char *end = parent; last && end;) {
		end = strchr(end, '/');
		if (end)
			*end = '\0';
		if (lstat(parent, &st) < 0) {
			if (errno != ENOENT)
				return extraction_write_failed(x, parent, errno, NULL);
			if (make_parent(x, parent) < 0)
				return -1;
		} else if (!S_ISDIR(st.st_mode)) {
			return refuse_place(x, path, parent);
		}
		if (end)
			*end++ = '/';
	}
	free(x->parent);
	x->parent = steal_ptr(&parent);
	return 0;
}

/* Does the hard link ENTRY lead to an earlier file of the store? Its target is normalised. */
static int check_hardlink(struct extraction *x, struct archive_entry *entry, const char *path,
			  enum entry_place place)
{
	_cleanup_free_ char *target = NULL;
	const char *why = entry_normalise(archive_entry_hardlink(entry), &target);
	enum entry_place there;
	struct stat st;

	if (!why)
		why = entry_locate(target, x->top, &there);
	if (why || place < ENTRY_STORE_PATH || there < ENTRY_STORE_PATH)
		return extraction_refuse(x, path,
					 "it is a hard link that is not from store/ to store/");
	if (archive_entry_size(entry) > 0)
		return extraction_refuse(x, path, "it is a hard link with contents of its own");
	/* through a parent that is no directory, the target could be elsewhere */
	if (ensure_parents(x, target) < 0)
		return -1;
	if (lstat(target, &st) < 0 || !S_ISREG(st.st_mode))
		return extraction_refuse(x, path, "it is a hard link, but not to an earlier file");
	archive_entry_copy_hardlink(entry, target);
	return 0;
}

/* Give ENTRY its name, mode and times in Nix's canonical form, and nothing else. */
static void make_canonical(struct archive_entry *entry, const char *path, enum entry_place place,
			   mode_t type)
{
	archive_entry_copy_pathname(entry, path);
	archive_entry_set_perm(entry, entry_mode(place, type, archive_entry_perm(entry)));
	archive_entry_set_mtime(entry, 1, 0);
	archive_entry_set_atime(entry, 1, 0);
	archive_entry_unset_birthtime(entry);
	archive_entry_unset_ctime(entry);
	if (type != S_IFREG)
		archive_entry_unset_size(entry);
}

/* Note which of the tarball's own parts the entry PATH is. */
static void note_part(struct extraction *x, const char *path, enum entry_place place, mode_t type)
{
	const char *below = strchr(path, '/');

	if (!x->top)
		x->top = xstrndup(path, strcspn(path, "/"));
	if (place == ENTRY_STORE)
		x->has |= HAS_STORE;
	else if (place == ENTRY_BESIDE && type == S_IFREG && strcmp(below, "/install") == 0)
		x->has |= HAS_INSTALL;
	else if (place == ENTRY_BESIDE && type == S_IFREG && strcmp(below, "/.reginfo") == 0)
		x->has |= HAS_REGINFO;
}

int extract_entry(struct extraction *x, struct archive_entry *entry)
{
	const char *given = archive_entry_pathname(entry);
	mode_t type = archive_entry_hardlink(entry) ? S_IFREG : archive_entry_filetype(entry);
	_cleanup_free_ char *path = NULL;
	enum entry_place place;
	struct stat st;
	const char *why = given ? entry_normalise(given, &path) : "its name cannot be read";

	if (!why)
		why = entry_locate(path, x->top, &place);
	if (!why)
		why = entry_check_type(place, type);
	if (why)
		return extraction_refuse(x, given ? given : "?", why);
	if (place == ENTRY_ROOT)
		return 0;
	note_part(x, path, place, type);
	if (ensure_parents(x, path) < 0)
		return -1;
	if (archive_entry_hardlink(entry) && check_hardlink(x, entry, path, place) < 0)
		return -1;
	if (lstat(path, &st) == 0) {
		/*
		 * a directory may occur twice: its place decides its form, so the second entry
		 * changes nothing
		 */
		if (S_ISDIR(st.st_mode) && type == S_IFDIR)
			return 0;
		return extraction_refuse(x, path, "it is there twice");
	}
	if (errno != ENOENT)
		return extraction_write_failed(x, path, errno, NULL);
	if (count_entry(x) < 0)
		return -1;
	if (type == S_IFREG && check_room(x, path, archive_entry_size(entry)) < 0)
		return -1;
	make_canonical(entry, path, place, type);
	return extract_entry_write(x, entry, path);
}
