#include "chroot/environment.h"
#include "chroot/chroot.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *environment_user(void)
{
	const char *user = env_get("USER");
	const struct passwd *entry;

	if (!user) {
		entry = getpwuid(geteuid());
		user = entry ? entry->pw_name : NULL;
	}
	/* it becomes one component of a path */
	return user && !strchr(user, '/') && user[0] != '.' ? xstrdup(user) : NULL;
}

char *environment_state_home(void)
{
	const char *state = env_get("XDG_STATE_HOME"), *home = env_get("HOME");

	/* the XDG base directory specification: a relative path is to be ignored */
	if (state && *state == '/')
		return xstrdup(state);
	return home && *home == '/' ? xasprintf("%s/.local/state", home) : NULL;
}

/* Take the next directory off *PATH; NULL at its end. The caller frees. */
static char *next_directory(const char **path)
{
	char *directory;
	size_t len;

	if (!*path)
		return NULL;
	len = strcspn(*path, ":");
	/* execvp(3): an empty one is the working directory */
	directory = len ? xstrndup(*path, len) : xstrdup(".");
	*path = (*path)[len] ? *path + len + 1 : NULL;
	return directory;
}

static bool path_has(const char *path, const char *directory)
{
	char *part;

	while ((part = next_directory(&path))) {
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

void environment_prepare(bool profile_on_path)
{
	const char *home = env_get("HOME");
	_cleanup_free_ char *bin = home ? xasprintf("%s/.nix-profile/bin", home) : NULL;

	setenv("NIX_CONF_DIR", "/nix/etc/nix", 0);
	if (profile_on_path && bin && access(bin, X_OK) == 0)
		put_on_path(bin);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The user's shell. To be freed. */
static char *find_shell(void)
{
	const char *shell = env_get("SHELL");
	const struct passwd *entry;

	if (shell && is_program(shell))
		return xstrdup(shell);
	entry = getpwuid(geteuid());
	shell = entry ? entry->pw_shell : NULL;
	return xstrdup(shell && is_program(shell) ? shell : "/bin/sh");
}

/* Is there a file NAME in any directory of PATH that we may search? */
static bool is_on_path(const char *name)
{
	const char *path = env_get("PATH");
	char *part;

	while ((part = next_directory(&path))) {
		_cleanup_free_ char *directory = part, *file = path_join(directory, name);

		if (access(file, F_OK) == 0)
			return true;
	}
	return false;
}

static int exec_failed(const char *command, int err)
{
	bool missing;

	/* execvp(3) says EACCES also where all it met was a directory that it may not search */
	if (err == EACCES && !strchr(command, '/') && !is_on_path(command))
		err = ENOENT;
	/* ENOTDIR: a word of PATH, or a parent of COMMAND, is a file; to the user the same */
	missing = err == ENOENT || err == ENOTDIR;

	log_error("cannot run %s inside: %s\n%s", command, strerror(err),
		  missing && strchr(command, '/') ? "there is no such file inside, or the "
						    "interpreter that it needs is not there"
		  : missing			  ? "it is in no directory of PATH, inside"
						  : "it must be a program that you may execute");
	return missing ? EXIT_ENOENT : EXIT_CANNOT_INVOKE;
}

int environment_exec(char *const *argv)
{
	_cleanup_free_ char *shell = NULL, *login_name = NULL;

	if (argv) {
		execvp(argv[0], argv);
		return exec_failed(argv[0], errno);
	}
	shell = find_shell();
	/* login(1): a shell whose name begins with '-' is a login shell */
	login_name = xasprintf("-%s", strrchr(shell, '/') ? strrchr(shell, '/') + 1 : shell);
	execv(shell, (char *const[]){login_name, NULL});
	return exec_failed(shell, errno);
}
