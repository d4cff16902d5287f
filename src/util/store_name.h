/*
 * The names of store paths: a fact about Nix that both the unpacking and the store go by.
 */
#ifndef UTIL_STORE_NAME_H
#define UTIL_STORE_NAME_H

#include <stdbool.h>

/*
 * Would Nix take NAME for that of a store path (the part behind /nix/store/)? 32 base-32 digits
 * (Nix's: no e, o, t, u), '-', then 1 to 211 of [A-Za-z0-9+-._?=], the first of them no '.'.
 * https://nix.dev/manual/nix/latest/store/store-path
 */
bool store_name_valid(const char *name);

#endif
