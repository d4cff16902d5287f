/* The mount plan: [profile], [absolute] and /run/opengl-driver, on made-up hosts. */
#include "chroot/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "plan_scene.h"

static const struct fake_entry table[] = {
	D("/tmp"),
	D("/etc"),
	F("/etc/passwd"),
	F("/etc/hosts"),
	D("/etc/ssl"),
	F("/etc/ssl/ca"),
	L("/etc/zone", "hosts"),
	L("/var", "private"),
	D("/private"),
	D("/private/lib"),
	L("/lost", "nowhere/at/all"),
	L("/loop", "loop"),
	L("/inside", "/nix/store"),
	CLOSED("/closed"),
	D("/home"),
	D("/home/me"),
	F("/home/me/passwd"),
	D("/home/me/dir"),
	F("/home/me/dir/x"),
	L("/home/me/link", "dir/x"),
	L("/home/me/dir/out", "/etc"),
	L("/home/me/to-nix", "/nix/store/p/bin/env"),
	D("/nix/store"),
	D("/nix/store/p"),
	D("/nix/store/p/bin"),
	F("/nix/store/p/bin/env"),
	L("/nix/store/p/host-hosts", "/etc/hosts"),
	L("/nix/store/p/round", "round"),
	D("/nix/var"),
	D("/nix/var/nix"),
	D("/nix/var/nix/profiles"),
	D("/nix/var/nix/profiles/per-user"),
	D("/nix/var/nix/profiles/per-user/me"),
	L("/nix/var/nix/profiles/per-user/me/profile", "profile-1-link"),
	L("/nix/var/nix/profiles/per-user/me/profile-1-link", "/nix/store/p"),
};

#define ETC_BEFORE "bind-dir /etc\n"
#define AFTER_ETC                                                                                  \
	"link /var < private\nbind-dir /private\nlink /lost < nowhere/at/all\nlink /loop < loop\n" \
	"link /inside < /nix/store\nbind-dir /closed\nbind-dir /home\nnix /nix\n"
#define UNCHANGED "bind-dir /tmp\n" ETC_BEFORE AFTER_ETC

static void on_what_is_there(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/etc/passwd"), TO("/home/me/dir", "/etc/ssl")},
		.steps = UNCHANGED "cover-file /etc/passwd < /home/me/passwd\n"
				   "cover-dir /etc/ssl < /home/me/dir\n",
	});
}

static void in_a_new_place(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/new"), TO("/home/me/dir", "/a/b/c")},
		.steps = UNCHANGED "bind-file /new < /home/me/passwd\n"
				   "dir /a\ndir /a/b\nbind-dir /a/b/c < /home/me/dir\n",
	});
	/* only a directory that gets a new entry becomes a tmpfs */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/etc/ssl/new"),
			     TO("/home/me/passwd", "/etc/ssl/deep/new")},
		.steps = UNCHANGED "tmpfs /etc/ssl\nbind-file /etc/ssl/ca\n"
				   "bind-file /etc/ssl/new < /home/me/passwd\n"
				   "dir /etc/ssl/deep\n"
				   "bind-file /etc/ssl/deep/new < /home/me/passwd\n",
	});
}

static void over_another_kind(void **state)
{
	(void)state;
	/* a link as the last component is replaced, not followed */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/etc/ssl"), TO("/home/me/dir", "/var")},
		.steps = "bind-dir /tmp\ndir /etc\nbind-dir /private\nlink /lost < nowhere/at/all\n"
			 "link /loop < loop\nlink /inside < /nix/store\nbind-dir /closed\n"
			 "bind-dir /home\nnix /nix\n"
			 "bind-file /etc/passwd\nbind-file /etc/hosts\nlink /etc/zone < hosts\n"
			 "bind-file /etc/ssl < /home/me/passwd\n"
			 "bind-dir /var < /home/me/dir\n",
	});
}

static void through_links(void **state)
{
	(void)state;
	/* the second mount makes /private a tmpfs, after the first has found its place there */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/dir", "/var/lib"), TO("/home/me/link", "/var/lib2")},
		.steps = "bind-dir /tmp\n" ETC_BEFORE
			 "link /var < private\ndir /private\nlink /lost < nowhere/at/all\n"
			 "link /loop < loop\nlink /inside < /nix/store\nbind-dir /closed\n"
			 "bind-dir /home\nnix /nix\n"
			 "bind-dir /private/lib < /home/me/dir\n"
			 "bind-file /private/lib2 < /home/me/dir/x\n",
	});
}

