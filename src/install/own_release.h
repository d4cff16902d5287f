/*
 * A release of this program (scripts/release): a directory of SHA256SUMS and the files it names.
 */
#ifndef INSTALL_OWN_RELEASE_H
#define INSTALL_OWN_RELEASE_H

#include "fetch/download.h"
#include "util/sha256.h"

#include <stddef.h>

/* A file of it. */
struct own_file {
	char *url; /* NULL: there is none */
	char *name;
	char *version;
	struct sha256 sha256;
};

/*
 * Where it is: RELEASES, an https, http or file URL or an absolute directory; NULL: the latest
 * release's own place. Without a slash at the end; the caller frees. NULL after a message.
 */
char *own_release_base(const char *releases);

/*
 * The SHA256SUMS of the release at BASE into *OUT, for download_text_clear(); NEXT is what the user
 * can do where there is no release. Whether it is to be trusted, OUT says. 0, or -1 after a
 * message.
 */
int own_release_sums(struct downloader *downloader, const char *base, const char *next,
		     struct download_text *out);

/*
 * Of SUMS, the text of SHA256SUMS at BASE, the first file called PREFIX-VERSION-SYSTEM into *OUT,
 * for own_file_clear(), where VERSION is digits and dots; NULL SYSTEM: this host's. Returns how
 * many there are. SUMS is cut into lines.
 */
size_t own_release_find(char *sums, const char *base, const char *prefix, const char *system,
			struct own_file *out);

/* How SYSTEM, "x86_64-linux", of this host is called in the names of files; NULL: there is none. */
const char *own_release_system(void);

void own_file_clear(struct own_file *file);

#endif
