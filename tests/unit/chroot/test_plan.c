/* The mount plan, on made-up hosts. */
#include "chroot/plan.h"
#include "ui/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../capture.h"
#include "plan_scene.h"

static void root_of_every_kind(void **state)
{
	static const struct fake_entry table[] = {
		D("/tmp"),
		D("/usr"),
		L("/bin", "usr/bin"),
		F("/socket"),
		L("/dangling", "no"),
		L("/into-nix", "/nix/store/x"),
		CLOSED("/locked"),
		F("/odd\n\377\033"),
		L("/nix", "/elsewhere"),
		D("/proc"),
	};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.steps = "bind-dir /tmp\n"
			 "bind-dir /usr\n"
			 "link /bin < usr/bin\n"
			 "bind-file /socket\n"
			 "link /dangling < no\n"
			 "link /into-nix < /nix/store/x\n"
			 "bind-dir /locked\n"
			 "bind-file /odd\n\377\033\n"
			 "bind-dir /proc\n"
			 "nix /nix\n",
	});
}

static void hosts_with_a_nix(void **state)
{
	static const struct fake_entry directory[] = {D("/nix"), D("/nix/store"), D("/tmp")};
	static const struct fake_entry file[] = {D("/tmp"), F("/nix")};
	static const struct fake_entry named_alike[] = {D("/tmp"), D("/nix2"), F("/.nix")};

	(void)state;
	play(&(struct scene){.host = FAKE_HOST(directory), .steps = "bind-dir /tmp\nnix /nix\n"});
	play(&(struct scene){.host = FAKE_HOST(file), .steps = "bind-dir /tmp\nnix /nix\n"});
	play(&(struct scene){
		.host = FAKE_HOST(named_alike),
		.steps = "bind-dir /tmp\nbind-dir /nix2\nbind-file /.nix\nnix /nix\n",
	});
}

/*
 * Without a configuration nothing of the host is looked at but the list of /: so entering is quick
 */
static void asks_little(void **state)
{
	static const struct fake_entry table[] = {D("/tmp"), D("/usr"), F("/f"), L("/l", "usr")};
	struct scene scene = {.host = FAKE_HOST(table)};
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *said = NULL;

	(void)state;
	assert_int_equal(build(&scene, &plan, &said), 0);
	/* the looks: the list of /, and /nix, var and nix on the way to opengl-driver/lib */
	assert_in_range(scene.host.looks, 1, 5);
}

/* With many mounts deep in one tree, each place and each source is looked at only once. */
static void asks_once(void **state)
{
	enum { COUNT = 2000, DEPTH = 40 };
	static const struct fake_entry table[] = {D("/tmp"), F("/f")};
	struct fake_host host = FAKE_HOST(table);
	struct host_view view = fake_view(&host);
	_cleanup_free_ struct path_mount *mounts = xcalloc(COUNT, sizeof(*mounts));
	_cleanup_(strlist_clear) struct strlist targets = {0};
	_cleanup_(plan_clear) struct plan plan;
	struct path_config config = {.mounts = mounts, .mount_count = COUNT};

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		char *path = xasprintf("/tmp");

		for (int j = 0; j < DEPTH; j++) {
			char *longer = xasprintf("%s/%d", path, j < DEPTH / 2 ? j : i + 1000);

			free(path);
			path = longer;
		}
		strlist_take(&targets, path);
		mounts[i] = (struct path_mount)TO("/f", path);
	}
	assert_int_equal(plan_build(&(struct plan_input){.view = &view, .config = &config}, &plan),
			 0);
	assert_in_range(plan.count, COUNT * DEPTH / 2, COUNT * DEPTH / 2 + 100);
	assert_in_range(host.looks, COUNT, COUNT + 100);
}

