/*
 * The file that puts the commands on PATH, and the startup files that read it. Programs named like
 * a shell stand in for it: $SHELL may be any.
 */
#include "home/path_files.h"
#include "home/startup_files.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "scene.h"

#define ANSWER "eval \"$2\""

/* Checks the names, below HOME and separated by blanks, of the files that get the line. */
static void assert_files(const struct scene *scene, const struct path_plan *plan, const char *names)
{
	_cleanup_free_ char *found = xstrdup("");

	for (size_t i = 0; i < plan->files.count; i++) {
		char *longer;

		assert_true(path_is_within(plan->files.items[i], scene->place->path));
		longer = xasprintf("%s%s%s", found, i ? " " : "",
				   plan->files.items[i] + strlen(scene->place->path) + 1);
		free(found);
		found = longer;
	}
	assert_string_equal(found, names);
}

/* Checks which files get the line. */
static void assert_look(const struct scene *scene, const char *names)
{
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	const struct strlist none = {0};

	path_look(&scene->home, scene->bin, &none, &plan);
	assert_files(scene, &plan, names);
	assert_int_equal(plan.refused.count, 0);
	assert_int_equal(plan.sh.path != NULL, *names != '\0');
	assert_int_equal(path_has_work(&plan), *names != '\0' || plan.fish.path);
}

/* Names a program as the user's shell: one that runs BODY. */
static void use_shell(const struct scene *scene, const char *name, const char *body)
{
	_cleanup_free_ char *shell = place_script(scene->place, name, body);

	setenv("SHELL", shell, 1);
}

static bool is_installed(const char *name)
{
	static const char *const places[] = {"/bin", "/usr/bin", "/usr/local/bin"};

	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *path = path_join(places[i], name);

		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void texts(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0}, odd = {0};
	_cleanup_free_ char *sh = path_join(scene->place->path, ".config/nix-user-chroot/path.sh");
	_cleanup_free_ char *fish =
		path_join(scene->place->path, ".config/fish/conf.d/nix-user-chroot.fish");

	path_plan_for(&scene->home, scene->bin, &plan);
	assert_string_equal(plan.sh.path, sh);
	assert_string_equal(plan.fish.path, fish);
	assert_string_equal(plan.sh.text,
			    "# Written by nix-user-chroot --install; its --uninstall removes it.\n"
			    "case \":${PATH-}:\" in\n*:\"$HOME/.local/bin\":*) ;;\n"
			    "*) export PATH=\"$HOME/.local/bin\"\"${PATH:+:$PATH}\" ;;\nesac\n");
	assert_string_equal(
		plan.fish.text,
		"# Written by nix-user-chroot --install; its --uninstall removes it.\n"
		"contains -- \"$HOME/.local/bin\" $PATH; or set -gx PATH \"$HOME/.local/bin\" "
		"$PATH\n");
	assert_string_equal(plan.line, "[ ! -r \"$HOME/.config/nix-user-chroot/path.sh\" ] || . "
				       "\"$HOME/.config/nix-user-chroot/path.sh\" " STARTUP_MARK);
	path_plan_for(&scene->home, "/o/it's $x", &odd);
	assert_non_null(strstr(odd.sh.text, "export PATH='/o/it'\\''s $x'\"${PATH:+:$PATH}\""));
}

