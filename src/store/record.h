/*
 * The record: everything that an installation has made, written down before it is made, so that a
 * rerun knows what is half done and --uninstall knows what to take back.
 *
 * One text file in the Nix directory. Its first line names the format; each other line is a word
 * and what belongs to it, of which the bytes up to the blank, '%' and DEL are written %XX:
 *
 *   dir PATH              a directory that --install made
 *   absent PATH           was not there before: Nix or its install script may have made it
 *   foreign PATH          the store, where it held store paths of somebody else's before
 *   link PATH TARGET      a symlink
 *   file PATH SHA256      a file with these contents
 *   line PATH [SHA256]    a line that the install script added to a startup file (the digest of
 *                         the line); without a digest it was about to be added
 *   source PATH SHA256    a line of our own in a startup file (the digest of the line)
 *   store NAME [SHA256]   a store path of the release (the digest of its NAR, store/nar.h)
 *   runtime NAME          by which it was installed (util/runtime.h); "direct" decides later calls
 *   was PATH TARGET       a symlink of another Nix's that was there before, in the way of one that
 *                         Nix makes: --uninstall makes it again
 *   begun                 from here on the store was changed
 *   complete VERSION SYSTEM SHA256 SOURCE   all of it is in place: this release, from this URL
 *
 * The last of "begun" and "complete" tells which it is. Paths are absolute.
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
	char *version; /* of Nix; NULL: the tarball's name did not tell */
	char *system;
	char *source; /* the tarball's URL */
	struct sha256 sha256;
};

struct record {
	struct record_entry *entries; /* in the order in which they were written */
	size_t count;
	bool is_begun;	  /* the store was changed after the last time that all was complete */
	bool is_complete; /* all is in place, as RELEASE says */
	struct record_release release;
	uid_t owner; /* of the file that it was read from */
	int fd;	     /* for record_note(); -1: it was only read */
};

#define RECORD_NONE      \
	{                \
		.fd = -1 \
	}

/*
 * Read TEXT (LEN bytes of any kind) into *OUT, the caller's to clear. A line of an unknown kind, an
 * odd number of words, a path that is not absolute, a name that is no store path's, or a last line
 * without its newline is refused: of a record that is not understood nothing is believed.
 * Returns 0, or -EBADMSG with *OUT empty.
 */
int record_parse(const char *text, size_t len, struct record *out);

/* The text of RECORD; the caller frees. */
char *record_format(const struct record *record);

/*
 * The record of the Nix directory NIX_DIR_FD: 0 with *OUT the caller's to clear, -ENOENT, -EBADMSG
 * or another negative errno.
 */
int record_read(int nix_dir_fd, struct record *out);

/*
 * The same, to be written to: one that is not there, or that cannot be understood, is begun anew. 0
 * or a negative errno. Whoever calls this holds the lock.
 */
int record_open(int nix_dir_fd, struct record *out);

/*
 * Write down an entry that RECORD, from record_open(), does not have yet. One with another value
 * stays beside it: until the deed is done either may be true. 0 or a negative errno.
 */
int record_note(struct record *record, enum record_kind kind, const char *subject,
		const char *value);

/* Everything noted is on disk, and a rerun will find the store changed. 0 or a negative errno. */
int record_begin(struct record *record);

/* Drop an entry, or the one with the index I, from what record_complete() writes. */
void record_forget_entry(struct record *record, size_t i);
void record_forget(struct record *record, enum record_kind kind, const char *subject,
		   const char *value);

/*
 * The installation is complete: of the store paths those in NAMES alone stay in the record, which
 * is replaced as a whole, and on disk when 0 is returned; else a negative errno.
 */
int record_complete(struct record *record, int nix_dir_fd, const struct record_release *release,
		    const struct strlist *names);

/* Replace the file by what RECORD says now, all of it on disk. 0 or a negative errno. */
int record_write(const struct record *record, int nix_dir_fd);

bool record_has(const struct record *record, enum record_kind kind, const char *subject,
		const char *value);

/* The entry of the store path NAME that was written last; NULL: there is none. */
const struct record_entry *record_store_path(const struct record *record, const char *name);

/*
 * Was PATH not there before the first installation? By this name, or by another one of the
 * directory that it is in, for HOME may be written in more than one way.
 */
bool record_says_new(const struct record *record, const char *path);

/* The same comparison for one entry: is PATH its subject? */
bool record_is_about(const struct record_entry *entry, const char *path);

/* Was there a store of somebody else's before? */
bool record_is_adopted(const struct record *record);

/* Remove the record's file; silent. */
void record_remove(int nix_dir_fd);

void record_clear(struct record *record);

#endif
