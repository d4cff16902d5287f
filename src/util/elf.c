#include "util/elf.h"
#include "util/cleanup.h"
#include "util/little_endian.h"
#include "util/str.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Where a field is in a header, and how many bytes it has: both differ between the two classes. */
struct field {
	size_t offset, size;
};

#define FIELD(type, name)                                       \
	{                                                       \
		offsetof(type, name), sizeof(((type *)0)->name) \
	}

static const struct layout {
	struct field phoff, shoff, phentsize, phnum, shentsize, shnum;
	struct field p_type, p_offset, p_filesz, sh_type, sh_offset, sh_size;
	size_t phdr, shdr;
} layouts[] = {
	{FIELD(Elf32_Ehdr, e_phoff), FIELD(Elf32_Ehdr, e_shoff), FIELD(Elf32_Ehdr, e_phentsize),
	 FIELD(Elf32_Ehdr, e_phnum), FIELD(Elf32_Ehdr, e_shentsize), FIELD(Elf32_Ehdr, e_shnum),
	 FIELD(Elf32_Phdr, p_type), FIELD(Elf32_Phdr, p_offset), FIELD(Elf32_Phdr, p_filesz),
	 FIELD(Elf32_Shdr, sh_type), FIELD(Elf32_Shdr, sh_offset), FIELD(Elf32_Shdr, sh_size),
	 sizeof(Elf32_Phdr), sizeof(Elf32_Shdr)},
	{FIELD(Elf64_Ehdr, e_phoff), FIELD(Elf64_Ehdr, e_shoff), FIELD(Elf64_Ehdr, e_phentsize),
	 FIELD(Elf64_Ehdr, e_phnum), FIELD(Elf64_Ehdr, e_shentsize), FIELD(Elf64_Ehdr, e_shnum),
	 FIELD(Elf64_Phdr, p_type), FIELD(Elf64_Phdr, p_offset), FIELD(Elf64_Phdr, p_filesz),
	 FIELD(Elf64_Shdr, sh_type), FIELD(Elf64_Shdr, sh_offset), FIELD(Elf64_Shdr, sh_size),
	 sizeof(Elf64_Phdr), sizeof(Elf64_Shdr)},
};

static uint64_t get(const unsigned char *header, struct field field)
{
	return le_get(header + field.offset, field.size);
}

/*
 * Read LEN bytes at OFFSET of the file: 0, -ENOEXEC if the file ends before, or a negative errno.
 */
static int read_at(int fd, uint64_t offset, void *data, size_t len)
{
	ssize_t n;

	if (offset > INT64_MAX - len)
		return -ENOEXEC;
	do
		n = pread(fd, data, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (size_t)n < len ? -ENOEXEC : 0;
}

static void reach(struct elf *elf, uint64_t offset, uint64_t size)
{
	uint64_t end = offset > UINT64_MAX - size ? UINT64_MAX : offset + size;

	if (end > elf->end)
		elf->end = end;
}

/* Read the program headers: 0 or a negative errno. */
static int look_at_segments(int fd, const struct layout *l, const unsigned char *header,
			    struct elf *out)
{
	uint64_t offset = get(header, l->phoff), count = get(header, l->phnum);
	_cleanup_free_ unsigned char *table = xcalloc(count + 1, l->phdr);
	int r;

	if (count == 0 || get(header, l->phentsize) != l->phdr)
		return -ENOEXEC;
	r = read_at(fd, offset, table, count * l->phdr);
	reach(out, offset, count * l->phdr);
	for (uint64_t i = 0; r == 0 && i < count; i++) {
		const unsigned char *p = table + i * l->phdr;

		out->needs_loader |= get(p, l->p_type) == PT_INTERP;
		reach(out, get(p, l->p_offset), get(p, l->p_filesz));
	}
	return r;
}

/*
 * Read the section headers. A program runs without them, even if its header announces some, so
 * nothing is an error here.
 */
static void look_at_sections(int fd, const struct layout *l, const unsigned char *header,
			     struct elf *out)
{
	uint64_t offset = get(header, l->shoff), count = get(header, l->shnum);
	_cleanup_free_ unsigned char *table = xcalloc(count + 1, l->shdr);

	if (offset == 0 || count == 0 || get(header, l->shentsize) != l->shdr)
		return;
	reach(out, offset, count * l->shdr);
	if (read_at(fd, offset, table, count * l->shdr) < 0)
		return;
	for (uint64_t i = 0; i < count; i++) {
		const unsigned char *p = table + i * l->shdr;

		if (get(p, l->sh_type) != SHT_NOBITS && get(p, l->sh_type) != SHT_NULL)
			reach(out, get(p, l->sh_offset), get(p, l->sh_size));
	}
}

int elf_look(int fd, struct elf *out)
{
	unsigned char header[sizeof(Elf64_Ehdr)];
	const struct layout *l;
	int r = read_at(fd, 0, header, sizeof(header));

	*out = (struct elf){0};
	if (r < 0)
		return r;
	if (memcmp(header, ELFMAG, SELFMAG) != 0 || header[EI_DATA] != ELFDATA2LSB ||
	    (header[EI_CLASS] != ELFCLASS32 && header[EI_CLASS] != ELFCLASS64))
		return -ENOEXEC;
	l = &layouts[header[EI_CLASS] == ELFCLASS64];
	out->bits = header[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	/* all fields before e_entry are at the same place in both classes */
	out->machine = (unsigned)le_get(header + offsetof(Elf32_Ehdr, e_machine), 2);
	r = look_at_segments(fd, l, header, out);
	if (r == 0)
		look_at_sections(fd, l, header, out);
	return r;
}

static const struct {
	const char *system;
	unsigned machine, bits; /* BITS 0: the machine has only one class */
} systems[] = {
	{"x86_64-linux", EM_X86_64, 64},     {"i686-linux", EM_386, 0},
	{"aarch64-linux", EM_AARCH64, 64},   {"armv7l-linux", EM_ARM, 0},
	{"armv6l-linux", EM_ARM, 0},	     {"riscv64-linux", EM_RISCV, 64},
	{"powerpc64le-linux", EM_PPC64, 64},
};

static bool is_row(const struct elf *elf, size_t i)
{
	return elf->machine == systems[i].machine &&
	       (systems[i].bits == 0 || elf->bits == systems[i].bits);
}

bool elf_is_for(const struct elf *elf, const char *system)
{
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
		if (strcmp(system, systems[i].system) == 0)
			return is_row(elf, i);
	return false;
}

const char *elf_system(const struct elf *elf)
{
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
		if (is_row(elf, i))
			return systems[i].system;
	return NULL;
}
