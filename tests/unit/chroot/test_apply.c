/*
 * A plan carried out in namespaces of its own, by a child: what of it cannot be done, because it
 * has gone or changed since the plan was made, is left out.
 */
#include "chroot/apply.h"
#include "chroot/namespace.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../capture.h"

/* A scratch directory. In the source of a step, $ stands for its path. */
static char *scratch;

static int setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	_cleanup_close_ int fd = -1;

	(void)state;
	scratch = xasprintf("%s/test_apply.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(scratch));
	fd = fs_open_dir(AT_FDCWD, scratch);
	assert_int_equal(fs_mkdirs(fd, "nix/store", 0755), 0);
	assert_int_equal(fs_mkdirs(fd, "directory", 0755), 0);
	assert_int_equal(fs_replace_file(fd, "directory/entry", "x", 1, 0644), 0);
	assert_int_equal(fs_replace_file(fd, "file", "x", 1, 0644), 0);
	return 0;
}

static int teardown(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, scratch);

	(void)state;
	free(scratch);
	return r;
}

static struct plan_step step(enum plan_type type, const char *path, const char *source)
{
	return (struct plan_step){
		.type = type,
		.path = xstrdup(path),
		.source = source && *source == '$' ? xasprintf("%s%s", scratch, source + 1)
						   : xstrdup(source),
	};
}

/*
 * What a test does on the host after the child has entered its namespaces; reset after each test.
 */
static int (*prepare)(void);

