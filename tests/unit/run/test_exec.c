/*
 * Becoming the command: which file it is, what it is told, and which status says that it cannot be
 * run.
 */
#include "run/exec.h"
#include "run/login.h"
#include "util/cleanup.h"
#include "util/exit_status.h"

#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../child.h"
#include "../place.h"

/* musl's execvp(3) runs no file without an interpreter, glibc's does: to act as musl's */
static bool is_musl;

int __real_execvp(const char *name, char *const argv[]);
int __wrap_execvp(const char *name, char *const argv[]);
int __wrap_execvp(const char *name, char *const argv[])
{
	const char *path = getenv("PATH");
	char *part;

	if (!is_musl)
		return __real_execvp(name, argv);
	if (strchr(name, '/'))
		return execv(name, argv);
	while ((part = path_next(&path))) {
		_cleanup_free_ char *directory = part, *file = path_join(directory, name);

		execv(file, argv);
		if (errno != ENOENT && errno != EACCES)
			return -1;
	}
	return -1;
}

static void put(const struct place *place, const char *path, const char *text, mode_t mode)
{
	_cleanup_free_ char *full = path_join(place->path, path);

	assert_int_equal(fs_put_file(full, text, strlen(text), mode), 0);
}

static void link_to(const struct place *place, const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, place->fd, path), 0);
}

/* A home directory with a profile, in which the command "hello" is sh, and three shells. */
static int setup(void **state)
{
	static const char *const shells[] = {"sh", "bash", "zsh", "fish"};
	_cleanup_free_ char *home = NULL;
	const struct place *place;

	if (empty_environment(state) != 0 || place_setup(state) != 0)
		return -1;
	place = *state;
	home = path_join(place->path, "home");
	setenv("HOME", home, 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	if (fs_mkdirs(place->fd, "home/.nix-profile/bin", 0755) < 0 ||
	    fs_mkdirs(place->fd, "shells", 0755) < 0)
		return -1;
	link_to(place, "/bin/sh", "home/.nix-profile/bin/hello");
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		_cleanup_free_ char *path = path_join("shells", shells[i]);

		link_to(place, "/bin/sh", path);
	}
	/* typed into a shell: its words, and what it would find */
	put(place, "typed", "tr '\\0' ' ' </proc/$$/cmdline; echo; echo \"PATH=$PATH\"\n", 0644);
	return 0;
}

struct call {
	char *const *argv;
	bool with_profile;
	const char *command; /* of the profile; NULL: exec_command() */
	bool is_plain;	     /* exec_plain_shell() of argv[0] */
};

static int do_call(const void *context)
{
	const struct call *call = context;

	if (call->is_plain)
		return exec_plain_shell(call->argv ? call->argv[0] : NULL);
	return call->command ? exec_profile_command(call->command, call->argv)
			     : exec_command(call->argv, call->with_profile);
}

/* CALL must end with the exit status WANTED; returns what it says, which the caller frees. */
static char *says(const struct place *place, const struct call *call, int wanted)
{
	_cleanup_free_ char *typed = path_join(place->path, "typed");
	int status;
	char *said = child_says(do_call, call, typed, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != wanted)
		fail_msg("status %x instead of %d:\n%s", (unsigned)status, wanted, said);
	return said;
}

#define SAYS(place, wanted, ...) says(place, &(struct call){__VA_ARGS__}, wanted)
#define WORDS(...)		 ((char *const[]){__VA_ARGS__, NULL})

static void run_commands(const struct place *place)
{
	_cleanup_free_ char *status = NULL, *words = NULL, *by_path = NULL, *none = NULL;
	_cleanup_free_ char *script = path_join(place->path, "script"), *list = NULL;
	_cleanup_free_ char *broken = NULL;

	status = SAYS(place, 7, .argv = WORDS("sh", "-c", "exit 7"));
	assert_string_equal(status, "");
	/* no binary, and it names no interpreter: by sh, with all words */
	put(place, "script", "echo \"[$0][$1][$2][$#]\"\n", 0755);
	words = SAYS(place, 0, .argv = WORDS(script, "a", "b c"));
	assert_non_null(strstr(words, "/script][a][b c][2]\n"));
	none = SAYS(place, 0, .argv = WORDS(script));
	assert_non_null(strstr(none, "/script][][][0]\n"));
	/* what has its name before it in PATH and is no program */
	put(place, "home/script", "", 0644);
	assert_int_equal(fs_mkdirs(place->fd, "a/script", 0755), 0);
	list = xasprintf("%s/home:%s/a:%s", place->path, place->path, place->path);
	setenv("PATH", list, 1);
	by_path = SAYS(place, 0, .argv = WORDS("script", "a", "b c"));
	assert_string_equal(by_path, words);
	setenv("PATH", "/usr/bin:/bin", 1);
	/* the first word alone says where it is */
	broken = SAYS(place, EXIT_ENOENT, .argv = WORDS("no-such-command", script));
	assert_has(broken, "cannot run no-such-command inside");
}

