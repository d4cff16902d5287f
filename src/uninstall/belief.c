#include "uninstall/belief.h"
#include "home/path_files.h"
#include "home/shims.h"
#include "store/layout.h"
#include "util/cleanup.h"

/* Is ENTRY about PATH or a parent directory of PATH? */
static bool is_on_the_way_to(const struct record_entry *entry, const char *path)
{
	_cleanup_free_ char *part = xstrdup(path);

	while (part[0] && part[1]) {
		char *above;

		if (record_is_about(entry, part))
			return true;
		above = path_parent(part);
		free(part);
		part = above;
	}
	return false;
}

static bool is_on_the_way_to_one(const struct record_entry *entry, const struct strlist *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		if (is_on_the_way_to(entry, paths->items[i]))
			return true;
	return false;
}

static bool is_below(const struct record_entry *entry, const char *directory, const char *name)
{
	_cleanup_free_ char *path = path_join(directory, name);

	return record_is_about(entry, path);
}

/* Is ENTRY about a directory, or about something that did not exist before? */
static bool is_made_by_us(const struct record_entry *entry, const struct home *home,
			  const char *nix_dir)
{
	static const char *const below[] = {"store",	   "etc/nix", "etc",	    "var/nix",
					    "var/log/nix", "var/log", LAYOUT_STATE, "var"};

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (is_below(entry, nix_dir, below[i]))
			return true;
	return is_on_the_way_to(entry, nix_dir) || is_on_the_way_to(entry, home->bin) ||
	       is_on_the_way_to(entry, home->generations) ||
	       is_on_the_way_to(entry, home->nix_cache) || is_on_the_way_to(entry, home->config) ||
	       is_on_the_way_to_one(entry, &home->profiles) ||
	       is_on_the_way_to_one(entry, &home->channels) ||
	       is_on_the_way_to_one(entry, &home->defexprs) ||
	       is_on_the_way_to(entry, home->fish_path) ||
	       is_on_the_way_to_one(entry, &home->documents) ||
	       is_on_the_way_to_one(entry, &home->startup_files);
}

/* Is ENTRY about a file that puts the directory of the commands on PATH? */
static bool is_path_file(const struct record_entry *entry, const struct home *home)
{
	return record_is_about(entry, home->fish_path) || is_below(entry, home->config, "path.sh");
}

static bool is_shim(const struct record_entry *entry, const struct home *home)
{
	for (size_t i = 0; i < SHIM_COUNT; i++)
		if (is_below(entry, home->bin, shim_names[i]))
			return true;
	return false;
}

static bool is_one_of(const struct record_entry *entry, const struct strlist *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		if (record_is_about(entry, paths->items[i]))
			return true;
	return false;
}

/* Is ENTRY about a link that Nix makes, possibly in the place of another Nix's link? */
static bool is_link_of_nix(const struct record_entry *entry, const struct home *home)
{
	if (is_one_of(entry, &home->profiles))
		return true;
	for (size_t i = 0; i < home->defexprs.count; i++)
		if (is_below(entry, home->defexprs.items[i], "channels") ||
		    is_below(entry, home->defexprs.items[i], "channels_root"))
			return true;
	return false;
}

static bool is_believed(const struct record_entry *entry, const struct home *home,
			const char *nix_dir)
{
	switch (entry->kind) {
	case RECORD_DIR:
		return is_made_by_us(entry, home, nix_dir);
	case RECORD_ABSENT:
		/*
		 * perhaps one in ZDOTDIR; it is removed only if nothing but a line of ours is in it
		 */
		return is_made_by_us(entry, home, nix_dir) ||
		       path_is_startup_file(home, entry->subject);
	case RECORD_LINK:
		return is_shim(entry, home);
	case RECORD_FILE:
		return is_below(entry, home->bin, "nix-user-chroot") || is_path_file(entry, home) ||
		       is_one_of(entry, &home->documents) ||
		       is_below(entry, nix_dir, LAYOUT_NIX_CONF);
	case RECORD_WAS:
		return is_link_of_nix(entry, home);
	case RECORD_LINE:
		return is_one_of(entry, &home->startup_files) || is_one_of(entry, &home->channels);
	case RECORD_SOURCE: /* only a line that is marked as ours is removed */
		return path_is_startup_file(home, entry->subject);
	case RECORD_FOREIGN: /* only prevents removals */
	case RECORD_STORE:   /* a name in the store */
	case RECORD_RUNTIME: /* a word */
	case RECORD_KINDS:
		break;
	}
	return true;
}

void belief_filter(struct record *record, const struct home *home, const char *nix_dir,
		   struct strlist *dropped)
{
	for (size_t i = record->count; i-- > 0;) {
		if (is_believed(&record->entries[i], home, nix_dir))
			continue;
		if (!strlist_has(dropped, record->entries[i].subject))
			strlist_add(dropped, record->entries[i].subject);
		record_forget_entry(record, i);
	}
}
