/* The trailer of a bundle: cut anywhere, changed anywhere, with sizes that overflow; and
 * elf_look(). */
#include "util/bundle.h"
#include "util/cleanup.h"
#include "util/elf.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/little_endian.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../nth.h"

#define NAME "nix-2.26.3-x86_64-linux.tar.xz"

enum {
	PROGRAM = 3 * sizeof(Elf64_Ehdr),
	TARBALL = 1000,
	WHOLE = PROGRAM + TARBALL + BUNDLE_TRAILER
};

/* Makes a program that consists of headers, and 64 bytes of code. */
static void make_program(unsigned char program[PROGRAM])
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	Elf64_Phdr segment = {.p_type = PT_LOAD, .p_offset = 0, .p_filesz = PROGRAM};

	memset(program, 0x90, PROGRAM);
	memcpy(program, &header, sizeof(header));
	memcpy(program + sizeof(header), &segment, sizeof(segment));
}

static struct bundle good(void)
{
	struct bundle bundle = {.name = NAME, .program_size = PROGRAM, .size = TARBALL};

	memset(bundle.sha256.byte, 0xaa, SHA256_SIZE);
	memset(bundle.program_sha256.byte, 0xbb, SHA256_SIZE);
	return bundle;
}

static void make_whole(unsigned char whole[WHOLE])
{
	const struct bundle bundle = good();

	make_program(whole);
	memset(whole + PROGRAM, 0xfd, TARBALL);
	bundle_format(&bundle, whole + PROGRAM + TARBALL);
}

static int look(const void *data, size_t len, struct bundle *out)
{
	_cleanup_close_ int fd = memfd_create("bundle", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, data, len), 0);
	/* of an earlier call, which was interrupted: of no meaning for this one */
	errno = EINTR;
	return bundle_look(fd, out);
}

static int look_at_bundle(void *ctx)
{
	struct bundle found;

	return look(ctx, WHOLE, &found) == 1 ? 0 : 1;
}

/* A read that a signal interrupts is made again; one that finds nothing, at the end, is not. */
static void a_signal_meanwhile(void **state)
{
	static const struct {
		int err, wanted;
	} cases[] = {{EINTR, 0}, {0, 1}, {EIO, 1}};
	unsigned char whole[WHOLE];

	(void)state;
	make_whole(whole);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status,
			r = nth_fails(SYS_pread64, 1, cases[i].err, look_at_bundle, whole, &status);

		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, cases[i].wanted << 8);
	}
}

static void what_is_written_is_read(void **state)
{
	const struct bundle wanted = good();
	unsigned char whole[WHOLE];
	struct bundle found;

	(void)state;
	make_whole(whole);
	assert_int_equal(look(whole, WHOLE, &found), 1);
	assert_null(found.broken);
	assert_string_equal(found.name, NAME);
	assert_true(sha256_equal(&found.sha256, &wanted.sha256));
	assert_true(sha256_equal(&found.program_sha256, &wanted.program_sha256));
	assert_true(found.program_size == PROGRAM && found.size == TARBALL);
}

/* Two bundles of the same parts are the same: no byte is left as it was in memory. */
static void every_byte_is_written(void **state)
{
	const struct bundle bundle = good();
	unsigned char one[BUNDLE_TRAILER], other[BUNDLE_TRAILER];

	(void)state;
	memset(one, 0x00, sizeof(one));
	memset(other, 0xee, sizeof(other));
	bundle_format(&bundle, one);
	bundle_format(&bundle, other);
	assert_memory_equal(one, other, sizeof(one));
}

/*
 * A cut is found wherever it is, except exactly at the end of the program, which leaves a valid
 * program.
 */
static void every_cut_is_seen(void **state)
{
	unsigned char whole[WHOLE];
	struct bundle found;

	(void)state;
	make_whole(whole);
	for (size_t len = 2 * sizeof(Elf64_Ehdr); len < WHOLE; len++) {
		int r = look(whole, len, &found);

		assert_int_equal(r, len == PROGRAM ? 0 : -1);
		assert_true(len == PROGRAM || (found.broken && !*found.name));
		assert_true(found.program_size == (len < PROGRAM ? len : PROGRAM));
	}
}

