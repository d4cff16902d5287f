#include "install/installed.h"
#include "store/receipt.h"
#include "install/release.h"
#include "install/script.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int installed_write_intent(int nix_dir_fd)
{
	return fs_replace_file(nix_dir_fd, WORKSPACE_INTENT, "", 0, 0644);
}

int installed_remove_intent(int nix_dir_fd)
{
	return unlinkat(nix_dir_fd, WORKSPACE_INTENT, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static bool exists(int nix_dir_fd, const char *path)
{
	struct stat st;

	return fstatat(nix_dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool installed_has_store_paths(int nix_dir_fd)
{
	_cleanup_close_ int fd = fs_open_dir(nix_dir_fd, "store");
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		return false;
	steal_fd(&fd);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

bool installed_is_foreign(const struct workspace *workspace)
{
	_cleanup_close_ int fd = open(workspace->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && !exists(fd, RECEIPT_FILE) && !exists(fd, WORKSPACE_INTENT) &&
	       installed_has_store_paths(fd);
}

/* The store path of RECEIPT that is no longer there, or NULL. */
static const char *missing_path(int nix_dir_fd, const struct receipt *receipt)
{
	for (size_t i = 0; i < receipt->paths.count; i++) {
		_cleanup_free_ char *path = path_join("store", receipt->paths.items[i]);

		if (!exists(nix_dir_fd, path))
			return receipt->paths.items[i];
	}
	return NULL;
}

/* Do OPTIONS ask for another release than the one that RECEIPT is of? */
static bool asks_for_another(const struct install_options *options, const struct receipt *receipt)
{
	_cleanup_free_ char *version = NULL, *system = NULL;
	const char *wanted = options->nix_version;
	struct sha256 hash;

	if (options->system && receipt->system && strcmp(options->system, receipt->system) != 0)
		return true;
	if (options->sha256 && sha256_parse_option(options->sha256, &hash) == 0)
		return !sha256_equal(&hash, &receipt->sha256);
	if (!wanted && options->tarball) {
		const char *slash = strrchr(options->tarball, '/');

		if (!release_split_name(slash ? slash + 1 : options->tarball, &version, &system))
			return true;
		wanted = version;
	}
	return wanted && (!receipt->version || strcmp(wanted, receipt->version) != 0);
}

/* A store without a receipt and without the mark of an installation broken off. */
static int look_at_foreign(const struct workspace *workspace, int nix_dir_fd)
{
	_cleanup_free_ char *nix = script_find_nix(nix_dir_fd);

	if (nix) {
		log_info("Nix is in %s already, installed by other means: nothing to do\n"
			 "--force installs a release into it, and keeps what is there",
			 workspace->nix_dir);
		return 1;
	}
	log_error(
		"%s holds a Nix store that was made by other means, and is left as it is\n"
		"NIX_USER_CHROOT_DIR names another directory; --force installs into it, and keeps "
		"what is there",
		workspace->nix_dir);
	return -1;
}

/* The profile's nix is another one: the user has upgraded it by Nix's own means. */
static int look_at_other_nix(const struct workspace *workspace,
			     const struct install_options *options, const char *nix)
{
	if (options->nix_version || options->tarball || options->sha256)
		return 0;
	log_info("Nix is installed in %s already, and your profile has its own version of it, %s: "
		 "nothing to do\n--nix-version puts a release in its place",
		 workspace->nix_dir, nix);
	return 1;
}

static int look_at_receipt(const struct workspace *workspace, int nix_dir_fd,
			   const struct receipt *receipt, const struct install_options *options,
			   struct installed *out)
{
	const char *version = receipt->version ? receipt->version : "(of unknown version)";
	const char *missing = missing_path(nix_dir_fd, receipt);
	_cleanup_free_ char *nix = script_find_nix(nix_dir_fd);

	if (asks_for_another(options, receipt))
		return 0;
	if (nix && !script_nix_is_of(nix, &receipt->paths))
		return look_at_other_nix(workspace, options, nix);
	if (nix && !missing) {
		log_info("Nix %s is installed in %s already: nothing to do", version,
			 workspace->nix_dir);
		return 1;
	}
	if (out->said)
		;
	else if (missing)
		log_info("Nix %s was installed, but /nix/store/%s is gone: installing it again",
			 version, missing);
	else
		log_info("Nix %s was installed, but your profile has no nix: installing it again",
			 version);
	out->said = true;
	free(out->again);
	out->again = xstrdup(receipt->version);
	return 0;
}

int installed_look(const struct workspace *workspace, const struct install_options *options,
		   struct installed *out)
{
	_cleanup_close_ int fd = open(workspace->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(receipt_clear) struct receipt receipt = {0};
	int r;

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : workspace_error("open the directory", workspace->nix_dir, -errno);
	if (options->force || exists(fd, WORKSPACE_INTENT))
		return 0;
	r = receipt_read(fd, &receipt);
	if (r == -EFBIG)
		r = -EBADMSG;
	if (r == 0)
		return look_at_receipt(workspace, fd, &receipt, options, out);
	if (r == -EBADMSG) {
		if (!out->said)
			log_warning("the receipt in %s cannot be read: installing again",
				    workspace->nix_dir);
		out->said = true;
	} else if (r != -ENOENT && r != -ENOTDIR) {
		return workspace_error("read the receipt in", workspace->nix_dir, r);
	}
	if (r == -EBADMSG || !installed_has_store_paths(fd))
		return 0;
	return look_at_foreign(workspace, fd);
}
