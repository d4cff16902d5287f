/*
 * What the tests around unpacking share: a scratch directory, tar entries made by hand (libarchive
 * would not write the hostile ones), and what was said on stderr.
 */
#ifndef TESTS_UNPACK_FIXTURE_H
#define TESTS_UNPACK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include "../refuse.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HASH_A	"0123456789abcdfghijklmnpqrsvwxyz"
#define HASH_B	"zyxwvsrqpnmlkjihgfdcba9876543210"
#define TOP	"nix-1.0-x86_64-linux"
#define PATH_A	TOP "/store/" HASH_A "-a"
#define UNUSED_ __attribute__((unused))

/*
 * One for each test. DIR is an absolute path, and FD is open on it; HELPER is a child to be ended
 * with the test.
 */
struct scratch {
	char *dir;
	int fd;
	pid_t helper;
};

UNUSED_ static int scratch_setup(void **state)
{
	struct scratch *scratch = xcalloc(1, sizeof(*scratch));
	const char *tmp = env_get("TMPDIR");

	scratch->dir = xasprintf("%s/unpack-test-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch->dir))
		return -1;
	scratch->fd = fs_open_dir(AT_FDCWD, scratch->dir);
	*state = scratch;
	return scratch->fd < 0 ? -1 : 0;
}

UNUSED_ static int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	int r;

	if (scratch->helper > 0) {
		kill(scratch->helper, SIGKILL);
		waitpid(scratch->helper, NULL, 0);
	}
	r = fs_remove_tree(AT_FDCWD, scratch->dir);
	close(scratch->fd);
	free(scratch->dir);
	free(scratch);
	return r;
}

/* Makes a directory in the scratch directory, and opens it. */
UNUSED_ static int make_dir(const struct scratch *scratch, const char *name)
{
	int fd;

	assert_int_equal(fs_mkdirs(scratch->fd, name, 0755), 0);
	fd = fs_open_dir(scratch->fd, name);
	assert_true(fd >= 0);
	return fd;
}

