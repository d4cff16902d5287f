/* --install if Nix is installed: what can be repaired without a release. */
#ifndef INSTALL_RENEW_H
#define INSTALL_RENEW_H

#include "home/self.h"
#include "install/installation.h"
#include "install/installed.h"
#include "install/nix_conf.h"

/* What has to be done. */
struct renewal {
	bool path;	       /* new shells may not find the commands */
	struct self_plan self; /* the program, and the links to it */
	bool conf;	       /* nix.conf is missing, or lacks lines that were asked for */
	const char *runtime;   /* a runtime was asked for that the record lacks; NULL: none was */
	bool is_ours;	       /* else others maintain the installation, and nothing is written */
};

/*
 * Find out what has to be done, with the lines of FACTS; changes nothing. Returns 0 with *OUT the
 * caller's to clear, or -1 after a message: lines were asked for that cannot be added.
 */
int renewal_look(const struct installation *in, const struct nix_conf_facts *facts,
		 struct renewal *out);

/*
 * The name of the runtime that the user asks for, if RECORD has another or none; NULL: the user
 * asks for none.
 */
const char *renewal_runtime(const struct installation *in, const struct record *record);

bool renewal_has_work(const struct renewal *renewal);

/*
 * Do it, and print INSTALLED: put this program in place, if it is newer than the one that
 * installed, or if there was no place then; write nix.conf; clean up after a killed run. If Nix
 * does not work with the new nix.conf, the old one is restored. Fills in the fields of FACTS that
 * the host decides. 0, or -1 after a message.
 */
int renew(const struct installation *in, const struct installed *installed,
	  struct nix_conf_facts *facts);

void renewal_clear(struct renewal *renewal);

#endif
