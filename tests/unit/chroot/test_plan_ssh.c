/* The mount plan, for ssh: copies in the place of what it would refuse. */
#include "chroot/plan.h"
#include "ui/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "plan_scene.h"

#define ROOT  "bind-dir /etc\nbind-dir /tmp\nbind-dir /home\nnix /nix\n"
#define HOSTS D("/etc"), D("/tmp"), D("/home"), D("/etc/ssh"), W("/home/u")
#define USUAL TEXT("/etc/ssh/ssh_config", 0, "Include /etc/ssh/ssh_config.d/*.conf\n")

/* Builds the plan for user ID 1000 with the home directory /home/u. */
static void play_as_user(const struct fake_entry *table, size_t count, const char *steps)
{
	play(&(struct scene){
		.host = {.entries = table, .count = count},
		.with_ssh = true,
		.uid = 1000,
		.home = "/home/u",
		.steps = steps,
	});
}
#define PLAY(table, steps) play_as_user(table, sizeof(table) / sizeof((table)[0]), steps)

static void nothing_to_do(void **state)
{
	static const struct fake_entry none[] = {HOSTS};
	static const struct fake_entry empty[] = {HOSTS, USUAL, D("/etc/ssh/ssh_config.d")};
	static const struct fake_entry others[] = {
		HOSTS,
		USUAL,
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/note", 0, ""),
		TEXT("/etc/ssh/ssh_config.d/.hidden.conf", 0, ""),
		/* ssh refuses these outside as well */
		TEXT("/etc/ssh/ssh_config.d/foreign.conf", 7, ""),
		TEXT_MODE("/etc/ssh/ssh_config.d/open.conf", 0, 0100664, ""),
		TEXT_MODE("/etc/ssh/ssh_config.d/all.conf", 0, 0100646, ""),
		/* no configuration has such a name */
		TEXT("/etc/ssh/ssh_config.d/s*.conf", 0, ""),
		/* what other users have is not looked for */
		D("/home/u/ther"),
		TEXT("/home/u/ther/x", 0, ""),
		D("/home/u/.ssh/~other"),
		TEXT("/home/u/.ssh/~other/x", 0, ""),
		/* ssh accepts this one inside as well */
		TEXT("/etc/ssh/ssh_config.d/own.conf", 1000, ""),
		/* not files that can be read */
		F("/etc/ssh/ssh_config.d/fifo.conf"),
		D("/etc/ssh/ssh_config.d/directory.conf"),
		L("/etc/ssh/ssh_config.d/nowhere.conf", "/gone"),
		L("/etc/ssh/ssh_config.d/loop.conf", "loop.conf"),
		D("/home/u/.ssh"),
		TEXT("/home/u/.ssh/config", 1000, "Include config.d/* ~other/x ~ *[ ? \"\"\n"),
	};

	(void)state;
	PLAY(none, ROOT);
	PLAY(empty, ROOT);
	PLAY(others, ROOT);
}

static void a_directory_of_its_own(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		USUAL,
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/a.conf", 0, "A"),
		TEXT("/etc/ssh/ssh_config.d/b.conf", 0, "B"),
		TEXT("/etc/ssh/ssh_config.d/note", 0, "N"),
		TEXT("/etc/ssh/ssh_config.d/own.conf", 1000, "O"),
		D("/etc/ssh/ssh_config.d/old"),
	};

	(void)state;
	PLAY(table, ROOT "tmpfs /etc/ssh/ssh_config.d\n"
			 "write /etc/ssh/ssh_config.d/a.conf = A\n"
			 "write /etc/ssh/ssh_config.d/b.conf = B\n"
			 "bind-file /etc/ssh/ssh_config.d/note\n"
			 "bind-file /etc/ssh/ssh_config.d/own.conf\n"
			 "bind-dir /etc/ssh/ssh_config.d/old\n");
}

