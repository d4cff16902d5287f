/*
 * The file that --bundle writes: it appears by its name when it is whole and on the disk, or not at
 * all.
 */
#ifndef INSTALL_BUNDLE_FILE_H
#define INSTALL_BUNDLE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct bundle_file {
	char *path; /* as typed, but links followed where there is one */
	int dir_fd; /* the directory that it is in */
	char *name;
	char *temporary; /* the name that it may have meanwhile */
	int fd;		 /* to write to; -1: not begun */
};

#define BUNDLE_FILE_NONE                 \
	{                                \
		NULL, -1, NULL, NULL, -1 \
	}

/*
 * Find where OUT is to be; changes nothing. A file that is there will be replaced, another thing is
 * refused. Returns 0, or -1 after a message; FILE is for bundle_file_clear() in both cases.
 */
int bundle_file_find(const char *out, struct bundle_file *file);

/* Begin it, by a descriptor without a name where the file system has such. 0, or -1 after a
 * message. */
int bundle_file_begin(struct bundle_file *file);

/* Add LEN bytes: 0, or -1 after a message. */
int bundle_file_write(struct bundle_file *file, const void *data, size_t len);

/* Forget what is behind the first SIZE bytes, and go on there: 0, or -1 after a message. */
int bundle_file_cut(struct bundle_file *file, uint64_t size);

/* All is written: a program that all may run, at its place. 0, or -1 after a message. */
int bundle_file_put(struct bundle_file *file);

/* Take away what the process that wrote it may have left; silent. */
void bundle_file_tidy(const struct bundle_file *file);

void bundle_file_clear(struct bundle_file *file);

#endif
