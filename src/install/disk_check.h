/*
 * Does Nix work on the file systems that it goes to? Known before anything is downloaded.
 */
#ifndef INSTALL_DISK_CHECK_H
#define INSTALL_DISK_CHECK_H

#include "install/nix_conf.h"
#include "install/site.h"

/*
 * Can programs be run from the Nix directory of SITE, and, unless NO_SHIMS, from where the links to
 * Nix's commands go? Changes nothing. 0, or -1 after a message.
 */
int disk_check_exec(const struct site *site, bool no_shims);

/* Tell of a store in ~/.nix, which another one in NIX_DIR would not be. */
void disk_say_elsewhere(const char *nix_dir);

/*
 * Try what Nix needs of the file system of the Nix directory, whose lock the caller has. 0 with
 * what nix.conf has to have for it in *FACTS; or -1 after a message.
 */
int disk_check(int nix_dir_fd, const char *nix_dir, struct nix_conf_facts *facts);

#endif
