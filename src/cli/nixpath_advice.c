#include "cli/nixpath_advice.h"
#include "cli/option_table.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <string.h>
#include <sys/stat.h>

static bool is_on_path(const char *name)
{
	const char *path = env_get("PATH");
	char *part;

	while ((part = path_next(&path))) {
		_cleanup_free_ char *directory = part, *file = path_join(directory, name);

		if (fs_is_program(file))
			return true;
	}
	return false;
}

/*
 * Is WORD, which names no file here, a command? Nix's commands are in the profile, whatever PATH
 * has.
 */
static bool is_command(const char *word)
{
	return strcmp(word, "nix") == 0 || str_starts_with(word, "nix-") || is_on_path(word);
}

static char *mean_command(const char *word)
{
	return xasprintf("it is a command: did you mean nix-user-chroot -- %s?", word);
}

char *nixpath_advice(const char *word)
{
	const char *option;
	struct stat st;

	if (stat(word, &st) == 0)
		return fs_is_program(word) ? mean_command(word) : NULL;
	if (strchr(word, '/'))
		return NULL;
	/* /usr/bin has an "install" too, but --install is what is meant */
	option = option_nearest(word, true);
	if (is_command(word) && !(option && strcmp(option, word) == 0))
		return mean_command(word);
	return option ? xasprintf("did you mean nix-user-chroot --%s?", option) : NULL;
}
