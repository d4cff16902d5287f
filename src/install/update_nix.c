#include "install/update_nix.h"
#include "util/flavour.h"
#include "install/release.h"
#include "run/nix_dir.h"
#include "store/record.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/program.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Read the record of a complete installation of this user's: 0, or -1 after a message. */
static int read_record(const char *nix_dir, struct record *out)
{
	_cleanup_close_ int fd = open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : record_read(fd, out);

	if (r == 0 && out->is_complete && out->owner == geteuid())
		return 0;
	if (r == 0 && out->owner != geteuid())
		log_error("Nix in %s was installed by user %lu, and you are user %lu\n"
			  "ask that user to update it",
			  nix_dir, (unsigned long)out->owner, (unsigned long)geteuid());
	else
		log_error("there is no Nix in %s that --install installed%s%s\n"
			  "nix-user-chroot --install installs the latest, or repairs what is there",
			  nix_dir, r < 0 && r != -ENOENT ? ": " : "",
			  r < 0 && r != -ENOENT ? strerror(-r) : "");
	return -1;
}

/*
 * The mirror that the tarball came from, if its URL has the form of a mirror's; the caller frees.
 */
static char *mirror_of(const struct record_release *release)
{
	_cleanup_free_ char *tail = NULL;

	if (!release->source || !release->version || !release->system)
		return NULL;
	tail = release_tarball_url("", release->version, release->system);
	return str_ends_with(release->source, tail)
		       ? xstrndup(release->source, strlen(release->source) - strlen(tail))
		       : NULL;
}

/*
 * The latest version at MIRROR (NULL: the mirror of the make, Nix or Lix, that PRESENT belongs to);
 * the caller frees. NULL after a message.
 */
static char *find_latest(const struct update_request *request, const char *mirror,
			 const char *present)
{
	const struct flavour *flavour = flavour_of(present, strlen(present));
	const struct release_request wanted = {
		.mirror = mirror,
		.nix_version = mirror ? NULL : flavour->name,
	};
	_cleanup_(downloader_freep) struct downloader *downloader = NULL;
	_cleanup_(release_clear) struct release release = {0};
	struct download_options options;

	download_options_init(&options);
	options.cacert = request->cacert;
	downloader = downloader_new(&options);
	if (!downloader || release_resolve(&wanted, downloader, &release) < 0)
		return NULL;
	return steal_ptr(&release.version);
}

/* Does RECORD have a link with the name of a command of Nix? */
static bool has_shims(const struct record *record)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->entries[i].kind == RECORD_LINK)
			return true;
	return false;
}

static void add_option(struct strlist *words, const char *option, const char *value)
{
	if (!value)
		return;
	strlist_add(words, option);
	strlist_add(words, value);
}

/* Become --install of VERSION. Returns only after a message. */
static int become_install(const struct update_request *request, const struct record *record,
			  const char *mirror, const char *version)
{
	_cleanup_(strlist_clear) struct strlist words = {0};
	_cleanup_free_ char *program = program_path(request->program_argv[0]);
	enum log_level level = log_get_level();

	strlist_add(&words, request->program_argv[0]);
	strlist_add(&words, "--install");
	add_option(&words, "--nix-version", version);
	add_option(&words, "--mirror", mirror);
	add_option(&words, "--cacert", request->cacert);
	add_option(&words, "--shared-group", request->trust.group);
	if (request->runtime != RUNTIME_AUTO)
		add_option(&words, "--runtime", runtime_name(request->runtime));
	if (level != LOG_NORMAL)
		strlist_add(&words, level == LOG_ERROR ? "-q" : level == LOG_DEBUG ? "-vv" : "-v");
	/* existing channels and startup files stay as they are */
	strlist_add(&words, "--no-channel-add");
	strlist_add(&words, "--no-modify-profile");
	if (!has_shims(record))
		strlist_add(&words, "--no-shims");
	if (request->force)
		strlist_add(&words, "--force");
	execv(program ? program : "/proc/self/exe", words.items);
	log_error("cannot run %s again: %s\nrun nix-user-chroot --install --nix-version %s",
		  request->program_argv[0], strerror(errno), version);
	return -1;
}

int update_nix(const struct update_request *request)
{
	enum runtime runtime = request->runtime;
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime), *mirror = NULL, *version = NULL,
			    *shown = NULL, *shown_present = NULL;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	const char *present;
	int order;

	if (!nix_dir || read_record(nix_dir, &record) < 0)
		return -1;
	mirror = request->mirror ? xstrdup(request->mirror) : mirror_of(&record.release);
	present = record.release.version ? record.release.version : "0";
	version = find_latest(request, mirror, present);
	if (!version)
		return -1;
	order = strverscmp(version, present);
	shown = flavour_shown(version);
	shown_present = flavour_shown(record.release.version);
	if (order == 0 && !request->force) {
		log_info("%s is the latest: nothing to do in %s", shown, nix_dir);
		return 0;
	}
	if (order < 0 && !request->force) {
		log_error("the latest there is %s, which is older than what is in %s, %s\n"
			  "--force installs it anyway",
			  shown, nix_dir, shown_present);
		return -1;
	}
	if (request->dry_run) {
		text_print(stdout, "%s -> %s would be installed in %s\n", shown_present, shown,
			   nix_dir);
		return 0;
	}
	log_info("%s -> %s: %s", shown_present, shown, nix_dir);
	return become_install(request, &record, mirror, version);
}
