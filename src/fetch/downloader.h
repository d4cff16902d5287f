/* What all downloads of a run share: the options, the connection, the CA certificates. */
#ifndef FETCH_DOWNLOADER_H
#define FETCH_DOWNLOADER_H

#include "fetch/ca_bundle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct download_options {
	const char *cacert; /* a file of CA certificates (--cacert), or NULL: see ca_bundle.h */

	/*
	 * Called for download_file() when bytes arrive, and at least once a second during a wait
	 * for a connection, an answer or the next try. DONE counts from the beginning of the file,
	 * also after a resume; TOTAL is 0 if the server does not tell it. A result other than 0 (a
	 * signal came) stops the download, which then fails silently. download_text() passes 0, 0.
	 * NULL: not called.
	 */
	int (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;

	/* Set by download_options_init(); only tests change these. */
	const char *root; /* where the CA bundle is searched; "" for this host */
	unsigned tries;	  /* failures in a row, without new bytes, before giving up */
	/* about this long before the second try; doubled for each further one */
	unsigned wait_ms;
	unsigned wait_max_ms; /* but at most this, unless the server asks for more */
	/* seconds; the longest wait that a server gets when it asks for one */
	unsigned retry_after_max;
	unsigned connect_timeout; /* seconds for name, connection and TLS handshake */
	/* after so many seconds below stall_speed the connection is dead */
	unsigned stall_window;
	unsigned stall_speed; /* bytes per second */
	/* after so many seconds below slow_speed the file is given up, and kept */
	unsigned slow_window;
	unsigned slow_speed; /* bytes per second, on average */
	unsigned text_time;  /* seconds for a text, all tries together */
};

void download_options_init(struct download_options *options);

/* A connection to a server, which stays open from one download to the next. */
struct downloader {
	struct download_options options;
	struct ca_bundle ca; /* private, like the fields below; chosen when first needed */
	bool has_ca;
	void *curl; /* a CURL */
};

/*
 * OPTIONS are copied, but what they point to must stay. The CA certificates are searched with the
 * first URL that may need them. NULL after a message that libcurl cannot be used.
 */
struct downloader *downloader_new(const struct download_options *options);

/*
 * Free DOWNLOADER, which may be NULL. Call this before another program is started: libcurl has
 * descriptors of its own without O_CLOEXEC.
 */
void downloader_free(struct downloader *downloader);

/* For _cleanup_(downloader_freep). */
static inline void downloader_freep(struct downloader **downloader)
{
	downloader_free(*downloader);
}

/* The message if the server says that a file does not exist, instead of a general one. */
struct download_missing {
	const char *what; /* a line */
	const char *next; /* what the user can do: a line */
};

#endif