/* As on Fedora, and with systemd: links, and files that include further files. */
static void what_is_included_by_it(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		USUAL,
		D("/usr"),
		D("/usr/share"),
		D("/usr/share/policies"),
		TEXT("/usr/share/policies/openssh.txt", 0, "P"),
		D("/etc/policies"),
		L("/etc/policies/openssh.config", "../../usr/share/policies/openssh.txt"),
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/50.conf", 0,
		     "Match final all\n Include /etc/policies/openssh.config extra\n"),
		L("/etc/ssh/ssh_config.d/20.conf", "/usr/share/policies/openssh.txt"),
		TEXT("/etc/ssh/extra", 0, "Include extra ssh_config\n"),
		TEXT("/etc/extra", 0, "not this one"),
	};

	(void)state;
	PLAY(table,
	     ROOT "bind-dir /usr\n"
		  "tmpfs /etc/ssh/ssh_config.d\n"
		  "write /etc/ssh/ssh_config.d/50.conf = Match final all\n"
		  " Include /etc/policies/openssh.config extra\n\n"
		  "link /etc/ssh/ssh_config.d/20.conf < /usr/share/policies/openssh.txt\n"
		  "cover-text /usr/share/policies/openssh.txt = P\n"
		  "cover-text /etc/ssh/extra = Include extra ssh_config\n\n"
		  /* this file includes itself: as an included file it is read in another way */
		  "cover-text /etc/ssh/ssh_config = Include /etc/ssh/ssh_config.d/*.conf\n\n");
}

/*
 * /etc, the user's own directories, and directories that the user can write to never become a
 * tmpfs.
 */
static void over_single_files(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		TEXT("/etc/ssh/ssh_config", 0, "Include /etc/*.site /etc/*/w.d/x"),
		TEXT("/etc/a.site", 0, "A"),
		D("/etc/b"),
		W("/etc/b/w.d"),
		TEXT("/etc/b/w.d/x", 0, "X"),
		D("/home/u/.ssh"),
		TEXT("/home/u/.ssh/config", 0, "Include config.d/* ~/site"),
		W("/home/u/.ssh/config.d"),
		TEXT("/home/u/.ssh/config.d/1", 0, "1"),
		TEXT("/home/u/site", 0, "S"),
	};

	(void)state;
	PLAY(table, ROOT "cover-text /etc/a.site = A\n"
			 "cover-text /etc/b/w.d/x = X\n"
			 "cover-text /home/u/.ssh/config = Include config.d/* ~/site\n"
			 "cover-text /home/u/.ssh/config.d/1 = 1\n"
			 "cover-text /home/u/site = S\n");
}

/* What was asked of the watched host. */
static char asked[4096];
static struct host_view quiet;

static void ask(const char *what, const char *path)
{
	size_t len = strlen(asked);

	snprintf(asked + len, sizeof(asked) - len, "%s %s\n", what, path);
}

static int asked_look(void *context, const char *path, enum entry_type *type, char **target)
{
	ask("look", path);
	return quiet.look(context, path, type, target);
}

static int asked_list(void *context, const char *path, struct listing *out)
{
	ask("list", path);
	return quiet.list(context, path, out);
}

/*
 * A namespace is joined as long as what was watched is the same: so the files that copies cover are
 * watched, and so is a directory of theirs that becomes one of ours; all else that ssh includes is
 * not.
 */
