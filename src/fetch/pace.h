/*
 * How fast the bytes of a download come, over all its tries.
 */
#ifndef FETCH_PACE_H
#define FETCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Times are in ms, of any clock that does not go back. A zeroed one is at its beginning. */
struct pace {
	uint64_t
		received; /* bytes that have come, wherever in the file they belong: the caller's */
	uint64_t at_since; /* the same when the window began */
	int64_t since;	   /* when the window began; 0: not yet */
	int64_t seen;	   /* when it was last looked at */
};

/*
 * To be asked about once a second, at the time NOW: did a window of WINDOW seconds end in which
 * fewer than SPEED bytes a second came? A pause in which nobody asked (a wait, a process that was
 * stopped) does not count.
 */
bool pace_is_slow(struct pace *pace, int64_t now, unsigned window, unsigned speed);

#endif
