/*
 * An HTTP server on loopback for unit tests, that answers the N-th connection with the N-th text of
 * a list, whatever is asked, and notes what was asked.
 */
#ifndef TESTS_CANNED_H
#define TESTS_CANNED_H

#include <sys/types.h>

/* The end of an answer after which the server says nothing, and keeps the connection open. */
#define CANNED_SILENCE "(silence)"

struct canned {
	pid_t pid;
	int requests; /* a pipe with the heads of all requests, one after the other */
	char *url;    /* "http://127.0.0.1:PORT" */
};

/*
 * Starts a server that gives ANSWERS (ending with NULL) one after the other, and closes the
 * connection after each. The server ends after the last answer, after a minute, or by canned_end().
 * Fails the test if it cannot be started.
 */
void canned_start(struct canned *canned, const char *const *answers);

/*
 * Ends the server, and returns the heads of all requests, with a "#" after each, and a "!" if the
 * client did not take the whole answer; the caller frees.
 */
char *canned_end(struct canned *canned);

#endif
