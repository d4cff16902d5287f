/* What a user may have meant by a NIXPATH that is no directory. */
#ifndef CLI_NIXPATH_ADVICE_H
#define CLI_NIXPATH_ADVICE_H

/*
 * Advice for a user who gave WORD as NIXPATH, although it is no directory: WORD is a command, which
 * goes after "--", or an option without its hyphens. The caller frees. NULL: WORD is a directory,
 * or nothing is known about it.
 */
char *nixpath_advice(const char *word);

#endif
