/* Finds what an installation has made, and is removed with it, and what is beside it and stays. */
#ifndef UNINSTALL_FIND_H
#define UNINSTALL_FIND_H

#include "home/home.h"
#include "store/record.h"
#include "uninstall/removal.h"

#include <stdbool.h>

struct found {
	/* everything but the record, the lock, and the directories that hold these */
	struct removals removals;
	/* The copy of this program, by which an interrupted run is repeated: removed at the end. */
	struct removals last;
	struct strlist made;	 /* directories that --install made, the deepest first */
	struct strlist left;	 /* for the user: what stays, as "PATH" or "PATH (why)" */
	struct strlist copied;	 /* for the user: links of theirs that become files */
	struct strlist dangling; /* for the user: links of theirs that will lead nowhere */
	struct strlist back; /* for the user: links that REMOVALS makes again, "PATH -> TARGET" */
};

/* Where to search. */
struct find_request {
	const char *nix_dir;
	int nix_dir_fd;
	const struct home *home;
	/*
	 * The record of the installation. NULL: it cannot be read, and the user wants the store
	 * removed all the same; then everything that leads into the store counts as ours.
	 */
	const struct record *record;
	/* --force: also remove a store, var/nix and var/log/nix that existed before --install */
	bool is_forced;
};

/* Find everything; changes nothing. *OUT is the caller's to clear. */
void find(const struct find_request *request, struct found *out);

void found_clear(struct found *found);

/* Private to the files find*.c: the state of a search. */
struct finder {
	const struct find_request *request;
	bool has_store_paths;
	struct found *out;
};

/* Note that PATH stays, and WHY. */
void finder_leave(struct finder *finder, const char *path, const char *why);

/* Did PATH not exist before --install? */
bool finder_is_new(const struct finder *finder, const char *path);

/* Find what the record lists: links, files, lines. */
void find_recorded(struct finder *finder);

/* Find what Nix and ci-bootstrap made in the home directory: profile, channels, caches. */
void find_in_home(struct finder *finder);

/* Find the user's links to what is removed. Call this when everything but the store was found. */
void find_into(struct finder *finder);

/* Is the Nix directory the host's own /nix? Then links into it lead there outside as well. */
bool find_is_host_nix(const struct finder *finder);

/* Find links that existed before --install and are gone, or will be. Call this last. */
void find_back(struct finder *finder);

/*
 * Was the link PATH there before --install, as a link of another Nix, with the same target as now?
 */
bool find_is_as_before(const struct finder *finder, const char *path);

/*
 * Does the home directory have another Nix than ours? Then what all Nix directories share is not
 * ours.
 */
bool find_has_other_nix(const struct finder *finder);

#endif
