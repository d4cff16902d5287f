/* --install and --install --dry-run where Nix is installed already: what is renewed, and said. */
#include "config.h"
#include "home/shims.h"
#include "install/install.h"
#include "install/own_release.h"
#include "install/site.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../filter.h"
#include "../nth.h"
#include "complete.h"

#define CANCELED    125
#define IS_THERE    "nix-user-chroot: Nix 2.26.3 is installed in "
#define NOTHING	    "already: nothing to do\n"
#define NONE_DONE   "nothing would be done\n"
#define LINKS	    "the links to Nix's commands, the program itself, its man page"
#define CONF_HASH   "f8c5f83b3d9214445dfaa0c5966dcc65a940e22f13d67f92909bb4019bb0c72f"
#define HASH_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static int setup(void **state)
{
	if (complete_setup(state) != 0)
		return -1;
	return setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
}

static int call(const void *request)
{
	int r = install_command(request);

	return fflush(stdout) == 0 && child_has_stdin() ? r : 99;
}

static int call_once(void *ctx)
{
	const struct complete *at = ctx;

	return install_command(&at->request);
}

/* The same, to which WHAT happens. *SAID becomes what it says, which the caller frees. */
static int call_with(const struct nth *what, struct complete *at, int *status, char **said)
{
	struct capture capture;
	int r;

	capture_begin(&capture);
	r = nth_happens(what, call_once, at, status);
	*said = capture_end(&capture);
	return r;
}

