/* The variables of the command. */
#include "run/environment.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../place.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants_a_daemon),
		cmocka_unit_test_setup(drops_libraries, empty_environment),
		cmocka_unit_test_setup_teardown(prepares, setup, place_teardown),
		cmocka_unit_test_setup_teardown(certificates, setup, place_teardown),
		cmocka_unit_test_setup(forgets_the_daemon, empty_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
