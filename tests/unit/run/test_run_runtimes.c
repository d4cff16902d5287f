/* Which runtime a command enters by, what is said where none works, and what keeps it from running.
 */
#include "run/inside.h"
#include "run/run.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../filter.h"
#include "../place.h"
#include "entries.h"
#include "own_mounts.h"

#define WORDS(...) ((char *const[]){__VA_ARGS__, NULL})
#define RUNS	   WORDS("/bin/echo", "it runs")

static int setup(void **state)
{
	const struct place *place;

	if (empty_environment(state) != 0 || place_setup(state) != 0)
		return -1;
	place = *state;
	setenv("PATH", "/nonexistent", 1);
	/* whatever this host has */
	setenv("NIX_USER_CHROOT_HELPER", "none", 1);
	setenv("NIX_USER_CHROOT_PROOT", "none", 1);
	return fs_mkdirs(place->fd, "nix/store", 0755);
}

/* One attempt of a child. */
struct call {
	struct run_request request;
	void (*before)(void);
	bool is_inside; /* it has entered already */
	bool is_quiet;
};

static int run(const void *context)
{
	const struct call *call = context;
	_cleanup_close_ int nix = open(call->request.nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct refusal refusal = {0};

	if (call->before)
		call->before();
	if (call->is_inside &&
	    userns_enter(&(struct entry){.nix_dir_fd = nix, .nix_dir = "x", .is_new = true},
			 &refusal) != 0)
		return 99;
	log_set_level(call->is_quiet ? LOG_NORMAL : LOG_VERBOSE);
	return run_exec(&call->request);
}

static char *says(const struct call *call, int wanted)
{
	int status;
	char *said = child_says(run, call, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		fail_msg("status %x instead of %d:\n%s", (unsigned)status, wanted, said);
	return said;
}

#define REQUEST(...)                                                        \
	{                                                                   \
		.nix_dir = nix, .is_named = true, .argv = RUNS, __VA_ARGS__ \
	}

static void refuse_unshare(void)
{
	refuse_call(SYS_unshare, -1, EPERM);
}

/* Each is tried in turn; the reasons are those of the best, and of what everybody can get. */
static void nothing_works(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *quiet = NULL;
	struct call call = {.request = REQUEST(0), .before = refuse_unshare};
	_cleanup_free_ char *said = says(&call, EXIT_CANCELED), *direct = NULL;

	direct = xasprintf("runtime direct: cannot use %s as it is, which is not /nix\n", nix);
	assert_has(said, "runtime userns: cannot create a user and mount namespace: Operation not "
			 "permitted\n");
	assert_has(said, "runtime helper: cannot use the helper: ");
	assert_has(said, "runtime mountns: cannot create a mount namespace: Operation not perm");
	assert_has(said, direct);
	assert_has(said, "runtime proot: cannot use PRoot: NIX_USER_CHROOT_PROOT is none, which is "
			 "not the absolute path of a program\n");
	call.is_quiet = true;
	quiet = says(&call, EXIT_CANCELED);
	assert_has(quiet, "nix-user-chroot: cannot create a user and mount namespace: Operation "
			  "not permitted\n");
	assert_has(quiet, "\n  also cannot use PRoot: NIX_USER_CHROOT_PROOT is none, which is ");
	assert_has_not(quiet, "it runs");
	assert_has_not(quiet, "runtime ");
}

/* The one that was asked for is tried, and no other. */
static void by_name(void **state)
{
	static const struct {
		enum runtime runtime;
		const char *says;
	} cases[] = {
		{RUNTIME_USERNS, "cannot create a user and mount namespace: Operation not perm"},
		{RUNTIME_HELPER, "cannot use the helper: "},
		{RUNTIME_MOUNTNS, "cannot create a mount namespace: Operation not permitted\n"},
		{RUNTIME_DIRECT, " as it is, which is not /nix\n"},
		{RUNTIME_PROOT, "cannot use PRoot: NIX_USER_CHROOT_PROOT is none, which is not "},
	};
	static const char check[] = "\n  nix-user-chroot --check tells which runtimes work here\n";
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *mounts = NULL, *user = NULL;
	struct call call = {.request = REQUEST(0), .before = refuse_unshare, .is_quiet = true};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum runtime runtime = cases[i].runtime;
		_cleanup_free_ char *said = NULL;

		call.request.runtime = runtime;
		said = says(&call, EXIT_CANCELED);
		assert_has(said, cases[i].says);
		assert_has_not(said, "also cannot");
		assert_int_equal(strncmp(said, "nix-user-chroot: cannot ", 24), 0);
		/* what a rule about the host explains needs no such hint */
		assert_int_equal(strstr(said, check) != NULL,
				 runtime != RUNTIME_USERNS && runtime != RUNTIME_MOUNTNS);
	}
	call = (struct call){.request = REQUEST(.runtime = RUNTIME_MOUNTNS)};
	mounts = says(&call, 0);
	assert_has(mounts, "runtime: mountns\nit runs\n");
	call.request.runtime = RUNTIME_AUTO;
	user = says(&call, 0);
	assert_has(user, "runtime: userns\nit runs\n");
}

/* In the Nix directory already: no second namespace, unless it is asked for. */
static void inside(void **state)
{
	static const char none[] = " is /nix already: no second namespace is needed\n";
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *same = NULL, *new = NULL;
	_cleanup_free_ char *profile = NULL, *moved = NULL, *marker = NULL;
	struct call call = {.request = REQUEST(0), .is_inside = true};

	same = says(&call, 0);
	assert_has(same, none);
	assert_has_not(same, "runtime: ");
	call.request.is_new = true;
	new = says(&call, 0);
	assert_has_not(new, none);
	assert_has(new, "runtime: userns\n");
	call.request.is_default = true;
	call.request.profile_command = "none";
	profile = says(&call, EXIT_ENOENT);
	assert_has(profile, none);
	assert_has(profile, "cannot run none: there is no such command in your Nix profile");
	call.request = (struct run_request)REQUEST(.work_dir = "/usr");
	call.request.argv = WORDS("/bin/sh", "-c", "pwd; echo \"[$NIX_USER_CHROOT]\"");
	moved = says(&call, 0);
	marker = xasprintf("/usr\n[%s]\n", nix);
	assert_has(moved, marker);
	/* what the first entry has said stays, unless this is no second one */
	setenv("NIX_USER_CHROOT", "/first", 1);
	free(moved);
	moved = says(&call, 0);
	assert_has(moved, "/usr\n[/first]\n");
	call.is_inside = false;
	free(moved);
	moved = says(&call, 0);
	assert_has(moved, marker);
}

/* Garbage is not collected where it would take what others use. */
static void collecting(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *others = NULL, *wanted = NULL;
	_cleanup_free_ char *roots = NULL, *root = path_join(place->path, "out/result"),
			    *run = NULL;
	_cleanup_free_ char *config = NULL, *none = NULL;
	struct call call = {.request = REQUEST(.is_new = true), .is_quiet = true};
	_cleanup_close_ int fd = openat(place->fd, "nix", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	call.request.argv = WORDS("nix-collect-garbage");
	none = says(&call, EXIT_ENOENT);
	assert_int_not_equal(
		entry_start(&(struct entry){.nix_dir_fd = fd, .nix_dir = nix}, false, &pid), 0);
	others = says(&call, EXIT_CANCELED);
	wanted = xasprintf("cannot be seen from here: %d (test_run_runtim", (int)pid);
	assert_has(others, "cannot collect garbage: processes in another namespace");
	assert_has(others, wanted);
	/* another command has nothing to do with it */
	call.request.argv = RUNS;
	run = says(&call, 0);
	assert_string_equal(run, "it runs\n");
	entry_end(pid);
	/* a root that is left out inside */
	call.request.argv = WORDS("nix-collect-garbage");
	assert_int_equal(fs_mkdirs(place->fd, "out", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "nix/var/nix/gcroots/auto", 0755), 0);
	assert_int_equal(symlinkat("/nix/store/x", place->fd, "out/result"), 0);
	assert_int_equal(symlinkat(root, place->fd, "nix/var/nix/gcroots/auto/a"), 0);
	free(none);
	none = says(&call, EXIT_ENOENT);
	config = xasprintf("[excludes]\npaths = [\"%s/out\"]\n", place->path);
	assert_int_equal(fs_mkdirs(place->fd, "nix/etc/nix-user-chroot", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "nix/etc/nix-user-chroot/path-config.toml",
					 config, strlen(config), 0644),
			 0);
	roots = says(&call, EXIT_CANCELED);
	assert_has(roots, "cannot collect garbage: 1 of its roots is missing inside, such as ");
}

/* Why the caller's working directory cannot be reached: for a file, and for a directory. */
static void no_work_dir(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *said = NULL;
	struct call call = {.request = REQUEST(.work_dir = "/proc/self/status"), .is_quiet = true};

	said = says(&call, 0);
	assert_string_equal(said, "nix-user-chroot: warning: the working directory "
				  "/proc/self/status cannot be reached inside: Not a directory; "
				  "starting in /\nit runs\n");
}

static int start_without_forks(const void *context)
{
	const struct run_request *request = context;

	refuse_forks();
	return run_start(request, -1, -1) == -1 ? 0 : 1;
}

/* Ends the command, which reads from this pipe, when its parent has been interrupted twice. */
static int wakes;
static int to_command;

static void on_alarm(int number)
{
	(void)number;
	if (++wakes == 2)
		(void)!write(to_command, "\n", 1);
}

static void children(void **state)
{
	const struct place *place = *state;
	const struct sigaction action = {.sa_handler = on_alarm};
	struct sigaction before;
	const struct itimerval often = {{0, 10000}, {0, 10000}}, never = {0};
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *said = NULL, *no_fork = NULL;
	struct run_request request = REQUEST(0);
	struct capture capture;
	int ends[2], r, status;
	pid_t pid;

	/* a pipe that is none: nothing runs */
	capture_begin(&capture);
	/* the status line is this process's, which alone erases it */
	log_status("busy", 0);
	r = run_wait(run_start(&request, 9999, -1));
	log_forget_status();
	assert_int_equal(run_wait(run_start(&request, -1, 9999)), EXIT_CANCELED);
	assert_int_equal(run_wait(-2), -1);
	said = capture_end(&capture);
	assert_int_equal(r, EXIT_CANCELED);
	assert_has(said, "busynix-user-chroot: cannot redirect a process: Bad file descriptor\n");
	assert_has(said, "cannot wait for a process: ");
	assert_has_not(said, "cannot start a process");
	assert_has_not(said, "it runs");
	no_fork = child_says(start_without_forks, &request, NULL, &status);
	assert_int_equal(status, 0);
	assert_has(no_fork, "cannot start a process: Resource temporarily unavailable\n");
	/* a signal is no end */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	request.argv = WORDS("/bin/sh", "-c", "read x; exit 4");
	wakes = 0;
	to_command = ends[1];
	pid = run_start(&request, ends[0], -1);
	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &often, NULL);
	r = run_wait(pid);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(r, 4);
	close(ends[0]);
	close(ends[1]);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(nothing_works), FILE_TEST(by_name),	  FILE_TEST(inside),
		FILE_TEST(collecting),	  FILE_TEST(no_work_dir), FILE_TEST(children),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