/* In the child: enters the namespaces, and carries the steps out. Returns 0, or the exit status. */
static int enter(struct plan_step *steps, size_t count)
{
	_cleanup_free_ char *nix = xasprintf("%s/nix", scratch);
	struct plan plan = {.work_dir = scratch,
			    .old_root = xstrdup("/old"),
			    .own_file = xstrdup("/own"),
			    .steps = steps,
			    .count = count};
	bool had_stdin = fcntl(STDIN_FILENO, F_GETFD) >= 0;
	struct chroot_error error;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *file;

	if (chdir(nix) < 0)
		return 100;
	if (namespace_unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return 77;
	if (namespace_map_ids(uid, gid, &file) < 0 || namespace_make_slave() < 0)
		return 101;
	if (prepare && prepare() < 0)
		return 104;
	umask(0777);
	if (apply_plan(&plan, &error) < 0) {
		log_error("step %d, %s below %s: %s", (int)error.step, error.path, error.root,
			  strerror(error.err));
		return 102;
	}
	/* what closes a descriptor that it never got closes stdin */
	if (had_stdin && fcntl(STDIN_FILENO, F_GETFD) < 0)
		return 105;
	return umask(022) == 0777 ? 0 : 103;
}

/*
 * Runs CHECK inside, after COUNT steps. Returns what was printed, which the caller frees; *STATUS
 * is the exit status.
 */
static char *run(struct plan_step *steps, size_t count, int (*check)(void), int *status)
{
	struct capture capture;
	char *said;
	pid_t child;

	capture_begin(&capture);
	child = fork();
	if (child == 0) {
		int r = enter(steps, count);

		_exit(r ? r : check());
	}
	assert_int_equal(waitpid(child, status, 0), child);
	said = capture_end(&capture);
	prepare = NULL;
	for (size_t i = 0; i < count; i++) {
		free(steps[i].path);
		free(steps[i].source);
	}
	if (WIFEXITED(*status) && WEXITSTATUS(*status) == 77) {
		free(said);
		skip();
	}
	return said;
}

static bool is_there(const char *path)
{
	return fs_exists(AT_FDCWD, path);
}

#define CHECK(condition)                                            \
	do {                                                        \
		if (!(condition)) {                                 \
			log_error("not so inside: %s", #condition); \
			return 1;                                   \
		}                                                   \
	} while (0)

static int check_what_is_left(void)
{
	struct stat st;

	CHECK(is_there("/nix/store"));
	CHECK(is_there("/first/entry") && is_there("/last/entry"));
	CHECK(lstat("/file", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 1);
	CHECK(!is_there("/gone") && !is_there("/gone-file"));
	CHECK(!is_there("/no-directory") && !is_there("/no-file"));
	CHECK(lstat("/link\n\377", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(!is_there("/old"));
	/* directories of ours can be searched, whatever the umask is, and cannot be written */
	CHECK(stat("/new", &st) == 0 && (st.st_mode & 07777) == 0755);
	CHECK(mkdir("/more", 0755) < 0 && errno == EROFS);
	CHECK(mkdir("/first/tmpfs-below", 0755) == 0 && rmdir("/first/tmpfs-below") == 0);
	return 0;
}

static void what_has_gone_is_left_out(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_BIND_DIRECTORY, "/first", "$/directory"),
		step(PLAN_BIND_DIRECTORY, "/gone", "$/gone"),
		step(PLAN_BIND_FILE, "/gone-file", "$/gone-file"),
		step(PLAN_BIND_DIRECTORY, "/no-directory", "$/file"),
		step(PLAN_BIND_FILE, "/no-file", "$/directory"),
		step(PLAN_BIND_FILE, "/file", "$/file"),
		step(PLAN_SYMLINK, "/link\n\377", "nowhere"),
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_TMPFS, "/first/gone", NULL),
		step(PLAN_BIND_FILE, "/first/gone/entry", "$/file"),
		step(PLAN_COVER_DIRECTORY, "/gone", "$/directory"),
		step(PLAN_COVER_FILE, "/first/gone", "$/file"),
		step(PLAN_DIRECTORY, "/new", NULL),
		step(PLAN_BIND_DIRECTORY, "/last", "$/directory"),
	};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_what_is_left, &status);
	assert_string_equal(said, "");
	assert_int_equal(status, 0);
}

static void notes_at_verbose(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_DIRECTORY, "/gone", "$/gone"),
		step(PLAN_BIND_DIRECTORY, "/first", "$/directory"),
		step(PLAN_BIND_FILE, "/file", "$/file"),
		step(PLAN_SYMLINK, "/link\n\377", "nowhere"),
		step(PLAN_BIND_DIRECTORY, "/last", "$/directory"),
		step(PLAN_DIRECTORY, "/new", NULL),
	};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	log_set_level(LOG_VERBOSE);
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_what_is_left, &status);
	log_set_level(LOG_NORMAL);
	assert_string_equal(said, "nix-user-chroot: /gone is missing inside: No such file or "
				  "directory\n");
	assert_int_equal(status, 0);
}

static int check_nothing(void)
{
	return 0;
}

/* Without /nix entering has no purpose, so it fails. */
static void no_nix_is_fatal(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_SYMLINK, "/nix", "elsewhere"),
		step(PLAN_NIX, "/nix", NULL),
	};
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	(void)state;
	said = run(steps, 2, check_nothing, &status);
	wanted = xasprintf("nix-user-chroot: step %d, /nix below /old: File exists\n",
			   (int)CHROOT_MOUNT_NIX);
	assert_string_equal(said, wanted);
	assert_int_equal(WEXITSTATUS(status), 102);
}

static int take_scratch_away(void)
{
	_cleanup_free_ char *other = xasprintf("%s.away", scratch);

	return rename(scratch, other);
}

static int go_to_the_root(void)
{
	return chdir("/");
}

static int check_root_as_nix(void)
{
	_cleanup_free_ char *file = xasprintf("/nix%s/file", scratch);

	CHECK(is_there(file));
	return 0;
}

/* pivot_root(2) moves a process that is in /, but the Nix directory is the one before. */
static void the_root_can_be_the_nix_directory(void **state)
{
	struct plan_step steps[] = {step(PLAN_NIX, "/nix", NULL)};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	prepare = go_to_the_root;
	said = run(steps, 1, check_root_as_nix, &status);
	assert_string_equal(said, "");
	assert_int_equal(status, 0);
}

