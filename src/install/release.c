#include "install/release.h"
#include "fetch/url.h"
#include "util/flavour.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum {
	POINTER_MAX = 1 << 20, /* bytes; upstream's script has about 5,000 */
	/* a hash has 64; with the rest, a message can show what came instead */
	HASH_FILE_MAX = 1 << 12,
};

/* The decisions that need no connection. */
struct plan {
	struct release release;
	char *mirror;	  /* NULL with --tarball */
	char *shown;	  /* --mirror or --tarball as typed, shown by url_shown() */
	const char *file; /* --tarball as typed, if it is a local file; else NULL */
	bool has_hash;	  /* --sha256 was given */
};

void release_clear(struct release *release)
{
	free(release->version);
	free(release->system);
	free(release->tarball_url);
	free(release->tarball_shown);
	free(release->tarball_name);
	free(release->missing_what);
	free(release->sha256_source);
	*release = (struct release){0};
}

static void plan_clear(struct plan *plan)
{
	release_clear(&plan->release);
	free(plan->mirror);
	free(plan->shown);
	plan->mirror = plan->shown = NULL;
}

static int check_words(const struct release_request *request)
{
	if (request->nix_version && !flavour_is_latest(request->nix_version) &&
	    !release_version_is_valid(request->nix_version, strlen(request->nix_version))) {
		log_error(
			"--nix-version '%s' is not a version of Nix\n"
			"give one like 2.26.3, or lix-2.93.3; without the option the latest is taken",
			request->nix_version);
		return -1;
	}
	if (request->system && !release_system_is_known(request->system)) {
		_cleanup_free_ char *systems = release_systems();

		log_error("--system '%s': Nix is not released for it\nthere are: %s",
			  request->system, systems);
		return -1;
	}
	return 0;
}

static int take_hash_option(const struct release_request *request, struct plan *plan)
{
	if (!request->sha256)
		return 0;
	if (sha256_parse_option(request->sha256, &plan->release.sha256) < 0) {
		log_error("--sha256 '%s' is not a SHA-256 hash\n"
			  "give 64 hex digits, or SRI: sha256- and 44 digits of base-64",
			  request->sha256);
		return -1;
	}
	plan->release.sha256_source = xstrdup("--sha256");
	plan->has_hash = true;
	return 0;
}

/* The system of this host, if neither an option nor a file name gives it. */
static char *host_system(void)
{
	_cleanup_free_ char *systems = NULL;
	struct utsname host;
	const char *system;

	if (uname(&host) < 0) {
		log_error("cannot tell the system of this host: uname: %s\ngive it with --system",
			  strerror(errno));
		return NULL;
	}
	system = release_system_of_machine(host.machine, (unsigned)sizeof(void *) * 8);
	if (system)
		return xstrdup(system);
	systems = release_systems();
	log_error("Nix is not released for this machine (%s, %zu-bit)\n"
		  "where it can run another's programs, choose with --system: %s",
		  host.machine, sizeof(void *) * 8, systems);
	return NULL;
}

/* Refuse a hash over plain http: whoever can change the tarball can change the hash. */
static int refuse_http_hash(const struct plan *plan, const char *url)
{
	if (plan->has_hash || url_scheme(url) != URL_HTTP)
		return 0;
	log_error("refusing the hash from %s: over plain http anyone on the way can change it\n"
		  "give the hash with --sha256, or use an https:// URL",
		  plan->shown);
	return -1;
}

static int open_local(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int error = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		error = errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	if (error)
		log_error("cannot read --tarball %s: %s\ngive a tarball nix-VERSION-SYSTEM.tar.xz",
			  path, strerror(error));
	return error ? -1 : 0;
}

