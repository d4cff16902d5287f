#include "host/nix_root.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD "var/nix-user-chroot/record"
/* more bytes than any record has */
#define RECORD_MAX ((size_t)1 << 20)

static char *missing(const char *root)
{
	_cleanup_free_ char *above = xasprintf("%s/", root);

	if (faccessat(AT_FDCWD, above, W_OK | X_OK, AT_EACCESS) == 0)
		return NULL;
	return xasprintf("there is no /nix, and you may not make it (%s); an administrator can: "
			 "sudo install -d -o %u -g %u /nix",
			 strerror(errno), (unsigned)geteuid(), (unsigned)getegid());
}

static bool has_store_paths(int nix_fd)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(nix_fd, "store");
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir)))
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

char *nix_root_refusal(const char *root)
{
	_cleanup_free_ char *path = xasprintf("%s/nix", root);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? missing(root)
				       : xasprintf("/nix cannot be looked at: %s", strerror(errno));
	if (S_ISLNK(st.st_mode))
		return xstrdup("/nix is a symlink, which Nix refuses");
	if (!S_ISDIR(st.st_mode))
		return xstrdup("/nix is no directory");
	if (st.st_uid != geteuid())
		return xasprintf("/nix belongs to user %u and not to you", (unsigned)st.st_uid);
	if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0)
		return xasprintf("/nix cannot be written: %s", strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return xasprintf("/nix cannot be read: %s", strerror(errno));
	if (has_store_paths(fd) && !fs_exists(fd, RECORD))
		return xstrdup("/nix holds a Nix store that was made by other means");
	return NULL;
}

bool nix_root_has_programs(const char *root)
{
	_cleanup_free_ char *sh = xasprintf("%s/bin/sh", root), *target = NULL, *real = NULL;

	if (fs_readlink(AT_FDCWD, sh, &target) == 0 && str_starts_with(target, "/nix/store/"))
		return true;
	/* /bin may itself be a symlink */
	real = realpath(sh, NULL);
	return real && str_starts_with(real, "/nix/store/");
}

bool nix_root_is_installed(const char *root)
{
	_cleanup_free_ char *path = xasprintf("%s/nix/" RECORD, root), *text = NULL;
	struct stat st;
	size_t len;

	/*
	 * a symlink or another user's file decides nothing here: what root installed in /nix counts
	 * for root alone
	 */
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    fs_read_file(AT_FDCWD, path, RECORD_MAX, &text, &len) < 0)
		return false;
	return strstr(text, "\nruntime direct\n");
}
