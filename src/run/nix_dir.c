#include "run/nix_dir.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/xdg.h"

#include <sys/stat.h>

static bool holds_store(const char *directory)
{
	_cleanup_free_ char *store = path_join(directory, "store");
	struct stat st;

	return stat(store, &st) == 0 && S_ISDIR(st.st_mode);
}

char *nix_dir_default(void)
{
	const char *named = env_get("NIX_USER_CHROOT_DIR");
	const char *own = env_get("XDG_DATA_HOME");
	_cleanup_free_ char *data = xdg_data_home(), *home = xdg_home();
	_cleanup_free_ char *present = NULL, *older = NULL;

	if (named) {
		if (*named == '/')
			return xstrdup(named);
		log_error("NIX_USER_CHROOT_DIR is %s, which is not an absolute path\nset it to one "
			  "that begins with /",
			  named);
		return NULL;
	}
	if (!data) {
		log_error("cannot tell where Nix is: HOME is %s\n"
			  "set HOME, or NIX_USER_CHROOT_DIR to the directory that is to be /nix",
			  env_get("HOME") ? "not an absolute path" : "not set");
		return NULL;
	}
	present = path_join(data, "nix");
	if (!home || (own && *own == '/') || holds_store(present))
		return steal_ptr(&present);
	older = path_join(home, ".data/nix");
	return steal_ptr(holds_store(older) ? &older : &present);
}