/* What install_command() says, if it ends with EXPECTED; the caller frees. */
static char *ends(const struct complete *at, int expected)
{
	int status;
	char *said = child_says(call, &at->request, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		fail_msg("%d instead of %d: %s", status, expected, said);
	return said;
}

/* The same, if it says WORDS, and never says NEVER. */
static void says(const struct complete *at, int expected, const char *words, const char *never)
{
	_cleanup_free_ char *said = ends(at, expected);

	assert_has(said, words);
	if (never)
		assert_has_not(said, never);
}

static char *record_of(const struct complete *at)
{
	char *text = NULL;
	size_t len;

	assert_int_equal(fs_read_file(at->place->fd, "nix/" LAYOUT_RECORD, 1 << 16, &text, &len),
			 0);
	return text;
}

static void nothing_to_do(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *before = record_of(at), *after = NULL;

	/* what a run that was killed has left is removed all the same */
	complete_put(at, "nix/" LAYOUT_STAGING "/nix-1/file", "x");
	complete_put(at, "nix/" LAYOUT_LOCK, "");
	says(at, 0, IS_THERE, "would be");
	assert_false(complete_has(at, "nix/" LAYOUT_STAGING));
	says(at, 0, NOTHING, "PATH");
	at->request.dry_run = true;
	says(at, 0, NOTHING, "written");
	says(at, 0, NONE_DONE, LINKS);
	after = record_of(at);
	assert_string_equal(before, after);
	assert_false(complete_has(at, "nix/" LAYOUT_LOCK));
	assert_false(complete_has(at, ".local/bin"));
}

static void the_links(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *line = NULL, *record = NULL;
#ifdef SINGLE_BINARY
	/* this program copies itself */
	_cleanup_free_ char *program = path_join(at->place->path, ".local/bin/nix-user-chroot");
#else
	const char *program = at->argv[0];
#endif

	at->request.no_shims = false;
	at->request.no_modify_profile = true;
	at->request.dry_run = true;
	says(at, 0, LINKS, NONE_DONE);
	says(at, 0, IS_THERE, "nothing to do");
	assert_false(complete_has(at, ".local/bin"));
	at->request.dry_run = false;
	says(at, 0, IS_THERE, "nothing to do");
	for (size_t i = 0; i < SHIM_COUNT; i++) {
		_cleanup_free_ char *name = xasprintf(".local/bin/%s", shim_names[i]);
		_cleanup_free_ char *target = NULL;

		assert_int_equal(fs_readlink(at->place->fd, name, &target), 0);
		assert_string_equal(target, program);
	}
	record = record_of(at);
	line = xasprintf("link %s/.local/bin/%s %s\n", at->place->path, shim_names[0], program);
	assert_has(record, line);
	assert_has(record, "complete 2.26.3 ");
	/* the second time, the way to them is said, and nothing else is left to do */
	says(at, 0, NOTHING, LINKS);
	says(at, 0, "/.local/bin", LINKS);
	assert_false(complete_has(at, "nix/" LAYOUT_LOCK));
	at->request.dry_run = true;
	says(at, 0, NONE_DONE, LINKS);
	/* new shells do not find them, which a line in a startup file would change */
	at->request.no_modify_profile = false;
	says(at, 0, IS_THERE, NONE_DONE);
	complete_put(at, ".config/nix-user-chroot/path.sh", "");
	says(at, 0, NONE_DONE, LINKS);
}

/* The line for the PATH of new shells, written once. */
static void the_path_of_new_shells(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *text = NULL, *record = NULL, *said = NULL;
	size_t len;

	if (access("/bin/bash", X_OK) < 0)
		skip();
	at->request.no_shims = false;
	assert_int_equal(setenv("SHELL", "/bin/bash", 1), 0);
	complete_put(at, ".bashrc", "# mine\n");
	said = ends(at, 0);
	assert_has(said, "new shells have the nix commands on PATH by a line in ~/.");
	/* the last of the list, which nothing follows */
	assert_has(said, "~/.bashrc\n");
	assert_true(complete_has(at, ".config/nix-user-chroot/path.sh"));
	assert_int_equal(fs_read_file(at->place->fd, ".bashrc", 1 << 16, &text, &len), 0);
	assert_has(text, "# mine\n");
	assert_has(text, "path.sh");
	record = record_of(at);
	assert_has(record, "/.config/nix-user-chroot/path.sh ");
	assert_has(record, "/.bashrc ");
	says(at, 0, NOTHING, "new shells have");
}

/* What was there before the links and the path of new shells. */
static void take_back(const struct complete *at)
{
	assert_int_equal(fs_remove_tree(at->place->fd, ".local"), 0);
	assert_int_equal(fs_remove_tree(at->place->fd, ".config"), 0);
	complete_put(at, ".bashrc", "# mine\n");
	complete_put_record(at, "", "");
}

/* Whichever write fails, as on a disk that is full: what is on the disk, the record has. */
static void each_write_that_fails(void **state)
{
	struct complete *at = *state;
	struct nth what = {.number = SYS_write, .err = ENOSPC, .of_children = true};
	size_t failed = 0;
	int r = 1;

	if (access("/bin/bash", X_OK) < 0)
		skip();
	at->request.no_shims = false;
	assert_int_equal(setenv("SHELL", "/bin/bash", 1), 0);
	while (r > 0) {
		_cleanup_free_ char *record = NULL, *text = NULL, *said = NULL;
		int status;
		size_t len;

		take_back(at);
		what.nth++;
		r = call_with(&what, at, &status, &said);
		if (r < 0)
			skip();
		assert_true(WIFEXITED(status));
		failed += WEXITSTATUS(status) != 0;
		record = record_of(at);
		assert_int_equal(fs_read_file(at->place->fd, ".bashrc", 1 << 16, &text, &len), 0);
		assert_has(text, "# mine\n");
		if (strstr(text, "path.sh"))
			assert_has(record, "/.bashrc ");
		if (complete_has(at, ".config/nix-user-chroot/path.sh"))
			assert_has(record, "/.config/nix-user-chroot/path.sh ");
		if (complete_has(at, ".local/bin/nix"))
			assert_has(record, "/.local/bin/nix ");
		/* without a warning nothing is left out */
		if (WEXITSTATUS(status) == 0 && !strstr(said, "warning: "))
			assert_has(text, "path.sh");
	}
	assert_true(failed > 3);
}

/* The first runtime that works; PRoot is tried only if it is asked for, or is the last one left. */
static void the_runtime_that_is_chosen(void **state)
{
	static const char lazy[] = "not tried, since another one works";
	const struct complete *at = *state;
	_cleanup_(site_clear) struct site any = {0}, proot = {0};

	assert_int_equal(site_find(RUNTIME_AUTO, &at->request.trust, &any), 0);
	assert_int_equal(any.runtime, RUNTIME_USERNS);
	assert_string_equal(any.nix_dir, at->nix);
	assert_string_equal(any.runtimes.refused[RUNTIME_PROOT], lazy);
	assert_int_equal(site_find(RUNTIME_PROOT, &at->request.trust, &proot), 0);
	assert_int_equal(proot.runtime, RUNTIME_PROOT);
	if (proot.runtimes.refused[RUNTIME_PROOT])
		assert_string_not_equal(proot.runtimes.refused[RUNTIME_PROOT], lazy);
	assert_int_equal(proot.wants_proot, proot.runtimes.lacks_proot);
}

/* The user's own startup files put them there: no line is added. */
static void on_path_already(void **state)
{
	static const char own[] = "PATH=$HOME/.local/bin:$PATH\nexport PATH\n";
	struct complete *at = *state;
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (access("/bin/bash", X_OK) < 0)
		skip();
	at->request.no_shims = false;
	assert_int_equal(setenv("SHELL", "/bin/bash", 1), 0);
	complete_put(at, ".bashrc", own);
	complete_put(at, ".profile", own);
	says(at, 0, IS_THERE, "new shells have");
	assert_true(complete_has(at, ".local/bin/nix"));
	assert_false(complete_has(at, ".config/nix-user-chroot/path.sh"));
	assert_int_equal(fs_read_file(at->place->fd, ".bashrc", 1 << 16, &text, &len), 0);
	assert_string_equal(text, own);
}

static void the_runtime(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *record = NULL;

	at->request.runtime = RUNTIME_USERNS;
	at->request.dry_run = true;
	says(at, 0, "userns would be written down as its runtime\n", NONE_DONE);
	at->request.dry_run = false;
	says(at, 0, "the runtime is userns now, in the record", NOTHING);
	record = record_of(at);
	assert_has(record, "runtime userns\n");
	says(at, 0, NOTHING, "the runtime is");
	at->request.dry_run = true;
	says(at, 0, NONE_DONE, "would be written");
	at->request.runtime = RUNTIME_AUTO;
	says(at, 0, NONE_DONE, "would be written");
}

/* An installation that others keep: what is asked for is not written, and that is said. */
static void of_others(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *before = record_of(at), *after = NULL;

	if (geteuid() == 0)
		assert_int_equal(fchownat(at->place->fd, "nix/" LAYOUT_RECORD, 12345, 12345, 0), 0);
	else
		assert_int_equal(fchmodat(at->place->fd, "nix/" LAYOUT_STATE, 0555, 0), 0);
	at->request.no_shims = false;
	says(at, 0, NOTHING, "not written down");
	at->request.runtime = RUNTIME_USERNS;
	says(at, 0, "--runtime=userns is not written down for an installation that is not yours\n",
	     "the runtime is userns now");
	at->request.dry_run = true;
	says(at, 0, NONE_DONE, LINKS);
	after = record_of(at);
	assert_string_equal(before, after);
	assert_false(complete_has(at, ".local/bin"));
	assert_int_equal(fchmodat(at->place->fd, "nix/" LAYOUT_STATE, 0755, 0), 0);
}

/* A store that no --install has made, with a record that tells of nothing: nothing is added. */
static void of_another_tool(void **state)
{
	struct complete *at = *state;

	complete_put(at, "nix/" LAYOUT_RECORD, "nix-user-chroot-record 1\n");
	at->request.no_shims = false;
	at->request.dry_run = true;
	says(at, 0, NONE_DONE, LINKS);
	at->request.dry_run = false;
	says(at, 0, "nothing to do\n", "new shells have");
	assert_false(complete_has(at, ".local/bin"));
}

/* nix.conf is gone, or lacks lines, and Nix does not work with a new one: none is left. */
static void nix_conf(void **state)
{
	static char line[] = "cores = 1";
	struct complete *at = *state;
	const struct strlist lines = {.items = (char *[]){line}, .count = 1};
	/* sha256 of "sandbox = true\n" */
	_cleanup_free_ char *file =
		xasprintf("file %s/" LAYOUT_NIX_CONF " " CONF_HASH "\n", at->nix);
	_cleanup_free_ char *text = NULL;
	size_t len;

	at->request.extra_conf = &lines;
	says(at, CANCELED, "cores = 1", NOTHING);
	at->request.dry_run = true;
	says(at, CANCELED, "cores = 1", NONE_DONE);
	/* one that is as it was written gets the line */
	complete_put_record(at, file, "");
	says(at, 0, "/nix/" LAYOUT_NIX_CONF " would be written\n", NONE_DONE);
	complete_put_record(at, "", "");
	at->request.extra_conf = NULL;
	assert_int_equal(unlinkat(at->place->fd, "nix/" LAYOUT_NIX_CONF, 0), 0);
	says(at, 0, "/nix/" LAYOUT_NIX_CONF " would be written\n", NONE_DONE);
	at->request.dry_run = false;
	says(at, CANCELED, "nix", "was gone: written again");
	assert_false(complete_has(at, "nix/" LAYOUT_NIX_CONF));
	assert_false(complete_has(at, "nix/" LAYOUT_LOCK));
	complete_put(at, "nix/" LAYOUT_NIX_CONF, "# mine\n");
	says(at, 0, NOTHING, "written");
	assert_int_equal(fs_read_file(at->place->fd, "nix/" LAYOUT_NIX_CONF, 99, &text, &len), 0);
	assert_string_equal(text, "# mine\n");
}

/* Lines for a nix.conf that is as it was written, of an installation that others keep. */
static void nix_conf_of_others(void **state)
{
	static char line[] = "cores = 1";
	struct complete *at = *state;
	const struct strlist lines = {.items = (char *[]){line}, .count = 1};
	/* sha256 of "sandbox = true\n" */
	_cleanup_free_ char *file =
		xasprintf("file %s/" LAYOUT_NIX_CONF " " CONF_HASH "\n", at->nix);

	complete_put_record(at, file, "");
	if (geteuid() == 0)
		assert_int_equal(fchownat(at->place->fd, "nix/" LAYOUT_RECORD, 12345, 12345, 0), 0);
	else
		assert_int_equal(fchmodat(at->place->fd, "nix/" LAYOUT_STATE, 0555, 0), 0);
	says(at, 0, NOTHING, NULL);
	at->request.extra_conf = &lines;
	says(at, CANCELED, "cores = 1", NOTHING);
	at->request.dry_run = true;
	says(at, CANCELED, "cores = 1", NONE_DONE);
	assert_int_equal(fchmodat(at->place->fd, "nix/" LAYOUT_STATE, 0755, 0), 0);
}

static void a_command_afterwards(void **state)
{
	static char sh[] = "sh", c[] = "-c", text[] = "test -d /nix/store && exit 3";
	static char *const argv[] = {sh, c, text, NULL};
	struct complete *at = *state;

	at->request.argv = argv;
	says(at, 3, NOTHING, NULL);
	/* it does not run in place of the plan, nor after a failure */
	at->request.dry_run = true;
	says(at, 0, NONE_DONE, NULL);
	at->request.dry_run = false;
	at->request.sha256 = "none";
	says(at, CANCELED, "'none' is not a SHA-256", NOTHING);
}

static void a_broken_bundle(void **state)
{
	const struct bundle broken = {.name = "nix-2.26.3-x86_64-linux.tar.xz",
				      .broken = "it was cut"};
	struct complete *at = *state;

	at->request.bundle = &broken;
	says(at, CANCELED, "cannot be used as a bundle: it was cut\n", NOTHING);
	at->request.mirror = "/x";
	says(at, 0, NOTHING, "it was cut");
	at->request.mirror = NULL;
	at->request.tarball = "/x";
	says(at, CANCELED, "/x", "it was cut");
}

/* A mirror whose latest Nix is 2.30.0, with 2.26.3 beside it; its tarballs hold "abc". */
static void put_mirror(struct complete *at, char **path)
{
	static const char *const versions[] = {"2.26.3", "2.30.0"};

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *name = xasprintf("mirror/nix-%s/nix-%s-%s.tar.xz", versions[i],
						      versions[i], own_release_system());
		_cleanup_free_ char *hash = xasprintf("%s.sha256", name);

		complete_put(at, name, "abc");
		complete_put(at, hash, HASH_OF_ABC);
	}
	complete_put(at, "mirror/latest/install", "url=x/nix-2.30.0/nix-2.30.0-$system.tar.xz\n");
	at->request.mirror = *path = path_join(at->place->path, "mirror");
}

