/*
 * --install, top to bottom. DESIGN: "Invariants of --install".
 */
#include "run/run.h"
#include "commands.h"
#include "install/dry_run.h"
#include "store/lock.h"
#include "install/nix_conf.h"
#include "install/preflight.h"
#include "store/receipt.h"
#include "install/script.h"
#include "install/steps.h"
#include "install/summary.h"
#include "install/supervise.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* nix.conf is a page or two of text. */
#define EXTRA_CONF_MAX (1 << 20)

static int check_extra_conf(const char *source, const char *text)
{
	_cleanup_free_ char *bad = nix_conf_bad_line(text);

	if (bad)
		log_error("%s: '%s' is not a line of nix.conf\n"
			  "give NAME = VALUE, with blanks around the =, such as 'max-jobs = 4'",
			  source, bad);
	return bad ? -1 : 0;
}

static int read_extra_conf(struct installation *in)
{
	const char *path = in->options->nix_extra_conf_file;
	const struct strlist *lines = &in->options->extra_conf;
	size_t len;
	int r = path ? fs_read_file(AT_FDCWD, path, EXTRA_CONF_MAX, &in->extra_conf, &len) : 0;

	if (r < 0) {
		log_error("cannot read %s: %s\n--nix-extra-conf-file takes a file of lines for "
			  "nix.conf",
			  path, strerror(-r));
		return -1;
	}
	for (size_t i = 0; i < lines->count; i++)
		if (check_extra_conf("--extra-conf", lines->items[i]) < 0)
			return -1;
	return path ? check_extra_conf(path, in->extra_conf) : 0;
}

/* The program itself and the names of Nix's commands, where the user can call them. */
static void put_self(struct installation *in, struct traces *traces)
{
	_cleanup_free_ char *copy = path_join(in->home.bin, "nix-user-chroot");

	if (in->options->no_shims)
		return;
	self_plan_clear(&in->self);
	in->has_self = self_look(&in->home, in->argv0, traces, &in->self) == 0;
	if (in->has_self)
		self_carry_out(&in->self, strlist_has(&in->before.absent, copy), traces);
}

/* What an earlier receipt says, and what is new. */
static void collect_traces(struct installation *in, struct traces *traces)
{
	struct receipt earlier;
	bool is_first = receipt_read(in->nix_dir_fd, &earlier) < 0;

	*traces = earlier.traces;
	earlier.traces = (struct traces){0};
	receipt_clear(&earlier);
	put_self(in, traces);
	before_compare(&in->before, &in->workspace, &in->home, is_first, traces);
}

/* The state directory, where downloads are; -1 where it is not there. */
static int open_state(int nix_dir_fd)
{
	return fs_open_dir_below(nix_dir_fd, WORKSPACE_STATE);
}

/* The download, and those that an earlier run of another version has left. */
static void forget_downloads(int nix_dir_fd)
{
	_cleanup_close_ int fd = open_state(nix_dir_fd);

	if (fd >= 0)
		download_remove_all(fd);
}

/*
 * All is on disk before the receipt says so. The mark goes last: as long as it is there, a rerun
 * finds work to do, and so clears away what is left over.
 */
static int finish(struct installation *in)
{
	_cleanup_(traces_clear) struct traces traces = {0};
	struct receipt receipt = {
		.version = in->release.version,
		.system = in->release.system,
		.source = in->release.tarball_shown,
		.sha256 = in->release.sha256,
		.paths = in->stored.names,
	};
	int r;

	progress_begin(&in->progress, "finishing", NULL);
	if (workspace_remove_staging(&in->workspace, in->nix_dir_fd) < 0)
		return -1;
	collect_traces(in, &traces);
	receipt.traces = traces;
	if (syncfs(in->nix_dir_fd) < 0)
		return workspace_error("flush to disk", in->workspace.nix_dir, -errno);
	r = receipt_write(in->nix_dir_fd, &receipt);
	if (r == 0) {
		forget_downloads(in->nix_dir_fd);
		before_forget(in->nix_dir_fd);
		r = installed_remove_intent(in->nix_dir_fd);
	}
	if (r < 0)
		return workspace_error("write the receipt in", in->workspace.nix_dir, r);
	progress_drop(&in->progress);
	return 0;
}

static int install_locked(struct installation *in, struct downloader **downloader)
{
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	int r = before_keep(in->nix_dir_fd, &in->before);

	if (r < 0)
		return workspace_error("write below", in->workspace.nix_dir, r);
	r = step_fetch(in, *downloader, &file);
	/* with its connections, which no program that is started from here on is to have */
	downloader_free(*downloader);
	*downloader = NULL;
	if (r < 0 || step_unpack(in, &file) < 0 || step_commit(in) < 0 || step_configure(in) < 0 ||
	    step_run_script(in) < 0 || finish(in) < 0)
		return -1;
	return 0;
}

