/* The words of --dry-run. */
#include "install/dry_run.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "at_home.h"

#define NIX_LINE                                                  \
	"if [ -e /h/.nix-profile/etc/profile.d/nix.sh ]; then . " \
	"/h/.nix-profile/etc/profile.d/nix.sh; fi # added by Nix installer\n"

/* An installation for a home directory with nothing in it. */
struct scene {
	struct place *place;
	struct site site;
	struct release release;
	struct install_request request;
	struct self_plan self;
};

static char version[] = "2.26.3", host_system[] = "x86_64-linux", from[] = "the file beside it";
static char tarball_url[] = "https://example.org/t.tar.xz", tarball_name[] = "t.tar.xz";
static char bin[] = "/bin-dir", program[] = "/bin-dir/prog", copied[] = "/from/prog";

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));

	scene->place = at_home(&scene->site, "nix");
	if (!scene->place)
		return -1;
	scene->release.version = version;
	scene->release.system = host_system;
	scene->release.tarball_shown = tarball_url;
	scene->release.tarball_name = tarball_name;
	scene->release.sha256_source = from;
	scene->self.bin = bin;
	scene->self.program = program;
	scene->self.source = copied;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	home_clear(&scene->site.home);
	free(scene->site.nix_dir);
	free(scene);
	return r;
}

