#include "util/program.h"
#include "util/bundle.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/nix_commands.h"
#include "util/str.h"

#include <string.h>

static bool is_name_of_file(const char *name)
{
	_cleanup_free_ char *self = fs_self_path();

	/*
	 * without /proc no entry is possible: count NAME as our own name, so that our message says
	 * so
	 */
	return !self || strcmp(strrchr(self, '/') + 1, name) == 0;
}

/* Is NAME a command of Nix? A copy of this program may have any other name, such as nix-chroot. */
static bool is_nix_command(const char *name)
{
	static const char *const names[] = {NIX_COMMANDS};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

const char *program_command(const char *argv0)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	const char *name = slash ? slash + 1 : argv0;
	struct bundle bundle;

	if (!name)
		return NULL;
	name += name == argv0 && *name == '-';
	if (!*name || str_starts_with(name, "nix-user-chroot"))
		return NULL;
	if (is_nix_command(name))
		return name;
	/*
	 * a link to a bundle may have any name: links for the profile's commands lead to the copy
	 * that --install made, not to a bundle
	 */
	return is_name_of_file(name) || bundle_look_at_self(&bundle) != 0 ? NULL : name;
}

static bool is_self(const char *path)
{
	return fs_same_file("/proc/self/exe", path);
}

/* This program, found by NAME in the absolute directories of PATH; the caller frees. NULL: none. */
static char *find_on_path(const char *name)
{
	const char *path = env_get("PATH");
	char *part;

	while ((part = path_next(&path))) {
		_cleanup_free_ char *directory = part, *file = path_join(directory, name);

		if (*directory == '/' && is_self(file))
			return steal_ptr(&file);
	}
	return NULL;
}

char *program_path(const char *argv0)
{
	_cleanup_free_ char *directory = NULL;
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
	char *found = NULL;

	if (argv0 && *argv0 == '/' && is_self(argv0))
		return xstrdup(argv0);
	if (argv0 && *argv0 && !slash)
		found = find_on_path(argv0);
	if (!found && slash && is_self(argv0)) {
		_cleanup_free_ char *relative = xstrndup(argv0, (size_t)(slash - argv0));

		directory = realpath(relative, NULL);
		found = directory ? path_join(directory, slash + 1) : NULL;
	}
	return found ? found : fs_self_path();
}
