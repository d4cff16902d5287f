/*
 * --install where Nix is installed: what can be put right without a release.
 */
#ifndef INSTALL_RENEW_H
#define INSTALL_RENEW_H

#include "home/self.h"
#include "install/installation.h"
#include "install/installed.h"
#include "install/nix_conf.h"

/* What is to be done. */
struct renewal {
	bool path;	       /* new shells may not find the commands */
	struct self_plan self; /* the program, and the links to it */
	bool conf;	       /* nix.conf is gone, or lacks lines that were asked for */
	const char *runtime;   /* another than the record has was asked for; NULL: none was */
	bool is_ours; /* else others keep the installation for us, and nothing is written */
};

/*
 * Find out, for lines as FACTS has them; changes nothing. Returns 0 with *OUT the caller's to
 * clear, or -1 after a message: lines were asked for that cannot be added.
 */
int renewal_look(const struct installation *in, const struct nix_conf_facts *facts,
		 struct renewal *out);

/* The name of the runtime that is asked for, where RECORD has another or none; NULL: none is. */
const char *renewal_runtime(const struct installation *in, const struct record *record);

bool renewal_has_work(const struct renewal *renewal);

/*
 * Do it, and tell what is there, as INSTALLED has it: a newer program than the one that installed,
 * or one that found no place then, is put in place, nix.conf is written, and what a killed run has
 * left is tidied. A nix.conf that Nix does not work with is as it was before. FACTS learns what the
 * host decides. 0, or -1 after a message.
 */
int renew(const struct installation *in, const struct installed *installed,
	  struct nix_conf_facts *facts);

void renewal_clear(struct renewal *renewal);

#endif
