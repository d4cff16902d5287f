/* The install script's line: recognised, and taken out of text and files. */
#include "home/startup_files.h"
#include "util/sha256_stream.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../place.h"
#include "../refuse.h"

#define SH	  "/home/me/.nix-profile/etc/profile.d/nix.sh"
#define LINE	  "if [ -e " SH " ]; then . " SH "; fi # added by Nix installer"
#define FISH	  "/home/me/.nix-profile/etc/profile.d/nix.fish"
#define FISH_LINE "if test -e " FISH "; . " FISH "; end # added by Nix installer"

/* What Nix's install script appends. */
#define ADDED "\n" LINE "\n"

static void assert_cleaned(const char *text, size_t len, const char *expected, size_t expected_len)
{
	size_t out_len = 12345;
	_cleanup_free_ char *out = startup_text_without_line(text, len, &out_len);

	assert_int_equal(out_len, expected_len);
	assert_memory_equal(out, expected, expected_len + 1);
	assert_null(startup_text_line(out, out_len, &out_len));
}

static bool has_line_in(const char *text, size_t len)
{
	size_t line;

	return startup_text_line(text, len, &line);
}

#define CLEANED(text, expected) \
	assert_cleaned(text, sizeof(text) - 1, expected, sizeof(expected) - 1)

/* After the script's line is removed, the file is as it was before. */
static void what_the_script_adds(void **state)
{
	(void)state;
	CLEANED(ADDED, "");
	CLEANED("a\n" ADDED, "a\n");
	CLEANED("a" ADDED, "a");
	CLEANED("\n" ADDED, "\n");
	CLEANED("a\n\n" ADDED, "a\n\n");
	CLEANED("a\n\n\n\n" ADDED, "a\n\n\n\n");
	CLEANED("a\\" ADDED, "a\\");
	CLEANED("a\r\n" ADDED, "a\r\n");
	CLEANED("\0\377\n" ADDED, "\0\377\n");
	CLEANED("\n" FISH_LINE "\n", "");
	CLEANED(FISH_LINE "\n", "");
}

/* Lines that the user has added later stay. */
static void lines_around(void **state)
{
	(void)state;
	CLEANED("a\n" ADDED "b\n", "a\nb\n");
	CLEANED("a\n" ADDED "b", "a\nb");
	CLEANED("a\n" ADDED "\n\nb\n", "a\n\n\nb\n");
	/* two lines never become one */
	CLEANED("a\n" LINE "\nb\n", "a\nb\n");
	CLEANED(LINE "\nb\n", "b\n");
	CLEANED("\n" LINE "\nb\n", "b\n");
	CLEANED("a\n\n" LINE, "a\n");
	CLEANED(LINE, "");
	CLEANED("a\n" ADDED ADDED, "a\n");
	CLEANED("a\n" ADDED "b\n" ADDED "c\n", "a\nb\nc\n");
	CLEANED("a\n\n    " LINE "\n", "a\n");
}

static void other_lines(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"a\nb",
		"# added by Nix installer\n",
		"# added by Nix installer",
		LINE " \n",
		LINE ", and by me\n",
		"# " SH "\n. " SH "\n",
		/* lines of Nix's multi-user installer */
		"if [ -e /nix/var/nix/profiles/default/etc/profile.d/nix-daemon.sh ]; then . x; fi "
		"# added by Nix installer\n",
		"export X=1 # added by Nix installer\n",
		"# " SH "\n# added by Nix installer\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(has_line_in(texts[i], strlen(texts[i])));
		assert_cleaned(texts[i], strlen(texts[i]), texts[i], strlen(texts[i]));
	}
}

/* A line for the profile of use-xdg-base-directories is removed, too. */
static void the_other_profile(void **state)
{
	(void)state;
	CLEANED("a\n\nif [ -e /x/state/nix/profile/etc/profile.d/nix.sh ]; then . y; fi "
		"# added by Nix installer\n",
		"a\n");
}

#define CHANNEL "https://nixos.org/channels/nixpkgs-unstable nixpkgs"

