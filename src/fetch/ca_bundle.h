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
 * colons the first) that SSL_CERT_DIR names, else what is found below the directory ROOT ("" for
 * this host) in the places where distributions keep a bundle or a directory of hashed certificates.
 * What is named must be there and readable: to go on without it would trust others than the user
 * said. Returns 0 with *OUT for ca_bundle_clear(), or -1 after it has said which name is wrong.
 */
int ca_bundle_choose(const char *cacert, const char *root, struct ca_bundle *out);

/* What to do where none was found, with the places that were searched; lines. The caller frees. */
char *ca_bundle_advice(void);

void ca_bundle_clear(struct ca_bundle *bundle);

#endif