/* 1: it is installed, which was said; 0: there is work to do; -1 after a message: leave it. */
static int look(struct installation *in)
{
	return installed_look(&in->workspace, in->options, &in->installed);
}

static struct release_request request_of(const struct install_options *options)
{
	return (struct release_request){
		.nix_version = options->nix_version,
		.mirror = options->mirror,
		.tarball = options->tarball,
		.sha256 = options->sha256,
		.system = options->system,
	};
}

/* Which release: what the options say, or that of the installation to be mended. */
static int resolve(struct installation *in, struct downloader *downloader)
{
	struct release_request request = request_of(in->options);

	if (!request.nix_version && !request.tarball)
		request.nix_version = in->installed.again;
	progress_begin(&in->progress, "looking for the release", NULL);
	if (release_resolve(&request, downloader, &in->release) < 0)
		return -1;
	progress_end(&in->progress, "Nix %s for %s", in->release.version, in->release.system);
	return 0;
}

/*
 * What an installation that failed, or was killed at any instant, leaves behind. Without the lock,
 * what is there is another one's.
 */
static void tidy(const struct installation *in, pid_t child)
{
	_cleanup_close_ int lock_fd = lock_try(&in->workspace, child);

	if (lock_fd >= 0) {
		_cleanup_close_ int fd =
			open(in->workspace.nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		_cleanup_close_ int state_fd = -1;

		fs_remove_tree(fd, WORKSPACE_STAGING);
		if (!installed_has_store_paths(fd))
			installed_remove_intent(fd);
		state_fd = open_state(fd);
		/* it is kept for as long as there is something of ours that it tells about */
		if (faccessat(fd, WORKSPACE_INTENT, F_OK, 0) < 0 &&
		    (state_fd < 0 || !download_is_kept(state_fd)))
			before_forget(fd);
		workspace_remove_empty(&in->workspace);
		lock_remove(&in->workspace);
	}
	workspace_remove_state(&in->workspace);
}

static void clean_up(void *ctx, pid_t child)
{
	const struct installation *in = ctx;

	progress_abandon(&in->progress);
	tidy(in, child);
}

/* Where all is installed: is the program in place too, the one that runs now? */
static bool self_is_in_place(struct installation *in, int fd, struct receipt *receipt)
{
	/* an installation that others keep for us is not to be written to */
	if (in->options->no_shims || fd < 0 ||
	    faccessat(fd, WORKSPACE_STATE, W_OK | X_OK, AT_EACCESS) < 0 ||
	    receipt_read(fd, receipt) < 0)
		return true;
	if (self_look(&in->home, in->argv0, &receipt->traces, &in->self) < 0)
		return true;
	in->has_self = self_has_work(&in->self);
	return !in->has_self;
}

/* For who wonders, after an installation, where the commands are. */
static void say_hint(const struct installation *in)
{
	_cleanup_free_ char *hint = NULL;

	if (in->self.bin && !in->self.is_on_path)
		hint = self_path_hint(&in->self, &in->home);
	if (hint)
		log_info("%-s", hint);
}

/*
 * A newer program than the one that installed, or one that found no place then, is put in place,
 * with nothing else done again.
 */
static void renew_self(struct installation *in)
{
	_cleanup_close_ int fd = open(in->workspace.nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(receipt_clear) struct receipt receipt = {0};
	int r;

	if (self_is_in_place(in, fd, &receipt)) {
		say_hint(in);
		return;
	}
	in->lock_fd = lock_take(&in->workspace, &in->nix_dir_fd, &in->progress);
	if (in->lock_fd < 0)
		return;
	receipt_clear(&receipt);
	r = receipt_read(in->nix_dir_fd, &receipt);
	if (r == 0) {
		put_self(in, &receipt.traces);
		before_compare(&in->before, &in->workspace, &in->home, false, &receipt.traces);
		r = receipt_write(in->nix_dir_fd, &receipt);
	}
	if (r < 0)
		workspace_error("write the receipt in", in->workspace.nix_dir, r);
	say_hint(in);
	lock_remove(&in->workspace);
	cleanup_close(&in->lock_fd);
}

/*
 * Decide what is to be done, and change nothing. 1: it is installed, which was said; 0 with
 * *DOWNLOADER the caller's: there is work to do; -1 after a message.
 */
static int prepare(struct installation *in, struct downloader **downloader)
{
	struct release_request request = request_of(in->options);
	struct download_options download_options;
	int r = release_check(&request);

	if (r == 0)
		r = look(in);
	if (r != 0)
		return r;
	download_options_init(&download_options);
	download_options.cacert = in->options->cacert;
	download_options.progress = progress_update;
	download_options.progress_ctx = &in->progress;
	*downloader = downloader_new(&download_options);
	if (!*downloader || read_extra_conf(in) < 0 ||
	    preflight(&in->workspace, in->options, &in->sandbox) < 0 ||
	    resolve(in, *downloader) < 0)
		return -1;
	return 0;
}

/* What there is now, and how it is used. */
static void say_summary(const struct installation *in)
{
	_cleanup_free_ char *hint = in->has_self ? self_path_hint(&in->self, &in->home) : NULL;
	_cleanup_free_ char *call = self_call(in->has_self ? &in->self : NULL, in->argv0);
	_cleanup_free_ char *text = summary_text(&(struct summary){
		.version = in->version,
		.nix_dir = in->workspace.nix_dir,
		.call = call,
		.has_channel = script_has_channel(in->nix_dir_fd),
		.wants_channel = !in->options->no_channel_add,
		.columns = in->progress.style == PROGRESS_LIVE ? progress_columns() : 0,
		.has_shims = in->has_self && self_finds(&in->self, "nix"),
		.hint = hint,
	});

	log_info("%-s", text);
}

static int install(struct installation *in)
{
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	int r = prepare(in, &downloader);

	if (r > 0) {
		tidy(in, 0);
		renew_self(in);
	}
	if (r != 0)
		return r;
	in->lock_fd = lock_take(&in->workspace, &in->nix_dir_fd, &in->progress);
	if (in->lock_fd < 0)
		return -1;
	/* somebody else may have done it since we looked */
	r = look(in);
	if (r == 0)
		r = install_locked(in, &downloader);
	if (r >= 0) {
		workspace_remove_empty(&in->workspace);
		lock_remove(&in->workspace);
	}
	/* the last thing of all: a signal that comes after it comes too late */
	if (r == 0 && in->version)
		say_summary(in);
	return r;
}

/* The plan alone. 0, or -1 after a message. */
static int dry_run(struct installation *in, char *const *argv)
{
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	_cleanup_(receipt_clear) struct receipt receipt = {0};
	_cleanup_close_ int fd = open(in->workspace.nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = prepare(in, &downloader);

	if (r > 0 && !self_is_in_place(in, fd, &receipt))
		puts("the links to Nix's commands, or the program itself, would be put in place");
	else if (r > 0)
		puts("nothing would be done");
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (workspace_check_writable(&in->workspace) < 0)
		return -1;
	if (fd >= 0)
		receipt_read(fd, &receipt);
	if (!in->options->no_shims)
		in->has_self = self_look(&in->home, in->argv0, &receipt.traces, &in->self) == 0;
	return dry_run_print(
		&(struct dry_run){
			.options = in->options,
			.argv = argv,
			.workspace = &in->workspace,
			.home = &in->home,
			.release = &in->release,
			.self = in->has_self ? &in->self : NULL,
		},
		stdout);
}

static void clear(struct installation *in)
{
	free(in->extra_conf);
	free(in->installed.again);
	cleanup_close(&in->nix_dir_fd);
	cleanup_close(&in->lock_fd);
	release_clear(&in->release);
	unpack_result_clear(&in->unpacked);
	store_result_clear(&in->stored);
	free(in->version);
	self_plan_clear(&in->self);
	before_clear(&in->before);
	home_clear(&in->home);
	workspace_clear(&in->workspace);
}

static int work(void *ctx)
{
	return install(ctx) < 0 ? EXIT_CANCELED : 0;
}

int command_install(const struct options *options)
{
	_cleanup_(clear) struct installation in = {
		.options = &options->install,
		.argv0 = options->program_argv[0],
		.nix_dir_fd = -1,
		.lock_fd = -1,
	};
	int status;

	if (workspace_find(&in.workspace) < 0 || home_find(&in.home) < 0)
		return EXIT_CANCELED;
	progress_init(&in.progress);
	/* its plan is for stdout, and nobody is there to take a line away when it is interrupted */
	if (in.options->dry_run) {
		in.progress.style = PROGRESS_PLAIN;
		return dry_run(&in, options->argv) < 0 ? EXIT_CANCELED : 0;
	}
	before_look(&in.workspace, &in.home, &in.before);
	status = supervise(&(struct supervise_job){work, clean_up, &in});
	if (status != 0)
		return EXIT_CANCELED;
	if (!options->argv)
		return 0;
	return run_exec(&(struct run_request){
		.nix_dir = in.workspace.nix_dir,
		.is_default = true,
		.argv = options->argv,
	});
}
