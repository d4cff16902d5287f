#include "run/profile.h"
#include "run/inside.h"
#include "run/read_only.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/nix_home.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A path of PROFILE that can be on PATH, where colons separate the directories; NULL: none. */
static char *without_colon(const char *profile)
{
	/* /nix/store/HASH-user-environment: fixes this generation until the next entry */
	_cleanup_free_ char *real =
		strchr(profile, ':') ? realpath(profile, NULL) : xstrdup(profile);

	return real && !strchr(real, ':') ? steal_ptr(&real) : NULL;
}

/*
 * The user's places, and the profile of all who use the Nix directory. That comes first if somebody
 * else keeps the directory: a profile of the user's own Nix elsewhere may happen to be in its
 * store.
 */
static void find_places(struct strlist *out)
{
	static const char shared[] = "/nix/var/nix/profiles/default";

	if (read_only_is_set())
		strlist_add(out, shared);
	nix_home_places("profile", out);
	if (!read_only_is_set())
		strlist_add(out, shared);
}

char *profile_find(void)
{
	_cleanup_(strlist_clear) struct strlist places = {0};

	find_places(&places);
	for (size_t i = 0; i < places.count; i++) {
		_cleanup_free_ char *bin = path_join(places.items[i], "bin");

		if (access(bin, X_OK) == 0)
			return without_colon(places.items[i]);
	}
	return NULL;
}

void profile_directories(struct strlist *out)
{
	_cleanup_(strlist_clear) struct strlist places = {0};

	find_places(&places);
	for (size_t i = 0; i < places.count; i++)
		strlist_take(out, path_join(places.items[i], "bin"));
}

char *profile_resolve(int nix_dir_fd, const char *name, const char *below)
{
	_cleanup_(strlist_clear) struct strlist places = {0};

	nix_home_places(name, &places);
	for (size_t i = 0; i < places.count; i++) {
		_cleanup_free_ char *path = path_join(places.items[i], below), *resolved = NULL;

		if (run_resolve_inside(nix_dir_fd, path, &resolved) == 0 &&
		    str_starts_with(resolved, "/nix/store/"))
			return steal_ptr(&resolved);
	}
	return NULL;
}
