/*
 * Which Nix is to be installed: version, system, the URL of its tarball, and the hash that the
 * tarball must have. src/README: "Facts about Nix releases".
 */
#ifndef INSTALL_RELEASE_H
#define INSTALL_RELEASE_H

#include "fetch/download.h"
#include "util/bundle.h"
#include "util/sha256.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tarball of this many bytes or more is refused; today's have about 30 MB. */
#define RELEASE_TARBALL_MAX (UINT64_C(1) << 30)

/* What the user says about the release, as typed; NULL: nothing. */
struct release_request {
	const char *nix_version;     /* NULL: the latest */
	const char *mirror;	     /* NULL: the default one */
	const char *tarball;	     /* a file or a URL, in place of a mirror */
	const char *sha256;	     /* NULL: the hash in the file beside the tarball */
	const char *system;	     /* NULL: this host's */
	const struct bundle *bundle; /* the bundle that this program is; NULL: it is none */
};

struct release {
	char *version;	     /* "2.26.3"; NULL: the name of --tarball does not tell */
	char *system;	     /* "x86_64-linux" */
	char *tarball_url;   /* https://, http://, or file://, also for a local file */
	char *tarball_shown; /* the same for messages and the record: url_shown() */
	char *tarball_name;  /* a plain name for the download: "nix-2.26.3-x86_64-linux.tar.xz" */
	struct download_missing missing; /* the message if there is no tarball */
	char *missing_what;		 /* private: the first line of that message */
	struct sha256 sha256;		 /* the digest that the tarball must have */
	char *sha256_source;	/* where SHA256 came from: "--sha256", or a URL; for messages */
	const char *wrong_next; /* what the user can do if the digest is wrong: a line */
	const struct bundle *bundle; /* holds the tarball if tarball_url is NULL; else NULL */
};

/*
 * Does REQUEST mean the Nix in its bundle? Not if it names another version, another hash, or a
 * mirror or tarball.
 */
bool release_is_bundled(const struct release_request *request);

/* Are the words in REQUEST well-formed? 0, or -1 after a message about the first that is not. */
int release_check(const struct release_request *request);

/*
 * Decide which Nix REQUEST means. Its mistakes are reported before any connection is made. The
 * mirror is asked for the latest version if no version is given, and for the hash if --sha256 is
 * not given; a hash counts only over verified TLS or from a local file. Returns 0 with *OUT for
 * release_clear(), or -1 after a message.
 */
int release_resolve(const struct release_request *request, struct downloader *downloader,
		    struct release *out);

/* Is FOUND the digest that the tarball must have? 0, or -1 after a message. */
int release_check_digest(const struct release *release, const struct sha256 *found);

/* Free the contents. For _cleanup_(release_clear) too, on a zeroed struct. */
void release_clear(struct release *release);

/*
 * Is VERSION, of LEN bytes, a version as flavour.h has it: for Lix "lix-", then a digit, then
 * digits, letters, dots, and the '-', '_', '+' of pre-releases ("2.32.0pre20250919_07b96c1")? At
 * most 64 bytes and no "..", so that it can stand in a path and in a URL as it is.
 */
bool release_version_is_valid(const char *version, size_t len);

/*
 * The version in URL, the final URL of the pointer script, ".../nix-VERSION/install" (a query or
 * fragment after it is ignored). The caller frees; NULL: URL has another form.
 */
char *release_version_from_url(const char *url);

/*
 * The version that BODY (LEN bytes of any value), the text of the pointer script, names: the one in
 * "nix-VERSION/nix-VERSION-", which must be the same in all places. The caller frees; NULL: BODY
 * names none, or two.
 */
char *release_version_from_script(const char *body, size_t len);

/*
 * The version, with its prefix, that BODY (LEN bytes of any value) names. BODY is the text of a
 * manifest of the flavour NAME: SYSTEM = "/nix/store/HASH-NAME-VERSION" for each system, all of one
 * version. The caller frees; NULL: BODY names none, or two.
 */
char *release_version_from_manifest(const char *body, size_t len, const char *name);

/*
 * Nix's name for the system of uname(2)'s MACHINE, seen by a program whose pointers have
 * POINTER_BITS bits: a 32-bit userland on a 64-bit kernel gets the 32-bit Nix. NULL: there is none.
 */
const char *release_system_of_machine(const char *machine, unsigned pointer_bits);

/* Is Nix released for SYSTEM? */
bool release_system_is_known(const char *system);

/* All systems that Nix is released for, separated by ", "; the caller frees. */
char *release_systems(void);

/*
 * The base of all URLs for --mirror TEXT (NULL: the default): an https://, http:// or file:// URL,
 * or the absolute path of a directory, which becomes a file:// URL; without slashes at its end. The
 * caller frees; NULL: TEXT is none of these, or has a query, a fragment or no host.
 */
char *release_mirror_url(const char *text);

/*
 * The mirror that REQUEST names, else the mirror of the make (flavour.h) that its version belongs
 * to; NULL: the default one. Points into REQUEST, or is a constant.
 */
const char *release_mirror_asked_for(const struct release_request *request);

/*
 * The version that REQUEST names, with the prefix of the make (flavour.h) that MIRROR has; the
 * caller frees. NULL: the latest there.
 */
char *release_version_asked_for(const struct release_request *request, const char *mirror);

/*
 * The URL at which the mirror (a release_mirror_url()) names the latest version; the caller frees.
 */
char *release_pointer_url(const char *mirror);

/* MIRROR/nix-VERSION/nix-VERSION-SYSTEM.tar.xz; the caller frees. */
char *release_tarball_url(const char *mirror, const char *version, const char *system);

/*
 * Split NAME, "nix-VERSION-SYSTEM.tar" with or without an extension after it. The caller frees
 * *VERSION and *SYSTEM. False with both NULL: another form, or an unknown system.
 */
bool release_split_name(const char *name, char **version, char **system);

#endif
