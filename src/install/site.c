#include "install/site.h"
#include "run/nix_dir.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int site_check(const struct site *site, int fd)
{
	_cleanup_free_ char *keeper = NULL;
	bool is_own = true;

	if (layout_check_links(fd, site->nix_dir) < 0 ||
	    trusted_check(&site->trust, fd, site->nix_dir, false, &is_own) < 0)
		return -1;
	keeper = is_own ? NULL : trust_keeper(fd);
	if (!keeper)
		return 0;
	log_error("cannot install in %s: there is a store already, which belongs to %s and is not "
		  "yours to write\n"
		  "nix-user-chroot -- COMMAND uses it as it is; for a Nix of your own: "
		  "NIX_USER_CHROOT_DIR= nix-user-chroot --install",
		  site->nix_dir, keeper);
	return -1;
}

/* Choose the runtime, if the user has not. */
static void choose_runtime(struct site *site)
{
	_cleanup_free_ char *store = path_join(site->nix_dir, "store");
	bool is_nix = strcmp(site->nix_dir, "/nix") == 0;
	bool is_free = !env_get("NIX_USER_CHROOT_DIR") && !fs_exists(AT_FDCWD, store);

	site->runtime = runtimes_first(&site->runtimes, is_nix || is_free);
	if (site->runtime != RUNTIME_DIRECT || is_nix)
		return;
	free(site->nix_dir);
	site->nix_dir = xstrdup("/nix");
}

int site_find(enum runtime runtime, const struct trusted_wish *wish, struct site *out)
{
	_cleanup_close_ int fd = -1;
	int r;

	*out = (struct site){.runtime = runtime};
	out->nix_dir = nix_dir_choose(&out->runtime);
	if (!out->nix_dir || home_find(&out->home) < 0 || trusted_find(wish, &out->trust) < 0)
		return -1;
	r = runtimes_try(out->runtime != RUNTIME_PROOT, out->nix_dir, &out->runtimes);
	if (r < 0) {
		log_error("cannot try what this host allows: %s\nthe limit of processes may be "
			  "reached: ulimit -u",
			  strerror(-r));
		return -1;
	}
	if (out->runtimes.hides_programs) {
		log_error(
			"cannot install on this host: its own programs are in /nix/store, as on "
			"NixOS, and a /nix of your own would hide them, with --force too\n"
			"Nix is here already: use nix-shell -p PACKAGE or nix profile install; for a "
			"store of your own: nix --store ~/my-store");
		return -1;
	}
	if (out->runtime == RUNTIME_AUTO)
		choose_runtime(out);
	if (out->runtimes.lacks_proot &&
	    (out->runtime == RUNTIME_AUTO || out->runtime == RUNTIME_PROOT)) {
		out->runtime = RUNTIME_PROOT;
		out->wants_proot = true;
	}
	if (layout_check(out->nix_dir) < 0)
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
	runtimes_clear(&site->runtimes);
	home_clear(&site->home);
	strlist_clear(&site->missing);
	*site = (struct site){0};
}
