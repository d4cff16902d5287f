/*
 * What the processes of confine.h tell the one that starts them: once, that the worker is confined,
 * or why it cannot be.
 */
#ifndef UNPACK_CONFINE_STATUS_H
#define UNPACK_CONFINE_STATUS_H

/* Where they have their descriptors; the worker keeps the first three. */
enum { AT_IN, AT_OUT, AT_ERR, AT_KEEP, AT_STATUS, AT_ROOT, AT_END };

struct confine_status {
	int err;      /* errno; 0: confined */
	int landlock; /* as in struct confined */
	char what[60];
};

/* Tell of STEP, which failed with the errno ERR, and end. */
_Noreturn void status_give_up(const char *step, int err);

/* The same with errno where RESULT, of STEP, is negative. */
void status_must(int result, const char *step);

/* Tell that the worker is confined. The descriptor is closed. */
void status_confined(int landlock);

#endif