/* Without a root of our own nothing is made, on the host either; the step that failed is named. */
static void no_root_is_fatal(void **state)
{
	struct plan_step steps[] = {step(PLAN_NIX, "/nix", NULL)};
	_cleanup_free_ char *said = NULL, *wanted = NULL, *other = NULL;
	int status;

	(void)state;
	other = xasprintf("%s.away", scratch);
	prepare = take_scratch_away;
	said = run(steps, 1, check_nothing, &status);
	assert_int_equal(rename(other, scratch), 0);
	wanted = xasprintf("nix-user-chroot: step %d, %s below : No such file or directory\n",
			   (int)CHROOT_MOUNT_TMPFS, scratch);
	assert_string_equal(said, wanted);
	assert_int_equal(WEXITSTATUS(status), 102);
}

static struct plan_step configured(struct plan_step step)
{
	step.configured = true;
	return step;
}

#define WARNING "nix-user-chroot: warning: "

/*
 * What the user has configured and is not possible gives one message for each directory and reason.
 */
static void what_was_asked_for_is_warned_of(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_FILE, "/gone", "$/gone"),
		configured(step(PLAN_BIND_FILE, "/x\033[2J", "$/gone")),
		step(PLAN_DIRECTORY, "/new", NULL),
		configured(step(PLAN_BIND_FILE, "/new/a", "$/gone")),
		configured(step(PLAN_BIND_DIRECTORY, "/new/b", "$/gone")),
		step(PLAN_BIND_FILE, "/new/host", "$/gone"),
		configured(step(PLAN_COVER_FILE, "/new/c", "$/file")),
		configured(step(PLAN_BIND_DIRECTORY, "/new/d", "$/file")),
	};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_nothing, &status);
	assert_string_equal(
		said,
		WARNING "/x\\u001B[2J is missing inside: No such file or directory\n" WARNING
			"3 entries of /new are missing inside: No such file or directory\n" WARNING
			"/new/d is missing inside: Not a directory\n");
	assert_int_equal(status, 0);
}

/* Makes in $/many more than half of the mounts that a namespace may have. Returns 0 or -1. */
static int make_many_mounts(void)
{
	_cleanup_free_ char *many = xasprintf("%s/many", scratch), *text = NULL;
	unsigned long limit;
	size_t len;

	if (fs_read_file(AT_FDCWD, "/proc/sys/fs/mount-max", 64, &text, &len) < 0)
		_exit(77);
	limit = strtoul(text, NULL, 10);
	/* making so many mounts would take too long */
	if (limit > 200000)
		_exit(77);
	if (mkdir(many, 0755) < 0 || mount("many", many, "tmpfs", 0, NULL) < 0)
		return -1;
	/* each round doubles the number of mounts in it */
	for (unsigned long made = 1, i = 0; made <= limit / 2; made *= 2, i++) {
		_cleanup_free_ char *copy = xasprintf("%s/%lu", many, i);

		if (mkdir(copy, 0755) < 0 || mount(many, copy, NULL, MS_BIND | MS_REC, NULL) < 0)
			return -1;
	}
	return 0;
}

static int check_few(void)
{
	CHECK(is_there("/last/entry"));
	CHECK(!is_there("/many") && is_there("/new") && !is_there("/new/a"));
	return 0;
}

static void the_limit_of_mounts_is_warned_of(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_DIRECTORY, "/many", "$/many"),
		step(PLAN_DIRECTORY, "/new", NULL),
		step(PLAN_BIND_DIRECTORY, "/new/a", "$/many"),
		step(PLAN_BIND_DIRECTORY, "/new/b", "$/many"),
		step(PLAN_BIND_DIRECTORY, "/last", "$/directory"),
	};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	prepare = make_many_mounts;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_few, &status);
	assert_true(str_starts_with(
		said, WARNING "/many is missing inside: No space left on device\n  the kernel "
			      "limits the number of mounts (sysctl fs.mount-max), and each of the "
			      "host's counts twice"));
	assert_non_null(strstr(said, "\n" WARNING "2 entries of /new are missing inside: "
				     "No space left on device\n"));
	assert_int_equal(status, 0);
}

