/*
 * How every transfer uses libcurl: what it may speak, whom it trusts, how long it waits.
 */
#ifndef FETCH_CURL_OPTIONS_H
#define FETCH_CURL_OPTIONS_H

#include "fetch/transfer.h"
#include "fetch/url.h"

/* Set on DOWNLOADER's handle what TRANSFER, of SCHEME, needs, but for the callbacks. */
void curl_options_set(const struct downloader *downloader, const struct transfer *transfer,
		      enum url_scheme scheme);

#endif
