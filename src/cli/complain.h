/*
 * What is said about a command line that is not understood: one line what, one line what next.
 */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include "cli/option_table.h"

/*
 * getopt_long(3) did not like WORD, or the option LETTER in it. COMMAND: which was named before it,
 * for where to read on.
 */
void complain_option(const char *word, int letter, enum command command);

/* SPEC goes with another command. */
void complain_scope(const struct option_spec *spec);

/* WORD stands where COMMAND takes none. */
void complain_word(const char *word, enum command command);

/* Is WORD, which stands where no word does, a version of Nix: "2.26.3", "v2.26.3", "nix-2.26.3"? */
bool complain_is_nix_version(const char *word);

/* --version was given WORD, a version of Nix, for an argument. */
void complain_version(const char *word);

#endif