static int check_nothing_on_the_host(void)
{
	struct stat st;

	/* the host's own directory, in which nothing was made */
	CHECK(lstat("/first/entry", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 1);
	CHECK(!is_there("/first/new") && !is_there("/first/link") && !is_there("/first/dir"));
	CHECK(!is_there("/closed/new"));
	/* a tmpfs of ours is read-only; a directory of the host stays writable */
	CHECK(lstat("/second", &st) == 0 && is_there("/second/new"));
	CHECK(mkdir("/second/more", 0755) < 0 && errno == EROFS);
	CHECK(mkdir("/first/more", 0755) == 0 && rmdir("/first/more") == 0);
	return 0;
}

/* If a tmpfs could not be mounted, the entries that it should have are not made on the host. */
static void nothing_is_made_on_the_host(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_DIRECTORY, "/first", "$/directory"),
		step(PLAN_BIND_DIRECTORY, "/second", "$/directory"),
		step(PLAN_BIND_DIRECTORY, "/closed", "$/closed"),
		/* the plan saw a directory here, but by now there is a file */
		step(PLAN_TMPFS, "/first/entry", NULL),
		step(PLAN_BIND_FILE, "/first/entry/x", "$/file"),
		/* the plan expects a tmpfs of ours here, but there is none */
		configured(step(PLAN_BIND_FILE, "/first/new", "$/file")),
		configured(step(PLAN_SYMLINK, "/first/link", "x")),
		configured(step(PLAN_DIRECTORY, "/first/dir", NULL)),
		step(PLAN_TMPFS, "/closed/below", NULL),
		step(PLAN_BIND_FILE, "/closed/below/new", "$/file"),
		step(PLAN_TMPFS, "/second", NULL),
		step(PLAN_BIND_FILE, "/second/new", "$/file"),
	};
	_cleanup_free_ char *said = NULL, *closed = xasprintf("%s/closed", scratch);
	int status;

	(void)state;
	assert_int_equal(mkdir(closed, 0), 0);
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_nothing_on_the_host, &status);
	assert_string_equal(said, WARNING
			    "/first/entry is still there inside: Not a directory\n" WARNING
			    "3 entries of /first are missing inside: the directory was changed "
			    "meanwhile\n");
	assert_int_equal(status, 0);
}

static int check_covered(void)
{
	struct stat st;

	CHECK(lstat("/new/b", &st) == 0 && st.st_size == 1);
	CHECK(!is_there("/new/a"));
	CHECK(is_there("/more/entry") && !is_there("/more/dir") && !is_there("/more/a"));
	return 0;
}

/* What is made in a directory is made in what covers it by then. */
static void a_covered_directory_is_looked_up_again(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_DIRECTORY, "/new", NULL),
		step(PLAN_BIND_FILE, "/new/a", "$/file"),
		step(PLAN_TMPFS, "/new", NULL),
		step(PLAN_BIND_FILE, "/new/b", "$/file"),
		step(PLAN_DIRECTORY, "/more", NULL),
		step(PLAN_BIND_FILE, "/more/a", "$/file"),
		step(PLAN_COVER_DIRECTORY, "/more", "$/directory"),
		configured(step(PLAN_DIRECTORY, "/more/dir", NULL)),
	};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_covered, &status);
	assert_string_equal(said, WARNING "/more/dir is missing inside: the directory was changed "
					  "meanwhile\n");
	assert_int_equal(status, 0);
}

/*
 * A path that leads elsewhere by the time that a tmpfs is to be seen there. Links of /proc lead to
 * what is below a mount, so the working directory, which is the Nix directory, still is the host's.
 */