static void the_command(void **state)
{
	run_commands(*state);
}

static void the_command_by_musl(void **state)
{
	is_musl = true;
	run_commands(*state);
	is_musl = false;
}

static void what_cannot_be_run(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *missing = NULL, *below = NULL, *named = NULL, *in_profile = NULL;
	_cleanup_free_ char *refused = NULL, *directory = NULL, *file = NULL, *nothing = NULL;
	_cleanup_free_ char *path = path_join(place->path, "none"), *by_path = NULL;
	_cleanup_free_ char *list = xasprintf("%s/plain:%s/home", place->path, place->path);

	put(place, "plain", "no program\n", 0644);
	put(place, "home/refused", "no program\n", 0644);
	named = SAYS(place, EXIT_ENOENT, .argv = WORDS(path));
	assert_has(named, "inside: No such file");
	assert_has(named, "or the interpreter that it needs, does not exist inside");
	file = xasprintf("%s/plain/x", place->path);
	below = SAYS(place, EXIT_ENOENT, .argv = WORDS(file));
	assert_has(below, "does not exist inside");
	missing = SAYS(place, EXIT_ENOENT, .argv = WORDS("no-such-command"));
	assert_has(missing, "it was not found in PATH inside\n");
	in_profile = SAYS(place, EXIT_ENOENT, .argv = WORDS("hello"));
	assert_has(in_profile, "but the profile has it: ");
	assert_has(in_profile, "/home/.nix-profile/bin/hello\n");
	/* a part of PATH that is a file is no directory with programs */
	setenv("PATH", list, 1);
	nothing = SAYS(place, EXIT_ENOENT, .argv = WORDS("no-such-command"));
	assert_has(nothing, "it was not found in PATH inside\n");
	refused = SAYS(place, EXIT_CANNOT_INVOKE, .argv = WORDS("refused"));
	assert_has(refused, "cannot run refused inside: Permission denied");
	assert_has(refused, "it must be a program that you may execute");
	directory = SAYS(place, EXIT_CANNOT_INVOKE, .argv = WORDS((char *)(uintptr_t)place->path));
	assert_has(directory, "it must be a program that you may execute");
	by_path = xasprintf("%s/home/refused", place->path);
	free(refused);
	refused = SAYS(place, EXIT_CANNOT_INVOKE, .argv = WORDS(by_path));
	assert_has(refused, "Permission denied");
}

/* A directory of PATH that may not be searched hides nothing, and does not forbid the command. */
static void path_that_may_not_be_searched(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *list = xasprintf("%s/closed:/usr/bin:/bin", place->path), *said = NULL;

	if (geteuid() == 0)
		skip();
	assert_int_equal(mkdirat(place->fd, "closed", 0), 0);
	setenv("PATH", list, 1);
	said = SAYS(place, EXIT_ENOENT, .argv = WORDS("no-such-command"));
	assert_has(said, "it was not found in PATH inside\n");
	assert_int_equal(fchmodat(place->fd, "closed", 0700, 0), 0);
}

