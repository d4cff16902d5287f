/*
 * Where this host keeps the CA certificates that a mirror is verified against. A static binary has
 * no compiled-in place that is right on every distribution, so it is looked for.
 */
#ifndef FETCH_CA_BUNDLE_H
#define FETCH_CA_BUNDLE_H

/* At most one of the two is set; neither: nothing was found, and libcurl's own default counts. */
struct ca_bundle {
	char *file; /* PEM certificates, one after the other */
	char *dir;  /* certificates under the names that openssl-rehash(1) gives them */
};

/*
 * The CA certificates to use: the file CACERT (--cacert) where it is not NULL, else the file that
 * NIX_SSL_CERT_FILE, SSL_CERT_FILE or CURL_CA_BUNDLE names, else the directory (of a list parted by
 * colons the first) that SSL_CERT_DIR names, else what ca_bundle_find() finds. What is named must
 * be there and readable: to go on without it would trust others than the user said.
 * Returns 0 with *OUT for ca_bundle_clear(), or -1 after it has said which name is wrong and why.
 */
int ca_bundle_choose(const char *cacert, const char *root, struct ca_bundle *out);

/*
 * The first bundle file, else the first directory of hashed certificates, that exists below the
 * directory ROOT ("" for this host) in a place where a distribution keeps one. An empty file or a
 * directory with no certificate in it does not count. *OUT is for ca_bundle_clear().
 */
void ca_bundle_find(const char *root, struct ca_bundle *out);

void ca_bundle_clear(struct ca_bundle *bundle);

#endif
