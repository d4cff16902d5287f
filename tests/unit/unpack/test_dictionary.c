/* How much memory the head of an archive asks for. */
#include "unpack_fixture.h"

#include "unpack/dictionary.h"

#define MIB (UINT64_C(1) << 20)

/* A stream header, a block header, and enough behind it. LEN is of BLOCK. */
static uint64_t xz(const char *block, size_t len)
{
	unsigned char head[DICTIONARY_HEAD] = "\xfd"
					      "7zXZ\0\0\4\xe6\xd6\xb4\x46";

	memcpy(head + 12, block, len);
	return dictionary_size(head, 12 + len + 8);
}

#define XZ(block) xz(block, sizeof(block) - 1)

static void test_xz(void **state)
{
	(void)state;
	/* bytes: size of the header, flags, filter 0x21 with one byte of properties */
	assert_int_equal(XZ("\2\0\x21\1\x16\0\0\0"), 8 * MIB);
	assert_int_equal(XZ("\2\0\x21\1\x1c\0\0\0"), 64 * MIB);
	assert_int_equal(XZ("\2\0\x21\1\x1d\0\0\0"), 96 * MIB);
	assert_int_equal(XZ("\2\0\x21\1\x28\0\0\0"), UINT32_MAX);
	/* a size that does not exist: the library will refuse it */
	assert_int_equal(XZ("\2\0\x21\1\x3f\0\0\0"), UINT32_MAX);
	assert_int_equal(XZ("\2\0\x21\1\0\0\0\0"), 4096);
	/*
	 * with the compressed size (3 bytes), then with the uncompressed size (2 bytes), then with
	 * both
	 */
	assert_int_equal(XZ("\3\x40\x80\x80\1\x21\1\x28\0\0\0\0"), UINT32_MAX);
	assert_int_equal(XZ("\3\x80\x80\1\x21\1\x28\0\0\0\0"), UINT32_MAX);
	assert_int_equal(XZ("\4\xc0\x80\x80\1\x80\1\x21\1\x28\0\0\0\0"), UINT32_MAX);
	/* after a delta filter (3, one byte of properties), and after x86 (4, none) */
	assert_int_equal(XZ("\3\2\3\1\x16\4\0\x21\1\x28\0\0"), UINT32_MAX);
	/* a filter whose properties are longer than the rest; four filters, the most that there are
	 */
	assert_int_equal(XZ("\2\0\3\x7f\0\0\0\0"), 0);
	assert_int_equal(XZ("\3\3\4\0\4\0\4\0\x21\1\x1c\0"), 64 * MIB);
	/* none of the filters has a dictionary */
	assert_int_equal(XZ("\2\1\4\0\4\0\0\0"), 0);
	/* what follows the last filter is none */
	assert_int_equal(XZ("\2\0\4\0\x21\1\x1c\0"), 0);
	/* an empty file: the index follows at once */
	assert_int_equal(XZ("\0\0\0\0\x1c\xdf\x44\x21"), 0);
	assert_int_equal(XZ("\0\0\x21\1\x16\0\0\0"), 0);
}

static void test_zstd(void **state)
{
	static const struct {
		const char *head;
		size_t len;
		uint64_t size;
	} cases[] = {
		{"\x28\xb5\x2f\xfd\0\x80", 6, 64 * MIB},
		{"\x28\xb5\x2f\xfd\0\x81", 6, 72 * MIB},
		{"\x28\xb5\x2f\xfd\4\x88", 6, 128 * MIB},
		{"\x28\xb5\x2f\xfd\0\xff", 6, (UINT64_C(1) << 41) / 8 * 15},
		/* a single segment: after an id, the size of the contents in 1, 2, 4 or 8 bytes */
		{"\x28\xb5\x2f\xfd\x20\x07", 6, 7},
		{"\x28\xb5\x2f\xfd\x60\0\1", 7, 512},
		{"\x28\xb5\x2f\xfd\xa0\0\0\0\x10", 9, 256 * MIB},
		{"\x28\xb5\x2f\xfd\xe3\1\2\3\4\0\0\0\0\1\0\0\0", 17, UINT64_C(1) << 32},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			dictionary_size((const unsigned char *)cases[i].head, cases[i].len),
			cases[i].size);
		/* each header cut short, in a buffer of just that size */
		for (size_t len = 0; len < cases[i].len; len++) {
			_cleanup_free_ unsigned char *cut = xcalloc(len + 1, 1);

			memcpy(cut, cases[i].head, len);
			assert_int_equal(dictionary_size(cut, len), 0);
		}
	}
}

/* Any bytes after the magic ones: a sanitizer finds reads beyond their end. */
static void test_any_bytes(void **state)
{
	static const char *const magic[] = {"\xfd"
					    "7zXZ\0\0\4\xe6\xd6\xb4\x46",
					    "\x28\xb5\x2f\xfd"};
	static const size_t magic_len[] = {12, 4};
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		size_t len = magic_len[i % 2] + (random >> 16) % 40;
		unsigned char *head = xcalloc(len, 1);

		memcpy(head, magic[i % 2], magic_len[i % 2]);
		for (size_t j = magic_len[i % 2]; j < len; j++) {
			random = random * 1103515245 + 12345;
			head[j] = (unsigned char)(random >> 16);
		}
		(void)dictionary_size(head, len);
		free(head);
	}
	assert_int_equal(dictionary_size((const unsigned char *)"", 0), 0);
	assert_int_equal(dictionary_size((const unsigned char *)"\x1f\x8b\x08\0\0\0\0\0", 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xz),
		cmocka_unit_test(test_zstd),
		cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("dictionary", tests, NULL, NULL);
}