static void command_of_the_profile(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *named = NULL, *login = NULL, *empty = NULL, *none = NULL, *nix = NULL;
	_cleanup_free_ char *broken = NULL, *refused = NULL, *shared = NULL;
	char show[] = "tr '\\0' '|' </proc/$$/cmdline; echo \"<$1><$2>\"";

	named = SAYS(place, 0, .command = "hello",
		     .argv = WORDS("/x/y", "-c", show, "a", "b", "c"));
	assert_has(named, "hello|-c|");
	assert_has(named, "|a|b|c|<b><c>");
	login = SAYS(place, 0, .command = "hello", .argv = WORDS("-hello", "-c", show));
	assert_has(login, "-hello|-c|");
	empty = SAYS(place, 0, .command = "hello", .argv = (char *const[]){NULL});
	assert_has(empty, "hello \nPATH=/usr/bin:/bin\n");

	none = SAYS(place, EXIT_ENOENT, .command = "none", .argv = WORDS("none"));
	assert_has(none, "there is no such command in your Nix profile, ");
	assert_has(none, "/home/.nix-profile/bin\n");
	assert_has(none, "nix-user-chroot -- nix-env -iA nixpkgs.PACKAGE puts a package there");
	nix = SAYS(place, EXIT_ENOENT, .command = "nix-none", .argv = WORDS("nix-none"));
	assert_has(nix, "--install repairs the profile of an installation");
	put(place, "home/.nix-profile/bin/broken", "#!/nonexistent/interpreter\n", 0755);
	broken = SAYS(place, EXIT_ENOENT, .command = "broken", .argv = WORDS("broken"));
	assert_has(broken, "/bin/broken inside: No such file");
	put(place, "home/.nix-profile/bin/refused", "", 0644);
	refused = SAYS(place, EXIT_CANNOT_INVOKE, .command = "refused", .argv = WORDS("refused"));
	assert_has(refused, "/bin/refused inside: Permission denied");
	free(refused);
	link_to(place, "loop", "home/.nix-profile/bin/loop");
	refused = SAYS(place, EXIT_CANNOT_INVOKE, .command = "loop", .argv = WORDS("loop"));
	assert_has(refused, "/bin/loop inside: Too many levels");
	/* the second place of a profile */
	assert_int_equal(fs_mkdirs(place->fd, "home/.local/state/nix/profile/bin", 0755), 0);
	link_to(place, "/bin/sh", "home/.local/state/nix/profile/bin/second");
	free(named);
	named = SAYS(place, 0, .command = "second", .argv = WORDS("x", "-c", "echo here"));
	assert_string_equal(named, "here\n");
	free(none);
	none = SAYS(place, EXIT_ENOENT, .argv = WORDS("second"));
	assert_has(none, "but the profile has it: ");
	assert_has(none, "/nix/profile/bin/second\n");
	free(none);
	none = SAYS(place, EXIT_ENOENT, .argv = WORDS("./hello"));
	assert_has_not(none, "the profile has it");
	setenv("NIX_REMOTE", "local?read-only=true", 1);
	shared = SAYS(place, EXIT_ENOENT, .command = "none", .argv = WORDS("none"));
	assert_has(shared, "whoever keeps this Nix can add it to the profile");
}

/* Nix's programs fail with the libraries of a cluster's module; those of other packages keep them.
 */
static void libraries_of_the_host(void **state)
{
	static const struct {
		const char *command, *says;
	} cases[] = {{"nix", "[]"}, {"nix-x", "[]"}, {"nixx", "[/host/lib]"}, {"x", "[/host/lib]"}};
	const struct place *place = *state;
	char show[] = "echo \"[$LD_LIBRARY_PATH]\"";

	setenv("LD_LIBRARY_PATH", "/host/lib", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *said = NULL, *path = NULL;

		path = path_join("home/.nix-profile/bin", cases[i].command);
		link_to(place, "/bin/sh", path);
		said = SAYS(place, 0, .command = cases[i].command, .argv = WORDS("x", "-c", show));
		assert_has(said, cases[i].says);
	}
}

/* Returns how the login shell NAME of the place, with the profile, was called in the end. */
static char *login_shell(const struct place *place, const char *name, bool with_profile)
{
	_cleanup_free_ char *shell = xasprintf("%s/shells/%s", place->path, name);

	setenv("SHELL", shell, 1);
	return SAYS(place, 0, .with_profile = with_profile);
}

/* Is the profile left to the startup files of the shell NAME? */
static bool is_left_to_files(const struct place *place, const char *name)
{
	_cleanup_free_ char *said = login_shell(place, name, true);
	_cleanup_free_ char *plain = xasprintf("-%s \n", name);
	_cleanup_free_ char *again = xasprintf("%s/shells/%s \n", place->path, name);
	bool is_plain = strncmp(said, plain, strlen(plain)) == 0;

	if (!is_plain && !strstr(said, again))
		fail_msg("no shell by that name:\n%s", said);
	assert_int_equal(strstr(said, "/home/.nix-profile/bin:") != NULL, !is_plain);
	return is_plain;
}

