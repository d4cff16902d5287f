#include "install/place.h"
#include "run/nix_dir.h"
#include "store/layout.h"

#include <stdlib.h>

int place_find(struct place *out)
{
	*out = (struct place){.nix_dir = nix_dir_default()};
	if (!out->nix_dir || home_find(&out->home) < 0 || layout_check(out->nix_dir) < 0)
		return -1;
	layout_missing(out->nix_dir, &out->missing);
	return 0;
}

void place_clear(struct place *place)
{
	free(place->nix_dir);
	home_clear(&place->home);
	strlist_clear(&place->missing);
	*place = (struct place){0};
}
