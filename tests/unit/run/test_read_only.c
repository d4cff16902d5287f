/*
 * A Nix directory that somebody else keeps: which commands of Nix may have to
 * write, and what makes Nix only read.
 */
#include "run/read_only.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
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

/* A command that reads, and what may write because a word is missing; NULL: it always reads. */
static const struct {
	const char *reads, *writes;
} pairs[] = {
	{"nix config show", "nix conf"},
	{"nix copy --to x", "nix copy"},
	{"nix doctor", "nix doctors"},
	{"nix eval --expr 1", "nix eval x"},
	{"nix eval --file x", "nix --file x build"},
	{"nix eval -f x", "nix -f x build"},
	{"nix hash x", "nix x"},
	{"nix help", "nix -help"},
	{"nix key x", "nix keys"},
	{"nix log x", "nix logs"},
	{"nix path-info x", "nix path x"},
	{"nix profile diff-closures", "nix diff-closures"},
	{"nix profile history", "nix history"},
	{"nix profile list", "nix list"},
	{"nix registry list", "nix registry add"},
	{"nix store cat x", "nix cat x"},
	{"nix store diff-closures x", "nix store x"},
	{"nix store dump-path x", "nix dump-path x"},
	{"nix store info", "nix info"},
	{"nix store ls x", "nix ls x"},
	{"nix store ping", "nix ping"},
	{"nix store verify", "nix verify"},
	{"nix why-depends x", "nix why x"},
	{"nix-channel --add x", "nix-channel --ad x"},
	{"nix-channel --list", "nix-channel"},
	{"nix-channel --remove x", "nix-channel --rollback"},
	{"nix-copy-closure --to x", "nix-copy-closure --from x"},
	{"nix-env --query", "nix-env --query-x"},
	{"nix-env -qaP x", "nix-env -i -x"},
	{"nix-hash x", NULL},
	{"nix-instantiate --eval x", "nix-instantiate x"},
	{"nix-instantiate --find-file x", "nix-instantiate --find x"},
	{"nix-instantiate --parse x", "nix-instantiate -parse x"},
	{"nix-store --dump x", "nix-store --restore x"},
	{"nix-store --export x", "nix-store --import"},
	{"nix-store --print-env x", "nix-store --print x"},
	{"nix-store --query x", "nix-store x"},
	{"nix-store --read-log x", "nix-store --read x"},
	{"nix-store --verify-path x", "nix-store --verify"},
	{"nix-store -l x", "nix-store -lx"},
	{"nix-store -qR x", "nix-store -r x"},
};

static void reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (may_write(pairs[i].reads))
			fail_msg("taken for one that writes: %s", pairs[i].reads);
		if (pairs[i].writes && !may_write(pairs[i].writes))
			fail_msg("taken for one that reads: %s", pairs[i].writes);
	}
	assert_false(may_write("nix --version"));
	assert_false(may_write("nix build --help"));
	assert_false(may_write("nix --option a b path-info -r x"));
	assert_false(may_write("nix build --store /home/me/store"));
	assert_false(may_write("nix-env -p /nix/var/nix/profiles/default -qaP"));
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

/* Returns what read_only_prepare() says of the command LINE, one word; the caller frees. */
static char *told(const struct place *place, char *name, char *word)
{
	char *argv[] = {name, word, NULL};
	struct capture capture;

	capture_begin(&capture);
	read_only_prepare(place->fd, "/the/nix", false, name, argv);
	return capture_end(&capture);
}

/* A command that may have to write is told whose the store is; others at -v. */
static void tells(void **state)
{
	const struct place *place = *state;
	const struct passwd *entry = getpwuid(0);
	_cleanup_free_ char *keeper = xstrdup(entry ? entry->pw_name : "0");
	_cleanup_free_ char *writes = NULL, *reads = NULL, *quiet = NULL, *wanted = NULL;
	_cleanup_free_ char *note = NULL, *shell = NULL, *own = NULL, *mine = NULL;
	struct stat st;
	char build[] = "nix-build", query[] = "nix-env", word[] = "-q";

	if (geteuid() == 0 || stat("/usr", &st) < 0 || st.st_uid != 0)
		skip();
	/* a user's own store, which was made read-only, has no other keeper */
	assert_int_equal(mkdirat(place->fd, "store", 0555), 0);
	mine = told(place, build, word);
	assert_string_equal(mine, "");
	assert_int_equal(unlinkat(place->fd, "store", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("/usr", place->fd, "store"), 0);
	writes = told(place, build, word);
	wanted = xasprintf("nix-user-chroot: warning: the store in /the/nix belongs to %s and is "
			   "not yours to write: nix-build can only use what it holds\n"
			   "  ask %s, or make a Nix of your own: NIX_USER_CHROOT_DIR= "
			   "nix-user-chroot --install\n",
			   keeper, keeper);
	assert_string_equal(writes, wanted);
	quiet = told(place, query, word);
	assert_string_equal(quiet, "");
	log_set_level(LOG_VERBOSE);
	reads = told(place, query, word);
	shell = told(place, NULL, NULL);
	setenv("NIX_REMOTE", "ssh://other", 1);
	own = told(place, build, word);
	log_set_level(LOG_NORMAL);
	note = xasprintf("nix-user-chroot: the store in /the/nix belongs to %s and is not yours to "
			 "write: NIX_REMOTE=local?read-only=true\n",
			 keeper);
	assert_string_equal(reads, note);
	assert_string_equal(shell, note);
	/* another store, which the user has named */
	assert_string_equal(own, "");
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
		cmocka_unit_test_setup_teardown(tells, setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_daemon, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