/*
 * A change in the program or in the tarball is found by the digests; and a program whose headers
 * changed does not run.
 */
static void every_changed_byte_of_the_trailer_is_seen(void **state)
{
	unsigned char whole[WHOLE];
	struct bundle found;

	(void)state;
	make_whole(whole);
	for (size_t i = PROGRAM + TARBALL; i < WHOLE; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			whole[i] ^= (unsigned char)(1u << bit);
			assert_int_equal(look(whole, WHOLE, &found), -1);
			assert_non_null(found.broken);
			whole[i] ^= (unsigned char)(1u << bit);
		}
	assert_int_equal(look(whole, WHOLE, &found), 1);
}

static void bytes_put_in_or_added_are_seen(void **state)
{
	static const size_t places[] = {PROGRAM, PROGRAM + 1, PROGRAM + TARBALL, WHOLE};
	unsigned char whole[WHOLE], more[WHOLE + 1];
	struct bundle found;

	(void)state;
	make_whole(whole);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(more, whole, places[i]);
		more[places[i]] = '\n';
		memcpy(more + places[i] + 1, whole + places[i], WHOLE - places[i]);
		assert_int_equal(look(more, sizeof(more), &found), -1);
		assert_non_null(found.broken);
	}
}

static void put_fingerprint(unsigned char trailer[BUNDLE_TRAILER])
{
	le_put(trailer + 232, 8, hash_bytes(HASH_START, trailer, 232));
}

/* The fingerprint is right, so somebody has made this file on purpose. */
static void sizes_that_overflow_are_refused(void **state)
{
	static const uint64_t sizes[][2] = {
		{UINT64_MAX, TARBALL + PROGRAM + 1},
		{PROGRAM + TARBALL + 1, UINT64_MAX},
		{UINT64_MAX - BUNDLE_TRAILER + 1, TARBALL},
		{0, PROGRAM + TARBALL},
		{PROGRAM + TARBALL, 0},
		{PROGRAM, TARBALL + 1},
		{PROGRAM, TARBALL - 1},
		{UINT64_C(1) << 63, UINT64_C(1) << 63},
		{WHOLE, TARBALL},
	};
	unsigned char whole[WHOLE];
	struct bundle found;

	(void)state;
	make_whole(whole);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *trailer = whole + PROGRAM + TARBALL;

		le_put(trailer + 192, 8, sizes[i][0]);
		le_put(trailer + 200, 8, sizes[i][1]);
		put_fingerprint(trailer);
		assert_int_equal(look(whole, WHOLE, &found), -1);
		assert_non_null(found.broken);
		assert_true(found.program_size == PROGRAM);
		assert_int_equal(bundle_parse(trailer, BUNDLE_TRAILER, &found), 0);
		assert_non_null(found.broken);
		assert_int_equal(bundle_parse(trailer, 0, &found), 0);
		assert_non_null(found.broken);
	}
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const names[] = {"",	   ".nix", "../nix-2.26.3-x86_64-linux.tar.xz",
					    "a/b", "a b",  "nix\033[31m"};
	unsigned char whole[WHOLE], *trailer = whole + PROGRAM + TARBALL;
	struct bundle found;

	(void)state;
	make_whole(whole);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(trailer, 0, BUNDLE_NAME);
		memcpy(trailer, names[i], strlen(names[i]));
		put_fingerprint(trailer);
		assert_int_equal(look(whole, WHOLE, &found), -1);
	}
	/* the name has no NUL */
	memset(trailer, 'n', BUNDLE_NAME);
	put_fingerprint(trailer);
	assert_int_equal(look(whole, WHOLE, &found), -1);
}

static void another_format_is_told(void **state)
{
	unsigned char whole[WHOLE];
	struct bundle found;

	(void)state;
	make_whole(whole);
	whole[WHOLE - 4] = 2;
	assert_int_equal(look(whole, WHOLE, &found), -1);
	assert_non_null(strstr(found.broken, "format"));
}

static void what_is_no_bundle_is_none(void **state)
{
	unsigned char program[PROGRAM];
	struct bundle found;

	(void)state;
	make_program(program);
	assert_int_equal(look(program, PROGRAM, &found), 0);
	assert_true(found.program_size == PROGRAM && !found.broken);
	assert_int_equal(look("#!/bin/sh\n", 10, &found), 0);
	assert_true(found.program_size == 10);
	assert_int_equal(look("", 0, &found), 0);
}

