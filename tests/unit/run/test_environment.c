/* The variables of the command. */
#include "run/environment.h"
#include "ui/log.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"
#include "../refuse.h"
#include "own_mounts.h"

static void wants_a_daemon(void **state)
{
	(void)state;
	assert_true(environment_wants_daemon("store = daemon"));
	assert_true(environment_wants_daemon("cores = 1\n\tstore\t=\tdaemon\n"));
	assert_true(environment_wants_daemon("store = unix://"));
	assert_true(environment_wants_daemon("store = unix:///nix/var/nix/daemon-socket/socket"));
	assert_true(environment_wants_daemon("store = auto\nstore = daemon"));
	assert_false(environment_wants_daemon(""));
	assert_false(environment_wants_daemon("\n\n="));
	assert_false(environment_wants_daemon("store"));
	assert_false(environment_wants_daemon("store ="));
	assert_false(environment_wants_daemon("store = daemon\nstore = auto"));
	assert_false(environment_wants_daemon("# store = daemon"));
	assert_false(environment_wants_daemon("substitute = daemon"));
	assert_false(environment_wants_daemon("store = ssh://daemon"));
	assert_false(environment_wants_daemon("store = unix:///run/other"));
}

/* Returns what is left of LIST in LD_PRELOAD and LD_LIBRARY_PATH; NULL: nothing. */
static const char *dropped(const char *list)
{
	setenv("LD_PRELOAD", list, 1);
	setenv("LD_LIBRARY_PATH", list, 1);
	environment_drop_libraries("nix");
	if (!getenv("LD_PRELOAD"))
		assert_null(getenv("LD_LIBRARY_PATH"));
	else
		assert_string_equal(getenv("LD_PRELOAD"), getenv("LD_LIBRARY_PATH"));
	return getenv("LD_PRELOAD");
}

static void drops_libraries(void **state)
{
	(void)state;
	environment_drop_libraries("nix");
	assert_null(getenv("LD_PRELOAD"));
	assert_null(dropped("/usr/lib"));
	assert_null(dropped("/nixlib:relative"));
	assert_string_equal(dropped("/nix/lib"), "/nix/lib");
	assert_string_equal(dropped("/a:/nix/lib:/b:/run/opengl-driver/lib:/c"),
			    "/nix/lib:/run/opengl-driver/lib");
}

/* Returns what is said about LIST in LD_PRELOAD; the caller frees. */
static char *said_of(const char *list)
{
	struct capture capture;

	setenv("LD_PRELOAD", list, 1);
	capture_begin(&capture);
	log_set_level(LOG_VERBOSE);
	environment_drop_libraries("nix-x");
	log_set_level(LOG_NORMAL);
	return capture_end(&capture);
}

/* What is kept is not worth a word. */
static void tells_of_libraries(void **state)
{
	_cleanup_free_ char *kept = said_of("/nix/lib:/nix/b"), *dropped_one = NULL;

	(void)state;
	assert_string_equal(kept, "");
	dropped_one = said_of("/nix/lib:/b");
	assert_string_equal(dropped_one,
			    "nix-user-chroot: nix-x runs without the host's libraries in "
			    "LD_PRELOAD: nix-user-chroot -- COMMAND keeps them\n");
}

/* Returns PATH after environment_prepare() in a home directory with a profile. */
static const char *path_after(const char *path, bool with_profile)
{
	if (path)
		setenv("PATH", path, 1);
	else
		unsetenv("PATH");
	environment_prepare(with_profile);
	return getenv("PATH");
}

static void prepares(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *bin = path_join(place->path, ".nix-profile/bin");
	_cleanup_free_ char *first = xasprintf("%s:/x", bin), *last = xasprintf("/x:%s", bin);
	_cleanup_free_ char *usual = xasprintf("%s:/bin:/usr/bin", bin);

	setenv("HOME", place->path, 1);
	assert_int_equal(fs_mkdirs(place->fd, ".nix-profile/bin", 0755), 0);
	assert_string_equal(path_after("/x", false), "/x");
	assert_string_equal(getenv("NIX_CONF_DIR"), "/nix/etc/nix");
	assert_null(getenv("NIX_SSL_CERT_FILE"));
	assert_string_equal(path_after("/x", true), first);
	assert_string_equal(path_after(last, true), last);
	assert_string_equal(path_after(NULL, true), usual);
	/* what the user has set, or for a directory that was named the host's own Nix */
	setenv("NIX_CONF_DIR", "/mine", 1);
	environment_prepare(true);
	assert_string_equal(getenv("NIX_CONF_DIR"), "/mine");
	environment_prepare(false);
	assert_string_equal(getenv("NIX_CONF_DIR"), "/mine");
	setenv("NIX_CONF_DIR", "/etc/nix", 1);
	environment_prepare(true);
	assert_string_equal(getenv("NIX_CONF_DIR"), "/etc/nix");
	environment_prepare(false);
	assert_string_equal(getenv("NIX_CONF_DIR"), "/nix/etc/nix");
	setenv("NIX_CONF_DIR", "", 1);
	environment_prepare(true);
	assert_string_equal(getenv("NIX_CONF_DIR"), "/nix/etc/nix");
}

