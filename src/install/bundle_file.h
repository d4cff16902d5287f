/* The file that --bundle writes. It gets its name only when it is whole and on the disk. */
#ifndef INSTALL_BUNDLE_FILE_H
#define INSTALL_BUNDLE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct bundle_file {
	char *path; /* as typed; if it is a link, what that leads to */
	int dir_fd; /* the directory of the file */
	char *name;
	char *temporary; /* a name that the file may have until it is whole */
	int fd;		 /* the file, for writing; -1: not begun */
};

#define BUNDLE_FILE_NONE                 \
	{                                \
		NULL, -1, NULL, NULL, -1 \
	}

/*
 * Find the place of the file OUT; changes nothing. An existing regular file will be replaced;
 * anything else there is refused. Returns 0, or -1 after a message; FILE is for bundle_file_clear()
 * in both cases.
 */
int bundle_file_find(const char *out, struct bundle_file *file);

/*
 * Begin the file, without a name if the file system can do that (O_TMPFILE). 0, or -1 after a
 * message.
 */
int bundle_file_begin(struct bundle_file *file);

/* Add LEN bytes: 0, or -1 after a message. */
int bundle_file_write(struct bundle_file *file, const void *data, size_t len);

/* Cut the file after SIZE bytes, where the next write continues: 0, or -1 after a message. */
int bundle_file_cut(struct bundle_file *file, uint64_t size);

/*
 * Everything is written: make the file executable for everybody, flush it to disk, and give it its
 * name. 0, or -1 after a message.
 */
int bundle_file_put(struct bundle_file *file);

/* Remove the temporary name that a killed process may have left; silent. */
void bundle_file_tidy(const struct bundle_file *file);

void bundle_file_clear(struct bundle_file *file);

#endif