/* Even if all that is left of a bundle is its last bytes, something is missing. */
static void a_trailer_alone_is_broken(void **state)
{
	unsigned char whole[WHOLE];
	struct bundle found;

	(void)state;
	make_whole(whole);
	for (size_t from = WHOLE - BUNDLE_TRAILER - 1; from <= WHOLE - BUNDLE_TRAILER; from++) {
		assert_int_equal(look(whole + from, WHOLE - from, &found), -1);
		assert_string_equal(found.broken,
				    "a part of it is missing, or something was put in");
	}
	assert_int_equal(look(whole + WHOLE - BUNDLE_TRAILER + 1, BUNDLE_TRAILER - 1, &found), 0);
}

static void only_marked_programs_can_be_one(void **state)
{
	static const char marked[] = "\177ELF this nix-user-chroot reads \0"
				     "this nix-user-chroot reads bundles of format 1";

	(void)state;
	assert_true(bundle_is_marked(marked, sizeof(marked)));
	assert_false(bundle_is_marked(marked, sizeof(marked) - 2));
	assert_false(bundle_is_marked(marked, 0));
	assert_false(bundle_is_marked("\177ELF", 4));
}

static int look_at_elf(const unsigned char *data, size_t len, struct elf *out)
{
	_cleanup_close_ int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, data, len), 0);
	return elf_look(fd, out);
}

/* Whatever the headers say, reads stay within the file, and sums do not overflow. */
static void headers_may_say_anything(void **state)
{
	unsigned char program[PROGRAM];
	struct elf elf;

	(void)state;
	for (size_t i = EI_CLASS; i < 2 * sizeof(Elf64_Ehdr); i++)
		for (unsigned value = 0; value < 256; value += 15) {
			make_program(program);
			program[i] = (unsigned char)value;
			if (look_at_elf(program, PROGRAM, &elf) == 0)
				assert_true(elf.end > 0);
		}
	make_program(program);
	memset(program + sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_offset), 0xff, 32);
	assert_int_equal(look_at_elf(program, PROGRAM, &elf), 0);
	assert_true(elf.end == UINT64_MAX);
}

static void this_very_program_ends_where_its_file_does(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct elf elf;

	(void)state;
	assert_int_equal(elf_look(fd, &elf), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(elf.end == (uint64_t)st.st_size);
	assert_true(elf.bits == 8 * sizeof(void *));
	assert_non_null(elf_system(&elf));
	assert_true(elf_is_for(&elf, elf_system(&elf)));
	assert_false(elf_is_for(&elf, "vax-linux"));
}

static void plain_names(void **state)
{
	static const char *const good[] = {"a", "Z9", "nix-2.26.3-x86_64-linux.tar.xz", "+_-"};
	static const char *const bad[] = {"", ".", ".a", "a/b", "a b", "a\n"};
	char name[BUNDLE_NAME + 1] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		strncpy(name, good[i], BUNDLE_NAME);
		assert_true(bundle_name_is_plain(name));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strncpy(name, bad[i], BUNDLE_NAME);
		assert_false(bundle_name_is_plain(name));
	}
	/* a name without an end is none */
	memset(name, 'a', BUNDLE_NAME);
	assert_false(bundle_name_is_plain(name));
	name[BUNDLE_NAME - 1] = '\0';
	assert_true(bundle_name_is_plain(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_names),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_signal_meanwhile),
		cmocka_unit_test(every_byte_is_written),
		cmocka_unit_test(every_cut_is_seen),
		cmocka_unit_test(every_changed_byte_of_the_trailer_is_seen),
		cmocka_unit_test(bytes_put_in_or_added_are_seen),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
		cmocka_unit_test(another_format_is_told),
		cmocka_unit_test(what_is_no_bundle_is_none),
		cmocka_unit_test(a_trailer_alone_is_broken),
		cmocka_unit_test(only_marked_programs_can_be_one),
		cmocka_unit_test(headers_may_say_anything),
		cmocka_unit_test(this_very_program_ends_where_its_file_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
