/*
 * The user's directories of the XDG base directory specification: an absolute path in the variable,
 * else a place below $HOME. A relative path in the variable is ignored, as the specification
 * demands. Each function returns NULL if neither is an absolute path; the caller frees.
 */
#ifndef UTIL_XDG_H
#define UTIL_XDG_H

/* $HOME without slashes at its end; NULL if it is not an absolute path. */
char *xdg_home(void);

char *xdg_data_home(void);   /* $XDG_DATA_HOME, else ~/.local/share */
char *xdg_state_home(void);  /* $XDG_STATE_HOME, else ~/.local/state */
char *xdg_cache_home(void);  /* $XDG_CACHE_HOME, else ~/.cache */
char *xdg_config_home(void); /* $XDG_CONFIG_HOME, else ~/.config */

/* $XDG_BIN_HOME, else ~/.local/bin. The specification has the directory, but no variable for it. */
char *xdg_bin_home(void);

#endif
