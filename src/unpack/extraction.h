/* The state of one unpacking in the confined child, and the messages about its failures. */
#ifndef UNPACK_EXTRACTION_H
#define UNPACK_EXTRACTION_H

#include "unpack/extract_report.h"
#include "unpack/limits.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one read from the archive, as many as a pipe holds. */
#define EXTRACTION_BLOCK ((size_t)64 << 10)
/* How many bytes of a foreign name or text a message shows. */
#define EXTRACTION_SHOWN 200

enum { HAS_INSTALL = 1, HAS_REGINFO = 2, HAS_STORE = 4 };

struct extraction {
	const struct unpack_limits *limits;
	struct archive *in, *out;
	char *top;	      /* NULL until it is known */
	char *parent;	      /* the last path that was found to be a directory */
	unsigned has;	      /* HAS_… */
	uint64_t taken, told; /* bytes of the archive that were read, and reported */
	/*
	 * reading met the limit; kept here, since libarchive's filters replace an error by their
	 * own
	 */
	bool over_limit;
	int read_errno; /* reading failed with this errno; kept for the same reason */
	struct extract_report report;
	size_t head; /* how many bytes of block the filters have not seen yet */
	unsigned char block[EXTRACTION_BLOCK];
};

/* Put a failure into X's report: the first line of the message for the user. Returns -1. */
int extraction_fail(struct extraction *x, enum extract_advice advice, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Report that the entry PATH is refused, and WHY. Returns -1. */
int extraction_refuse(struct extraction *x, const char *path, const char *why);

/* Report that X->in failed, in the entry PATH or (NULL) between entries. Returns -1. */
int extraction_read_failed(struct extraction *x, const char *path);

/*
 * Report that PATH could not be written: ERR is the errno; if it is 0 or less, TEXT tells why.
 * Returns -1.
 */
int extraction_write_failed(struct extraction *x, const char *path, int err, const char *text);

/* Report that the limit of bytes is exceeded. Returns -1. */
int extraction_too_large(struct extraction *x);

#endif
