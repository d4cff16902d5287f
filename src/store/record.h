/*
 * The record: a line for everything that an installation makes, written before it is made. It tells
 * a rerun what is half done, and --uninstall what to remove.
 *
 * One text file in the Nix directory. The first line names the format. Each other line is a word
 * and its fields, in which bytes up to the blank, '%' and DEL are written as %XX:
 *
 *   dir PATH              a directory that --install made
 *   absent PATH           did not exist before: Nix or its install script may have made it
 *   foreign PATH          the store, if it held store paths of somebody else before
 *   link PATH TARGET      a symlink
 *   file PATH SHA256      a file with these contents
 *   line PATH [SHA256]    a line that the install script added to a startup file (the digest of
 *                         the line); without a digest it was about to be added
 *   source PATH SHA256    a line of our own in a startup file (the digest of the line)
 *   store NAME [SHA256]   a store path of the release (the digest of its NAR, store/nar.h)
 *   runtime NAME          of the installation (util/runtime.h); "direct" decides for later calls
 *   was PATH TARGET       a symlink of another Nix that was in the way of one that Nix makes:
 *                         --uninstall makes it again
 *   begun                 from here on the store was changed
 *   complete VERSION SYSTEM SHA256 SOURCE   everything is in place: this release, from this URL
 *
 * The last line "begun" or "complete" decides. Paths are absolute.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "util/sha256.h"
#include "util/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum record_kind {
	RECORD_DIR,
	RECORD_ABSENT,
	RECORD_FOREIGN,
	RECORD_LINK,
	RECORD_FILE,
	RECORD_LINE,
	RECORD_SOURCE,
	RECORD_STORE,
	RECORD_RUNTIME,
	RECORD_WAS,
	RECORD_KINDS,
};

struct record_entry {
	enum record_kind kind;
	char *subject; /* the path, or the name of the store path or the runtime */
	char *value;   /* target or digest (64 hex digits); NULL: none */
};

/* What was installed. */
struct record_release {
	char *version; /* of Nix; NULL: the tarball's name does not tell it */
	char *system;
	char *source; /* the tarball's URL */
	struct sha256 sha256;
};

struct record {
	struct record_entry *entries; /* in the order in which they were written */
	size_t count;
	bool is_begun;	  /* the store was changed since everything was complete */
	bool is_complete; /* everything is in place, as RELEASE says */
	struct record_release release;
	uid_t owner; /* of the file that was read */
	int fd;	     /* for record_note(); -1: the record was only read */
};

#define RECORD_NONE      \
	{                \
		.fd = -1 \
	}

/*
 * Parse TEXT (LEN bytes of any value) into *OUT, the caller's to clear. A line of an unknown kind,
 * a wrong number of fields, a path that is not absolute, an invalid store path name, or a last line
 * without newline is refused: nothing is believed of a record that is not understood. Returns 0, or
 * -EBADMSG with *OUT empty.
 */
int record_parse(const char *text, size_t len, struct record *out);

/* The text of RECORD; the caller frees. */
char *record_format(const struct record *record);

/*
 * Read the record of the Nix directory NIX_DIR_FD: 0 with *OUT the caller's to clear, -ENOENT,
 * -EBADMSG or another negative errno.
 */
int record_read(int nix_dir_fd, struct record *out);

/*
 * The same, for writing: a record that does not exist or cannot be understood is begun anew. 0 or a
 * negative errno. The caller holds the lock.
 */
int record_open(int nix_dir_fd, struct record *out);

/*
 * Write an entry that RECORD, from record_open(), does not have yet. An entry with another value
 * stays as well: until the deed is done, either may be true. 0 or a negative errno.
 */
int record_note(struct record *record, enum record_kind kind, const char *subject,
		const char *value);

/*
 * Flush everything noted to disk, with the note that the store is being changed. 0 or a negative
 * errno.
 */
int record_begin(struct record *record);

/* Drop an entry, or the entry with the index I, so that record_complete() does not write it. */
void record_forget_entry(struct record *record, size_t i);
void record_forget(struct record *record, enum record_kind kind, const char *subject,
		   const char *value);

/*
 * Record that the installation is complete. Only the store paths in NAMES stay in the record, which
 * is replaced as a whole and is on disk when 0 is returned; else a negative errno.
 */
int record_complete(struct record *record, int nix_dir_fd, const struct record_release *release,
		    const struct strlist *names);

/* Replace the file by the present contents of RECORD, on disk. 0 or a negative errno. */
int record_write(const struct record *record, int nix_dir_fd);

bool record_has(const struct record *record, enum record_kind kind, const char *subject,
		const char *value);

/* The newest entry of the store path NAME; NULL: none. */
const struct record_entry *record_store_path(const struct record *record, const char *name);

/*
 * Was PATH missing before the first installation? PATH may be written in another way than in the
 * record, as HOME may.
 */
bool record_says_new(const struct record *record, const char *path);

/* Is PATH the subject of ENTRY, by the same comparison? */
bool record_is_about(const struct record_entry *entry, const char *path);

/* Was there a store of somebody else before? */
bool record_is_adopted(const struct record *record);

/* Remove the record's file, silently. */
void record_remove(int nix_dir_fd);

void record_clear(struct record *record);

#endif
