#include "install/installed.h"
#include "store/layout.h"
#include "store/record.h"
#include "install/damage.h"
#include "install/release.h"
#include "install/script.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The store path of RECORD that is no longer there, or NULL. */
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

/* Does NIX, the profile's, lie in a store path of RECORD? */
static bool is_of(const struct record *record, const char *nix)
{
	_cleanup_free_ char *name = xstrdup(nix + strlen("/nix/store/"));

	name[strcspn(name, "/")] = '\0';
	return record_has(record, RECORD_STORE, name, NULL);
}

/* Do REQUEST and INSTALLED differ in the release? */
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
	return wanted && (!installed->version || strcmp(wanted, installed->version) != 0);
}

/* A store without a record and without the mark of an installation broken off. */
static int look_at_foreign(const char *nix_dir, int nix_dir_fd)
{
	_cleanup_free_ char *nix = script_find_nix(nix_dir_fd);

	if (nix) {
		log_info(
			"Nix is in %s already, installed by other means: nothing to do\n"
			"--force installs a release into it, and keeps what is there%-s",
			nix_dir,
			fs_exists(nix_dir_fd, LAYOUT_NIX_CONF)
				? ""
				: "; it has no " LAYOUT_NIX_CONF
				  ", which --force writes: flakes are off, and as root nothing is built");
		return 1;
	}
	log_error(
		"%s holds a Nix store that was made by other means, and is left as it is\n"
		"NIX_USER_CHROOT_DIR names another directory; --force installs into it, and keeps "
		"what is there",
		nix_dir);
	return -1;
}

/* The profile's nix is another one: the user has upgraded it by Nix's own means. */
static int look_at_other_nix(const char *nix_dir, const struct install_request *request,
			     const char *nix)
{
	if (request->nix_version || request->tarball || request->sha256)
		return 0;
	log_info("Nix is installed in %s already, and your profile has its own version of it, %s: "
		 "nothing to do\n--nix-version puts a release in its place",
		 nix_dir, nix);
	return 1;
}

static int look_at_record(const char *nix_dir, int nix_dir_fd, const struct record *record,
			  const struct install_request *request, struct installed *out)
{
	const char *version =
		record->release.version ? record->release.version : "(of unknown version)";
	const char *missing = missing_path(nix_dir_fd, record);
	_cleanup_free_ char *nix = script_find_nix(nix_dir_fd);
	_cleanup_(damage_clear) struct damage damage = {0};

	if (asks_for_another(request, &record->release))
		return 0;
	if (nix && !is_of(record, nix))
		return look_at_other_nix(nix_dir, request, nix);
	if (nix && !missing && record->owner == geteuid())
		damage_find(nix_dir_fd, record, nix, &damage);
	out->is_damaged = damage.is_in_store;
	if (nix && !missing && !damage.what) {
		log_info("Nix %s is installed in %s already: nothing to do", version, nix_dir);
		return 1;
	}
	if (out->is_said)
		;
	else if (missing)
		log_info("Nix %s was installed, but /nix/store/%s is gone: installing it again",
			 version, missing);
	else if (damage.what)
		log_info("Nix %s was installed, but %s: installing it again", version, damage.what);
	else
		log_info("Nix %s was installed, but your profile has no nix: installing it again",
			 version);
	out->is_said = true;
	free(out->again);
	out->again = xstrdup(record->release.version);
	return 0;
}

/* Is there anything that RECORD, which could be read where R is 0, tells of? */
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
	out->is_damaged = record.is_begun && damage_is_in_store(fd, &record);
	if (r == -EBADMSG || tells_of_something(r, &record) || !layout_has_store_paths(fd))
		return 0;
	return look_at_foreign(nix_dir, fd);
}

void installed_clear(struct installed *installed)
{
	free(installed->again);
	*installed = (struct installed){0};
}
