#include "store/nar.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor is open for each level. The paths of Nix's own closure have fewer than ten. */
#define DEPTH_MAX 100

/* Bytes of a file that are read at once. */
#define CHUNK ((size_t)1 << 17)

struct nar {
	struct sha256_stream *stream;
	char *buffer; /* of CHUNK bytes */
};

static int put_node(struct nar *nar, int above, const char *name, int depth);

/* Add LEN, in 8 bytes, the lowest first. */
static int put_length(struct nar *nar, uint64_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(len >> (8 * i));
	return sha256_stream_update(nar->stream, bytes, sizeof(bytes));
}

/* Fill LEN bytes up to a multiple of eight. */
static int put_padding(struct nar *nar, uint64_t len)
{
	static const char zeros[8];

	return sha256_stream_update(nar->stream, zeros, (size_t)(-len & 7));
}

static int put(struct nar *nar, const char *text)
{
	size_t len = strlen(text);
	int r = put_length(nar, len);

	if (r == 0)
		r = sha256_stream_update(nar->stream, text, len);
	return r < 0 ? r : put_padding(nar, len);
}

static int put_all(struct nar *nar, const char *const *words)
{
	int r = 0;

	for (; r == 0 && *words; words++)
		r = put(nar, *words);
	return r;
}

static int put_contents(struct nar *nar, int fd, uint64_t size)
{
	int r = put_length(nar, size);

	for (uint64_t left = size; r == 0 && left > 0;) {
		ssize_t n = read(fd, nar->buffer, left < CHUNK ? (size_t)left : CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= (uint64_t)n;
		r = sha256_stream_update(nar->stream, nar->buffer, (size_t)n);
	}
	return r < 0 ? r : put_padding(nar, size);
}

static int put_file(struct nar *nar, int above, const char *name)
{
	_cleanup_close_ int fd =
		openat(above, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	r = put_all(nar, (const char *const[]){"type", "regular", NULL});
	if (r == 0 && (st.st_mode & S_IXUSR))
		r = put_all(nar, (const char *const[]){"executable", "", NULL});
	if (r == 0)
		r = put(nar, "contents");
	return r < 0 ? r : put_contents(nar, fd, (uint64_t)st.st_size);
}

static int put_link(struct nar *nar, int above, const char *name)
{
	_cleanup_free_ char *target = NULL;
	int r = fs_readlink(above, name, &target);

	return r < 0 ? r
		     : put_all(nar,
			       (const char *const[]){"type", "symlink", "target", target, NULL});
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int put_directory(struct nar *nar, int above, const char *name, int depth)
{
	_cleanup_(strlist_clear) struct strlist names = {0};
	_cleanup_closedir_ DIR *dir = depth < DEPTH_MAX ? fs_list_dir(above, name) : NULL;
	const struct dirent *entry;
	int r;

	if (!dir)
		return depth < DEPTH_MAX ? -errno : -ELOOP;
	while ((entry = fs_next_entry(dir)))
		strlist_add(&names, entry->d_name);
	if (errno)
		return -errno;
	if (names.count > 0)
		qsort(names.items, names.count, sizeof(*names.items), compare_names);
	r = put_all(nar, (const char *const[]){"type", "directory", NULL});
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		r = put_all(nar, (const char *const[]){"entry", "(", "name", names.items[i], "node",
						       NULL});
		if (r == 0)
			r = put_node(nar, dirfd(dir), names.items[i], depth + 1);
		if (r == 0)
			r = put(nar, ")");
	}
	return r;
}

static int put_node(struct nar *nar, int above, const char *name, int depth)
{
	struct stat st;
	int r;

	if (fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = put(nar, "(");
	if (r == 0)
		r = S_ISREG(st.st_mode)	  ? put_file(nar, above, name)
		    : S_ISLNK(st.st_mode) ? put_link(nar, above, name)
		    : S_ISDIR(st.st_mode) ? put_directory(nar, above, name, depth)
					  : -EINVAL;
	return r < 0 ? r : put(nar, ")");
}

int nar_digest(int above, const char *name, struct sha256 *out)
{
	_cleanup_(sha256_stream_freep) struct sha256_stream *stream = NULL;
	_cleanup_free_ char *buffer = xcalloc(CHUNK, 1);
	int r = sha256_stream_new(&stream);
	struct nar nar = {stream, buffer};

	if (r == 0)
		r = put(&nar, "nix-archive-1");
	if (r == 0)
		r = put_node(&nar, above, name, 0);
	return r < 0 ? r : sha256_stream_digest(stream, out);
}
