/* What the confined child tells its parent through a pipe: how far it is, and how it ended. */
#ifndef UNPACK_EXTRACT_REPORT_H
#define UNPACK_EXTRACT_REPORT_H

#include <stddef.h>
#include <stdint.h>

/* What the user can do about a failure. The child sends the number, the parent has the words. */
enum extract_advice {
	EXTRACT_ADVICE_NONE,
	EXTRACT_ADVICE_TARBALL, /* get another tarball */
	EXTRACT_ADVICE_SPACE,	/* make room */
	EXTRACT_ADVICE_DISK,	/* look at the file system */
	EXTRACT_ADVICE_COUNT
};

enum extract_kind {
	EXTRACT_PROGRESS = 1, /* bytes: how much of the archive was read */
	EXTRACT_DONE,	      /* text: the top directory; entries, bytes: as in unpack_result */
	EXTRACT_FAILED,	      /* text: what failed; entries, bytes: made so far */
};

/* One report: less than PIPE_BUF bytes, so one write(2) arrives whole. */
struct extract_report {
	uint32_t kind;
	uint32_t advice;
	uint64_t bytes;
	uint64_t entries;
	char text[1000]; /* NUL-terminated; foreign */
};

/* Write REPORT to the descriptor FD. A failure is ignored: there is nobody else to report it to. */
void extract_report_send(int fd, const struct extract_report *report);

/* Reports as they arrive; all 0 at the beginning. */
struct extract_reader {
	struct extract_report report;
	size_t have; /* bytes of the report */
};

/*
 * Read from FD, which does not block, until READER->report is whole. The sender has worked on
 * foreign bytes, so the text is always terminated by NUL, and no other field is trusted. Returns 1;
 * 0 at the end, also after a report that is cut short; -EAGAIN if more is to come; or another
 * -errno.
 */
int extract_report_read(int fd, struct extract_reader *reader);

/* What to do about a failure: a line for a message, or NULL if ADVICE has none. */
const char *extract_advice_text(uint32_t advice);

#endif
