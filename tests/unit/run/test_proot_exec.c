/* What PRoot is told, and when it is refused; a script that shows its words stands for PRoot. */
#include "run/inside.h"
#include "run/proot.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "../refuse.h"

#define WORDS(...) ((char *const[]){__VA_ARGS__, NULL})

struct call {
	struct run_request request;
	const char *nix_dir, *work_dir;
	enum log_level level;
	bool without_pipes;
};

static int call_proot(const void *context)
{
	const struct call *call = context;
	const struct entry entry = {.nix_dir_fd =
					    open(call->nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
				    .nix_dir = call->nix_dir,
				    .work_dir = call->work_dir};
	struct refusal refusal = {0};
	int r;

	log_set_level(call->level);
	if (call->without_pipes)
		refuse_call(SYS_pipe2, -1, EMFILE);
	r = proot_exec(&call->request, &entry, &refusal);
	printf("r=%d, %s, %d, %d\n", r, refusal.what ? refusal.what : "-", refusal.err,
	       (int)refusal.step);
	return fflush(stdout);
}

static char *says(const struct call *call, int wanted)
{
	int status;
	char *said = child_says(call_proot, call, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		fail_msg("status %x instead of %d:\n%s", (unsigned)status, wanted, said);
	return said;
}

#define SAYS(wanted, ...) says(&(struct call){__VA_ARGS__}, wanted)

static int setup(void **state)
{
	_cleanup_free_ char *proot = NULL, *self = fs_self_path();
	const struct place *place;

	if (empty_environment(state) != 0 || place_setup(state) != 0)
		return -1;
	place = *state;
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("SELF", self, 1);
	proot = place_script(place, "proot",
			     "for word; do [ \"$word\" != \"$SELF\" ] || word=self\n"
			     "printf '[%s]' \"$word\"; done\n"
			     "echo \" ${NIX_USER_CHROOT_STARTED% *}, $NIX_USER_CHROOT_INSIDE\"\n"
			     "exit 7");
	setenv("NIX_USER_CHROOT_PROOT", proot, 1);
	setenv(INSIDE_VARIABLE, "another", 1);
	return fs_mkdirs(place->fd, "nix/store", 0755);
}

static void words(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *usual = NULL, *gone = NULL;
	_cleanup_free_ char *asked = NULL, *wanted = NULL, *loud = NULL, *note = NULL;

	usual = SAYS(7, .nix_dir = nix, .work_dir = "/usr",
		     .request = {.is_default = true, .argv = WORDS("a", "b c")});
	wanted = xasprintf("[-b][%s:/nix][-w][/usr][self][a][b c] 1default, proot\n", nix);
	assert_string_equal(usual, wanted);
	/* the caller's working directory is gone */
	gone = SAYS(7, .nix_dir = nix, .request = {.profile_command = "nix-shell"});
	free(wanted);
	wanted = xasprintf("[-b][%s:/nix][-w][/][self] 1named!/nix-shell, proot\n", nix);
	assert_string_equal(gone, wanted);
	asked = SAYS(7, .nix_dir = nix, .work_dir = "/usr", .request = {.work_dir = "/etc"});
	free(wanted);
	wanted = xasprintf("[-b][%s:/nix][-w][/etc][self] 1named, proot\n", nix);
	assert_string_equal(asked, wanted);
	loud = SAYS(7, .nix_dir = nix, .level = LOG_VERBOSE);
	note = xasprintf("nix-user-chroot: runtime: proot, %s/proot\n", place->path);
	assert_has(loud, note);
	assert_has(loud, " 2named!, proot\n");
	assert_has_not(loud, "does not apply");
	/* a path config is of no use there */
	assert_int_equal(fs_mkdirs(place->fd, "nix/etc/nix-user-chroot/path-config.toml", 0755), 0);
	free(loud);
	loud = SAYS(7, .nix_dir = nix, .level = LOG_VERBOSE);
	assert_has(loud, "/nix/etc/nix-user-chroot/path-config.toml does not apply: nothing is "
			 "mounted here\n");
}

static void refused(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *nix = path_join(place->path, "nix"), *none = NULL, *colon = NULL;
	_cleanup_free_ char *other = path_join(place->path, "a:b"), *closed = NULL, *wanted = NULL;
	_cleanup_free_ char *reason = NULL, *limit = NULL, *message = NULL;

	assert_int_equal(mkdirat(place->fd, "a:b", 0755), 0);
	colon = SAYS(0, .nix_dir = other);
	wanted = xasprintf("r=1, use PRoot with %s, which has a colon in its path, %d, %d\n", other,
			   EINVAL, (int)CHECK_STEP_COUNT);
	assert_string_equal(colon, wanted);
	closed = SAYS(0, .nix_dir = "/nonexistent");
	assert_has(closed, "r=1, use PRoot with /nonexistent, ");
	/* nothing runs, and no other runtime is tried */
	limit = SAYS(0, .nix_dir = nix, .without_pipes = true);
	message = xasprintf("nix-user-chroot: cannot run %s/proot: Too many open files\n"
			    "  the limit of processes may be reached: ulimit -u\n"
			    "r=-1, -, 0, 0\n",
			    place->path);
	assert_string_equal(limit, message);
	setenv("NIX_USER_CHROOT_PROOT", "none", 1);
	none = SAYS(0, .nix_dir = nix);
	reason = xasprintf("r=1, use PRoot: NIX_USER_CHROOT_PROOT is none, which is not the "
			   "absolute path of a program, %d, %d\n",
			   ENOENT, (int)CHECK_STEP_COUNT);
	assert_string_equal(none, reason);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(words),
		FILE_TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
