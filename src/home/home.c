#include "home/home.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/xdg.h"

#include <stdlib.h>
#include <string.h>

/* The XDG base directory specification: a relative path is to be ignored. */
static char *xdg_directory(const char *variable, const char *home, const char *below)
{
	const char *value = env_get(variable);

	return value && *value == '/' ? xstrdup(value) : path_join(home, below);
}

/* "/home/me" of "/home/me/", so that a path below it is written in one way alone. */
static char *without_trailing_slashes(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return xstrndup(path, len);
}

static void add_both(struct strlist *list, const struct home *home, const char *usual,
		     const char *xdg)
{
	strlist_take(list, path_join(home->path, usual));
	strlist_take(list, path_join(home->state, xdg));
}

int home_find(struct home *out)
{
	/* install-nix-from-tarball.sh, and some more for installers to come */
	static const char *const startup_files[] = {
		".bash_profile", ".bash_login", ".profile",
		".bashrc",	 ".zshenv",	".zprofile",
		".zshrc",	 ".zlogin",	".config/fish/conf.d/nix.fish",
	};
	const char *home = env_get("HOME");
	_cleanup_free_ char *config = NULL;

	*out = (struct home){0};
	if (!home || *home != '/') {
		log_error("cannot tell where your profile is: HOME is %s\n"
			  "set HOME to your home directory",
			  home ? "not an absolute path" : "not set");
		return -1;
	}
	out->path = without_trailing_slashes(home);
	home = out->path;
	out->state = xdg_state_home();
	out->cache = xdg_directory("XDG_CACHE_HOME", home, ".cache");
	out->bin = xdg_directory("XDG_BIN_HOME", home, ".local/bin");
	config = xdg_directory("XDG_CONFIG_HOME", home, ".config");
	out->config = path_join(config, "nix-user-chroot");
	add_both(&out->profiles, out, ".nix-profile", "nix/profile");
	add_both(&out->channels, out, ".nix-channels", "nix/channels");
	add_both(&out->defexprs, out, ".nix-defexpr", "nix/defexpr");
	out->generations = path_join(out->state, "nix/profiles");
	out->nix_cache = path_join(out->cache, "nix");
	for (size_t i = 0; i < sizeof(startup_files) / sizeof(startup_files[0]); i++)
		strlist_take(&out->startup_files, path_join(home, startup_files[i]));
	return 0;
}

void home_clear(struct home *home)
{
	free(home->path);
	free(home->state);
	free(home->cache);
	free(home->bin);
	free(home->config);
	free(home->generations);
	free(home->nix_cache);
	strlist_clear(&home->profiles);
	strlist_clear(&home->channels);
	strlist_clear(&home->defexprs);
	strlist_clear(&home->startup_files);
	*home = (struct home){0};
}
