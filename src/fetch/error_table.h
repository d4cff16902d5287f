/*
 * What libcurl's and HTTP's error codes mean for us: in words, whether trying again can help, and
 * what the user can do. The one place where such a code is looked at.
 */
#ifndef FETCH_ERROR_TABLE_H
#define FETCH_ERROR_TABLE_H

#include <curl/curl.h>
#include <stdbool.h>

struct error_meaning {
	const char *what; /* "the connection was lost"; where it is transient, short */
	const char *next; /* what the user can do */
	bool transient;	  /* may be different the next time */
};

/* For every CODE but CURLE_OK. */
struct error_meaning error_of_curl(CURLcode code);

/* For an HTTP status that is not a success; WHAT does not name the number. */
struct error_meaning error_of_status(long status);

#endif
