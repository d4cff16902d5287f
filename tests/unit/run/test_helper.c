/* What the privileged helper is told, and the process that it has started. */
#include "run/helper.h"
#include "run/userns.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"
#include "own_mounts.h"

#define HELPED "NIX_USER_CHROOT_HELPED"

/* Two results of strcmp(3)'s kind: both NULL, or equal. */
static bool is_text(const char *text, const char *wanted)
{
	return !text || !wanted ? text == wanted : strcmp(text, wanted) == 0;
}

struct told {
	const char *text;
	bool is_ours, is_default;
	const char *command, *work_dir;
	bool is_closed[3];
};

/* 0: understood as TOLD says, or its number. */
static int check(const struct told *told, int number)
{
	char self[] = "self", word[] = "word", *argv[] = {self, word, NULL};
	const int argc = number % 2 + 1;
	struct run_request request = {0};
	struct rlimit stack;

	setenv(HELPED, told->text, 1);
	if (helper_has_started_us(argc, argv, &request) != told->is_ours)
		return number;
	if (!told->is_ours)
		return 0;
	if (getenv(HELPED) || request.is_default != told->is_default ||
	    request.argv != (argc > 1 ? argv + 1 : NULL) ||
	    !is_text(request.profile_command, told->command) ||
	    !is_text(request.work_dir, told->work_dir))
		return number;
	if (getrlimit(RLIMIT_STACK, &stack) < 0 || stack.rlim_cur != 1048576)
		return number;
	for (int fd = 0; fd < 3; fd++)
		if ((fcntl(fd, F_GETFD) < 0) != told->is_closed[fd])
			return number;
	return 0;
}

static int check_all(const void *context)
{
	static const struct told outside = {.text = "1default:1048576:/"};
	static const struct told cases[] = {
		{.text = "", .is_ours = false},
		{.text = "1default", .is_ours = false},
		{.text = "1default:1048576", .is_ours = false},
		{"1default:1048576:/", true, true, NULL, "", {false}},
		{"1named:1048576:/", true, false, NULL, "", {false}},
		{"1default:1048576:/nix-shell", true, true, "nix-shell", "", {false}},
		{"1default:1048576:/nix/home/a:b/c", true, true, "nix", "/home/a:b/c", {false}},
		{"1default:1048576://home", true, true, NULL, "/home", {false}},
		{"1default:1048576:3/", true, true, NULL, "", {false}},
		{"1default:1048576:0/", true, true, NULL, "", {true}},
		{"1default:1048576:12//x", true, true, NULL, "/x", {true, true, true}},
	};
	const struct place *place;
	struct refusal refusal = {0};
	void *state;

	(void)context;
	/* what can be entered is what was made in the own /tmp, which ends with this process */
	if (own_mounts() < 0 || place_setup(&state) != 0)
		return 99;
	place = state;
	if (check(&outside, 1) != 0)
		return 50;
	if (userns_enter(&(struct entry){.nix_dir_fd = place->fd, .nix_dir = place->path},
			 &refusal) != 0)
		return 99;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (check(&cases[i], (int)i + 1) != 0)
			return (int)i + 1;
	return 0;
}

