/*
 * The makes of Nix: Nix itself, and Lix. What differs between them is a row of the table in
 * flavour.c. A version says of which make it is: "2.26.3" is Nix's, "lix-2.93.3" is Lix's.
 */
#ifndef UTIL_FLAVOUR_H
#define UTIL_FLAVOUR_H

#include <stdbool.h>
#include <stddef.h>

struct flavour {
	const char *name;    /* of its package, and in the names of its files: "nix" */
	const char *title;   /* for people: "Nix" */
	const char *prefix;  /* of a version of it: "lix-" */
	const char *mirror;  /* where its releases are */
	const char *pointer; /* what tells the latest there; NULL: manifest.nix beside MIRROR */
	bool has_script;     /* is there an install script in its tarball? */
};

/* That of a version as above, LEN bytes; "lix" alone is Lix, too. Never NULL. */
const struct flavour *flavour_of(const char *version, size_t len);

/*
 * That of the releases at MIRROR: the one that its last component is called after (an URL's or a
 * path's), else Nix. NULL: of no mirror in particular, Nix.
 */
const struct flavour *flavour_of_mirror(const char *mirror);

/* That whose name NAME ("lix-2.93.3-x86_64-linux.tar.xz") begins with; NULL: none. */
const struct flavour *flavour_of_file(const char *name);

/* Is VERSION only the name of a make, that is its latest? */
bool flavour_is_latest(const char *version);

/* What its directory, tarball and package are called: "nix-2.26.3". The caller frees. */
char *flavour_top(const char *version);

/* VERSION for people, "Nix 2.26.3"; NULL: "Nix (of unknown version)". The caller frees. */
char *flavour_shown(const char *version);

/* How many there are, and each of them. */
#define FLAVOUR_COUNT 2
extern const struct flavour flavours[FLAVOUR_COUNT];

#endif
