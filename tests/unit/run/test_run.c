/* Which directory is entered, what is said of another, and what the command is left with. */
#include "run/run.h"
#include "run/inside.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "own_mounts.h"

#define WORDS(...) ((char *const[]){__VA_ARGS__, NULL})

static int setup(void **state)
{
	const struct place *place;

	if (empty_environment(state) != 0 || place_setup(state) != 0)
		return -1;
	place = *state;
	setenv("PATH", "/usr/bin:/bin", 1);
	return fs_mkdirs(place->fd, "nix/store", 0755);
}

static int do_run(const void *request)
{
	return run_exec(request);
}

static int do_start(const void *request)
{
	return run_started(request);
}

/* The same for a caller that has closed stdin: what is opened next gets its number. */
static int run_without_stdin(const void *request)
{
	close(STDIN_FILENO);
	return run_exec(request);
}

/* Returns what is said; the exit status must be WANTED. The caller frees. */
static char *says(int (*call)(const void *), const struct run_request *request, int wanted)
{
	int status;
	char *said = child_says(call, request, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		fail_msg("status %x instead of %d:\n%s", (unsigned)status, wanted, said);
	return said;
}

#define RUNS WORDS("echo", "it runs")
#define SAYS(wanted, command, ...) \
	says(do_run, &(struct run_request){.argv = command, __VA_ARGS__}, wanted)

static void no_directory(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *none = path_join(place->path, "none"), *file = path_join(none, "x");
	_cleanup_free_ char *missing = NULL, *advised = NULL, *plain = NULL, *closed = NULL;
	_cleanup_free_ char *other = NULL;

	missing = SAYS(EXIT_CANCELED, RUNS, .nix_dir = none, .is_named = true);
	assert_one_message(missing, "none as /nix: No such file");
	assert_has(missing, "make the directory first (mkdir -p), or leave it out");
	advised = SAYS(EXIT_CANCELED, RUNS, .nix_dir = none, .is_named = true,
		       .missing_advice = "well?");
	assert_has(advised, "\n  well?\n");
	assert_int_equal(fs_replace_file(place->fd, "none", "", 0, 0644), 0);
	plain = SAYS(EXIT_CANCELED, RUNS, .nix_dir = none, .is_named = true);
	assert_has(plain, "NIXPATH must be a directory, the one that is to be /nix inside");
	free(advised);
	advised = SAYS(EXIT_CANCELED, RUNS, .nix_dir = file, .is_named = true,
		       .missing_advice = "well?");
	assert_has(advised, "\n  well?\n");
	if (geteuid() == 0)
		return;
	assert_int_equal(mkdirat(place->fd, "closed", 0600), 0);
	other = path_join(place->path, "closed");
	closed = SAYS(EXIT_CANCELED, RUNS, .nix_dir = other, .is_named = true,
		      .missing_advice = "well?");
	assert_one_message(closed, "closed as /nix: Permission denied");
	assert_has(closed, "NIXPATH must be a directory that you may search");
	free(closed);
	/* the default one is there: nothing may be installed in its place */
	closed = SAYS(EXIT_CANCELED, RUNS, .nix_dir = other, .is_default = true);
	assert_has(closed, "closed as /nix: Permission denied");
}

static int install(void *context)
{
	return *(const int *)context;
}

static void no_store(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *none = path_join(place->path, "none"), *said = NULL, *empty = NULL;
	_cleanup_free_ char *home = path_join(place->path, "home"), *elsewhere = NULL;
	_cleanup_free_ char *installed = NULL, *failed = NULL;
	int status = 3;

	said = SAYS(EXIT_CANCELED, RUNS, .nix_dir = none, .is_default = true);
	assert_has(said, "Nix is not installed yet: there is no store in ");
	empty = SAYS(EXIT_CANCELED, RUNS, .nix_dir = place->path, .is_default = true);
	assert_has(empty, "Nix is not installed yet: there is no store in ");
	setenv("HOME", home, 1);
	assert_int_equal(fs_mkdirs(place->fd, "home/.nix/store", 0755), 0);
	elsewhere = SAYS(EXIT_CANCELED, RUNS, .nix_dir = none, .is_default = true);
	assert_has(elsewhere, "there is no Nix store in ");
	installed = SAYS(3, RUNS, .nix_dir = none, .is_default = true, .without_store = install,
			 .ctx = &status);
	assert_string_equal(installed, "");
	status = -1;
	failed = SAYS(EXIT_CANCELED, RUNS, .nix_dir = none, .is_default = true,
		      .without_store = install, .ctx = &status);
	assert_has(failed, "there is no Nix store in ");
	status = 0;
	free(installed);
	installed = SAYS(0, RUNS, .nix_dir = none, .is_default = true, .without_store = install,
			 .ctx = &status);
	assert_string_equal(installed, "");
}

/* Nothing of a directory runs that others can write to, or that has taken the place of another. */
static void not_trusted(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *open = NULL, *closed = NULL;
	_cleanup_free_ char *unknown = NULL, *other = NULL, *replaced = NULL;
	const struct run_request request = {.nix_dir = nix, .is_default = true, .argv = RUNS};
	const struct run_request same = {
		.nix_dir = nix, .is_named = true, .same_fd = place->fd, .argv = RUNS};

	assert_int_equal(fchmodat(place->fd, "nix", 0777, 0), 0);
	open = says(do_run, &request, EXIT_CANCELED);
	assert_has(open, "can be written to by everybody");
	closed = says(run_without_stdin, &request, EXIT_CANCELED);
	assert_has(closed, "can be written to by everybody");
	assert_int_equal(fchmodat(place->fd, "nix", 0755, 0), 0);
	unknown = SAYS(EXIT_CANCELED, RUNS, .nix_dir = nix, .is_default = true,
		       .trust = {.owner = "no-such-user"});
	assert_has(unknown, "there is no user no-such-user here");
	other = says(do_run, &same, EXIT_CANCELED);
	assert_has(other, "nix was replaced by another directory a moment ago");
	replaced = says(run_without_stdin, &same, EXIT_CANCELED);
	assert_has(replaced, "nix was replaced by another directory a moment ago");
}

/* Where entering fails without a terminal, nobody is logged out. */
static void no_session(void **state)
{
	(void)state;
	assert_int_equal(run_shell_without_nix(NULL), EXIT_CANCELED);
	assert_int_equal(run_shell_without_nix(WORDS("true")), EXIT_CANCELED);
}

static void inside_and_back(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *said = NULL, *marker = NULL;
	_cleanup_free_ char *profile = path_join(place->path, "none"), *link = NULL, *named = NULL;
	char show[] = "echo \"$NIX_USER_CHROOT,$NIX_CONF_DIR,$(pwd),$(ls /nix)\"; exit 9";

	/* what an entry around this one has set does not count */
	setenv("NIX_USER_CHROOT", "/other", 1);
	said = SAYS(9, WORDS("sh", "-c", show), .nix_dir = nix, .is_named = true);
	marker = xasprintf("%s,/nix/etc/nix,/,store\n", nix);
	assert_string_equal(said, marker);
	/* a relative path is written as an absolute one, without links */
	assert_int_equal(symlinkat("nix", place->fd, "link"), 0);
	assert_int_equal(fchdir(place->fd), 0);
	link = SAYS(9, WORDS("sh", "-c", show), .nix_dir = "link", .is_named = true);
	free(marker);
	marker = xasprintf("%s,/nix/etc/nix,%s,store\n", nix, place->path);
	assert_string_equal(link, marker);
	assert_int_equal(chdir("/"), 0);
	/* a directory that was asked for, and one that is not there */
	named = SAYS(9, WORDS("sh", "-c", show), .nix_dir = nix, .is_named = true,
		     .work_dir = "/usr");
	assert_has(named, ",/usr,store\n");
	setenv("HOME", place->path, 1);
	free(named);
	named = SAYS(9, WORDS("sh", "-c", show), .nix_dir = nix, .is_named = true,
		     .work_dir = profile);
	assert_has(named, "cannot be reached inside: No such file or directory; starting in /");
	free(marker);
	marker = xasprintf(",%s,store\n", place->path);
	assert_has(named, marker);
	setenv("HOME", profile, 1);
	free(named);
	named = SAYS(9, WORDS("sh", "-c", show), .nix_dir = nix, .is_named = true,
		     .work_dir = profile);
	assert_has(named, "; starting in /\n");
	assert_has(named, ",/,store\n");
}

/* A caller may have closed stdin; and the directory is the one that was looked at before. */
static void the_same_without_stdin(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *said = NULL, *same = NULL;
	_cleanup_free_ char *empty = NULL, *closed = NULL, *path = path_join(place->path, "closed");
	_cleanup_close_ int fd = openat(place->fd, "nix", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct run_request request = {.nix_dir = nix, .is_default = true, .argv = RUNS};

	said = says(run_without_stdin, &request, 0);
	assert_string_equal(said, "it runs\n");
	request.same_fd = fd;
	same = says(do_run, &request, 0);
	assert_string_equal(same, "it runs\n");
	request = (struct run_request){.nix_dir = place->path, .is_default = true, .argv = RUNS};
	empty = says(run_without_stdin, &request, EXIT_CANCELED);
	assert_has(empty, "Nix is not installed yet: there is no store in ");
	if (geteuid() == 0)
		return;
	assert_int_equal(mkdirat(place->fd, "closed", 0600), 0);
	request = (struct run_request){.nix_dir = path, .is_named = true, .argv = RUNS};
	closed = says(run_without_stdin, &request, EXIT_CANCELED);
	assert_has(closed, "closed as /nix: Permission denied");
}

/* The second half, in a process that is inside already. */
static void started(void **state)
{
	char *const argv[] = {"pwd", NULL};
	_cleanup_free_ char *there = NULL, *gone = NULL, *here = NULL;
	struct run_request request = {.argv = argv, .work_dir = "/usr"};

	(void)state;
	setenv("HOME", "/usr", 1);
	there = says(do_start, &request, 0);
	assert_string_equal(there, "/usr\n");
	request.work_dir = "";
	gone = says(do_start, &request, 0);
	assert_has(gone, "the working directory cannot be reached inside: No such file");
	assert_has(gone, "; starting in /usr\n/usr\n");
	request.work_dir = NULL;
	here = says(do_start, &request, 0);
	assert_string_equal(here, "/\n");
}

/* A child of ours: its ends, its descriptors, and how it has ended. */
static void child(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *text = NULL, *wanted = NULL;
	char show[] = "cat; echo said >&2; ls /proc/self/fd; kill -9 $$";
	struct run_request request = {
		.nix_dir = nix, .is_named = true, .argv = WORDS("sh", "-c", show)};
	int leaked = dup(place->fd), in;
	size_t len;

	assert_int_equal(fs_replace_file(place->fd, "in", "typed\n", 6, 0600), 0);
	in = openat(place->fd, "in", O_RDONLY);
	request.kept_fd = openat(place->fd, "out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(leaked > STDERR_FILENO && in >= 0 && request.kept_fd >= 0);
	assert_int_equal(run_wait(run_start(&request, in, request.kept_fd)), 128 + SIGKILL);
	assert_int_equal(fs_read_file(place->fd, "out", 65536, &text, &len), 0);
	/* the descriptor of the directory that ls reads is the lowest that is free */
	assert_true(request.kept_fd > 3);
	wanted = xasprintf("typed\nsaid\n0\n1\n2\n3\n%d\n", request.kept_fd);
	assert_string_equal(text, wanted);
	close(request.kept_fd);
	close(in);
	close(leaked);
	request.kept_fd = 0;
	request.argv = WORDS("sh", "-c", "exit 5");
	assert_int_equal(run_wait(run_start(&request, -1, -1)), 5);
}

/* Signals that the caller has blocked for its own output reach the command again. */
static void signals(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *text = NULL, *mask = NULL;
	const struct run_request request = {
		.nix_dir = nix, .is_named = true, .argv = WORDS("cat", "/proc/self/status")};
	_cleanup_close_ int out = openat(place->fd, "out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	sigset_t set, before;
	size_t len;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigaddset(&set, SIGXFSZ);
	sigaddset(&set, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &before), 0);
	assert_int_equal(run_wait(run_start(&request, -1, out)), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(fs_read_file(place->fd, "out", 65536, &text, &len), 0);
	mask = xasprintf("\nSigBlk:\t%016llx\n", 1ULL << (SIGUSR1 - 1));
	assert_has(text, mask);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(no_directory),
		FILE_TEST(no_store),
		FILE_TEST(not_trusted),
		FILE_TEST(no_session),
		FILE_TEST(started),
		FILE_TEST(inside_and_back),
		FILE_TEST(the_same_without_stdin),
		FILE_TEST(child),
		FILE_TEST(signals),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