static void what_is_watched(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		USUAL,
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/a.conf", 0, "A"),
		TEXT("/etc/ssh/ssh_config.d/own.conf", 1000, ""),
		D("/home/u/.ssh"),
		TEXT("/home/u/.ssh/config", 1000, "Include config.d/*\n"),
	};
	struct fake_host host = FAKE_HOST(table);
	struct host_view watched = fake_view(&host);
	struct path_config config = {0};
	_cleanup_(plan_clear) struct plan plan = {0};

	(void)state;
	quiet = watched;
	watched.look = asked_look;
	watched.list = asked_list;
	asked[0] = '\0';
	assert_int_equal(
		plan_build(&(struct plan_input){.view = &watched,
						.config = &config,
						.ssh = &(struct ssh_view){&quiet, 1000, "/home/u"}},
			   &plan),
		0);
	assert_non_null(strstr(asked, "look /etc/ssh/ssh_config.d/a.conf\n"));
	assert_non_null(strstr(asked, "list /etc/ssh/ssh_config.d\n"));
	assert_null(strstr(asked, "/ssh_config\n"));
	assert_null(strstr(asked, "own.conf"));
	assert_null(strstr(asked, "/home/u"));
}

static void not_asked_for(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		USUAL,
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/a.conf", 0, "A"),
	};
	struct scene scene = {.host = FAKE_HOST(table), .steps = ROOT};

	(void)state;
	play(&scene);
	/* for root nothing is needed: its files belong to itself */
	scene.with_ssh = true;
	play(&scene);
}

/* The path config is applied first, and the plan for ssh sees its result. */
static void with_a_path_config(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		USUAL,
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/a.conf", 0, "A"),
		TEXT("/etc/ssh/ssh_config.d/b.conf", 0, "B"),
		TEXT("/tmp/mine", 1000, "M"),
	};
	struct scene excluded = {
		.host = FAKE_HOST(table),
		.with_ssh = true,
		.uid = 1000,
		.excludes = {"/etc/ssh"},
		.steps = ROOT "tmpfs /etc/ssh\n",
	};
	struct scene hidden = {
		.host = FAKE_HOST(table),
		.with_ssh = true,
		.uid = 1000,
		.excludes = {"/etc/ssh/ssh_config.d/a.conf"},
		.absolute = {TO("/tmp/mine", "/etc/ssh/ssh_config.d/b.conf")},
		.steps = ROOT "hide /etc/ssh/ssh_config.d/a.conf\n"
			      "cover-file /etc/ssh/ssh_config.d/b.conf < /tmp/mine\n",
	};

	(void)state;
	play(&excluded);
	play(&hidden);
}

/* ssh follows includes 16 deep. */
static void as_deep_as_ssh(void **state)
{
	enum { HOSTS_COUNT = 5, DEPTH = 18 };
	struct fake_entry table[HOSTS_COUNT + DEPTH] = {HOSTS};
	_cleanup_free_ char *steps = xstrdup(ROOT);

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		char *path = i ? xasprintf("/etc/ssh/%d", i) : xstrdup("/etc/ssh/ssh_config");
		char *text = xasprintf("Include %d", i + 1), *longer;

		table[HOSTS_COUNT + i] = (struct fake_entry)TEXT(path, 0, text);
		if (i == 0 || i > 16)
			continue;
		longer = xasprintf("%scover-text %s = %s\n", steps, path, text);
		free(steps);
		steps = longer;
	}
	play_as_user(table, HOSTS_COUNT + DEPTH, steps);
	for (int i = HOSTS_COUNT; i < HOSTS_COUNT + DEPTH; i++) {
		free((char *)(uintptr_t)table[i].path);
		free((char *)(uintptr_t)table[i].text);
	}
}

