/* What all steps of an installation read, and no step changes. */
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

/* What REQUEST says about the release. */
struct release_request release_request_of(const struct install_request *request);

/* A downloader that shows its progress; NULL after a message. */
struct downloader *installation_downloader(const struct installation *in);

#endif
