/*
 * The receipt: what was installed, written last. Lines of "KEY VALUE" in
 * NIXPATH/var/nix-user-chroot/receipt.
 */
#ifndef STORE_RECEIPT_H
#define STORE_RECEIPT_H

#include "util/sha256.h"
#include "store/traces.h"
#include "store/layout.h"
#include "util/str.h"

#include <stddef.h>

/* Below the Nix directory. */
#define RECEIPT_FILE WORKSPACE_STATE "/receipt"

struct receipt {
	char *version; /* of Nix; NULL: the tarball's name did not tell */
	char *system;
	char *source; /* the tarball's URL */
	struct sha256 sha256;
	struct strlist paths; /* store names that came with it, HASH-NAME */
	struct traces traces; /* what --uninstall goes by */
};

/*
 * Read TEXT (LEN bytes of any kind) into *OUT, the caller's to clear. Unknown keys are passed over.
 * Returns 0, or -EBADMSG with *OUT empty where it is no receipt: another format, no sha256 or no
 * path, a store name that Nix would not take, a path that is not absolute, NUL bytes, no newline at
 * the end.
 */
int receipt_parse(const char *text, size_t len, struct receipt *out);

/* The text of RECEIPT; the caller frees. */
char *receipt_format(const struct receipt *receipt);

/* The receipt in the Nix directory NIX_DIR_FD: 0, -ENOENT, -EBADMSG or another negative errno. */
int receipt_read(int nix_dir_fd, struct receipt *out);

/* Put the receipt there, complete or not at all, and on disk. 0 or a negative errno. */
int receipt_write(int nix_dir_fd, const struct receipt *receipt);

void receipt_clear(struct receipt *receipt);

#endif
