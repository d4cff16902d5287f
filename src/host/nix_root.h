/*
 * Can /nix of the host itself be the user's Nix directory?
 */
#ifndef HOST_NIX_ROOT_H
#define HOST_NIX_ROOT_H

#include <stdbool.h>

/*
 * Why not: a sentence without its full stop, the caller's to free; NULL: it can. /nix is the user's
 * own, or it is not there and may be made, and no store is in it but one with a record of ours.
 * Looks at ROOT/nix, "" for this host's; changes nothing.
 */
char *nix_root_refusal(const char *root);

/*
 * Does ROOT/nix hold an installation of the effective user whose record says that it is
 * used directly?
 */
bool nix_root_is_installed(const char *root);

/*
 * Do ROOT's own programs live in /nix/store, as on NixOS and in its images? Tells by /bin/sh. Any
 * other /nix would hide them, and all that calls them would fail inside.
 */
bool nix_root_has_programs(const char *root);

#endif
