#include "util/bundle.h"
#include "config.h"
#include "util/cleanup.h"
#include "util/elf.h"
#include "util/hash.h"
#include "util/little_endian.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The offsets of the trailer's parts. */
enum {
	AT_NAME = 0,
	AT_SHA256 = AT_NAME + BUNDLE_NAME,
	AT_PROGRAM_SHA256 = AT_SHA256 + SHA256_SIZE,
	AT_PROGRAM_SIZE = AT_PROGRAM_SHA256 + SHA256_SIZE,
	AT_SIZE = AT_PROGRAM_SIZE + 8,
	AT_FINGERPRINT = 232,
	AT_MAGIC = 240,
	AT_FORMAT = 252,
	FORMAT = 1,
};

static const char magic[AT_FORMAT - AT_MAGIC] = "nuc-bundle\n";

/*
 * A program that can become a bundle has both texts in one piece in its file. They are apart here,
 * so that the code that searches for the mark is not mistaken for it.
 */
#define MARK	 "this nix-user-chroot reads "
#define MARK_END "bundles of format 1"

#ifdef SINGLE_BINARY
/* volatile: read below, so that no linker drops it */
static const volatile char mark[] = MARK MARK_END;
#endif

bool bundle_is_marked(const void *program, size_t len)
{
	const char *found = program, *end = found + len;

	while ((found = memmem(found, (size_t)(end - found), MARK, strlen(MARK)))) {
		found += strlen(MARK);
		if ((size_t)(end - found) >= strlen(MARK_END) &&
		    memcmp(found, MARK_END, strlen(MARK_END)) == 0)
			return true;
	}
	return false;
}

void bundle_format(const struct bundle *bundle, unsigned char trailer[BUNDLE_TRAILER])
{
	memset(trailer, 0, BUNDLE_TRAILER);
	memcpy(trailer + AT_NAME, bundle->name, strnlen(bundle->name, BUNDLE_NAME - 1));
	memcpy(trailer + AT_SHA256, bundle->sha256.byte, SHA256_SIZE);
	memcpy(trailer + AT_PROGRAM_SHA256, bundle->program_sha256.byte, SHA256_SIZE);
	le_put(trailer + AT_PROGRAM_SIZE, 8, bundle->program_size);
	le_put(trailer + AT_SIZE, 8, bundle->size);
	le_put(trailer + AT_FINGERPRINT, 8, hash_bytes(HASH_START, trailer, AT_FINGERPRINT));
	memcpy(trailer + AT_MAGIC, magic, sizeof(magic));
	le_put(trailer + AT_FORMAT, 4, FORMAT);
}

bool bundle_name_is_plain(const char name[BUNDLE_NAME])
{
	size_t len = strnlen(name, BUNDLE_NAME);

	return len > 0 && len < BUNDLE_NAME && name[0] != '.' &&
	       strspn(name, "0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._") == len;
}

/* Do the sizes add up to those of the file? */
static bool fits(const struct bundle *bundle, uint64_t file_size)
{
	return file_size > BUNDLE_TRAILER && bundle->program_size > 0 && bundle->size > 0 &&
	       bundle->program_size < file_size - BUNDLE_TRAILER &&
	       bundle->size == file_size - BUNDLE_TRAILER - bundle->program_size;
}

int bundle_parse(const unsigned char trailer[BUNDLE_TRAILER], uint64_t file_size,
		 struct bundle *out)
{
	*out = (struct bundle){0};
	if (memcmp(trailer + AT_MAGIC, magic, sizeof(magic)) != 0)
		return -ENOENT;
	memcpy(out->name, trailer + AT_NAME, BUNDLE_NAME);
	memcpy(out->sha256.byte, trailer + AT_SHA256, SHA256_SIZE);
	memcpy(out->program_sha256.byte, trailer + AT_PROGRAM_SHA256, SHA256_SIZE);
	out->program_size = le_get(trailer + AT_PROGRAM_SIZE, 8);
	out->size = le_get(trailer + AT_SIZE, 8);
	if (le_get(trailer + AT_FORMAT, 4) != FORMAT)
		out->broken = "it is of a format that this program does not know";
	else if (le_get(trailer + AT_FINGERPRINT, 8) !=
		 hash_bytes(HASH_START, trailer, AT_FINGERPRINT))
		out->broken = "its last bytes, which describe it, were changed";
	else if (!fits(out, file_size))
		out->broken = "a part of it is missing, or something was put in";
	else if (!bundle_name_is_plain(out->name))
		out->broken = "its tarball has a name that no tarball of Nix has";
	/* a name without an end must not get into a message */
	if (out->broken)
		out->name[0] = '\0';
	return 0;
}

static bool read_trailer(int fd, uint64_t file_size, unsigned char trailer[BUNDLE_TRAILER])
{
	ssize_t n;

	if (file_size < BUNDLE_TRAILER)
		return false;
	do
		n = pread(fd, trailer, BUNDLE_TRAILER, (off_t)(file_size - BUNDLE_TRAILER));
	while (n < 0 && errno == EINTR);
	return n == BUNDLE_TRAILER;
}

int bundle_look(int fd, struct bundle *out)
{
	unsigned char trailer[BUNDLE_TRAILER];
	struct elf elf;
	struct stat st;
	uint64_t size;
	bool is_elf;

	*out = (struct bundle){0};
	if (fstat(fd, &st) < 0)
		return 0;
	size = (uint64_t)st.st_size;
	if (read_trailer(fd, size, trailer) && bundle_parse(trailer, size, out) == 0 &&
	    !out->broken)
		return 1;
	is_elf = elf_look(fd, &elf) == 0;
	if (!out->broken && is_elf && elf.end < size)
		out->broken = "its end is missing, or something was added behind it";
	else if (!out->broken && is_elf && elf.end > size)
		out->broken = "most of it is missing";
	out->program_size = is_elf && elf.end < size ? elf.end : size;
	return out->broken ? -1 : 0;
}

int bundle_look_at_self(struct bundle *out)
{
#ifdef SINGLE_BINARY
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && mark[0])
		return bundle_look(fd, out);
#endif
	*out = (struct bundle){0};
	return 0;
}
