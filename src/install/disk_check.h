/*
 * Does Nix work on the file systems where it is to be installed? Checked before anything is
 * downloaded.
 */
#ifndef INSTALL_DISK_CHECK_H
#define INSTALL_DISK_CHECK_H

#include "install/nix_conf.h"
#include "install/site.h"

/*
 * Can programs run from the Nix directory of SITE, and, unless NO_SHIMS, from the directory of the
 * links to Nix's commands? Changes nothing. 0, or -1 after a message.
 */
int disk_check_exec(const struct site *site, bool no_shims);

/* Print that there is a store in ~/.nix, if a new one is to be made in NIX_DIR. */
void disk_say_elsewhere(const char *nix_dir);

/*
 * Try what Nix needs of the file system of the Nix directory, whose lock the caller holds. 0 with
 * the settings that nix.conf needs for it in *FACTS; or -1 after a message.
 */
int disk_check(int nix_dir_fd, const char *nix_dir, struct nix_conf_facts *facts);

#endif
