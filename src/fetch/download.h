/*
 * Downloads with libcurl: https, or what the user's own URL says (http, file). Certificates are
 * always verified. What is transient is tried again, and a file is resumed where it stopped, in the
 * same run and in a later one.
 *
 * Every function here that fails has said so, once, with the URL, the reason and what to do next;
 * only a download that progress() stopped ends silently.
 */
#ifndef FETCH_DOWNLOAD_H
#define FETCH_DOWNLOAD_H

#include "util/sha256.h"
#include "util/sink.h"

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

/* A connection to mirrors, kept open from one download to the next. */
struct downloader;

/*
 * OPTIONS are copied, what they point to must live on. The CA certificates are looked for when the
 * first URL that may need them is asked for. NULL after it has said that libcurl cannot be used.
 */
struct downloader *downloader_new(const struct download_options *options);

/* NULL is accepted. */
void downloader_free(struct downloader *downloader);

/* For _cleanup_(downloader_freep). */
static inline void downloader_freep(struct downloader **downloader)
{
	downloader_free(*downloader);
}

/* A small answer, in memory. */
struct download_text {
	char *body;	     /* with a NUL behind; may hold others */
	size_t len;	     /* without that NUL */
	char *effective_url; /* after redirects */
	bool trusted;	     /* every hop was https and verified, or it is a file:// */
};

/* What to say, instead of general words, where the server says that a file does not exist. */
struct download_missing {
	const char *what; /* a line */
	const char *next; /* what the user can do: a line */
};

/*
 * Get URL, of at most MAX bytes (more is an error), into *OUT, for download_text_clear(). MISSING
 * may be NULL. Returns 0 or -1.
 */
int download_text(struct downloader *downloader, const char *url, size_t max,
		  const struct download_missing *missing, struct download_text *out);

void download_text_clear(struct download_text *text);

/* What download_file() is asked for. */
struct download_request {
	const char *url;
	const struct download_missing *missing; /* or NULL */
	uint64_t max;				/* bytes; more is an error */
	int dirfd;	  /* the directory that gets NAME.part and NAME.part.state */
	const char *dir;  /* its path, for messages */
	const char *name; /* a plain file name */
	/*
	 * The digest that the file should have, or NULL. Not the check itself, which is the
	 * caller's: with it a file that an earlier run had completed is not asked for again, and
	 * one that was resumed and came out wrong is downloaded once more from its first byte.
	 */
	const struct sha256 *expected;
	const struct sink *sink; /* also gets the bytes; NULL: nobody */
};

/* A complete file. */
struct download_file {
	int fd;		      /* read-only, at offset 0 */
	struct sha256 digest; /* of all bytes, taken as they streamed (or were read again) */
	uint64_t size;	      /* bytes */
	bool trusted;	      /* as in struct download_text */

	/* private: what is to be removed */
	int dirfd;
	char *name;
};

/*
 * Get a file into NAME.part of the request's directory. What is there from an earlier run is read
 * through the digest and the sink and continued with Range and If-Range, where it came from the
 * same URL and NAME.part.state holds the validator (ETag or Last-Modified) of its server; else, or
 * where the server sends the whole or another file, it begins anew.
 *
 * The caller holds a lock, so that nobody else downloads into that directory (part_file.h).
 *
 * Returns 0 with *OUT for download_file_close(), or -1. After a failure NAME.part stays where it
 * can be resumed and is removed where it cannot. DIGEST still has to be compared by the caller;
 * it is of the bytes as they came, and what is read from FD later is to be compared again, as
 * unpack_archive() does.
 */
int download_file(struct downloader *downloader, const struct download_request *request,
		  struct download_file *out);

/*
 * Remove NAME.part and its state: it was unpacked, or its digest is wrong (a rerun must not resume
 * it). To be called before download_file_close().
 */
void download_file_remove(const struct download_file *file);

/*
 * Remove what earlier downloads into DIRFD have left to be continued, whatever their names. With
 * the lock, as download_file().
 */
void download_remove_all(int dirfd);

/* Is there something to be continued in DIRFD? */
bool download_is_kept(int dirfd);

/* Close the descriptors. For _cleanup_(download_file_close) too. */
void download_file_close(struct download_file *file);

/* What a struct download_file holds when there is none. */
#define DOWNLOAD_FILE_NONE            \
	{                             \
		.fd = -1, .dirfd = -1 \
	}

#endif
