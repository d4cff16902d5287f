/*
 * From words and variables to struct options.
 */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/options.h"

/*
 * Read ARGV (NULL-terminated, ARGC words) and the environment into *OUT, whose strings the caller
 * frees with options_clear(); nix_dir and argv point into ARGV. Says on stderr what is wrong.
 * Returns 0, or -1 where the program should end with status 125.
 */
int parse_options(int argc, char **argv, struct options *out);

#endif
