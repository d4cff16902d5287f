/* Where Nix keeps files in the user's home directory. */
#ifndef UTIL_NIX_HOME_H
#define UTIL_NIX_HOME_H

#include "util/str.h"

/*
 * Add to *OUT the places of NAME ("profile", "channels", "defexpr") in the order in which Nix
 * searches them: ~/.nix-NAME, then $XDG_STATE_HOME/nix/NAME, used with use-xdg-base-directories
 * (nix.conf(5)). Without HOME there may be fewer.
 */
void nix_home_places(const char *name, struct strlist *out);

#endif
