/*
 * A nix.conf for this host: NIXPATH/etc/nix/nix.conf, which is /nix/etc/nix/nix.conf inside.
 */
#ifndef INSTALL_NIX_CONF_H
#define INSTALL_NIX_CONF_H

#include "install/request.h"
#include "store/record.h"
#include "util/str.h"

#include <stdbool.h>

/* What decides the file. */
struct nix_conf_facts {
	bool is_root;	    /* the user is root */
	bool sandbox_works; /* Nix's build sandbox can be made inside */
	const char
		*no_wal; /* the kind of file system on which SQLite's log does not work, or NULL */
	const struct strlist *fixed_xattrs; /* attributes that cannot be removed there, or NULL */
	const struct strlist *extra;	    /* lines to add, in order */
	char *extra_text;		    /* text of a file to add, or NULL */
};

/*
 * Read what REQUEST has for nix.conf into *OUT, the caller's to clear: extra and extra_text. 0, or
 * -1 after a message: a file cannot be read, or a line is none that Nix would take.
 */
int nix_conf_read_extra(const struct install_request *request, struct nix_conf_facts *out);

void nix_conf_facts_clear(struct nix_conf_facts *facts);

/* The text, every line with a comment on why it is there. The caller frees. */
char *nix_conf_text(const struct nix_conf_facts *facts);

/*
 * The first line of TEXT that Nix would refuse to read, which would be each time it is started:
 * what is no comment, no "include FILE" or "!include FILE", and has no " = " behind its first word
 * (nix.conf(5)). A copy, the caller's to free; NULL where all are well.
 */
char *nix_conf_bad_line(const char *text);

/*
 * Write the file where there is none, and into RECORD that it is ours. A file that is there is the
 * user's and stays, with a word where FACTS has lines to add. Returns 1 where it was written, 0
 * where it is there, or -1 after a message; NIX_DIR is NIX_DIR_FD's name.
 */
int nix_conf_write(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   struct record *record);

#endif