static void names(void **state)
{
	static const char *const yes[] = {
		".bash_profile", ".bash_login", ".profile", ".bashrc", ".zshenv",  ".zprofile",
		".zshrc",	 ".zlogin",	".kshrc",   ".mkshrc", "z/.zshrc", "a/b/.zshenv"};
	static const char *const no[] = {
		".bashrc2",	"bashrc",     ".config",  ".ssh/authorized_keys",
		"x/../.bashrc", "../.bashrc", ".bashrc/x"};
	struct scene *scene = *state;
	_cleanup_free_ char *link = xasprintf("%s.link", scene->place->path), *by_link = NULL;

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		_cleanup_free_ char *path = path_join(scene->place->path, yes[i]);

		assert_true(path_is_startup_file(&scene->home, path));
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		_cleanup_free_ char *path = path_join(scene->place->path, no[i]);

		assert_false(path_is_startup_file(&scene->home, path));
	}
	assert_false(path_is_startup_file(&scene->home, "/.bashrc"));
	assert_false(path_is_startup_file(&scene->home, "/elsewhere/.zshrc"));
	setenv("ZDOTDIR", "/elsewhere", 1);
	assert_true(path_is_startup_file(&scene->home, "/elsewhere/.zshrc"));
	assert_false(path_is_startup_file(&scene->home, "/elsewhere/x/.zshrc"));
	assert_false(path_is_startup_file(&scene->home, "/elsewhere/passwd"));
	/* a home directory that is named by a link, as on many clusters */
	assert_int_equal(symlink(scene->place->path, link), 0);
	by_link = path_join(link, "z/.zshrc");
	assert_true(path_is_startup_file(&scene->home, by_link));
	assert_int_equal(unlink(link), 0);
	assert_false(path_is_startup_file(&scene->home, by_link));
}

/* sh reads ~/.profile, and is everybody's. */
static void profile(void **state)
{
	const struct scene *scene = *state;

	assert_look(scene, ".profile");
	put(scene, ".profile", "PATH=$HOME/.local/bin:$PATH\n");
	assert_look(scene, "");
	/* a line that is there and does not help is not added again */
	put(scene, ".profile",
	    "[ ! -r \"$HOME/.config/nix-user-chroot/path.sh\" ] || . "
	    "\"$HOME/.config/nix-user-chroot/path.sh\" " STARTUP_MARK "\nPATH=/bin\n");
	assert_look(scene, "");
	/* what hangs or ends the shell lacks it */
	put(scene, ".profile", "exit\n");
	assert_look(scene, ".profile");
}

static void colon(void **state)
{
	static const char *const names[] = {"/a:b", "/a\nb"};
	const struct scene *scene = *state;
	const struct strlist none = {0};

	for (size_t i = 0; i < 2; i++) {
		_cleanup_(path_plan_clear) struct path_plan plan = {0};

		path_look(&scene->home, names[i], &none, &plan);
		assert_false(path_has_work(&plan));
	}
}

/* bash as a login shell reads the first of three files, and else ~/.bashrc. */
static void bash(void **state)
{
	const struct scene *scene = *state;

	if (!is_installed("bash"))
		skip();
	put(scene, ".bashrc", "");
	assert_look(scene, ".profile .bashrc");
	put(scene, ".bash_login", "");
	assert_look(scene, ".profile .bash_login .bashrc");
	put(scene, ".bash_profile", "");
	assert_look(scene, ".profile .bash_profile .bashrc");
	put(scene, ".bashrc", "PATH=$HOME/.local/bin:$PATH\n");
	assert_look(scene, ".profile .bash_profile");
	put(scene, ".bash_profile", ". ~/.bashrc\n");
	put(scene, ".profile", ". ~/.bashrc\n");
	assert_look(scene, "");
}

/* Each of bash's files but ~/.profile alone tells that the user has bash. */
static void signs_of_bash(void **state)
{
	static const char *const signs[] = {".bash_profile", ".bash_login", ".bashrc"};
	const struct scene *scene = *state;

	if (!is_installed("bash"))
		skip();
	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *wanted = i == 2 ? xstrdup(".profile .bashrc")
						     : xasprintf(".profile %s .bashrc", signs[i]);

		put(scene, signs[i], "");
		assert_look(scene, wanted);
		assert_int_equal(unlinkat(scene->place->fd, signs[i], 0), 0);
	}
	/* one that cannot be read is passed over by bash, too */
	put(scene, ".bash_profile", "");
	put(scene, ".bash_login", "");
	if (geteuid() != 0) {
		assert_int_equal(fchmodat(scene->place->fd, ".bash_profile", 0200, 0), 0);
		assert_look(scene, ".profile .bash_login .bashrc");
	}
}

