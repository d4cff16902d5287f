#include "util/nix_home.h"
#include "util/cleanup.h"
#include "util/xdg.h"

void nix_home_places(const char *name, struct strlist *out)
{
	_cleanup_free_ char *home = xdg_home(), *state = xdg_state_home();

	if (home)
		strlist_take(out, xasprintf("%s/.nix-%s", home[1] ? home : "", name));
	if (state)
		strlist_take(out, xasprintf("%s/nix/%s", state, name));
}
