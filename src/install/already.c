#include "install/already.h"
#include "fetch/url.h"
#include "home/self.h"
#include "host/runtimes.h"
#include "install/damage.h"
#include "install/installed.h"
#include "install/release.h"
#include "install/site.h"
#include "install/turn.h"
#include "run/nix_dir.h"
#include "store/layout.h"
#include "store/record.h"
#include "ui/log.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/program.h"

#include <fcntl.h>
#include <string.h>

/* May MIRROR be asked? Once Nix is installed, it is not asked. */
static bool is_mirror(const char *mirror)
{
	_cleanup_free_ char *url = release_mirror_url(mirror);

	return url && url_scheme(url) != URL_HTTP;
}

/*
 * Does REQUEST ask for more than a look at what is installed: a comparison with nix.conf, an option
 * to refuse, or a command to run afterwards?
 */
static bool asks_for_more(const struct install_request *request)
{
	const char *certificates = env_get("NIX_SSL_CERT_FILE"), *of_host;

	if (request->runtime != RUNTIME_AUTO || request->force || request->dry_run ||
	    request->argv || request->tarball || request->sha256 || request->cacert ||
	    (request->mirror && !is_mirror(request->mirror)) || request->nix_extra_conf_file ||
	    (request->extra_conf && request->extra_conf->count))
		return true;
	of_host = certificates ? ca_bundle_find("") : NULL;
	return certificates && (!of_host || strcmp(certificates, of_host) != 0);
}

/*
 * Is the installation in NIX_DIR, which *FD becomes, complete and whole? It must also be the
 * caller's own, and no other process may be at work on it.
 */
static bool is_settled(const char *nix_dir, int *fd)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(strlist_clear) struct strlist missing = {0};
	int nix_dir_fd;

	cleanup_close(fd);
	nix_dir_fd = *fd = open(nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (nix_dir_fd < 0 || record_read(nix_dir_fd, &record) < 0 || !record.is_complete ||
	    record.owner != geteuid() || fs_exists(nix_dir_fd, LAYOUT_LOCK) ||
	    faccessat(nix_dir_fd, LAYOUT_STATE, W_OK | X_OK, AT_EACCESS) < 0)
		return false;
	layout_missing(nix_dir, &missing);
	return missing.count == 0 && damage_is_excluded(nix_dir_fd, &record);
}

/*
 * Look at this program as renewal_look() of renew.c does, for a program that is not to be copied.
 */
static bool look_at_self(const struct install_request *request, const struct home *home,
			 struct self_plan *out)
{
	_cleanup_free_ char *program = program_path(request->program_argv[0]);

	return request->no_shims ||
	       (program && self_look(home, program, NULL, out) == 0 && out->copy != COPY_LEAVE &&
		!self_has_work(out) && !documents_differ(&out->documents) &&
		(out->is_on_path || request->no_modify_profile || self_has_path_file(home)));
}

/*
 * Is nothing left to do? FD is the Nix directory of SITE. The checks that print nothing come first,
 * since the installer prints the reason if there is work.
 */
static int look_at_release(const struct install_request *request, const struct site *site, int fd)
{
	/* if there is work, the installer says why */
	_cleanup_(installed_clear) struct installed installed = {.is_said = true};
	_cleanup_(self_plan_clear) struct self_plan self = {0};
	int r;

	if (!look_at_self(request, &site->home, &self) || !runtimes_has_userns())
		return 0;
	if (layout_check(site->nix_dir) < 0 || site_check(site, fd) < 0)
		return -1;
	r = installed_look(site->nix_dir, request, &installed);
	if (r > 0) {
		installed_say(&installed);
		self_say_path(&self, &site->home);
	}
	return r;
}

int already_installed(const struct install_request *request)
{
	_cleanup_(site_clear) struct site site = {.runtime = request->runtime};
	_cleanup_close_ int fd = -1;
	int r;

	if (turn_take_over() || asks_for_more(request))
		return 0;
	site.nix_dir = nix_dir_choose(&site.runtime);
	if (!site.nix_dir)
		return -1;
	if (site.runtime != RUNTIME_AUTO && site.runtime != RUNTIME_USERNS)
		return 0;
	while (!is_settled(site.nix_dir, &fd)) {
		r = turn_wait(site.nix_dir);
		if (r <= 0)
			return r;
	}
	if (home_find(&site.home) < 0 || trusted_find(&request->trust, &site.trust) < 0)
		return -1;
	return look_at_release(request, &site, fd);
}
