#include "install/preflight.h"
#include "install/disk_check.h"
#include "host/check.h"
#include "host/probe.h"
#include "install/user_checks.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Print what the host refuses, with the reason that --check would give. */
static int check_probe(const struct site *site)
{
	const struct probe *probe = &site->runtimes.userns;
	_cleanup_free_ char *store = path_join(site->nix_dir, "store");
	_cleanup_free_ char *what =
		fs_exists(AT_FDCWD, store)
			? xasprintf("Nix in %s cannot be used on this host", site->nix_dir)
			: xstrdup("cannot install on this host");

	for (int i = 0; i < CHECK_STEP_COUNT; i++) {
		const struct probe_step *step = &probe->steps[i];
		_cleanup_free_ char *why = NULL, *failure = NULL;

		if (step->outcome != PROBE_FAILED || i > CHECK_PIVOT_ROOT)
			continue;
		why = check_explain((enum check_step)i, step->err, "");
		failure = probe_failure(step);
		log_error("%s: it refuses %s\n%-s", what, failure, why);
		return -1;
	}
	log_error("%s\nnix-user-chroot --check says why", what);
	return -1;
}

/*
 * Check HOME. Nix takes another user's HOME for a mistake and uses that of the passwd entry
 * (getHome() in its users.cc), so the profile would be where nobody looks for it.
 */
static int check_home(void)
{
	const char *home = env_get("HOME");
	struct stat st;

	/* the line of a startup file that names the profile would become two lines */
	if (home && strchr(home, '\n')) {
		log_error("HOME is %s: Nix cannot work with a newline in it\n"
			  "set HOME to a directory of yours with a plain name",
			  home);
		return -1;
	}
	if (!home || stat(home, &st) < 0 || st.st_uid == geteuid())
		return 0;
	log_error(
		"HOME is %s, which belongs to user %u and not to you (user %u): Nix would not use "
		"it\nset HOME to a directory of your own; with sudo: sudo -H",
		home, (unsigned)st.st_uid, (unsigned)geteuid());
	return -1;
}

static int check_nix_dir(const char *nix_dir)
{
	_cleanup_free_ char *store = path_join(nix_dir, "store");
	struct stat st;

	if (lstat(store, &st) == 0 && S_ISLNK(st.st_mode)) {
		log_error("%s is a symlink, and Nix refuses a store that is one\nset "
			  "NIX_USER_CHROOT_DIR to the directory that the store is really in",
			  store);
		return -1;
	}
	return 0;
}

int preflight_refuse(const struct site *site, enum runtime asked)
{
	if (asked == RUNTIME_USERNS || asked == RUNTIME_AUTO)
		return check_probe(site);
	log_error("cannot install with --runtime=%s: %s\n"
		  "nix-user-chroot --check tells which runtimes work here",
		  runtime_name(asked), site->runtimes.refused[asked]);
	return -1;
}

int preflight_runtime(const struct site *site)
{
	enum runtime runtime = site->runtime;

	if (runtime == RUNTIME_USERNS || runtime == RUNTIME_AUTO)
		return probe_can_enter(&site->runtimes.userns) ? 0
							       : preflight_refuse(site, runtime);
	return site->runtimes.refused[runtime] && !site->wants_proot
		       ? preflight_refuse(site, runtime)
		       : 0;
}

bool preflight_can_sandbox(const struct site *site)
{
	/*
	 * a program that makes namespaces by itself, as Nix's sandbox does, can do so with /nix
	 * itself, too
	 */
	return (site->runtime == RUNTIME_USERNS || site->runtime == RUNTIME_DIRECT) &&
	       probe_can_sandbox(&site->runtimes.userns);
}

/* Print what is different in the runtime that will be used. */
static void say_runtime(const struct site *site)
{
	if (site->runtime == RUNTIME_DIRECT)
		log_info("Nix goes into /nix itself: no namespace is made, and entering costs "
			 "nothing");
	if (site->runtime == RUNTIME_PROOT)
		log_warning("this host refuses namespaces, so Nix will run in PRoot, where "
			    "programs that open many files take several times as long\n"
			    "nix-user-chroot --check tells what would make it fast");
	if (site->runtimes.no_terminals)
		log_warning("Nix will not be able to build anything here: %s\n"
			    "it gives each build a terminal: see that devpts is mounted on "
			    "/dev/pts, and that /dev/ptmx is its ptmx",
			    site->runtimes.no_terminals);
}

int preflight(const struct site *site, const struct install_request *request,
	      struct nix_conf_facts *facts)
{
	if (check_home() < 0 || check_nix_dir(site->nix_dir) < 0 ||
	    disk_check_exec(site, request->no_shims) < 0 || user_checks(site, request, facts) < 0)
		return -1;
	facts->sandbox_works = preflight_can_sandbox(site);
	facts->is_root = geteuid() == 0;
	say_runtime(site);
	disk_say_elsewhere(site->nix_dir);
	return 0;
}
