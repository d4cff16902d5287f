#include "install/user_checks.h"
#include "install/profile_links.h"
#include "install/user_conf.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Why Nix could not make a file in the directory PATH: an errno, or 0. */
static int why_no_files(const char *path)
{
	struct stat st;

	if (*path != '/')
		return EINVAL;
	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/*
 * Check TMPDIR, where Nix, and the shell that runs its script, make files. It may name the
 * directory of a finished job, which is gone.
 */
static int check_tmp(void)
{
	const char *named = env_get("TMPDIR");
	int err = why_no_files(named ? named : "/tmp");

	if (err == 0)
		return 0;
	if (named)
		log_error("TMPDIR is %s, where Nix cannot make its files: %s\n"
			  "set TMPDIR to a directory that you may write to, or unset it, for /tmp",
			  named, err == EINVAL ? "it is not an absolute path" : strerror(err));
	else
		log_error("Nix cannot make its files in /tmp: %s\n"
			  "set TMPDIR to a directory that you may write to, for Nix at all times: "
			  "mkdir -p ~/tmp && export TMPDIR=~/tmp",
			  strerror(err));
	return -1;
}

/* Check that the user's settings name no other store, which all commands of this Nix would use. */
static int check_store_setting(void)
{
	_cleanup_free_ char *where = NULL, *value = user_conf_find("store", &where);

	if (!value || strcmp(value, "auto") == 0 || strcmp(value, "local") == 0)
		return 0;
	log_error(
		"%s has 'store = %s', which is for another Nix: this one would not use the store "
		"that it is installed in\n"
		"take the line out, or set NIX_USER_CONF_FILES to another file for one of the two",
		where, value);
	return -1;
}

/*
 * Check that PATH, or the directory where it would be made, does not belong to root, as after sudo.
 */
static int check_writable(const char *path)
{
	_cleanup_free_ char *there = fs_deepest_existing(path);

	if (faccessat(AT_FDCWD, there, W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	log_error("%s cannot be written, where Nix keeps your profile: %s\n"
		  "if sudo has made it, sudo chown -R \"$(id -un)\" makes it yours",
		  there, strerror(errno));
	return -1;
}

int user_checks(const struct site *site, const struct install_request *request,
		const struct nix_conf_facts *facts)
{
	if (check_tmp() < 0 || check_store_setting() < 0 || check_writable(site->home.path) < 0)
		return -1;
	/* root's profile is in /nix/var/nix/profiles */
	if (geteuid() != 0 && check_writable(site->home.generations) < 0)
		return -1;
	return profile_links_check(site, request, facts);
}
