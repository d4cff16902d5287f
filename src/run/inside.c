#include "run/inside.h"
#include "chroot/host_view.h"
#include "ui/log.h"
#include "util/fs.h"
#include "util/str.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

const char *run_take_level(const char *text)
{
	if (*text < '0' || *text > '0' + LOG_DEBUG - LOG_ERROR)
		return text;
	log_set_level(LOG_ERROR + (*text - '0'));
	return text + 1;
}

bool run_is_in_proot(void)
{
	const char *around = env_get(INSIDE_VARIABLE);

	return around && strcmp(around, "proot") == 0;
}

bool run_is_inside(int nix_dir_fd)
{
	/*
	 * our root is a tmpfs with all these flags; a tmpfs that a host boots into lacks one of
	 * them
	 */
	const unsigned long ours = ST_RDONLY | ST_NOSUID | ST_NODEV;
	struct stat wanted, present;
	struct statfs root;

	if (fstat(nix_dir_fd, &wanted) < 0 || stat("/nix", &present) < 0 ||
	    !fs_same_inode(&wanted, &present))
		return false;
	return run_is_in_proot() || (statfs("/", &root) == 0 && root.f_type == TMPFS_MAGIC &&
				     ((unsigned long)root.f_flags & ours) == ours);
}

int run_resolve_inside(int nix_dir_fd, const char *path, char **resolved)
{
	const struct host_view view = host_view_real(&nix_dir_fd);
	enum entry_type type;

	return host_resolve(&view, path, true, resolved, &type);
}
