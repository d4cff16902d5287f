#include "fetch/ca_bundle.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *const well_known_files[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Gentoo, NixOS */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL 7 and later */
	"/etc/pki/tls/certs/ca-bundle.crt",		     /* RHEL 6, Amazon Linux */
	"/etc/ssl/ca-bundle.pem",			     /* openSUSE, SLES */
	"/var/lib/ca-certificates/ca-bundle.pem", /* openSUSE, where the one above points */
	"/etc/ca-certificates/extracted/tls-ca-bundle.pem", /* Arch, where the first points */
	"/etc/pki/tls/cacert.pem",			    /* OpenELEC, LibreELEC */
	"/etc/ssl/cert.pem",				    /* Alpine, Void */
	"/etc/ssl/certs/ca-bundle.crt",			    /* NixOS */
};

static const char *const well_known_dirs[] = {
	"/etc/ssl/certs",		    /* most */
	"/etc/pki/tls/certs",		    /* Fedora, RHEL */
	"/var/lib/ca-certificates/openssl", /* openSUSE */
	"/usr/lib/ssl/certs",		    /* Debian, where OpenSSL itself looks */
};

/* 0 where PATH is a file with something in it that we may read, else a negative errno */
static int usable_file(const char *path)
{
	/* O_NONBLOCK: a fifo is not waited on */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) && st.st_size == 0 ? -ENODATA : 0;
}

/* "8d89cda1.0": the hash of a subject's name and a number (openssl-rehash(1)) */
static bool is_hashed_name(const char *name)
{
	for (size_t i = 0; i < 8; i++)
		if (!isxdigit((unsigned char)name[i]))
			return false;
	return name[8] == '.' && isdigit((unsigned char)name[9]);
}

/* 0 where PATH is a directory with a certificate in it that libcrypto can find */
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

static char *first_usable(const char *root, const char *const *paths, size_t count,
			  int (*usable)(const char *))
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", root, paths[i]);

		if (usable(path) == 0)
			return steal_ptr(&path);
	}
	return NULL;
}

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

void ca_bundle_find(const char *root, struct ca_bundle *out)
{
	*out = (struct ca_bundle){0};
	out->file = first_usable(root, well_known_files, COUNT_OF(well_known_files), usable_file);
	if (!out->file)
		out->dir =
			first_usable(root, well_known_dirs, COUNT_OF(well_known_dirs), usable_dir);
}

static const char *why(int error)
{
	return error == -ENODATA ? "there is no certificate in it" : strerror(-error);
}

static int choose_file(const char *path, const char *named_by, const char *next,
		       struct ca_bundle *out)
{
	int r = usable_file(path);

	if (r < 0) {
		log_error("cannot read the CA certificates in '%s' (%s): %s\n%-s", path, named_by,
			  why(r), next);
		return -1;
	}
	out->file = xstrdup(path);
	return 0;
}

/* the first of the colon-separated directories LIST that can be used */
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
	ca_bundle_find(root, out);
	return 0;
}

void ca_bundle_clear(struct ca_bundle *bundle)
{
	free(bundle->file);
	free(bundle->dir);
	*bundle = (struct ca_bundle){0};
}
