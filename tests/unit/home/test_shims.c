/* What is to be done about a shim, and by which name this program was called. */
#include "home/shims.h"
#include "util/program.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

#define PROGRAM "/home/me/.local/bin/nix-user-chroot"

static void decisions(void **state)
{
	(void)state;
	assert_int_equal(shim_decide(false, NULL, PROGRAM), SHIM_MAKE);
	assert_int_equal(shim_decide(true, PROGRAM, PROGRAM), SHIM_KEEP);
	/* a link to an earlier place of the program, whether or not the program is still there */
	assert_int_equal(shim_decide(true, "/opt/1.0/bin/nix-user-chroot", PROGRAM), SHIM_TURN);
	assert_int_equal(shim_decide(true, "nix-user-chroot", PROGRAM), SHIM_TURN);
	assert_int_equal(shim_decide(true, "../dl/nix-user-chroot-0.1.0-x86_64-linux", PROGRAM),
			 SHIM_TURN);
	/*
	 * a file or a directory; a link to another Nix's command; a link to a program of another
	 * name
	 */
	assert_int_equal(shim_decide(true, NULL, PROGRAM), SHIM_LEAVE);
	assert_int_equal(shim_decide(true, "/nix/var/nix/profiles/default/bin/nix", PROGRAM),
			 SHIM_LEAVE);
	assert_int_equal(shim_decide(true, "/home/me/nix-user-chroot/nix", PROGRAM), SHIM_LEAVE);
	assert_int_equal(shim_decide(true, "/home/me/my-nix-user-chroot", PROGRAM), SHIM_LEAVE);
	assert_int_equal(shim_decide(true, "", PROGRAM), SHIM_LEAVE);
}