static void links_that_lead_nowhere(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/dir", "/lost/and/found")},
		.steps = "bind-dir /tmp\n" ETC_BEFORE
			 "link /var < private\nbind-dir /private\nlink /loop < loop\n"
			 "link /inside < /nix/store\nbind-dir /closed\nbind-dir /home\nnix /nix\n"
			 "dir /lost\ndir /lost/and\nbind-dir /lost/and/found < /home/me/dir\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/dir", "/loop/x"), TO("/home/me/dir", "/inside/p/bin"),
			     TO("/home/me/dir", "/inside/new/bin")},
		.steps = UNCHANGED,
		.said = WARNING
		"mount of /home/me/dir on /inside/new/bin: skipped, because it would lie in /nix/store, "
		"and /nix is shown as it is\n" WARNING
		"mount of /home/me/dir on /inside/p/bin: skipped, because that is /nix/store/p/bin, and "
		"/nix is shown as it is\n" WARNING
		"mount of /home/me/dir on /loop/x: skipped, because the link /loop cannot be followed: "
		"Too many levels of symbolic links\n",
	});
}

/* Links that go up, as the kernel does: through a missing directory they lead nowhere. */
static void links_that_go_up(void **state)
{
	static const struct fake_entry host[] = {
		D("/tmp"),
		D("/etc"),
		F("/etc/hosts"),
		L("/odd", "nowhere/../etc"),
		D("/a"),
		D("/a/b"),
		L("/a/b/up", "../c"),
		D("/a/c"),
		F("/a/c/x"),
		L("/over", "../../a/c"),
	};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(host),
		.absolute = {TO("/etc/hosts", "/odd/new"), TO("/etc/hosts", "/a/b/up/x"),
			     TO("/tmp", "/over")},
		.steps = "bind-dir /tmp\nbind-dir /etc\nnix /nix\ndir /odd\n"
			 "bind-file /odd/new < /etc/hosts\nbind-dir /a\n"
			 "cover-file /a/c/x < /etc/hosts\nbind-dir /over < /tmp\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(host),
		.absolute = {TO("/etc/hosts", "/over/x")},
		.steps = "bind-dir /tmp\nbind-dir /etc\nlink /odd < nowhere/../etc\nbind-dir /a\n"
			 "link /over < ../../a/c\nnix /nix\ncover-file /a/c/x < /etc/hosts\n",
	});
}

static void below_a_file(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/dir", "/etc/hosts/x"), TO("/home/me/dir", "/closed/x")},
		.steps = UNCHANGED,
		.said = WARNING
		"mount of /home/me/dir on /closed/x: skipped, because it cannot be looked at: "
		"Permission denied\n" WARNING
		"mount of /home/me/dir on /etc/hosts/x: skipped, because /etc/hosts is not a "
		"directory\n",
	});
}

static void sources(void **state)
{
	(void)state;
	/* a link in a path may lead into /nix and out of it again: each is followed */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/to-nix", "/etc/passwd"),
			     TO("/nix/store/p/host-hosts", "/etc/hosts"), TO("/nix", "/store"),
			     TO("/", "/host")},
		.steps = UNCHANGED "cover-file /etc/passwd < /nix/store/p/bin/env\n"
				   "cover-file /etc/hosts\n"
				   "bind-dir /store < /nix\n"
				   "bind-dir /host < /\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/missing", "/a"), TO("/loop", "/b"),
			     TO("/nix/store/p/round", "/c"), TO("/closed", "/d")},
		.steps = UNCHANGED,
		.said = WARNING
		"mount of /missing on /a: skipped, because /missing cannot be found: No "
		"such file or directory\n" WARNING
		"mount of /loop on /b: skipped, because /loop cannot be found: Too many "
		"levels of symbolic links\n" WARNING
		"mount of /nix/store/p/round on /c: skipped, because "
		"/nix/store/p/round cannot be found: Too many levels of symbolic "
		"links\n" WARNING
		"mount of /closed on /d: skipped, because /closed cannot be found: "
		"Permission denied\n",
	});
}

/*
 * A target in a directory that is itself a mount. An existing entry there is covered; for a new
 * entry the directory becomes a tmpfs. The order in the file does not matter, and links are
 * followed as they are inside.
 */
