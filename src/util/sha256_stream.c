#include "util/sha256_stream.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 /* bytes that are read at a time */ };

struct sha256_stream {
	EVP_MD_CTX *ctx;
	EVP_MD_CTX *copy; /* for a digest of the bytes so far */
};

int sha256_stream_new(struct sha256_stream **out)
{
	struct sha256_stream *stream = xcalloc(1, sizeof(*stream));

	stream->ctx = EVP_MD_CTX_new();
	stream->copy = EVP_MD_CTX_new();
	if (!stream->ctx || !stream->copy || sha256_stream_restart(stream) < 0) {
		sha256_stream_free(stream);
		return -ENOTSUP;
	}
	*out = stream;
	return 0;
}

int sha256_stream_restart(struct sha256_stream *stream)
{
	return EVP_DigestInit_ex(stream->ctx, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

int sha256_stream_update(struct sha256_stream *stream, const void *data, size_t len)
{
	return EVP_DigestUpdate(stream->ctx, data, len) == 1 ? 0 : -EIO;
}

int sha256_stream_digest(const struct sha256_stream *stream, struct sha256 *out)
{
	struct sha256 value;

	if (EVP_MD_CTX_copy_ex(stream->copy, stream->ctx) != 1 ||
	    EVP_DigestFinal_ex(stream->copy, value.byte, NULL) != 1)
		return -EIO;
	*out = value;
	return 0;
}

void sha256_stream_free(struct sha256_stream *stream)
{
	if (!stream)
		return;
	EVP_MD_CTX_free(stream->ctx);
	EVP_MD_CTX_free(stream->copy);
	free(stream);
}

int sha256_of_bytes(const void *data, size_t len, struct sha256 *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *stream = NULL;
	int r = sha256_stream_new(&stream);

	if (r == 0)
		r = sha256_stream_update(stream, data, len);
	return r < 0 ? r : sha256_stream_digest(stream, out);
}

int sha256_of_file(int dirfd, const char *path, struct sha256 *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *stream = NULL;
	_cleanup_close_ int fd =
		openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *buffer = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = sha256_stream_new(&stream);
	buffer = xcalloc(BLOCK, 1);
	while (r == 0) {
		ssize_t n = read(fd, buffer, BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : sha256_stream_digest(stream, out);
		r = sha256_stream_update(stream, buffer, (size_t)n);
	}
	return r;
}

int sha256_of_part(int fd, uint64_t offset, uint64_t size, struct sha256 *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *stream = NULL;
	_cleanup_free_ char *buffer = xcalloc(BLOCK, 1);
	int r = sha256_stream_new(&stream);

	while (r == 0 && size > 0) {
		ssize_t n = pread(fd, buffer, size < BLOCK ? (size_t)size : BLOCK, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		r = sha256_stream_update(stream, buffer, (size_t)n);
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return r < 0 ? r : sha256_stream_digest(stream, out);
}
