#include "fetch/transfer_error.h"

#include <stddef.h>

static const char check_network[] =
	"check the network, and https_proxy where one is needed; --mirror names another mirror";
static const char check_certificate[] =
	"check the clock of this host; for a mirror or proxy with a CA of its own give that CA's "
	"certificate with --cacert";
static const char check_cacert[] =
	"give a file of CA certificates in PEM form with --cacert, or install your distribution's "
	"ca-certificates";
static const char check_proxy[] = "check the variables https_proxy and no_proxy";
static const char check_url[] = "check --mirror and --tarball";
static const char check_mirror[] = "try another --mirror, or again later";

static const struct {
	CURLcode code;
	bool transient;
	const char *what, *next;
} curl_errors[] = {
	{CURLE_UNSUPPORTED_PROTOCOL, false, "the server does not speak HTTP", check_url},
	{CURLE_URL_MALFORMAT, false, "this is not a proper URL", check_url},
	{CURLE_LOGIN_DENIED, false, "a user name in the URL is not supported", check_url},
	{CURLE_COULDNT_RESOLVE_PROXY, true, "the name of the proxy cannot be resolved",
	 check_proxy},
	{CURLE_COULDNT_RESOLVE_HOST, true, "the name of the server cannot be resolved",
	 check_network},
	{CURLE_COULDNT_CONNECT, true, "cannot connect to the server", check_network},
#if LIBCURL_VERSION_NUM >= 0x074900
	{CURLE_PROXY, true, "the proxy does not let us through", check_proxy},
#endif
	{CURLE_OPERATION_TIMEDOUT, true, "the server or the network is stalled", check_network},
	{CURLE_PARTIAL_FILE, true, "the connection ended before the file did", check_network},
	{CURLE_GOT_NOTHING, true, "the server closed the connection without an answer",
	 check_network},
	{CURLE_SEND_ERROR, true, "the connection was lost", check_network},
	{CURLE_RECV_ERROR, true, "the connection was lost", check_network},
	{CURLE_HTTP2, true, "the connection was lost", check_network},
	{CURLE_HTTP2_STREAM, true, "the connection was lost", check_network},
	{CURLE_WEIRD_SERVER_REPLY, true, "the server's answer is not proper HTTP", check_mirror},
	{CURLE_BAD_CONTENT_ENCODING, false, "the server's answer is not proper HTTP", check_mirror},
	{CURLE_TOO_MANY_REDIRECTS, false, "more than 10 redirects (do they go round in a circle?)",
	 check_mirror},
	{CURLE_SSL_CONNECT_ERROR, true, "no TLS connection could be made", check_network},
	{CURLE_PEER_FAILED_VERIFICATION, false, "the server's certificate is not to be trusted",
	 check_certificate},
	{CURLE_SSL_ISSUER_ERROR, false, "the server's certificate is not to be trusted",
	 check_certificate},
	{CURLE_SSL_CACERT_BADFILE, false, "the CA certificates cannot be read", check_cacert},
	{CURLE_SSL_CIPHER, false, "no common TLS cipher with the server", check_mirror},
	{CURLE_FILE_COULDNT_READ_FILE, false, "the file cannot be read", check_url},
	{CURLE_READ_ERROR, false, "the file cannot be read", check_url},
};

static const struct {
	long status;
	bool transient;
	const char *what, *next;
} http_errors[] = {
	{401, false, "the server wants a login", check_url},
	{403, false, "the server forbids it", check_url},
	{404, false, "there is no such file", check_url},
	{407, false, "the proxy wants a login",
	 "put user and password into https_proxy: http://USER:PASSWORD@HOST:PORT"},
	{408, true, "the server timed out", check_mirror},
	{410, false, "the file is gone", check_url},
	{425, true, "too early", check_mirror},
	{429, true, "too many requests", check_mirror},
	{451, false, "the server must not give it to you", check_mirror},
	{500, true, "an error in the server", check_mirror},
	{502, true, "the server behind the server failed", check_mirror},
	{503, true, "the server is overloaded or being repaired", check_mirror},
	{504, true, "the server behind the server is stalled", check_mirror},
};

struct transfer_error transfer_error_of_curl(CURLcode code)
{
	for (size_t i = 0; i < sizeof(curl_errors) / sizeof(curl_errors[0]); i++)
		if (curl_errors[i].code == code)
			return (struct transfer_error){
				.what = curl_errors[i].what,
				.next = curl_errors[i].next,
				.transient = curl_errors[i].transient,
			};
	return (struct transfer_error){.what = curl_easy_strerror(code), .next = check_network};
}

struct transfer_error transfer_error_of_status(long status)
{
	for (size_t i = 0; i < sizeof(http_errors) / sizeof(http_errors[0]); i++)
		if (http_errors[i].status == status)
			return (struct transfer_error){
				.what = http_errors[i].what,
				.next = http_errors[i].next,
				.transient = http_errors[i].transient,
			};
	return (struct transfer_error){
		.what = status >= 500	? "the server failed"
			: status >= 400 ? "the server refused"
					: "not an answer that was expected",
		.next = check_mirror,
		.transient = status >= 500,
	};
}