static void chooses_work_dir(void **state)
{
	static const struct fake_entry usual[] = {D("/bin"), D("/tmp"), D("/usr")};
	static const struct fake_entry linked[] = {L("/tmp", "var/tmp"), F("/a"), D("/var")};
	static const struct fake_entry bare[] = {F("/a"), L("/tmp", "a")};
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *said = NULL, *nothing = NULL, *nothing_either = NULL;

	(void)state;
	assert_int_equal(build(&(struct scene){.host = FAKE_HOST(usual)}, &plan, &nothing), 0);
	assert_string_equal(plan.work_dir, "/tmp");
	plan_clear(&plan);
	assert_int_equal(build(&(struct scene){.host = FAKE_HOST(linked)}, &plan, &nothing_either),
			 0);
	assert_string_equal(plan.work_dir, "/var");
	plan_clear(&plan);
	assert_int_equal(build(&(struct scene){.host = FAKE_HOST(bare)}, &plan, &said), -1);
	assert_string_equal(said, "nix-user-chroot: there is no directory in / to begin the new "
				  "root on\n  make one, such as /tmp\n");
}

static void chooses_old_root(void **state)
{
	static const struct fake_entry usual[] = {D("/tmp")};
	static const struct fake_entry taken[] = {D("/.old-root_"), D("/tmp"), F("/.old-root"),
						  D("/.old-root___")};
	struct scene targeted = {.host = FAKE_HOST(usual),
				 .absolute = {TO("/tmp", "/.old-root/x")}};
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *nothing = NULL, *nothing_either = NULL, *no_word = NULL;

	(void)state;
	assert_int_equal(build(&(struct scene){.host = FAKE_HOST(usual)}, &plan, &nothing), 0);
	assert_string_equal(plan.old_root, "/.old-root");
	plan_clear(&plan);
	assert_int_equal(build(&(struct scene){.host = FAKE_HOST(taken)}, &plan, &nothing_either),
			 0);
	assert_string_equal(plan.old_root, "/.old-root__");
	plan_clear(&plan);
	/*
	 * nor may it have a name that is new inside: what is made there would be made on the host
	 */
	assert_int_equal(build(&targeted, &plan, &no_word), 0);
	plan_check(&plan, &targeted.host);
}

static void unlistable_root(void **state)
{
	static const struct fake_entry table[] = {UNLISTABLE("/"), D("/tmp")};
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *said = NULL;

	(void)state;
	assert_int_equal(build(&(struct scene){.host = FAKE_HOST(table)}, &plan, &said), -1);
	assert_string_equal(said,
			    "nix-user-chroot: cannot list /: Permission denied\n"
			    "  its entries are what is shown inside, so it must be readable\n");
	assert_int_equal(plan.count, 0);
}

static const struct fake_entry etc_table[] = {
	D("/etc"),
	F("/etc/hosts"),
	F("/etc/passwd"),
	D("/etc/ssl"),
	D("/etc/ssl/certs"),
	F("/etc/ssl/certs/a"),
	F("/etc/ssl/conf"),
	L("/etc/mtab", "../proc/mounts"),
	D("/tmp"),
	D("/run"),
	D("/run/nscd"),
	F("/run/nscd/socket"),
	L("/var", "private"),
	D("/private"),
	L("/private/run", "/run"),
};

#define REST "link /var < private\nbind-dir /private\nnix /nix\n"

/* An excluded file is covered by a mount, so that its directory stays the host's own. */
static void exclude_file(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/hosts", "/etc/ssl/certs/a", "/etc/hosts"},
		.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST "hide /etc/hosts\n"
			 "hide /etc/ssl/certs/a\n",
	});
	/* the same where another entry makes the directory a tmpfs of ours */
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/hosts"},
		.absolute = {TO("/tmp", "/etc/new")},
		.steps = "dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST "bind-file /etc/passwd\n"
			 "bind-file /etc/hosts\nhide /etc/hosts\nbind-dir /etc/ssl\n"
			 "link /etc/mtab < ../proc/mounts\nbind-dir /etc/new < /tmp\n",
	});
}

/*
 * A link cannot be covered: its directory becomes a tmpfs without the link, and no other directory
 * does.
 */
static void exclude_link(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/mtab"},
		.steps = "dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST "bind-file /etc/hosts\n"
			 "bind-file /etc/passwd\nbind-dir /etc/ssl\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/private/run"},
		.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n"
			 "link /var < private\ndir /private\nnix /nix\n",
	});
}