/* The line of the list of channels; an empty line before it is the user's. */
static void channels(void **state)
{
	(void)state;
	CLEANED(CHANNEL "\n", "");
	CLEANED(CHANNEL, "");
	CLEANED("a\n" CHANNEL "\nb\n", "a\nb\n");
	CLEANED("a\n\n" CHANNEL "\n", "a\n\n");
	assert_false(has_line_in("https://nixos.org/channels/nixpkgs-unstable nixpkgz", 51));
	assert_false(has_line_in(CHANNEL "2", sizeof(CHANNEL)));
	assert_false(has_line_in("x" CHANNEL, sizeof(CHANNEL)));
}

/* Where the first line is, and how long. */
static void positions(void **state)
{
	static const char text[] = "a\n\nbc\n" LINE "\n" CHANNEL "\n";
	size_t len = 0;

	(void)state;
	assert_ptr_equal(startup_text_line(text, sizeof(text) - 1, &len), text + 6);
	assert_int_equal(len, strlen(LINE));
	assert_ptr_equal(startup_text_line(text + 6 + len, sizeof(text) - 7 - len, &len),
			 text + 7 + strlen(LINE));
	assert_int_equal(len, strlen(CHANNEL));
	assert_null(startup_text_line(text, 6, &len));
	assert_null(startup_text_line(text, 0, &len));
}

/* For every text: adding the script's line and removing it gives the same bytes. */
static void every_text(void **state)
{
	static const char alphabet[] = {'\n', 'a', '\0'};
	enum { LETTERS = 3, LONGEST = 7 };

	(void)state;
	for (size_t len = 0; len <= LONGEST; len++) {
		size_t texts = 1;

		for (size_t i = 0; i < len; i++)
			texts *= LETTERS;
		for (size_t n = 0; n < texts; n++) {
			char text[LONGEST + sizeof(ADDED)] = {0};
			size_t rest = n;

			for (size_t i = 0; i < len; i++, rest /= LETTERS)
				text[i] = alphabet[rest % LETTERS];
			memcpy(text + len, ADDED, sizeof(ADDED));
			rest = len + sizeof(ADDED) - 1;
			{
				_cleanup_free_ char *out =
					startup_text_without_line(text, rest, &rest);

				assert_int_equal(rest, len);
				assert_memory_equal(out, text, len);
			}
		}
	}
}

static void put(const struct place *place, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(fs_replace_file(place->fd, name, text, strlen(text), 0600), 0);
	assert_int_equal(fchmodat(place->fd, name, mode, 0), 0);
}

