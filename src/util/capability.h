/* The capabilities of this process: capabilities(7). */
#ifndef UTIL_CAPABILITY_H
#define UTIL_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

/* Is the capability NUMBER (linux/capability.h) in the effective set? */
bool capability_held(unsigned number);

/*
 * Have exactly the capabilities PERMITTED (a bit each), with EFFECTIVE of them in effect; none is
 * inheritable, and so none ambient. 0, or -errno: -EPERM if one of them was given up before.
 */
int capability_set(uint64_t permitted, uint64_t effective);

#endif
