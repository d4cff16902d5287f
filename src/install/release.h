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

/* What the user says of it, as typed. NULL: nothing. */
struct release_request {
	const char *nix_version;     /* else the latest */
	const char *mirror;	     /* else the default one */
	const char *tarball;	     /* a file or a URL, in place of a mirror */
	const char *sha256;	     /* else what is beside the tarball */
	const char *system;	     /* else this host's */
	const struct bundle *bundle; /* what this program holds itself; NULL: nothing */
};

struct release {
	char *version;	     /* "2.26.3"; NULL: the name of --tarball does not tell */
	char *system;	     /* "x86_64-linux" */
	char *tarball_url;   /* https://, http://, or file://, also for a local file */
	char *tarball_shown; /* the same for messages and the record: url_shown() */
	char *tarball_name;  /* a plain name for the download: "nix-2.26.3-x86_64-linux.tar.xz" */
	struct download_missing missing; /* what to say where there is no tarball */
	char *missing_what;		 /* private: the line of it */
	struct sha256 sha256;		 /* what the tarball must have */
	char *sha256_source; /* where that came from: "--sha256", or a URL; for messages */
	const char
		*wrong_next; /* what the user can do where the tarball has another hash: a line */
	const struct bundle
		*bundle; /* the tarball is in it, and tarball_url NULL; NULL: it is not */
};

/*
 * Is it the Nix in the bundle that REQUEST means? What is explicit counts: with another version or
 * hash, or with a place of its own, it does not.
 */
bool release_is_bundled(const struct release_request *request);

/* Are the words in REQUEST well-formed? 0, or -1 after it has said which is not. */
int release_check(const struct release_request *request);

/*
 * Decide which Nix REQUEST means. What is wrong with it is said before any connection is made.
 * Asks the mirror for the latest version where no version is given, and for the hash where
 * --sha256 is not given; a hash counts only over verified TLS or from a local file.
 * Returns 0 with *OUT for release_clear(), or -1 after it has said why.
 */
int release_resolve(const struct release_request *request, struct downloader *downloader,
		    struct release *out);

/* Does the tarball, whose digest was FOUND, have the one that it must? 0, or -1 after a message. */
int release_check_digest(const struct release *release, const struct sha256 *found);

/* Free what it holds; usable with _cleanup_() on one that was zeroed. */
void release_clear(struct release *release);

/*
 * The version as flavour.h has it, of Nix or with "lix-" in front: a digit, then digits, letters,
 * dots, and
 * '-', '_', '+' of pre-releases ("2.32.0pre20250919_07b96c1"); at most 64 bytes, no "..". So that
 * it can be a part of a path and of a URL as it is.
 */
bool release_version_is_valid(const char *version, size_t len);

/*
 * The version in URL, the final URL of the pointer script, ".../nix-VERSION/install" (a query or
 * fragment after it is ignored). The caller frees; NULL: URL has another form.
 */
char *release_version_from_url(const char *url);

/*
 * The version that BODY, the text of the pointer script, names: that of its
 * "nix-VERSION/nix-VERSION-", which must be the same wherever that occurs. LEN bytes of any kind.
 * The caller frees; NULL: it names none, or two.
 */
char *release_version_from_script(const char *body, size_t len);

/*
 * The version, with its prefix, that BODY names, the text of a manifest of a flavour called NAME:
 * SYSTEM = "/nix/store/HASH-NAME-VERSION" for each system, all of one version. LEN bytes of any
 * kind. The caller frees; NULL: it names none, or two.
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
 * The mirror that REQUEST names, or else the one of the make of Nix that its version is of; NULL:
 * the default one. Points into REQUEST, or is a constant.
 */
const char *release_mirror_asked_for(const struct release_request *request);

/*
 * The version that REQUEST names, of the make of Nix that MIRROR has; the caller frees. NULL: the
 * latest there.
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
