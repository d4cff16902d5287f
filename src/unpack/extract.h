/*
 * The confined child's work: archive bytes from descriptor 0 through libarchive into the working
 * directory, and reports to descriptor 1. unpack.c starts it and reads what it reports.
 */
#ifndef UNPACK_EXTRACT_H
#define UNPACK_EXTRACT_H

#include "unpack/unpack.h"

#include <stdint.h>

/* What the user can do about a failure. The child names it, the parent has the words. */
enum extract_advice {
	EXTRACT_ADVICE_NONE,
	EXTRACT_ADVICE_TARBALL, /* get another tarball */
	EXTRACT_ADVICE_SPACE,	/* make room */
	EXTRACT_ADVICE_DISK,	/* look at the file system */
	EXTRACT_ADVICE_COUNT
};

enum extract_kind {
	EXTRACT_PROGRESS = 1, /* bytes: of the archive, read so far */
	EXTRACT_DONE,	      /* text: the top directory; entries, bytes: as in unpack_result */
	EXTRACT_FAILED,	      /* text: what failed; entries, bytes: made until then */
};

/* One report: a write(2) of less than PIPE_BUF bytes, so it arrives whole. */
struct extract_report {
	uint32_t kind;
	uint32_t advice;
	uint64_t bytes;
	uint64_t entries;
	char text[1000]; /* NUL-terminated, printable */
};

/*
 * Unpack descriptor 0 into the working directory and report on descriptor 1: any number of
 * EXTRACT_PROGRESS, then one EXTRACT_DONE or EXTRACT_FAILED. LIMITS holds no 0.
 * Returns 0 or 1, for the exit status.
 */
int extract_run(const struct unpack_limits *limits);

#endif
