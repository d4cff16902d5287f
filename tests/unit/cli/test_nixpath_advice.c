/* The advice for a NIXPATH that is no directory. */
#include "cli/nixpath_advice.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

#define COMMAND(word) "it is a command: did you mean nix-user-chroot -- " word "?"
#define OPTION(name)  "did you mean nix-user-chroot --" name "?"

/* Makes a file of this name and mode in the working directory. */
static void make(const char *name, mode_t mode)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void advised(const char *word, const char *advice)
{
	_cleanup_free_ char *got = nixpath_advice(word);

	if (!advice && got)
		fail_msg("of %s it says: %s", word, got);
	if (advice && (!got || strcmp(got, advice) != 0))
		fail_msg("of %s it says: %s", word, got ? got : "nothing");
}

static void advice(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *bin = path_join(place->path, "bin");

	assert_int_equal(chdir(place->path), 0);
	assert_int_equal(mkdir("bin", 0700), 0);
	make("bin/greet", 0755);
	make("bin/install", 0755);
	make("bin/notes", 0644);
	setenv("PATH", bin, 1);

	advised("greet", COMMAND("greet"));
	/* the commands of Nix are in the profile, whatever PATH is */
	advised("nix", COMMAND("nix"));
	advised("nix-shell", COMMAND("nix-shell"));
	advised("nixos", NULL);
	/* a mistyped option, even if there is a command of that name */
	advised("install", OPTION("install"));
	advised("instal", OPTION("install"));
	advised("unistall", OPTION("uninstall"));
	/* "mirror" goes with --install and does nothing alone, so it is not suggested */
	advised("mirror", NULL);
	/* a file that cannot be executed; a name that is nowhere; a path that does not exist */
	advised("notes", NULL);
	advised("wold", NULL);
	advised("no/where", NULL);
	/* a path that exists: a program is a command, and a directory is right as NIXPATH */
	advised("bin/greet", COMMAND("bin/greet"));
	advised("bin", NULL);
	advised("bin/notes", NULL);
	unsetenv("PATH");
	advised("greet", NULL);
	assert_int_equal(chdir("/"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(advice, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