/* What would be installed: the latest; that of a damaged installation; that which is asked for. */
static void which_release(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *mirror = NULL;

	put_mirror(at, &mirror);
	at->request.dry_run = true;
	at->request.force = true;
	says(at, 0, "Nix 2.30.0 for ", NONE_DONE);
	at->request.force = false;
	at->request.nix_version = "2.30.0";
	says(at, 0, "Nix 2.30.0 for ", NONE_DONE);
	at->request.nix_version = NULL;
	says(at, 0, NONE_DONE, NULL);
	assert_int_equal(fchmodat(at->place->fd, "nix/store/" COMPLETE_NAME "/bin/nix", 0444, 0),
			 0);
	says(at, 0, "Nix 2.26.3 for ", "2.30.0");
	at->request.nix_version = "2.30.0";
	says(at, 0, "Nix 2.30.0 for ", NULL);
	at->request.nix_version = "2.31.0";
	says(at, CANCELED, "2.31.0", "would do this");
}

/* A download that is no tarball: refused, what is there stays, and nothing of the work is left. */
static void a_release_that_is_none(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *mirror = NULL, *before = record_of(at), *after = NULL;

	put_mirror(at, &mirror);
	at->request.nix_version = "2.30.0";
	says(at, CANCELED, "2.30.0", NOTHING);
	assert_false(complete_has(at, "nix/" LAYOUT_LOCK));
	assert_false(complete_has(at, "nix/" LAYOUT_STAGING));
	assert_true(complete_has(at, "nix/store/" COMPLETE_NAME "/bin/nix"));
	after = record_of(at);
	assert_has(after, "complete 2.26.3 ");
	assert_has_not(after, "2.30.0");
	assert_has_not(after, "begun");
	assert_true(str_starts_with(after, before));
}

