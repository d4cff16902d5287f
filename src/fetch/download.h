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

#include "fetch/downloader.h"
#include "util/sha256.h"
#include "util/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A small answer, in memory. */
struct download_text {
	char *body;	     /* with a NUL behind; may hold others */
	size_t len;	     /* without that NUL */
	char *effective_url; /* after redirects */
	bool trusted;	     /* every hop was https and verified, or it is a file:// */
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
