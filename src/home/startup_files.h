/*
 * The line that the Nix install script adds to the startup files of the user's shells, and how it
 * is taken out again.
 *
 * The script (install-nix-from-tarball.sh of Nix) appends "\nif [ -e F ]; then . F; fi # added by
 * Nix installer\n", where F is etc/profile.d/nix.sh in the profile; for fish it writes a file of
 * its own, with nix.fish. Into the list of channels, where that has no nixpkgs yet, it has
 * nix-channel put "https://nixos.org/channels/nixpkgs-unstable nixpkgs".
 */
#ifndef HOME_STARTUP_FILES_H
#define HOME_STARTUP_FILES_H

#include "util/sha256.h"

#include <stdbool.h>
#include <stddef.h>

/* The first such line in TEXT (LEN bytes of any kind), *OUT_LEN bytes; NULL: there is none. */
const char *startup_text_line(const char *text, size_t len, size_t *out_len);

/*
 * TEXT without such lines, *OUT_LEN bytes and a NUL behind; the caller frees. The newline that the
 * script put in front goes too, where it made an empty line. Where it ended a last line that had no
 * newline of its own, it goes only from the end of the file: two lines are never joined. Every
 * other byte stays.
 */
char *startup_text_without_line(const char *text, size_t len, size_t *out_len);

/*
 * Does the file PATH have such a line? 1 with the digest of the first one in *DIGEST (unless that
 * is NULL), 0 (also where there is no file), or a negative errno.
 */
int startup_file_has_line(const char *path, struct sha256 *digest);

/*
 * Take such lines out of the file PATH, which is at every instant the old or the new one, with its
 * mode and owner; of a symlink it is the file behind it. REMOVE_EMPTY: a file in which nothing is
 * left goes. Returns 0, also where there is no such line, or a negative errno.
 */
int startup_file_clean(const char *path, bool remove_empty);

/* How a line of our own in a startup file ends. */
#define STARTUP_MARK "# added by nix-user-chroot --install"

/* Is TEXT a line of the file PATH? 1, 0 (also where there is no file), or a negative errno. */
int startup_file_has_text(const char *path, const char *text);

/*
 * The same for a line that ends with STARTUP_MARK, with its digest in *DIGEST.
 */
int startup_file_has_own_line(const char *path, struct sha256 *digest);

/* Can startup_file_put_text() do it? 0 or a negative errno: why not. A read-only file stays. */
int startup_file_can_change(const char *path);

/*
 * Make TEXT, a line that ends with STARTUP_MARK, the first line of the file PATH, or the second
 * where the first begins with "#!". A file that is not there is made. What is written is a new file
 * with the mode and owner of the old one; of a symlink it is the file behind it. Nothing is done
 * where the line is there. Returns 0 or a negative errno.
 */
int startup_file_put_text(const char *path, const char *text);

/* As startup_file_clean(), for lines that end with STARTUP_MARK. */
int startup_file_clean_own(const char *path, bool remove_empty);

/* Is the file PATH there with more in it than the script's line, be it that we cannot read it? */
bool startup_file_is_users(const char *path);

/*
 * Could the script write fish's file PATH, or does it leave that alone, since fish is not in use?
 * It ends where it cannot.
 */
bool startup_file_fish_is_free(const char *path);

/*
 * The script writes fish's file anew, whatever was in it. Before it runs, keep a copy of the file
 * PATH as COPY in DIR, unless there is no such file or nothing in it but the script's line; a copy
 * that a killed run has left is put back first. Returns 0 or a negative errno.
 */
int startup_file_keep(const char *path, int dir, const char *copy);

/*
 * Where COPY is there: write it back into PATH, or the file behind that link, unless PATH is not as
 * the script leaves it, and so needs no copy; then remove COPY. Returns 0 or a negative errno.
 */
int startup_file_put_back(const char *path, int dir, const char *copy);

#endif
