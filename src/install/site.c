#include "install/site.h"
#include "run/nix_dir.h"
#include "store/layout.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>

int site_check(const struct site *site, int fd)
{
	return layout_check_links(fd, site->nix_dir) < 0
		       ? -1
		       : trusted_check(&site->trust, fd, site->nix_dir, false);
}

int site_find(const struct trusted_wish *wish, struct site *out)
{
	_cleanup_close_ int fd = -1;

	*out = (struct site){.nix_dir = nix_dir_default()};
	if (!out->nix_dir || home_find(&out->home) < 0 || trusted_find(wish, &out->trust) < 0 ||
	    layout_check(out->nix_dir) < 0)
		return -1;
	fd = open(out->nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && site_check(out, fd) < 0)
		return -1;
	layout_missing(out->nix_dir, &out->missing);
	return 0;
}

void site_clear(struct site *site)
{
	free(site->nix_dir);
	home_clear(&site->home);
	strlist_clear(&site->missing);
	*site = (struct site){0};
}
