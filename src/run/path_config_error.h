/* Messages about errors in path-config.toml. */
#ifndef RUN_PATH_CONFIG_ERROR_H
#define RUN_PATH_CONFIG_ERROR_H

#include "chroot/path_config.h"

/*
 * Read the path config of the directory NIX_DIR_FD, which the user knows as NIX_DIR, and report
 * what is wrong with it. Returns 0 with *OUT the caller's to clear, or -1 after an error, with *OUT
 * empty.
 */
int path_config_read(int nix_dir_fd, const char *nix_dir, struct path_config *out);

/* Report each of PROBLEMS of the file FILE, as an error or a warning. */
void path_config_say(const char *file, const struct path_config_problems *problems);

#endif
