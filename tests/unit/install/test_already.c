/* --install of what is installed already, as the small program answers it. */
#include "install/already.h"
#include "config.h"
#include "home/shims.h"
#include "store/lock.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../capture.h"
#include "../filter.h"
#include "../nth.h"
#include "complete.h"

#define NOTHING "Nix 2.26.3 is installed in "

static int call(const void *request)
{
	int r = already_installed(request);

	return child_has_stdin() ? r + 1 : 99;
}

/* What already_installed() returns, and that it says SAYS; "": nothing. */
static void answers(const struct complete *at, int expected, const char *says)
{
	int status;
	_cleanup_free_ char *said = child_says(call, &at->request, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected + 1)
		fail_msg("%d instead of %d: %s", status, expected, said);
	assert_has(said, says);
	if (!*says)
		assert_string_equal(said, "");
}

/* Nothing is left to do; where no namespace can be had, the installer has to say so. */
static void is_done(const struct complete *at)
{
	bool can = filter_host_allows_all();

	answers(at, can ? 1 : 0, can ? NOTHING : "");
}

static void what_asks_for_more(void **state)
{
	static char name[] = "true", *const argv[] = {name, NULL};
	static char line[] = "cores = 1";
	struct complete *at = *state;
	const struct install_request plain = at->request;
	const struct strlist none = {0}, lines = {.items = (char *[]){line}, .count = 1};

	is_done(at);
#define WITH(field, value)                 \
	do {                               \
		at->request = plain;       \
		at->request.field = value; \
	} while (0)
	WITH(runtime, RUNTIME_USERNS);
	answers(at, 0, "");
	WITH(force, true);
	answers(at, 0, "");
	WITH(dry_run, true);
	answers(at, 0, "");
	WITH(argv, argv);
	answers(at, 0, "");
	WITH(tarball, "/x");
	answers(at, 0, "");
	WITH(sha256, COMPLETE_A64);
	answers(at, 0, "");
	WITH(cacert, "/x");
	answers(at, 0, "");
	WITH(mirror, "http://x");
	answers(at, 0, "");
	WITH(mirror, "none");
	answers(at, 0, "");
	WITH(nix_extra_conf_file, "/x");
	answers(at, 0, "");
	WITH(extra_conf, &lines);
	answers(at, 0, "");
	WITH(nix_version, "2.26.4");
	answers(at, 0, "");
	WITH(extra_conf, &none);
	is_done(at);
	WITH(mirror, "https://x");
	is_done(at);
	WITH(mirror, "/x");
	is_done(at);
	WITH(nix_version, "2.26.3");
	is_done(at);
}

static void certificates(void **state)
{
	const struct complete *at = *state;
	const char *of_host = ca_bundle_find("");

	assert_int_equal(setenv("NIX_SSL_CERT_FILE", "/nowhere", 1), 0);
	answers(at, 0, "");
	if (of_host) {
		assert_int_equal(setenv("NIX_SSL_CERT_FILE", of_host, 1), 0);
		is_done(at);
	}
}

static void what_is_wrong_with_the_request(void **state)
{
	struct complete *at = *state;

	at->request.trust.group = "no-such-group-here";
	answers(at, -1, "no-such-group-here");
	at->request.trust.group = NULL;
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", "relative", 1), 0);
	answers(at, -1, "NIX_USER_CHROOT_DIR");
	assert_int_equal(setenv("NIX_USER_CHROOT_DIR", at->nix, 1), 0);
	unsetenv("HOME");
	answers(at, -1, "HOME");
}

/* Write the file NAME until CHANGED is newer than the record: a clock's tick may have 10 ms. */
static void put_later(const struct complete *at, const char *name, const char *changed)
{
	struct stat record, now;

	assert_int_equal(fstatat(at->place->fd, "nix/" LAYOUT_RECORD, &record, 0), 0);
	do {
		complete_put(at, name, "cores = 1\n");
		assert_int_equal(fstatat(at->place->fd, changed, &now, 0), 0);
	} while (now.st_ctim.tv_sec == record.st_mtim.tv_sec &&
		 now.st_ctim.tv_nsec == record.st_mtim.tv_nsec);
}