static void login_shells(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *sh = NULL, *bash = NULL, *named = NULL, *none = NULL;

	/* while it starts, a shell shows its words */
	put(place, "home/.profile",
	    "head -c 9 /proc/$$/cmdline | tr '\\0' ' '; PATH=/usr/bin:/bin\n", 0644);
	assert_false(is_left_to_files(place, "sh"));
	sh = login_shell(place, "sh", true);
	assert_int_equal(strncmp(sh, "-sh -c ca", 9), 0);
	bash = login_shell(place, "bash", true);
	assert_int_equal(strncmp(bash, "-bash -lc", 9), 0);
	/* PATH has it already: once is enough */
	put(place, "home/.profile", "PATH=/a:$HOME/.nix-profile/bin:/usr/bin:/bin\n", 0644);
	free(sh);
	sh = login_shell(place, "zsh", true);
	assert_has(sh, "PATH=/a:");
	/* a shell of another family, a directory that was named, no profile */
	put(place, "home/.profile", "", 0644);
	assert_int_equal(fs_remove_tree(place->fd, "home/.nix-profile"), 0);
	none = login_shell(place, "sh", true);
	if (access("/nix/var/nix/profiles/default/bin", X_OK) < 0)
		assert_int_equal(strncmp(none, "-sh \n", 5), 0);
	assert_int_equal(fs_mkdirs(place->fd, "home/.nix-profile/bin", 0755), 0);
	named = login_shell(place, "sh", false);
	assert_int_equal(strncmp(named, "-sh \n", 5), 0);
	free(none);
	none = login_shell(place, "fish", true);
	assert_int_equal(strncmp(none, "-fish \n", 7), 0);
}

static void files_that_speak_of_the_profile(void **state)
{
	static const struct {
		const char *line;
		bool is_left;
	} cases[] = {
		{"\nPATH=$HOME/.nix-profile/bin:$PATH\n", true},
		{"x=1\nPATH=$HOME/.local/state/nix/profile/bin:$PATH", true},
		{"# $HOME/.nix-profile/bin\nPATH=/usr/bin:/bin\n", false},
		{" \t # $HOME/.nix-profile/bin\nPATH=/usr/bin:/bin\n", false},
		{"# a comment\n# b\nPATH=$HOME/.nix-profile/bin:$PATH\n", true},
		{"# a\n. x/profile.d/nix.sh\n", false}, /* without USER */
		{"PATH=/usr/bin:/bin\n", false},
	};
	const struct place *place = *state;
	_cleanup_free_ char *colon = path_join(place->path, "a:b");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* the decision counts here, not the shell: what it reads is the case above */
		put(place, "home/.bash_profile", cases[i].line, 0644);
		assert_int_equal(is_left_to_files(place, "bash"), cases[i].is_left);
	}
	put(place, "home/.bash_profile", ". x/profile.d/nix.sh\n", 0644);
	setenv("USER", "me", 1);
	assert_false(is_left_to_files(place, "bash"));
	put(place, "home/.nix-profile/etc/profile.d/nix.sh", "", 0644);
	assert_true(is_left_to_files(place, "bash"));
	/* in a home directory with a colon, no file can do it */
	link_to(place, "home", "a:b");
	put(place, "home/.bash_profile", "nix-profile/bin\n", 0644);
	assert_true(is_left_to_files(place, "bash"));
	setenv("HOME", colon, 1);
	assert_false(is_left_to_files(place, "bash"));
}