static void in_another_mount(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/opt/dir/x"), TO("/home/me/dir", "/opt/dir"),
			     TO("/home/me/passwd", "/opt/beside")},
		.steps = UNCHANGED "dir /opt\nbind-dir /opt/dir < /home/me/dir\n"
				   "cover-file /opt/dir/x < /home/me/passwd\n"
				   "bind-file /opt/beside < /home/me/passwd\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/opt/dir/new"), TO("/home/me/dir", "/opt/dir"),
			     TO("/home/me/passwd", "/opt/dir/a/b"),
			     TO("/home/me/passwd", "/opt/dir/out/ssl/ca")},
		.steps = UNCHANGED "dir /opt\ndir /opt/dir\n"
				   "bind-file /opt/dir/x < /home/me/dir/x\n"
				   "link /opt/dir/out < /etc\n"
				   "bind-file /opt/dir/new < /home/me/passwd\n"
				   "dir /opt/dir/a\nbind-file /opt/dir/a/b < /home/me/passwd\n"
				   "cover-file /etc/ssl/ca < /home/me/passwd\n",
	});
	/* the outer mount covers a directory of the host */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/dir", "/etc/ssl"), TO("/home/me/passwd", "/etc/ssl/new")},
		.steps = UNCHANGED "tmpfs /etc/ssl\nbind-file /etc/ssl/x < /home/me/dir/x\n"
				   "link /etc/ssl/out < /etc\n"
				   "bind-file /etc/ssl/new < /home/me/passwd\n",
	});
	/* the path goes by the host's link /var to the place of another mount */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/dir", "/private/lib"),
			     TO("/home/me/passwd", "/var/lib/new"),
			     TO("/home/me/passwd", "/var/lib/x")},
		.steps = UNCHANGED "tmpfs /private/lib\nlink /private/lib/out < /etc\n"
				   "bind-file /private/lib/new < /home/me/passwd\n"
				   "bind-file /private/lib/x < /home/me/passwd\n",
	});
	/* mounts of the host's / and of the Nix directory work in the same way */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/", "/host"), TO("/home/me/passwd", "/host/etc/hosts"),
			     TO("/nix", "/store"), TO("/home/me/passwd", "/store/new")},
		.steps = UNCHANGED "bind-dir /host < /\n"
				   "cover-file /host/etc/hosts < /home/me/passwd\n"
				   "dir /store\nbind-dir /store/store < /nix/store\n"
				   "bind-dir /store/var < /nix/var\n"
				   "bind-file /store/new < /home/me/passwd\n",
	});
}

/* Two targets that are the same place: the later one wins. */
static void same_place_twice(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/private/new"), TO("/etc/hosts", "/var/new")},
		.steps = "bind-dir /tmp\n" ETC_BEFORE
			 "link /var < private\ndir /private\nlink /lost < nowhere/at/all\n"
			 "link /loop < loop\nlink /inside < /nix/store\nbind-dir /closed\n"
			 "bind-dir /home\nnix /nix\nbind-dir /private/lib\n"
			 "bind-file /private/new < /etc/hosts\n",
	});
}

/* Two mounts of different kinds at the same place, by a link: the first one stays. */
static void same_place_and_another_kind(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		play(&(struct scene){
			.host = FAKE_HOST(table),
			.absolute = {TO(i ? "/home/me/passwd" : "/home/me/dir", "/private/lib"),
				     TO(i ? "/home/me/dir" : "/home/me/passwd", "/var/lib")},
			.steps = i ? "bind-dir /tmp\n" ETC_BEFORE
				     "link /var < private\ndir /private\n"
				     "link /lost < nowhere/at/all\nlink /loop < loop\n"
				     "link /inside < /nix/store\nbind-dir /closed\nbind-dir /home\n"
				     "nix /nix\nbind-file /private/lib < /home/me/passwd\n"
				   : UNCHANGED "cover-dir /private/lib < /home/me/dir\n",
			.said = i ? WARNING "mount of /home/me/dir on /var/lib: skipped, because "
					    "another mount puts a file there\n"
				  : WARNING "mount of /home/me/passwd on /var/lib: skipped, "
					    "because another mount puts a directory there\n",
		});
}

