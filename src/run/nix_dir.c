#include "run/nix_dir.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

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
	const char *data = env_get("XDG_DATA_HOME"), *home = env_get("HOME");
	_cleanup_free_ char *present = NULL, *older = NULL;

	if (named) {
		if (*named == '/')
			return xstrdup(named);
		log_error("NIX_USER_CHROOT_DIR is %s, which is not an absolute path\nset it to one "
			  "that begins with /",
			  named);
		return NULL;
	}
	/* the XDG base directory specification: a relative path is to be ignored */
	if (data && *data == '/')
		return path_join(data, "nix");
	if (!home || *home != '/') {
		log_error("cannot tell where Nix is: HOME is %s\n"
			  "set HOME, or NIX_USER_CHROOT_DIR to the directory that is to be /nix",
			  home ? "not an absolute path" : "not set");
		return NULL;
	}
	present = xasprintf("%s/.local/share/nix", home);
	older = xasprintf("%s/.data/nix", home);
	return steal_ptr(!holds_store(present) && holds_store(older) ? &older : &present);
}