/* 256 files are read, from each of the two that ssh begins with, of 64 KiB each. */
static void as_many_as_usual(void **state)
{
	enum { FIRST = 9, COUNT = 260 };
	_cleanup_free_ char *most = xcalloc((64 << 10) + 1, 1);
	_cleanup_free_ char *more = xcalloc((64 << 10) + 2, 1);
	struct fake_entry table[FIRST + COUNT] = {
		HOSTS, TEXT("/etc/ssh/ssh_config", 0, "Include many/*\n"), D("/etc/ssh/many"),
		D("/home/u/.ssh"), TEXT("/home/u/.ssh/config", 0, "")};
	_cleanup_free_ char *steps = xstrdup(ROOT "cover-text /home/u/.ssh/config = \n");

	(void)state;
	memset(most, '#', 64 << 10);
	memset(more, '#', (64 << 10) + 1);
	for (int i = 0; i < COUNT; i++) {
		char *path = xasprintf("/etc/ssh/many/%03d", i), *longer;
		const char *text = i == 0 ? most : i == 1 ? more : "";

		table[FIRST + i] = (struct fake_entry)TEXT(path, 0, text);
		if (i == 1 || i >= 255)
			continue;
		longer = xasprintf("%scover-text %s = %s\n", steps, path, text);
		free(steps);
		steps = longer;
	}
	play_as_user(table, FIRST + COUNT, steps);
	for (int i = FIRST; i < FIRST + COUNT; i++)
		free((char *)(uintptr_t)table[i].path);
}

/* A home directory that is no absolute path is none. */
static void homes_that_are_none(void **state)
{
	static const struct fake_entry table[] = {HOSTS, D("/home/u/.ssh"),
						  TEXT("/home/u/.ssh/config", 0, "")};

	(void)state;
	play(&(struct scene){.host = FAKE_HOST(table),
			     .with_ssh = true,
			     .uid = 1000,
			     .home = "home/u",
			     .steps = ROOT});
	play(&(struct scene){
		.host = FAKE_HOST(table), .with_ssh = true, .uid = 1000, .steps = ROOT});
	play(&(struct scene){.host = FAKE_HOST(table),
			     .with_ssh = true,
			     .uid = 1000,
			     .home = "/home/u",
			     .level = LOG_VERBOSE,
			     .steps = ROOT "cover-text /home/u/.ssh/config = \n",
			     .said = "nix-user-chroot: /home/u/.ssh/config is a copy of your own "
				     "inside, so that ssh accepts it\n"});
}

/* Files that are mounted there are seen, and copied; those in /nix never. */
static void what_is_mounted_there(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		TEXT("/etc/ssh/ssh_config", 0, "Include ssh_config.d/* /nix/x\n"),
		D("/etc/ssh/ssh_config.d"),
		TEXT("/etc/ssh/ssh_config.d/a", 0, "A"),
		TEXT("/tmp/mine", 0, "M"),
		D("/nix"),
		TEXT("/nix/x", 0, "X"),
	};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.with_ssh = true,
		.uid = 1000,
		.absolute = {TO("/tmp/mine", "/etc/ssh/ssh_config.d/new")},
		.steps = ROOT "tmpfs /etc/ssh/ssh_config.d\nwrite /etc/ssh/ssh_config.d/a = A\n"
			      "write /etc/ssh/ssh_config.d/new = M\n",
	});
}

/* Files that include each other twice: reading them ends. */
static void comes_to_an_end(void **state)
{
	static const struct fake_entry table[] = {
		HOSTS,
		TEXT("/etc/ssh/ssh_config", 7, "Include a a b b\n"),
		TEXT("/etc/ssh/a", 7, "Include a b b a\n"),
		TEXT("/etc/ssh/b", 7, "Include b a a b\n"),
	};
	struct scene scene = {
		.host = FAKE_HOST(table), .with_ssh = true, .uid = 1000, .steps = ROOT};

	(void)state;
	play(&scene);
	assert_in_range(scene.host.looks, 1, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),	  cmocka_unit_test(a_directory_of_its_own),
		cmocka_unit_test(what_is_included_by_it), cmocka_unit_test(over_single_files),
		cmocka_unit_test(what_is_watched),	  cmocka_unit_test(not_asked_for),
		cmocka_unit_test(with_a_path_config),	  cmocka_unit_test(comes_to_an_end),
		cmocka_unit_test(as_deep_as_ssh),	  cmocka_unit_test(as_many_as_usual),
		cmocka_unit_test(homes_that_are_none),	  cmocka_unit_test(what_is_mounted_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
