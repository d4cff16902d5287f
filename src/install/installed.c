#include "install/installed.h"
#include "store/layout.h"
#include "store/record.h"
#include "install/damage.h"
#include "util/flavour.h"
#include "install/nix_conf.h"
#include "install/release.h"
#include "install/script.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A store path of RECORD that is missing, or NULL. */
static const char *missing_path(int nix_dir_fd, const struct record *record)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct record_entry *entry = &record->entries[i];
		_cleanup_free_ char *path = path_join("store", entry->subject);

		if (entry->kind == RECORD_STORE && !fs_exists(nix_dir_fd, path))
			return entry->subject;
	}
	return NULL;
}

/* Is NIX, the profile's nix, in a store path of RECORD? */
static bool is_of(const struct record *record, const char *nix)
{
	_cleanup_free_ char *name = xstrdup(nix + strlen("/nix/store/"));

	name[strcspn(name, "/")] = '\0';
	return record_store_path(record, name);
}

/* Does REQUEST ask for another release than INSTALLED? */
static bool asks_for_another(const struct install_request *request,
			     const struct record_release *installed)
{
	_cleanup_free_ char *version = NULL, *system = NULL;
	const char *wanted = request->nix_version;
	struct sha256 hash;

	if (request->system && installed->system && strcmp(request->system, installed->system) != 0)
		return true;
	if (request->sha256 && sha256_parse_option(request->sha256, &hash) == 0)
		return !sha256_equal(&hash, &installed->sha256);
	if (!wanted && request->tarball) {
		const char *slash = strrchr(request->tarball, '/');

		if (!release_split_name(slash ? slash + 1 : request->tarball, &version, &system))
			return true;
		wanted = version;
	}
	/*
	 * "lix" alone means the latest Lix: any installed Lix will do, as any Nix does without a
	 * version
	 */
	if (wanted && installed->version && flavour_is_latest(wanted))
		return flavour_of(wanted, strlen(wanted)) !=
		       flavour_of(installed->version, strlen(installed->version));
	return wanted && (!installed->version || strcmp(wanted, installed->version) != 0);
}

/* Describe what is there; takes WORDS over. */
static int found(struct installed *out, char *words, const char *advice)
{
	free(out->words);
	out->words = words;
	out->advice = advice;
	return 1;
}

/* Is the file NIX in the store path of the release that REQUEST asks for? The name tells. */
static bool is_asked_for(const struct install_request *request, const char *nix)
{
	const struct record_release none = {0};
	_cleanup_free_ char *top = NULL, *end = NULL;

	if (!asks_for_another(request, &none))
		return true;
	top = request->nix_version ? flavour_top(request->nix_version) : NULL;
	end = top ? xasprintf("-%s/bin/nix", top) : NULL;
	return end && !request->sha256 && str_ends_with(nix, end);
}

/* Look at a store that has no record and no sign of an interrupted installation. */
static int look_at_foreign(const char *nix_dir, int nix_dir_fd,
			   const struct install_request *request, struct installed *out)
{
	_cleanup_free_ char *nix = script_find_nix(nix_dir_fd);

	if (nix && !is_asked_for(request, nix)) {
		log_error("Nix is in %s already, installed by other means, and it may not be "
			  "what you ask for: %s\n"
			  "--force installs a release into it, and keeps what is there",
			  nix_dir, nix);
		return -1;
	}
	if (nix)
		return found(out,
			     text_format("Nix is in %s already, installed by other means", nix_dir),
			     layout_has_nix_conf(nix_dir_fd)
				     ? "--force installs a release into it, and keeps what is there"
				     : "--force installs a release into it, and keeps what is "
				       "there; it has no " LAYOUT_NIX_CONF
				       ", which --force writes: flakes are off, and as root "
				       "nothing is built");
	log_error(
		"%s holds a Nix store that was made by other means, and is left as it is\n"
		"NIX_USER_CHROOT_DIR names another directory; --force installs into it, and keeps "
		"what is there",
		nix_dir);
	return -1;
}

/*
 * Look at an installation whose profile has another nix: the user has upgraded it by Nix's own
 * means.
 */
static int look_at_other_nix(const char *nix_dir, const struct install_request *request,
			     const char *nix, struct installed *out)
{
	if (request->nix_version || request->tarball || request->sha256)
		return 0;
	return found(out,
		     text_format("Nix is installed in %s already, and your profile has its own "
				 "version of it, %s",
				 nix_dir, nix),
		     "--nix-version puts a release in its place");
}

static int look_at_record(const char *nix_dir, int nix_dir_fd, const struct record *record,
			  const struct install_request *request, struct installed *out)
{
	_cleanup_free_ char *version = flavour_shown(record->release.version);
	const char *missing = missing_path(nix_dir_fd, record);
	_cleanup_free_ char *nix = script_find_nix(nix_dir_fd);
	_cleanup_(damage_clear) struct damage damage = {0};

	if (asks_for_another(request, &record->release))
		return 0;
	if (nix && !is_of(record, nix))
		return look_at_other_nix(nix_dir, request, nix, out);
	if (nix && !missing && record->owner == geteuid())
		damage_find(nix_dir_fd, record, nix,
			    out->is_fresh && damage_is_excluded(nix_dir_fd, record) ? NULL
										    : out->digest,
			    &damage);
	out->is_damaged = damage.is_in_store;
	if (nix && !missing && !damage.what)
		return found(out, text_format("%s is installed in %s already", version, nix_dir),
			     NULL);
	if (out->is_said)
		;
	else if (missing)
		log_info("%s was installed, but /nix/store/%s is gone: installing it again",
			 version, missing);
	else if (damage.what)
		log_info("%s was installed, but %s: installing it again", version, damage.what);
	else
		log_info("%s was installed, but your profile has no nix: installing it again",
			 version);
	out->is_said = true;
	free(out->again);
	out->again = xstrdup(record->release.version);
	return 0;
}

/* Does RECORD, which could be read if R is 0, say that an installation is begun or complete? */
static bool tells_of_something(int r, const struct record *record)
{
	return r == 0 && (record->is_complete || record->is_begun);
}

int installed_look(const char *nix_dir, const struct install_request *request,
		   struct installed *out)
{
	_cleanup_close_ int fd = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : layout_error("open the directory", nix_dir, -errno);
	if (request->force)
		return 0;
	r = record_read(fd, &record);
	if (r < 0 && r != -ENOENT && r != -ENOTDIR && r != -EBADMSG)
		return layout_error("read the record in", nix_dir, r);
	if (record.is_complete)
		return look_at_record(nix_dir, fd, &record, request, out);
	if (r == -EBADMSG) {
		if (!out->is_said)
			log_warning("the record in %s cannot be read: installing again", nix_dir);
		out->is_said = true;
	}
	out->is_damaged = record.is_begun && damage_is_in_store(fd, &record, out->digest);
	if (r == -EBADMSG || tells_of_something(r, &record) || !layout_has_store_paths(fd))
		return 0;
	return look_at_foreign(nix_dir, fd, request, out);
}

void installed_say(const struct installed *installed)
{
	log_info("%-s: nothing to do%-s%-s", installed->words, installed->advice ? "\n" : "",
		 installed->advice ? installed->advice : "");
}

void installed_clear(struct installed *installed)
{
	free(installed->again);
	free(installed->words);
	*installed = (struct installed){0};
}
