/*
 * --install, top to bottom. src/README: "Invariants of --install".
 */
#include "install/install.h"
#include "host/proot.h"
#include "install/bundled.h"
#include "install/damage.h"
#include "install/disk_check.h"
#include "install/dry_run.h"
#include "install/fetched_proot.h"
#include "util/flavour.h"
#include "install/installation.h"
#include "install/installed.h"
#include "install/nix_conf.h"
#include "install/notes.h"
#include "install/pipeline.h"
#include "install/site.h"
#include "install/preflight.h"
#include "install/profile_links.h"
#include "install/renew.h"
#include "install/script_home.h"
#include "install/self_in_place.h"
#include "install/summary.h"
#include "install/supervise.h"
#include "install/tidy.h"
#include "install/turn.h"
#include "run/run.h"
#include "store/commit.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct downloader *installation_downloader(const struct installation *in)
{
	struct download_options options;

	download_options_init(&options);
	options.cacert = in->request->cacert;
	options.progress = progress_update;
	options.progress_ctx = in->progress;
	return downloader_new(&options);
}

struct release_request release_request_of(const struct install_request *request)
{
	return (struct release_request){
		.nix_version = request->nix_version,
		.mirror = request->mirror,
		.tarball = request->tarball,
		.sha256 = request->sha256,
		.system = request->system,
		.bundle = request->bundle,
	};
}

