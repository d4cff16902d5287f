/*
 * The steps of --install that bring Nix into the Nix directory, each upon the one before. Each
 * returns 0, or -1 after a message.
 */
#ifndef INSTALL_STEPS_H
#define INSTALL_STEPS_H

#include "install/before.h"
#include "fetch/download.h"
#include "home/home.h"
#include "install/installed.h"
#include "install/release.h"
#include "home/self.h"
#include "store/commit.h"
#include "unpack/unpack.h"
#include "store/layout.h"
#include "cli/options.h"
#include "ui/progress.h"

/* What one installation knows, from its first step to its last. */
struct installation {
	const struct install_options *options;
	const char *argv0;
	struct progress progress;
	struct workspace workspace;
	struct home home;
	struct before before;
	char *extra_conf; /* the text of --nix-extra-conf-file, or NULL */
	struct installed installed;
	int nix_dir_fd;
	int lock_fd;
	bool sandbox; /* Nix's own will work inside */
	struct release release;
	struct unpack_result unpacked;
	struct store_result stored;
	bool has_written_conf; /* nix.conf was not there before */
	char *version;	       /* that the installed nix says: "nix (Nix) 2.26.3" */
	struct self_plan self;
	bool has_self; /* self is to be carried out */
};

/* The tarball comes into the cache, and its digest is the expected one. */
int step_fetch(struct installation *in, struct downloader *downloader, struct download_file *file);

/* tarball → staging; FILE is removed where it is refused. */
int step_unpack(struct installation *in, struct download_file *file);

/* staging → store */
int step_commit(struct installation *in);

/* nix.conf, and the directories that Nix looks for. */
int step_configure(struct installation *in);

/*
 * The Nix install script, and the proof of its work: the version. Where it fails, the nix.conf that
 * was written before it goes again: something in it may be the reason, and a rerun writes its own.
 */
int step_run_script(struct installation *in);

#endif
