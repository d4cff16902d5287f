#include "install/update.h"
#include "config.h"
#include "install/update_documents.h"
#include "install/update_nix.h"
#include "install/update_place.h"
#include "install/update_release.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/sha256_stream.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/*
 * Tells the new program which version it replaced. The new program carries on with the update,
 * because only it knows what it needs in place.
 */
#define UPDATED_FROM "NIX_USER_CHROOT_UPDATED_FROM"

enum { PROGRAM_TIME = 1800 /* seconds for a program of 3 MB on the slowest line */ };

static struct downloader *new_downloader(const struct update_request *request)
{
	struct download_options options;

	download_options_init(&options);
	options.cacert = request->cacert;
	options.text_time = PROGRAM_TIME;
	return downloader_new(&options);
}

/*
 * Compare FILE with the running program. 1: FILE is to replace the program; 0: FILE is the same, or
 * of the same version; -1 after a message.
 */
static int compare(const struct update_request *request, const struct own_file *file,
		   const struct update_place *place)
{
	int order = strverscmp(file->version, PACKAGE_VERSION);
	struct sha256 present;

	if (sha256_of_file(AT_FDCWD, place->path, &present) == 0 &&
	    sha256_equal(&present, &file->sha256)) {
		log_info("nix-user-chroot " PACKAGE_VERSION " is what the release has: nothing to "
			 "do for %s",
			 place->path);
		return 0;
	}
	if (order > 0 || request->force)
		return 1;
	if (order == 0) {
		log_info("nix-user-chroot " PACKAGE_VERSION " is also the version of the release, "
			 "but %s is another file\n"
			 "--force puts the release's in its place",
			 place->path);
		return 0;
	}
	log_error("the release has nix-user-chroot %s, which is older than this one, "
		  "" PACKAGE_VERSION "\n--force installs it anyway",
		  file->version);
	return -1;
}

static int fetch_and_put(const struct update_request *request, const struct own_file *file,
			 struct downloader *downloader, const struct update_place *place)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	if (update_release_get(file, downloader, &data, &len) < 0 ||
	    update_place_put(request, place, data, len, &file->sha256) < 0)
		return -1;
	log_info("nix-user-chroot " PACKAGE_VERSION " -> %s: %s", file->version, place->path);
	return 0;
}

/* Update the program. 1 if another one has its place now, 0 if not, -1 after a message. */
static int update_program(const struct update_request *request, const struct update_place *place)
{
	_cleanup_(downloader_freep) struct downloader *downloader = new_downloader(request);
	_cleanup_(own_file_clear) struct own_file file = {0};
	int r;

	if (!downloader || update_release_find(request, downloader, &file) < 0)
		return -1;
	r = compare(request, &file, place);
	if (r > 0 && request->dry_run) {
		text_print(stdout,
			   "nix-user-chroot " PACKAGE_VERSION " -> %s: %s would replace %s\n",
			   file.version, file.url, place->path);
		return 0;
	}
	return r > 0 && fetch_and_put(request, &file, downloader, place) < 0 ? -1 : r;
}

/* Become the new program, with the same words. Returns only after a message. */
static int go_on(const struct update_request *request, const char *path)
{
	if (setenv(UPDATED_FROM, PACKAGE_VERSION, 1) == 0)
		execv(path, request->program_argv);
	log_error("cannot run %s: %s\nit is in place; run it again for the rest", path,
		  strerror(errno));
	return -1;
}

static int update(const struct update_request *request)
{
	_cleanup_(update_place_clear) struct update_place place = UPDATE_PLACE_NONE;
	bool is_updated = env_get(UPDATED_FROM);
	int r = 0;

	unsetenv(UPDATED_FROM);
	if (!is_updated) {
		r = update_place_find(request->program_argv[0], request->with_nix, &place);
		if (r == 0)
			r = update_program(request, &place);
		else if (request->with_nix)
			r = 0;
	}
	if (r > 0)
		return go_on(request, place.path);
	if (r < 0 || (is_updated && update_documents(request) < 0))
		return -1;
	return request->with_nix ? update_nix(request) : 0;
}

int update_command(const struct update_request *request)
{
	return update(request) < 0 ? EXIT_CANCELED : 0;
}
