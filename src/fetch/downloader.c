#include "fetch/downloader.h"
#include "ui/log.h"
#include "util/str.h"

#include <curl/curl.h>
#include <stdlib.h>

void download_options_init(struct download_options *options)
{
	*options = (struct download_options){
		.root = "",
		.tries = 5,
		.wait_ms = 1000,
		.wait_max_ms = 30000,
		.retry_after_max = 60,
		.connect_timeout = 20,
		/* slower than any line worth waiting for, and longer than a short interruption */
		.stall_window = 30,
		.stall_speed = 100,
		.slow_window = 300,
		.slow_speed = 1000,
		.text_time = 60,
	};
}

struct downloader *downloader_new(const struct download_options *options)
{
	struct downloader *downloader = xcalloc(1, sizeof(*downloader));

	downloader->options = *options;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0) {
		downloader->curl = curl_easy_init();
		if (downloader->curl)
			return downloader;
		curl_global_cleanup();
	}
	log_error(
		"cannot set up libcurl %s\nits installation, or that of its TLS library, is broken",
		curl_version());
	free(downloader);
	return NULL;
}

void downloader_free(struct downloader *downloader)
{
	if (!downloader)
		return;
	curl_easy_cleanup(downloader->curl);
	curl_global_cleanup();
	ca_bundle_clear(&downloader->ca);
	free(downloader);
}
