/*
 * What this process may do beyond its user ID: capabilities(7).
 */
#ifndef UTIL_CAPABILITY_H
#define UTIL_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

/* Is the capability NUMBER (linux/capability.h) in the effective set? */
bool capability_held(unsigned number);

/*
 * Have the capabilities PERMITTED (a bit each) and no other, of which EFFECTIVE are in effect; none
 * is inheritable, and so none ambient. 0, or -errno: -EPERM where one was given up before.
 */
int capability_set(uint64_t permitted, uint64_t effective);

#endif
