/*
 * Messages about a mistyped command line: a line that says what is wrong, and a line that says what
 * to do.
 */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include "cli/option_table.h"

/*
 * getopt_long(3) refused WORD, or the option LETTER in it. COMMAND, named before WORD, selects the
 * help page to point to.
 */
void complain_option(const char *word, int letter, enum command command);

/* SPEC belongs to another command. */
void complain_scope(const struct option_spec *spec);

/* WORD is an argument, and COMMAND takes none. */
void complain_word(const char *word, enum command command);

/* Is WORD, an unexpected argument, a version of Nix: "2.26.3", "v2.26.3", "nix-2.26.3"? */
bool complain_is_nix_version(const char *word);

/* --version was followed by WORD, a version of Nix. */
void complain_version(const char *word);

#endif
