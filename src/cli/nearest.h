/* Which known word a mistyped word was meant to be. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/*
 * The number of typing errors between A and B: a byte left out, added or changed, or two neighbours
 * exchanged (optimal string alignment distance). SIZE_MAX if one is longer than 63 bytes.
 */
size_t nearest_distance(const char *a, const char *b);

/*
 * The one of the COUNT WORDS that is nearest to TYPED; the first of several. NULL: none is near
 * enough. Up to three bytes may have one error, up to seven two, longer ones three, and never all
 * bytes.
 */
const char *nearest_word(const char *typed, const char *const *words, size_t count);

#endif
