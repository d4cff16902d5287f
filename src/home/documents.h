/*
 * The man page and the shells' completions, which the program in one file has with it, for its copy
 * in the user's home directory. Where a package installed the program, it installed these too.
 */
#ifndef HOME_DOCUMENTS_H
#define HOME_DOCUMENTS_H

#include "home/home.h"

#include <stddef.h>

enum document_action {
	DOCUMENT_NONE,	/* none is wanted: the program has none, or no shell would look there */
	DOCUMENT_KEEP,	/* it is there */
	DOCUMENT_MAKE,	/* also over an older one of ours */
	DOCUMENT_LEAVE, /* something is there that is not ours */
};

struct document {
	char *path;
	enum document_action action;
	const unsigned char *data;
	size_t len;
};

struct documents {
	struct document items[DOCUMENT_COUNT];
};

/*
 * Find out what is to be done, and change nothing. OURS (NULL: none) has the digests, in hex, of
 * what earlier installations put there. *OUT is the caller's to clear.
 */
void documents_look(const struct home *home, const struct strlist *ours, struct documents *out);

/* Is there one to be made? Is one not as it should be, be it not ours? */
bool documents_have_work(const struct documents *documents);
bool documents_differ(const struct documents *documents);

/* Do it. What cannot be done is a warning. */
void documents_carry_out(const struct documents *documents);

void documents_clear(struct documents *documents);

#endif
