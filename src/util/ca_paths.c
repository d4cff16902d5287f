#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

const char *const ca_bundle_paths[] = {
	"/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Arch, Gentoo, NixOS */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL 7 and later */
	"/etc/pki/tls/certs/ca-bundle.crt",		     /* RHEL 6, Amazon Linux */
	"/etc/ssl/ca-bundle.pem",			     /* openSUSE, SLES */
	"/var/lib/ca-certificates/ca-bundle.pem", /* openSUSE, the target of the one above */
	"/etc/ca-certificates/extracted/tls-ca-bundle.pem", /* Arch, the target of the first */
	"/etc/pki/tls/cacert.pem",			    /* OpenELEC, LibreELEC */
	"/etc/ssl/cert.pem",				    /* Alpine, Void */
	"/etc/ssl/certs/ca-bundle.crt",			    /* NixOS */
	NULL,
};

int ca_bundle_check(const char *path)
{
	/* O_NONBLOCK: do not wait on a fifo */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) && st.st_size == 0 ? -ENODATA : 0;
}

const char *ca_bundle_find(const char *root)
{
	for (size_t i = 0; ca_bundle_paths[i]; i++) {
		_cleanup_free_ char *path = xasprintf("%s%s", root, ca_bundle_paths[i]);

		if (ca_bundle_check(path) == 0)
			return ca_bundle_paths[i];
	}
	return NULL;
}
