/*
 * Can this host give an unprivileged user a /nix, and if not: why, and what can be done?
 *
 * libc only: this is linked with the chroot core, whose failing entry prints the short form.
 */
#ifndef HOST_CHECK_H
#define HOST_CHECK_H

#include "host/check_step.h"
#include "util/runtime.h"

#include <stdbool.h>

/*
 * Why STEP failed with ERR (a positive errno) on this host, and what the user and an administrator
 * can do: one or more lines of text without a newline at the end, the caller's to free. Never NULL.
 * ROOT is the directory below which /proc, /etc, /boot are read: "" for this host.
 *
 * One unshare(2) for both namespaces is CHECK_USER_NAMESPACE. The failing process itself may call
 * this, also after it has entered its namespaces; while only the old root has a /proc, ROOT is
 * where that is.
 */
char *check_explain(enum check_step step, int err, const char *root);

/*
 * --check: try every step in a child process, look whether NIX_DIR (NULL: none is known) is there
 * or can be made, and report on stdout, as a table or as JSON (host/report.h has its keys). Returns
 * 0 where entering and --install will work by the WANTED runtime (RUNTIME_AUTO: any), also where
 * only Nix's own sandbox will not; 1 where not; 125 where it could not be tried. The caller flushes
 * stdout and looks at its error flag.
 */
int check_run(enum runtime wanted, const char *nix_dir, bool json);

#endif
