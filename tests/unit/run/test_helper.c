/* What the process that the privileged helper started is told. */
#include "run/helper.h"
#include "run/userns.h"
#include "ui/log.h"
#include "util/cleanup.h"

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
	const struct place *place = context;
	struct refusal refusal = {0};

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

	said = child_says(check_all, *state, NULL, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip();
	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told, place_setup, place_teardown),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