static void certificates(void **state)
{
	const struct place *place = *state;
	const char *host = ca_bundle_find("");

	setenv("HOME", place->path, 1);
	setenv("SSL_CERT_FILE", "/mine", 1);
	environment_prepare(true);
	assert_null(getenv("NIX_SSL_CERT_FILE"));
	unsetenv("SSL_CERT_FILE");
	setenv("NIX_SSL_CERT_FILE", "/mine", 1);
	environment_prepare(true);
	assert_string_equal(getenv("NIX_SSL_CERT_FILE"), "/mine");
	unsetenv("NIX_SSL_CERT_FILE");
	environment_prepare(true);
	/* Nix finds Debian's by itself */
	if (!host || host == ca_bundle_paths[0])
		assert_null(getenv("NIX_SSL_CERT_FILE"));
	else
		assert_string_equal(getenv("NIX_SSL_CERT_FILE"), host);
}

/* In a child, where every bundle of the host is hidden: what is set without and with a profile. */
static int without_host_bundles(const void *context)
{
	static const char *const directories[] = {"/etc/ssl", "/etc/pki", "/etc/ca-certificates",
						  "/var/lib/ca-certificates"};
	_cleanup_free_ char *home = NULL;
	const struct place *place;
	const char *found;
	void *state;

	(void)context;
	if (own_mounts() < 0 || place_setup(&state) != 0)
		return 99;
	place = state;
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (access(directories[i], F_OK) == 0 &&
		    mount("tmpfs", directories[i], "tmpfs", 0, NULL) < 0)
			return 99;
	setenv("HOME", place->path, 1);
	environment_prepare(true);
	if (getenv("NIX_SSL_CERT_FILE"))
		return 1;
	if (fs_mkdirs(place->fd, ".nix-profile/bin", 0755) < 0 ||
	    fs_mkdirs(place->fd, ".nix-profile/etc/ssl/certs", 0755) < 0)
		return 99;
	environment_prepare(true);
	if (getenv("NIX_SSL_CERT_FILE"))
		return 2;
	home = path_join(place->path, ".nix-profile/etc/ssl/certs/ca-bundle.crt");
	if (fs_put_file(home, "x", 1, 0644) < 0)
		return 99;
	/* for a directory that was named, nothing is set */
	environment_prepare(false);
	if (getenv("NIX_SSL_CERT_FILE"))
		return 3;
	/* an empty one counts as none */
	setenv("NIX_SSL_CERT_FILE", "", 1);
	environment_prepare(true);
	found = getenv("NIX_SSL_CERT_FILE");
	return found && strcmp(found, home) == 0 ? 0 : 4;
}

static void certificates_of_the_profile(void **state)
{
	int status;

	(void)state;
	free(child_says(without_host_bundles, NULL, NULL, &status));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip();
	assert_int_equal(status, 0);
}

/* What chooses the daemon of the host's Nix, which does not serve this store. */
static void forgets_the_daemon(void **state)
{
	(void)state;
	/* a daemon may listen in this host's own /nix */
	if (access("/nix/var/nix/daemon-socket/socket", F_OK) == 0)
		skip();
	setenv("NIX_REMOTE", "daemon", 1);
	environment_prepare(false);
	assert_null(getenv("NIX_REMOTE"));
	assert_null(getenv("NIX_CONFIG"));
	setenv("NIX_REMOTE", "ssh://other", 1);
	setenv("NIX_CONFIG", "cores = 1", 1);
	environment_prepare(false);
	assert_string_equal(getenv("NIX_REMOTE"), "ssh://other");
	assert_string_equal(getenv("NIX_CONFIG"), "cores = 1");
	setenv("NIX_CONFIG", "store = daemon", 1);
	environment_prepare(false);
	assert_string_equal(getenv("NIX_REMOTE"), "ssh://other");
	assert_string_equal(getenv("NIX_CONFIG"), "store = daemon\nstore = ssh://other");
	setenv("NIX_REMOTE", "daemon", 1);
	setenv("NIX_CONFIG", "store = daemon", 1);
	environment_prepare(false);
	assert_null(getenv("NIX_REMOTE"));
	assert_string_equal(getenv("NIX_CONFIG"), "store = daemon\nstore = auto");
}

static int setup(void **state)
{
	return empty_environment(state) != 0 ? -1 : place_setup(state);
}

/* As a user whose ID has no name here: what USER says, if it can be the name of a file. */
static const char *without_a_name(void *ctx)
{
	static const struct {
		const char *user, *wanted; /* NULL: none */
	} cases[] = {
		{"me", "me"}, {"me.too", "me.too"}, {"a/b", NULL}, {"/", NULL},
		{".", NULL},  {"..", NULL},	    {".me", NULL}, {NULL, NULL},
	};

	(void)ctx;
	/* the user 4294963201, of whom no host knows */
	refuse_call(SYS_geteuid, -1, 4095);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *user;

		if (cases[i].user)
			setenv("USER", cases[i].user, 1);
		else
			unsetenv("USER");
		user = environment_user();
		if (user ? !cases[i].wanted || strcmp(user, cases[i].wanted) != 0
			 : cases[i].wanted != NULL)
			return xasprintf("%s: %s", cases[i].user, user);
	}
	return NULL;
}

static void user_without_a_name(void **state)
{
	(void)state;
	assert_in_child(without_a_name, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants_a_daemon),
		cmocka_unit_test_setup(drops_libraries, empty_environment),
		cmocka_unit_test(user_without_a_name),
		cmocka_unit_test_setup_teardown(prepares, setup, place_teardown),
		cmocka_unit_test_setup_teardown(certificates, setup, place_teardown),
		cmocka_unit_test_setup(tells_of_libraries, empty_environment),
		cmocka_unit_test_setup(certificates_of_the_profile, empty_environment),
		cmocka_unit_test_setup(forgets_the_daemon, empty_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
