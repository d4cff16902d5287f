/*
 * The man page and the shells' completions. The program in one file contains them, and --install
 * writes them into the user's home directory beside the program's copy. A package that installs the
 * program installs its own.
 */
#ifndef HOME_DOCUMENTS_H
#define HOME_DOCUMENTS_H

#include "home/home.h"

#include <stddef.h>

enum document_action {
	DOCUMENT_NONE,	/* none is wanted: the program has none, or no shell would look there */
	DOCUMENT_KEEP,	/* the right file is there already */
	DOCUMENT_MAKE,	/* write the file, also over an older one of ours */
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

/*
 * documents_have_work(): is there a document to write? documents_differ(): is there one to write,
 * or a file that is not ours in the place of one?
 */
bool documents_have_work(const struct documents *documents);
bool documents_differ(const struct documents *documents);

/* Write the documents. A failure is only a warning. */
void documents_carry_out(const struct documents *documents);

void documents_clear(struct documents *documents);

#endif
