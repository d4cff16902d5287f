/*
 * --install, top to bottom. DESIGN: "Invariants of --install".
 */
#include "chroot/chroot.h"
#include "commands.h"
#include "install/before.h"
#include "install/download.h"
#include "install/dry_run.h"
#include "install/installed.h"
#include "install/lock.h"
#include "install/nix_conf.h"
#include "install/preflight.h"
#include "install/receipt.h"
#include "install/release.h"
#include "install/script.h"
#include "install/self.h"
#include "install/store.h"
#include "install/supervise.h"
#include "install/unpack.h"
#include "install/workspace.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

/* What one installation knows, from its first step to its last. */
struct installation {
	const struct install_options *options;
	const char *argv0;
	struct workspace workspace;
	struct home home;
	struct before before;
	char *extra_conf; /* the text of --nix-extra-conf-file, or NULL */
	struct installed installed;
	int nix_dir_fd;
	int lock_fd;
	bool sandbox; /* Nix's own will work inside */
	struct release release;
	struct unpack_result unpacked;
	struct store_result stored;
	struct self_plan self;
	bool has_self; /* self is to be carried out */
};

/* nix.conf is a page or two of text. */
#define EXTRA_CONF_MAX (1 << 20)

static int read_extra_conf(struct installation *in)
{
	const char *path = in->options->nix_extra_conf_file;
	size_t len;
	int r = path ? fs_read_file(AT_FDCWD, path, EXTRA_CONF_MAX, &in->extra_conf, &len) : 0;

	if (r < 0)
		log_error("cannot read %s: %s\n--nix-extra-conf-file takes a file of lines for "
			  "nix.conf",
			  path, strerror(-r));
	return r < 0 ? -1 : 0;
}

/* The tarball in the cache, and its digest the expected one. */
static int fetch(struct installation *in, struct downloader *downloader, struct download_file *file)
{
	_cleanup_close_ int cache_fd = workspace_open_cache(&in->workspace);
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1];
	const struct release *release = &in->release;

	if (cache_fd < 0)
		return -1;
	log_info("downloading %s", release->tarball_url);
	if (download_file(downloader,
			  &(struct download_request){
				  .url = release->tarball_url,
				  .missing = release->missing,
				  .max = RELEASE_TARBALL_MAX,
				  .dirfd = cache_fd,
				  .dir = in->workspace.cache_dir,
				  .name = release->tarball_name,
				  .expected = &release->sha256,
			  },
			  file) < 0)
		return -1;
	if (sha256_equal(&file->digest, &release->sha256))
		return 0;
	sha256_format(&release->sha256, wanted);
	sha256_format(&file->digest, got);
	download_file_remove(file);
	log_error("%s has another hash than it should: it was changed on its way or at its source\n"
		  "expected %s (from %s)\nfound    %s\n"
		  "nothing of it was used; try again, or another --mirror",
		  release->tarball_url, wanted, release->sha256_source, got);
	return -1;
}

/*
 * Is there room for what the tarball holds? It is at least three times its size (today's are four
 * to six times), so that less than that is known not to be enough before anything is written.
 */
static int check_space(const struct installation *in, uint64_t tarball_size)
{
	uint64_t needed = 3 * tarball_size, present;
	struct statfs fs;

	if (fstatfs(in->nix_dir_fd, &fs) < 0 || fs.f_blocks == 0)
		return 0;
	present = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	if (present >= needed)
		return 0;
	log_error(
		"not enough room in %s: the tarball of %llu MB needs more than %llu MB there, and "
		"%llu MB are free\nmake room, or set NIX_USER_CHROOT_DIR to a directory elsewhere",
		in->workspace.nix_dir, (unsigned long long)tarball_size >> 20,
		(unsigned long long)(needed >> 20) + 1, (unsigned long long)present >> 20);
	return -1;
}

