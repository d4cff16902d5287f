/* The names of store paths: a fact about Nix that unpacking and the store share. */
#ifndef UTIL_STORE_NAME_H
#define UTIL_STORE_NAME_H

#include <stdbool.h>

/*
 * Is NAME valid as the name of a store path (the part after /nix/store/)? 32 base-32 digits (Nix's:
 * no e, o, t, u), '-', then 1 to 211 of [A-Za-z0-9+-._?=] that do not begin with '.'.
 * https://nix.dev/manual/nix/latest/store/store-path
 */
bool store_name_valid(const char *name);

#endif
