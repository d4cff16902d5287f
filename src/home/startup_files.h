/*
 * The line that the Nix install script adds to the startup files of the user's shells, and how it
 * is removed again.
 *
 * The script (install-nix-from-tarball.sh of Nix) appends "
 * if [ -e F ]; then . F; fi # added by Nix installer
 * ", where F is etc/profile.d/nix.sh in the profile. For fish it writes a file of its own, with
 * nix.fish. If the list of channels has no nixpkgs yet, the script adds
 * "https://nixos.org/channels/nixpkgs-unstable nixpkgs" by nix-channel.
 */
#ifndef HOME_STARTUP_FILES_H
#define HOME_STARTUP_FILES_H

#include "util/sha256.h"

#include <stdbool.h>
#include <stddef.h>

/* The first such line in TEXT (LEN bytes of any value), with its length in *OUT_LEN; NULL: none. */
const char *startup_text_line(const char *text, size_t len, size_t *out_len);

/*
 * TEXT without such lines, *OUT_LEN bytes and a NUL; the caller frees. The newline that the script
 * put before its line is removed too if it made an empty line. If it ended a last line that had no
 * newline, it is removed only at the end of the file: two lines are never joined. All other bytes
 * stay.
 */
char *startup_text_without_line(const char *text, size_t len, size_t *out_len);

/*
 * Does the file PATH have such a line? 1 with the digest of the first one in *DIGEST (unless NULL),
 * 0 (also if there is no file), or a negative errno.
 */
int startup_file_has_line(const char *path, struct sha256 *digest);

/*
 * Remove such lines from the file PATH, or from the file that the symlink PATH leads to. The file
 * is at every instant the old one or the new one, with the same mode and owner. REMOVE_EMPTY: a
 * file that becomes empty is removed. Returns 0, also if there is no such line, or a negative
 * errno.
 */
int startup_file_clean(const char *path, bool remove_empty);

/* The end of a line of our own in a startup file. */
#define STARTUP_MARK "# added by nix-user-chroot --install"

/* Is TEXT a line of the file PATH? 1, 0 (also if there is no file), or a negative errno. */
int startup_file_has_text(const char *path, const char *text);

/* Does the file PATH have a line that ends with STARTUP_MARK? As startup_file_has_line(). */
int startup_file_has_own_line(const char *path, struct sha256 *digest);

/*
 * Could startup_file_put_text() add a line? 0, or a negative errno with the reason. A read-only
 * file stays as it is.
 */
int startup_file_can_change(const char *path);

/*
 * Make TEXT, a line that ends with STARTUP_MARK, the first line of the file PATH, or the second if
 * the first begins with "#!". A missing file is made. If PATH is a symlink, the file that it leads
 * to is replaced; a new file has the mode and owner of the old one. If the line is there already,
 * nothing is done. Returns 0 or a negative errno.
 */
int startup_file_put_text(const char *path, const char *text);

/* As startup_file_clean(), for lines that end with STARTUP_MARK. */
int startup_file_clean_own(const char *path, bool remove_empty);

/* Does the file PATH exist, and hold more than the script's line, as far as we can read it? */
bool startup_file_is_users(const char *path);

/*
 * Could the script write fish's file PATH, or will it not touch it because fish is not in use? If
 * it cannot write the file, the script ends there.
 */
bool startup_file_fish_is_free(const char *path);

/*
 * The script writes fish's file anew, whatever it contains. Before the script runs, keep a copy of
 * the file PATH as COPY in DIR, unless there is no such file or it has only the script's line. A
 * copy that a killed run left is put back first. Returns 0 or a negative errno.
 */
int startup_file_keep(const char *path, int dir, const char *copy);

/*
 * If COPY exists, write it back to PATH, or to the file that the link PATH leads to; if PATH is not
 * as the script leaves it, no copy is needed. Then remove COPY. Returns 0 or a negative errno.
 */
int startup_file_put_back(const char *path, int dir, const char *copy);

#endif