/* tarball → staging */
static int unpack(struct installation *in, struct download_file *file)
{
	_cleanup_free_ char *path = path_join(in->workspace.nix_dir, WORKSPACE_STAGING);
	_cleanup_close_ int staging_fd = -1;
	int r;

	if (workspace_remove_staging(&in->workspace, in->nix_dir_fd) < 0)
		return -1;
	if (mkdirat(in->nix_dir_fd, WORKSPACE_STAGING, 0700) < 0)
		return workspace_error("make the directory", path, -errno);
	staging_fd = fs_open_dir(in->nix_dir_fd, WORKSPACE_STAGING);
	if (staging_fd < 0)
		return workspace_error("open the directory", path, staging_fd);
	log_info("unpacking %s", in->release.tarball_name);
	r = unpack_archive(
		&(struct unpack_request){
			.archive_fd = file->fd,
			.archive_name = in->release.tarball_name,
			.expected = &in->release.sha256,
			.staging_fd = staging_fd,
			.staging_path = path,
			.lock_fd = in->lock_fd,
		},
		&in->unpacked);
	/* a rerun is to get it anew, as the message says */
	if (r < 0 && in->unpacked.refused)
		download_file_remove(file);
	return r;
}

/* staging → store */
static int commit(struct installation *in)
{
	_cleanup_free_ char *top = path_join(WORKSPACE_STAGING, in->unpacked.top);
	_cleanup_close_ int top_fd = fs_open_dir(in->nix_dir_fd, top);
	int r;

	if (top_fd < 0)
		return workspace_error("open the directory", top, top_fd);
	r = installed_write_intent(in->nix_dir_fd);
	if (r < 0)
		return workspace_error("write below", in->workspace.nix_dir, r);
	return store_commit(
		&(struct store_request){
			.top_fd = top_fd,
			.nix_dir_fd = in->nix_dir_fd,
			.nix_path = in->workspace.nix_dir,
			.replace = in->options->force,
		},
		&in->stored);
}

static int configure(const struct installation *in)
{
	struct statfs fs;
	unsigned long f_type = fstatfs(in->nix_dir_fd, &fs) == 0 ? (unsigned long)fs.f_type : 0;
	int r;

	/* without this directory Nix 2.10 and later would take to a store below ~/.local/share */
	r = fs_mkdirs(in->nix_dir_fd, "var/nix", 0755);
	if (r < 0)
		return workspace_error("make the directory var/nix in", in->workspace.nix_dir, r);
	return nix_conf_write(in->nix_dir_fd, in->workspace.nix_dir,
			      &(struct nix_conf_facts){
				      .is_root = geteuid() == 0,
				      .sandbox_works = in->sandbox,
				      .network_fs = nix_conf_network_fs(f_type),
				      .extra = &in->options->extra_conf,
				      .extra_text = in->extra_conf,
			      });
}

