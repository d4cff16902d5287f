/*
 * The user's own settings of Nix, which may be meant for another Nix. nix.conf(5) says where Nix
 * reads them: after our nix.conf, so they win.
 */
#ifndef INSTALL_USER_CONF_H
#define INSTALL_USER_CONF_H

/* How many bytes of a nix.conf are read: more than any has. */
#define USER_CONF_MAX (1 << 20)

/*
 * The value that TEXT, lines of a nix.conf, gives the setting NAME: that of the last line that
 * counts. An "include" in TEXT is relative to DIRECTORY; NULL: includes are skipped. The caller
 * frees; NULL: TEXT does not set NAME.
 */
char *user_conf_of_text(const char *text, const char *name, const char *directory);

/*
 * The value that the user's files give NAME: those in NIX_USER_CONF_FILES if that is set, else
 * nix/nix.conf in $XDG_CONFIG_HOME and in the directories of $XDG_CONFIG_DIRS. *WHERE becomes the
 * file, the caller's to free like the value. NULL: none.
 */
char *user_conf_find(const char *name, char **where);

#endif
