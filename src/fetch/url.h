/*
 * URLs as far as a download needs them: which kind, of which file, what comes beside it, and what
 * of one may be shown.
 */
#ifndef FETCH_URL_H
#define FETCH_URL_H

enum url_scheme {
	URL_NONE, /* no "://" in it: a file name */
	URL_HTTPS,
	URL_HTTP,
	URL_FILE,
	URL_OTHER, /* something that is not downloaded */
};

/* Upper and lower case are alike (RFC 3986, 3.1). */
enum url_scheme url_scheme(const char *url);

/* file:// and the absolute PATH, percent-encoded (RFC 3986, 2.1); the caller frees. */
char *url_of_path(const char *path);

/* URL with SUFFIX at the end of its path, in front of a query or fragment; the caller frees. */
char *url_with_suffix(const char *url, const char *suffix);

/*
 * The file name at the end of URL's path where it is fit for a file of ours (letters, digits,
 * "+-._", no dot in front, at most 200 bytes), else "tarball". The caller frees.
 */
char *url_file_name(const char *url);

/*
 * URL as it may be shown and written down: without user and password, and without what stands
 * behind a '?' or '#', which may be a key to the file (a presigned URL): "https://HOST/FILE?...".
 * What is no URL stays as it is. The caller frees.
 */
char *url_shown(const char *url);

/* HOST or HOST:PORT of URL, without user and password; "" where it has none. The caller frees. */
char *url_host(const char *url);

#endif
