#include "run/direct.h"
#include "chroot/path_config.h"
#include "ui/log.h"
#include "util/fs.h"

#include <errno.h>
#include <sys/stat.h>

int direct_enter(const struct entry *entry, struct refusal *refusal)
{
	struct stat wanted, present;

	if (fstat(entry->nix_dir_fd, &wanted) < 0 || stat("/nix", &present) < 0 ||
	    !fs_same_inode(&wanted, &present))
		return refuse(refusal,
			      xasprintf("use %s as it is, which is not /nix", entry->nix_dir),
			      EXDEV, CHECK_STEP_COUNT);
	if (fs_exists(entry->nix_dir_fd, PATH_CONFIG_FILE))
		log_verbose("/nix/" PATH_CONFIG_FILE " does not apply: nothing is mounted here");
	return 0;
}
