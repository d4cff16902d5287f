#include "install/profile_links.h"
#include "home/shims.h"
#include "install/damage.h"
#include "install/user_conf.h"
#include "run/environment.h"
#include "run/inside.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Inside, paths below this are in our own Nix directory. */
#define NIX_PROFILES "/nix/var/nix/profiles/"

/* A profile is two or three links away from the store. */
#define LINKS_MAX 8

enum link_kind {
	LINK_NONE,
	LINK_OURS,    /* a link into our store */
	LINK_SHARED,  /* a link to /nix/var/nix/profiles, which belongs to our Nix inside */
	LINK_FOREIGN, /* a link into another store, or to nothing */
	LINK_NO_LINK, /* a file, a directory */
};

/* What is at PATH? *TARGET, unless NULL, becomes its target, the caller's to free. */
static enum link_kind look_at(int nix_dir_fd, const char *path, char **target)
{
	_cleanup_free_ char *to = NULL, *resolved = NULL;
	enum link_kind kind = LINK_FOREIGN;
	int r = fs_readlink(AT_FDCWD, path, &to);

	if (r == -ENOENT || r == -ENOTDIR)
		return LINK_NONE;
	if (r < 0)
		return LINK_NO_LINK;
	if (nix_dir_fd >= 0 && run_resolve_inside(nix_dir_fd, path, &resolved) == 0 &&
	    str_starts_with(resolved, "/nix/store/"))
		kind = LINK_OURS;
	else if (str_starts_with(to, NIX_PROFILES) && !strstr(to, "/.") && !str_ends_with(to, "/"))
		kind = LINK_SHARED;
	if (target)
		*target = steal_ptr(&to);
	return kind;
}

/*
 * Is PATH of another Nix directory of the user's, as on nodes that share the home directory and
 * have a store each? It then leads nowhere on this host, the home directory has links of this
 * program, and this Nix directory did not make PATH.
 */
static bool is_of_another_node(const struct site *site, const struct record *record,
			       const char *path)
{
	_cleanup_free_ char *shim = path_join(site->home.bin, "nix"), *target = NULL;

	return access(path, F_OK) < 0 && fs_readlink(AT_FDCWD, shim, &target) == 0 &&
	       shim_is_ours(target) && !record_has(record, RECORD_LINK, shim, target);
}

/* Do $XDG_STATE_HOME/nix/profiles/NAME, the profile or the channels, belong to another Nix? */
static bool is_foreign_generation(const struct site *site, int nix_dir_fd,
				  const struct record *record, const char *name)
{
	_cleanup_free_ char *path = path_join(site->home.generations, name);

	/* root's are in /nix/var/nix/profiles, whatever is here */
	return geteuid() != 0 && look_at(nix_dir_fd, path, NULL) == LINK_FOREIGN &&
	       !record_says_new(record, site->home.generations) &&
	       !is_of_another_node(site, record, path);
}

/*
 * The link that Nix uses as the user's profile, with the nix.conf in NIX_DIR_FD, unless that is -1,
 * and what FACTS, or NULL, will add to it.
 */
static const char *profile_of(const struct site *site, int nix_dir_fd,
			      const struct nix_conf_facts *facts)
{
	static const char name[] = "use-xdg-base-directories";
	const char *variable = env_get("NIX_CONFIG");
	_cleanup_free_ char *where = NULL, *asked = facts ? nix_conf_wanted(facts) : NULL;
	_cleanup_free_ char *conf = NULL;
	char *value = variable ? user_conf_of_text(variable, name, NULL) : NULL;
	bool is_xdg;
	size_t len;

	/* what Nix reads last wins */
	if (!value)
		value = user_conf_find(name, &where);
	if (!value && asked)
		value = user_conf_of_text(asked, name, NULL);
	if (!value && fs_read_file(nix_dir_fd, LAYOUT_NIX_CONF, USER_CONF_MAX, &conf, &len) == 0)
		value = user_conf_of_text(conf, name, NULL);
	is_xdg = value && strcmp(value, "true") == 0;
	free(value);
	return site->home.profiles.items[is_xdg ? 1 : 0];
}

/*
 * Must the link PROFILE be removed? *TARGET is where it leads, NULL if it is no link; the caller
 * frees.
 */
static bool is_in_the_way(const struct site *site, int nix_dir_fd, const struct record *record,
			  const char *profile, char **target)
{
	_cleanup_free_ char *usual = path_join(site->home.generations, "profile");

	*target = NULL;
	return look_at(nix_dir_fd, profile, target) == LINK_FOREIGN &&
	       (strcmp(*target, usual) != 0 ||
		is_foreign_generation(site, nix_dir_fd, record, "profile"));
}