static void what_is_not_settled(void **state)
{
	const struct complete *at = *state;
	_cleanup_free_ char *away = path_join(at->place->path, "away");

	complete_put(at, "nix/" LAYOUT_LOCK, "");
	answers(at, 0, "");
	assert_int_equal(unlinkat(at->place->fd, "nix/" LAYOUT_LOCK, 0), 0);
	is_done(at);
	complete_put_record(at, "", "begun\n");
	answers(at, 0, "");
	complete_put(at, "nix/" LAYOUT_RECORD, "garbage\n");
	answers(at, 0, "");
	complete_put_record(at, "", "");
	is_done(at);
	/* changed since, as by a disk that failed: its digest has to be taken */
	put_later(at, "nix/store/" COMPLETE_NAME "/more", "nix/store/" COMPLETE_NAME);
	answers(at, 0, "");
	complete_put_record(at, "", "");
	put_later(at, "nix/" LAYOUT_NIX_CONF, "nix/" LAYOUT_NIX_CONF);
	answers(at, 0, "");
	complete_put_record(at, "", "");
	/* what --install would say before it begins anew */
	complete_put(at, "nix/var/nix/db/db.sqlite", "");
	answers(at, 0, "");
	complete_put_database(at);
	is_done(at);
	assert_int_equal(unlinkat(at->place->fd, ".nix-profile", 0), 0);
	answers(at, 0, "");
	assert_int_equal(renameat(at->place->fd, "nix", AT_FDCWD, away), 0);
	answers(at, 0, "");
}

/* In a child: hold the lock from a byte to SAYS until GO ends. */
static void hold(const struct complete *at, int says, int go)
{
	struct lock lock = LOCK_NONE;
	struct progress progress;
	char byte;

	progress_init(&progress);
	if (lock_take(at->nix, &progress, &lock) < 0 || write(says, "", 1) != 1)
		_exit(1);
	/* the test reads there until all others have ended */
	close(says);
	(void)!read(go, &byte, 1);
	lock_remove(&lock);
	_exit(0);
}

/* A child that holds the lock until GO ends; what others say then, SAYS tells. */
static pid_t start_holder(const struct complete *at, int says[2], int go[2])
{
	pid_t holder;
	char byte;

	assert_int_equal(pipe2(says, O_CLOEXEC) + pipe2(go, O_CLOEXEC), 0);
	holder = fork();
	if (holder == 0) {
		close(go[1]);
		hold(at, says[1], go[0]);
	}
	assert_int_equal(read(says[0], &byte, 1), 1);
	return holder;
}

/* It waits for another --install, for which there may be work, and looks again then. */
static void waits_for_another(void **state)
{
	const struct complete *at = *state;
	_cleanup_free_ char *said = xcalloc(4096, 1);
	int says[2], go[2], status, expected = filter_host_allows_all() ? 1 : 0;
	size_t used = 0;
	pid_t holder, waiter;
	ssize_t n;

	holder = start_holder(at, says, go);
	waiter = fork();
	if (waiter == 0) {
		close(go[1]);
		dup2(says[1], STDERR_FILENO);
		_exit(already_installed(&at->request) + 1);
	}
	close(says[1]);
	while ((n = read(says[0], said + used, 4095 - used)) > 0) {
		used += (size_t)n;
		if (strstr(said, "waiting for it") && go[1] >= 0)
			close(steal_fd(&go[1]));
	}
	cleanup_close(&go[1]);
	assert_int_equal(waitpid(waiter, &status, 0), waiter);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	close(says[0]);
	close(go[0]);
	assert_int_equal(WEXITSTATUS(status), expected + 1);
	assert_has(said, " is at work on ");
	if (expected > 0)
		assert_has(said, NOTHING);
}

