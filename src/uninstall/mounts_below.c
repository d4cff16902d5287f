#include "uninstall/mounts_below.h"
#include "util/mountinfo.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <string.h>

char *mounts_first_below(const char *directory, const char *root)
{
	_cleanup_free_ char *text = mountinfo_read(root, "self");
	_cleanup_free_ char *real = realpath(directory, NULL);
	struct mountinfo mount;
	char *cursor = text;

	while (real && cursor && mountinfo_next(&cursor, &mount))
		if (path_is_within(mount.target, real) && strcmp(mount.target, real) != 0)
			return xstrdup(mount.target);
	return NULL;
}