static void where_something_is_excluded(void **state)
{
	(void)state;
	/* excludes come first, and a mount at the same place wins */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/etc", "/private/lib"},
		.absolute = {TO("/etc/hosts", "/etc/hosts"), TO("/home/me/dir", "/etc/ssl/deep"),
			     TO("/etc/ssl", "/var/lib")},
		.steps = "bind-dir /tmp\ndir /etc\n" AFTER_ETC "bind-file /etc/hosts\n"
			 "dir /etc/ssl\nbind-dir /etc/ssl/deep < /home/me/dir\n"
			 "cover-dir /private/lib < /etc/ssl\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/etc/hosts"},
		.absolute = {TO("/home/me/passwd", "/etc/hosts")},
		.steps = UNCHANGED "cover-file /etc/hosts < /home/me/passwd\n",
	});
	/* a directory may be mounted at the place of an excluded file */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/etc/ssl/ca", "/home/me/link"},
		.absolute = {TO("/home/me/dir", "/etc/ssl/ca"), TO("/etc/hosts", "/home/me/link")},
		.steps = "bind-dir /tmp\nbind-dir /etc\ntmpfs /etc/ssl\n"
			 "bind-dir /etc/ssl/ca < /home/me/dir\n" AFTER_ETC "tmpfs /home/me\n"
			 "bind-file /home/me/passwd\nbind-dir /home/me/dir\n"
			 "link /home/me/to-nix < /nix/store/p/bin/env\n"
			 "bind-file /home/me/link < /etc/hosts\n",
	});
}

/* A link that is left out leads nowhere, and what was covered by a mount is not there. */
static void through_what_is_excluded(void **state)
{
	static const struct fake_entry links[] = {D("/tmp"), D("/etc"), F("/etc/hosts"),
						  L("/first", "etc"), L("/second", "first")};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/var"},
		.absolute = {TO("/home/me/passwd", "/var/new")},
		.steps = "bind-dir /tmp\n" ETC_BEFORE
			 "bind-dir /private\nlink /lost < nowhere/at/all\nlink /loop < loop\n"
			 "link /inside < /nix/store\nbind-dir /closed\nbind-dir /home\nnix /nix\n"
			 "dir /var\nbind-file /var/new < /home/me/passwd\n",
	});
	/* by way of another link */
	play(&(struct scene){
		.host = FAKE_HOST(links),
		.excludes = {"/first"},
		.absolute = {TO("/etc/hosts", "/second/new")},
		.steps = "bind-dir /tmp\nbind-dir /etc\nnix /nix\ndir /second\n"
			 "bind-file /second/new < /etc/hosts\n",
	});
	/* the excluded file is not in the directory that is mounted over its own */
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.excludes = {"/etc/ssl/ca"},
		.absolute = {TO("/home/me/dir", "/etc/ssl"), TO("/home/me/passwd", "/etc/ssl/ca")},
		.steps = UNCHANGED "tmpfs /etc/ssl\nbind-file /etc/ssl/x < /home/me/dir/x\n"
				   "link /etc/ssl/out < /etc\n"
				   "bind-file /etc/ssl/ca < /home/me/passwd\n",
	});
}

/* In /dev, existing entries can be covered, and no entries can be added. */
static void on_the_kernels(void **state)
{
	static const struct fake_entry kernels[] = {
		D("/tmp"),     F("/tmp/f"), D("/dev"), F("/dev/kvm"), L("/dev/log", "/tmp/f"),
		D("/dev/shm"), D("/sys"),
	};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(kernels),
		.excludes = {"/dev/kvm", "/sys"},
		.absolute = {TO("/tmp/f", "/dev/kvm"), TO("/tmp", "/dev/shm"),
			     TO("/tmp/f", "/dev/log"), TO("/tmp/f", "/dev/new/x"),
			     TO("/tmp/f", "/sys/new")},
		.steps = "bind-dir /tmp\nbind-dir /dev\ndir /sys\nnix /nix\n"
			 "cover-file /dev/kvm < /tmp/f\ncover-dir /dev/shm < /tmp\n"
			 "bind-file /sys/new < /tmp/f\n",
		.said = WARNING
		"mount of /tmp/f on /dev/log: skipped, because what is in /dev is made by the "
		"kernel\n" WARNING
		"mount of /tmp/f on /dev/new/x: skipped, because what is in /dev is "
		"made by the kernel\n",
	});
	/* the same by another path of /dev */
	play(&(struct scene){
		.host = FAKE_HOST(kernels),
		.absolute = {TO("/", "/host"), TO("/tmp/f", "/host/dev/new")},
		.steps = "bind-dir /tmp\nbind-dir /dev\nbind-dir /sys\nnix /nix\n"
			 "bind-dir /host < /\n",
		.said = WARNING "mount of /tmp/f on /host/dev/new: skipped, because what is in "
				"/host/dev is made by the kernel\n",
	});
}

