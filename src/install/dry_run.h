/*
 * --install --dry-run: the plan in words.
 */
#ifndef INSTALL_DRY_RUN_H
#define INSTALL_DRY_RUN_H

#include "home/home.h"
#include "install/release.h"
#include "home/self.h"
#include "store/layout.h"
#include "cli/options.h"

#include <stdio.h>

struct dry_run {
	const struct install_options *options;
	char *const *argv; /* the command that would run after; NULL: none */
	const struct workspace *workspace;
	const struct home *home;
	const struct release *release;
	const struct self_plan *self; /* NULL: no shims */
};

/* Print to F what the installation would do. Returns 0, or -1 after a message. */
int dry_run_print(const struct dry_run *run, FILE *f);

#endif
