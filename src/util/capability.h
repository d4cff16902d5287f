/*
 * What this process may do beyond its user ID: capabilities(7).
 */
#ifndef UTIL_CAPABILITY_H
#define UTIL_CAPABILITY_H

#include <stdbool.h>

/* Is the capability NUMBER (linux/capability.h) in the effective set? */
bool capability_held(unsigned number);

#endif