/* --tarball as a URL; the caller frees. NULL after a message. */
static char *tarball_url_of(const char *tarball, const char *shown)
{
	_cleanup_free_ char *cwd = NULL, *path = NULL;

	switch (url_scheme(tarball)) {
	case URL_HTTPS:
	case URL_HTTP:
	case URL_FILE:
		return xstrdup(tarball);
	case URL_OTHER:
		log_error("--tarball %s: only https://, http:// and file:// are downloaded\n"
			  "download it by other means, and give the file",
			  shown);
		return NULL;
	case URL_NONE:
		break;
	}
	if (open_local(tarball) < 0)
		return NULL;
	if (tarball[0] == '/')
		return url_of_path(tarball);
	cwd = getcwd(NULL, 0);
	if (!cwd) {
		log_error("cannot find --tarball %s: no working directory: %s\n"
			  "give its absolute path",
			  tarball, strerror(errno));
		return NULL;
	}
	path = xasprintf("%s/%s", cwd, tarball);
	return url_of_path(path);
}

/* Check --nix-version and --system against the tarball's name. */
static int check_name(const struct release_request *request, const struct plan *plan)
{
	const struct release *release = &plan->release;

	if (request->nix_version && strcmp(request->nix_version, release->version) != 0) {
		log_error("--nix-version is %s, but --tarball %s is of version %s\n"
			  "leave out one of the two",
			  request->nix_version, plan->shown, release->version);
		return -1;
	}
	if (request->system && strcmp(request->system, release->system) != 0) {
		log_error("--system is %s, but --tarball %s is for %s\nleave out one of the two",
			  request->system, plan->shown, release->system);
		return -1;
	}
	return 0;
}

static int plan_from_tarball(const struct release_request *request, struct plan *plan)
{
	struct release *release = &plan->release;

	if (url_scheme(request->tarball) == URL_NONE)
		plan->file = request->tarball;
	plan->shown = url_shown(request->tarball);
	release->tarball_url = tarball_url_of(request->tarball, plan->shown);
	if (!release->tarball_url || refuse_http_hash(plan, release->tarball_url) < 0)
		return -1;
	release->tarball_name = url_file_name(release->tarball_url);
	release->tarball_shown = url_shown(release->tarball_url);
	release->missing_what =
		xasprintf("cannot get --tarball %s: it does not exist there", plan->shown);
	release->missing = (struct download_missing){release->missing_what, "check the URL"};
	release->wrong_next = plan->file       ? "check --sha256, and whether the file is whole"
			      : plan->has_hash ? "check --sha256 and --tarball, or try again"
					       : "try again, or ask its publisher";
	if (release_split_name(release->tarball_name, &release->version, &release->system))
		return check_name(request, plan);
	release->version = xstrdup(request->nix_version);
	release->system = request->system ? xstrdup(request->system) : host_system();
	return release->system ? 0 : -1;
}

static int plan_from_mirror(const struct release_request *request, struct plan *plan)
{
	struct release *release = &plan->release;

	release->system = request->system ? xstrdup(request->system) : host_system();
	if (!release->system)
		return -1;
	release->wrong_next = plan->has_hash ? "check --sha256, or try another --mirror"
					     : "try again, or another --mirror";
	plan->mirror = release_mirror_url(release_mirror_asked_for(request));
	plan->shown = url_shown(plan->mirror ? plan->mirror : request->mirror);
	if (!plan->mirror) {
		log_error("--mirror '%s' is not a mirror\n"
			  "give an https://, http:// or file:// URL, or the absolute path of a "
			  "directory",
			  plan->shown);
		return -1;
	}
	release->version = release_version_asked_for(request, plan->mirror);
	return refuse_http_hash(plan, plan->mirror);
}

int release_check_digest(const struct release *release, const struct sha256 *found)
{
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1];

	if (sha256_equal(found, &release->sha256))
		return 0;
	sha256_format(&release->sha256, wanted);
	sha256_format(found, got);
	log_error("SHA-256 mismatch for %s: it was changed on its way or at its source\n"
		  "expected %s (from %s)\nfound    %s\n"
		  "nothing of it was used; %s",
		  release->tarball_shown, wanted, release->sha256_source, got, release->wrong_next);
	return -1;
}

