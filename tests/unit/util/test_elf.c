/* The headers of programs, of both classes: where the program ends, and where it runs. */
#include "util/elf.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEN = 600 };

/* What differs from a 64-bit program with two segments and two sections. */
struct change {
	unsigned char ident[EI_NIDENT]; /* 0: as it is */
	uint16_t phentsize, shentsize;
	uint64_t phoff, shoff;
	int16_t phnum, shnum; /* below 0: none */
	Elf64_Phdr segments[2];
	Elf64_Shdr sections[2];
	size_t len; /* of the file */
};

static int look(const unsigned char *data, size_t len, struct elf *out)
{
	_cleanup_close_ int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, data, len), 0);
	/* of an earlier call, which was interrupted: of no meaning for this one */
	errno = EINTR;
	return elf_look(fd, out);
}

static int look_changed(const struct change *change, struct elf *out)
{
	unsigned char data[LEN] = {0};
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_machine = EM_X86_64,
		.e_phoff = change->phoff ? change->phoff : 64,
		.e_shoff = change->shoff ? change->shoff : 256,
		.e_phentsize = change->phentsize ? change->phentsize : sizeof(Elf64_Phdr),
		.e_shentsize = change->shentsize ? change->shentsize : sizeof(Elf64_Shdr),
		.e_phnum = (uint16_t)(change->phnum < 0 ? 0 : 2),
		.e_shnum = (uint16_t)(change->shnum < 0 ? 0 : 2),
	};

	for (size_t i = 0; i < EI_NIDENT; i++)
		header.e_ident[i] = change->ident[i] ? change->ident[i] : header.e_ident[i];
	memcpy(data, &header, sizeof(header));
	memcpy(data + 64, change->segments, sizeof(change->segments));
	memcpy(data + 256, change->sections, sizeof(change->sections));
	return look(data, change->len ? change->len : LEN, out);
}

#define SEGMENT(type, offset, size)                                  \
	{                                                            \
		.p_type = type, .p_offset = offset, .p_filesz = size \
	}
#define SECTION(type, offset, size)                                   \
	{                                                             \
		.sh_type = type, .sh_offset = offset, .sh_size = size \
	}

static void ends(void **state)
{
	static const struct {
		struct change change;
		uint64_t end;
		bool needs_loader;
	} cases[] = {
		/* the table of sections is behind all */
		{{.shnum = 0}, 256 + 2 * 64, false},
		{{.shnum = -1}, 64 + 2 * 56, false},
		{{.shoff = 1000}, 1000 + 2 * 64, false},
		{{.phoff = 400, .shnum = -1}, 400 + 2 * 56, false},
		/* sections of another kind are ignored */
		{{.shentsize = 40}, 64 + 2 * 56, false},
		{{.segments = {SEGMENT(PT_LOAD, 100, 400)}}, 500, false},
		{{.segments = {[1] = SEGMENT(PT_LOAD, 0, 450)}}, 450, false},
		{{.segments = {SEGMENT(PT_INTERP, 0, 9)}}, 384, true},
		{{.segments = {[1] = SEGMENT(PT_INTERP, 0, 9)}}, 384, true},
		{{.segments = {SEGMENT(PT_INTERP, 0, 9), SEGMENT(PT_LOAD, 0, 9)}}, 384, true},
		{{.segments = {SEGMENT(PT_LOAD, UINT64_MAX, 1)}}, UINT64_MAX, false},
		{{.segments = {SEGMENT(PT_LOAD, UINT64_MAX - 1, 1)}}, UINT64_MAX, false},
		{{.segments = {SEGMENT(PT_LOAD, 9, UINT64_MAX)}}, UINT64_MAX, false},
		{{.sections = {SECTION(SHT_PROGBITS, 500, 77)}}, 577, false},
		{{.sections = {[1] = SECTION(SHT_STRTAB, 500, 99)}}, 599, false},
		/* a table that is cut is not read */
		{{.sections = {SECTION(SHT_PROGBITS, 500, 5000)}, .len = 330}, 384, false},
		/* these two have no bytes in the file */
		{{.sections = {SECTION(SHT_NOBITS, 500, 77)}}, 384, false},
		{{.sections = {SECTION(SHT_NULL, 500, 77)}}, 384, false},
	};
	struct elf elf;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(look_changed(&cases[i].change, &elf), 0);
		if (elf.end != cases[i].end || elf.needs_loader != cases[i].needs_loader)
			fail_msg("case %zu: %llu", i, (unsigned long long)elf.end);
		assert_true(elf.bits == 64 && elf.machine == EM_X86_64);
	}
}