static void assert_file(const struct place *place, const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *found = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(fs_read_file(place->fd, name, 1 << 16, &found, &len), 0);
	assert_string_equal(found, text);
	assert_int_equal(len, strlen(text));
	assert_int_equal(fstatat(place->fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static int clean(const struct place *place, const char *name, bool remove_empty)
{
	_cleanup_free_ char *path = path_join(place->path, name);

	return startup_file_clean(path, remove_empty);
}

static int has_line(const struct place *place, const char *name)
{
	_cleanup_free_ char *path = path_join(place->path, name);

	return startup_file_has_line(path, NULL);
}

static void files(void **state)
{
	const struct place *place = *state;
	struct stat before, after;

	put(place, "usual", "a\n" ADDED, 0640);
	put(place, "closed", "a\n" ADDED, 0400);
	put(place, "empty", ADDED, 0644);
	put(place, "made", ADDED, 0644);
	put(place, "other", "a", 0600);
	assert_int_equal(has_line(place, "usual"), 1);
	assert_int_equal(has_line(place, "other"), 0);
	assert_int_equal(has_line(place, "missing"), 0);
	assert_int_equal(has_line(place, "."), 0);
	assert_int_equal(clean(place, "usual", true), 0);
	assert_int_equal(clean(place, "closed", true), 0);
	assert_int_equal(clean(place, "empty", false), 0);
	assert_int_equal(clean(place, "made", true), 0);
	/* a file without the line is not written at all */
	assert_int_equal(fstatat(place->fd, "other", &before, 0), 0);
	assert_int_equal(clean(place, "other", true), 0);
	assert_int_equal(fstatat(place->fd, "other", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(clean(place, "missing", true), 0);
	assert_file(place, "usual", "a\n", 0640);
	assert_file(place, "closed", "a\n", 0400);
	assert_file(place, "empty", "", 0644);
	assert_file(place, "other", "a", 0600);
	assert_int_equal(faccessat(place->fd, "made", F_OK, 0), -1);
	assert_int_equal(has_line(place, "usual"), 0);
}

/* The startup file is a link to a file elsewhere: the link stays, and its target is edited. */
static void links(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *target = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "dotfiles", 0755), 0);
	put(place, "dotfiles/profile", "a\n" ADDED, 0644);
	put(place, "dotfiles/zshrc", ADDED, 0644);
	assert_int_equal(symlinkat("dotfiles/profile", place->fd, "profile"), 0);
	assert_int_equal(symlinkat("dotfiles/zshrc", place->fd, "zshrc"), 0);
	assert_int_equal(symlinkat("nowhere", place->fd, "dangling"), 0);
	assert_int_equal(clean(place, "profile", false), 0);
	/* a link is not removed even if the file behind it becomes empty */
	assert_int_equal(clean(place, "zshrc", true), 0);
	assert_int_equal(has_line(place, "dangling"), 0);
	assert_int_equal(clean(place, "dangling", true), 0);
	assert_int_equal(fs_readlink(place->fd, "profile", &target), 0);
	assert_string_equal(target, "dotfiles/profile");
	assert_file(place, "dotfiles/profile", "a\n", 0644);
	assert_file(place, "dotfiles/zshrc", "", 0644);
	assert_int_equal(faccessat(place->fd, "zshrc", F_OK, AT_SYMLINK_NOFOLLOW), 0);
}

/* A killed run has left its new file: it is no obstacle. */
static void after_a_kill(void **state)
{
	const struct place *place = *state;

	put(place, "profile", "a\n" ADDED, 0644);
	put(place, "profile.nix-user-chroot-new", "half of", 0600);
	assert_int_equal(clean(place, "profile", false), 0);
	assert_file(place, "profile", "a\n", 0644);
	assert_int_equal(faccessat(place->fd, "profile.nix-user-chroot-new", F_OK, 0), -1);
}

/* Does CLEAN in a child for which fchown(2) fails by EPERM, and returns its result. */
static int clean_without_fchown(const struct place *place, const char *name)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		refuse_call(SYS_fchown, -1, EPERM);
		_exit(-clean(place, name, false));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		skip();
	return -WEXITSTATUS(status);
}

/* A file that root cleans keeps its owner, group and mode, or it is not cleaned. */
static void another_users(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
	} owners[] = {{12345, 12346}, {12345, 0}, {0, 12346}};
	const struct place *place = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		put(place, "profile", "a\n" ADDED, 0644);
		assert_int_equal(fchownat(place->fd, "profile", owners[i].uid, owners[i].gid, 0),
				 0);
		assert_int_equal(fchmodat(place->fd, "profile", 04750, 0), 0);
		assert_int_equal(clean_without_fchown(place, "profile"), -EPERM);
		assert_file(place, "profile", "a\n" ADDED, 04750);
		assert_false(fs_exists(place->fd, "profile.nix-user-chroot-new"));
		assert_int_equal(clean(place, "profile", false), 0);
		assert_file(place, "profile", "a\n", 04750);
		assert_int_equal(fstatat(place->fd, "profile", &st, 0), 0);
		assert_int_equal(st.st_uid, owners[i].uid);
		assert_int_equal(st.st_gid, owners[i].gid);
	}
}

/*
 * fish's file belongs to the user, and the script may replace it or not: afterwards it is as
 * before.
 */
