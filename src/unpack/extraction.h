/*
 * The state of one unpacking in the confined child, and the words of its failures.
 */
#ifndef UNPACK_EXTRACTION_H
#define UNPACK_EXTRACTION_H

#include "unpack/extract_report.h"
#include "unpack/limits.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One read from the archive; a pipe holds as much. */
#define EXTRACTION_BLOCK ((size_t)64 << 10)
/* How many bytes of a foreign name or text a message shows. */
#define EXTRACTION_SHOWN 200

enum { HAS_INSTALL = 1, HAS_REGINFO = 2, HAS_STORE = 4 };

struct extraction {
	const struct unpack_limits *limits;
	struct archive *in, *out;
	char *top;	      /* NULL until it is known */
	char *parent;	      /* the directory that was seen to be one last */
	unsigned has;	      /* HAS_… */
	uint64_t taken, told; /* bytes of the archive read, and reported */
	bool over_limit;      /* why the reading failed: filters put errors of their own over it */
	int read_errno;	      /* the same */
	struct extract_report report;
	size_t head; /* bytes in block that the filters have not seen yet */
	unsigned char block[EXTRACTION_BLOCK];
};

/* Put the words of a failure into X's report; the first line of what the user reads. Returns -1. */
int extraction_fail(struct extraction *x, enum extract_advice advice, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same where the entry PATH is refused: WHY. */
int extraction_refuse(struct extraction *x, const char *path, const char *why);

/* The same where X->in failed, in the entry PATH or (NULL) between two. */
int extraction_read_failed(struct extraction *x, const char *path);

/* The same where PATH could not be written: ERR is the errno, or 0 or less where only TEXT tells.
 */
int extraction_write_failed(struct extraction *x, const char *path, int err, const char *text);

/* The same where the limit of bytes is passed. */
int extraction_too_large(struct extraction *x);

#endif
