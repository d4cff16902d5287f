/*
 * The user's own settings of Nix, which may be meant for another Nix than ours: nix.conf(5) has
 * where Nix reads them. They are read after our nix.conf, and so win over it.
 */
#ifndef INSTALL_USER_CONF_H
#define INSTALL_USER_CONF_H

/* A nix.conf, of the user's or of ours, is a page or two of text: bytes that are read of one. */
#define USER_CONF_MAX (1 << 20)

/*
 * The value that TEXT, lines of a nix.conf, gives the setting NAME: of the last line that counts.
 * DIRECTORY is what an "include" in it is relative to; NULL: includes are passed over. The caller
 * frees; NULL: TEXT says nothing of it.
 */
char *user_conf_of_text(const char *text, const char *name, const char *directory);

/*
 * The value that the user's files give NAME: those of NIX_USER_CONF_FILES, where that is set, else
 * nix/nix.conf in $XDG_CONFIG_HOME and in the directories of $XDG_CONFIG_DIRS. *WHERE is the file,
 * the caller's to free like the value. NULL: none.
 */
char *user_conf_find(const char *name, char **where);

#endif
