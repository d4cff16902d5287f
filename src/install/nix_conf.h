/*
 * A nix.conf for this host: NIXPATH/etc/nix/nix.conf, which is /nix/etc/nix/nix.conf inside.
 */
#ifndef INSTALL_NIX_CONF_H
#define INSTALL_NIX_CONF_H

#include "install/request.h"
#include "store/disk.h"
#include "store/record.h"
#include "util/str.h"

#include <stdbool.h>

/* What decides the file. */
struct nix_conf_facts {
	bool is_root;	    /* the user is root */
	bool sandbox_works; /* Nix's build sandbox can be made inside */
	bool asks_sandbox;  /* by another runtime than before: the file has to say which it is */
	const char
		*no_wal; /* the kind of file system on which SQLite's log does not work, or NULL */
	const struct strlist *fixed_xattrs; /* attributes that cannot be removed there, or NULL */
	struct disk disk;		    /* what the two before point into: disk_check.h */
	const struct strlist *extra;	    /* lines to add, in order */
	char *extra_text;		    /* text of a file to add, or NULL */
	char *ssl_cert_file;		    /* what Nix is to trust servers by, absolute, or NULL */
};

/*
 * Read what REQUEST has for nix.conf into *OUT, the caller's to clear: extra, extra_text, and
 * ssl_cert_file: --cacert, or what NIX_SSL_CERT_FILE has beside the host's own bundle. 0, or
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
 * The lines of FACTS that were asked for and have no effect in TEXT, a nix.conf: they are not in
 * it, or a later line says otherwise. Each ends with a newline; the caller frees. NULL: all of them
 * have.
 */
char *nix_conf_lacks(const char *text, const struct nix_conf_facts *facts);

/* Is TEXT, of the file in NIX_DIR, what we have written there, by RECORD? */
bool nix_conf_is_as_written(const struct record *record, const char *nix_dir, const char *text);

/* The file as it was before nix_conf_write(). */
struct nix_conf_before {
	bool is_changed;
	char *text; /* NULL: there was none */
};

/*
 * Can what FACTS has lines for be had? Not where the file in NIX_DIR is no longer as we wrote it,
 * as RECORD has it, and lacks them; nor in one that is not there, unless CAN_WRITE. Returns 0, or
 * -1 after a message; nothing is written.
 */
int nix_conf_check(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   const struct record *record, bool can_write);

/*
 * Write the file where there is none, or add what it lacks of FACTS to one that is as we wrote it,
 * and tell RECORD. Another is the user's and stays; where it lacks the certificates, a word says
 * so. Returns 0 with *BEFORE the caller's to clear, or -1 after a message; NIX_DIR is NIX_DIR_FD's
 * name.
 */
int nix_conf_write(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   struct record *record, struct nix_conf_before *before);

/* Have the file as it was BEFORE, since Nix does not work with it. */
void nix_conf_take_back(int nix_dir_fd, const struct nix_conf_before *before);

void nix_conf_before_clear(struct nix_conf_before *before);

#endif