static void exclude_directory(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc"},
		.steps = "dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST,
	});
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/ssl"},
		.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST "tmpfs /etc/ssl\n",
	});
	/* excluding a directory also excludes what is below it, whatever the order is */
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/ssl/certs/a", "/etc/ssl", "/etc/ssl/certs"},
		.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST "tmpfs /etc/ssl\n",
	});
	/*
	 * a directory that would become a tmpfs because of one exclude is empty because of another
	 */
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/hosts", "/etc"},
		.steps = "dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST,
	});
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/mtab", "/etc"},
		.steps = "dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST,
	});
}

static void exclude_through_links(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/var/run/nscd/socket"},
		.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST
			 "hide /run/nscd/socket\n",
	});
	/* excludes do not change where other paths lead, whatever the order is */
	for (int i = 0; i < 2; i++)
		play(&(struct scene){
			.host = FAKE_HOST(etc_table),
			.excludes = {i ? "/var" : "/var/run/nscd", i ? "/var/run/nscd" : "/var"},
			.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\ntmpfs /run/nscd\n"
				 "bind-dir /private\nnix /nix\n",
		});
	/* excluding a link hides the link and not its target */
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/var"},
		.steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n"
			 "bind-dir /private\nnix /nix\n",
	});
}

/* Excludes "/l/f", where /l is a link to TARGET: what is hidden, or why nothing is. */
static void exclude_by_link(const char *target, const char *hidden, const char *why)
{
	const struct fake_entry table[] = {
		D("/tmp"),	    D("/d"),	    D("/d/e"), F("/d/e/f"), L("/d/up", "../d/e"),
		L("/loop", "loop"), L("/l", target)};
	_cleanup_free_ char *steps =
		xasprintf("bind-dir /tmp\nbind-dir /d\nlink /loop < loop\nlink /l < %s\n"
			  "nix /nix\n%s",
			  target, hidden);
	_cleanup_free_ char *said =
		xasprintf("nix-user-chroot: exclude of /l/f: nothing to do, it does not exist: "
			  "%s\n",
			  why);

	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/l/f"},
		.level = LOG_VERBOSE,
		.steps = steps,
		.said = why ? said : NULL,
	});
}

static void exclude_through_odd_links(void **state)
{
	static const struct {
		const char *target, *why;
	} cases[] = {
		{"d/e", NULL},
		{"./d//./e/.", NULL},
		{"/./d/e//", NULL},
		{"../../d/e", NULL},
		{"d/e/../e", NULL},
		{"d/../d/up", NULL},
		{"d/up/../e", NULL},
		{"d/.e", "No such file or directory"},
		{"d/missing/../e", "No such file or directory"},
		{"d/e/f", "Not a directory"},
		{"d/e/f/..", "Not a directory"},
		{"loop", "Too many levels of symbolic links"},
		{"l", "Too many levels of symbolic links"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		exclude_by_link(cases[i].target, cases[i].why ? "" : "hide /d/e/f\n", cases[i].why);
}

/* A chain of links to /0, which has the file f; as in the kernel, 40 of them are followed. */
static void exclude_through_many_links(void **state)
{
	enum { LINKS = 41 };
	struct fake_entry table[LINKS + 2] = {D("/0"), F("/0/f")};
	_cleanup_free_ char *steps = xstrdup("bind-dir /0\nnix /nix\n");

	(void)state;
	for (int i = 1; i <= LINKS; i++) {
		char *path = xasprintf("/%d", i), *target = xasprintf("%d", i - 1), *longer;

		table[i + 1] = (struct fake_entry)L(path, target);
		longer = xasprintf("%slink %s < %s\n", steps, path, target);
		free(steps);
		steps = longer;
	}
	for (int i = LINKS - 1; i <= LINKS; i++) {
		_cleanup_free_ char *exclude = xasprintf("/%d/f", i), *said = NULL;
		_cleanup_free_ char *all = xasprintf("%s%s", steps, i < LINKS ? "hide /0/f\n" : "");

		said = xasprintf("nix-user-chroot: exclude of %s: nothing to do, it does not "
				 "exist: Too many levels of symbolic links\n",
				 exclude);
		play(&(struct scene){
			.host = FAKE_HOST(table),
			.excludes = {exclude},
			.level = LOG_VERBOSE,
			.steps = all,
			.said = i < LINKS ? NULL : said,
		});
	}
	for (int i = 2; i < LINKS + 2; i++) {
		free((char *)(uintptr_t)table[i].path);
		free((char *)(uintptr_t)table[i].target);
	}
}

static void exclude_nothing(void **state)
{
	const char *steps = "bind-dir /etc\nbind-dir /tmp\nbind-dir /run\n" REST;

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/missing", "/missing/too", "/etc/hosts/x"},
		.steps = steps,
	});
	play(&(struct scene){
		.host = FAKE_HOST(etc_table),
		.excludes = {"/etc/missing"},
		.level = LOG_VERBOSE,
		.steps = steps,
		.said = "nix-user-chroot: exclude of /etc/missing: nothing to do, it does not "
			"exist: No such file or directory\n",
	});
}