static void a_tmpfs_that_is_not_there_is_noticed(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_DIRECTORY, "/proc", "/proc"),
		step(PLAN_TMPFS, "/proc/self/cwd", NULL),
		step(PLAN_BIND_FILE, "/proc/self/cwd/new", "$/file"),
		configured(step(PLAN_DIRECTORY, "/proc/self/cwd/dir", NULL)),
	};
	_cleanup_free_ char *said = NULL, *nix = xasprintf("%s/nix", scratch);
	_cleanup_close_ int fd = fs_open_dir(AT_FDCWD, nix);
	int status;

	(void)state;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_nothing, &status);
	assert_string_equal(said, WARNING "/proc/self/cwd is still there inside: No such file or "
					  "directory\n" WARNING "/proc/self/cwd/dir is missing "
					  "inside: the directory was changed meanwhile\n");
	assert_int_equal(status, 0);
	assert_false(fs_exists(fd, "new") || fs_exists(fd, "dir"));
}

/* What has changed since the plan was made does not end the entry, whatever it has become. */
static void a_place_for_a_tmpfs_that_has_changed_ends_nothing(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_DIRECTORY, "/proc", "/proc"),
		step(PLAN_BIND_FILE, "/file", "$/file"),
		step(PLAN_SYMLINK, "/loop", "loop"),
		step(PLAN_TMPFS, "/gone", NULL),
		step(PLAN_TMPFS, "/file/x", NULL),
		step(PLAN_TMPFS, "/loop/x", NULL),
		/* nobody may look there but its owner */
		step(PLAN_TMPFS, "/proc/1/cwd/x", NULL),
	};
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_nothing, &status);
	assert_int_equal(status, 0);
}

/* Any other failure does: what is to be hidden must not be seen inside. */
static void a_tmpfs_that_cannot_be_mounted_is_fatal(void **state)
{
	char name[302] = "/";
	struct plan_step steps[] = {step(PLAN_NIX, "/nix", NULL), {.type = PLAN_TMPFS}};
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	(void)state;
	memset(name + 1, 'x', sizeof(name) - 2); /* longer than a name may be */
	steps[1].path = xstrdup(name);
	wanted = xasprintf("nix-user-chroot: step %d, %s below /old: File name too long\n",
			   (int)CHROOT_MOUNT_TMPFS, name);
	said = run(steps, 2, check_nothing, &status);
	assert_string_equal(said, wanted);
	assert_int_equal(WEXITSTATUS(status), 102);
}

static int check_hidden(void)
{
	struct stat st;

	CHECK(stat("/file", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0);
	CHECK((st.st_mode & 07777) == 0444);
	CHECK(open("/file", O_WRONLY | O_CLOEXEC) < 0 && (errno == EROFS || errno == EACCES));
	CHECK(chmod("/file", 0644) < 0 && errno == EROFS);
	CHECK(stat("/first/entry", &st) == 0 && st.st_size == 0);
	CHECK(!is_there("/empty"));
	return 0;
}

static void hides_files(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_BIND_DIRECTORY, "/first", "$/directory"),
		step(PLAN_BIND_FILE, "/file", "$/file"),
		configured(step(PLAN_HIDE_FILE, "/file", NULL)),
		configured(step(PLAN_HIDE_FILE, "/first/entry", NULL)),
		/*
		 * a file that is gone needs no hiding; a file that cannot be hidden gives a warning
		 */
		configured(step(PLAN_HIDE_FILE, "/first/gone", NULL)),
		configured(step(PLAN_HIDE_FILE, "/first", NULL)),
	};
	_cleanup_free_ char *said = NULL, *file = xasprintf("%s/file", scratch);
	struct stat st;
	int status;

	(void)state;
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_hidden, &status);
	assert_string_equal(said, WARNING "/first is still there inside: Not a directory\n");
	assert_int_equal(status, 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 1);
}

static struct plan_step with_text(struct plan_step step, char *text)
{
	step.text = text;
	return step;
}

static bool has_text(const char *path, const char *wanted)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return fs_read_file(AT_FDCWD, path, 100, &text, &len) == 0 && strcmp(text, wanted) == 0;
}

