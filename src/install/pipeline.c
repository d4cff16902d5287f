#include "install/pipeline.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static int mismatch(const struct release *release, const struct sha256 *found)
{
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1];

	sha256_format(&release->sha256, wanted);
	sha256_format(found, got);
	log_error("%s has another hash than it should: it was changed on its way or at its source\n"
		  "expected %s (from %s)\nfound    %s\n"
		  "nothing of it was used; %s",
		  release->tarball_shown, wanted, release->sha256_source, got, release->wrong_next);
	return -1;
}

/*
 * Is there room for what the tarball holds? It is at least three times its size (today's are four
 * to six times), so that less than that is known not to be enough before anything is written.
 */
static int check_space(int nix_dir_fd, const char *nix_dir, uint64_t tarball_size)
{
	_cleanup_free_ char *size = str_size(tarball_size);
	uint64_t least = 3 * tarball_size, present;
	_cleanup_free_ char *needed = str_size(least), *free_now = NULL;
	struct statfs fs;

	if (fstatfs(nix_dir_fd, &fs) < 0 || fs.f_blocks == 0)
		return 0;
	present = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	if (present >= least)
		return 0;
	free_now = str_size(present);
	log_error("not enough room in %s: the tarball of %s needs more than %s there, and %s are "
		  "free\nmake room, or set NIX_USER_CHROOT_DIR to a directory elsewhere",
		  nix_dir, size, needed, free_now);
	return -1;
}

int pipeline_fetch(const struct release *release, struct downloader *downloader,
		   const struct lock *lock, const char *nix_dir, struct progress *progress,
		   struct download_file *out)
{
	_cleanup_close_ int state_fd = fs_open_dir_below(lock->nix_dir_fd, LAYOUT_STATE);
	_cleanup_free_ char *state = path_join(nix_dir, LAYOUT_STATE), *size = NULL;

	if (state_fd < 0)
		return layout_error("open the directory", state, state_fd);
	progress_begin(progress, "downloading", "%s", release->tarball_shown);
	if (download_file(downloader,
			  &(struct download_request){
				  .url = release->tarball_url,
				  .missing = &release->missing,
				  .max = RELEASE_TARBALL_MAX,
				  .dirfd = state_fd,
				  .dir = state,
				  .name = release->tarball_name,
				  .expected = &release->sha256,
			  },
			  out) < 0)
		return -1;
	if (!sha256_equal(&out->digest, &release->sha256)) {
		download_file_remove(out);
		return mismatch(release, &out->digest);
	}
	if (check_space(lock->nix_dir_fd, nix_dir, out->size) < 0)
		return -1;
	size = str_size(out->size);
	progress_end(progress, "%s: %s, SHA-256 verified", release->tarball_name, size);
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

static int take_digest(void *ctx, const void *data, size_t len)
{
	if (sha256_stream_update(ctx, data, len) == 0)
		return 0;
	log_error("libcrypto cannot take a SHA-256\nits installation is broken");
	return -EIO;
}

/* What the child got may be another thing than what the file held when it was verified. */
static int check_digest(const struct release *release, const struct sha256_stream *stream)
{
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1];
	struct sha256 digest = {0};

	if (sha256_stream_digest(stream, &digest) == 0 && sha256_equal(&digest, &release->sha256))
		return 0;
	sha256_format(&release->sha256, wanted);
	sha256_format(&digest, got);
	log_error("cannot use %s: it was changed after it had been verified\n"
		  "expected %s\nfound    %s\n"
		  "nothing of it was used; see who can write to the directory that it was "
		  "downloaded to, and run it again",
		  release->tarball_name, wanted, got);
	return -1;
}

/* An empty staging directory, or -1 after a message. */
static int make_staging(const struct lock *lock, const char *nix_dir, const char *path)
{
	int fd;

	if (layout_remove_staging(lock->nix_dir_fd, nix_dir) < 0)
		return -1;
	if (mkdirat(lock->nix_dir_fd, LAYOUT_STAGING, 0700) < 0)
		return layout_error("make the directory", path, -errno);
	fd = fs_open_dir(lock->nix_dir_fd, LAYOUT_STAGING);
	return fd < 0 ? layout_error("open the directory", path, fd) : fd;
}

int pipeline_unpack(const struct release *release, struct download_file *file,
		    const struct lock *lock, const char *nix_dir, struct progress *progress,
		    struct unpack_result *out)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_STAGING), *size = NULL;
	_cleanup_close_ int staging_fd = make_staging(lock, nix_dir, path);
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	struct unpacking unpacking = {.progress = progress, .size = file->size};
	int r;

	if (staging_fd < 0)
		return -1;
	if (sha256_stream_new(&digest) < 0) {
		log_error("libcrypto offers no SHA-256\nits installation is broken");
		return -1;
	}
	progress_begin(progress, "unpacking", "%s, its SHA-256 verified", release->tarball_name);
	r = unpack_archive(
		&(struct unpack_request){
			.archive_name = release->tarball_name,
			.staging_fd = staging_fd,
			.staging_path = path,
			.lock_fd = lock->fd,
			.progress = on_unpacked,
			.ctx = &unpacking,
		},
		file->fd, &(struct sink){.write = take_digest, .ctx = digest}, out);
	if (r == 0 && check_digest(release, digest) < 0) {
		layout_remove_staging(lock->nix_dir_fd, nix_dir);
		out->refused = true;
		r = -1;
	}
	if (r < 0 && out->refused)
		download_file_remove(file);
	if (r < 0)
		return -1;
	size = str_size(out->bytes);
	progress_end(progress, "unpacked: %llu entries, %s", (unsigned long long)out->entries,
		     size);
	return 0;
}
