/*
 * Can this host give an unprivileged user a /nix? If not: why, and what can be done?
 *
 * libc only: the program that enters links this, and prints the short form when entering fails.
 */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

#include "host/bundled_nix.h"
#include "host/check_step.h"
#include "util/runtime.h"

#include <stdbool.h>

/*
 * Why STEP failed with ERR (a positive errno) on this host, and what the user and an administrator
 * can do: one or more lines without a newline at the end, the caller's to free. Never NULL. /proc,
 * /etc and /boot are read below the directory ROOT: "" for this host.
 *
 * An unshare(2) of both namespaces at once is CHECK_USER_NAMESPACE. The process whose step failed
 * may call this itself, also after it has entered namespaces; if only the old root has a /proc by
 * then, ROOT is the old root.
 */
char *check_explain(enum check_step step, int err, const char *root);

/*
 * --check: try every step in a child process, look whether NIX_DIR (NULL: unknown) exists or can be
 * made, and report on stdout, as a table or as JSON (host/report.h lists the keys). BUNDLE is the
 * Nix in the file of this program; NULL: none. Returns 0 if entering and --install will work by the
 * WANTED runtime (RUNTIME_AUTO: any), even if Nix's own sandbox will not; 1 if not; 125 if nothing
 * could be tried. The caller flushes stdout and checks its error flag.
 */
int check_run(enum runtime wanted, const char *nix_dir, const struct bundled_nix *bundle,
	      bool json);

#endif
