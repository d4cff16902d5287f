/*
 * A release of this program (scripts/release): a directory of SHA256SUMS and the files that it
 * names.
 */
#ifndef INSTALL_OWN_RELEASE_H
#define INSTALL_OWN_RELEASE_H

#include "fetch/download.h"
#include "util/sha256.h"

#include <stddef.h>

/* A file of a release. */
struct own_file {
	char *url; /* NULL: no file */
	char *name;
	char *version;
	struct sha256 sha256;
};

/*
 * The URL of the release RELEASES, which is an https, http or file URL or an absolute directory;
 * NULL: the latest release's own place. Without a slash at the end; the caller frees. NULL after a
 * message.
 */
char *own_release_base(const char *releases);

/*
 * Get the SHA256SUMS of the release at BASE into *OUT, for download_text_clear(), which also says
 * whether it can be trusted. NEXT is the advice if there is no release. 0, or -1 after a message.
 */
int own_release_sums(struct downloader *downloader, const char *base, const char *next,
		     struct download_text *out);

/*
 * Find the first file PREFIX-VERSION-SYSTEM, where VERSION is digits and dots, in SUMS, the text of
 * SHA256SUMS at BASE, which is cut into lines; SYSTEM NULL: this host's. *OUT is for
 * own_file_clear(). Returns the number of such files.
 */
size_t own_release_find(char *sums, const char *base, const char *prefix, const char *system,
			struct own_file *out);

/*
 * The name of this host's SYSTEM, "x86_64-linux", in the names of files; NULL: no file is for it.
 */
const char *own_release_system(void);

/*
 * Print that FILE came with the digest FOUND instead of the one that SHA256SUMS has. NEXT is a line
 * that says what became of the file and what to do. Returns -1.
 */
int own_file_mismatch(const struct own_file *file, const struct sha256 *found, const char *next);

void own_file_clear(struct own_file *file);

#endif
