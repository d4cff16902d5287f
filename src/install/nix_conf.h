/* nix.conf for this host: NIXPATH/etc/nix/nix.conf, which is /nix/etc/nix/nix.conf inside. */
#ifndef INSTALL_NIX_CONF_H
#define INSTALL_NIX_CONF_H

#include "install/request.h"
#include "store/disk.h"
#include "store/record.h"
#include "util/str.h"

#include <stdbool.h>

/* What the contents of the file depend on. */
struct nix_conf_facts {
	bool is_root;	    /* the user is root */
	bool sandbox_works; /* Nix's build sandbox can be made inside */
	/* the runtime was changed, so whether builds have a sandbox has to be written anew */
	bool asks_sandbox;
	const char
		*no_wal; /* the type of file system on which SQLite's log does not work, or NULL */
	/* attributes that the file system does not let Nix remove, or NULL */
	const struct strlist *fixed_xattrs;
	/* no_wal and fixed_xattrs point into this: disk_check.h */
	struct disk disk;
	const struct strlist *extra; /* lines to add, in order */
	char *extra_text;	     /* text of a file to add, or NULL */
	/* the certificates for Nix, an absolute path, or NULL */
	char *ssl_cert_file;
};

/*
 * Read what REQUEST has for nix.conf into *OUT, the caller's to clear: extra, extra_text, and
 * ssl_cert_file, which is --cacert or, unless it is the host's own bundle, NIX_SSL_CERT_FILE. 0, or
 * -1 after a message: a file is unreadable, or Nix would not accept a line.
 */
int nix_conf_read_extra(const struct install_request *request, struct nix_conf_facts *out);

void nix_conf_facts_clear(struct nix_conf_facts *facts);

/* The text, with a comment that explains each line. The caller frees. */
char *nix_conf_text(const struct nix_conf_facts *facts);

/*
 * The first line of TEXT that would make Nix fail at each start: one that is no comment and no
 * "include FILE" or "!include FILE", and has no " = " after its first word (nix.conf(5)). A copy,
 * the caller's to free; NULL if there is none.
 */
char *nix_conf_bad_line(const char *text);

/* The lines that FACTS asks for, whether a nix.conf has them or not. The caller frees. */
char *nix_conf_wanted(const struct nix_conf_facts *facts);

/*
 * The lines that FACTS asks for and that have no effect in TEXT, a nix.conf: they are missing, or a
 * later line overrides them. Each ends with a newline; the caller frees. NULL: all have effect.
 */
char *nix_conf_lacks(const char *text, const struct nix_conf_facts *facts);

/* Is TEXT, of the file in NIX_DIR, what we wrote there, according to RECORD? */
bool nix_conf_is_as_written(const struct record *record, const char *nix_dir, const char *text);

/* The file before nix_conf_write(). */
struct nix_conf_before {
	bool is_changed;
	char *text; /* NULL: there was none */
};

/*
 * Can the lines of FACTS take effect? Not if the file in NIX_DIR, according to RECORD, was edited
 * since we wrote it, and lacks them; nor, unless CAN_WRITE, if the file is missing. Returns 0, or
 * -1 after a message; writes nothing.
 */
int nix_conf_check(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   const struct record *record, bool can_write);

/*
 * Write the file if there is none, or add what FACTS asks for to a file that is as we wrote it, and
 * note that in RECORD. Any other file is the user's and stays; a message says so if it lacks the
 * certificates. Returns 0 with *BEFORE the caller's to clear, or -1 after a message; NIX_DIR is the
 * path of NIX_DIR_FD.
 */
int nix_conf_write(int nix_dir_fd, const char *nix_dir, const struct nix_conf_facts *facts,
		   struct record *record, struct nix_conf_before *before);

/* Restore the file as it was BEFORE, because Nix does not work with the new one. */
void nix_conf_take_back(int nix_dir_fd, const struct nix_conf_before *before);

void nix_conf_before_clear(struct nix_conf_before *before);

#endif
