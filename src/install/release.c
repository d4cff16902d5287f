#include "install/release.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "cli/nearest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum {
	POINTER_MAX = 1 << 20,	 /* bytes; upstream's script has about 5,000 */
	HASH_FILE_MAX = 1 << 12, /* a hash has 64; the rest lets a message show what came instead */
};

/* What is decided before any connection. */
struct plan {
	struct release release;
	char *mirror;	       /* NULL with --tarball */
	const char *directory; /* --mirror where it is one, as typed; else NULL */
	const char *file;      /* --tarball where it is a local file, as typed; else NULL */
	bool has_hash;	       /* --sha256 was given */
};

void release_clear(struct release *release)
{
	free(release->version);
	free(release->system);
	free(release->tarball_url);
	free(release->tarball_name);
	free(release->missing);
	free(release->sha256_source);
	*release = (struct release){0};
}

static void plan_clear(struct plan *plan)
{
	release_clear(&plan->release);
	free(plan->mirror);
	plan->mirror = NULL;
}

static int check_words(const struct install_request *request)
{
	if (request->nix_version &&
	    !release_version_is_valid(request->nix_version, strlen(request->nix_version))) {
		const char *inside = release_version_in(request->nix_version);

		log_error("--nix-version '%s' is not a version of Nix\n%s%s%s",
			  request->nix_version, inside ? "did you mean " : "give one like 2.26.3",
			  inside ? inside : "; without the option the latest is taken",
			  inside ? "?" : "");
		return -1;
	}
	if (request->system && !release_system_is_known(request->system)) {
		_cleanup_free_ char *systems = release_systems();
		const char *meant = release_system_meant(request->system);

		log_error("--system '%s': Nix is not released for it\n%s%s%sthere are: %s",
			  request->system, meant ? "did you mean " : "", meant ? meant : "",
			  meant ? "? " : "", systems);
		return -1;
	}
	return 0;
}

static int is_release(const struct dirent *entry)
{
	return str_starts_with(entry->d_name, "nix-");
}

/* The version in DIRECTORY, a mirror, that is nearest to VERSION; the caller frees. */
static char *nearest_release(const char *directory, const char *version)
{
	struct dirent **entries = NULL;
	_cleanup_(strlist_clear) struct strlist versions = {0};
	int count = scandir(directory, &entries, is_release, versionsort);

	/* of those that are equally near, the latest */
	while (count-- > 0) {
		strlist_add(&versions, entries[count]->d_name + strlen("nix-"));
		free(entries[count]);
	}
	free(entries);
	return xstrdup(nearest_word(version, (const char *const *)versions.items, versions.count));
}

/* What to do about a version that the mirror does not have; the caller frees. */
static char *advice_on_missing(const struct plan *plan)
{
	const char *version = plan->release.version, *dot = strchr(version, '.');
	_cleanup_free_ char *near =
		plan->directory ? nearest_release(plan->directory, version) : NULL;

	if (near && strcmp(near, version) != 0)
		return xasprintf("did you mean --nix-version %s?", near);
	/* from 2.6 on all have three numbers */
	if (dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1))
		return xasprintf("did you mean --nix-version %s.0? without it the latest is taken",
				 version);
	return xstrdup("check --nix-version, --system and --mirror");
}

static int take_hash_option(const struct install_request *request, struct plan *plan)
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

/* The system of this host, where neither an option nor a file name tells */
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

/* A hash that comes over plain http is worth nothing: who can change the tarball can change it */
static int refuse_http_hash(const struct plan *plan, const char *url)
{
	if (plan->has_hash || url_scheme(url) != URL_HTTP)
		return 0;
	log_error("refusing the hash from %s: over plain http anyone on the way can change it\n"
		  "give the hash with --sha256, or use an https:// URL",
		  url);
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

/* --tarball as a URL; the caller frees; NULL after it has said why not */
static char *tarball_url_of(const char *tarball)
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
			  tarball);
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

/* --nix-version and --system are checked against what the name of the tarball says */
static int check_name(const struct install_request *request, const struct release *release)
{
	if (request->nix_version && strcmp(request->nix_version, release->version) != 0) {
		log_error("--nix-version is %s, but --tarball %s is of version %s\n"
			  "leave one of the two away",
			  request->nix_version, request->tarball, release->version);
		return -1;
	}
	if (request->system && strcmp(request->system, release->system) != 0) {
		log_error("--system is %s, but --tarball %s is for %s\nleave one of the two away",
			  request->system, request->tarball, release->system);
		return -1;
	}
	return 0;
}

static int plan_from_tarball(const struct install_request *request, struct plan *plan)
{
	struct release *release = &plan->release;

	if (url_scheme(request->tarball) == URL_NONE)
		plan->file = request->tarball;
	release->tarball_url = tarball_url_of(request->tarball);
	if (!release->tarball_url || refuse_http_hash(plan, release->tarball_url) < 0)
		return -1;
	release->tarball_name = url_file_name(release->tarball_url);
	release->missing = xasprintf("cannot get --tarball %s: it does not exist there\n"
				     "check the URL",
				     request->tarball);
	if (release_split_name(release->tarball_name, &release->version, &release->system))
		return check_name(request, release);
	release->version = xstrdup(request->nix_version);
	release->system = request->system ? xstrdup(request->system) : host_system();
	return release->system ? 0 : -1;
}

