#include "home/home.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/nix_home.h"
#include "util/xdg.h"

#include <fcntl.h>
#include <stdlib.h>

/*
 * In the order of enum home_document. That of fish is not in its configuration: a directory there
 * would tell that the user uses fish (startup_files.c).
 */
static void find_documents(struct strlist *out)
{
	_cleanup_free_ char *data = xdg_data_home();

	strlist_take(out, path_join(data, "man/man1/nix-user-chroot.1"));
	strlist_take(out, path_join(data, "bash-completion/completions/nix-user-chroot"));
	strlist_take(out, path_join(data, "fish/vendor_completions.d/nix-user-chroot.fish"));
	strlist_take(out, path_join(data, "zsh/site-functions/_nix-user-chroot"));
}

int home_find(struct home *out)
{
	/* the files of install-nix-from-tarball.sh, and some more that later installers may use */
	static const char *const startup_files[] = {
		".bash_profile", ".bash_login", ".profile", ".bashrc",
		".zshenv",	 ".zprofile",	".zshrc",   ".zlogin",
	};
	const char *home = env_get("HOME");
	_cleanup_free_ char *config = NULL, *cache = NULL;

	*out = (struct home){.path = xdg_home()};
	/*
	 * without HOME the Nix install script would fail, but only after everything else was done
	 */
	if (!out->path) {
		log_error("cannot tell where your profile is to be: HOME is %s\nset HOME to your "
			  "home directory",
			  home ? "not an absolute path" : "not set");
		return -1;
	}
	out->state = xdg_state_home();
	out->bin = xdg_bin_home();
	config = xdg_config_home();
	out->config = path_join(config, "nix-user-chroot");
	out->fish_path = path_join(config, "fish/conf.d/nix-user-chroot.fish");
	find_documents(&out->documents);
	nix_home_places("profile", &out->profiles);
	nix_home_places("channels", &out->channels);
	nix_home_places("defexpr", &out->defexprs);
	out->generations = path_join(out->state, "nix/profiles");
	cache = xdg_cache_home();
	out->nix_cache = path_join(cache, "nix");
	for (size_t i = 0; i < sizeof(startup_files) / sizeof(startup_files[0]); i++)
		strlist_take(&out->startup_files, path_join(out->path, startup_files[i]));
	out->fish = path_join(out->path, ".config/fish/conf.d/nix.fish");
	strlist_add(&out->startup_files, out->fish);
	return 0;
}

void home_add_missing(struct strlist *out, const char *path)
{
	_cleanup_free_ char *part = xstrdup(path);

	while (part[0] && part[1] && !strlist_has(out, part) && !fs_exists(AT_FDCWD, part)) {
		char *above = path_parent(part);

		strlist_take(out, part);
		part = above;
	}
}

static void add_all_missing(struct strlist *out, const struct strlist *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		home_add_missing(out, paths->items[i]);
}

void home_missing(const struct home *home, struct strlist *out)
{
	add_all_missing(out, &home->profiles);
	add_all_missing(out, &home->channels);
	add_all_missing(out, &home->defexprs);
	home_add_missing(out, home->generations);
	home_add_missing(out, home->config);
	home_add_missing(out, home->nix_cache);
	home_add_missing(out, home->bin);
	add_all_missing(out, &home->startup_files);
}

static bool leads_to_one_of(const char *path, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (path_is_within(list->items[i], path))
			return true;
	return false;
}

bool home_is_made_later(const struct home *home, const char *path)
{
	return leads_to_one_of(path, &home->profiles) || leads_to_one_of(path, &home->channels) ||
	       leads_to_one_of(path, &home->defexprs) || path_is_within(home->generations, path) ||
	       path_is_within(home->nix_cache, path) || path_is_within(home->config, path);
}

void home_clear(struct home *home)
{
	free(home->path);
	free(home->state);
	free(home->bin);
	free(home->config);
	free(home->generations);
	free(home->nix_cache);
	strlist_clear(&home->profiles);
	strlist_clear(&home->channels);
	strlist_clear(&home->defexprs);
	strlist_clear(&home->startup_files);
	strlist_clear(&home->documents);
	free(home->fish);
	free(home->fish_path);
	*home = (struct home){0};
}
