/*
 * NAME.part, the file in which a download grows, and NAME.part.state beside it: the URL that it
 * came from and the validator (RFC 9110, 8.8) of its server, so that a later run can continue it.
 *
 * The caller holds a lock on the directory, so that no other process downloads into it. Bytes that
 * are found there are trusted as little as bytes from a network: the digest of the whole decides.
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
	uint64_t size;	 /* bytes in the file */
	char *source;	 /* where the bytes came from: url_shown(); NULL: unknown */
	char *validator; /* for If-Range: an ETag with its quotes, or a date; NULL: none */
};

#define PART_FILE_NONE    \
	{                 \
		.fd = -1, \
	}

/*
 * Open or create NAME.part (0600) in DIRFD, whose path is DIR, and read its state file. Whatever is
 * there and is no regular file, belongs to another user or has a second name is removed, never
 * followed or written to. Returns 0, or -1 after a message. PART is for part_file_close() in both
 * cases.
 */
int part_file_open(struct part_file *part, int dirfd, const char *dir, const char *name);

/*
 * Empty the file: its bytes will come from URL, whose server gives it the VALIDATOR (NULL: it
 * cannot be resumed). If the state cannot be written to disk, it is kept for this run alone.
 * Returns 0, or -1 after a message.
 */
int part_file_restart(struct part_file *part, const char *url, const char *validator);

/*
 * Add LEN bytes. Returns 0, or -1 after a message; TOTAL, if not 0, is the size that the file will
 * have.
 */
int part_file_write(struct part_file *part, const void *data, size_t len, uint64_t total);

/* Is there room for the file to grow to TOTAL bytes? Returns 0, or -1 after a message. */
int part_file_check_room(const struct part_file *part, uint64_t total);

/*
 * All is written: let the file system report now if a write failed. Returns a read-only descriptor
 * of the file at offset 0, the caller's; or -1 after a message.
 */
int part_file_finish(const struct part_file *part);

/*
 * Does the file hold bytes that a later try can continue, and are they from URL (NULL: from
 * anywhere)?
 */
bool part_file_can_resume(const struct part_file *part, const char *url);

/* Remove the file NAME.part and its state from DIRFD, silently. */
void part_file_remove(int dirfd, const char *name);

void part_file_close(struct part_file *part);

#endif