/* What cannot be looked at is left as it is, and so is all that is above it. */
static void exclude_what_is_closed(void **state)
{
	static const struct fake_entry table[] = {
		D("/tmp"),	     D("/d"),	      F("/d/f"), D("/d/sub"), CLOSED("/d/sub/no"),
		L("/l", "d/sub/no"), D("/d/sub/no/x")};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/d/sub/no", "/d/sub/no/x", "/l/x"},
		.level = LOG_VERBOSE,
		.steps = "bind-dir /tmp\nbind-dir /d\nlink /l < d/sub/no\nnix /nix\n",
		.said = "nix-user-chroot: exclude of /d/sub/no: nothing to do, it does not exist: "
			"Permission denied\n"
			"nix-user-chroot: exclude of /d/sub/no/x: nothing to do, it does not exist: "
			"Permission denied\n"
			"nix-user-chroot: exclude of /l/x: nothing to do, it does not exist: "
			"Permission denied\n",
	});
}

static void exclude_in_nix(void **state)
{
	static const struct fake_entry table[] = {D("/tmp"), D("/nix"), D("/nix/var"),
						  F("/nix/var/x"), L("/state", "/nix/var")};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/state/x"},
		.steps = "bind-dir /tmp\nlink /state < /nix/var\nnix /nix\n",
		.said = WARNING
		"exclude of /state/x: skipped, because it is /nix/var/x, and /nix is "
		"shown as it is\n",
	});
}

static void warns_where_it_hurts(void **state)
{
	static const struct fake_entry table[] = {D("/tmp"),
						  W("/home"),
						  F("/home/a"),
						  L("/home/link", "a"),
						  UNLISTABLE("/blind"),
						  F("/blind/x"),
						  L("/blind/link", "x")};

	(void)state;
	/* files can be covered in every directory, without a warning */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/home/a", "/blind/x"},
		.steps = "bind-dir /tmp\nbind-dir /home\nbind-dir /blind\nnix /nix\nhide /home/a\n"
			 "hide /blind/x\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/home/link", "/blind/link"},
		.steps = "bind-dir /tmp\ndir /home\nbind-dir /blind\nnix /nix\nbind-file /home/a\n",
		.said = WARNING
		"exclude of /home/link: nothing new can be made in /home inside, "
		"for that is only a copy of the list of its entries\n" WARNING
		"exclude of /blind/link: skipped, because it is a link, which cannot be "
		"covered, and the directory /blind cannot be listed: Permission "
		"denied\n",
	});
}

/*
 * Entries in /dev, /proc, /sys and wherever the kernel makes them stay in their place: they can
 * only be covered.
 */
