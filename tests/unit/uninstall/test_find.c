/* What --uninstall finds in the Nix directory, and by the record. */
#include "uninstall/find.h"
#include "home/startup_files.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "scene.h"

#define NIX_LINE                                                  \
	"if [ -e /h/.nix-profile/etc/profile.d/nix.sh ]; then . " \
	"/h/.nix-profile/etc/profile.d/nix.sh; fi # added by Nix installer"
#define OWN_LINE     "export PATH=x " STARTUP_MARK
#define CHANNEL_LINE "https://nixos.org/channels/nixpkgs-unstable nixpkgs"

/* What --install and Nix make in the Nix directory. */
static void put_nix(const struct scene *scene)
{
	put_directory(scene, "@/store/.links");
	put(scene, "@/store/" OTHER_NAME, "");
	put(scene, "@/var/nix/db/db.sqlite", "");
	put(scene, "@/var/log/nix/drvs/x", "");
	put_directory(scene, "@/var/nix-user-chroot/staging");
	put(scene, "@/var/nix-user-chroot/record", "");
	put(scene, "@/var/nix-user-chroot/lock", "");
	put(scene, "@/etc/nix/nix.conf", "sandbox = true\n");
}

static void all_that_an_installation_makes(void **state)
{
	struct scene *scene = *state;
	static const char *const ours[] = {
		"@/var/nix-user-chroot/install.log",  "@/var/nix-user-chroot/record.new",
		"@/var/nix-user-chroot/nix.fish",     "@/var/nix-user-chroot/nix.fish.new",
		"@/var/nix-user-chroot/proot",	      "@/var/nix-user-chroot/proot.new",
		"@/var/nix-user-chroot/a.part",	      "@/var/nix-user-chroot/a.part.state",
		"@/var/nix-user-chroot/theirs.parts",
	};
	static const char *const expected[] = {
		"tree  below store: @/store (2 store paths)",
		"tree  below var/nix: @/var/nix",
		"tree  below var/log/nix: @/var/log/nix",
		"file  below etc/nix/nix.conf: @/etc/nix/nix.conf",
		"file  below var/nix-user-chroot/install.log",
		"file  below var/nix-user-chroot/record.new",
		"file  below var/nix-user-chroot/nix.fish",
		"file  below var/nix-user-chroot/nix.fish.new",
		"file  below var/nix-user-chroot/proot",
		"file  below var/nix-user-chroot/proot.new",
		"file  below var/nix-user-chroot/a.part",
		"file  below var/nix-user-chroot/a.part.state",
		"left @/var/nix-user-chroot/theirs.parts",
		"made @/var/nix-user-chroot",
		"made @/var/log/nix",
		"made @/var/nix",
		"made @/store",
		"made @/etc/nix",
		"made @",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_nix(scene);
	put(scene, "@/etc/nix/nix.conf.new", "");
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		put(scene, ours[i], "");
	put_record(scene, "dir @\ndir @/var/nix-user-chroot\nabsent @/store\nabsent @/var/nix\n"
			  "dir @/etc/nix\nabsent @/var/log/nix\nforeign @/no\n"
			  "file @/etc/nix/nix.conf <<sandbox = true\n>>\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
	/* the deepest first, and what is longer is deeper */
	assert_true(where(&lines, "made @/etc/nix") < where(&lines, "made @"));
	assert_true(where(&lines, "made @/var/nix-user-chroot") < where(&lines, "made @/var/nix"));
	assert_true(where(&lines, "made @/var/nix") < where(&lines, "made @/store") ||
		    where(&lines, "made @/store") < where(&lines, "made @"));
}

static void what_others_have_in_it_stays(void **state)
{
	struct scene *scene = *state;
	static const char *const theirs[] = {
		"@/mine",     "@/var/mine",	"@/var/log/mine",
		"@/etc/mine", "@/etc/nix/mine", "@/var/nix-user-chroot/mine",
	};
	static const char *const expected[] = {
		"left @/mine",
		"left @/var/mine",
		"left @/var/log/mine",
		"left @/etc/mine",
		"left @/etc/nix/mine",
		"left @/var/nix-user-chroot/mine",
		"left @/etc/nix/nix.conf",
		"left @/store (was there before, or it is not known whose it is)",
		"left @/var/nix (was there before, or it is not known whose it is)",
		"left @/var/log/nix (was there before, or it is not known whose it is)",
		NULL,
	};
	static const char *const forced[] = {
		"left @/mine",
		"left @/var/mine",
		"left @/var/log/mine",
		"left @/etc/mine",
		"left @/etc/nix/mine",
		"left @/var/nix-user-chroot/mine",
		"left @/etc/nix/nix.conf",
		"tree  below store: @/store (2 store paths)",
		"tree  below var/nix: @/var/nix",
		"tree  below var/log/nix: @/var/log/nix",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0}, more = {0};

	put_nix(scene);
	put(scene, "@/etc/nix/nix.conf.new", "");
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		put(scene, theirs[i], "");
	put_record(scene, "foreign @/store\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
	find_lines_of(scene, true, true, &more);
	assert_lines(&more, forced);
}

/* Without a record nothing tells what --install made: what it usually makes goes if it is empty. */
static void without_a_record(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"left @/etc/nix/nix.conf",
		"made @/var/nix-user-chroot",
		"made @/var/log",
		"made @/etc/nix",
		"made @/etc",
		"made @/var",
		"file ~/.local/bin/nix: ~/.local/bin: the links nix nix-store",
		"file ~/.local/bin/nix-store",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put(scene, "@/etc/nix/nix.conf", "");
	put_link(scene, "~/.local/bin/nix", "/opt/nix-user-chroot");
	put_link(scene, "~/.local/bin/nix-store", "/opt/nix-user-chroot-1.0-x86_64-linux");
	/* not ours, and not said to be */
	put_link(scene, "~/.local/bin/nix-env", "/opt/nix-env");
	put(scene, "~/.local/bin/nix-shell", "");
	find_lines_of(scene, false, true, &lines);
	assert_lines(&lines, expected);
}

static void links_in_the_nix_directory_are_the_users(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"left @/store (a link)",
		"left @/var/nix (a link)",
		"left @/var/log/nix (a link)",
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	unput(scene, "@/store");
	put(scene, "~/elsewhere/nix/db", "");
	put_link(scene, "@/store", "~/elsewhere");
	put_link(scene, "@/var/nix", "~/elsewhere/nix");
	put_link(scene, "@/var/log", "~/elsewhere");
	put_record(scene, "absent @/store\nabsent @/var/nix\nabsent @/var/log/nix\n");
	find_lines_of(scene, true, true, &lines);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		where(&lines, expected[i]);
	for (size_t i = 0; i < lines.count; i++)
		assert_false(str_starts_with(lines.items[i], "tree  below store") ||
			     str_starts_with(lines.items[i], "tree  below var/nix:") ||
			     str_starts_with(lines.items[i], "tree  below var/log"));
}

static void set_mode(const struct scene *scene, const char *name, mode_t mode)
{
	_cleanup_free_ char *path = expanded(scene, name);

	assert_int_equal(chmod(path, mode), 0);
}

/* They are told as any other; whoever removes them says what fails. */
static void trees_that_cannot_be_read(void **state)
{
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put_directory(scene, "@/var/nix");
	put_directory(scene, "@/var/log/nix");
	set_mode(scene, "@/var/nix", 0);
	set_mode(scene, "@/var/log/nix", 0);
	put_record(scene, "absent @/var/nix\n");
	find_lines_of(scene, true, false, &lines);
	set_mode(scene, "@/var/nix", 0755);
	set_mode(scene, "@/var/log/nix", 0755);
	where(&lines, "tree  below var/nix: @/var/nix");
	where(&lines, "left @/var/log/nix (was there before, or it is not known whose it is)");
}

static void links_of_the_record(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"file ~/.local/bin/nix: ~/.local/bin: the links nix nix-env nix-build nix-shell",
		"file ~/.local/bin/nix-env",
		"file ~/.local/bin/nix-build",
		"file ~/.local/bin/nix-shell",
		"left ~/.local/bin/nix-hash (not ours any more)",
		"left ~/.local/bin/nix-store (not ours any more)",
		"made @/store",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};
	_cleanup_free_ char *self = fs_self_path();

	put_link(scene, "~/.local/bin/nix", "~/.local/bin/prog");
	put_link(scene, "~/.local/bin/nix-env", "/opt/nix-user-chroot");
	put_link(scene, "~/.local/bin/nix-build", "/opt/prog");
	put_link(scene, "~/.local/bin/nix-shell", self);
	put_link(scene, "~/.local/bin/nix-hash", "/opt/nix-hash");
	put(scene, "~/.local/bin/nix-store", "");
	put(scene, "~/file", "");
	put_record(scene, "absent @/store\n"
			  "link ~/.local/bin/nix ~/.local/bin/prog\n"
			  "link ~/.local/bin/nix ~/.local/bin/prog2\n"
			  "link ~/.local/bin/nix-env ~/.local/bin/prog\n"
			  "link ~/.local/bin/nix-build /opt/prog\n"
			  "link ~/.local/bin/nix-shell /opt/prog\n"
			  "link ~/.local/bin/nix-hash /opt/prog\n"
			  "link ~/.local/bin/nix-store /opt/prog\n"
			  "link ~/.local/bin/nix-daemon /opt/prog\n"
			  "link ~/file/nix-collect-garbage /opt/prog\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
}

static void files_of_the_record(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"last file ~/.local/bin/nix-user-chroot: ~/.local/bin/nix-user-chroot",
		"file ~/.config/fish/conf.d/nix-user-chroot.fish: "
		"~/.config/fish/conf.d/nix-user-chroot.fish",
		"left ~/.config/nix-user-chroot/path.sh (edited since)",
		"left @/etc/nix/nix.conf (edited since)",
		"left ~/.local/share/man/man1/nix-user-chroot.1 (edited since)",
		"made @/store",
		NULL,
	};
	static const char *const other_program =
		"left ~/.local/bin/nix-user-chroot (another program than --install put there)";
	_cleanup_(strlist_clear) struct strlist lines = {0}, later = {0};

	put(scene, "~/.local/bin/nix-user-chroot", "second");
	put(scene, "~/.config/fish/conf.d/nix-user-chroot.fish", "fish");
	put(scene, "~/.config/nix-user-chroot/path.sh", "path, edited");
	put(scene, "@/etc/nix/nix.conf", "edited");
	/* a link in the place of a file, even to the same text */
	put(scene, "~/man", "man");
	put_link(scene, "~/.local/share/man/man1/nix-user-chroot.1", "~/man");
	put_record(scene, "absent @/store\n"
			  "file ~/.local/bin/nix-user-chroot <<first>>\n"
			  "file ~/.local/bin/nix-user-chroot <<second>>\n"
			  "file ~/.config/fish/conf.d/nix-user-chroot.fish <<fish>>\n"
			  "file ~/.config/nix-user-chroot/path.sh <<path>>\n"
			  "file @/etc/nix/nix.conf <<nix>>\n"
			  "file ~/.local/share/man/man1/nix-user-chroot.1 <<man>>\n"
			  "file ~/.local/share/gone <<gone>>\n"
			  "file ~/man/gone <<gone>>\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
	put(scene, "~/.local/bin/nix-user-chroot", "third");
	find_lines_of(scene, true, false, &later);
	where(&later, other_program);
}

static void lines_of_startup_files(void **state)
{
	struct scene *scene = *state;
	static const char *const expected[] = {
		"tree  below store: @/store (1 store path)",
		"line ~/.profile: ~/.profile: the line of the Nix installer",
		"line-file ~/.zshenv: ~/.zshenv: the line of the Nix installer",
		"line ~/.zshrc: ~/.zshrc: the line of the Nix installer",
		"left ~/.zlogin (a line of a Nix installer that is not ours)",
		"left ~/.bash_login (a line of a Nix installer that is not ours)",
		"own-line ~/.bashrc: ~/.bashrc: the line for PATH",
		"own-line-file ~/.zprofile: ~/.zprofile: the line for PATH",
		"left ~/.bash_profile (our line, which was edited)",
		"line ~/.nix-channels: ~/.nix-channels: the channel nixpkgs",
		"left ~/.nix-channels (was there before)",
		"made ~/.zprofile",
		"made ~/.zshenv",
		"made @/store",
		NULL,
	};
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put(scene, "~/.profile", "mine\n\n" NIX_LINE "\n");
	put(scene, "~/.zshenv", "\n" NIX_LINE "\n");
	put(scene, "~/.zshrc", NIX_LINE);
	put(scene, "~/.zlogin", NIX_LINE "\n");
	put(scene, "~/.bash_login", NIX_LINE "\n");
	put(scene, "~/.bashrc", OWN_LINE "\nmine\n");
	put(scene, "~/.zprofile", OWN_LINE "\n");
	put(scene, "~/.bash_profile", "edited " OWN_LINE "\n");
	put(scene, "~/.nix-channels", "https://example.org/c own\n" CHANNEL_LINE "\n");
	put_record(scene, "source ~/.bashrc <<" OWN_LINE ">>\n"
			  "absent @/store\nabsent ~/.zshenv\nabsent ~/.zprofile\n"
			  "line ~/.profile <<" NIX_LINE ">>\n"
			  "line ~/.zshenv <<" NIX_LINE ">>\n"
			  "line ~/.zshrc\n"
			  "line ~/.zlogin <<" NIX_LINE " >>\n"
			  "source ~/.zprofile <<" OWN_LINE ">>\n"
			  "source ~/.bash_profile <<" OWN_LINE ">>\n"
			  "source ~/.gone <<" OWN_LINE ">>\n"
			  "line ~/.nix-channels <<" CHANNEL_LINE ">>\n");
	find_lines_of(scene, true, false, &lines);
	assert_lines(&lines, expected);
}

/* Each reason for which a line in a list of channels is not ours alone. */
static void channel_lines_that_stay(void **state)
{
	struct scene *scene = *state;
	static const char *const records[] = {
		"absent @/store\n",
		"absent @/store\nabsent ~/.nix-channels\nline ~/.nix-channels <<" CHANNEL_LINE
		">>\n",
		"absent @/store\nline ~/.nix-channels <<other>>\n",
		"absent @/store\nsource ~/.nix-channels <<" CHANNEL_LINE ">>\n",
	};

	put(scene, "~/.nix-channels", CHANNEL_LINE "\n");
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		_cleanup_(strlist_clear) struct strlist lines = {0};

		put_record(scene, records[i]);
		find_lines_of(scene, true, false, &lines);
		for (size_t j = 0; j < lines.count; j++)
			assert_false(str_starts_with(lines.items[j], "line "));
	}
}

/* Each file is looked at: the first of the startup files, and the second list of channels. */
static void each_file(void **state)
{
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0};

	put(scene, "~/.bash_profile", "mine\n" NIX_LINE "\n");
	put(scene, "~/.config/fish/conf.d/nix.fish", NIX_LINE "\n");
	put(scene, "~/.nix-channels", "https://example.org/c own\n");
	put(scene, "~/.local/state/nix/channels", "https://example.org/c own\n" CHANNEL_LINE "\n");
	/* lines without a digest: the run ended before it looked */
	put_record(scene, "line ~/.bash_profile\nline ~/.config/fish/conf.d/nix.fish\n"
			  "line ~/.nix-channels\nline ~/.local/state/nix/channels\n");
	find_lines_of(scene, true, false, &lines);
	where(&lines, "line ~/.bash_profile: ~/.bash_profile: the line of the Nix installer");
	where(&lines, "line ~/.config/fish/conf.d/nix.fish: ~/.config/fish/conf.d/nix.fish: "
		      "the line of the Nix installer");
	where(&lines, "line ~/.local/state/nix/channels: ~/.local/state/nix/channels: "
		      "the channel nixpkgs");
	where(&lines, "left ~/.local/state/nix/channels (was there before)");
	assert_false(strlist_has(&lines, "line ~/.nix-channels: ~/.nix-channels: "
					 "the channel nixpkgs"));
}

/* Without a record, the line is ours if there is no other Nix. */
static void lines_without_a_record(void **state)
{
	struct scene *scene = *state;
	_cleanup_(strlist_clear) struct strlist lines = {0}, other = {0};

	put(scene, "~/.profile", NIX_LINE "\n");
	put(scene, "~/.nix-channels", CHANNEL_LINE "\n");
	find_lines_of(scene, false, true, &lines);
	where(&lines, "line ~/.profile: ~/.profile: the line of the Nix installer");
	put_link(scene, "~/.nix-profile", "~/other");
	find_lines_of(scene, false, true, &other);
	where(&other, "left ~/.profile (a line of a Nix installer that is not ours)");
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(all_that_an_installation_makes),
		WITH_SCENE(what_others_have_in_it_stays),
		WITH_SCENE(without_a_record),
		WITH_SCENE(links_in_the_nix_directory_are_the_users),
		WITH_SCENE(trees_that_cannot_be_read),
		WITH_SCENE(links_of_the_record),
		WITH_SCENE(files_of_the_record),
		WITH_SCENE(lines_of_startup_files),
		WITH_SCENE(channel_lines_that_stay),
		WITH_SCENE(each_file),
		WITH_SCENE(lines_without_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
