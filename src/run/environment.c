#include "run/environment.h"
#include "run/profile.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

char *environment_user(void)
{
	/* as Nix does it: what USER says may be another user's, after su or in a job */
	const struct passwd *entry = getpwuid(geteuid());
	const char *user = entry ? entry->pw_name : env_get("USER");

	/* it becomes one component of a path */
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
	/* without PATH, execvp(3) would search these two */
	longer = xasprintf("%s:%s", directory, path ? path : "/bin:/usr/bin");
	setenv("PATH", longer, 1);
}

/* Where Nix looks for certificates when no variable says otherwise: Debian's place. */
#define CA_OF_NIX "/etc/ssl/certs/ca-certificates.crt"

static void set_certificates(const char *profile)
{
	static const char *const places[] = {
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
		"/etc/pki/tls/certs/ca-bundle.crt",		     /* older RHEL, Amazon Linux */
		"/etc/ssl/ca-bundle.pem",			     /* openSUSE, SLES */
		"/etc/ssl/certs/ca-bundle.crt",			     /* NixOS */
		"/etc/ssl/cert.pem",				     /* Alpine, Void */
		"/var/lib/ca-certificates/ca-bundle.pem", /* openSUSE, without its links */
	};
	_cleanup_free_ char *own =
		profile ? path_join(profile, "etc/ssl/certs/ca-bundle.crt") : NULL;

	if (env_get("NIX_SSL_CERT_FILE") || env_get("SSL_CERT_FILE") ||
	    access(CA_OF_NIX, R_OK) == 0)
		return;
	if (own && access(own, R_OK) == 0) {
		setenv("NIX_SSL_CERT_FILE", own, 1);
		return;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], R_OK) == 0) {
			setenv("NIX_SSL_CERT_FILE", places[i], 1);
			return;
		}
	}
}

/* Of LIST, what colons part, that which is not the host's own; the caller frees. NULL: nothing. */
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
	/* ld.so(8); the module systems of clusters set them */
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

void environment_prepare(bool with_profile)
{
	_cleanup_free_ char *profile = NULL, *bin = NULL;
	const char *conf = env_get("NIX_CONF_DIR");

	/* /etc/nix is what a shell of the host's own Nix may have set */
	if (!conf || (!with_profile && strcmp(conf, "/etc/nix") == 0))
		setenv("NIX_CONF_DIR", "/nix/etc/nix", 1);
	if (!with_profile)
		return;
	profile = profile_find();
	if (profile) {
		bin = path_join(profile, "bin");
		put_on_path(bin);
	}
	set_certificates(profile);
}
