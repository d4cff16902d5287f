#include "run/path_config_default.h"
#include "chroot/path_config.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* An nsswitch.conf(5) has a page; a longer file is ignored. */
#define NSSWITCH_MAX (64 * 1024)

/*
 * Does PATH exist on the host, and will it work inside? A symlink into the host's /nix (as
 * /usr/bin/env on NixOS) will not, since /nix inside is another one. A path that cannot be looked
 * at counts as existing.
 */
static bool host_has(const char *root, const char *path)
{
	_cleanup_free_ char *below = xasprintf("%s%s", root, path), *target = NULL;
	struct stat st;

	if (lstat(below, &st) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	if (!S_ISLNK(st.st_mode) || fs_readlink(AT_FDCWD, below, &target) < 0)
		return true;
	return !str_starts_with(target, "/nix/");
}

/* The directory of nscd's socket on the host, or NULL: no nscd runs. */
static const char *find_nscd(const char *root)
{
	/*
	 * glibc asks at /var/run/nscd/socket. /var/run is a symlink to /run nearly everywhere, and
	 * would lead out of a test's ROOT: so the second place counts only if /var/run is a
	 * directory.
	 */
	_cleanup_free_ char *var_run = xasprintf("%s/var/run", root);
	struct stat st;

	if (host_has(root, "/run/nscd/socket"))
		return "/run/nscd";
	if (lstat(var_run, &st) == 0 && S_ISDIR(st.st_mode) &&
	    host_has(root, "/var/run/nscd/socket"))
		return "/var/run/nscd";
	return NULL;
}

/* Is every word of LINE, a "passwd:" line without comment, a source that glibc reads itself? */
static bool only_local_sources(char *line)
{
	static const char *const local[] = {"files", "compat", "db", "systemd"};
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		bool known = *word == '['; /* [NOTFOUND=return] */

		for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
			known = known || strcmp(word, local[i]) == 0;
		if (!known)
			return false;
	}
	return true;
}

/*
 * Do users also come from LDAP, SSSD or NIS (nsswitch.conf(5))? Then only nscd tells Nix's glibc
 * about them, since that glibc has none of the host's NSS modules.
 */
static bool has_remote_users(const char *root)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/nsswitch.conf", root), *text = NULL;
	char *rest = NULL;
	size_t len;
	int r = fs_read_file(AT_FDCWD, path, NSSWITCH_MAX, &text, &len);

	if (r < 0)
		return r != -ENOENT;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " \t");
		line[strcspn(line, "#")] = '\0';
		if (str_starts_with(line, "passwd:") &&
		    !only_local_sources(line + strlen("passwd:")))
			return true;
	}
	return false;
}

/* What the text depends on; known before the first byte is written. */
struct host {
	const char *nscd; /* result of find_nscd() */
	bool needs_nscd;
	bool has_env, has_sh;
};

static void print_excludes(FILE *f, const struct host *host)
{
	fputs("# Paths of the host that are left out inside: files and directories are empty, links are\n"
	      "# gone. A path that the host does not have does no harm.\n"
	      "[excludes]\n"
	      "paths = [\n",
	      f);
	if (host->nscd && host->needs_nscd)
		fputs("\t# Name service cache daemon of the host. It stays: users of this host\n"
		      "\t# come from a directory service (/etc/nsswitch.conf), and programs from\n"
		      "\t# Nix find them through this daemon only.\n",
		      f);
	else
		fputs("\t# Name service cache daemon of the host. It answers by the host's files,\n"
		      "\t# and so hides an /etc/passwd or /etc/hosts that is mounted below. Keep\n"
		      "\t# it where users come from LDAP, SSSD or NIS: programs from Nix find them\n"
		      "\t# through this daemon only.\n",
		      f);
	fprintf(f, "\t%s\"%s\",\n", host->nscd && !host->needs_nscd ? "" : "# ",
		host->nscd ? host->nscd : "/run/nscd");
	fputs("\t# \"/etc/ld.so.preload\",\n"
	      "\t# \"/usr/local\",\n"
	      "]\n\n",
	      f);
}

static void print_profile(FILE *f, const struct host *host)
{
	fputs("# \"PATH IN YOUR NIX PROFILE\" = \"PATH INSIDE\". What the profile lacks is skipped with\n"
	      "# a warning.\n"
	      "[profile]\n",
	      f);
	if (!host->has_env)
		fputs("# Scripts begin with \"#!/usr/bin/env\", which this host does not have. It comes\n"
		      "# with Nix's coreutils: nix-env -iA nixpkgs.coreutils\n",
		      f);
	fprintf(f, "%s\"bin/env\" = \"/usr/bin/env\"\n", host->has_env ? "# " : "");
	if (!host->has_sh)
		fputs("# This host has no /bin/sh that works inside; with Nix's bash in the profile:\n",
		      f);
	fputs("# \"bin/sh\" = \"/bin/sh\"\n"
	      "# \"bin/bash\" = \"/bin/bash\"\n"
	      "# \"etc/ssl/certs/ca-bundle.crt\" = \"/etc/ssl/certs/ca-certificates.crt\"\n\n",
	      f);
}

int path_config_print_default(FILE *f, const char *root)
{
	const struct host host = {
		.nscd = find_nscd(root),
		.needs_nscd = has_remote_users(root),
		.has_env = host_has(root, "/usr/bin/env"),
		.has_sh = host_has(root, "/bin/sh"),
	};

	errno = 0;
	fputs("# Where the inside of nix-user-chroot differs from the host.\n"
	      "# Save this as " PATH_CONFIG_FILE " in the Nix directory\n"
	      "# (~/.local/share/nix, unless you chose another). TOML: paths are strings in quotes.\n"
	      "# It is read at each start; \"#\" makes the rest of a line a comment.\n\n",
	      f);
	print_excludes(f, &host);
	print_profile(f, &host);
	fputs("# \"PATH OF THE HOST\" = \"PATH INSIDE\", both absolute. A target may be new, and may lie\n"
	      "# where the host lets you write nothing. What does not exist is skipped with a warning.\n"
	      "[absolute]\n"
	      "# \"/home/me/passwd\" = \"/etc/passwd\"\n"
	      "# \"/scratch/me/tmp\" = \"/var/tmp\"\n",
	      f);
	if (fflush(f) != 0 || ferror(f))
		return errno ? -errno : -EIO;
	return 0;
}
