/* How every transfer sets libcurl: protocols, trusted certificates, waiting times. */
#ifndef FETCH_CURL_OPTIONS_H
#define FETCH_CURL_OPTIONS_H

#include "fetch/downloader.h"

/*
 * Reset DOWNLOADER's handle and set the options for a transfer of URL, which may take TIME_LEFT ms
 * (0: any time), except for the callbacks.
 */
void curl_options_set(const struct downloader *downloader, const char *url, long time_left);

#endif