UNUSED_ static void make_file(int dirfd, const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

UNUSED_ static void assert_file(int dirfd, const char *name, const char *text)
{
	_cleanup_free_ char *data = NULL;
	size_t len;

	if (fs_read_file(dirfd, name, 1 << 20, &data, &len) < 0)
		fail_msg("%s cannot be read", name);
	assert_string_equal(data, text);
}

UNUSED_ static struct stat status_of(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s is not there", name);
	return st;
}

UNUSED_ static bool is_there(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

UNUSED_ static size_t count_children(int dirfd)
{
	int fd = fs_open_dir(dirfd, ".");
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

/* How many descriptors this process has open, of the first ones. */
UNUSED_ static size_t count_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/*
 * Writes a tar entry of type KIND ('0' file, '1' hard link, '2' symlink, '5' directory, …) to FD.
 */
UNUSED_ static void tar_entry(int fd, char kind, const char *name, const char *link,
			      const char *data, unsigned mode)
{
	char block[512] = {0}, text[32];
	size_t len = data ? strlen(data) : 0;
	unsigned sum = 0;

	assert_true(strlen(name) <= 100 && strlen(link) <= 100);
	memcpy(block, name, strlen(name));
	snprintf(text, sizeof(text), "%07o", mode);
	memcpy(block + 100, text, 8);
	memcpy(block + 108, "0000000", 8);
	memcpy(block + 116, "0000000", 8);
	snprintf(text, sizeof(text), "%011o", (unsigned)len);
	memcpy(block + 124, text, 12);
	memcpy(block + 136, "00000000000", 12);
	memset(block + 148, ' ', 8);
	block[156] = kind;
	memcpy(block + 157, link, strlen(link));
	memcpy(block + 257, "ustar\00000", 8);
	/* the numbers for a device: 1, 3 (/dev/null) */
	memcpy(block + 329, "0000001", 8);
	memcpy(block + 337, "0000003", 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += (unsigned char)block[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(block + 148, text, 7);
	assert_int_equal(fs_write_all(fd, block, sizeof(block)), 0);
	for (size_t done = 0; done < len; done += sizeof(block)) {
		memset(block, 0, sizeof(block));
		memcpy(block, data + done, len - done < sizeof(block) ? len - done : sizeof(block));
		assert_int_equal(fs_write_all(fd, block, sizeof(block)), 0);
	}
}

/* Writes the entries that every Nix tarball has. */
UNUSED_ static void tar_good(int fd)
{
	tar_entry(fd, '0', TOP "/install", "", "#!/bin/sh\n", 0755);
	tar_entry(fd, '0', TOP "/.reginfo", "", "", 0644);
	tar_entry(fd, '0', PATH_A "/bin/tool", "", "tool", 0755);
	tar_entry(fd, '2', PATH_A "/link", "/nix/store/elsewhere", NULL, 0777);
}

UNUSED_ static void tar_end(int fd)
{
	static const char zeros[1024];

	assert_int_equal(fs_write_all(fd, zeros, sizeof(zeros)), 0);
}

/* Makes an empty file for a tar in SCRATCH, open for reading and writing. */
UNUSED_ static int tar_new(const struct scratch *scratch)
{
	int fd = openat(scratch->fd, "archive.tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

/* Sends stderr to a file in SCRATCH until stderr_end(). */
UNUSED_ static int stderr_begin(const struct scratch *scratch)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	_cleanup_close_ int fd = openat(scratch->fd, "stderr", O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	return saved;
}

/* Restores stderr, and returns what was written to it; the caller frees. */
UNUSED_ static char *stderr_end(const struct scratch *scratch, int saved)
{
	char *text;
	size_t len;

	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
	assert_int_equal(fs_read_file(scratch->fd, "stderr", 1 << 20, &text, &len), 0);
	return text;
}

UNUSED_ static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in: %s", part, text);
}

/* Returns the first child of PID, or 0: proc(5); needs CONFIG_PROC_CHILDREN. */
UNUSED_ static pid_t child_of(pid_t pid)
{
	_cleanup_free_ char *name = xasprintf("/proc/%d/task/%d/children", (int)pid, (int)pid);
	_cleanup_fclose_ FILE *file = fopen(name, "re");
	int child = 0;

	return pid > 0 && file && fscanf(file, "%d", &child) == 1 ? child : 0;
}

/* Returns the working process of a running unpacking: the last in the line of our descendants. */
UNUSED_ static pid_t last_descendant(void)
{
	pid_t pid = getpid(), child;

	while ((child = child_of(pid)) > 0)
		pid = child;
	return pid == getpid() ? 0 : pid;
}

/* Acts as a host that refuses namespaces, as containers do. */
UNUSED_ static void refuse_namespaces(void)
{
	refuse_call(SYS_unshare, -1, EPERM);
}

/* Acts as a kernel without Landlock. */
UNUSED_ static void refuse_landlock(void)
{
	refuse_call(444, -1, ENOSYS);
}

/* Acts as a kernel without seccomp filters. */
UNUSED_ static void refuse_filters(void)
{
	refuse_call(SYS_prctl, PR_SET_SECCOMP, EINVAL);
}

/* Returns the version of Landlock by landlock_create_ruleset(2). */
UNUSED_ static int landlock_version(void)
{
	long version = syscall(444, NULL, 0, 1);

	return version > 0 ? (int)version : 0;
}

/*
 * Runs BODY in a child process. *SAID becomes what it prints on stderr, which the caller frees; if
 * SAID is NULL, stderr is not changed. Returns the child's exit status, which is the result of
 * BODY, or 128 + N if signal N ended it.
 */
UNUSED_ static int in_child(const struct scratch *scratch, int (*body)(struct scratch *),
			    char **said)
{
	int saved = said ? stderr_begin(scratch) : -1, status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body((struct scratch *)(uintptr_t)scratch));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (said)
		*said = stderr_end(scratch, saved);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* For use in such a child, where an assertion of cmocka would jump into the parent's tests. */
#define MUST(condition)                                                                         \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			_exit(99);                                                              \
		}                                                                               \
	} while (0)

#endif