static void exclude_of_the_kernels(void **state)
{
	static const struct fake_entry table[] = {
		D("/tmp"),     D("/dev"),	F("/dev/kvm"),	      L("/dev/log", "/run/log"),
		D("/dev/pts"), F("/dev/pts/1"), K("/elsewhere"),      F("/elsewhere/status"),
		D("/proc"),    D("/proc/9"),	L("/proc/self", "9"), F("/proc/9/maps"),
		D("/device"),  F("/device/x"),
	};
	const char *const top = "bind-dir /tmp\nbind-dir /dev\nbind-dir /elsewhere\n"
				"bind-dir /proc\n";
	_cleanup_free_ char *hidden =
		xasprintf("%sbind-dir /device\nnix /nix\ntmpfs /dev/pts\nhide /dev/kvm\n"
			  "hide /elsewhere/status\nhide /proc/9/maps\nhide /device/x\n",
			  top);

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/dev/kvm", "/elsewhere/status", "/proc/self/maps", "/dev/pts/1",
			     "/dev/pts", "/device/x", "/dev/log"},
		.steps = hidden,
		.said = WARNING
		"exclude of /dev/log: skipped, because it is a link, which cannot be "
		"covered, and what is in /dev is made by the kernel\n",
	});
	/* /dev as a whole is excluded like any directory in /, with all that was covered in it */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/dev/kvm", "/dev", "/proc"},
		.steps = "bind-dir /tmp\ndir /dev\nbind-dir /elsewhere\ndir /proc\n"
			 "bind-dir /device\nnix /nix\n",
	});
}

/* A directory with one entry more than is mounted one by one. */
static void exclude_in_a_long_directory(void **state)
{
	enum { COUNT = 10001 };
	_cleanup_free_ struct fake_entry *table = xcalloc(COUNT + 2, sizeof(*table));
	_cleanup_(strlist_clear) struct strlist names = {0};
	struct scene scene = {
		.host = {.entries = table, .count = COUNT + 2},
		.excludes = {"/many/7"},
		.absolute = {TO("/tmp", "/many/new"), TO("/many/8", "/many/9")},
		.steps = "bind-dir /tmp\nbind-dir /many\nnix /nix\nhide /many/7\n"
			 "cover-file /many/9 < /many/8\n",
		.said = WARNING
		"mount of /tmp on /many/new: skipped, because the directory /many has more than 10000 "
		"entries, too many to mount one by one\n",
	};

	(void)state;
	table[0] = (struct fake_entry)D("/tmp");
	table[1] = (struct fake_entry)D("/many");
	for (unsigned i = 0; i < COUNT; i++) {
		strlist_take(&names, xasprintf("/many/%u", i));
		table[i + 2] = (struct fake_entry)F(names.items[i]);
	}
	play(&scene);
}

/* Names with control characters are shown in a harmless form. */
static void names_are_shown_harmless(void **state)
{
	static const struct fake_entry table[] = {D("/tmp")};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/a\033[2J\nb"},
		.level = LOG_VERBOSE,
		.steps = "bind-dir /tmp\nnix /nix\n",
		.said = "nix-user-chroot: exclude of /a\\u001B[2J\\u000Ab: nothing to do, it does "
			"not exist: No such file or directory\n",
	});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_of_every_kind),
		cmocka_unit_test(hosts_with_a_nix),
		cmocka_unit_test(asks_little),
		cmocka_unit_test(asks_once),
		cmocka_unit_test(chooses_work_dir),
		cmocka_unit_test(chooses_old_root),
		cmocka_unit_test(unlistable_root),
		cmocka_unit_test(exclude_file),
		cmocka_unit_test(exclude_link),
		cmocka_unit_test(exclude_directory),
		cmocka_unit_test(exclude_through_links),
		cmocka_unit_test(exclude_through_odd_links),
		cmocka_unit_test(exclude_through_many_links),
		cmocka_unit_test(exclude_nothing),
		cmocka_unit_test(exclude_what_is_closed),
		cmocka_unit_test(exclude_in_nix),
		cmocka_unit_test(warns_where_it_hurts),
		cmocka_unit_test(exclude_of_the_kernels),
		cmocka_unit_test(exclude_in_a_long_directory),
		cmocka_unit_test(names_are_shown_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