static int plan_from_mirror(const struct install_request *request, struct plan *plan)
{
	struct release *release = &plan->release;

	release->system = request->system ? xstrdup(request->system) : host_system();
	if (!release->system)
		return -1;
	release->version = xstrdup(request->nix_version);
	plan->mirror = release_mirror_url(request->mirror);
	if (request->mirror && request->mirror[0] == '/')
		plan->directory = request->mirror;
	if (!plan->mirror) {
		log_error("--mirror '%s' is not a mirror\n"
			  "give an https://, http:// or file:// URL, or the absolute path of a "
			  "directory",
			  request->mirror);
		return -1;
	}
	return refuse_http_hash(plan, plan->mirror);
}

/* Ask the mirror which version is the latest */
static int resolve_latest(struct plan *plan, struct downloader *downloader)
{
	_cleanup_free_ char *pointer = release_pointer_url(plan->mirror), *missing = NULL;
	_cleanup_(download_text_clear) struct download_text text = {0};

	missing = xasprintf("%s does not say which version is the latest: %s does not exist\n"
			    "give a version with --nix-version, or check --mirror",
			    plan->mirror, pointer);
	if (download_text(downloader, pointer, POINTER_MAX, missing, &text) < 0)
		return -1;
	plan->release.version = release_version_from_url(text.effective_url);
	if (!plan->release.version)
		plan->release.version = release_version_from_script(text.body, text.len);
	if (!plan->release.version) {
		log_error(
			"cannot tell the latest version of Nix: %s leads to %s, which names none\n"
			"give a version with --nix-version, or check --mirror and the network",
			pointer, text.effective_url);
		return -1;
	}
	log_verbose("the latest version of Nix is %s, says %s", plan->release.version, pointer);
	return 0;
}

static int complete_from_mirror(struct plan *plan, struct downloader *downloader)
{
	struct release *release = &plan->release;
	_cleanup_free_ char *advice = NULL;

	if (!release->version && resolve_latest(plan, downloader) < 0)
		return -1;
	release->tarball_url = release_tarball_url(plan->mirror, release->version, release->system);
	release->tarball_name = url_file_name(release->tarball_url);
	advice = advice_on_missing(plan);
	release->missing = xasprintf("there is no Nix %s for %s at %s: %s does not exist\n%s",
				     release->version, release->system, plan->mirror,
				     release->tarball_url, advice);
	return 0;
}

static char *hash_missing_message(const struct plan *plan, const char *url)
{
	const struct release *release = &plan->release;
	_cleanup_free_ char *advice = plan->mirror ? advice_on_missing(plan) : NULL;

	if (advice)
		return xasprintf("there is no Nix %s for %s at %s: %s does not exist\n"
				 "%s\na mirror without hashes needs --sha256",
				 release->version, release->system, plan->mirror, url, advice);
	if (plan->file)
		return xasprintf("there is no hash for --tarball %s: %s.sha256 does not exist\n"
				 "give --sha256 with the hash that the publisher of the tarball "
				 "states ('sha256sum %s' shows what the file has)",
				 plan->file, plan->file, plan->file);
	return xasprintf("there is no hash for --tarball %s: %s does not exist\n"
			 "give --sha256 with the hash that the publisher of the tarball states",
			 release->tarball_url, url);
}

/* The beginning of what came in place of a hash, fit for a message; the caller frees */
static char *excerpt(const struct download_text *text)
{
	enum { LENGTH = 40 };
	size_t len = text->len < LENGTH ? text->len : LENGTH;
	char *copy = xstrndup(text->body, len);

	for (size_t i = 0; i < len; i++)
		if (copy[i] < ' ' || copy[i] > '~')
			copy[i] = copy[i] == '\n' ? ' ' : '?';
	return copy;
}

static int fetch_hash(struct plan *plan, struct downloader *downloader)
{
	_cleanup_(download_text_clear) struct download_text text = {0};
	struct release *release = &plan->release;
	_cleanup_free_ char *url = url_with_suffix(release->tarball_url, ".sha256");
	_cleanup_free_ char *missing = hash_missing_message(plan, url), *seen = NULL;

	if (download_text(downloader, url, HASH_FILE_MAX, missing, &text) < 0)
		return -1;
	if (!text.trusted) { /* unreachable after refuse_http_hash(), and must stay so */
		log_error("refusing the hash from %s: it did not come over verified TLS\n"
			  "give the hash with --sha256",
			  url);
		return -1;
	}
	if (sha256_parse(text.body, text.len, &release->sha256) < 0) {
		seen = excerpt(&text);
		log_error("%s does not hold a SHA-256 hash: 64 hex digits were expected, there are "
			  "%zu bytes%s%s%s\n%-s",
			  url, text.len, text.len ? " that begin with '" : "", seen,
			  text.len ? "'" : "",
			  plan->file ? "it must hold the digits alone; or give --sha256"
				     : "check the network (a login page?) and --mirror, or give "
				       "--sha256");
		return -1;
	}
	release->sha256_source = steal_ptr(&url);
	return 0;
}

int release_check(const struct install_request *request)
{
	_cleanup_(plan_clear) struct plan plan = {0};

	if (check_words(request) < 0 || take_hash_option(request, &plan) < 0)
		return -1;
	return request->tarball ? 0 : plan_from_mirror(request, &plan);
}

int release_resolve(const struct install_request *request, struct downloader *downloader,
		    struct release *out)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	int r;

	if (check_words(request) < 0 || take_hash_option(request, &plan) < 0)
		return -1;
	r = request->tarball ? plan_from_tarball(request, &plan) : plan_from_mirror(request, &plan);
	if (r < 0)
		return -1;
	if (plan.mirror && complete_from_mirror(&plan, downloader) < 0)
		return -1;
	if (!plan.has_hash && fetch_hash(&plan, downloader) < 0)
		return -1;
	*out = plan.release;
	plan.release = (struct release){0};
	return 0;
}