bool release_is_bundled(const struct release_request *request)
{
	_cleanup_free_ char *version = NULL, *system = NULL;
	struct sha256 hash;

	if (!request->bundle || request->bundle->broken || request->mirror || request->tarball ||
	    !release_split_name(request->bundle->name, &version, &system))
		return false;
	if ((request->nix_version && strcmp(request->nix_version, version) != 0) ||
	    (request->system && strcmp(request->system, system) != 0))
		return false;
	return !request->sha256 || (sha256_parse_option(request->sha256, &hash) == 0 &&
				    sha256_equal(&hash, &request->bundle->sha256));
}

static int plan_from_bundle(const struct release_request *request, struct plan *plan)
{
	_cleanup_free_ char *host = request->system ? xstrdup(request->system) : host_system();
	_cleanup_free_ char *self = fs_self_path();
	const struct bundle *bundle = request->bundle;
	struct release *release = &plan->release;

	release_split_name(bundle->name, &release->version, &release->system);
	if (!host)
		return -1;
	if (strcmp(host, release->system) != 0) {
		log_error("the Nix in %s is for %s, and this machine is %s\n"
			  "make one with --bundle OUT --system %s; --mirror URL installs another "
			  "Nix; --system %s installs this one, if its programs run here",
			  self ? self : "this program", release->system, host, host,
			  release->system);
		return -1;
	}
	release->tarball_name = xstrdup(bundle->name);
	release->tarball_shown = xasprintf("%s in %s", bundle->name, self ? self : "this program");
	release->sha256 = bundle->sha256;
	if (!plan->has_hash)
		release->sha256_source = xstrdup("the same file");
	release->wrong_next = "copy the file again, or make it anew with --bundle";
	release->bundle = bundle;
	plan->has_hash = true;
	return 0;
}

/* Fill in PLAN, without any connection: 0, or -1 after a message. */
static int make_plan(const struct release_request *request, struct plan *plan)
{
	if (check_words(request) < 0 || take_hash_option(request, plan) < 0)
		return -1;
	if (release_is_bundled(request))
		return plan_from_bundle(request, plan);
	return request->tarball ? plan_from_tarball(request, plan)
				: plan_from_mirror(request, plan);
}

/* Ask the mirror which version is the latest: 0, or -1 after a message. */
static int resolve_latest(struct plan *plan, struct downloader *downloader)
{
	const struct flavour *flavour = flavour_of_mirror(plan->mirror);
	_cleanup_free_ char *pointer = release_pointer_url(plan->mirror);
	_cleanup_free_ char *asked = url_shown(pointer), *led_to = NULL, *what = NULL;
	_cleanup_(download_text_clear) struct download_text text = {0};
	struct download_missing missing = {
		.next = "give a version with --nix-version, or check --mirror",
	};

	missing.what = what =
		xasprintf("%s does not say which version is the latest: %s does not exist",
			  plan->shown, asked);
	if (download_text(downloader, pointer, POINTER_MAX, &missing, &text) < 0)
		return -1;
	if (flavour->pointer)
		plan->release.version = release_version_from_url(text.effective_url);
	else
		plan->release.version =
			release_version_from_manifest(text.body, text.len, flavour->name);
	if (!plan->release.version && flavour->pointer)
		plan->release.version = release_version_from_script(text.body, text.len);
	if (!plan->release.version) {
		led_to = url_shown(text.effective_url);
		log_error("cannot tell the latest version of %s: %s leads to %s, which names none\n"
			  "give a version with --nix-version, or check --mirror and the network",
			  flavour->title, asked, led_to);
		return -1;
	}
	log_verbose("the latest version of %s is %s, says %s", flavour->title,
		    plan->release.version, asked);
	return 0;
}

