/*
 * Gives a fuzz target the seeds of its corpus, for the unit tests, which need no clang: each as it
 * is, each of its beginnings, and each with one byte after the other replaced by NUL and by 0xff.
 * CORPUS is the directory with the seeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes. A seed that is longer is only read as it is, for want of time. */
#define CHANGED_MAX 512

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Passes on a copy with nothing behind it, so that a sanitizer finds a read beyond its end. */
static void give(const char *seed, size_t len, size_t changed, char byte)
{
	_cleanup_free_ char *copy = xcalloc(len ? len : 1, 1);

	if (len > 0)
		memcpy(copy, seed, len);
	if (changed < len)
		copy[changed] = byte;
	LLVMFuzzerTestOneInput((const uint8_t *)copy, len);
}

/* In a child, which a wrong result aborts. */
static _Noreturn void give_all(const char *seed, size_t len)
{
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(NULL, NULL);
	give(seed, len, len, 0);
	for (size_t i = 0; len <= CHANGED_MAX && i < len; i++) {
		give(seed, i, i, 0);
		give(seed, len, i, '\0');
		give(seed, len, i, '\xff');
	}
	_exit(0);
}

static void corpus(void **state)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, CORPUS);
	const struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = fs_next_entry(dir))) {
		_cleanup_free_ char *seed = NULL;
		int status;
		size_t len;
		pid_t pid;

		assert_int_equal(fs_read_file(dirfd(dir), entry->d_name, 1 << 20, &seed, &len), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			give_all(seed, len);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("%s, or a change of it: wait status %#x", entry->d_name, status);
		count++;
	}
	assert_true(count > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(corpus)};

	return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
