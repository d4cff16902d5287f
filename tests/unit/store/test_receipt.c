/* The receipt: read, written, and read again. */
#include "store/receipt.h"
#include "store/layout.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define FIRST  "nix-user-chroot-receipt 1\n"
#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256 " HEX "\n"
#define STORE  "0123456789abcdfghijklmnpqrsvwxyz-nix-2.26.3"
#define OTHER  "zyxwvsrqpnmlkjihgfdcba9876543210-bash"
#define PATH   "path " STORE "\n"

static int parse(const char *text, struct receipt *out)
{
	return receipt_parse(text, strlen(text), out);
}

static void assert_empty(const struct receipt *receipt)
{
	assert_null(receipt->version);
	assert_null(receipt->system);
	assert_null(receipt->source);
	assert_int_equal(receipt->paths.count, 0);
	assert_null(receipt->paths.items);
}

static void whole(void **state)
{
	_cleanup_(receipt_clear) struct receipt receipt;
	_cleanup_free_ char *text = NULL;
	const char *canonical = FIRST "version 2.26.3\nsystem x86_64-linux\n"
				      "source file:///a%20b c\n" SHA256 PATH "path " OTHER "\n";
	char hex[SHA256_HEX_LEN + 1];

	(void)state;
	assert_int_equal(parse(canonical, &receipt), 0);
	assert_string_equal(receipt.version, "2.26.3");
	assert_string_equal(receipt.system, "x86_64-linux");
	assert_string_equal(receipt.source, "file:///a%20b c");
	sha256_format(&receipt.sha256, hex);
	assert_string_equal(hex, HEX);
	assert_int_equal(receipt.paths.count, 2);
	assert_string_equal(receipt.paths.items[0], STORE);
	assert_string_equal(receipt.paths.items[1], OTHER);
	text = receipt_format(&receipt);
	assert_string_equal(text, canonical);
}

static void least(void **state)
{
	_cleanup_(receipt_clear) struct receipt receipt;

	(void)state;
	assert_int_equal(parse(FIRST PATH SHA256, &receipt), 0);
	assert_null(receipt.version);
	assert_null(receipt.system);
	assert_null(receipt.source);
	assert_int_equal(receipt.paths.count, 1);
}

/* A file may have any name, and the receipt of its tarball must be readable all the same. */
static void odd_source(void **state)
{
	_cleanup_(receipt_clear) struct receipt receipt, again;
	_cleanup_free_ char *text = NULL;

	(void)state;
	assert_int_equal(parse(FIRST PATH SHA256, &receipt), 0);
	receipt.source = xstrdup("/tmp/a\nb.tar.xz");
	receipt.version = xstrdup("");
	text = receipt_format(&receipt);
	assert_int_equal(parse(text, &again), 0);
	assert_null(again.source);
	assert_null(again.version);
	assert_string_equal(again.paths.items[0], STORE);
}

/* A later program may write more than this one knows. */
static void unknown_keys(void **state)
{
	_cleanup_(receipt_clear) struct receipt receipt;

	(void)state;
	assert_int_equal(
		parse(FIRST "colour blue and green\n" PATH "versions 3\n" SHA256, &receipt), 0);
	assert_null(receipt.version);
}

static void no_receipt(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		FIRST,
		PATH SHA256,				   /* no first line */
		"nix-user-chroot-receipt 2\n" PATH SHA256, /* another format */
		"nix-user-chroot-receipt 1 \n" PATH SHA256,
		" " FIRST PATH SHA256,
		"\n" FIRST PATH SHA256,
		FIRST PATH,			  /* no hash */
		FIRST SHA256,			  /* no path */
		FIRST PATH "sha256 " HEX,	  /* cut short */
		FIRST PATH SHA256 "version 2.26", /* the same, and looks whole */
		FIRST PATH "sha256 abc\n",
		FIRST PATH "sha256 " HEX "0\n",
		FIRST PATH "sha256  " HEX "\n",
		FIRST PATH SHA256 "\n",	       /* an empty line */
		FIRST PATH SHA256 "version\n", /* no value */
		FIRST PATH SHA256 "version \n",
		FIRST SHA256 "path /nix/store/" STORE "\n",
		FIRST SHA256 "path ../" STORE "\n",
		FIRST SHA256 "path " STORE "/bin\n",
		FIRST SHA256 PATH "path nix-2.26.3\n",
		FIRST "sha256 xyz\n" PATH SHA256,
		"<html><body>not found</body></html>\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct receipt receipt;

		if (parse(texts[i], &receipt) != -EBADMSG)
			fail_msg("this passed for a receipt: %s", texts[i]);
		assert_empty(&receipt);
	}
}

