/*
 * The makes of Nix: Nix itself, and Lix. A row of the table in flavour.c has what is special to a
 * make. A version names its make: "2.26.3" is Nix's, "lix-2.93.3" is Lix's.
 */
#ifndef UTIL_FLAVOUR_H
#define UTIL_FLAVOUR_H

#include <stdbool.h>
#include <stddef.h>

struct flavour {
	const char *name;    /* the package's, also in the names of files: "nix" */
	const char *title;   /* for people: "Nix" */
	const char *prefix;  /* a version of this make begins with it: "lix-" */
	const char *mirror;  /* where its releases are */
	const char *pointer; /* below MIRROR, tells the latest; NULL: manifest.nix beside MIRROR */
	bool has_script;     /* does its tarball have an install script? */
};

/* The make of VERSION, which has LEN bytes; "lix" alone is Lix, too. Never NULL. */
const struct flavour *flavour_of(const char *version, size_t len);

/*
 * The make of the releases at MIRROR, a URL or a path: the make that is named by the last component
 * of MIRROR, else Nix. MIRROR may be NULL: Nix.
 */
const struct flavour *flavour_of_mirror(const char *mirror);

/* The make that the file name NAME ("lix-2.93.3-x86_64-linux.tar.xz") begins with; NULL: none. */
const struct flavour *flavour_of_file(const char *name);

/* Is VERSION only the name of a make, which means its latest version? */
bool flavour_is_latest(const char *version);

/* The name of VERSION's directory, tarball and package: "nix-2.26.3". The caller frees. */
char *flavour_top(const char *version);

/* VERSION for people, "Nix 2.26.3"; NULL: "Nix (of unknown version)". The caller frees. */
char *flavour_shown(const char *version);

/* The number of makes, and each of them. */
#define FLAVOUR_COUNT 2
extern const struct flavour flavours[FLAVOUR_COUNT];

#endif
