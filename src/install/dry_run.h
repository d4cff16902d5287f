/*
 * --install --dry-run: the plan in words.
 */
#ifndef INSTALL_DRY_RUN_H
#define INSTALL_DRY_RUN_H

#include "home/self.h"
#include "install/request.h"
#include "install/site.h"
#include "install/release.h"

#include <stdio.h>

/* Print to F what the installation would do. SELF: NULL if there will be no links. */
void dry_run_print(const struct install_request *request, const struct site *site,
		   const struct release *release, const struct self_plan *self, FILE *f);

#endif
