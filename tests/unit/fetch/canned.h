/*
 * An HTTP server on loopback for unit tests, that answers the N-th connection with the N-th text of
 * a list, whatever is asked, and notes what was asked.
 */
#ifndef TESTS_CANNED_H
#define TESTS_CANNED_H

#include <sys/types.h>

struct canned {
	pid_t pid;
	int requests; /* a pipe: the heads of all requests, one after the other */
	char *url;    /* "http://127.0.0.1:PORT" */
};

/*
 * Start one for ANSWERS (ending with NULL). A connection is closed when its answer is sent; it ends
 * after the last, by itself after a minute, or with canned_end(). Fails the test where it cannot.
 */
void canned_start(struct canned *canned, const char *const *answers);

/*
 * End it; the caller frees what is returned: the heads of all requests. A "#" stands between two
 * and behind the last.
 */
char *canned_end(struct canned *canned);

#endif