/* The message if the mirror does not have the file with the URL SHOWN; the caller frees. */
static char *missing_on_mirror(const struct plan *plan, const char *shown)
{
	_cleanup_free_ char *version = flavour_shown(plan->release.version);

	return xasprintf("there is no %s for %s at %s: %s does not exist", version,
			 plan->release.system, plan->shown, shown);
}

static int complete_from_mirror(struct plan *plan, struct downloader *downloader)
{
	struct release *release = &plan->release;

	if (!release->version && resolve_latest(plan, downloader) < 0)
		return -1;
	release->tarball_url = release_tarball_url(plan->mirror, release->version, release->system);
	release->tarball_name = url_file_name(release->tarball_url);
	release->tarball_shown = url_shown(release->tarball_url);
	release->missing_what = missing_on_mirror(plan, release->tarball_shown);
	release->missing = (struct download_missing){release->missing_what,
						     "check --nix-version, --system and --mirror"};
	return 0;
}

/* The message if there is no hash; the caller frees *WHAT. */
static struct download_missing missing_hash(const struct plan *plan, const char *shown, char **what)
{
	if (plan->mirror) {
		*what = missing_on_mirror(plan, shown);
		return (struct download_missing){
			*what, "check --nix-version, --system and --mirror; a mirror without "
			       "hashes needs --sha256"};
	}
	*what = xasprintf("there is no hash for --tarball %s: %s%s does not exist", plan->shown,
			  plan->file ? plan->file : shown, plan->file ? ".sha256" : "");
	return (struct download_missing){
		*what, "give --sha256 with the hash that the publisher of the tarball states"};
}

/* Report that TEXT is no hash. Returns -1. */
static int refuse_hash(const struct plan *plan, const struct download_text *text, const char *shown)
{
	enum { LENGTH = 40 /* bytes of the text that are shown */ };
	_cleanup_free_ char *seen = text_shown_at_most(text->body, LENGTH);

	log_error("%s does not hold a SHA-256 hash: 64 hex digits were expected, there are "
		  "%zu bytes%s%-s%s\n%s",
		  shown, text->len, text->len ? " that begin with '" : "", seen,
		  text->len ? "'" : "",
		  plan->file ? "it must hold the digits alone; or give --sha256"
			     : "check the network (a login page?) and --mirror, or give --sha256");
	return -1;
}

static int fetch_hash(struct plan *plan, struct downloader *downloader)
{
	_cleanup_(download_text_clear) struct download_text text = {0};
	struct release *release = &plan->release;
	_cleanup_free_ char *url = url_with_suffix(release->tarball_url, ".sha256");
	_cleanup_free_ char *shown = url_shown(url), *what = NULL;
	struct download_missing missing = missing_hash(plan, shown, &what);

	if (download_text(downloader, url, HASH_FILE_MAX, &missing, &text) < 0)
		return -1;
	if (!text.trusted) { /* cannot happen after refuse_http_hash(), and must never happen */
		log_error("refusing the hash from %s: it did not come over verified TLS\n"
			  "give the hash with --sha256",
			  shown);
		return -1;
	}
	if (sha256_parse(text.body, text.len, &release->sha256) < 0)
		return refuse_hash(plan, &text, shown);
	release->sha256_source = steal_ptr(&shown);
	return 0;
}

int release_check(const struct release_request *request)
{
	_cleanup_(plan_clear) struct plan plan = {0};

	/* do not look for the file: it may be gone, and may not be needed */
	if (request->tarball)
		return check_words(request) < 0 ? -1 : take_hash_option(request, &plan);
	return make_plan(request, &plan);
}

int release_resolve(const struct release_request *request, struct downloader *downloader,
		    struct release *out)
{
	_cleanup_(plan_clear) struct plan plan = {0};

	if (make_plan(request, &plan) < 0)
		return -1;
	if (plan.mirror && complete_from_mirror(&plan, downloader) < 0)
		return -1;
	if (!plan.has_hash && fetch_hash(&plan, downloader) < 0)
		return -1;
	*out = plan.release;
	plan.release = (struct release){0};
	return 0;
}