/* What the host or the caller lacks is said before anything is asked for. */
static void what_prevents_it(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *mirror = NULL, *odd = path_join(at->place->path, "two\nlines");

	put_mirror(at, &mirror);
	at->request.nix_version = "2.30.0";
	assert_int_equal(mkdir(odd, 0755), 0);
	assert_int_equal(setenv("HOME", odd, 1), 0);
	for (int dry = 0; dry < 2; dry++) {
		at->request.dry_run = dry;
		says(at, CANCELED, "Nix cannot work with a newline in it\n",
		     "looking for the release");
	}
	assert_int_equal(setenv("HOME", at->place->path, 1), 0);
	/* the CA certificates that are asked for are the ones that count */
	at->request.mirror = "https://127.0.0.1:1";
	at->request.cacert = "/nowhere/ca";
	says(at, CANCELED, "/nowhere/ca", NOTHING);
}

/* What --install of another release says where WORK lets it fail; the caller frees. */
static char *another_release(struct complete *at, int (*work)(const void *request))
{
	_cleanup_free_ char *mirror = NULL;
	char *said;
	int status;

	put_mirror(at, &mirror);
	at->request.nix_version = "2.30.0";
	said = child_says(work, &at->request, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), CANCELED);
	return said;
}

static int call_without_namespaces(const void *request)
{
	refuse_call(SYS_unshare, -1, EPERM);
	return install_command(request);
}

