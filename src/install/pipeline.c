#include "install/pipeline.h"
#include "install/bundled.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statfs.h>

/* What the functions of this file share. */
struct pipeline {
	const struct release *release;
	const struct lock *lock;
	const char *nix_dir;
	struct progress *progress;
	struct unpack_request request;
	struct unpack *unpack; /* NULL: none is running */
	bool is_downloading;   /* the progress shows the download */
	bool has_ended;	       /* the child takes no more bytes, and unpack_end() prints why */
	uint64_t size;	       /* bytes of the archive, the total of the unpacking's progress */
};

/*
 * Is there room for the contents of the tarball, and MORE bytes besides? The contents take at least
 * three times the tarball's size (today's take four to six times). So a lack of room is found
 * before anything is written.
 */
static int check_space(const struct pipeline *pipeline, uint64_t tarball_size, uint64_t more)
{
	_cleanup_free_ char *size = str_size(tarball_size);
	uint64_t least = 3 * tarball_size + more, present;
	_cleanup_free_ char *needed = str_size(least), *free_now = NULL;
	struct statfs fs;

	if (fstatfs(pipeline->lock->nix_dir_fd, &fs) < 0 || fs.f_blocks == 0)
		return 0;
	present = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
	if (present >= least)
		return 0;
	free_now = str_size(present);
	log_error("not enough room in %s: the tarball of %s needs more than %s there, and %s are "
		  "free\nmake room, or set NIX_USER_CHROOT_DIR to a directory elsewhere",
		  pipeline->nix_dir, size, needed, free_now);
	return -1;
}

/* Show the progress: of the archive's bytes, or of the download while it arrives. */
static int on_unpacked(void *ctx, uint64_t bytes)
{
	struct pipeline *pipeline = ctx;
	struct progress *progress = pipeline->progress;

	return pipeline->is_downloading ? progress_update(progress, progress->done, progress->total)
					: progress_update(progress, bytes, pipeline->size);
}

static int on_size(void *ctx, uint64_t size)
{
	return check_space(ctx, size, size);
}

/*
 * Pass the bytes to the digest and the child. If the child refuses them, the reason is read only
 * when everything has come: only the digest tells whether these bytes are the release's.
 */
static int on_bytes(void *ctx, const void *data, size_t len)
{
	struct pipeline *pipeline = ctx;
	int r = pipeline->has_ended ? 0 : unpack_write(pipeline->unpack, data, len);

	if (r == -EPIPE)
		pipeline->has_ended = true;
	return r == -EPIPE ? 0 : r;
}

static int on_restart(void *ctx)
{
	struct pipeline *pipeline = ctx;

	pipeline->has_ended = false;
	return unpack_restart(pipeline->unpack);
}

/* Stop the unpacking, if one is running, and empty the staging directory. */
static void abandon(struct pipeline *pipeline)
{
	if (pipeline->unpack)
		unpack_abort(steal_ptr(&pipeline->unpack));
}

static int download(struct pipeline *pipeline, struct downloader *downloader,
		    const struct sink *sink, struct download_file *out)
{
	const struct release *release = pipeline->release;
	_cleanup_close_ int state_fd = fs_open_dir_below(pipeline->lock->nix_dir_fd, LAYOUT_STATE);
	_cleanup_free_ char *state = path_join(pipeline->nix_dir, LAYOUT_STATE);
	int r;

	if (state_fd < 0)
		return layout_error("open the directory", state, state_fd);
	pipeline->is_downloading = true;
	progress_begin(pipeline->progress, "downloading", "%s", release->tarball_shown);
	r = download_file(downloader,
			  &(struct download_request){
				  .url = release->tarball_url,
				  .missing = &release->missing,
				  .max = RELEASE_TARBALL_MAX,
				  .dirfd = state_fd,
				  .dir = state,
				  .name = release->tarball_name,
				  .expected = &release->sha256,
				  .sink = sink,
			  },
			  out);
	pipeline->is_downloading = false;
	return r;
}

/* Read the tarball out of this program's own file; no other copy of it is made. */
static int read_bundle(struct pipeline *pipeline, const struct sink *sink,
		       struct download_file *out)
{
	const struct release *release = pipeline->release;

	pipeline->size = release->bundle->size;
	if (check_space(pipeline, pipeline->size, 0) < 0)
		return -1;
	progress_begin(pipeline->progress, "unpacking", NULL);
	/* archive_size tells where the archive ends, since the bundle's trailer follows it */
	pipeline->request.archive_size = release->bundle->size;
	return bundled_read(release->bundle, sink, out);
}