/* Each shell has its own files: bash reads the first of three, zsh all of four. */
static void files_of_each_shell(void **state)
{
	static const char *const of_zsh[] = {".zshenv", ".zprofile", ".zshrc", ".zlogin"};
	const struct place *place = *state;
	_cleanup_free_ char *dots = path_join(place->path, "dots");

	assert_false(is_left_to_files(place, "bash"));
	put(place, "home/.bash_login", "x\nnix-profile/bin", 0644);
	assert_true(is_left_to_files(place, "bash"));
	assert_false(is_left_to_files(place, "sh"));
	assert_false(is_left_to_files(place, "zsh"));
	put(place, "home/.bash_profile", "", 0644);
	assert_false(is_left_to_files(place, "bash"));
	for (size_t i = 0; i < sizeof(of_zsh) / sizeof(of_zsh[0]); i++) {
		_cleanup_free_ char *usual = path_join("home", of_zsh[i]);
		_cleanup_free_ char *other = path_join("dots", of_zsh[i]);

		put(place, usual, "nix-profile/bin", 0644);
		unsetenv("ZDOTDIR");
		assert_true(is_left_to_files(place, "zsh"));
		setenv("ZDOTDIR", dots, 1);
		assert_false(is_left_to_files(place, "zsh"));
		put(place, other, "nix-profile/bin", 0644);
		assert_true(is_left_to_files(place, "zsh"));
		assert_int_equal(unlinkat(place->fd, usual, 0), 0);
		assert_int_equal(unlinkat(place->fd, other, 0), 0);
	}
}

/* The user's shell: $SHELL, the passwd entry's, /bin/sh; each must be a program, and not this one.
 */
static void which_shell(void **state)
{
	const struct place *place = *state;
	const struct passwd *entry = getpwuid(geteuid());
	const char *own = entry && *entry->pw_shell == '/' && fs_is_program(entry->pw_shell)
				  ? entry->pw_shell
				  : "/bin/sh";
	_cleanup_free_ char *good = path_join(place->path, "shells/sh"), *self = fs_self_path();
	_cleanup_free_ char *none = path_join(place->path, "none");
	const char *const values[] = {"", "sh", "shells/sh", none, place->path, self};
	char line[] = "x";

	assert_int_equal(fchdir(place->fd), 0);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		_cleanup_free_ char *shell = NULL;
		_cleanup_free_ char **words = NULL;

		setenv("SHELL", values[i], 1);
		words = exec_shell_words(line, NULL, &shell);
		assert_string_equal(shell, own);
		assert_ptr_equal(words[0], shell);
		assert_string_equal(words[1], "-c");
		assert_ptr_equal(words[2], line);
		assert_null(words[3]);
	}
	assert_int_equal(chdir("/"), 0);
	{
		_cleanup_free_ char *shell = NULL;
		_cleanup_free_ char **words = NULL;

		setenv("SHELL", good, 1);
		words = exec_shell_words(line, WORDS("a", "b"), &shell);
		assert_string_equal(shell, good);
		assert_string_equal(words[3], "a");
		assert_string_equal(words[4], "b");
		assert_null(words[5]);
	}
}

static void shells_without_files(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *own = path_join(place->path, "shells/sh"), *again = NULL, *said = NULL;
	_cleanup_free_ char *by_name = NULL, *by_path = NULL, *none = NULL, *other = NULL;
	_cleanup_free_ char *zsh = path_join(place->path, "shells/zsh");

	setenv("SHELL", own, 1);
	said = SAYS(place, 0, .is_plain = true);
	assert_has(said, "sh \nPATH=");
	by_name = SAYS(place, 0, .is_plain = true, .argv = WORDS("sh"));
	assert_has(by_name, "sh \nPATH=");
	by_path = SAYS(place, 0, .is_plain = true, .argv = WORDS(own));
	assert_has(by_path, "sh \nPATH=");
	none = SAYS(place, 0, .is_plain = true, .argv = WORDS("no-such-shell"));
	assert_has(none, "sh \nPATH=");
	/* a startup file that enters, again and again */
	setenv(LOGIN_VARIABLE, "1 1 99", 1);
	other = SAYS(place, 0, .argv = WORDS(zsh));
	assert_has(other, "\nzsh -f \nPATH=");
	setenv(LOGIN_VARIABLE, "1 1 99", 1);
	again = SAYS(place, 0, .with_profile = true);
	assert_has(again, "a startup file of your shell runs nix-user-chroot");
	assert_has(again, "\nsh \nPATH=");
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(the_command),
		FILE_TEST(the_command_by_musl),
		FILE_TEST(what_cannot_be_run),
		FILE_TEST(path_that_may_not_be_searched),
		FILE_TEST(command_of_the_profile),
		FILE_TEST(libraries_of_the_host),
		FILE_TEST(login_shells),
		FILE_TEST(files_that_speak_of_the_profile),
		FILE_TEST(files_of_each_shell),
		FILE_TEST(which_shell),
		FILE_TEST(shells_without_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
