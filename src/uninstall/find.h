/*
 * What an installation has made, and so goes with it; and what lies beside it, and stays.
 */
#ifndef UNINSTALL_FIND_H
#define UNINSTALL_FIND_H

#include "home/home.h"
#include "store/record.h"
#include "uninstall/removal.h"

#include <stdbool.h>

struct found {
	/* all but the record, the lock, and what they lie in */
	struct removals removals;
	/*
	 * The copy of the program itself, by which a run that was broken off is repeated: to be
	 * removed when all else is gone.
	 */
	struct removals last;
	struct strlist made;	 /* directories that were not there before us, the deepest first */
	struct strlist left;	 /* for the user: "PATH", "PATH (why)" */
	struct strlist copied;	 /* for the user: links of theirs that become files */
	struct strlist dangling; /* for the user: links of theirs that will lead nowhere */
	struct strlist back; /* for the user: links that REMOVALS makes again, "PATH -> TARGET" */
};

/* Where is looked. */
struct find_request {
	const char *nix_dir;
	int nix_dir_fd;
	const struct home *home;
	/*
	 * What the installation wrote down. NULL: there is no record that can be read, and the user
	 * wants the store removed all the same; then what leads into the store counts as ours.
	 */
	const struct record *record;
	/* --force: the store, var/nix and var/log/nix go also where they were there before us */
	bool is_forced;
};

/* Look; changes nothing. *OUT is the caller's to clear. */
void find(const struct find_request *request, struct found *out);

void found_clear(struct found *found);

/* Private to the files find*.c: a search under way. */
struct finder {
	const struct find_request *request;
	bool has_store_paths;
	struct found *out;
};

/* PATH stays, and the user is told WHY. */
void finder_leave(struct finder *finder, const char *path, const char *why);

/* Was PATH not there before us? */
bool finder_is_new(const struct finder *finder, const char *path);

/* What the record lists: links, files, lines. */
void find_recorded(struct finder *finder);

/* What Nix and ci-bootstrap have made in the home directory: profile, channels, caches. */
void find_in_home(struct finder *finder);

/* Links of the user's into what goes, of which all but the store's have been found. */
void find_into(struct finder *finder);

/* Is the Nix directory the host's own /nix? What leads there leads there outside too. */
bool find_is_host_nix(const struct finder *finder);

/* Links that were there before us, and are not now, or will not be. Comes behind all others. */
void find_back(struct finder *finder);

/* Is the link PATH another Nix's, which was there before us, and leads where it led then? */
bool find_is_as_before(const struct finder *finder, const char *path);

/* Has the home directory another Nix than ours? Then what all of them share is not ours. */
bool find_has_other_nix(const struct finder *finder);

#endif
