/*
 * What a download needs to know about a URL: its kind, its file name, the URLs beside it, and which
 * part may be shown.
 */
#ifndef FETCH_URL_H
#define FETCH_URL_H

enum url_scheme {
	URL_NONE, /* no "://" in it: a file name */
	URL_HTTPS,
	URL_HTTP,
	URL_FILE,
	URL_OTHER, /* a scheme that is not downloaded */
};

/* The kind of URL. Upper and lower case are the same (RFC 3986, 3.1). */
enum url_scheme url_scheme(const char *url);

/* file:// and the absolute PATH, percent-encoded (RFC 3986, 2.1); the caller frees. */
char *url_of_path(const char *path);

/* URL with SUFFIX at the end of its path, before a query or fragment; the caller frees. */
char *url_with_suffix(const char *url, const char *suffix);

/*
 * The file name at the end of URL's path if a file of ours may have it (letters, digits, "+-._", no
 * dot at the beginning, at most 200 bytes), else "tarball". The caller frees.
 */
char *url_file_name(const char *url);

/*
 * URL as it may be shown and stored: "https://HOST/FILE?..." without user and password, and without
 * what follows '?' or '#', which may be a key to the file (a presigned URL). Text that is no URL
 * stays as it is. The caller frees.
 */
char *url_shown(const char *url);

/* HOST or HOST:PORT of URL, without user and password; "" if URL has none. The caller frees. */
char *url_host(const char *url);

#endif
