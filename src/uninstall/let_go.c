#include "uninstall/let_go.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Does DIRECTORY hold nothing but removed files that are still in use? */
static bool is_held(const char *directory)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, directory);
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = fs_next_entry(dir))) {
		if (!fs_is_removed_in_use(entry->d_name))
			return false;
		count++;
	}
	return count > 0;
}

void let_go_find(const struct strlist *made, struct strlist *out)
{
	bool any = false;

	for (size_t i = 0; i < made->count; i++) {
		if (!fs_exists(AT_FDCWD, made->items[i]))
			continue;
		any |= is_held(made->items[i]);
		strlist_add(out, made->items[i]);
	}
	if (!any)
		strlist_clear(out);
}

void let_go(const struct strlist *directories)
{
	/* FUSE learns some time after exec(3) that the old program is no longer in use */
	static const char script[] = "for i in 1 2 3 4 5 6 7 8 9; do\n"
				     "rmdir \"$1\" 2>/dev/null && break; sleep 0.1\n"
				     "done\n"
				     "for directory; do rmdir \"$directory\" 2>/dev/null; done\n"
				     "exit 0";
	_cleanup_free_ const char **words = xcalloc(directories->count + 5, sizeof(*words));

	if (directories->count == 0)
		return;
	words[0] = "sh";
	words[1] = "-c";
	words[2] = script;
	words[3] = "sh";
	for (size_t i = 0; i < directories->count; i++)
		words[i + 4] = directories->items[i];
	execv("/bin/sh", (char *const *)(uintptr_t)words);
}