/* The user's own shell counts, whatever files there are; and its program is $SHELL itself. */
static void own_shell(void **state)
{
	static const char *const shells[][2] = {
		{"ksh", ".profile .kshrc"},  {"mksh", ".profile .mkshrc"},
		{"zsh", ".profile .zshenv"}, {"bash", ".profile .bashrc"},
		{"tcsh", ".profile"},
	};
	const struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		use_shell(scene, shells[i][0], ANSWER);
		assert_look(scene, shells[i][1]);
		use_shell(scene, shells[i][0], "PATH=$HOME/.local/bin; " ANSWER);
		assert_look(scene, ".profile");
	}
	/* a program of that name that cannot be run is not started, so it lacks nothing */
	assert_int_equal(fchmodat(scene->place->fd, "ksh", 0644, 0), 0);
	use_shell(scene, "ksh", ANSWER);
	assert_int_equal(fchmodat(scene->place->fd, "ksh", 0644, 0), 0);
	assert_look(scene, is_installed("ksh") ? ".profile .kshrc" : ".profile");
}

/* fish has a file of its own, and no startup file of the user's gets a line for it. */
static void fish(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan lacking = {0}, well = {0};
	const struct strlist none = {0};

	put(scene, ".profile", "PATH=$HOME/.local/bin\n");
	use_shell(scene, "fish", ANSWER);
	path_look(&scene->home, scene->bin, &none, &lacking);
	assert_files(scene, &lacking, "");
	assert_null(lacking.sh.path);
	assert_string_equal(lacking.fish.path, scene->home.fish_path);
	assert_false(lacking.fish.stays);
	assert_true(path_has_work(&lacking));
	use_shell(scene, "fish", "PATH=$HOME/.local/bin; " ANSWER);
	path_look(&scene->home, scene->bin, &none, &well);
	assert_null(well.fish.path);
	assert_false(path_has_work(&well));
}

static void sign_of_fish(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	const struct strlist none = {0};

	if (!is_installed("fish"))
		skip();
	put(scene, ".config/fish/config.fish", "");
	path_look(&scene->home, scene->bin, &none, &plan);
	assert_non_null(plan.fish.path);
}

/* zsh has its files in ZDOTDIR, unless there is a ~/.zshenv, which may set it anew. */
static void zdotdir(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *directory = path_join(scene->place->path, "z"), *said = NULL;

	use_shell(scene, "zsh", "echo \"${ZDOTDIR-none}\" >\"$HOME/said\"; " ANSWER);
	assert_int_equal(mkdir(directory, 0755), 0);
	setenv("ZDOTDIR", directory, 1);
	assert_look(scene, ".profile z/.zshenv");
	said = get(scene, "said");
	assert_true(str_starts_with(said, directory));
	setenv("ZDOTDIR", "z", 1);
	assert_look(scene, ".profile .zshenv");
	/* the same directory as without the variable: it is not set for the shell */
	setenv("ZDOTDIR", scene->place->path, 1);
	assert_look(scene, ".profile .zshenv");
	free(said);
	said = get(scene, "said");
	assert_string_equal(said, "none\n");
	put(scene, ".zshenv", "");
	setenv("ZDOTDIR", directory, 1);
	assert_look(scene, ".profile .zshenv");
}

static void signs_of_zsh(void **state)
{
	static const char *const signs[] = {".zshenv", ".zprofile", ".zshrc", ".zlogin"};
	const struct scene *scene = *state;

	if (!is_installed("zsh"))
		skip();
	for (size_t i = 0; i < 4; i++) {
		put(scene, signs[i], "");
		assert_look(scene, ".profile .zshenv");
		assert_int_equal(unlinkat(scene->place->fd, signs[i], 0), 0);
	}
	assert_look(scene, ".profile");
}

/* A startup file that cannot have the line is named, with the reason. */
static void read_only(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_free_ char *wanted =
		xasprintf("%s/.profile: Permission denied", scene->place->path);
	const struct strlist none = {0};

	put(scene, ".profile", "");
	assert_int_equal(fchmodat(scene->place->fd, ".profile", 0444, 0), 0);
	path_look(&scene->home, scene->bin, &none, &plan);
	assert_int_equal(plan.files.count, 0);
	assert_int_equal(plan.refused.count, 1);
	assert_string_equal(plan.refused.items[0], wanted);
	/* the line for the user to add reads the file, so that is written */
	assert_non_null(plan.sh.path);
}