/* Where nothing can be entered, that is said before anything is downloaded or made. */
static void a_host_that_refuses(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *said = NULL;

	at->request.runtime = RUNTIME_USERNS;
	said = another_release(at, call_without_namespaces);
	assert_has(said, "it refuses unshare: Operation not permitted\n");
	assert_has_not(said, "downloading");
	assert_false(complete_has(at, "nix/" LAYOUT_LOCK));
}

static int call_without_directories(const void *request)
{
	refuse_call(SYS_mkdirat, -1, EROFS);
	return install_command(request);
}

/* Without the lock nothing is asked for, nor done. */
static void without_the_lock(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *mirror = NULL, *nix = path_join(at->place->path, "new"), *said = NULL;
	int status;

	put_mirror(at, &mirror);
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", nix, 1), 0);
	said = child_says(call_without_directories, &at->request, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), CANCELED);
	assert_has(said, "/new/var/nix-user-chroot: Read-only file system\n");
	assert_true(
		str_ends_with(said, "NIX_USER_CHROOT_DIR to a directory that can be written\n"));
	assert_false(complete_has(at, "new"));
}

/* The same where Nix is installed. */
static void renewing_without_the_lock(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *before = record_of(at), *after = NULL;

	complete_put(at, "nix/" LAYOUT_LOCK "/file", "");
	at->request.runtime = RUNTIME_USERNS;
	says(at, CANCELED, "/nix/" LAYOUT_LOCK ": Is a directory\n", "cannot write the record");
	after = record_of(at);
	assert_string_equal(before, after);
}