static int check_texts(void)
{
	struct stat st;

	CHECK(has_text("/d/f", "ours") && stat("/d/f", &st) == 0);
	CHECK((st.st_mode & 07777) == 0444 && st.st_uid == geteuid());
	/* root inside cannot change what covers a file */
	CHECK(has_text("/file", "text") && stat("/file", &st) == 0);
	CHECK((st.st_mode & 07777) == 0444 && chmod("/file", 0644) < 0 && errno == EROFS);
	CHECK(has_text("/b/entry", "x") && has_text("/c/entry", "x"));
	CHECK(!is_there("/own") && !is_there("/old"));
	CHECK(lstat("/link", &st) == 0 && S_ISLNK(st.st_mode));
	return 0;
}

/* Each step is said at -vv, and so is why it failed. */
static void steps_at_debug(void **state)
{
	struct plan_step steps[] = {
		step(PLAN_NIX, "/nix", NULL),
		step(PLAN_DIRECTORY, "/d", NULL),
		step(PLAN_TMPFS, "/d", NULL),
		with_text(step(PLAN_WRITE_FILE, "/d/f", NULL), (char[]){"ours"}),
		step(PLAN_SYMLINK, "/link", "nowhere"),
		step(PLAN_BIND_FILE, "/file", "$/file"),
		with_text(step(PLAN_COVER_TEXT, "/file", NULL), (char[]){"text"}),
		step(PLAN_BIND_DIRECTORY, "/b", "$/directory"),
		step(PLAN_COVER_FILE, "/b/entry", "$/file"),
		step(PLAN_DIRECTORY, "/c", NULL),
		step(PLAN_COVER_DIRECTORY, "/c", "$/directory"),
		step(PLAN_HIDE_FILE, "/d/gone", NULL),
		step(PLAN_BIND_FILE, "/gone", "$/gone"),
	};
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	(void)state;
	wanted = xasprintf("nix-user-chroot: bind /nix\n"
			   "nix-user-chroot: mkdir /d\n"
			   "nix-user-chroot: tmpfs /d\n"
			   "nix-user-chroot: copy /d/f\n"
			   "nix-user-chroot: symlink /link from nowhere\n"
			   "nix-user-chroot: bind /file from %s/file\n"
			   "nix-user-chroot: cover with a copy /file\n"
			   "nix-user-chroot: bind /b from %s/directory\n"
			   "nix-user-chroot: cover /b/entry from %s/file\n"
			   "nix-user-chroot: mkdir /c\n"
			   "nix-user-chroot: cover /c from %s/directory\n"
			   "nix-user-chroot: hide /d/gone: No such file or directory\n"
			   "nix-user-chroot: /d/gone is missing inside: No such file or directory\n"
			   "nix-user-chroot: bind /gone from %s/gone: No such file or directory\n"
			   "nix-user-chroot: /gone is missing inside: No such file or directory\n",
			   scratch, scratch, scratch, scratch, scratch);
	log_set_level(LOG_DEBUG);
	said = run(steps, sizeof(steps) / sizeof(steps[0]), check_texts, &status);
	log_set_level(LOG_NORMAL);
	assert_string_equal(said, wanted);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_has_gone_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(notes_at_verbose, setup, teardown),
		cmocka_unit_test_setup_teardown(no_nix_is_fatal, setup, teardown),
		cmocka_unit_test_setup_teardown(no_root_is_fatal, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_asked_for_is_warned_of, setup, teardown),
		cmocka_unit_test_setup_teardown(the_limit_of_mounts_is_warned_of, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_made_on_the_host, setup, teardown),
		cmocka_unit_test_setup_teardown(a_covered_directory_is_looked_up_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_tmpfs_that_is_not_there_is_noticed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_place_for_a_tmpfs_that_has_changed_ends_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_tmpfs_that_cannot_be_mounted_is_fatal, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hides_files, setup, teardown),
		cmocka_unit_test_setup_teardown(the_root_can_be_the_nix_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(steps_at_debug, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