/* A link to a file of our name, or of one that a release has, is ours. */
static void targets(void **state)
{
	static const struct {
		const char *target;
		bool ours;
	} cases[] = {
		{"nix-user-chroot", true},
		{"/x/nix-user-chroot", true},
		{"/x/nix-user-chroot-0.1.0-x86_64-linux", true},
		{"nix-user-chroot-0-linux", true},
		{"nix-user-chroot-9-linux", true},
		{"nix-user-chroot-helper", false},
		{"nix-user-chroot-install", false},
		{"nix-user-chroot-a-linux", false},
		{"nix-user-chroot-.-linux", false},
		{"nix-user-chroot-:-linux", false},
		{"nix-user-chroot-1", false},
		{"nix-user-chroot-1-linux2", false},
		{"nix-user-chroot.1-linux", false},
		{"nix-user-chroot2-linux", false},
		{"nix-user-chroo", false},
		{"nix-user-chroot/", false},
		{"nix", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (shim_is_ours(cases[i].target) != cases[i].ours)
			fail_msg("%s", cases[i].target);
}

static void assert_line(const char *shell, const char *bin, const char *home, const char *expected,
			const char *expected_file)
{
	const char *file = NULL;
	_cleanup_free_ char *line = shim_path_line(shell, bin, home, &file);

	assert_string_equal(line, expected);
	assert_string_equal(file, expected_file);
}

static void lines_for_the_directory(void **state)
{
	static const char *const cases[][3] = {
		{"/bin/bash", "/local/nix", "export NIX_USER_CHROOT_DIR=\"/local/nix\""},
		{"/bin/zsh", "/home/me/my nix", "export NIX_USER_CHROOT_DIR=\"$HOME/my nix\""},
		{NULL, "/a/$b'c", "export NIX_USER_CHROOT_DIR='/a/$b'\\''c'"},
		{"/bin/csh", "/local/nix", "setenv NIX_USER_CHROOT_DIR \"/local/nix\""},
		{"/usr/bin/fish", "/local/nix", "set -gx NIX_USER_CHROOT_DIR \"/local/nix\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *file = NULL;
		_cleanup_free_ char *line =
			shim_directory_line(cases[i][0], cases[i][1], "/home/me", &file);

		assert_string_equal(line, cases[i][2]);
		assert_true(str_starts_with(file, "~/."));
	}
}

static void lines_for_path(void **state)
{
	(void)state;
	assert_line("/bin/bash", "/home/me/.local/bin", "/home/me",
		    "export PATH=\"$HOME/.local/bin:$PATH\"", "~/.bashrc");
	assert_line("/usr/bin/zsh", "/home/me/.local/bin", "/home/me",
		    "export PATH=\"$HOME/.local/bin:$PATH\"", "~/.zshrc");
	assert_line("/usr/bin/fish", "/home/me/.local/bin", "/home/me",
		    "fish_add_path \"$HOME/.local/bin\"", "~/.config/fish/config.fish");
	assert_line("/bin/sh", "/opt/my bin", "/home/me", "export PATH=\"/opt/my bin:$PATH\"",
		    "~/.profile");
	assert_line("/bin/tcsh", "/home/me/.local/bin", "/home/me",
		    "setenv PATH \"$HOME/.local/bin:$PATH\"", "~/.cshrc");
	assert_line(NULL, "/home/meg/bin", "/home/me", "export PATH=\"/home/meg/bin:$PATH\"",
		    "~/.profile");
	/* a home directory whose name needs quotes in every shell */
	assert_line("bash", "/h/$x`y/.local/bin", "/h/$x`y",
		    "export PATH=\"$HOME/.local/bin:$PATH\"", "~/.bashrc");
	assert_line("bash", "/o/it's $x", "/h", "export PATH='/o/it'\\''s $x':\"$PATH\"",
		    "~/.bashrc");
	assert_line("fish", "/o/\"x\"", "/h", "fish_add_path '/o/\"x\"'",
		    "~/.config/fish/config.fish");
	assert_line("bash", "/bin", "/", "export PATH=\"/bin:$PATH\"", "~/.bashrc");
}

/* Variables can tell zsh and fish to read their files in another directory. */
static void files_elsewhere(void **state)
{
	(void)state;
	setenv("ZDOTDIR", "/home/me/dots", 1);
	setenv("XDG_CONFIG_HOME", "/home/me/conf", 1);
	assert_line("zsh", "/home/me/b", "/home/me", "export PATH=\"$HOME/b:$PATH\"",
		    "$ZDOTDIR/.zshrc");
	assert_line("fish", "/home/me/b", "/home/me", "fish_add_path \"$HOME/b\"",
		    "$XDG_CONFIG_HOME/fish/config.fish");
	assert_line("bash", "/home/me/b", "/home/me", "export PATH=\"$HOME/b:$PATH\"", "~/.bashrc");
	unsetenv("ZDOTDIR");
	unsetenv("XDG_CONFIG_HOME");
}

/* tcsh reads ~/.cshrc only where it has no file of its own. */
static void files_of_csh(void **state)
{
	const struct place *place = *state;

	for (int i = 0; i < 2; i++) {
		assert_line("/bin/csh", "/b", place->path, "setenv PATH \"/b:$PATH\"", "~/.cshrc");
		assert_line("/bin/tcsh", "/b", place->path, "setenv PATH \"/b:$PATH\"",
			    i ? "~/.tcshrc" : "~/.cshrc");
		assert_line("/bin/ash", "/b", place->path, "export PATH=\"/b:$PATH\"",
			    "~/.profile");
		assert_int_equal(fs_replace_file(place->fd, ".tcshrc", "", 0, 0600), 0);
	}
	assert_line("/bin/csh", "/o/\"x\"", "/h", "setenv PATH '/o/\"x\"':\"$PATH\"", "~/.cshrc");
}

static void names(void **state)
{
	_cleanup_free_ char *self = fs_self_path();

	static const char *const own[] = {
		"nix-user-chroot",
		"./nix-user-chroot",
		"/usr/bin/nix-user-chroot",
		"nix-user-chroot-0.1.0-x86_64-linux",
		"-nix-user-chroot",
		"/usr/libexec/nix-user-chroot/nix-user-chroot-install",
		"",
		"/",
		"-",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_null(program_command(own[i]));
	assert_null(program_command(NULL));
	assert_string_equal(program_command("nix"), "nix");
	assert_string_equal(program_command("/home/me/.local/bin/nix-build"), "nix-build");
	assert_string_equal(program_command("../nix"), "nix");
	/* the program's own file, whatever its name is, is no command */
	assert_null(program_command(self));
	assert_null(program_command(strrchr(self, '/') + 1));
	/* a login shell's name begins with "-" */
	assert_string_equal(program_command("-nix-shell"), "nix-shell");
	/* but the name of a file may begin with "-", too */
	assert_string_equal(program_command("/bin/-x"), "-x");
	assert_string_equal(program_command("/nix-user-chroot/hello"), "hello");
}

/* The path of this test program is found, in whatever way it was called. */
static void paths(void **state)
{
	_cleanup_free_ char *self = fs_self_path(), *directory = path_parent(self);
	_cleanup_free_ char *cwd = getcwd(NULL, 0), *plain = NULL, *relative = NULL,
			    *absolute = NULL;
	_cleanup_free_ char *none = NULL, *other = NULL;
	_cleanup_free_ char *path = xasprintf("relative:/nowhere:%s", directory);
	const char *name = strrchr(self, '/') + 1;
	_cleanup_free_ char *dotted = xasprintf("./%s", name);

	(void)state;
	setenv("PATH", path, 1);
	plain = program_path(name);
	assert_string_equal(plain, self);
	absolute = program_path(self);
	assert_string_equal(absolute, self);
	assert_int_equal(chdir(directory), 0);
	relative = program_path(dotted);
	assert_string_equal(relative, self);
	assert_int_equal(chdir(cwd), 0);
	/* by that name there is another program, or nothing */
	setenv("PATH", "/bin", 1);
	other = program_path("/bin/sh");
	assert_string_equal(other, self);
	none = program_path("sh");
	assert_string_equal(none, self);
}

/*
 * If the program was called by a link, the path of the link is kept, because the link's target may
 * be removed.
 */
static void path_of_a_link(void **state)
{
	const char *tmp = env_get("TMPDIR");
	_cleanup_free_ char *directory = xasprintf("%s/test_shims.XXXXXX", tmp ? tmp : "/tmp");
	_cleanup_free_ char *self = fs_self_path(), *link = NULL, *found = NULL, *again = NULL;

	(void)state;
	assert_non_null(mkdtemp(directory));
	link = path_join(directory, "nix-user-chroot");
	assert_int_equal(symlink(self, link), 0);
	found = program_path(link);
	setenv("PATH", directory, 1);
	again = program_path("nix-user-chroot");
	assert_int_equal(fs_remove_tree(AT_FDCWD, directory), 0);
	assert_string_equal(found, link);
	assert_string_equal(again, link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_of_csh, place_setup, place_teardown),
		cmocka_unit_test(decisions),
		cmocka_unit_test(targets),
		cmocka_unit_test(lines_for_path),
		cmocka_unit_test(lines_for_the_directory),
		cmocka_unit_test(files_elsewhere),
		cmocka_unit_test(names),
		cmocka_unit_test(paths),
		cmocka_unit_test(path_of_a_link),
	};

	return cmocka_run_group_tests(tests, empty_environment, NULL);
}
