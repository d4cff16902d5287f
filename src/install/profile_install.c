#include "install/profile_install.h"
#include "run/inside.h"
#include "run/profile.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <stddef.h>
#include <string.h>

/*
 * A profile for the script alone, with the directory of its generations, which is removed with it.
 */
#define OWN_DIRECTORY "var/nix/profiles/nix-user-chroot"
#define OWN_PROFILE   "/nix/" OWN_DIRECTORY "/profile"

bool profile_install_is_needed(int nix_dir_fd)
{
	_cleanup_free_ char *manifest = profile_resolve(nix_dir_fd, "profile", "manifest.json");

	return manifest;
}

int profile_install_begin(struct script_request *request)
{
	_cleanup_close_ int fd = -1;
	int r = fs_remove_tree(request->nix_dir_fd, OWN_DIRECTORY);

	if (r == 0)
		r = fd = fs_make_dirs_below(request->nix_dir_fd, OWN_DIRECTORY);
	if (r < 0)
		return layout_error("make the directory " OWN_DIRECTORY " in", request->nix_dir, r);
	request->profile = OWN_PROFILE;
	return 0;
}

/* FILE, which is freed, cut to the store path that it is in; NULL stays NULL. */
static char *store_path_of(char *file)
{
	if (file)
		file[strlen("/nix/store/") + strcspn(file + strlen("/nix/store/"), "/")] = '\0';
	return file;
}

/*
 * The store path that provides the file BELOW in the script's profile; the caller frees. NULL:
 * none.
 */
static char *find_own(int nix_dir_fd, const char *below)
{
	_cleanup_free_ char *path = path_join(OWN_PROFILE, below);
	char *resolved = NULL;

	return run_resolve_inside(nix_dir_fd, path, &resolved) == 0 &&
			       str_starts_with(resolved, "/nix/store/")
		       ? store_path_of(resolved)
		       : (free(resolved), NULL);
}

/* Run nix profile VERB PATH, by the Nix of the script's profile. */
static int nix_profile(const struct script_request *request, const char *verb, const char *path)
{
	char *const argv[] = {
		(char[]){OWN_PROFILE "/bin/nix"},
		(char[]){"--extra-experimental-features"},
		(char[]){"nix-command flakes"},
		(char[]){"profile"},
		(char *)(uintptr_t)verb,
		(char *)(uintptr_t)path,
		NULL,
	};
	_cleanup_free_ char *what = xasprintf("nix profile %s failed with status", verb);

	return script_run_command(request, argv, what);
}

/*
 * In the user's profile, replace the package that provides the file BELOW by the one of the
 * script's profile. 0, or -1 after a message.
 */
static int replace(const struct script_request *request, const char *below)
{
	_cleanup_free_ char *fresh = find_own(request->nix_dir_fd, below);
	_cleanup_free_ char *old =
		store_path_of(profile_resolve(request->nix_dir_fd, "profile", below));

	if (!fresh || (old && strcmp(fresh, old) == 0))
		return 0;
	if (old && nix_profile(request, "remove", old) < 0)
		return -1;
	if (nix_profile(request, "install", fresh) == 0)
		return 0;
	if (old)
		nix_profile(request, "rollback", NULL);
	return -1;
}

int profile_install_finish(struct script_request *request)
{
	static const char *const parts[] = {"bin/nix", "etc/ssl/certs/ca-bundle.crt"};
	int r = 0;

	request->profile = NULL;
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = replace(request, parts[i]);
	fs_remove_tree(request->nix_dir_fd, OWN_DIRECTORY);
	return r;
}
