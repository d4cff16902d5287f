/* Finds links of another Nix that ours replaced: they are put back. */
#include "uninstall/find.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>
#include <string.h>

/* Is TARGET the target of the link PATH? */
static bool leads_to(const char *path, const char *target)
{
	_cleanup_free_ char *present = NULL;

	return fs_readlink(AT_FDCWD, path, &present) == 0 && strcmp(present, target) == 0;
}

bool find_is_as_before(const struct finder *finder, const char *path)
{
	const struct record *record = finder->request->record;

	for (size_t i = 0; record && i < record->count; i++)
		if (record->entries[i].kind == RECORD_WAS &&
		    record_is_about(&record->entries[i], path) &&
		    leads_to(path, record->entries[i].value))
			return true;
	return false;
}

static bool is_to_go(const struct removals *removals, const char *path)
{
	for (size_t i = 0; i < removals->count; i++)
		if (removals->items[i].path && strcmp(removals->items[i].path, path) == 0)
			return true;
	return false;
}

void find_back(struct finder *finder)
{
	const struct record *record = finder->request->record;
	struct found *out = finder->out;

	for (size_t i = 0; record && i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];
		const char *path = entry->subject;

		if (entry->kind != RECORD_WAS ||
		    (fs_exists(AT_FDCWD, path) && !is_to_go(&out->removals, path)))
			continue;
		removals_add(&out->removals, REMAKE_LINK, path, NULL, NULL);
		out->removals.items[out->removals.count - 1].target = xstrdup(entry->value);
		strlist_take(&out->back, xasprintf("%s -> %s", path, entry->value));
	}
}
