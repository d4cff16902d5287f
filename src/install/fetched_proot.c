#include "install/fetched_proot.h"
#include "fetch/download.h"
#include "fetch/url.h"
#include "host/proot.h"
#include "install/preflight.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <string.h>

enum { PROOT_MAX = 8 << 20 /* bytes; today's have 300,000 */ };

/*
 * Refuse a digest over plain http: whoever can change the program on its way can change its digest.
 */
static int refuse_http(const char *shown)
{
	log_warning(
		"not looking for PRoot in %s: a hash that comes over plain http proves nothing\n"
		"name an https or file URL in NIX_USER_CHROOT_RELEASES",
		shown);
	return -1;
}

static int find(const struct installation *in, struct own_file *out)
{
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	_cleanup_(download_text_clear) struct download_text sums = {0};
	_cleanup_free_ char *base = own_release_base(env_get("NIX_USER_CHROOT_RELEASES"));
	_cleanup_free_ char *shown = base ? url_shown(base) : NULL;

	if (!base || !own_release_system())
		return -1;
	if (url_scheme(base) == URL_HTTP)
		return refuse_http(shown);
	downloader = installation_downloader(in);
	if (!downloader ||
	    own_release_sums(downloader, base,
			     "name the place of one in NIX_USER_CHROOT_RELEASES, or a proot of "
			     "yours in NIX_USER_CHROOT_PROOT",
			     &sums) < 0)
		return -1;
	if (!sums.trusted)
		return refuse_http(shown);
	if (own_release_find(sums.body, base, "proot", NULL, out) > 0)
		return 0;
	log_warning("PRoot would work without namespaces, but the release at %s has none for %s\n"
		    "set NIX_USER_CHROOT_PROOT to one that you have, such as that of the package "
		    "proot",
		    shown, own_release_system());
	return -1;
}

int proot_offer_find(const struct installation *in, struct own_file *out)
{
	*out = (struct own_file){0};
	if (!in->site->wants_proot)
		return 0;
	progress_begin(in->progress, "looking for PRoot, for this host refuses namespaces", NULL);
	if (find(in, out) == 0) {
		progress_drop(in->progress);
		return 0;
	}
	progress_abandon(in->progress);
	own_file_clear(out);
	return preflight_refuse(in->site, in->request->runtime);
}

/*
 * Write the bytes of FILE, verified, as a program in the directory STATE_FD. 0 or a negative errno.
 */
static int put(const struct download_file *file, const struct own_file *offer, int state_fd)
{
	_cleanup_free_ char *data = NULL;
	struct sha256 digest;
	size_t len;
	int r = fs_read_fd(file->fd, PROOT_MAX, &data, &len);

	/* the digest of the bytes read now: the file has been on the disk meanwhile */
	if (r == 0)
		r = sha256_of_bytes(data, len, &digest);
	if (r == 0 && !sha256_equal(&digest, &offer->sha256))
		r = -EBADMSG;
	return r < 0 ? r
		     : fs_replace_file(state_fd, strrchr(PROOT_FETCHED, '/') + 1, data, len, 0755);
}

/* Get PRoot into the Nix directory: 0, or -1 after a message. */
static int fetch(const struct installation *in, const struct own_file *offer,
		 const struct lock *lock)
{
	_cleanup_(downloader_freep) struct downloader *downloader = installation_downloader(in);
	_cleanup_(download_file_close) struct download_file file = DOWNLOAD_FILE_NONE;
	_cleanup_close_ int state_fd = fs_open_dir_below(lock->nix_dir_fd, LAYOUT_STATE);
	_cleanup_free_ char *state = path_join(in->site->nix_dir, LAYOUT_STATE), *size = NULL;
	int r;

	if (state_fd < 0)
		return layout_error("open the directory", state, state_fd);
	progress_begin(in->progress, "downloading", "%s", offer->name);
	if (!downloader || download_file(downloader,
					 &(struct download_request){
						 .url = offer->url,
						 .max = PROOT_MAX,
						 .dirfd = state_fd,
						 .dir = state,
						 .name = offer->name,
						 .expected = &offer->sha256,
					 },
					 &file) < 0)
		return -1;
	if (!sha256_equal(&file.digest, &offer->sha256)) {
		download_file_remove(&file);
		return own_file_mismatch(offer, &file.digest,
					 "it was not run; try again, or name a proot of yours in "
					 "NIX_USER_CHROOT_PROOT");
	}
	r = put(&file, offer, state_fd);
	download_file_remove(&file);
	if (r < 0)
		return layout_error("write the program proot in", state, r);
	size = str_size(file.size);
	progress_end(in->progress, "%s: %s, SHA-256 verified", offer->name, size);
	return 0;
}

int proot_offer_take(const struct installation *in, const struct own_file *offer,
		     const struct lock *lock)
{
	_cleanup_free_ char *path = path_join(in->site->nix_dir, PROOT_FETCHED), *why = NULL;

	if (!offer->url)
		return 0;
	if (fetch(in, offer, lock) < 0)
		return -1;
	why = proot_refusal(path);
	if (!why)
		return 0;
	fs_unlink_below(lock->nix_dir_fd, PROOT_FETCHED);
	log_warning("PRoot, which was downloaded for want of anything else, does not work here: %s",
		    why);
	return preflight_refuse(in->site, in->request->runtime);
}

int proot_offer_take_alone(const struct installation *in, const struct own_file *offer)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	int r;

	if (!offer->url)
		return 0;
	if (lock_take(in->site->nix_dir, in->progress, &lock) < 0)
		return -1;
	r = site_check(in->site, lock.nix_dir_fd) < 0 ? -1 : proot_offer_take(in, offer, &lock);
	lock_end(&lock);
	return r;
}
