/*
 * NAME.part, the file that a download grows in, and NAME.part.state beside it: the URL that it came
 * from and the validator (RFC 9110, 8.8) of its server, so that a later run can continue it.
 *
 * NAME.part is locked while it is open. Where it cannot be (another process has it, a file system
 * without locks), a file without a name takes its place: it cannot be continued by anyone, and is
 * gone when it is closed or the process killed. The same where somebody else could change the bytes
 * after their digest was taken: the directory is not ours, or its group or others may write to it
 * (a private group's bit, of an umask of 002, cannot be told from another's), or NAME.part itself
 * is another's. One that is ours but was writable to others, or has a second name, is made anew.
 */
#ifndef FETCH_PART_FILE_H
#define FETCH_PART_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part_file {
	int fd;		 /* read and write, locked */
	int read_fd;	 /* the same file, read-only, an offset of its own */
	int dirfd;	 /* a duplicate */
	char *name;	 /* "NAME.part", or NULL where it has none */
	char *path;	 /* for messages */
	uint64_t size;	 /* bytes in it */
	char *url;	 /* where those came from; NULL: not known */
	char *validator; /* for If-Range: an ETag with its quotes, or a date; NULL: none */
};

#define PART_FILE_NONE                               \
	{                                            \
		.fd = -1, .read_fd = -1, .dirfd = -1 \
	}

/*
 * Open or create NAME.part (0600) in DIRFD, whose path is DIR, with what its state file says.
 * Returns 0, or -1 after it has said why. PART is for part_file_close() in both cases.
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

/* All is written: have the file system say now if it could not. 0, or -1 after it has said why. */
int part_file_flush(const struct part_file *part);

/* Is something in it that a later try can continue? */
bool part_file_can_resume(const struct part_file *part);

/* Remove NAME.part and its state. */
void part_file_remove(const struct part_file *part);

void part_file_close(struct part_file *part);

#endif