static int ask_once(void *ctx)
{
	const struct complete *at = ctx;

	return already_installed(&at->request) + 1;
}

/* A wait that fails: that was said, and the installer is not started to say it again. */
static void a_wait_that_fails(void **state)
{
	struct complete *at = *state;
	int says[2], go[2], status, r;
	struct capture capture;
	pid_t holder;

	holder = start_holder(at, says, go);
	capture_begin(&capture);
	/* the first one only asks whether there is another process */
	r = nth_fails(SYS_flock, 2, EIO, ask_once, at, &status);
	free(capture_end(&capture));
	close(go[1]);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	close(go[0]);
	close(says[0]);
	close(says[1]);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
}

static void of_others(void **state)
{
	const struct complete *at = *state;

	if (geteuid() == 0) {
		assert_int_equal(fchownat(at->place->fd, "nix/" LAYOUT_RECORD, 12345, 12345, 0), 0);
		answers(at, 0, "");
		return;
	}
	assert_int_equal(fchmodat(at->place->fd, "nix/" LAYOUT_STATE, 0555, 0), 0);
	answers(at, 0, "");
	assert_int_equal(fchmodat(at->place->fd, "nix/" LAYOUT_STATE, 0755, 0), 0);
	is_done(at);
}

/* What others may write to is not used, and nothing is said of what is in it. */
static void not_trusted(void **state)
{
	const struct complete *at = *state;

	if (!filter_host_allows_all())
		skip();
	assert_int_equal(fchmodat(at->place->fd, "nix", 0777, 0), 0);
	answers(at, -1, "is not used as the Nix directory");
	assert_int_equal(fchmodat(at->place->fd, "nix", 0755, 0), 0);
	assert_int_equal(renameat(at->place->fd, "nix/var/nix", at->place->fd, "away"), 0);
	assert_int_equal(symlinkat("../../away", at->place->fd, "nix/var/nix"), 0);
	answers(at, -1, "/nix/var/nix is a symlink");
	assert_int_equal(unlinkat(at->place->fd, "nix/var/nix", 0), 0);
	complete_put(at, "nix/var/nix", "no directory");
	answers(at, -1, "/nix/var/nix: Not a directory");
}

static void the_links(void **state)
{
	struct complete *at = *state;
	_cleanup_free_ char *bin = path_join(at->place->path, ".local/bin");
	_cleanup_free_ char *last = path_join(bin, shim_names[SHIM_COUNT - 1]);

#ifdef SINGLE_BINARY
	/* there is no small program, and the links lead to a copy */
	skip();
#endif
	if (!filter_host_allows_all())
		skip();
	at->request.no_shims = false;
	at->request.no_modify_profile = true;
	answers(at, 0, "");
	complete_put_links(at, shim_names, SHIM_COUNT);
	/* new shells do not find them: that is said, and the user wants no line */
	answers(at, 1, NOTHING);
	answers(at, 1, "/.local/bin");
	answers(at, 1, "PATH");
	at->request.no_modify_profile = false;
	answers(at, 0, "");
	complete_put(at, ".config/nix-user-chroot/path.sh", "");
	answers(at, 1, NOTHING);
	assert_int_equal(unlinkat(at->place->fd, ".config/nix-user-chroot/path.sh", 0), 0);
	assert_int_equal(setenv("PATH", bin, 1), 0);
	answers(at, 1, NOTHING);
	assert_int_equal(unlink(last), 0);
	answers(at, 0, "");
}

int main(void)
{
#define COMPLETE(f) cmocka_unit_test_setup_teardown(f, complete_setup, complete_teardown)
	const struct CMUnitTest tests[] = {
		COMPLETE(what_asks_for_more),
		COMPLETE(certificates),
		COMPLETE(what_is_wrong_with_the_request),
		COMPLETE(what_is_not_settled),
		COMPLETE(waits_for_another),
		COMPLETE(a_wait_that_fails),
		COMPLETE(of_others),
		COMPLETE(not_trusted),
		COMPLETE(the_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
