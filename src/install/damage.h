/*
 * What an installation has lost although its store paths all exist: found by looking, in about half
 * a second, without running anything.
 */
#ifndef INSTALL_DAMAGE_H
#define INSTALL_DAMAGE_H

#include "store/nar.h"
#include "store/record.h"

struct damage {
	char *what; /* "/nix/store/… is no longer executable"; NULL: nothing was found */
	/* the store paths themselves are damaged: they have to be unpacked again */
	bool is_in_store;
};

/*
 * Check the store paths of RECORD, the profile's nix, which is NIX as seen from inside, and Nix's
 * database. Programs lose their x bits in archives of CI systems and on FAT; files are empty or cut
 * off after a crash, and have wrong bytes when a disk fails, which the digests in RECORD show. If
 * the database is lost, the next command begins a new one, which knows no store path. DIGEST is
 * nar_digest(), or NULL if the caller knows that the contents of the store paths have not changed.
 * *OUT is the caller's to clear.
 */
void damage_find(int nix_dir_fd, const struct record *record, const char *nix,
		 nar_digest_fn *digest, struct damage *out);

/* Are store paths damaged that an interrupted installation has put there? */
bool damage_is_in_store(int nix_dir_fd, const struct record *record, nar_digest_fn *digest);

/*
 * Are nix.conf and the store paths of RECORD unchanged since the record's file was written, which
 * is the last act of --install? The times of change decide, which nobody can set: they show
 * everything but a failing disk, and save a tenth of a second and libcrypto.
 */
bool damage_is_excluded(int nix_dir_fd, const struct record *record);

/* Does Nix's database know the store path PATH ("/nix/store/…")? */
bool damage_is_registered(int nix_dir_fd, const char *path);

/*
 * Rename a broken database, so that the install script begins a new one, and print that. 0, also if
 * the database is sound or missing, or -1 after a message. NIX_DIR is the path of NIX_DIR_FD.
 */
int damage_put_database_aside(int nix_dir_fd, const char *nix_dir);

void damage_clear(struct damage *damage);

#endif
