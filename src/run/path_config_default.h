/*
 * A path-config.toml to begin with, for --print-path-config.
 */
#ifndef RUN_PATH_CONFIG_DEFAULT_H
#define RUN_PATH_CONFIG_DEFAULT_H

#include <stdio.h>

/*
 * Write to F a path-config.toml that fits the host whose / is ROOT ("" for this one): commented,
 * what this host needs as active lines, the rest as examples in comments. path_config_parse() reads
 * it without a warning. Returns 0, or -errno where F could not be written.
 */
int path_config_print_default(FILE *f, const char *root);

#endif
