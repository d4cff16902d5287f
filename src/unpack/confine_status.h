/*
 * The one message that the child (confine.h) sends to its caller: the worker is confined, or why it
 * cannot be.
 */
#ifndef UNPACK_CONFINE_STATUS_H
#define UNPACK_CONFINE_STATUS_H

/* The descriptors of the child's processes; the worker keeps the first three. */
enum { AT_IN, AT_OUT, AT_ERR, AT_KEEP, AT_STATUS, AT_ROOT, AT_END };

struct confine_status {
	int err;      /* errno; 0: confined */
	int landlock; /* as in struct confined */
	char what[60];
};

/* Report that STEP failed with the errno ERR, and end. */
_Noreturn void status_give_up(const char *step, int err);

/* If RESULT, of STEP, is negative, report it with errno, and end. */
void status_must(int result, const char *step);

/* Report that the worker is confined, and close the descriptor. */
void status_confined(int landlock);

#endif
