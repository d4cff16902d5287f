/*
 * How every transfer uses libcurl: what it may speak, whom it trusts, how long it waits.
 */
#ifndef FETCH_CURL_OPTIONS_H
#define FETCH_CURL_OPTIONS_H

#include "fetch/downloader.h"

/*
 * Set anew on DOWNLOADER's handle what a transfer of URL needs, which may take TIME_LEFT ms (0: any
 * time), but for the callbacks.
 */
void curl_options_set(const struct downloader *downloader, const char *url, long time_left);

#endif
