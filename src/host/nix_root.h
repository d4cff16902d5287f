/* Can the host's own /nix be the user's Nix directory? */
#ifndef HOST_NIX_ROOT_H
#define HOST_NIX_ROOT_H

#include <stdbool.h>

/*
 * Why ROOT/nix (ROOT is "" for this host) cannot be the Nix directory: a sentence without a full
 * stop, the caller's to free. NULL: it can, since /nix belongs to the user, or is missing and can
 * be made, and it holds no store except one with a record of ours. Changes nothing.
 */
char *nix_root_refusal(const char *root);

/*
 * Does ROOT/nix hold an installation of the effective user, with a record that says the runtime is
 * direct?
 */
bool nix_root_is_installed(const char *root);

/*
 * Are ROOT's own programs in /nix/store, as on NixOS and in its images? /bin/sh tells. Another /nix
 * would hide these programs, and whatever calls them would fail inside.
 */
bool nix_root_has_programs(const char *root);

#endif