/* SHELL that is relative, or names no program, only says which shell it is. */
static void shells_elsewhere(void **state)
{
	static const char *const shells[] = {"bash", "/nonexistent/bash"};
	const struct scene *scene = *state;
	const struct strlist none = {0};
	_cleanup_free_ char *line = xasprintf("PATH=%s:$PATH\n", scene->bin);
	_cleanup_free_ char *rc = path_join(scene->place->path, ".bashrc");

	if (access("/bin/bash", X_OK) < 0)
		skip();
	put(scene, ".bashrc", line);
	put(scene, "bash", "#!/bin/sh\n");
	assert_int_equal(fchmodat(scene->place->fd, "bash", 0755, 0), 0);
	assert_int_equal(fchdir(scene->place->fd), 0);
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		_cleanup_(path_plan_clear) struct path_plan plan = {0};

		setenv("SHELL", shells[i], 1);
		path_look(&scene->home, scene->bin, &none, &plan);
		assert_false(strlist_has(&plan.files, rc));
	}
	assert_int_equal(chdir("/"), 0);
}

/* What has the place of our file stays, unless it is ours. */
static void foreign_files(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(path_plan_clear) struct path_plan fresh = {0};
	static const char old[] = "# an older one of ours\n";
	struct strlist ours = {0};
	struct sha256 digest;
	char hex[SHA256_HEX_LEN + 1];

	path_plan_for(&scene->home, scene->bin, &fresh);
	assert_int_equal(sha256_of_bytes(old, strlen(old), &digest), 0);
	sha256_format(&digest, hex);
	strlist_add(&ours, hex);
	use_shell(scene, "fish", ANSWER);
	for (int what = 0; what < 6; what++) {
		/* of sh, and of fish */
		static const bool stays[][2] = {{false, false}, {true, true},  {false, false},
						{false, false}, {false, true}, {true, true}};
		_cleanup_(path_plan_clear) struct path_plan plan = {0};
		const struct path_file *files[] = {&fresh.sh, &fresh.fish};

		for (size_t i = 0; i < 2; i++) {
			const char *text = what == 1		    ? "# another's\n"
					   : what == 2 || what == 4 ? old
								    : files[i]->text;

			unlink(files[i]->path);
			if (what == 4 && i == 1)
				assert_int_equal(symlink(fresh.sh.path, files[i]->path), 0);
			else if (what > 0 && what < 5)
				assert_int_equal(
					fs_put_file(files[i]->path, text, strlen(text), 0644), 0);
			else if (what == 5)
				assert_int_equal(fs_mkdirs(AT_FDCWD, files[i]->path, 0755), 0);
		}
		path_look(&scene->home, scene->bin, &ours, &plan);
		assert_int_equal(plan.sh.stays, stays[what][0]);
		assert_int_equal(plan.fish.stays, stays[what][1]);
	}
	strlist_clear(&ours);
}

static const char *look_without_shells(void *ctx)
{
	const struct scene *scene = ctx;
	const struct strlist none = {0};
	struct path_plan plan;

	/* /bin may lead into /usr */
	if (!filter_unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
	    mount("t", "/bin", "tmpfs", 0, NULL) < 0 || mount("t", "/usr", "tmpfs", 0, NULL) < 0)
		return "the shells are there still";
	path_look(&scene->home, scene->bin, &none, &plan);
	if (path_has_work(&plan))
		return "a shell that is not there lacks something";
	return child_has_stdin() ? NULL : "stdin was closed";
}

/* Shells that are not installed are not started, and lack nothing. */
static void no_shells(void **state)
{
	if (!filter_host_allows_all())
		skip();
	assert_in_child(look_without_shells, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(texts),
		scene_test(names),
		scene_test(profile),
		scene_test(colon),
		scene_test(bash),
		scene_test(signs_of_bash),
		scene_test(own_shell),
		scene_test(fish),
		scene_test(sign_of_fish),
		scene_test(zdotdir),
		scene_test(signs_of_zsh),
		scene_test(read_only),
		scene_test(shells_elsewhere),
		scene_test(foreign_files),
		scene_test(no_shells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
