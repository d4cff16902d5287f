/*
 * What the confined child tells its parent, on a pipe: how far it is, and how it ended.
 */
#ifndef UNPACK_EXTRACT_REPORT_H
#define UNPACK_EXTRACT_REPORT_H

#include <stddef.h>
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
	char text[1000]; /* NUL-terminated; foreign */
};

/* Write REPORT to the descriptor FD. Where that fails, nobody is left to be told. */
void extract_report_send(int fd, const struct extract_report *report);

/* Reports as they come in; 0: nothing yet. */
struct extract_reader {
	struct extract_report report;
	size_t have; /* bytes of it */
};

/*
 * Read from FD, which does not block, until READER->report is whole. Who wrote it had foreign bytes
 * to work on: its text is NUL-terminated whatever came, and nothing else is looked at. Returns 1; 0
 * at the end, also of a report that is cut short; -EAGAIN: more is to come; or another -errno.
 */
int extract_report_read(int fd, struct extract_reader *reader);

/* What to do about a failure: a line for a message, or NULL where ADVICE has none. */
const char *extract_advice_text(uint32_t advice);

#endif