static void nul_bytes(void **state)
{
	static const char texts[][sizeof(FIRST PATH SHA256) + 1] = {
		FIRST PATH SHA256 "\0",
		"\0" FIRST PATH SHA256,
	};
	struct receipt receipt;

	(void)state;
	/* with its end, the first one has one NUL, and one byte less has none */
	assert_int_equal(receipt_parse(texts[0], strlen(texts[0]) + 1, &receipt), -EBADMSG);
	assert_int_equal(receipt_parse(texts[1], sizeof(texts[1]) - 1, &receipt), -EBADMSG);
	assert_int_equal(receipt_parse(texts[0], strlen(texts[0]), &receipt), 0);
	receipt_clear(&receipt);
}

static int setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	char *path = xasprintf("%s/test_receipt.XXXXXX", tmp ? tmp : "/tmp");

	assert_non_null(mkdtemp(path));
	*state = path;
	return 0;
}

static int teardown(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void on_disk(void **state)
{
	_cleanup_close_ int fd = fs_open_dir(AT_FDCWD, *state);
	_cleanup_(receipt_clear) struct receipt receipt, again, none;
	_cleanup_free_ char *text = NULL, *more = NULL;

	assert_int_equal(receipt_read(fd, &none), -ENOENT);
	assert_int_equal(parse(FIRST "version 1\n" PATH SHA256, &receipt), 0);
	/* the directory is made by others; without it nothing is written */
	assert_int_equal(receipt_write(fd, &receipt), -ENOENT);
	assert_int_equal(fs_mkdirs(fd, WORKSPACE_STATE, 0755), 0);
	assert_int_equal(receipt_write(fd, &receipt), 0);
	free(receipt.version);
	receipt.version = xstrdup("2");
	assert_int_equal(receipt_write(fd, &receipt), 0);
	assert_int_equal(receipt_read(fd, &again), 0);
	text = receipt_format(&receipt);
	more = receipt_format(&again);
	assert_string_equal(text, more);
	/* the receipt is all there is */
	assert_int_equal(unlinkat(fd, WORKSPACE_STATE "/receipt", 0), 0);
	assert_int_equal(unlinkat(fd, WORKSPACE_STATE, AT_REMOVEDIR), 0);
}

static void not_a_receipt_on_disk(void **state)
{
	_cleanup_close_ int fd = fs_open_dir(AT_FDCWD, *state);
	_cleanup_free_ char *huge = xcalloc(2 << 20, 1);
	struct receipt receipt;

	assert_int_equal(fs_mkdirs(fd, WORKSPACE_STATE "/receipt", 0755), 0);
	assert_int_equal(receipt_read(fd, &receipt), -EISDIR);
	assert_int_equal(fs_remove_tree(fd, WORKSPACE_STATE "/receipt"), 0);
	assert_int_equal(mkfifoat(fd, WORKSPACE_STATE "/receipt", 0600), 0);
	assert_int_equal(receipt_read(fd, &receipt), -EINVAL);
	assert_int_equal(fs_replace_file(fd, WORKSPACE_STATE "/receipt", huge, 2 << 20, 0644), 0);
	assert_int_equal(receipt_read(fd, &receipt), -EFBIG);
	assert_int_equal(fs_replace_file(fd, WORKSPACE_STATE "/receipt", "x", 1, 0644), 0);
	assert_int_equal(receipt_read(fd, &receipt), -EBADMSG);
	assert_empty(&receipt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(least),
		cmocka_unit_test(odd_source),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(no_receipt),
		cmocka_unit_test(nul_bytes),
		cmocka_unit_test_setup_teardown(on_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(not_a_receipt_on_disk, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