static void kept(void **state)
{
	static const char written[] = "\n" FISH_LINE "\n";
	const struct place *place = *state;
	_cleanup_free_ char *path = path_join(place->path, "nix.fish");
	mode_t mask;

	/* no file; then a file with nothing but the script's line */
	assert_int_equal(startup_file_keep(path, place->fd, "copy"), 0);
	put(place, "nix.fish", written, 0644);
	assert_int_equal(startup_file_keep(path, place->fd, "copy"), 0);
	assert_int_equal(faccessat(place->fd, "copy", F_OK, 0), -1);
	assert_int_equal(startup_file_put_back(path, place->fd, "copy"), 0);
	assert_file(place, "nix.fish", written, 0644);

	put(place, "nix.fish", "# mine", 0640);
	mask = umask(0);
	assert_int_equal(startup_file_keep(path, place->fd, "copy"), 0);
	umask(mask);
	/* others may not have been meant to read it */
	assert_file(place, "copy", "# mine", 0600);
	put(place, "nix.fish", written, 0640);
	/* a run was killed: the next run begins by restoring the user's file */
	assert_int_equal(startup_file_keep(path, place->fd, "copy"), 0);
	assert_file(place, "nix.fish", "# mine", 0640);
	put(place, "nix.fish", "", 0640);
	assert_int_equal(startup_file_put_back(path, place->fd, "copy"), 0);
	assert_file(place, "nix.fish", "# mine", 0640);
	assert_int_equal(faccessat(place->fd, "copy", F_OK, 0), -1);

	/* what the user has written meanwhile is newer than the copy, and stays */
	assert_int_equal(startup_file_keep(path, place->fd, "copy"), 0);
	put(place, "nix.fish", "# newer", 0640);
	assert_int_equal(startup_file_put_back(path, place->fd, "copy"), 0);
	assert_file(place, "nix.fish", "# newer", 0640);
}

#define OWN "[ ! -r x ] || . x " STARTUP_MARK

/*
 * Our own line becomes the first line, after "#!", once; after it is removed, the file is as
 * before.
 */
static void own_line(void **state)
{
	static const char *const texts[] = {
		"",	     "x=1",	    "x=1\n",	 "\n\n",
		"#!/bin/sh", "#!/bin/sh\n", "\r\n",	 "#!/bin/sh\nx\377",
		"#! x\n\n",  ADDED,	    "x\n" ADDED,
	};
	struct place *place = *state;
	_cleanup_free_ char *path = path_join(place->path, ".bashrc");
	struct sha256 found, digest;
	mode_t mask;

	assert_int_equal(sha256_of_bytes(OWN, strlen(OWN), &digest), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bool is_second = str_starts_with(texts[i], "#!") && strchr(texts[i], '\n');
		size_t first = is_second ? (size_t)(strchr(texts[i], '\n') - texts[i]) + 1 : 0;
		_cleanup_free_ char *expected =
			xasprintf("%.*s" OWN "\n%s", (int)first, texts[i], texts[i] + first);

		put(place, ".bashrc", texts[i], 0640);
		assert_int_equal(startup_file_has_own_line(path, &found), 0);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(startup_file_put_text(path, OWN), 0);
			assert_file(place, ".bashrc", expected, 0640);
		}
		assert_int_equal(startup_file_has_own_line(path, &found), 1);
		assert_true(sha256_equal(&found, &digest));
		assert_int_equal(startup_file_clean_own(path, false), 0);
		assert_file(place, ".bashrc", texts[i], 0640);
	}
	put(place, ".bashrc", "", 0444);
	assert_int_equal(startup_file_can_change(path), -EACCES);
	assert_int_equal(startup_file_put_text(path, OWN), -EACCES);
	assert_int_equal(unlinkat(place->fd, ".bashrc", 0), 0);
	mask = umask(022);
	assert_int_equal(startup_file_put_text(path, OWN), 0);
	assert_file(place, ".bashrc", OWN "\n", 0644);
	umask(mask);
	assert_int_equal(startup_file_clean_own(path, true), 0);
	assert_int_equal(faccessat(place->fd, ".bashrc", F_OK, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_script_adds),
		cmocka_unit_test(lines_around),
		cmocka_unit_test(other_lines),
		cmocka_unit_test(the_other_profile),
		cmocka_unit_test(channels),
		cmocka_unit_test(positions),
		cmocka_unit_test(every_text),
		cmocka_unit_test_setup_teardown(files, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(links, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(after_a_kill, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(another_users, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(kept, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(own_line, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
