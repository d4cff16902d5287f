/*
 * What extract.c (the archive) and extract_entry.c (one entry of it) share: the state of one
 * unpacking, in the confined child.
 */
#ifndef UNPACK_EXTRACT_ENTRY_H
#define UNPACK_EXTRACT_ENTRY_H

#include "unpack/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One read from the archive; a pipe holds as much. */
#define EXTRACT_BLOCK ((size_t)64 << 10)
/* How much of a foreign name or text a message shows. */
#define EXTRACT_SHOWN 200

enum { HAS_INSTALL = 1, HAS_REGINFO = 2, HAS_STORE = 4 };

struct extract {
	const struct unpack_limits *limits;
	struct archive *in, *out;
	char *top;	      /* NULL until it is known */
	char *parent;	      /* the directory that was seen to be one last */
	unsigned has;	      /* HAS_… */
	uint64_t taken, told; /* bytes of the archive read, and reported */
	bool over_limit;      /* why read_block() failed: filters put errors of their own over it */
	int read_errno;	      /* the same */
	struct extract_report report;
	char block[EXTRACT_BLOCK];
};

/* Put the words of a failure into X's report; the first line of what the user reads. Returns -1. */
int extract_fail(struct extract *x, enum extract_advice advice, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same where X->in failed, in the entry PATH or (NULL) between two. */
int extract_read_failed(struct extract *x, const char *path);

/* The same where PATH could not be written: ERR is the errno, or 0 or less where only TEXT tells.
 */
int extract_write_failed(struct extract *x, const char *path, int err, const char *text);

/* The same where the limit of bytes is passed. */
int extract_too_large(struct extract *x);

/* How X->out is to be set up: archive_write_disk_set_options(3). */
int extract_write_flags(void);

/*
 * Make ENTRY, which X->in has just read the header of, below the working directory, if it is one
 * that entry_policy.h and what lies there already allow. Returns 0, or -1 with the report's words.
 */
int extract_entry(struct extract *x, struct archive_entry *entry);

#endif
