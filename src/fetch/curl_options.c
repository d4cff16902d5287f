#include "fetch/curl_options.h"
#include "fetch/url.h"

#include <curl/curl.h>
#include <sys/socket.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_NAME	"download"
#define PACKAGE_VERSION "0"
#endif

enum {
	REDIRECTS_MAX = 10,
	BUFFER_SIZE = 1 << 18, /* bytes; fewer calls than with curl's default of 16 KiB */
};

/*
 * Limit the protocols of the request and of redirects: the one of the URL, and https after http.
 * (The first of the two options limits redirects as well.)
 */
static void limit_protocols(CURL *curl, enum url_scheme scheme)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	const char *allowed = scheme == URL_FILE   ? "file"
			      : scheme == URL_HTTP ? "http,https"
						   : "https";

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, allowed);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, allowed);
#else
	long allowed = scheme == URL_FILE   ? CURLPROTO_FILE
		       : scheme == URL_HTTP ? CURLPROTO_HTTP | CURLPROTO_HTTPS
					    : CURLPROTO_HTTPS;

	curl_easy_setopt(curl, CURLOPT_PROTOCOLS, allowed);
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, allowed);
#endif
}

static void set_trust(CURL *curl, const struct ca_bundle *ca)
{
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (!ca->file && !ca->dir)
		return;
	/* both are set, so that libcurl does not add a place of its own to the chosen one */
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca->file);
	curl_easy_setopt(curl, CURLOPT_CAPATH, ca->dir);
	curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, ca->file);
	curl_easy_setopt(curl, CURLOPT_PROXY_CAPATH, ca->dir);
}

/* CURLOPT_OPENSOCKETFUNCTION: O_CLOEXEC, so that no program gets the connection */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)ctx, (void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_times(CURL *curl, const struct download_options *options, long time_left)
{
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)options->connect_timeout);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)options->stall_speed);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)options->stall_window);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, time_left);
}

void curl_options_set(const struct downloader *downloader, const char *url, long time_left)
{
	enum url_scheme scheme = url_scheme(url);
	CURL *curl = downloader->curl;

	curl_easy_reset(curl); /* keeps the connections */
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	limit_protocols(curl, scheme);
	set_trust(curl, &downloader->ca);
	set_times(curl, &downloader->options, time_left);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
	/* in a file URL, "a/../b" stays as it is, since "a" may be a symlink */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, scheme == URL_FILE ? 1L : 0L);
}