/*
 * Steps that come from the configuration are marked as such; those for the host's own entries are
 * not.
 */
static void configured_steps(void **state)
{
	struct scene scene = {
		.host = FAKE_HOST(table),
		.absolute = {TO("/home/me/passwd", "/etc/passwd"), TO("/home/me/passwd", "/new")},
	};
	_cleanup_(plan_clear) struct plan plan;
	_cleanup_free_ char *said = NULL;

	(void)state;
	assert_int_equal(build(&scene, &plan, &said), 0);
	assert_true(plan.count > 2);
	for (size_t i = 0; i < plan.count; i++)
		assert_int_equal(plan.steps[i].configured,
				 strcmp(plan.steps[i].path, "/etc/passwd") == 0 ||
					 strcmp(plan.steps[i].path, "/new") == 0);
}

static void profile_of_old(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.user = "me",
		.state_home = "/home/me/.local/state",
		.profile = {TO("bin/env", "/usr/bin/env"), TO("missing", "/etc/hosts"),
			    TO(".", "/profile")},
		.steps = UNCHANGED "dir /usr\ndir /usr/bin\n"
				   "bind-file /usr/bin/env < /nix/store/p/bin/env\n"
				   "bind-dir /profile < /nix/store/p\n",
		.said = WARNING
		"mount of /nix/var/nix/profiles/per-user/me/profile/missing on "
		"/etc/hosts: skipped, because "
		"/nix/var/nix/profiles/per-user/me/profile/missing cannot be found: "
		"No such file or directory\n",
	});
}

static void profile_of_today(void **state)
{
	static const struct fake_entry today[] = {
		D("/tmp"),
		D("/home"),
		D("/home/me"),
		D("/home/me/state"),
		D("/home/me/state/nix"),
		D("/home/me/state/nix/profiles"),
		L("/home/me/state/nix/profiles/profile", "profile-7-link"),
		L("/home/me/state/nix/profiles/profile-7-link", "/nix/store/p"),
		D("/nix/store"),
		D("/nix/store/p"),
		F("/nix/store/p/f"),
	};
	const char *const users[] = {"me", NULL};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		play(&(struct scene){
			.host = FAKE_HOST(today),
			.user = users[i],
			.state_home = "/home/me/state",
			.profile = {TO("f", "/f")},
			.steps = "bind-dir /tmp\nbind-dir /home\nnix /nix\n"
				 "bind-file /f < /nix/store/p/f\n",
		});
}

static void no_profile(void **state)
{
	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.user = "you",
		.state_home = "/home/you/.local/state",
		.profile = {TO("bin/env", "/usr/bin/env")},
		.absolute = {TO("/home/me/passwd", "/etc/passwd")},
		.steps = UNCHANGED "cover-file /etc/passwd < /home/me/passwd\n",
		.said = WARNING "the [profile] mounts of etc/nix-user-chroot/path-config.toml are "
				"skipped: there is no profile of user you\n"
				"  nix-env -i makes one\n",
	});
	play(&(struct scene){
		.host = FAKE_HOST(table),
		.profile = {TO("bin/env", "/usr/bin/env")},
		.steps = UNCHANGED,
		.said = WARNING "the [profile] mounts of etc/nix-user-chroot/path-config.toml are "
				"skipped: there is no profile of user (unknown)\n"
				"  nix-env -i makes one\n",
	});
}

#define OPENGL                                                                               \
	D("/nix/var"), D("/nix/var/nix"), D("/nix/var/nix/opengl-driver"),                   \
		L("/nix/var/nix/opengl-driver/lib", "/nix/store/mesa/lib"), D("/nix/store"), \
		D("/nix/store/mesa"), D("/nix/store/mesa/lib")
#define FROM_MESA "/run/opengl-driver/lib < /nix/store/mesa/lib\n"

