/*
 * Reads any bytes as the end of a bundle, and as the headers of the program in it. Sizes that are
 * accepted must lie within the file; a bundle that is rejected must have no name.
 */
#include "util/bundle.h"
#include "util/elf.h"
#include "util/fs.h"
#include "util/little_endian.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* Writes the bytes to a file, the same file each time. */
static int file_of(const void *data, size_t len)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("bundle", MFD_CLOEXEC);
	check(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	check(fs_write_all(fd, data, len) == 0);
	return fd;
}

static int look(const unsigned char *data, size_t len)
{
	struct bundle found;
	struct elf elf;
	int fd = file_of(data, len), r = bundle_look(fd, &found);

	check((r < 0) == (found.broken != NULL) && (r > 0) == (found.name[0] != '\0'));
	check(found.program_size <= len);
	if (r > 0) {
		check(found.program_size > 0 && found.size > 0);
		check(found.program_size + found.size + BUNDLE_TRAILER == len);
		check(bundle_name_is_plain(found.name) && !strchr(found.name, '/'));
	}
	if (elf_look(fd, &elf) == 0) {
		const char *system = elf_system(&elf);

		check(elf.bits == 32 || elf.bits == 64);
		check(!system || elf_is_for(&elf, system));
	}
	bundle_is_marked(data, len);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle made = {.name = "nix-2.26.3-x86_64-linux.tar.xz"};
	unsigned char *whole;
	int r;

	look(data, size);
	if (size < 16)
		return 0;
	/* once more with the right fingerprint at the end, which random bytes would never have */
	made.program_size = le_get(data, 8);
	made.size = data[8] % 2 ? size - made.program_size : le_get(data + 8, 8);
	whole = malloc(size + BUNDLE_TRAILER);
	check(whole != NULL);
	memcpy(whole, data, size);
	bundle_format(&made, whole + size);
	r = look(whole, size + BUNDLE_TRAILER);
	check((r > 0) == (made.program_size > 0 && made.program_size < size &&
			  made.size == size - made.program_size));
	free(whole);
	return 0;
}
