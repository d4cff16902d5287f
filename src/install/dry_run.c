#include "install/dry_run.h"
#include "util/flavour.h"
#include "store/layout.h"
#include "home/startup_files.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/part_names.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static void print_line(FILE *f, const char *subject, const char *text)
{
	text_print(f, "  %-14s %s\n", subject, text);
}

static void print_list(FILE *f, const char *subject, const struct strlist *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		print_line(f, i == 0 ? subject : "", lines->items[i]);
}

static void print_release(FILE *f, const struct release *release)
{
	_cleanup_free_ char *version = flavour_shown(release->version);
	_cleanup_free_ char *name = xasprintf(
		"%s for %s", release->version ? version : "Nix (its name does not tell which)",
		release->system);
	_cleanup_free_ char *source = xasprintf("from %s", release->sha256_source);
	char hex[SHA256_HEX_LEN + 1];

	sha256_format(&release->sha256, hex);
	print_line(f, "release", name);
	print_line(f, "tarball", release->tarball_shown);
	print_line(f, "SHA-256", hex);
	print_line(f, "", source);
}

static void print_places(FILE *f, const struct install_request *request, const struct site *site,
			 const struct release *release)
{
	_cleanup_(strlist_clear) struct strlist written = {0};
	_cleanup_free_ char *directory = NULL, *download = NULL, *room = NULL;
	_cleanup_free_ char *there = fs_deepest_existing(site->nix_dir);
	const struct home *home = &site->home;
	struct statfs fs;

	if (statfs(there, &fs) == 0)
		room = str_size((uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize);
	if (room)
		directory = xasprintf("%s (%s; %s are free)", site->nix_dir,
				      strcmp(site->nix_dir, there) != 0 ? "new" : "there already",
				      room);
	download = xasprintf("%s/" LAYOUT_STATE "/%s" PART_SUFFIX ", until it is unpacked",
			     site->nix_dir, release->tarball_name);
	print_line(f, "Nix directory", directory ? directory : site->nix_dir);
	if (!release->bundle)
		print_line(f, "download", download);
	strlist_take(&written, path_join(site->nix_dir, "store"));
	strlist_take(&written, path_join(site->nix_dir, "var"));
	strlist_take(&written, path_join(site->nix_dir, LAYOUT_NIX_CONF));
	strlist_add(&written, home->profiles.items[0]);
	strlist_add(&written, home->defexprs.items[0]);
	if (!request->no_channel_add)
		strlist_take(&written,
			     xasprintf("%s: the channel nixpkgs", home->channels.items[0]));
	strlist_add(&written, home->generations);
	print_list(f, "writes", &written);
}

/* The first of NAMES in the home directory that exists and is writable; the caller frees. */
static char *first_writable(const struct home *home, const char *const *names)
{
	for (; *names; names++) {
		_cleanup_free_ char *path = path_join(home->path, *names);

		if (access(path, W_OK) == 0)
			return steal_ptr(&path);
	}
	return NULL;
}

/* Takes PATH over. */
static void add_startup_file(struct strlist *lines, char *path)
{
	if (startup_file_has_line(path, NULL) > 0) {
		strlist_take(lines, xasprintf("%s has it already", path));
		free(path);
	} else {
		strlist_take(lines, path);
	}
}

/* Print the startup files that install-nix-from-tarball.sh would choose. */
static void print_startup_files(FILE *f, const struct home *home, bool stay)
{
	static const char *const login[] = {".bash_profile", ".bash_login", ".profile", NULL};
	static const char *const zsh[] = {".zshenv", ".zshrc", NULL};
	_cleanup_(strlist_clear) struct strlist lines = {0};
	_cleanup_free_ char *conf_d = path_parent(home->fish), *fish = path_parent(conf_d);
	struct stat st;
	char *path;

	if (stay || !startup_file_fish_is_free(home->fish)) {
		print_line(f, "startup files", "stay as they are");
		return;
	}
	path = first_writable(home, login);
	if (path)
		add_startup_file(&lines, path);
	else
		strlist_take(&lines,
			     xasprintf("%s/.profile, new (if the release makes one)", home->path));
	path = first_writable(home, zsh);
	if (path)
		add_startup_file(&lines, path);
	if (stat(fish, &st) < 0 || !S_ISDIR(st.st_mode))
		;
	else if (startup_file_is_users(home->fish))
		strlist_take(&lines, xasprintf("%s is yours, and stays", home->fish));
	else
		add_startup_file(&lines, xstrdup(home->fish));
	print_line(f, "startup files", "a line for Nix, which the Nix install script adds, in");
	print_list(f, "", &lines);
}

static char *names_of(const struct self_plan *self, bool left)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	for (size_t i = 0; i < SHIM_COUNT; i++)
		if ((self->shims[i] == SHIM_LEAVE) == left)
			fprintf(f, " %s", shim_names[i]);
	fclose(f);
	return text;
}

static void print_self(FILE *f, const struct self_plan *self)
{
	_cleanup_free_ char *copy = NULL, *links = NULL, *left = NULL, *made = NULL, *stay = NULL;

	if (!self) {
		print_line(f, "links", "none");
		return;
	}
	if (self->copy == COPY_LEAVE) {
		left = xasprintf("%s is another program, and stays: no links", self->program);
		print_line(f, "links", left);
		return;
	}
	if (self->copy == COPY_MAKE) {
		copy = xasprintf("%s -> %s", self->source, self->program);
		print_line(f, "copy", copy);
	}
	made = names_of(self, false);
	stay = names_of(self, true);
	links = xasprintf("in %s, to %s:%s", self->bin, self->program, made);
	print_line(f, "links", links);
	if (*stay) {
		left = xasprintf("not made by --install, and left as it is:%s", stay);
		print_line(f, "", left);
	}
}

static void print_documents(FILE *f, const struct documents *documents)
{
	_cleanup_(strlist_clear) struct strlist made = {0};

	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		if (documents->items[i].action == DOCUMENT_MAKE)
			strlist_add(&made, documents->items[i].path);
	print_list(f, "man, shells", &made);
}

static void print_command(FILE *f, char *const *argv)
{
	_cleanup_free_ char *words = NULL;
	size_t len;
	FILE *all = xopen_memstream(&words, &len);

	for (; argv && *argv; argv++)
		fprintf(all, ftell(all) > 0 ? " %s" : "%s", *argv);
	fclose(all);
	if (len > 0)
		print_line(f, "then runs", words);
}

void dry_run_print(const struct install_request *request, const struct site *site,
		   const struct release *release, const struct self_plan *self, FILE *f)
{
	fputs("nix-user-chroot --install would do this, and has done nothing yet:\n", f);
	print_release(f, release);
	print_places(f, request, site, release);
	print_startup_files(f, &site->home, request->no_modify_profile);
	print_self(f, self);
	if (self && self->copy != COPY_LEAVE)
		print_documents(f, &self->documents);
	if (self && self->copy != COPY_LEAVE && !request->no_modify_profile)
		print_line(f, "PATH", "a line in the startup files of shells that lack it there");
	print_command(f, request->argv);
}