/* The Nix install script, and the proof of its work. */
static int run_script(const struct installation *in, char **version)
{
	const struct script_request request = {
		.workspace = &in->workspace,
		.nix_dir_fd = in->nix_dir_fd,
		.top = in->unpacked.top,
		.options = in->options,
		.names = &in->stored.names,
	};

	log_info("running the Nix install script inside");
	return script_run(&request) < 0 ? -1 : script_verify(&request, version);
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

/*
 * All is on disk before the receipt says so. The mark goes last: as long as it is there, a rerun
 * finds work to do, and so clears away what is left over.
 */
static int finish(struct installation *in, struct download_file *file)
{
	_cleanup_(traces_clear) struct traces traces = {0};
	struct receipt receipt = {
		.version = in->release.version,
		.system = in->release.system,
		.source = in->release.tarball_url,
		.sha256 = in->release.sha256,
		.paths = in->stored.names,
	};
	int r;

	if (workspace_remove_staging(&in->workspace, in->nix_dir_fd) < 0)
		return -1;
	collect_traces(in, &traces);
	receipt.traces = traces;
	if (syncfs(in->nix_dir_fd) < 0)
		return workspace_error("flush to disk", in->workspace.nix_dir, -errno);
	r = receipt_write(in->nix_dir_fd, &receipt);
	if (r == 0) {
		download_file_remove(file);
		before_forget(in->nix_dir_fd);
		r = installed_remove_intent(in->nix_dir_fd);
	}
	return r < 0 ? workspace_error("write the receipt in", in->workspace.nix_dir, r) : 0;
}

static int install_locked(struct installation *in, struct downloader *downloader)
{
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_free_ char *version = NULL;
	int r = before_keep(in->nix_dir_fd, &in->before);

	if (r < 0)
		return workspace_error("write below", in->workspace.nix_dir, r);
	if (fetch(in, downloader, &file) < 0 || check_space(in, file.size) < 0 ||
	    unpack(in, &file) < 0 || commit(in) < 0 || configure(in) < 0 ||
	    run_script(in, &version) < 0 || finish(in, &file) < 0)
		return -1;
	log_info("%s is installed in %s", version, in->workspace.nix_dir);
	if (in->has_self)
		self_say_path(&in->self, &in->home);
	return 0;
}

/* 1: it is installed, which was said; 0: there is work to do; -1 after a message: leave it. */
static int look(struct installation *in)
{
	return installed_look(&in->workspace, in->options, &in->installed);
}

/* Which release: what the options say, or that of the installation to be mended. */
static int resolve(struct installation *in, struct downloader *downloader)
{
	struct install_options options = *in->options;

	if (!options.nix_version && !options.tarball)
		options.nix_version = in->installed.again;
	return release_resolve(&options, downloader, &in->release);
}

/*
 * What an installation that failed, or was killed at any instant, leaves behind. Without the lock,
 * what is there is another one's.
 */
static void clean_up(void *ctx, pid_t child)
{
	const struct installation *in = ctx;
	_cleanup_close_ int lock_fd = lock_try(&in->workspace, child);

	if (lock_fd >= 0) {
		_cleanup_close_ int fd =
			open(in->workspace.nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		fs_remove_tree(fd, WORKSPACE_STAGING);
		if (!installed_has_store_paths(fd))
			installed_remove_intent(fd);
		/* it is kept for as long as there is something of ours that it tells about */
		if (faccessat(fd, WORKSPACE_INTENT, F_OK, 0) < 0)
			before_forget(fd);
		workspace_remove_empty(&in->workspace);
		lock_remove(&in->workspace);
	}
	workspace_remove_state(&in->workspace);
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

/*
 * A newer program than the one that installed, or one that found no place then, is put in place,
 * with nothing else done again.
 */
static void renew_self(struct installation *in)
{
	_cleanup_close_ int fd = open(in->workspace.nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(receipt_clear) struct receipt receipt = {0};
	bool waited;
	int r;

	if (self_is_in_place(in, fd, &receipt))
		return;
	in->lock_fd = lock_take(&in->workspace, &in->nix_dir_fd, &waited);
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
	if (in->has_self)
		self_say_path(&in->self, &in->home);
	lock_remove(&in->workspace);
	cleanup_close(&in->lock_fd);
}

/*
 * Decide what is to be done, and change nothing. 1: it is installed, which was said; 0 with
 * *DOWNLOADER the caller's: there is work to do; -1 after a message.
 */
static int prepare(struct installation *in, struct downloader **downloader)
{
	struct download_options download_options;
	int r = release_check(in->options);

	if (r == 0)
		r = look(in);
	if (r != 0)
		return r;
	download_options_init(&download_options);
	download_options.cacert = in->options->cacert;
	*downloader = downloader_new(&download_options);
	if (!*downloader || read_extra_conf(in) < 0 ||
	    preflight(&in->workspace, in->options, &in->sandbox) < 0 ||
	    resolve(in, *downloader) < 0)
		return -1;
	return 0;
}

static int install(struct installation *in)
{
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	bool waited;
	int r = prepare(in, &downloader);

	if (r > 0) {
		clean_up(in, 0);
		renew_self(in);
	}
	if (r != 0)
		return r;
	in->lock_fd = lock_take(&in->workspace, &in->nix_dir_fd, &waited);
	if (in->lock_fd < 0)
		return -1;
	/* somebody else may have done it since we looked */
	r = look(in);
	if (r == 0)
		r = install_locked(in, downloader);
	if (r >= 0) {
		workspace_remove_empty(&in->workspace);
		lock_remove(&in->workspace);
	}
	return r;
}

/* The plan alone. 0, or -1 after a message. */
static int dry_run(struct installation *in, char *const *argv)
{
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	_cleanup_(traces_clear) struct traces traces = {0};
	int r = prepare(in, &downloader);

	if (r > 0)
		puts("nothing would be done");
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (workspace_check_writable(&in->workspace) < 0)
		return -1;
	if (!in->options->no_shims)
		in->has_self = self_look(&in->home, in->argv0, &traces, &in->self) == 0;
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
	if (in.options->dry_run)
		return dry_run(&in, options->argv) < 0 ? EXIT_CANCELED : 0;
	before_look(&in.workspace, &in.home, &in.before);
	status = supervise(&(struct supervise_job){work, clean_up, &in});
	if (status != 0)
		return EXIT_CANCELED;
	if (!options->argv)
		return 0;
	return chroot_exec(&(struct chroot_request){
		.nix_dir = in.workspace.nix_dir,
		.is_default = true,
		.argv = options->argv,
	});
}
