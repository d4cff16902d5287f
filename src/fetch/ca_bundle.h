/*
 * Where this host keeps the CA certificates that a mirror is verified against. A static binary has
 * no compiled-in place that is right on every distribution, so the place is searched.
 */
#ifndef FETCH_CA_BUNDLE_H
#define FETCH_CA_BUNDLE_H

/* At most one of the two is set. Neither: nothing was found, and libcurl uses its own default. */
struct ca_bundle {
	char *file; /* PEM certificates, one after another */
	char *dir;  /* certificates under the names that openssl-rehash(1) gives them */
};

/*
 * The CA certificates to use: the file CACERT (--cacert) if it is not NULL; else the file that
 * NIX_SSL_CERT_FILE, SSL_CERT_FILE or CURL_CA_BUNDLE names; else the first directory of
 * SSL_CERT_DIR, a list separated by colons; else what is found below the directory ROOT ("" for
 * this host) in the places where distributions keep a bundle or a directory of hashed certificates.
 * A name that was given must exist and be readable: otherwise certificates would be trusted that
 * the user did not choose. Returns 0 with *OUT for ca_bundle_clear(), or -1 after a message that
 * says which name is wrong.
 */
int ca_bundle_choose(const char *cacert, const char *root, struct ca_bundle *out);

/*
 * Advice if no certificates were found: lines with the places that were searched. The caller frees.
 */
char *ca_bundle_advice(void);

void ca_bundle_clear(struct ca_bundle *bundle);

#endif
