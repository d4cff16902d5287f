#include "run/nix_dir.h"
#include "host/helper.h"
#include "host/nix_root.h"
#include "host/probe.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/xdg.h"

#include <string.h>
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

char *nix_dir_elsewhere(const char *nix_dir)
{
	_cleanup_free_ char *home = xdg_home(), *usual = home ? path_join(home, ".nix") : NULL;

	return usual && holds_store(usual) && !fs_same_file(usual, nix_dir) ? steal_ptr(&usual)
									    : NULL;
}

static bool can_help(void)
{
	_cleanup_free_ char *why = NULL, *helper = helper_find(&why);

	if (helper)
		why = helper_refusal(helper);
	return !why;
}

/* NIX_DIR and /nix both hold a store: does /nix win, since the runtime of NIX_DIR does not work? */
static bool prefers_direct(const char *nix_dir)
{
	struct probe probe;
	bool can_mount = (probe_enter(true, &probe) == 0 && !probe_first_failure(&probe)) ||
			 can_help() ||
			 (probe_enter(false, &probe) == 0 && !probe_first_failure(&probe));

	log_verbose("Nix is in /nix and in %s: using %s, whose runtime works", nix_dir,
		    can_mount ? nix_dir : "/nix");
	return !can_mount;
}

char *nix_dir_choose(enum runtime *runtime)
{
	const char *named = env_get("NIX_USER_CHROOT_DIR");
	_cleanup_free_ char *nix_dir = NULL;

	if (*runtime == RUNTIME_DIRECT && named && strcmp(named, "/nix") != 0) {
		log_error("--runtime=direct uses /nix itself, and NIX_USER_CHROOT_DIR is %s\n"
			  "unset NIX_USER_CHROOT_DIR, or choose another runtime",
			  named);
		return NULL;
	}
	if (*runtime == RUNTIME_DIRECT)
		return xstrdup("/nix");
	nix_dir = nix_dir_default();
	if (!nix_dir || *runtime != RUNTIME_AUTO || (named && strcmp(named, "/nix") != 0) ||
	    !nix_root_is_installed(""))
		return steal_ptr(&nix_dir);
	if (!named && holds_store(nix_dir) && !prefers_direct(nix_dir))
		return steal_ptr(&nix_dir);
	*runtime = RUNTIME_DIRECT;
	return xstrdup("/nix");
}
