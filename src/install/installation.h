/*
 * What the steps of one installation all read, and none writes.
 */
#ifndef INSTALL_INSTALLATION_H
#define INSTALL_INSTALLATION_H

#include "install/request.h"
#include "install/site.h"
#include "ui/progress.h"

struct installation {
	const struct install_request *request;
	const struct site *site;
	struct progress *progress; /* which shows the step under way */
};

#endif
