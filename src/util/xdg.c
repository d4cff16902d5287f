#include "util/xdg.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <string.h>

char *xdg_home(void)
{
	const char *home = env_get("HOME");
	size_t len = home ? strlen(home) : 0;

	if (!home || *home != '/')
		return NULL;
	while (len > 1 && home[len - 1] == '/')
		len--;
	return xstrndup(home, len);
}

/* The directory that VARIABLE names, else BELOW in the home directory. */
static char *find(const char *variable, const char *below)
{
	const char *named = env_get(variable);
	_cleanup_free_ char *home = xdg_home();

	if (named && *named == '/')
		return xstrdup(named);
	return home ? path_join(home, below) : NULL;
}

char *xdg_data_home(void)
{
	return find("XDG_DATA_HOME", ".local/share");
}

char *xdg_state_home(void)
{
	return find("XDG_STATE_HOME", ".local/state");
}

char *xdg_cache_home(void)
{
	return find("XDG_CACHE_HOME", ".cache");
}

char *xdg_config_home(void)
{
	return find("XDG_CONFIG_HOME", ".config");
}

char *xdg_bin_home(void)
{
	return find("XDG_BIN_HOME", ".local/bin");
}
