#include "fetch/ca_bundle.h"
#include "ui/log.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>

static const char *const well_known_dirs[] = {
	"/etc/ssl/certs",		    /* most distributions */
	"/etc/pki/tls/certs",		    /* Fedora, RHEL */
	"/var/lib/ca-certificates/openssl", /* openSUSE */
	"/usr/lib/ssl/certs",		    /* Debian, the place where OpenSSL itself looks */
};

/* Is NAME like "8d89cda1.0": the hash of a subject's name, and a number (openssl-rehash(1))? */
static bool is_hashed_name(const char *name)
{
	for (size_t i = 0; i < 8; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return name[8] == '.' && isdigit((unsigned char)name[9]);
}

/* 0 if the directory PATH has a certificate that libcrypto can find */
static int usable_dir(const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (is_hashed_name(entry->d_name))
			return 0;
	return -ENODATA;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The bundle that this host's libcurl uses by default; NULL: none. */
static const char *place_of_curl(void)
{
	const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);

	return curl->age >= CURLVERSION_SEVENTH ? curl->cainfo : NULL;
}

/*
 * Find the first bundle, else the first directory of hashed certificates, in the places below ROOT
 * where distributions keep them. If ROOT is this host, the default bundle of its libcurl counts
 * too.
 */
static void find_of_host(const char *root, struct ca_bundle *out)
{
	const char *file = ca_bundle_find(root), *of_curl = *root ? NULL : place_of_curl();

	if (!file && of_curl && ca_bundle_check(of_curl) == 0)
		file = of_curl;
	if (file)
		out->file = xasprintf("%s%s", root, file);
	for (size_t i = 0; !file && !out->dir && i < COUNT_OF(well_known_dirs); i++) {
		_cleanup_free_ char *dir = xasprintf("%s%s", root, well_known_dirs[i]);

		if (usable_dir(dir) == 0)
			out->dir = steal_ptr(&dir);
	}
}

static const char *why(int error)
{
	return error == -ENODATA ? "there is no certificate in it" : strerror(-error);
}

static int choose_file(const char *path, const char *named_by, const char *next,
		       struct ca_bundle *out)
{
	int r = ca_bundle_check(path);

	if (r < 0) {
		log_error("cannot read the CA certificates in '%s' (%s): %s\n%-s", path, named_by,
			  why(r), next);
		return -1;
	}
	out->file = xstrdup(path);
	return 0;
}

/* Take the first usable directory of LIST, which colons separate. */
static int choose_dir(const char *list, struct ca_bundle *out)
{
	int r = -ENOENT;

	for (const char *p = list; *p; p += strspn(p, ":")) {
		size_t len = strcspn(p, ":");
		_cleanup_free_ char *dir = xstrndup(p, len);
		int error = len ? usable_dir(dir) : -ENOENT;

		if (error == 0) {
			out->dir = steal_ptr(&dir);
			return 0;
		}
		r = error;
		p += len;
	}
	log_error("cannot use the CA certificates in '%s' (SSL_CERT_DIR): %s\n"
		  "unset SSL_CERT_DIR, or give a file of certificates with --cacert",
		  list, why(r));
	return -1;
}

int ca_bundle_choose(const char *cacert, const char *root, struct ca_bundle *out)
{
	static const char *const variables[] = {"NIX_SSL_CERT_FILE", "SSL_CERT_FILE",
						"CURL_CA_BUNDLE"};
	const char *dirs = env_get("SSL_CERT_DIR");

	*out = (struct ca_bundle){0};
	if (cacert)
		return choose_file(cacert, "--cacert", "give a file of CA certificates in PEM form",
				   out);
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		const char *path = env_get(variables[i]);
		_cleanup_free_ char *next = NULL;

		if (!path)
			continue;
		next = xasprintf("unset %s, or give another file with --cacert", variables[i]);
		return choose_file(path, variables[i], next, out);
	}
	if (dirs)
		return choose_dir(dirs, out);
	find_of_host(root, out);
	return 0;
}

/* TEXT, which is freed, with PATH added on a line of its own. */
static char *append(char *text, const char *path)
{
	char *longer = xasprintf("%s\n%s", text, path);

	free(text);
	return longer;
}

char *ca_bundle_advice(void)
{
	char *text = xstrdup("install the package ca-certificates, or give a file of CA "
			     "certificates with --cacert\nsearched:");

	for (size_t i = 0; ca_bundle_paths[i]; i++)
		text = append(text, ca_bundle_paths[i]);
	for (size_t i = 0; i < COUNT_OF(well_known_dirs); i++)
		text = append(text, well_known_dirs[i]);
	return text;
}

void ca_bundle_clear(struct ca_bundle *bundle)
{
	free(bundle->file);
	free(bundle->dir);
	*bundle = (struct ca_bundle){0};
}