static int call_without_modes(const void *request)
{
	refuse_call(SYS_fchmod, -1, EPERM);
	return install_command(request);
}

/* A file system that Nix cannot use: said before Nix is tried there, and before any download. */
static void a_disk_that_nix_cannot_use(void **state)
{
	static const char *const tried[] = {"was gone", "downloading", "prints no version",
					    "cannot run", "does not run"};
	struct complete *at = *state;
	_cleanup_free_ char *mirror = NULL;

	put_mirror(at, &mirror);
	for (int renews = 1; renews >= 0; renews--) {
		int status;
		_cleanup_free_ char *said = NULL;

		if (renews)
			assert_int_equal(unlinkat(at->place->fd, "nix/" LAYOUT_NIX_CONF, 0), 0);
		at->request.nix_version = renews ? NULL : "2.30.0";
		said = child_says(call_without_modes, &at->request, NULL, &status);
		assert_int_equal(WEXITSTATUS(status), CANCELED);
		assert_has(said, "Nix cannot use ");
		for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++)
			assert_has_not(said, tried[i]);
		assert_has(strstr(said, "Nix cannot use "), "on another file system");
		assert_string_equal(strchr(strchr(strstr(said, "Nix cannot use "), '\n') + 1, '\n'),
				    "\n");
		assert_false(complete_has(at, "nix/" LAYOUT_LOCK));
	}
}

static void begin_another(void *ctx)
{
	complete_put_record(ctx, "", "begun\n");
}

/* Another process has begun an installation when this one gets the lock: it is let alone. */
static void another_that_has_begun(void **state)
{
	struct complete *at = *state;
	const struct nth what = {
		.number = SYS_flock, .nth = 1, .meanwhile = begin_another, .of_children = true};
	_cleanup_free_ char *record = NULL, *said = NULL;
	int status, r;

	at->request.runtime = RUNTIME_USERNS;
	r = call_with(&what, at, &status, &said);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
	record = record_of(at);
	assert_has(record, "\nbegun\n");
	assert_has_not(record, "runtime");
}

/* Where it cannot be known whether another process is at work, nothing begins. */
static void a_lock_that_cannot_be_asked(void **state)
{
	/* the first one is that of the clean-up */
	static const struct nth fails = {
		.number = SYS_flock, .nth = 2, .err = EIO, .of_children = true};
	struct complete *at = *state;
	_cleanup_free_ char *mirror = NULL, *said = NULL;
	int status, r;

	put_mirror(at, &mirror);
	at->request.nix_version = "2.30.0";
	complete_put(at, "nix/" LAYOUT_LOCK, "");
	r = call_with(&fails, at, &status, &said);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, CANCELED << 8);
	assert_has(said, "cannot lock ");
	assert_has_not(said, "downloading");
}

static int call_without_a_record(const void *request)
{
	/* which alone is opened to be appended to */
	refuse_call_if(SYS_openat, 2, BPF_JSET, O_APPEND, EIO);
	return install_command(request);
}