static void told(void **state)
{
	_cleanup_free_ char *said = NULL;
	int status;

	(void)state;
	said = child_says(check_all, NULL, NULL, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip();
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
}

static bool without_stderr;

/* Hands over to this very program as the helper, which shows its words. */
static int hand_over(const void *context)
{
	const struct run_request *request = context;
	struct refusal refusal = {0};
	struct entry entry = {.nix_dir_fd = open("nix", O_PATH | O_DIRECTORY | O_CLOEXEC),
			      .nix_dir = "nix",
			      .work_dir = "/usr"};
	const struct rlimit stack = {1048576, RLIM_INFINITY};
	int r;

	close(STDIN_FILENO);
	if (without_stderr)
		close(STDERR_FILENO);
	setrlimit(RLIMIT_STACK, &stack);
	r = helper_exec(request, &entry, &refusal);
	dprintf(STDOUT_FILENO, "refused: %s\n", refusal.what ? refusal.what : "");
	return r;
}

static char *handed_over(const struct run_request *request, int wanted)
{
	int status;
	char *said = child_says(hand_over, request, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		fail_msg("status %x: %s", (unsigned)status, said);
	return said;
}

static void words(void **state)
{
	const struct place *place = *state;
	char *const argv[] = {(char *)(uintptr_t) "echo", (char *)(uintptr_t) "a b", NULL};
	_cleanup_free_ char *self = fs_self_path(), *said = NULL, *wanted = NULL, *login = NULL;
	_cleanup_free_ char *refused = NULL, *config = NULL, *named = NULL, *none = NULL;
	_cleanup_free_ char *broken = NULL;
	struct run_request request = {.argv = argv, .is_default = true};

	if (geteuid() == 0)
		skip();
	assert_int_equal(fchdir(place->fd), 0);
	assert_int_equal(fs_mkdirs(place->fd, "nix", 0755), 0);
	clear_environment();
	/* not by its path, which may be below the /tmp that is covered */
	setenv("NIX_USER_CHROOT_HELPER", "/proc/self/exe", 1);
	setenv("ONE", "1", 1);
	said = handed_over(&request, 0);
	wanted = xasprintf("[nix][3][NIX_USER_CHROOT_HELPER=/proc/self/exe][ONE=1]"
			   "[" HELPED "=1default:1048576:0//usr][--][%s][echo][a b]",
			   self);
	assert_string_equal(said, wanted);
	request = (struct run_request){.profile_command = "nix", .work_dir = "/home"};
	login = handed_over(&request, 0);
	assert_has(login, "[" HELPED "=1named:1048576:0/nix/home][--]");
	assert_true(str_ends_with(login, "/test_helper]"));
#ifndef __SANITIZE_ADDRESS__
	/* the sanitizer takes the number of stderr for its own use */
	without_stderr = true;
	free(login);
	login = handed_over(&request, 0);
	assert_has(login, "[" HELPED "=1named:1048576:02/nix/home][--]");
	without_stderr = false;
#endif
	/* where it refuses, another runtime is tried; by name, the helper says so itself */
	setenv("REFUSES", "because", 1);
	refused = handed_over(&request, 1);
	assert_has(refused, "refused: use the helper: because\n");
	request.runtime = RUNTIME_HELPER;
	named = handed_over(&request, 0);
	assert_has(named, "[REFUSES=because]");
	unsetenv("REFUSES");
	/* a path config: said, where the next runtime is tried */
	assert_int_equal(fs_mkdirs(place->fd, "nix/etc/nix-user-chroot/path-config.toml", 0755), 0);
	config = handed_over(&request, 1);
	assert_string_equal(config, "refused: use the helper, which takes no "
				    "etc/nix-user-chroot/path-config.toml, and there is one\n");
	request.runtime = RUNTIME_AUTO;
	free(config);
	config = handed_over(&request, 1);
	assert_has(config, "and there is one: trying the next runtime\n");
	setenv("NIX_USER_CHROOT_HELPER", "none", 1);
	none = handed_over(&request, 1);
	assert_has(none, "refused: use the helper: NIX_USER_CHROOT_HELPER is none, which is not");
	/* by name nothing was tried before: it cannot be run */
	assert_int_equal(fs_remove_tree(place->fd, "nix/etc"), 0);
	broken = path_join(place->path, "broken");
	assert_int_equal(fs_put_file(broken, "#!/nonexistent/sh\n", 18, 0755), 0);
	setenv("NIX_USER_CHROOT_HELPER", broken, 1);
	request.runtime = RUNTIME_HELPER;
	free(none);
	none = handed_over(&request, 255);
	assert_has(none,
		   "/broken: No such file or directory\n  NIX_USER_CHROOT_HELPER names another "
		   "helper, --runtime another runtime\nrefused: \n");
	assert_int_equal(chdir("/"), 0);
}

/* In a child: run this very program from /nix, as "in-nix". */
static int run_from_nix(const void *context)
{
	_cleanup_free_ char *self = fs_self_path(), *copy = NULL;
	const struct place *place;
	struct refusal refusal = {0};
	void *state;

	(void)context;
	if (own_mounts() < 0 || place_setup(&state) != 0)
		return 99;
	place = state;
	copy = path_join(place->path, "self");
	if (fs_replace_file(place->fd, "self", "", 0, 0755) < 0 ||
	    /* it may be below the /tmp that is covered */
	    mount(self, copy, NULL, MS_BIND, NULL) < 0 ||
	    userns_enter(&(struct entry){.nix_dir_fd = place->fd, .nix_dir = place->path},
			 &refusal) != 0)
		return 99;
	execl("/nix/self", "self", "in-nix", NULL);
	return 98;
}

/* Would the helper find this program, which is in /nix? */
static int be_in_nix(void)
{
	const struct run_request request = {.runtime = RUNTIME_HELPER};
	const struct entry entry = {.nix_dir_fd = open("/nix", O_PATH | O_DIRECTORY | O_CLOEXEC),
				    .nix_dir = "nix"};
	struct refusal refusal = {0};
	int r = helper_exec(&request, &entry, &refusal);

	printf("%s, %d, %d", refusal.what ? refusal.what : "", refusal.err, (int)refusal.step);
	refusal_clear(&refusal);
	return r == 1 ? 0 : 97;
}

static void a_program_in_nix(void **state)
{
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	(void)state;
	if (geteuid() == 0)
		skip();
	clear_environment();
	setenv("NIX_USER_CHROOT_HELPER", "/bin/true", 1);
	said = child_says(run_from_nix, NULL, NULL, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99) {
		free(said);
		skip();
	}
	wanted = xasprintf("use the helper: this program is in /nix, and so is missing inside, "
			   "%d, %d",
			   ENOENT, (int)CHECK_STEP_COUNT);
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
	assert_string_equal(said, wanted);
}

/* In the helper's place: show the words, the first of which is a directory's descriptor. */
static int be_helper(int argc, char **argv)
{
	int fd = (int)strtol(argv[1], NULL, 10);
	char *const none = getenv("REFUSES");

	if (strcmp(argv[1], "--try") == 0) {
		dprintf(STDERR_FILENO, "%s: %s\n", argv[0], none ? none : "");
		return none ? 1 : 0;
	}
	if (fd <= STDERR_FILENO || !fs_exists(fd, "../nix") || environ[0])
		return 9;
	printf("[nix]");
	for (int i = 2; i < argc; i++)
		printf("[%s]", argv[i]);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words, place_setup, place_teardown),
		cmocka_unit_test(told),
		cmocka_unit_test(a_program_in_nix),
	};

	if (argc == 2 && strcmp(argv[1], "in-nix") == 0)
		return be_in_nix();
	if (argc > 1)
		return be_helper(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
