/*
 * Downloads with libcurl: by https, or by what the user's own URL says (http, file). Certificates
 * are always verified. Transient failures are retried, and a file is resumed where it stopped, in
 * the same run or a later one.
 *
 * Each function that fails prints one message with the URL, the reason and what to do next; only a
 * download that progress() stopped ends silently.
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
	char *body;	     /* with a NUL after it; may hold more NULs */
	size_t len;	     /* without the last NUL */
	char *effective_url; /* after redirects */
	bool trusted;	     /* every hop was https and verified, or it is a file:// URL */
};

/*
 * Get URL, of at most MAX bytes (more is an error), into *OUT, for download_text_clear(). MISSING
 * may be NULL. Returns 0 or -1.
 */
int download_text(struct downloader *downloader, const char *url, size_t max,
		  const struct download_missing *missing, struct download_text *out);

void download_text_clear(struct download_text *text);

/* The arguments of download_file(). */
struct download_request {
	const char *url;
	const struct download_missing *missing; /* or NULL */
	uint64_t max;				/* bytes; more is an error */
	int dirfd;	  /* the directory that gets NAME.part and NAME.part.state */
	const char *dir;  /* its path, for messages */
	const char *name; /* a plain file name */
	/*
	 * The digest that the file should have, or NULL. The caller still has to compare the
	 * digest. With EXPECTED, a file that an earlier run completed is not requested again, and a
	 * resumed file whose digest is wrong is downloaded once more from its first byte.
	 */
	const struct sha256 *expected;
	const struct sink *sink; /* also gets the bytes; NULL: none */
};

/* A complete file. */
struct download_file {
	int fd;		      /* read-only, at offset 0 */
	struct sha256 digest; /* of all bytes, taken while they came (or were read again) */
	uint64_t size;	      /* bytes */
	bool trusted;	      /* as in struct download_text */

	/* private: what download_file_remove() removes */
	int dirfd;
	char *name;
};

/*
 * Get a file into NAME.part of the request's directory. What an earlier run left there passes
 * through the digest and the sink and is continued with Range and If-Range, if it came from the
 * same URL and NAME.part.state holds the server's validator (ETag or Last-Modified). Otherwise, or
 * if the server sends the whole file or another one, the download begins anew.
 *
 * The caller holds a lock, so that no other process downloads into that directory (part_file.h).
 *
 * Returns 0 with *OUT for download_file_close(), or -1. After a failure NAME.part is kept if it can
 * be resumed, and removed if not. The caller still has to compare DIGEST. DIGEST is of the bytes as
 * they came: what is read from FD later has to be compared again, as unpack_archive() does.
 */
int download_file(struct downloader *downloader, const struct download_request *request,
		  struct download_file *out);

/*
 * Remove NAME.part and its state: it was unpacked, or its digest is wrong and a later run must not
 * resume it. Call this before download_file_close().
 */
void download_file_remove(const struct download_file *file);

/*
 * Remove what earlier downloads left in DIRFD for a later run, whatever their names. The caller
 * holds the lock, as for download_file().
 */
void download_remove_all(int dirfd);

/* Did an earlier download leave something in DIRFD that can be continued? */
bool download_is_kept(int dirfd);

/* Close the descriptors. For _cleanup_(download_file_close) too. */
void download_file_close(struct download_file *file);

/* The value of a struct download_file without a file. */
#define DOWNLOAD_FILE_NONE            \
	{                             \
		.fd = -1, .dirfd = -1 \
	}

#endif
