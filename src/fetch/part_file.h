/*
 * NAME.part, the file that a download grows in, and NAME.part.state beside it: the URL that it came
 * from and the validator (RFC 9110, 8.8) of its server, so that a later run can continue it.
 *
 * The caller has a lock on the directory, so that nobody else downloads into it. The bytes that are
 * found there are trusted no more than those of a network: the digest of the whole decides.
 */
#ifndef FETCH_PART_FILE_H
#define FETCH_PART_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part_file {
	int fd;		 /* read and write */
	int dirfd;	 /* the caller's */
	char *name;	 /* "NAME.part" */
	char *path;	 /* for messages */
	uint64_t size;	 /* bytes in it */
	char *source;	 /* where those came from: url_shown(); NULL: not known */
	char *validator; /* for If-Range: an ETag with its quotes, or a date; NULL: none */
};

#define PART_FILE_NONE    \
	{                 \
		.fd = -1, \
	}

/*
 * Open or create NAME.part (0600) in DIRFD, whose path is DIR, with what its state file says. What
 * is there and is no regular file, is another user's or has a second name is removed, never
 * followed or written to. Returns 0, or -1 after it has said why. PART is for part_file_close() in
 * both cases.
 */
int part_file_open(struct part_file *part, int dirfd, const char *dir, const char *name);

/*
 * Empty it: its bytes will come from URL, whose server calls them VALIDATOR (NULL: it cannot be
 * resumed). A state that cannot be kept on disk is kept for this run alone.
 * Returns 0, or -1 after it has said why.
 */
int part_file_restart(struct part_file *part, const char *url, const char *validator);

/*
 * Add LEN bytes. Returns 0, or -1 after it has said why; TOTAL, where it is not 0, tells how many
 * bytes the file should get.
 */
int part_file_write(struct part_file *part, const void *data, size_t len, uint64_t total);

/* Is there room for its growing to TOTAL bytes? Returns 0, or -1 after it has said what lacks. */
int part_file_check_room(const struct part_file *part, uint64_t total);

/*
 * All is written: have the file system say now if it could not. Returns a descriptor of the file
 * that is read-only, at offset 0, and the caller's; or -1 after it has said why.
 */
int part_file_finish(const struct part_file *part);

/* Is something in it that a later try can continue, and is that from URL (NULL: from anywhere)? */
bool part_file_can_resume(const struct part_file *part, const char *url);

/* Remove NAME.part, the file of that very name, and its state from DIRFD. Silent. */
void part_file_remove(int dirfd, const char *name);

void part_file_close(struct part_file *part);

#endif
