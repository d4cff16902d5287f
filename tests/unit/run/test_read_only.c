/*
 * A Nix directory that somebody else keeps: which commands of Nix may have to
 * write, and what makes Nix only read.
 */
#include "run/read_only.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

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

/* The variables after read_only_prepare() for a store that this user may (not) write to. */
static void prepares(void **state)
{
	const struct place *place = *state;
	const char feature[] = "extra-experimental-features = read-only-local-store";
	_cleanup_free_ char *both = xasprintf("cores = 1\n%s", feature);

	if (geteuid() == 0)
		skip();
	assert_int_equal(mkdirat(place->fd, "store", 0755), 0);
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_false(read_only_is_set());
	assert_int_equal(fchmodat(place->fd, "store", 0555, 0), 0);
	read_only_prepare(place->fd, place->path, true, NULL, NULL);
	assert_false(read_only_is_set());
	assert_null(getenv("NIX_CONFIG"));
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_string_equal(getenv("NIX_REMOTE"), "local?read-only=true");
	assert_string_equal(getenv("NIX_CONFIG"), feature);
	/* once is enough */
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_string_equal(getenv("NIX_CONFIG"), feature);
	/* another directory, which is the user's: what an entry around this one has set goes */
	read_only_prepare(place->fd, place->path, true, NULL, NULL);
	assert_true(read_only_is_set());
	setenv("NIX_USER_CHROOT", "/other", 1);
	read_only_prepare(place->fd, place->path, true, NULL, NULL);
	assert_false(read_only_is_set());
	/* the user's own word wins, but for a daemon that is not there */
	setenv("NIX_REMOTE", "ssh://other", 1);
	setenv("NIX_CONFIG", "cores = 1", 1);
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_string_equal(getenv("NIX_REMOTE"), "ssh://other");
	assert_string_equal(getenv("NIX_CONFIG"), "cores = 1");
	setenv("NIX_REMOTE", "daemon", 1);
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_true(read_only_is_set());
	assert_string_equal(getenv("NIX_CONFIG"), both);
}

/* A daemon of the keeper's serves whoever may not write; one that was killed leaves its socket. */
static void a_daemon(void **state)
{
	const struct place *place = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (geteuid() == 0)
		skip();
	assert_int_equal(fs_mkdirs(place->fd, "var/nix/daemon-socket", 0755), 0);
	assert_int_equal(mkdirat(place->fd, "store", 0555), 0);
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/proc/self/fd/%d/var/nix/daemon-socket/socket", place->fd);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_null(getenv("NIX_REMOTE"));
	assert_null(getenv("NIX_CONFIG"));
	close(fd);
	read_only_prepare(place->fd, place->path, false, NULL, NULL);
	assert_true(read_only_is_set());
}

static int setup(void **state)
{
	return empty_environment(state) != 0 ? -1 : place_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),
		cmocka_unit_test(reads),
		cmocka_unit_test_setup_teardown(prepares, setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_daemon, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
