/*
 * What an installation has lost though its store paths are all there: found by looking, in less
 * than a second, without running anything.
 */
#ifndef INSTALL_DAMAGE_H
#define INSTALL_DAMAGE_H

#include "store/record.h"

struct damage {
	char *what;	  /* "/nix/store/… is not executable any more"; NULL: nothing was found */
	bool is_in_store; /* the store paths themselves: they have to be unpacked again */
};

/*
 * Look at the store paths of RECORD, at NIX, the profile's nix as seen from inside, and at Nix's
 * database. Programs lose their x bits in archives of CI systems and on FAT; files are empty after
 * a crash; a database that is lost is begun anew by the next command, and knows no store path. *OUT
 * is the caller's to clear.
 */
void damage_find(int nix_dir_fd, const struct record *record, const char *nix, struct damage *out);

/* The same of the store paths alone, which an installation that was broken off has put there. */
bool damage_is_in_store(int nix_dir_fd, const struct record *record);

/* Does Nix's database know the store path PATH ("/nix/store/…")? */
bool damage_is_registered(int nix_dir_fd, const char *path);

void damage_clear(struct damage *damage);

#endif
