#include "install/steps.h"
#include "install/nix_conf.h"
#include "install/script.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/network_fs.h"
#include "util/fs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static int download(struct installation *in, struct downloader *downloader,
		    struct download_file *file)
{
	_cleanup_close_ int cache_fd = workspace_open_cache(&in->workspace);
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1];
	const struct release *release = &in->release;

	if (cache_fd < 0)
		return -1;
	progress_begin(&in->progress, "downloading", "%s", release->tarball_url);
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
	_cleanup_free_ char *size = str_size(tarball_size);
	uint64_t least = 3 * tarball_size, present;
	_cleanup_free_ char *needed = str_size(least), *free_now = NULL;
	struct statfs fs;

	if (fstatfs(in->nix_dir_fd, &fs) < 0 || fs.f_blocks == 0)
		return 0;
	present = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	if (present >= least)
		return 0;
	free_now = str_size(present);
	log_error("not enough room in %s: the tarball of %s needs more than %s there, and %s are "
		  "free\nmake room, or set NIX_USER_CHROOT_DIR to a directory elsewhere",
		  in->workspace.nix_dir, size, needed, free_now);
	return -1;
}

int step_fetch(struct installation *in, struct downloader *downloader, struct download_file *file)
{
	_cleanup_free_ char *size = NULL;

	if (download(in, downloader, file) < 0 || check_space(in, file->size) < 0)
		return -1;
	size = str_size(file->size);
	progress_end(&in->progress, "%s: %s, SHA-256 verified", in->release.tarball_name, size);
	return 0;
}

/* For the progress: the archive's own size is what is counted. */
struct unpacking {
	struct progress *progress;
	uint64_t size;
};

static int on_unpacked(void *ctx, uint64_t bytes)
{
	struct unpacking *unpacking = ctx;

	return progress_update(unpacking->progress, bytes, unpacking->size);
}

int step_unpack(struct installation *in, struct download_file *file)
{
	_cleanup_free_ char *path = path_join(in->workspace.nix_dir, WORKSPACE_STAGING);
	_cleanup_free_ char *size = NULL;
	_cleanup_close_ int staging_fd = -1;
	struct unpacking unpacking = {&in->progress, file->size};
	int r;

	if (workspace_remove_staging(&in->workspace, in->nix_dir_fd) < 0)
		return -1;
	if (mkdirat(in->nix_dir_fd, WORKSPACE_STAGING, 0700) < 0)
		return workspace_error("make the directory", path, -errno);
	staging_fd = fs_open_dir(in->nix_dir_fd, WORKSPACE_STAGING);
	if (staging_fd < 0)
		return workspace_error("open the directory", path, staging_fd);
	progress_begin(&in->progress, "unpacking", "%s, its SHA-256 verified",
		       in->release.tarball_name);
	r = unpack_archive(
		&(struct unpack_request){
			.archive_fd = file->fd,
			.archive_name = in->release.tarball_name,
			.expected = &in->release.sha256,
			.staging_fd = staging_fd,
			.staging_path = path,
			.lock_fd = in->lock_fd,
			.progress = on_unpacked,
			.ctx = &unpacking,
		},
		&in->unpacked);
	/* a rerun is to get it anew, as the message says */
	if (r < 0 && in->unpacked.refused)
		download_file_remove(file);
	if (r < 0)
		return -1;
	size = str_size(in->unpacked.bytes);
	progress_end(&in->progress, "unpacked: %llu entries, %s",
		     (unsigned long long)in->unpacked.entries, size);
	return 0;
}

int step_commit(struct installation *in)
{
	_cleanup_free_ char *top = path_join(WORKSPACE_STAGING, in->unpacked.top);
	_cleanup_close_ int top_fd = fs_open_dir(in->nix_dir_fd, top);
	int r;

	if (top_fd < 0)
		return workspace_error("open the directory", top, top_fd);
	r = installed_write_intent(in->nix_dir_fd);
	if (r < 0)
		return workspace_error("write below", in->workspace.nix_dir, r);
	progress_begin(&in->progress, "moving into the store", NULL);
	r = store_commit(
		&(struct store_request){
			.top_fd = top_fd,
			.nix_dir_fd = in->nix_dir_fd,
			.nix_path = in->workspace.nix_dir,
			.replace = in->options->force,
		},
		&in->stored);
	if (r < 0)
		return -1;
	progress_end(&in->progress, "store paths in place: %zu", in->stored.names.count);
	return 0;
}

int step_configure(struct installation *in)
{
	struct statfs fs;
	unsigned long f_type = fstatfs(in->nix_dir_fd, &fs) == 0 ? (unsigned long)fs.f_type : 0;
	int r;

	/* without this directory Nix 2.10 and later would take to a store below ~/.local/share */
	r = fs_mkdirs(in->nix_dir_fd, "var/nix", 0755);
	if (r < 0)
		return workspace_error("make the directory var/nix in", in->workspace.nix_dir, r);
	r = nix_conf_write(in->nix_dir_fd, in->workspace.nix_dir,
			   &(struct nix_conf_facts){
				   .is_root = geteuid() == 0,
				   .sandbox_works = in->sandbox,
				   .network_fs = network_fs_name(f_type),
				   .extra = &in->options->extra_conf,
				   .extra_text = in->extra_conf,
			   });
	in->has_written_conf = r > 0;
	return r < 0 ? -1 : 0;
}

int step_run_script(struct installation *in)
{
	const struct script_request request = {
		.workspace = &in->workspace,
		.nix_dir_fd = in->nix_dir_fd,
		.top = in->unpacked.top,
		.options = in->options,
		.names = &in->stored.names,
		.progress = &in->progress,
	};

	progress_begin(&in->progress,
		       in->options->no_channel_add
			       ? "running the Nix install script"
			       : "running the Nix install script, which fetches nixpkgs",
		       "inside");
	if (script_run(&request) < 0 || script_verify(&request, &in->version) < 0) {
		if (in->has_written_conf)
			unlinkat(in->nix_dir_fd, NIX_CONF_FILE, 0);
		return -1;
	}
	progress_end(&in->progress, "the Nix install script has run");
	return 0;
}
