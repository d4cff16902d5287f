#include "install/bundle.h"
#include "install/bundle_file.h"
#include "install/bundle_program.h"
#include "install/installation.h"
#include "install/supervise.h"
#include "ui/log.h"
#include "util/bundle.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/fs.h"
#include "util/xdg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

/* What the functions of this file share. */
struct job {
	const struct installation *in;
	struct bundle_file file;
	struct bundle bundle;
	char *cache; /* the directory that the tarball is downloaded to */
};

/*
 * Choose the tarball's name in the bundle, which tells version and system: its own name, if that is
 * of the usual form, else one of that form.
 */
static int name_tarball(const struct release *release, char out[BUNDLE_NAME])
{
	_cleanup_free_ char *version = NULL, *system = NULL;
	int len;

	if (!release->version) {
		log_error("the name of %s does not tell which Nix it is\n"
			  "give its version with --nix-version",
			  release->tarball_shown);
		return -1;
	}
	len = release_split_name(release->tarball_name, &version, &system)
		      ? snprintf(out, BUNDLE_NAME, "%s", release->tarball_name)
		      : snprintf(out, BUNDLE_NAME, "nix-%s-%s.tar", release->version,
				 release->system);
	if (len < BUNDLE_NAME && bundle_name_is_plain(out))
		return 0;
	log_error("the name of %s is too long\ngive it a shorter one", release->tarball_shown);
	return -1;
}

static int cannot_use_cache(const char *path, int err)
{
	log_error("cannot download to %s: %s\nset XDG_CACHE_HOME to a directory of yours", path,
		  strerror(err));
	return -1;
}

/*
 * Open the directory for the download, locked until the descriptor is closed; -1 after a message.
 */
static int open_cache(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct stat now, then;
	int r;

	do {
		r = fs_mkdirs(AT_FDCWD, path, 0700);
		if (r < 0)
			return cannot_use_cache(path, -r);
		cleanup_close(&fd);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &now) < 0)
			return cannot_use_cache(path, errno);
		if (now.st_uid != geteuid() || now.st_mode & 022)
			return cannot_use_cache(path, EPERM);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			log_info("waiting for another --bundle to end");
			if (flock(fd, LOCK_EX) < 0)
				return cannot_use_cache(path, errno);
		}
		/* the process that held the lock before may have removed the directory */
	} while (stat(path, &then) < 0 || !fs_same_inode(&now, &then));
	return steal_fd(&fd);
}

static int on_bytes(void *ctx, const void *data, size_t len)
{
	struct job *job = ctx;

	return bundle_file_write(&job->file, data, len);
}

static int on_restart(void *ctx)
{
	struct job *job = ctx;

	return bundle_file_cut(&job->file, job->bundle.program_size);
}

/* Write the tarball behind the program, and compare its digest. 0, or -1 after a message. */
static int add_tarball(struct job *job, const struct release *release,
		       struct downloader *downloader)
{
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_close_ int cache_fd = open_cache(job->cache);
	_cleanup_free_ char *size = NULL;

	if (cache_fd < 0)
		return -1;
	progress_begin(job->in->progress, "downloading", "%s", release->tarball_shown);
	if (download_file(downloader,
			  &(struct download_request){
				  .url = release->tarball_url,
				  .missing = &release->missing,
				  .max = RELEASE_TARBALL_MAX,
				  .dirfd = cache_fd,
				  .dir = job->cache,
				  .name = release->tarball_name,
				  .expected = &release->sha256,
				  .sink = &(struct sink){NULL, on_bytes, on_restart, job},
			  },
			  &file) < 0)
		return -1;
	if (release_check_digest(release, &file.digest) < 0) {
		download_file_remove(&file);
		return -1;
	}
	download_remove_all(cache_fd);
	rmdir(job->cache);
	job->bundle.size = file.size;
	size = str_size(file.size);
	progress_end(job->in->progress, "%s: %s, SHA-256 verified", release->tarball_name, size);
	return 0;
}

static void say_done(const struct job *job, const struct release *release)
{
	_cleanup_free_ char *size =
		str_size(job->bundle.program_size + job->bundle.size + BUNDLE_TRAILER);
	_cleanup_free_ char *word = str_shell_word(job->file.name);
	bool is_plain = bundle_name_is_plain(job->file.name);

	log_info("%s holds this program and Nix %s for %s: %s\n"
		 "copied to a host, it installs there without a network: ./%s --install",
		 job->file.path, release->version, release->system, size,
		 is_plain ? job->file.name : word);
}

static int write_bundle(struct job *job, const struct release *release,
			struct downloader *downloader)
{
	_cleanup_(bundle_program_clear) struct bundle_program program = {0};
	unsigned char trailer[BUNDLE_TRAILER];

	progress_begin(job->in->progress, "looking for the program", NULL);
	if (bundle_program_get(job->in->request->program, job->in->request->releases,
			       release->system, downloader, &program) < 0)
		return -1;
	progress_drop(job->in->progress);
	job->bundle.program_size = program.len;
	job->bundle.program_sha256 = program.sha256;
	job->bundle.sha256 = release->sha256;
	if (bundle_file_begin(&job->file) < 0 ||
	    bundle_file_write(&job->file, program.data, program.len) < 0 ||
	    add_tarball(job, release, downloader) < 0)
		return -1;
	bundle_format(&job->bundle, trailer);
	return bundle_file_write(&job->file, trailer, sizeof(trailer)) < 0
		       ? -1
		       : bundle_file_put(&job->file);
}

/* The work of --bundle, which supervise() runs in a child process. */
static int work(void *ctx)
{
	struct job *job = ctx;
	const struct installation *in = job->in;
	const struct release_request request = release_request_of(in->request);
	_cleanup_(downloader_freep) struct downloader *downloader = installation_downloader(in);
	_cleanup_(release_clear) struct release release = {0};

	if (!downloader)
		return EXIT_CANCELED;
	progress_begin(in->progress, "looking for the release", NULL);
	if (release_resolve(&request, downloader, &release) < 0)
		return EXIT_CANCELED;
	progress_end(in->progress, "Nix %s for %s", release.version ? release.version : "",
		     release.system);
	if (name_tarball(&release, job->bundle.name) < 0 ||
	    write_bundle(job, &release, downloader) < 0)
		return EXIT_CANCELED;
	say_done(job, &release);
	return 0;
}

static void clean_up(void *ctx, pid_t child)
{
	const struct job *job = ctx;

	(void)child;
	progress_abandon(job->in->progress);
	bundle_file_tidy(&job->file);
	/* a partial download stays, and is continued by the next run: then rmdir(2) fails */
	rmdir(job->cache);
}

int bundle_command(const struct install_request *request)
{
	_cleanup_free_ char *caches = xdg_cache_home(), *cache = NULL;
	struct progress progress;
	const struct installation in = {request, NULL, &progress};
	struct job job = {.in = &in, .file = BUNDLE_FILE_NONE};
	int r = bundle_file_find(request->bundle_file, &job.file);

	if (r == 0 && !caches) {
		log_error("cannot tell where to download to: HOME is not an absolute path\n"
			  "set HOME, or XDG_CACHE_HOME");
		r = -1;
	}
	progress_init(&progress);
	if (r == 0) {
		job.cache = cache = path_join(caches, "nix-user-chroot");
		r = supervise(&(struct supervise_job){work, clean_up, &job});
	}
	bundle_file_clear(&job.file);
	return r == 0 ? 0 : EXIT_CANCELED;
}
