/* An example of path-config.toml, for --print-path-config. */
#ifndef RUN_PATH_CONFIG_DEFAULT_H
#define RUN_PATH_CONFIG_DEFAULT_H

#include <stdio.h>

/*
 * Write to F a path-config.toml for the host whose / is ROOT ("" for this one), with comments:
 * active lines for what this host needs, and examples as comments. path_config_parse() reads it
 * without a warning. Returns 0, or -errno if F could not be written.
 */
int path_config_print_default(FILE *f, const char *root);

#endif
