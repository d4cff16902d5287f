/* How fast the bytes of a download come, over all its tries. */
#ifndef FETCH_PACE_H
#define FETCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Times are in ms, of any clock that never goes back. Start with a zeroed struct. */
struct pace {
	uint64_t
		/* bytes that have come, wherever in the file they belong; the caller adds them */
		received;
	uint64_t at_since; /* received when the window began */
	int64_t since;	   /* when the window began; 0: not yet */
	int64_t seen;	   /* when pace_is_slow() was last called */
};

/*
 * Did a window of WINDOW seconds end at the time NOW in which fewer than SPEED bytes a second came?
 * Call this about once a second. A time without calls (a wait, a stopped process) does not count.
 */
bool pace_is_slow(struct pace *pace, int64_t now, unsigned window, unsigned speed);

#endif