/* Check the options. No line can be added to a nix.conf that the user has edited. */
static int check_options(const struct installation *in, struct nix_conf_facts *facts)
{
	const struct release_request request = release_request_of(in->request);
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int fd = open(in->site->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (release_check(&request) < 0 || nix_conf_read_extra(in->request, facts) < 0)
		return -1;
	if (fd >= 0)
		record_read(fd, &record);
	facts->asks_sandbox = renewal_runtime(in, &record);
	facts->sandbox_works = preflight_can_sandbox(in->site);
	return nix_conf_check(fd, in->site->nix_dir, facts, &record, true);
}

/* Find the release that the user asks for, else AGAIN, the version that is to be repaired. */
static int find_release(const struct installation *in, const char *again,
			struct downloader *downloader, struct release *out)
{
	struct release_request request = release_request_of(in->request);
	_cleanup_free_ char *version = NULL;

	if (!request.nix_version && !request.tarball)
		request.nix_version = again;
	progress_begin(in->progress, "looking for the release", NULL);
	if (release_resolve(&request, downloader, out) < 0)
		return -1;
	version = flavour_shown(out->version);
	progress_end(in->progress, "%s for %s", version, out->system);
	return 0;
}

/*
 * Unpack the verified tarball into staging. The downloader is freed here, so that no program that
 * is started later gets its connections.
 */
static int fetch(const struct installation *in, const struct release *release,
		 struct downloader **downloader, const struct lock *lock, struct unpack_result *out)
{
	int r = pipeline_run(release, *downloader, lock, in->site->nix_dir, in->progress, out);

	downloader_free(*downloader);
	*downloader = NULL;
	return r;
}

/*
 * Move store paths from staging to the store; if REPLACE, also over existing ones. TOP is the
 * tarball's top directory.
 */
static int commit(const struct installation *in, const char *top, bool replace,
		  const struct lock *lock, struct record *record, struct store_result *out)
{
	_cleanup_free_ char *path = path_join(LAYOUT_STAGING, top);
	_cleanup_close_ int top_fd = fs_open_dir_below(lock->nix_dir_fd, path);

	if (top_fd < 0)
		return layout_error("open the directory", path, top_fd);
	progress_begin(in->progress, "moving into the store", NULL);
	if (notes_home(in->site, lock->nix_dir_fd, record) < 0 ||
	    store_commit(
		    &(struct store_request){
			    .top_fd = top_fd,
			    .nix_dir_fd = lock->nix_dir_fd,
			    .nix_path = in->site->nix_dir,
			    .replace = replace,
			    .trust = &in->site->trust,
		    },
		    record, out) < 0)
		return -1;
	progress_drop(in->progress);
	return 0;
}

/* Write nix.conf, make a directory that Nix looks for, and put a broken database aside. */
static int configure(const struct installation *in, const struct nix_conf_facts *facts,
		     const struct lock *lock, struct record *record, struct nix_conf_before *before)
{
	/* without var/nix, Nix 2.10 and later would use a store below ~/.local/share */
	_cleanup_close_ int fd = fs_make_dirs_below(lock->nix_dir_fd, "var/nix");

	if (fd < 0)
		return layout_error("make the directory var/nix in", in->site->nix_dir, fd);
	if (damage_put_database_aside(lock->nix_dir_fd, in->site->nix_dir) < 0)
		return -1;
	return nix_conf_write(lock->nix_dir_fd, in->site->nix_dir, facts, record, before);
}

/*
 * Run the Nix install script, and find the version that the installed nix prints. If that fails,
 * nix.conf is put back as it was: something in it may be the reason, and a rerun writes its own.
 */
static int run_script(const struct installation *in, const char *top, const struct lock *lock,
		      const struct strlist *names, const struct nix_conf_facts *facts,
		      const struct nix_conf_before *before, char **version)
{
	struct script_request request = {
		.nix_dir = in->site->nix_dir,
		.runtime = in->site->runtime,
		.nix_dir_fd = lock->nix_dir_fd,
		.lock_fd = lock->fd,
		.top = top,
		.no_channel_add = in->request->no_channel_add,
		.no_modify_profile = in->request->no_modify_profile,
		.names = names,
		.ssl_cert_file = facts->ssl_cert_file,
		.progress = in->progress,
	};

	progress_begin(in->progress,
		       in->request->no_channel_add
			       ? "running the Nix install script"
			       : "running the Nix install script, which fetches nixpkgs",
		       "inside");
	if (script_run_at_home(in, &request) < 0 || script_verify(&request, version) < 0) {
		nix_conf_take_back(lock->nix_dir_fd, before);
		return -1;
	}
	progress_end(in->progress, "the Nix install script has run");
	return 0;
}

/* Remove the download, and those that an earlier run for another version left. */
static void forget_downloads(const struct lock *lock)
{
	_cleanup_close_ int fd = fs_open_dir_below(lock->nix_dir_fd, LAYOUT_STATE);

	if (fd >= 0)
		download_remove_all(fd);
}

/* Finish: everything is on disk before the record says complete. */
static int complete(const struct installation *in, const struct release *release,
		    const struct strlist *names, const struct lock *lock, struct record *record)
{
	const struct record_release done = {
		.version = release->version,
		.system = release->system,
		.source = release->tarball_shown,
		.sha256 = release->sha256,
	};
	int r;

	if (notes_settle(in->site, record) < 0)
		return -1;
	if (syncfs(lock->nix_dir_fd) < 0)
		return layout_error("flush to disk", in->site->nix_dir, -errno);
	r = record_complete(record, lock->nix_dir_fd, &done, names);
	if (r < 0)
		return layout_error("write the record in", in->site->nix_dir, r);
	forget_downloads(lock);
	progress_drop(in->progress);
	return 0;
}

/* Print what was installed, and how it is used. */
static void say_summary(const struct installation *in, const char *version, int nix_dir_fd,
			const struct self_plan *put)
{
	const struct self_plan *self = put->bin ? put : NULL;
	_cleanup_free_ char *hint = self ? self_path_hint(self, &in->site->home) : NULL;
	_cleanup_free_ char *call = self_call(self, in->request->program_argv[0]);
	_cleanup_free_ char *text = summary_text(&(struct summary){
		.version = version,
		.nix_dir = in->site->nix_dir,
		.call = call,
		.has_channel = script_has_channel(nix_dir_fd),
		.wants_channel = !in->request->no_channel_add &&
				 !profile_links_has_foreign_channels(in->site, nix_dir_fd),
		.columns = in->progress->style == PROGRESS_LIVE ? progress_columns() : 0,
		.has_shims = self && self_finds(self, "nix"),
		.hint = hint,
	});

	log_info("%-s", text);
}

/*
 * installed_look(), after any other process has ended its work there: what --uninstall is about to
 * remove could pass for an installation.
 */
static int look(const struct installation *in, struct installed *installed)
{
	const char *nix_dir = in->site->nix_dir;
	int r;

	if (lock_is_held(nix_dir))
		turn_end();
	r = lock_wait(nix_dir, in->progress);
	installed->is_fresh |= r > 0;
	return r < 0 ? -1 : installed_look(nix_dir, in->request, installed);
}

/* Check the options and what this host allows; *PROOT is filled if a PRoot is needed. */
static int check_host(const struct installation *in, struct nix_conf_facts *facts,
		      struct own_file *proot)
{
	return check_options(in, facts) < 0 || proot_offer_find(in, proot) < 0
		       ? -1
		       : preflight_runtime(in->site);
}

/*
 * Take the lock before the mirror is asked anything. Of many processes at once, all but one find
 * the work done when they get the lock. As look(): 1 if nothing is left to do.
 */
static int take_lock(const struct installation *in, struct installed *installed, struct lock *lock)
{
	const char *nix_dir = in->site->nix_dir;
	int r;

	do {
		r = look(in, installed);
		if (r != 0)
			return r;
		r = lock_take_now(nix_dir, lock);
	} while (r > 0);
	if (r < 0 || site_check(in->site, lock->nix_dir_fd) < 0)
		return -1;
	turn_end();
	/* another process may have installed Nix since this one looked */
	r = installed_look(nix_dir, in->request, installed);
	if (r != 0)
		lock_remove(lock);
	return r;
}

/*
 * In the supervised child: the whole installation, from top to bottom. Each step prints its
 * failure. After a failed step, or a signal at any instant, tidy() in the parent cleans up.
 */
static int install(const struct installation *in)
{
	_cleanup_(installed_clear) struct installed installed = {.digest = nar_digest};
	_cleanup_(nix_conf_facts_clear) struct nix_conf_facts facts = {0};
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(unpack_result_clear) struct unpack_result unpacked = {0};
	_cleanup_(store_result_clear) struct store_result stored = {0};
	_cleanup_(nix_conf_before_clear) struct nix_conf_before before = {0};
	_cleanup_(self_plan_clear) struct self_plan self = {0};
	_cleanup_(own_file_clear) struct own_file proot = {0};
	_cleanup_free_ char *version = NULL;
	const char *nix_dir = in->site->nix_dir;
	int r;

	r = check_host(in, &facts, &proot) < 0 ? -1 : look(in, &installed);
	if (r != 0)
		return r < 0 || proot_offer_take_alone(in, &proot) < 0
			       ? -1
			       : renew(in, &installed, &facts);
	if (preflight(in->site, in->request, &facts) < 0)
		return -1;
	r = take_lock(in, &installed, &lock);
	if (r > 0)
		installed_say(&installed);
	if (r != 0)
		return r < 0 ? -1 : 0;

	if (!(downloader = installation_downloader(in)) ||
	    find_release(in, installed.again, downloader, &release) < 0 ||
	    proot_offer_take(in, &proot, &lock) < 0 ||
	    disk_check(lock.nix_dir_fd, nix_dir, &facts) < 0 ||
	    notes_begin(in->site, &lock, &record) < 0 ||
	    fetch(in, &release, &downloader, &lock, &unpacked) < 0 ||
	    commit(in, unpacked.top, in->request->force || installed.is_damaged, &lock, &record,
		   &stored) < 0 ||
	    configure(in, &facts, &lock, &record, &before) < 0 ||
	    run_script(in, unpacked.top, &lock, &stored.names, &facts, &before, &version) < 0 ||
	    layout_remove_staging(lock.nix_dir_fd, nix_dir) < 0 ||
	    put_self(in, &record, &self) < 0 ||
	    complete(in, &release, &stored.names, &lock, &record) < 0)
		return -1;
	lock_remove(&lock);
	/* last of all: a signal after the installation is complete comes too late */
	say_summary(in, version, lock.nix_dir_fd, &self);
	return 0;
}

/* Print the plan if Nix is installed. */
static int dry_renew(const struct installation *in, const struct installed *installed,
		     struct nix_conf_facts *facts)
{
	_cleanup_(renewal_clear) struct renewal renewal = {0};

	if (renewal_look(in, facts, &renewal) < 0)
		return -1;
	if (renewal_has_work(&renewal))
		log_info("%-s", installed->words);
	else
		installed_say(installed);
	if (self_has_work(&renewal.self))
		puts("the links to Nix's commands, the program itself, its man page or the "
		     "completions would be put in place");
	if (renewal.runtime)
		text_print(stdout, "%s would be written down as its runtime\n", renewal.runtime);
	if (renewal.conf)
		text_print(stdout, "%s/" LAYOUT_NIX_CONF " would be written\n", in->site->nix_dir);
	if (!renewal_has_work(&renewal))
		puts("nothing would be done");
	return 0;
}

/* Print the plan. 0, or -1 after a message. */
static int dry_run(const struct installation *in)
{
	_cleanup_(installed_clear) struct installed installed = {.digest = nar_digest};
	_cleanup_(nix_conf_facts_clear) struct nix_conf_facts facts = {0};
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_(self_plan_clear) struct self_plan self = {0};
	_cleanup_(own_file_clear) struct own_file proot = {0};
	const char *nix_dir = in->site->nix_dir;
	int r = check_host(in, &facts, &proot);

	if (r == 0)
		r = installed_look(nix_dir, in->request, &installed);
	if (r < 0)
		return -1;
	if (proot.url)
		text_print(stdout, "%s would be downloaded to %s/" PROOT_FETCHED "\n", proot.url,
			   nix_dir);
	if (r > 0)
		return dry_renew(in, &installed, &facts);
	look_at_self(in, &self);
	if (!(downloader = installation_downloader(in)) ||
	    preflight(in->site, in->request, &facts) < 0 ||
	    find_release(in, installed.again, downloader, &release) < 0 ||
	    layout_check_writable(nix_dir) < 0)
		return -1;
	dry_run_print(in->request, in->site, &release, self.bin ? &self : NULL, stdout);
	return 0;
}

/* The child's work. The umask lets only the user write to what Nix and its script make. */
static int work(void *ctx)
{
	umask(umask(0) | S_IWGRP | S_IWOTH);
	return install(ctx) < 0 ? EXIT_CANCELED : 0;
}

static void clean_up(void *ctx, pid_t child)
{
	const struct installation *in = ctx;

	progress_abandon(in->progress);
	turn_end();
	tidy(in->site, child);
}

int install_command(const struct install_request *request)
{
	_cleanup_(site_clear) struct site site = {0};
	struct progress progress;
	struct installation in = {request, &site, &progress};

	/* with --mirror or --tarball the Nix in this file is not needed, so it may be broken */
	if (request->bundle && !request->mirror && !request->tarball &&
	    bundled_check(request->bundle) < 0)
		return EXIT_CANCELED;
	if (site_find(request->runtime, &request->trust, &site) < 0)
		return EXIT_CANCELED;
	progress_init(&progress);
	if (request->dry_run) {
		/*
		 * the plan goes to stdout, and nobody would remove a live line if this is
		 * interrupted
		 */
		progress.style = PROGRESS_PLAIN;
		return dry_run(&in) < 0 ? EXIT_CANCELED : 0;
	}
	if (supervise(&(struct supervise_job){work, clean_up, &in}) != 0)
		return EXIT_CANCELED;
	if (!request->argv)
		return 0;
	return run_exec(&(struct run_request){
		.nix_dir = site.nix_dir,
		.runtime = site.runtime,
		.is_default = true,
		.trust = request->trust,
		.argv = request->argv,
		.keeps_ssh = request->keeps_ssh,
	});
}
