/*
 * What an installation has lost though its store paths are all there: found by looking, in about
 * half a second, without running anything.
 */
#ifndef INSTALL_DAMAGE_H
#define INSTALL_DAMAGE_H

#include "store/nar.h"
#include "store/record.h"

struct damage {
	char *what;	  /* "/nix/store/… is not executable any more"; NULL: nothing was found */
	bool is_in_store; /* the store paths themselves: they have to be unpacked again */
};

/*
 * Look at the store paths of RECORD, at NIX, the profile's nix as seen from inside, and at Nix's
 * database. Programs lose their x bits in archives of CI systems and on FAT; files are empty or cut
 * off after a crash, and hold other bytes when a disk fails: the digests in RECORD tell. A database
 * that is lost is begun anew by the next command, and knows no store path. DIGEST is nar_digest(),
 * or NULL where the caller knows that what the store paths hold has not changed. *OUT is the
 * caller's to clear.
 */
void damage_find(int nix_dir_fd, const struct record *record, const char *nix,
		 nar_digest_fn *digest, struct damage *out);

/* The same of the store paths alone, which an installation that was broken off has put there. */
bool damage_is_in_store(int nix_dir_fd, const struct record *record, nar_digest_fn *digest);

/* Does Nix's database know the store path PATH ("/nix/store/…")? */
bool damage_is_registered(int nix_dir_fd, const char *path);

/*
 * Put a database aside that is broken, for the install script to begin a new one, and say so. 0,
 * also where it is well or none is there, or -1 after a message. NIX_DIR is NIX_DIR_FD's name.
 */
int damage_put_database_aside(int nix_dir_fd, const char *nix_dir);

void damage_clear(struct damage *damage);

#endif
