/* A Nix directory that somebody else keeps: which commands of Nix may have to write. */
#include "run/read_only.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* LINE is a command, whose words are separated by blanks. */
static bool may_write(const char *line)
{
	char copy[200], *words[20] = {NULL}, *rest = NULL;
	size_t count = 0;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return read_only_may_write(words[0], words);
}

static void writes(void **state)
{
	(void)state;
	assert_true(may_write("nix build"));
	assert_true(may_write("/nix/var/nix/profiles/default/bin/nix build"));
	assert_true(may_write("nix --option a b profile install x"));
	assert_true(may_write("nix store gc"));
	assert_true(may_write("nix copy --from file:///x /nix/store/x"));
	assert_true(may_write("nix eval .#x"));
	assert_true(may_write("nix"));
	assert_true(may_write("nix-build"));
	assert_true(may_write("nix-collect-garbage -d"));
	assert_true(may_write("nix-env -iA nixpkgs.hello"));
	assert_true(may_write("nix-channel --update"));
	assert_true(may_write("nix-store --gc"));
	assert_true(may_write("nix-store --query-not"));
	/* the name of the command is not one of its arguments */
	assert_true(may_write("nix-env"));
}

static void reads(void **state)
{
	(void)state;
	assert_false(may_write("nix --version"));
	assert_false(may_write("nix build --help"));
	assert_false(may_write("nix --option a b path-info -r x"));
	assert_false(may_write("nix store info"));
	assert_false(may_write("nix eval --expr 6*7"));
	assert_false(may_write("nix copy --to file:///x /nix/store/x"));
	assert_false(may_write("nix build --store /home/me/store"));
	assert_false(may_write("nix-env -q"));
	assert_false(may_write("nix-env -p /nix/var/nix/profiles/default -qaP"));
	assert_false(may_write("nix-env --query"));
	assert_false(may_write("nix-store -qR x"));
	assert_false(may_write("nix-hash x"));
	assert_false(may_write("nix-channel --list"));
	/* commands that are not Nix's are not judged */
	assert_false(may_write("hello build"));
	assert_false(may_write("nixfmt"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),
		cmocka_unit_test(reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
