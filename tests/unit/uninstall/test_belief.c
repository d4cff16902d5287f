/* What of a record is believed. */
#include "uninstall/belief.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../place.h"

#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define NIX    "/h/u/.local/share/nix"

/* Returns how many lines are left of a record with the one line TEXT. */
static size_t believed(const char *text)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(home_clear) struct home home = {0};
	_cleanup_(strlist_clear) struct strlist dropped = {0};
	_cleanup_free_ char *whole = xasprintf("nix-user-chroot-record 1\n%s\n", text);

	assert_int_equal(setenv("HOME", "/h/u", 1), 0);
	assert_int_equal(setenv("ZDOTDIR", "/etc/zdotdir", 1), 0);
	assert_int_equal(home_find(&home), 0);
	assert_int_equal(record_parse(whole, strlen(whole), &record), 0);
	belief_filter(&record, &home, NIX, &dropped);
	assert_int_equal(dropped.count, 1 - record.count);
	return record.count;
}

static void what_install_writes(void **state)
{
	static const char *const good[] = {
		"dir " NIX "/store",
		"dir " NIX "/var/nix-user-chroot",
		"dir " NIX,
		"dir /h/u/.local/share",
		"absent " NIX "/store",
		"absent " NIX "/var/log/nix",
		"absent /h/u/.nix-profile",
		"absent /h/u/.local/state/nix/profiles",
		"absent /h/u/.local/state/nix",
		"absent /h/u/.local/state/nix/profile",
		"absent /h/u/.nix-channels",
		"absent /h/u/.local/state/nix/channels",
		"absent /h/u/.nix-defexpr",
		"absent /h/u/.local/state/nix/defexpr",
		"absent /h/u/.cache/nix",
		"dir /h/u/.config/fish",
		"dir /h/u/.local/share/man/man1",
		"dir " NIX "/etc/nix",
		"dir " NIX "/etc",
		"dir " NIX "/var/nix",
		"dir " NIX "/var/log",
		"dir " NIX "/var",
		"absent /h/u/.config/nix-user-chroot",
		"absent /h/u/.bash_profile",
		"absent /h/u/.config/fish/conf.d",
		"foreign " NIX "/store",
		"link /h/u/.local/bin/nix /h/u/.local/bin/nix-user-chroot",
		"link /h/u/.local/bin/nix-store /usr/bin/nix-user-chroot",
		"file /h/u/.local/bin/nix-user-chroot " DIGEST,
		"file " NIX "/etc/nix/nix.conf " DIGEST,
		"line /h/u/.zshenv " DIGEST,
		"line /h/u/.config/fish/conf.d/nix.fish",
		"source /h/u/.bashrc " DIGEST,
		"source /h/u/dots/.zshenv " DIGEST,
		"source /etc/zdotdir/.zshenv " DIGEST,
		"absent /etc/zdotdir/.zshenv",
		"store 00000000000000000000000000000100-nix-1.0.0",
		"was /h/u/.nix-profile /nix/var/nix/profiles/x",
		"was /h/u/.local/state/nix/profile ../x",
		"was /h/u/.nix-defexpr/channels_root /x",
		"was /h/u/.nix-defexpr/channels /x",
		"was /h/u/.local/state/nix/defexpr/channels /x",
		"was /h/u/.local/state/nix/defexpr/channels_root /x",
		"line /h/u/.nix-channels",
		"line /h/u/.local/state/nix/channels",
		"file /h/u/.config/nix-user-chroot/path.sh " DIGEST,
		"file /h/u/.config/fish/conf.d/nix-user-chroot.fish " DIGEST,
		"file /h/u/.local/share/man/man1/nix-user-chroot.1 " DIGEST,
		"runtime proot",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!believed(good[i]))
			fail_msg("not believed: %s", good[i]);
}

static void what_it_never_writes(void **state)
{
	static const char *const bad[] = {
		"dir /",
		"absent /",
		"dir /etc/cron.d",
		"dir /h/u/.ssh",
		"dir " NIX "/mine",
		"dir /h/u/.local/share/nix2",
		"absent /h/u/.ssh/authorized_keys",
		"absent /h/other/.nix-profile",
		"absent " NIX "/../../../../.ssh",
		"link /usr/bin/sh /bin/busybox",
		"link /h/u/.local/bin/another /h/u/.local/bin/nix-user-chroot",
		"link /h/u/.local/bin/../../.ssh /x",
		"link /h/other/.local/bin/nix /x",
		"file /etc/shadow " DIGEST,
		"file /h/u/.ssh/id_ed25519 " DIGEST,
		"file /h/u/.local/bin/nix " DIGEST,
		"file /h/other/nix-user-chroot " DIGEST,
		"line /h/other/.zshenv " DIGEST,
		"line /etc/profile " DIGEST,
		"source /h/other/.bashrc " DIGEST,
		"source /h/u/../other/.bashrc " DIGEST,
		"source /h/u/.ssh/config " DIGEST,
		"absent /h/other/.bashrc",
		"was /h/u/.bashrc /x",
		"was /h/u/.ssh /x",
		"was /h/u/.nix-defexpr/../.ssh /x",
		"was /h/other/.nix-profile /x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (believed(bad[i]))
			fail_msg("believed: %s", bad[i]);
}

/* Each line is judged by itself, and each place is named once. */
static void many_lines(void **state)
{
	static const char text[] = "nix-user-chroot-record 1\n"
				   "dir /h/u/.ssh\n"
				   "dir " NIX "\n"
				   "dir /etc/cron.d\n"
				   "absent /h/u/.ssh\n"
				   "absent " NIX "/store\n"
				   "link /h/u/.local/bin/nix /x\n"
				   "file /h/u/.ssh/config " DIGEST "\n";
	static const char *const left[] = {NIX, NIX "/store", "/h/u/.local/bin/nix"};
	static const char *const named[] = {"/h/u/.ssh/config", "/h/u/.ssh", "/etc/cron.d"};
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(home_clear) struct home home = {0};
	_cleanup_(strlist_clear) struct strlist dropped = {0};

	(void)state;
	assert_int_equal(setenv("HOME", "/h/u", 1), 0);
	assert_int_equal(home_find(&home), 0);
	assert_int_equal(record_parse(text, strlen(text), &record), 0);
	belief_filter(&record, &home, NIX, &dropped);
	assert_int_equal(record.count, 3);
	assert_int_equal(dropped.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(record.entries[i].subject, left[i]);
		assert_string_equal(dropped.items[i], named[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_install_writes, empty_environment),
		cmocka_unit_test_setup(what_it_never_writes, empty_environment),
		cmocka_unit_test_setup(many_lines, empty_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
