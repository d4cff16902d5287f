#include "install/bundled.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int refuse(const char *why)
{
	_cleanup_free_ char *self = fs_self_path();

	log_error("%s cannot be used as a bundle: %-s\n"
		  "copy the file again, or make it anew with --bundle; --mirror or --tarball "
		  "installs another Nix",
		  self ? self : "this program", why);
	return -1;
}

int bundled_check(const struct bundle *bundle)
{
	return bundle->broken ? refuse(bundle->broken) : 0;
}

static int cannot_read(int r)
{
	_cleanup_free_ char *self = fs_self_path();

	log_error("cannot read %s: %s\nrun it again", self ? self : "this program", strerror(-r));
	return -1;
}

static int check_program(int fd, const struct bundle *bundle)
{
	struct sha256 digest;
	int r = sha256_of_part(fd, 0, bundle->program_size, &digest);

	if (r < 0)
		return cannot_read(r);
	return sha256_equal(&digest, &bundle->program_sha256)
		       ? 0
		       : refuse("the program in it was changed");
}

/* Pass the tarball, the next SIZE bytes of FD, to DIGEST and SINK. 0, or -1 after a message. */
static int feed(int fd, uint64_t size, struct sha256_stream *digest, const struct sink *sink)
{
	enum { BLOCK = 1 << 17 };
	_cleanup_free_ char *buffer = xcalloc(BLOCK, 1);

	while (size > 0) {
		ssize_t n = read(fd, buffer, size < BLOCK ? (size_t)size : BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cannot_read(n < 0 ? -errno : -EIO);
		if (sha256_stream_update(digest, buffer, (size_t)n) < 0)
			return cannot_read(-EIO);
		if (sink && sink->write(sink->ctx, buffer, (size_t)n) != 0)
			return -1;
		size -= (uint64_t)n;
	}
	return 0;
}

int bundled_read(const struct bundle *bundle, const struct sink *sink, struct download_file *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *digest = NULL;
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || lseek(fd, (off_t)bundle->program_size, SEEK_SET) < 0)
		return cannot_read(-errno);
	if (sha256_stream_new(&digest) < 0) {
		log_error("libcrypto offers no SHA-256\nits installation is broken");
		return -1;
	}
	*out = (struct download_file){.fd = -1, .dirfd = -1, .size = bundle->size, .trusted = true};
	if (check_program(fd, bundle) < 0 || feed(fd, bundle->size, digest, sink) < 0 ||
	    sha256_stream_digest(digest, &out->digest) < 0 ||
	    lseek(fd, (off_t)bundle->program_size, SEEK_SET) < 0)
		return -1;
	out->fd = steal_fd(&fd);
	return 0;
}
