#include "install/disk_check.h"
#include "run/nix_dir.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <sys/statvfs.h>

static bool is_noexec(const char *path)
{
	_cleanup_free_ char *there = fs_deepest_existing(path);
	struct statvfs fs;

	return statvfs(there, &fs) == 0 && (fs.f_flag & ST_NOEXEC);
}

void disk_say_elsewhere(const char *nix_dir)
{
	_cleanup_free_ char *elsewhere = nix_dir_elsewhere(nix_dir);

	if (elsewhere)
		log_warning("there is a Nix store in %s, and a new one is made in %s\n"
			    "to use the first one instead, set NIX_USER_CHROOT_DIR=%s, now and "
			    "whenever you use Nix",
			    elsewhere, nix_dir, elsewhere);
}

int disk_check_exec(const struct site *site, bool no_shims)
{
	bool nix = is_noexec(site->nix_dir), bin = !no_shims && is_noexec(site->home.bin);

	if (nix)
		log_error("no program can be run from %s: its file system is mounted noexec\n"
			  "set NIX_USER_CHROOT_DIR to a directory on another file system%s",
			  site->nix_dir,
			  bin ? ", and XDG_BIN_HOME too, for the links to Nix's commands" : "");
	else if (bin)
		log_error(
			"no program can be run from %s, where the links to Nix's commands go: its "
			"file system is mounted noexec\n"
			"set XDG_BIN_HOME to a directory on another file system, and put it on "
			"PATH; or leave the links out with --no-shims",
			site->home.bin);
	return nix || bin ? -1 : 0;
}

int disk_check(int nix_dir_fd, const char *nix_dir, struct nix_conf_facts *facts)
{
	struct disk *disk = &facts->disk;
	int r = disk_try(nix_dir_fd, disk);

	if (r < 0)
		return layout_error("make and remove files in", nix_dir, r);
	if (disk->refused) {
		log_error(
			"Nix cannot use %s, of the kind %s: %s\n"
			"set NIX_USER_CHROOT_DIR to a directory on another file system, best on a "
			"disk of this host",
			nix_dir, disk->type ? disk->type : "unknown", disk->refused);
		return -1;
	}
	if (!disk->wal_works)
		facts->no_wal = disk->type ? disk->type : "this file system";
	facts->fixed_xattrs = &disk->fixed_xattrs;
	return 0;
}
