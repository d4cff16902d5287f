#include "install/site.h"
#include "run/nix_dir.h"
#include "store/layout.h"

#include <stdlib.h>

int site_find(struct site *out)
{
	*out = (struct site){.nix_dir = nix_dir_default()};
	if (!out->nix_dir || home_find(&out->home) < 0 || layout_check(out->nix_dir) < 0)
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