static int open_nix_dir(const struct site *site)
{
	return open(site->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The end of the chain of links that begins with PATH, usually a store path; the caller frees. */
static char *end_of(const char *path)
{
	char *end = xstrdup(path);

	/* links may lead in a circle */
	for (int i = 0; i < LINKS_MAX && !str_starts_with(end, "/nix/"); i++) {
		_cleanup_free_ char *target = NULL, *above = path_parent(end);

		if (fs_readlink(AT_FDCWD, end, &target) < 0)
			break;
		free(end);
		end = *target == '/' ? steal_ptr(&target) : path_join(above, target);
	}
	return end;
}

static int check_link(const struct site *site, const struct install_request *request,
		      const char *path, const char *what_will_be)
{
	_cleanup_free_ char *end = end_of(path);
	struct stat st;

	if (stat(path, &st) == 0 && !request->force) {
		log_error("your Nix profile %s is in use by this host's own Nix: it leads to %s\n"
			  "--force takes its place until --uninstall puts it back; or set "
			  "HOME=DIRECTORY for this and for later calls, for a profile of its own",
			  path, end);
		return -1;
	}
	log_warning("your Nix profile %s leads to %s, which is not in %s: %-s", path, end,
		    site->nix_dir, what_will_be);
	return 0;
}

int profile_links_check(const struct site *site, const struct install_request *request,
			const struct nix_conf_facts *facts)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int fd = open_nix_dir(site);
	_cleanup_free_ char *target = NULL, *usual = path_join(site->home.generations, "profile");
	const char *profile = profile_of(site, fd, facts);

	if (fd >= 0)
		record_read(fd, &record);
	if (look_at(fd, profile, NULL) == LINK_NO_LINK) {
		log_error("%s is not a link, and Nix needs its place for one to your profile\n"
			  "move it away, and run it again",
			  profile);
		return -1;
	}
	if (is_in_the_way(site, fd, &record, profile, &target))
		return check_link(site, request, profile,
				  "it will be replaced\n--uninstall puts it back");
	/* there is no link: Nix would make one to this foreign profile */
	if (!target && is_foreign_generation(site, fd, &record, "profile"))
		return check_link(site, request, usual, "it stays, and Nix gets another one here");
	return 0;
}

/* Does RECORD have a note about PATH? Then an earlier run found the user's link there. */
static bool has_note(const struct record *record, const char *path)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_WAS &&
		    strcmp(record->entries[i].subject, path) == 0)
			return true;
	return false;
}

static int note(struct record *record, int nix_dir_fd, const char *path)
{
	_cleanup_free_ char *target = NULL;
	enum link_kind kind = look_at(nix_dir_fd, path, &target);

	if ((kind != LINK_FOREIGN && kind != LINK_SHARED) || record_says_new(record, path) ||
	    has_note(record, path))
		return 0;
	return record_note(record, RECORD_WAS, path, target);
}

int profile_links_note(const struct site *site, int nix_dir_fd, struct record *record)
{
	static const char *const below[] = {"channels", "channels_root"};
	const struct home *home = &site->home;
	int r = 0;

	for (size_t i = 0; r == 0 && i < home->profiles.count; i++)
		r = note(record, nix_dir_fd, home->profiles.items[i]);
	/* later, the link may be ours */
	if (record->is_begun || record->is_complete)
		return r;
	for (size_t i = 0; r == 0 && i < home->defexprs.count * 2; i++) {
		_cleanup_free_ char *path = path_join(home->defexprs.items[i / 2], below[i % 2]);

		r = note(record, nix_dir_fd, path);
	}
	return r;
}

/* Make the directory of PROFILE, which is below NIX_PROFILES, in our own Nix directory. */
static int make_above(int nix_dir_fd, const char *profile)
{
	_cleanup_free_ char *above = path_parent(profile);
	_cleanup_close_ int fd = fs_make_dirs_below(nix_dir_fd, above + strlen("/nix/"));

	return fd < 0 ? fd : 0;
}

/*
 * Begin the profile anew, because Nix's database was lost: it does not know the profile's contents,
 * so Nix could not build the next generation. The link to the present generation is removed; the
 * generations stay.
 */
static int begin_anew(const struct site *site, int nix_dir_fd, const char *profile)
{
	_cleanup_free_ char *present = NULL, *target = NULL;
	int r = 0;

	if (run_resolve_inside(nix_dir_fd, profile, &present) < 0 ||
	    !str_starts_with(present, "/nix/store/") || damage_is_registered(nix_dir_fd, present) ||
	    fs_readlink(AT_FDCWD, profile, &target) < 0)
		return 0;
	if (str_starts_with(target, NIX_PROFILES))
		r = fs_unlink_below(nix_dir_fd, target + strlen("/nix/"));
	else if (path_is_within(target, site->home.generations))
		r = unlink(target) < 0 ? -errno : 0;
	else
		return 0;
	if (r == 0)
		log_warning(
			"Nix's database does not know what is in your profile, which begins anew "
			"with Nix alone\n"
			"put your programs into it again; nix-env --list-generations shows those of "
			"before");
	return r;
}

int profile_links_prepare(const struct site *site, int nix_dir_fd)
{
	const char *profile = profile_of(site, nix_dir_fd, NULL);
	_cleanup_free_ char *target = NULL, *user = environment_user();
	_cleanup_free_ char *own =
		xasprintf(NIX_PROFILES "per-user/%s/profile", user ? user : "nix");
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	bool needs_own;
	int r = 0;

	record_read(nix_dir_fd, &record);
	needs_own = is_foreign_generation(site, nix_dir_fd, &record, "profile");
	r = begin_anew(site, nix_dir_fd, profile);
	if (r < 0)
		return r;
	if (look_at(nix_dir_fd, profile, &target) == LINK_SHARED)
		return make_above(nix_dir_fd, target);
	free(steal_ptr(&target));
	if (is_in_the_way(site, nix_dir_fd, &record, profile, &target) && unlink(profile) < 0)
		return -errno;
	if (!needs_own || fs_exists(AT_FDCWD, profile))
		return 0;
	r = make_above(nix_dir_fd, own);
	if (r == 0 && symlink(own, profile) < 0)
		r = -errno;
	return r;
}

bool profile_links_has_foreign_channels(const struct site *site, int nix_dir_fd)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;

	record_read(nix_dir_fd, &record);
	return is_foreign_generation(site, nix_dir_fd, &record, "channels");
}
