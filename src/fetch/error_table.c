#include "fetch/error_table.h"

#include <stddef.h>

static const char check_network[] =
	"check the network, and set https_proxy if you need a proxy; --mirror names another mirror";
static const char check_certificate[] =
	"check the clock of this host; for a mirror or proxy with a CA of its own give that CA's "
	"certificate with --cacert";
static const char check_cacert[] =
	"give a file of CA certificates in PEM form with --cacert, or install your distribution's "
	"ca-certificates";
static const char check_proxy[] = "check the variables https_proxy and no_proxy";
static const char check_url[] = "check --mirror and --tarball";
static const char check_mirror[] = "try another --mirror, or again later";

/*
 * Words for transient failures are short: they stand on one line of a terminal, after the server's
 * name.
 */
static const struct {
	CURLcode code;
	struct error_meaning meaning;
} curl_errors[] = {
	{CURLE_UNSUPPORTED_PROTOCOL, {"the server does not speak HTTP", check_url, false}},
	{CURLE_URL_MALFORMAT, {"this is not a proper URL", check_url, false}},
	{CURLE_LOGIN_DENIED, {"a user name in the URL is not supported", check_url, false}},
	{CURLE_COULDNT_RESOLVE_PROXY, {"the proxy's name is unknown", check_proxy, true}},
	{CURLE_COULDNT_RESOLVE_HOST, {"the host's name is unknown", check_network, true}},
	{CURLE_COULDNT_CONNECT, {"cannot connect", check_network, true}},
#if LIBCURL_VERSION_NUM >= 0x074900
	{CURLE_PROXY, {"the proxy refuses", check_proxy, true}},
#endif
	{CURLE_OPERATION_TIMEDOUT, {"the connection stalled", check_network, true}},
	{CURLE_PARTIAL_FILE, {"the file ended too early", check_network, true}},
	{CURLE_GOT_NOTHING, {"closed without an answer", check_network, true}},
	{CURLE_SEND_ERROR, {"the connection was lost", check_network, true}},
	{CURLE_RECV_ERROR, {"the connection was lost", check_network, true}},
	{CURLE_HTTP2, {"the connection was lost", check_network, true}},
	{CURLE_HTTP2_STREAM, {"the connection was lost", check_network, true}},
	{CURLE_WEIRD_SERVER_REPLY, {"the answer is not HTTP", check_mirror, true}},
	{CURLE_BAD_CONTENT_ENCODING, {"the server's answer is not HTTP", check_mirror, false}},
	{CURLE_TOO_MANY_REDIRECTS,
	 {"more than 10 redirects (do they go round in a circle?)", check_mirror, false}},
	{CURLE_SSL_CONNECT_ERROR, {"no TLS connection", check_network, true}},
	{CURLE_PEER_FAILED_VERIFICATION,
	 {"the server's certificate cannot be trusted", check_certificate, false}},
	{CURLE_SSL_ISSUER_ERROR,
	 {"the server's certificate cannot be trusted", check_certificate, false}},
	{CURLE_SSL_CACERT_BADFILE, {"the CA certificates cannot be read", check_cacert, false}},
	{CURLE_SSL_CIPHER, {"no common TLS cipher with the server", check_mirror, false}},
	{CURLE_FILE_COULDNT_READ_FILE, {"the file cannot be read", check_url, false}},
	{CURLE_READ_ERROR, {"the file cannot be read", check_url, false}},
};

static const struct {
	long status;
	struct error_meaning meaning;
} http_errors[] = {
	{401, {"the server wants a login", check_url, false}},
	{403, {"the server forbids it", check_url, false}},
	{404, {"there is no such file", check_url, false}},
	{407,
	 {"the proxy wants a login",
	  "put user and password into https_proxy: http://USER:PASSWORD@HOST:PORT", false}},
	{408, {"the server timed out", check_mirror, true}},
	{410, {"the file is gone", check_url, false}},
	{425, {"too early", check_mirror, true}},
	{429, {"too many requests", check_mirror, true}},
	{451, {"the server may not give it to you, for legal reasons", check_mirror, false}},
	{500, {"an error in the server", check_mirror, true}},
	{502, {"the server behind the server failed", check_mirror, true}},
	{503, {"the server is overloaded or being repaired", check_mirror, true}},
	{504, {"the server behind the server is stalled", check_mirror, true}},
};

struct error_meaning error_of_curl(CURLcode code)
{
	for (size_t i = 0; i < sizeof(curl_errors) / sizeof(curl_errors[0]); i++)
		if (curl_errors[i].code == code)
			return curl_errors[i].meaning;
	return (struct error_meaning){.what = curl_easy_strerror(code), .next = check_network};
}

struct error_meaning error_of_status(long status)
{
	for (size_t i = 0; i < sizeof(http_errors) / sizeof(http_errors[0]); i++)
		if (http_errors[i].status == status)
			return http_errors[i].meaning;
	return (struct error_meaning){
		.what = status >= 500	? "the server failed"
			: status >= 400 ? "the server refused"
					: "not an answer that was expected",
		.next = check_mirror,
		.transient = status >= 500,
	};
}
