#include "install/before.h"
#include "install/installed.h"
#include "install/nix_conf.h"
#include "home/startup_files.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT_LINE "nix-user-chroot-before 1\n"
/* some 40 paths */
#define BEFORE_MAX (1 << 20)

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* PATH and its parents, as far as they are missing. */
static void add_if_absent(struct strlist *absent, const char *path)
{
	_cleanup_free_ char *part = xstrdup(path);

	while (part[0] && part[1] && !strlist_has(absent, part) && !exists(part)) {
		char *above = path_parent(part);

		strlist_take(absent, part);
		part = above;
	}
}

static void add_all_absent(struct strlist *absent, const struct strlist *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		add_if_absent(absent, paths->items[i]);
}

void before_look(const struct workspace *workspace, const struct home *home, struct before *out)
{
	static const char *const below[] = {"store", "var/log/nix", "var/nix", WORKSPACE_STATE,
					    NIX_CONF_FILE};
	_cleanup_free_ char *program = path_join(home->bin, "nix-user-chroot");

	*out = (struct before){0};
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		_cleanup_free_ char *path = path_join(workspace->nix_dir, below[i]);

		add_if_absent(&out->absent, path);
	}
	add_all_absent(&out->absent, &home->profiles);
	add_all_absent(&out->absent, &home->channels);
	add_all_absent(&out->absent, &home->defexprs);
	add_if_absent(&out->absent, home->config);
	add_if_absent(&out->absent, home->generations);
	add_if_absent(&out->absent, home->nix_cache);
	add_if_absent(&out->absent, program);
	add_all_absent(&out->absent, &home->startup_files);
	for (size_t i = 0; i < home->startup_files.count; i++)
		if (startup_file_has_line(home->startup_files.items[i]) > 0)
			strlist_add(&out->lines, home->startup_files.items[i]);
	out->has_store = installed_is_foreign(workspace);
}

static void print(FILE *f, const char *key, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strchr(list->items[i], '\n'))
			fprintf(f, "%s %s\n", key, list->items[i]);
}

static int write_file(int nix_dir_fd, const struct before *before)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	fputs(FORMAT_LINE, f);
	print(f, "absent", &before->absent);
	print(f, "line", &before->lines);
	if (before->has_store)
		fputs("store found\n", f);
	fclose(f);
	return fs_replace_file(nix_dir_fd, BEFORE_FILE, text, len, 0644);
}

static void take_line(struct before *before, const char *line)
{
	if (str_starts_with(line, "absent /"))
		strlist_add(&before->absent, line + strlen("absent "));
	else if (str_starts_with(line, "line /"))
		strlist_add(&before->lines, line + strlen("line "));
	else if (strcmp(line, "store found") == 0)
		before->has_store = true;
}

int before_read(int nix_dir_fd, struct before *out)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fs_read_file(nix_dir_fd, BEFORE_FILE, BEFORE_MAX, &text, &len);

	*out = (struct before){0};
	if (r < 0)
		return r;
	if (!str_starts_with(text, FORMAT_LINE))
		return -EBADMSG;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		take_line(out, line);
	}
	return 0;
}

int before_keep(int nix_dir_fd, struct before *before)
{
	struct before earlier;

	if (before_read(nix_dir_fd, &earlier) < 0)
		return write_file(nix_dir_fd, before);
	before_clear(before);
	*before = earlier;
	return 0;
}

void before_forget(int nix_dir_fd)
{
	unlinkat(nix_dir_fd, BEFORE_FILE, 0);
}

/* Is PATH the same as BELOW, or a directory above it? */
static bool leads_to(const char *path, const char *below)
{
	size_t len = strlen(path);

	return strncmp(path, below, len) == 0 && (below[len] == '/' || !below[len]);
}

static bool leads_to_one_of(const char *path, const struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (leads_to(path, list->items[i]))
			return true;
	return false;
}

/* Nix, or ci-bootstrap, makes it when it is first needed, perhaps long after the installation. */
static bool is_made_later(const struct home *home, const char *path)
{
	return leads_to_one_of(path, &home->profiles) || leads_to_one_of(path, &home->channels) ||
	       leads_to_one_of(path, &home->defexprs) || leads_to(path, home->generations) ||
	       leads_to(path, home->nix_cache) || leads_to(path, home->config);
}

static void add(struct strlist *list, const char *path)
{
	if (!strlist_has(list, path))
		strlist_add(list, path);
}

void before_compare(const struct before *before, const struct workspace *workspace,
		    const struct home *home, bool is_first, struct traces *traces)
{
	_cleanup_free_ char *nix_conf = path_join(workspace->nix_dir, NIX_CONF_FILE);

	for (size_t i = 0; i < before->absent.count; i++) {
		const char *path = before->absent.items[i];

		if (exists(path) || is_made_later(home, path))
			add(&traces->made, path);
	}
	for (size_t i = 0; i < home->startup_files.count; i++) {
		const char *path = home->startup_files.items[i];

		if (startup_file_has_line(path) > 0 && !strlist_has(&before->lines, path))
			add(&traces->lines, path);
	}
	if (strlist_has(&before->absent, nix_conf))
		traces->has_nix_conf =
			sha256_of_file(AT_FDCWD, nix_conf, &traces->nix_conf_sha256) == 0;
	if (is_first)
		traces->is_adopted = before->has_store;
}

void before_clear(struct before *before)
{
	strlist_clear(&before->absent);
	strlist_clear(&before->lines);
	*before = (struct before){0};
}
