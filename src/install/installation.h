/*
 * What the steps of one installation all read, and none writes.
 */
#ifndef INSTALL_INSTALLATION_H
#define INSTALL_INSTALLATION_H

#include "fetch/downloader.h"
#include "install/release.h"
#include "install/request.h"
#include "install/site.h"
#include "ui/progress.h"

struct installation {
	const struct install_request *request;
	const struct site *site;
	struct progress *progress; /* which shows the step under way */
};

/* Which release is asked for. */
struct release_request release_request_of(const struct install_request *request);

/* One that shows how far it is, or NULL after a message. */
struct downloader *installation_downloader(const struct installation *in);

#endif