/* Without a record nothing is begun that it would have to tell. */
static void a_record_that_cannot_be_begun(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *said = another_release(at, call_without_a_record);

	assert_has(said, "cannot write the record in ");
	assert_has(said, ": Input/output error\n");
	/* the tarball's contents are of no use */
	assert_has_not(said, "unpack");
	assert_false(complete_has(at, "nix/" LAYOUT_STAGING));
}

static int call_without_syncs(const void *request)
{
	refuse_call(SYS_fsync, -1, EIO);
	return install_command(request);
}

/* A record that does not reach the disk: what it would have to tell is not said to be done. */
static void a_record_that_is_not_written(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *said = NULL;
	int status;

	at->request.runtime = RUNTIME_USERNS;
	said = child_says(call_without_syncs, &at->request, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), CANCELED);
	assert_has(said, "cannot write the record in ");
	assert_has_not(said, "the runtime is userns now");
}

/* Where Nix is, and who can write there, is looked at first. */
static void the_directory(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *elsewhere = path_join(at->place->path, "elsewhere/nix");

	assert_int_equal(fchmodat(at->place->fd, "nix", 0777, 0), 0);
	says(at, CANCELED, "is not used as the Nix directory", NOTHING);
	assert_int_equal(fchmodat(at->place->fd, "nix", 0755, 0), 0);
	at->request.trust.group = "no-such-group-here";
	says(at, CANCELED, "no-such-group-here", NOTHING);
	at->request.trust.group = NULL;
	assert_int_equal(renameat(at->place->fd, "nix/var/nix", at->place->fd, "away"), 0);
	assert_int_equal(symlinkat("../../away", at->place->fd, "nix/var/nix"), 0);
	says(at, CANCELED, "/nix/var/nix is a symlink", NOTHING);
	assert_int_equal(unlinkat(at->place->fd, "nix/var/nix", 0), 0);
	complete_put(at, "nix/var/nix", "no directory");
	says(at, CANCELED, "/nix/var/nix: Not a directory", NOTHING);
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", "relative", 1), 0);
	says(at, CANCELED, "NIX_USER_CHROOT_DIR", NOTHING);
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", elsewhere, 1), 0);
	complete_put(at, "elsewhere/file", "");
	at->request.dry_run = true;
	if (geteuid() != 0) {
		_cleanup_free_ char *mirror = NULL;

		put_mirror(at, &mirror);
		assert_int_equal(fchmodat(at->place->fd, "elsewhere", 0555, 0), 0);
		says(at, CANCELED, "cannot make the directory ", "would do this");
		assert_int_equal(fchmodat(at->place->fd, "elsewhere", 0755, 0), 0);
	}
	unsetenv("HOME");
	says(at, CANCELED, "HOME", NOTHING);
}

int main(void)
{
#define COMPLETE(f) cmocka_unit_test_setup_teardown(f, setup, complete_teardown)
	const struct CMUnitTest tests[] = {
		COMPLETE(nothing_to_do),
		COMPLETE(the_links),
		COMPLETE(the_path_of_new_shells),
		COMPLETE(each_write_that_fails),
		COMPLETE(the_runtime_that_is_chosen),
		COMPLETE(on_path_already),
		COMPLETE(the_runtime),
		COMPLETE(of_others),
		COMPLETE(of_another_tool),
		COMPLETE(nix_conf),
		COMPLETE(nix_conf_of_others),
		COMPLETE(a_command_afterwards),
		COMPLETE(a_broken_bundle),
		COMPLETE(which_release),
		COMPLETE(a_release_that_is_none),
		COMPLETE(what_prevents_it),
		COMPLETE(a_host_that_refuses),
		COMPLETE(without_the_lock),
		COMPLETE(renewing_without_the_lock),
		COMPLETE(a_disk_that_nix_cannot_use),
		COMPLETE(a_record_that_is_not_written),
		COMPLETE(a_record_that_cannot_be_begun),
		COMPLETE(another_that_has_begun),
		COMPLETE(a_lock_that_cannot_be_asked),
		COMPLETE(the_directory),
	};

	/* where entering is refused, --install says so instead */
	if (!filter_host_allows_all()) {
		puts("1..0 # SKIP this host allows no namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
