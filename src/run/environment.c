#include "run/environment.h"
#include "run/profile.h"
#include "run/read_only.h"
#include "ui/log.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

char *environment_user(void)
{
	/*
	 * the passwd entry first, as Nix does: USER may name another user after su or in a batch
	 * job
	 */
	const struct passwd *entry = getpwuid(geteuid());
	const char *user = entry ? entry->pw_name : env_get("USER");

	/* the name becomes one component of a path */
	return user && !strchr(user, '/') && user[0] != '.' ? xstrdup(user) : NULL;
}

static bool path_has(const char *path, const char *directory)
{
	char *part;

	while ((part = path_next(&path))) {
		bool same = strcmp(part, directory) == 0;

		free(part);
		if (same)
			return true;
	}
	return false;
}

static void put_on_path(const char *directory)
{
	const char *path = env_get("PATH");
	_cleanup_free_ char *longer = NULL;

	if (path && path_has(path, directory))
		return;
	/* without PATH, execvp(3) would search these two directories */
	longer = xasprintf("%s:%s", directory, path ? path : "/bin:/usr/bin");
	setenv("PATH", longer, 1);
}

/*
 * Set the CA bundle if no variable does: Nix by itself looks only in Debian's place. The host's
 * bundle, to which an administrator adds the CA of a proxy, precedes the profile's, as for
 * --install.
 */
static void set_certificates(const char *profile)
{
	_cleanup_free_ char *own =
		profile ? path_join(profile, "etc/ssl/certs/ca-bundle.crt") : NULL;
	const char *file;

	if (env_get("NIX_SSL_CERT_FILE") || env_get("SSL_CERT_FILE"))
		return;
	file = ca_bundle_find("");
	if (!file && own && ca_bundle_check(own) == 0)
		file = own;
	/* Nix finds the first of the list by itself */
	if (file && file != ca_bundle_paths[0])
		setenv("NIX_SSL_CERT_FILE", file, 1);
}

/*
 * The words of LIST, separated by colons, that are not the host's own libraries; the caller frees.
 * NULL: none.
 */
static char *without_host_libraries(const char *list)
{
	char *part, *kept = NULL;

	while ((part = path_next(&list))) {
		if (path_is_within(part, "/nix") || path_is_within(part, "/run/opengl-driver")) {
			char *longer = kept ? xasprintf("%s:%s", kept, part) : xstrdup(part);

			free(kept);
			kept = longer;
		}
		free(part);
	}
	return kept;
}

void environment_drop_libraries(const char *command)
{
	/* variables of ld.so(8), which the module systems of clusters set */
	static const char *const names[] = {"LD_LIBRARY_PATH", "LD_PRELOAD"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);
		_cleanup_free_ char *kept = value ? without_host_libraries(value) : NULL;

		if (!value || (kept && strcmp(kept, value) == 0))
			continue;
		log_verbose(
			"%s runs without the host's libraries in %s: nix-user-chroot -- COMMAND "
			"keeps them",
			command, names[i]);
		if (kept)
			setenv(names[i], kept, 1);
		else
			unsetenv(names[i]);
	}
}

bool environment_wants_daemon(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *rest = NULL;
	bool wants = false;

	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *word = NULL, *name = strtok_r(line, " \t\r", &word);
		const char *sign = name ? strtok_r(NULL, " \t\r", &word) : NULL;
		const char *value = sign ? strtok_r(NULL, " \t\r", &word) : NULL;

		if (value && strcmp(name, "store") == 0 && strcmp(sign, "=") == 0)
			wants = read_only_names_daemon(value);
	}
	return wants;
}

/* Unset what selects the daemon of the host's own Nix, which does not serve this store. */
static void forget_daemon(void)
{
	const char *remote = env_get("NIX_REMOTE"), *config = env_get("NIX_CONFIG");
	bool by_remote = remote && read_only_names_daemon(remote);
	bool by_config = config && environment_wants_daemon(config);

	if ((!by_remote && !by_config) || access("/nix/" NIX_DAEMON_SOCKET, F_OK) == 0)
		return;
	log_verbose("there is no daemon in this Nix: %s does not count",
		    by_remote ? "NIX_REMOTE" : "the store of NIX_CONFIG");
	if (by_remote)
		unsetenv("NIX_REMOTE");
	if (by_config) {
		/* what NIX_REMOTE says, as if nothing else had been said */
		const char *store = env_get("NIX_REMOTE");
		_cleanup_free_ char *longer =
			xasprintf("%s\nstore = %s", config, store ? store : "auto");

		setenv("NIX_CONFIG", longer, 1);
	}
}

void environment_prepare(bool with_profile)
{
	_cleanup_free_ char *profile = NULL, *bin = NULL;
	const char *conf = env_get("NIX_CONF_DIR");

	/* a shell of the host's own Nix may have set /etc/nix */
	if (!conf || (!with_profile && strcmp(conf, "/etc/nix") == 0))
		setenv("NIX_CONF_DIR", "/nix/etc/nix", 1);
	forget_daemon();
	if (!with_profile)
		return;
	profile = profile_find();
	if (profile) {
		bin = path_join(profile, "bin");
		put_on_path(bin);
	}
	set_certificates(profile);
}
