/*
 * What the error codes of libcurl and HTTP mean: in words, whether another try can help, and what
 * the user can do. No other file looks at such a code.
 */
#ifndef FETCH_ERROR_TABLE_H
#define FETCH_ERROR_TABLE_H

#include <curl/curl.h>
#include <stdbool.h>

struct error_meaning {
	const char *what; /* "the connection was lost"; short if transient */
	const char *next; /* what the user can do */
	bool transient;	  /* another try may succeed */
};

/* For every CODE except CURLE_OK. */
struct error_meaning error_of_curl(CURLcode code);

/* For an HTTP status that is no success; WHAT does not contain the number. */
struct error_meaning error_of_status(long status);

#endif