/* Get the whole tarball into *OUT and compare its digest; -1 after a message. */
static int fetch(struct pipeline *pipeline, struct downloader *downloader,
		 struct download_file *out)
{
	const struct release *release = pipeline->release;
	const struct sink all = {on_size, on_bytes, on_restart, pipeline};
	const struct sink *sink = pipeline->unpack ? &all : NULL;
	_cleanup_free_ char *size = NULL;

	if ((release->bundle ? read_bundle(pipeline, sink, out)
			     : download(pipeline, downloader, sink, out)) < 0)
		return -1;
	pipeline->size = out->size;
	if (release_check_digest(release, &out->digest) < 0) {
		download_file_remove(out);
		return -1;
	}
	size = str_size(out->size);
	progress_end(pipeline->progress, "%s: %s, SHA-256 verified", release->tarball_name, size);
	progress_begin(pipeline->progress, "unpacking", "%s, its SHA-256 verified",
		       release->tarball_name);
	return 0;
}

static int take_digest(void *ctx, const void *data, size_t len)
{
	if (sha256_stream_update(ctx, data, len) == 0)
		return 0;
	log_error("libcrypto cannot take a SHA-256\nits installation is broken");
	return -EIO;
}

/*
 * Check the digest of what the child got, which may differ from what the file held when it was
 * verified.
 */
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

/* Make an empty staging directory; -1 after a message. */
static int make_staging(const struct lock *lock, const char *nix_dir, const char *path)
{
	_cleanup_close_ int above = -1;
	const char *name;
	int fd;

	if (layout_remove_staging(lock->nix_dir_fd, nix_dir) < 0)
		return -1;
	above = fs_open_above(lock->nix_dir_fd, LAYOUT_STAGING, &name);
	if (above < 0 || mkdirat(above, name, 0700) < 0)
		return layout_error("make the directory", path, above < 0 ? above : -errno);
	fd = fs_open_dir(above, name);
	return fd < 0 ? layout_error("open the directory", path, fd) : fd;
}

/* Unpack FILE, if the child got nothing of it before its digest was verified. */
static int unpack_verified(struct pipeline *pipeline, const struct download_file *file,
			   struct unpack_result *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;

	if (check_space(pipeline, file->size, 0) < 0)
		return -1;
	if (sha256_stream_new(&digest) < 0) {
		log_error("libcrypto offers no SHA-256\nits installation is broken");
		return -1;
	}
	if (unpack_archive(&pipeline->request, file->fd,
			   &(struct sink){.write = take_digest, .ctx = digest}, out) < 0)
		return -1;
	if (check_digest(pipeline->release, digest) == 0)
		return 0;
	layout_remove_staging(pipeline->lock->nix_dir_fd, pipeline->nix_dir);
	unpack_result_clear(out);
	out->refused = true;
	return -1;
}

/*
 * Start the child. If it is not confined to the staging directory, end it; another child gets the
 * archive once the digest of the whole is verified.
 */
static int begin(struct pipeline *pipeline)
{
	pipeline->unpack = unpack_begin(&pipeline->request);
	if (!pipeline->unpack)
		return -1;
	if (!unpack_is_confined(pipeline->unpack))
		abandon(pipeline);
	return 0;
}

int pipeline_run(const struct release *release, struct downloader *downloader,
		 const struct lock *lock, const char *nix_dir, struct progress *progress,
		 struct unpack_result *out)
{
	_cleanup_free_ char *path = path_join(nix_dir, LAYOUT_STAGING), *size = NULL;
	_cleanup_close_ int staging_fd = make_staging(lock, nix_dir, path);
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	struct pipeline pipeline = {
		.release = release,
		.lock = lock,
		.nix_dir = nix_dir,
		.progress = progress,
	};
	int r;

	*out = (struct unpack_result){0};
	pipeline.request = (struct unpack_request){
		.archive_name = release->tarball_name,
		.staging_fd = staging_fd,
		.staging_path = path,
		.lock_fd = lock->fd,
		.progress = on_unpacked,
		.ctx = &pipeline,
	};
	if (staging_fd < 0 || begin(&pipeline) < 0)
		return -1;
	if (fetch(&pipeline, downloader, &file) < 0) {
		abandon(&pipeline);
		return -1;
	}
	r = pipeline.unpack ? unpack_end(pipeline.unpack, out)
			    : unpack_verified(&pipeline, &file, out);
	if (r < 0 && out->refused)
		download_file_remove(&file);
	if (r < 0)
		return -1;
	size = str_size(out->bytes);
	progress_end(progress, "unpacked: %llu entries, %s", (unsigned long long)out->entries,
		     size);
	return 0;
}
