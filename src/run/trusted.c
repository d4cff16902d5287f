#include "run/trusted.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <fcntl.h>
#include <grp.h>

int trusted_find(const struct trusted_wish *wish, struct trust *out)
{
	const char *unknown;

	if (trust_find(wish->owner, wish->group, out, &unknown) == 0)
		return 0;
	log_error("there is no %s %s here\ngive a name that this host knows, or a number",
		  unknown == wish->owner ? "user" : "group", unknown);
	return -1;
}

static char *name_of_group(const struct stat *st)
{
	const struct group *entry = getgrgid(st->st_gid);

	return entry ? xstrdup(entry->gr_name) : xasprintf("%lu", (unsigned long)st->st_gid);
}

/* What the user can do about FLAW; the caller frees. */
static char *advice(enum trust_flaw flaw, const struct trust *trust, const char *path,
		    const struct stat *st, const char *owner)
{
	_cleanup_free_ char *group = name_of_group(st), *word = str_shell_word(path);
	bool is_own = st->st_uid == trust->self;

	if (flaw == TRUST_OWNER)
		return xasprintf("set NIX_USER_CHROOT_DIR to a directory of your own elsewhere; "
				 "if you trust %s with everything that you run, use "
				 "--trust-owner=%s",
				 owner, owner);
	if (flaw == TRUST_GROUP)
		return xasprintf("%schmod g-w %s%s; if it is shared with the group %s on "
				 "purpose, use --shared-group=%s",
				 is_own ? "" : "ask its owner to run ", word,
				 is_own ? ""
					: ", or set NIX_USER_CHROOT_DIR to a directory of your "
					  "own elsewhere",
				 group, group);
	return xasprintf("%schmod go-w %s, once you know that all in it is yours; or set "
			 "NIX_USER_CHROOT_DIR to a directory of your own elsewhere",
			 is_own ? "" : "ask its owner to run ", word);
}

static void tell(const struct trust *trust, enum trust_flaw flaw, const char *path,
		 const struct stat *st, bool is_named)
{
	static const char *const words[] = {
		[TRUST_OWNER] = "is neither yours nor root's",
		[TRUST_GROUP] = "can be written to by its group",
		[TRUST_OTHERS] = "can be written to by everybody",
	};
	_cleanup_free_ char *owner = trust_owner(st), *what = NULL;

	if (is_named) {
		log_verbose("%s belongs to %s and %s; it is used, since you named it", path, owner,
			    words[flaw]);
		return;
	}
	what = advice(flaw, trust, path, st, owner);
	log_error("%s is not used as the Nix directory, or in it: it belongs to %s and %s\n%s",
		  path, owner, words[flaw], what);
}

int trusted_check(const struct trust *trust, int nix_dir_fd, const char *nix_dir, bool is_named,
		  bool *is_own)
{
	/* nix.conf names programs that Nix runs; the path config says what is mounted where */
	static const char *const looked_at[] = {
		".",
		"store",
		"var",
		"var/nix",
		"var/nix/profiles",
		"var/nix-user-chroot",
		"etc",
		"etc/nix",
		"etc/nix/nix.conf",
		"etc/nix-user-chroot",
		"etc/nix-user-chroot/path-config.toml",
	};

	for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
		struct stat st;
		enum trust_flaw flaw = trust_look(trust, nix_dir_fd, looked_at[i], &st);
		_cleanup_free_ char *path = NULL;

		if (i == 0 && is_own)
			*is_own = st.st_uid == trust->self;
		if (flaw == TRUST_GOOD)
			continue;
		path = i == 0 ? xstrdup(nix_dir) : path_join(nix_dir, looked_at[i]);
		tell(trust, flaw, path, &st, is_named);
		return is_named ? 0 : -1;
	}
	return 0;
}