static void opengl_where_run_lacks_it(void **state)
{
	static const struct fake_entry no_run[] = {D("/tmp"), OPENGL};
	static const struct fake_entry run[] = {D("/tmp"), D("/run"), F("/run/pid"), D("/run/user"),
						OPENGL};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(no_run),
		.steps = "bind-dir /tmp\nnix /nix\ndir /run\ndir /run/opengl-driver\n"
			 "bind-dir " FROM_MESA,
	});
	play(&(struct scene){
		.host = FAKE_HOST(run),
		.steps = "bind-dir /tmp\ndir /run\nnix /nix\nbind-file /run/pid\n"
			 "bind-dir /run/user\ndir /run/opengl-driver\nbind-dir " FROM_MESA,
	});
}

static void opengl_of_the_host(void **state)
{
	static const struct fake_entry whole[] = {D("/tmp"), D("/run"), D("/run/opengl-driver"),
						  D("/run/opengl-driver/lib"), OPENGL};
	static const struct fake_entry other[] = {D("/tmp"), D("/run"), D("/run/opengl-driver"),
						  F("/run/opengl-driver/share"), OPENGL};
	static const struct fake_entry linked[] = {D("/tmp"), D("/run"), D("/run/opengl-driver"),
						   L("/run/opengl-driver/lib", "/usr/lib/gl"),
						   OPENGL};
	/* on NixOS this leads into the host's store, which is not visible inside */
	static const struct fake_entry nixos[] = {D("/tmp"), D("/run"), F("/run/pid"),
						  L("/run/opengl-driver", "/nix/store/of-the-host"),
						  OPENGL};

	(void)state;
	play(&(struct scene){
		.host = FAKE_HOST(whole),
		.steps = "bind-dir /tmp\nbind-dir /run\nnix /nix\ncover-dir " FROM_MESA,
	});
	play(&(struct scene){
		.host = FAKE_HOST(other),
		.steps = "bind-dir /tmp\nbind-dir /run\nnix /nix\ntmpfs /run/opengl-driver\n"
			 "bind-file /run/opengl-driver/share\nbind-dir " FROM_MESA,
	});
	play(&(struct scene){
		.host = FAKE_HOST(linked),
		.steps = "bind-dir /tmp\nbind-dir /run\nnix /nix\ntmpfs /run/opengl-driver\n"
			 "bind-dir " FROM_MESA,
	});
	play(&(struct scene){
		.host = FAKE_HOST(nixos),
		.steps = "bind-dir /tmp\ndir /run\nnix /nix\nbind-file /run/pid\n"
			 "dir /run/opengl-driver\nbind-dir " FROM_MESA,
	});
}

static void no_opengl(void **state)
{
	static const struct fake_entry none[] = {D("/tmp"), D("/nix/var"), D("/nix/var/nix")};
	static const struct fake_entry dangling[] = {
		D("/tmp"), D("/nix/var"), D("/nix/var/nix"), D("/nix/var/nix/opengl-driver"),
		L("/nix/var/nix/opengl-driver/lib", "/nix/store/collected")};
	static const struct fake_entry odd[] = {D("/tmp"), D("/nix/var"), F("/nix/var/nix")};
	const char *steps = "bind-dir /tmp\nnix /nix\n";

	(void)state;
	play(&(struct scene){.host = FAKE_HOST(none), .level = LOG_VERBOSE, .steps = steps});
	play(&(struct scene){.host = FAKE_HOST(dangling), .steps = steps});
	play(&(struct scene){.host = FAKE_HOST(odd), .steps = steps});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_what_is_there),
		cmocka_unit_test(in_a_new_place),
		cmocka_unit_test(over_another_kind),
		cmocka_unit_test(through_links),
		cmocka_unit_test(links_that_lead_nowhere),
		cmocka_unit_test(links_that_go_up),
		cmocka_unit_test(below_a_file),
		cmocka_unit_test(sources),
		cmocka_unit_test(in_another_mount),
		cmocka_unit_test(same_place_twice),
		cmocka_unit_test(same_place_and_another_kind),
		cmocka_unit_test(where_something_is_excluded),
		cmocka_unit_test(through_what_is_excluded),
		cmocka_unit_test(on_the_kernels),
		cmocka_unit_test(configured_steps),
		cmocka_unit_test(profile_of_old),
		cmocka_unit_test(profile_of_today),
		cmocka_unit_test(no_profile),
		cmocka_unit_test(opengl_where_run_lacks_it),
		cmocka_unit_test(opengl_of_the_host),
		cmocka_unit_test(no_opengl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
