/* From words and environment variables to struct options. */
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/options.h"

/*
 * Parse ARGV (NULL-terminated, ARGC words) and the environment into *OUT, whose strings the caller
 * frees with options_clear(); nix_dir and argv point into ARGV. Prints what is wrong on stderr.
 * Returns 0, or -1 if the program should end with status 125.
 */
int parse_options(int argc, char **argv, struct options *out);

#endif