static void put(const struct scene *scene, const char *name, const char *text)
{
	_cleanup_free_ char *path = path_join(scene->place->path, name);
	_cleanup_free_ char *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

/* What is printed, with "~" for the home directory and "FREE" for the room; the caller frees. */
static char *printed(const struct scene *scene, const struct self_plan *self)
{
	_cleanup_free_ char *text = NULL;
	const char *root = scene->place->path;
	char *out = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	dry_run_print(&scene->request, &scene->site, &scene->release, self, f);
	fclose(f);
	f = xopen_memstream(&out, &len);
	for (const char *at = text; *at;) {
		const char *room = str_starts_with(at, "; ") ? strstr(at, " are free)") : NULL;

		if (str_starts_with(at, root)) {
			fputc('~', f);
			at += strlen(root);
		} else if (room) {
			/* a figure and its unit */
			assert_true(room - at > 3 && room - at < 16);
			fputs("; FREE", f);
			at = room;
		} else {
			fputc(*at++, f);
		}
	}
	fclose(f);
	return out;
}

static void assert_printed(const struct scene *scene, const struct self_plan *self,
			   const char *expected)
{
	_cleanup_free_ char *text = printed(scene, self);

	assert_string_equal(text, expected);
}

/* Does LINE stand there, or, unless IS_THERE, not? */
static void assert_line(const struct scene *scene, bool is_there, const char *line)
{
	_cleanup_free_ char *text = printed(scene, &scene->self);
	_cleanup_free_ char *whole = xasprintf("\n%s\n", line);

	if (!strstr(text, whole) == is_there)
		fail_msg("%s%s in %s", is_there ? "no " : "", line, text);
}

#define BEGINNING                                                                      \
	"nix-user-chroot --install would do this, and has done nothing yet:\n"         \
	"  release        Nix 2.26.3 for x86_64-linux\n"                               \
	"  tarball        https://example.org/t.tar.xz\n"                              \
	"  SHA-256        00000000000000000000000000000000000000000000000000000000000" \
	"00000\n"                                                                      \
	"                 from the file beside it\n"                                   \
	"  Nix directory  ~/nix (new; FREE are free)\n"

#define WRITES                                                                     \
	"  writes         ~/nix/store\n"                                           \
	"                 ~/nix/var\n"                                             \
	"                 ~/nix/etc/nix/nix.conf\n"                                \
	"                 ~/.nix-profile\n"                                        \
	"                 ~/.nix-defexpr\n"                                        \
	"                 ~/.nix-channels: the channel nixpkgs\n"                  \
	"                 ~/.local/state/nix/profiles\n"                           \
	"  startup files  a line for Nix, which the Nix install script adds, in\n" \
	"                 ~/.profile, new (if the release makes one)\n"

static void a_new_installation(void **state)
{
	struct scene *scene = *state;

	scene->request.argv = (char *[]){(char[]){"nix"}, (char[]){"run"}, (char[]){"x"}, NULL};
	scene->self.copy = COPY_MAKE;
	for (size_t i = 0; i < SHIM_COUNT; i++)
		scene->self.shims[i] = i < 2 ? SHIM_MAKE : i < 3 ? SHIM_TURN : SHIM_LEAVE;
	scene->self.shims[3] = SHIM_KEEP;
	scene->self.documents.items[0] =
		(struct document){.path = (char[]){"/man"}, .action = DOCUMENT_MAKE};
	scene->self.documents.items[1] =
		(struct document){.path = (char[]){"/kept"}, .action = DOCUMENT_KEEP};
	scene->self.documents.items[DOCUMENT_COUNT - 1] =
		(struct document){.path = (char[]){"/zsh"}, .action = DOCUMENT_MAKE};
	assert_printed(
		scene, &scene->self,
		BEGINNING
		"  download       ~/nix/var/nix-user-chroot/t.tar.xz.part, until it is "
		"unpacked\n" WRITES "  copy           /from/prog -> /bin-dir/prog\n"
		"  links          in /bin-dir, to /bin-dir/prog: nix nix-build nix-channel "
		"nix-collect-garbage\n"
		"                 not made by --install, and left as it is: nix-copy-closure "
		"nix-daemon nix-env nix-hash nix-instantiate nix-prefetch-url nix-shell "
		"nix-store\n"
		"  man, shells    /man\n"
		"                 /zsh\n"
		"  PATH           a line in the startup files of shells that lack it there\n"
		"  then runs      nix run x\n");
}

static void without_links(void **state)
{
	struct scene *scene = *state;
	const struct bundle bundle = {.name = "x"};

	scene->release.bundle = &bundle;
	assert_printed(scene, NULL, BEGINNING WRITES "  links          none\n");
	/* nor a copy, where another program has its place; then no documents and no PATH either */
	scene->self.copy = COPY_LEAVE;
	scene->self.documents.items[0] =
		(struct document){.path = (char[]){"/man"}, .action = DOCUMENT_MAKE};
	assert_printed(scene, &scene->self,
		       BEGINNING WRITES "  links          /bin-dir/prog is another program, and "
					"stays: no links\n");
}

static void what_is_asked_for(void **state)
{
	struct scene *scene = *state;

	scene->self.copy = COPY_KEEP;
	scene->release.version = NULL;
	assert_int_equal(mkdir(scene->site.nix_dir, 0755), 0);
	assert_line(scene, true,
		    "  release        Nix (its name does not tell which) for x86_64-linux");
	assert_line(scene, true, "  Nix directory  ~/nix (there already; FREE are free)");
	assert_line(scene, true, "                 ~/.nix-channels: the channel nixpkgs");
	assert_line(scene, true,
		    "  PATH           a line in the startup files of shells that lack it there");
	assert_line(scene, false, "  copy           /from/prog -> /bin-dir/prog");
	assert_line(scene, false, "  links          none");
	scene->request.no_channel_add = true;
	scene->request.no_modify_profile = true;
	assert_line(scene, false, "                 ~/.nix-channels: the channel nixpkgs");
	assert_line(scene, true, "  startup files  stay as they are");
	assert_line(scene, false,
		    "  PATH           a line in the startup files of shells that lack it there");
}

/* The files that Nix's script would choose: the first of each shell that can be written. */
static void startup_files(void **state)
{
	struct scene *scene = *state;
	static const char *const absent[] = {
		"                 ~/.profile",
		"                 ~/.profile, new (if the release makes one)",
		"                 ~/.zshrc",
		"                 ~/.config/fish/conf.d/nix.fish",
	};

	put(scene, ".bash_login", "mine\n");
	put(scene, ".profile", "mine\n");
	put(scene, ".zshenv", NIX_LINE);
	put(scene, ".zshrc", "mine\n");
	assert_line(scene, true, "                 ~/.bash_login");
	assert_line(scene, true, "                 ~/.zshenv has it already");
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_line(scene, false, absent[i]);
	/* fish's, if fish is in use */
	put(scene, ".config/fish/config.fish", "");
	assert_line(scene, true, "                 ~/.config/fish/conf.d/nix.fish");
	put(scene, ".config/fish/conf.d/nix.fish", "mine\n");
	assert_line(scene, true,
		    "                 ~/.config/fish/conf.d/nix.fish is yours, and stays");
	/* the script would end where it cannot write that file */
	{
		_cleanup_free_ char *fish =
			xasprintf("%s/.config/fish/conf.d/nix.fish", scene->place->path);

		assert_int_equal(unlink(fish), 0);
		assert_int_equal(symlink("/nowhere/x", fish), 0);
	}
	assert_line(scene, true, "  startup files  stay as they are");
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(a_new_installation),
		WITH_SCENE(without_links),
		WITH_SCENE(what_is_asked_for),
		WITH_SCENE(startup_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
