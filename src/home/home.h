/* The places in the user's home directory that an installation changes. */
#ifndef HOME_HOME_H
#define HOME_HOME_H

#include "util/str.h"

#include <stdbool.h>

/* The man page, and the completions of each shell. */
enum home_document {
	DOCUMENT_MAN,
	DOCUMENT_BASH,
	DOCUMENT_FISH,
	DOCUMENT_ZSH,
	DOCUMENT_COUNT,
};

struct home {
	char *path;  /* $HOME */
	char *state; /* $XDG_STATE_HOME, else ~/.local/state */
	char *bin;   /* $XDG_BIN_HOME, else ~/.local/bin */
	/* nix-user-chroot in $XDG_CONFIG_HOME, else in ~/.config: the files of ci-bootstrap */
	char *config;
	/*
	 * The user's profile, channels and expressions, each at Nix's usual place and at that of
	 * use-xdg-base-directories: a link, a file, a directory of links.
	 */
	struct strlist profiles, channels, defexprs;
	char *generations; /* $XDG_STATE_HOME/nix/profiles: links to the store */
	char *nix_cache;   /* $XDG_CACHE_HOME/nix: Nix's own downloads and indices */
	/* Startup files of shells to which the Nix install script may add its line. */
	struct strlist startup_files;
	char *fish;		  /* the startup file that the script writes anew */
	char *fish_path;	  /* our own file for fish, which puts BIN on PATH */
	struct strlist documents; /* where each of enum home_document belongs */
};

/*
 * Find the places; all paths are absolute. Returns 0 with *OUT the caller's to clear, or -1 after a
 * message.
 */
int home_find(struct home *out);

/*
 * Add the places that an installation may make and that are missing, with their missing parent
 * directories, each directory after what is in it.
 */
void home_missing(const struct home *home, struct strlist *out);

/* Add PATH and its parent directories, as far as they are missing, the deepest first. */
void home_add_missing(struct strlist *out, const char *path);

/*
 * Do Nix or ci-bootstrap make PATH, or something in it, when it is first needed, perhaps long after
 * the installation?
 */
bool home_is_made_later(const struct home *home, const char *path);

void home_clear(struct home *home);

#endif
