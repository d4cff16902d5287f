#include "fetch/pace.h"

enum { PAUSE = 10000 /* ms */ };

bool pace_is_slow(struct pace *pace, int64_t now, unsigned window, unsigned speed)
{
	bool slow;

	if (pace->since == 0) {
		pace->since = pace->seen = now;
		pace->at_since = pace->received;
	}
	if (now - pace->seen > PAUSE)
		pace->since += now - pace->seen;
	pace->seen = now;
	if (now - pace->since < (int64_t)window * 1000)
		return false;
	slow = pace->received - pace->at_since < (uint64_t)speed * window;
	pace->since = now;
	pace->at_since = pace->received;
	return slow;
}
