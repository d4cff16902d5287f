/*
 * Unpacks any bytes as an archive by extract_nix_tarball(), the work of the confined child. It runs
 * in this process, so that libFuzzer sees its coverage, and unpacks into a scratch directory on a
 * tmpfs of its own. Beside crashes the target looks for wrong results: a file outside staging, a
 * file that is no part of a Nix tarball, and an archive that is reported as done and is not.
 */
#include "chroot/namespace.h"
#include "unpack/extract.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/store_name.h"
#include "util/str.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Global, and set up once, because libFuzzer passes no context to the target. */
static struct {
	int dir_fd; /* the scratch directory, which holds "deep/staging" and nothing else */
	int staging_fd, home_fd;
	int in_fd, out_fd; /* memfds that stand in for descriptors 0 and 1 */
} fuzz;

#define MUST(condition)                                              \
	do {                                                         \
		if (!(condition)) {                                  \
			fprintf(stderr, "not so: %s\n", #condition); \
			abort();                                     \
		}                                                    \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tmp = env_get("TMPDIR"), *file;
	_cleanup_free_ char *dir = NULL;
	uid_t uid = geteuid();
	gid_t gid = getegid();

	(void)argc;
	(void)argv;
	dir = xasprintf("%s/fuzz-unpack-XXXXXX", tmp ? tmp : "/tmp");
	MUST(mkdtemp(dir));
	MUST(namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
	MUST(namespace_map_ids(uid, gid, &file) == 0 && namespace_make_slave() == 0);
	MUST(mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m") == 0);
	fuzz.dir_fd = fs_open_dir(AT_FDCWD, dir);
	/*
	 * the descriptor keeps the unmounted tmpfs alive: nothing is left, however this process
	 * ends
	 */
	MUST(fuzz.dir_fd >= 0 && umount2(dir, MNT_DETACH) == 0 && rmdir(dir) == 0);
	MUST(fs_mkdirs(fuzz.dir_fd, "deep/staging", 0700) == 0);
	fuzz.staging_fd = fs_open_dir(fuzz.dir_fd, "deep/staging");
	fuzz.home_fd = fs_open_dir(AT_FDCWD, ".");
	fuzz.in_fd = memfd_create("archive", MFD_CLOEXEC);
	fuzz.out_fd = memfd_create("reports", MFD_CLOEXEC);
	MUST(fuzz.staging_fd >= 0 && fuzz.home_fd >= 0 && fuzz.in_fd >= 0 && fuzz.out_fd >= 0);
	return 0;
}

static void rewrite(int fd, const void *data, size_t size)
{
	MUST(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	MUST(fs_write_all(fd, data, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
}

/* Everything below store/ is in Nix's canonical form, everything else a plain file or directory. */
static int look_at(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *store = strstr(path, "/store/");
	mode_t mode = st->st_mode & 07777;

	(void)type;
	if (ftw->level == 0)
		return 0;
	MUST(str_starts_with(path, "./nix-"));
	MUST(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode));
	if (ftw->level <= 2 || strncmp(strchr(path + 2, '/'), "/store/", 7) != 0) {
		MUST(S_ISDIR(st->st_mode) ? mode == 0755 : mode == 0644 || mode == 0755);
		return 0;
	}
	MUST(st->st_mtime == 1);
	if (S_ISREG(st->st_mode))
		MUST(mode == 0444 || mode == 0555);
	if (S_ISDIR(st->st_mode))
		MUST(mode == (ftw->level == 3 ? 0755 : 0555));
	if (ftw->level == 3)
		MUST(store_name_valid(store + strlen("/store/")));
	return 0;
}

static void check_outcome(int r)
{
	struct extract_report report = {0};
	off_t end = lseek(fuzz.out_fd, 0, SEEK_END);

	MUST(end >= (off_t)sizeof(report) && end % (off_t)sizeof(report) == 0);
	MUST(pread(fuzz.out_fd, &report, sizeof(report), end - (off_t)sizeof(report)) ==
	     sizeof(report));
	MUST(report.kind == (r == 0 ? EXTRACT_DONE : EXTRACT_FAILED));
	MUST(report.text[0] && memchr(report.text, '\0', sizeof(report.text)));
	if (r == 0)
		MUST(nftw(".", look_at, 16, FTW_PHYS) == 0);
}

/* Counts the names in the directory FD, without "." and "..", and removes them if REMOVE is set. */
static int children(int fd, bool remove)
{
	int own = fs_open_dir(fd, "."), count = 0;
	_cleanup_closedir_ DIR *dir = fdopendir(own);
	struct dirent *entry;

	MUST(dir);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (remove)
			MUST(fs_remove_tree(fd, entry->d_name) == 0);
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_limits limits = {.bytes = 1 << 20, .entries = 200};
	int saved_in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	mode_t mask = umask(0);
	int r;

	rewrite(fuzz.in_fd, data, size);
	rewrite(fuzz.out_fd, "", 0);
	MUST(fchdir(fuzz.staging_fd) == 0);
	MUST(dup2(fuzz.in_fd, STDIN_FILENO) == STDIN_FILENO);
	MUST(dup2(fuzz.out_fd, STDOUT_FILENO) == STDOUT_FILENO);
	r = extract_nix_tarball(&limits);
	check_outcome(r);
	MUST(fchdir(fuzz.home_fd) == 0);
	umask(mask);
	if (saved_in >= 0)
		dup2(saved_in, STDIN_FILENO);
	if (saved_out >= 0)
		dup2(saved_out, STDOUT_FILENO);
	close(saved_in);
	close(saved_out);
	children(fuzz.staging_fd, true);
	MUST(children(fuzz.dir_fd, false) == 1);
	return 0;
}