static void no_programs(void **state)
{
	static const struct change cases[] = {
		{.ident = {1}},
		{.ident = {[EI_MAG3] = 'f'}},
		{.ident = {[EI_DATA] = ELFDATA2MSB}},
		{.ident = {[EI_CLASS] = 3}},
		{.phnum = -1},
		{.phentsize = 57},
		{.phoff = LEN - 2 * 56 + 1},
		{.phoff = INT64_MAX - 2 * 56},
		{.phoff = INT64_MAX},
		{.phoff = UINT64_MAX},
		{.len = 63},
	};
	struct elf elf;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (look_changed(&cases[i], &elf) != -ENOEXEC)
			fail_msg("case %zu", i);
	assert_int_equal(look_changed(&(struct change){.phoff = LEN - 2 * 56}, &elf), 0);
	assert_int_equal(elf_look(-1, &elf), -EBADF);
	assert_true(elf.end == 0 && elf.bits == 0);
}

static void class_of_32_bits(void **state)
{
	Elf32_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			    EV_CURRENT},
		.e_machine = EM_ARM,
		.e_phoff = 64,
		.e_shoff = 128,
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_shentsize = sizeof(Elf32_Shdr),
		.e_phnum = 1,
		.e_shnum = 1,
	};
	const Elf32_Phdr segment = {.p_type = PT_INTERP, .p_offset = 100, .p_filesz = 200};
	const Elf32_Shdr section = {.sh_type = SHT_PROGBITS, .sh_offset = 250, .sh_size = 51};
	unsigned char data[LEN] = {0};
	struct elf elf;

	(void)state;
	memcpy(data, &header, sizeof(header));
	memcpy(data + 64, &segment, sizeof(segment));
	assert_int_equal(look(data, LEN, &elf), 0);
	assert_true(elf.end == 300 && elf.bits == 32 && elf.machine == EM_ARM);
	assert_true(elf.needs_loader);
	memcpy(data + 128, &section, sizeof(section));
	assert_int_equal(look(data, LEN, &elf), 0);
	assert_true(elf.end == 301);
}

static void systems(void **state)
{
	static const struct {
		const char *system;
		unsigned machine, bits;
		bool is_first; /* of the systems of its machine */
	} cases[] = {
		{"x86_64-linux", EM_X86_64, 64, true},	   {"i686-linux", EM_386, 32, true},
		{"aarch64-linux", EM_AARCH64, 64, true},   {"armv7l-linux", EM_ARM, 32, true},
		{"armv6l-linux", EM_ARM, 32, false},	   {"riscv64-linux", EM_RISCV, 64, true},
		{"powerpc64le-linux", EM_PPC64, 64, true},
	};
	enum { COUNT = sizeof(cases) / sizeof(cases[0]) };
	/* x32 and riscv32 are not what their 64-bit brothers are */
	static const struct elf others[] = {{.machine = EM_X86_64, .bits = 32},
					    {.machine = EM_RISCV, .bits = 32},
					    {.machine = EM_S390, .bits = 64},
					    {.machine = 0, .bits = 64}};

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		const struct elf elf = {.machine = cases[i].machine, .bits = cases[i].bits};

		for (size_t j = 0; j < COUNT; j++)
			assert_int_equal(elf_is_for(&elf, cases[j].system),
					 cases[i].machine == cases[j].machine);
		assert_false(elf_is_for(&elf, "vax-linux"));
		if (cases[i].is_first)
			assert_string_equal(elf_system(&elf), cases[i].system);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_null(elf_system(&others[i]));
		for (size_t j = 0; j < COUNT; j++)
			assert_false(elf_is_for(&others[i], cases[j].system));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(no_programs),
		cmocka_unit_test(class_of_32_bits),
		cmocka_unit_test(systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
