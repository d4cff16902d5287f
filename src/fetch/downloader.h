/*
 * What all downloads of a run share: how they are done, the connection, the CA certificates.
 */
#ifndef FETCH_DOWNLOADER_H
#define FETCH_DOWNLOADER_H

#include "fetch/ca_bundle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct download_options {
	const char *cacert; /* a file of CA certificates (--cacert), or NULL: see ca_bundle.h */

	/*
	 * Called for download_file() as bytes arrive, and at least once a second while a
	 * connection, an answer or the next try is waited for. DONE counts from the beginning of
	 * the file also where it was resumed; TOTAL is 0 where the server does not tell. Not 0:
	 * stop (a signal came); the download then fails silently. For download_text() it is called
	 * with 0, 0. NULL: nobody wants to know.
	 */
	int (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;

	/* What download_options_init() sets and only tests change. */
	const char *root;	  /* the CA bundle is looked for below it; "" */
	unsigned tries;		  /* in a row without a gain, before giving up */
	unsigned wait_ms;	  /* about this long before the second try, doubled for each next */
	unsigned wait_max_ms;	  /* but never longer, unless the server asks for it */
	unsigned retry_after_max; /* seconds; a server that asks for more gets this */
	unsigned connect_timeout; /* seconds for name, connection and TLS handshake */
	unsigned stall_window;	  /* seconds with less than stall_speed: the connection is dead */
	unsigned stall_speed;	  /* bytes per second */
	unsigned slow_window; /* seconds with less than slow_speed: a file is given up, and kept */
	unsigned slow_speed;  /* bytes per second, on the average */
	unsigned text_time;   /* seconds that a text may take, all tries together */
};

void download_options_init(struct download_options *options);

/* A connection to servers, kept open from one download to the next. */
struct downloader {
	struct download_options options;
	struct ca_bundle ca; /* private, as all below: chosen when it is first needed */
	bool has_ca;
	void *curl; /* a CURL */
};

/*
 * OPTIONS are copied, what they point to must live on. The CA certificates are looked for when the
 * first URL that may need them is asked for. NULL after it has said that libcurl cannot be used.
 */
struct downloader *downloader_new(const struct download_options *options);

/*
 * NULL is accepted. To be called before another program is started: libcurl has descriptors for
 * itself that are not O_CLOEXEC.
 */
void downloader_free(struct downloader *downloader);

/* For _cleanup_(downloader_freep). */
static inline void downloader_freep(struct downloader **downloader)
{
	downloader_free(*downloader);
}

/* What to say, instead of general words, where the server says that a file does not exist. */
struct download_missing {
	const char *what; /* a line */
	const char *next; /* what the user can do: a line */
};

#endif
