/* Which errors may pass, so that another try is worth it, and what the user is told to look at. */
#include "fetch/error_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool has(const long *numbers, size_t count, long number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static void which_statuses_may_pass(void **state)
{
	static const long passing[] = {408, 425, 429};

	(void)state;
	for (long status = 100; status < 1000; status++) {
		const struct error_meaning error = error_of_status(status);
		bool passes = status >= 500 || has(passing, COUNT_OF(passing), status);

		if (error.transient != passes)
			fail_msg("transient: %d: HTTP %ld", error.transient, status);
		assert_true(strlen(error.what) > 0 && strlen(error.next) > 0);
	}
}

static void which_errors_of_libcurl_may_pass(void **state)
{
	static const long passing[] = {
		CURLE_COULDNT_RESOLVE_PROXY,
		CURLE_COULDNT_RESOLVE_HOST,
		CURLE_COULDNT_CONNECT,
		CURLE_OPERATION_TIMEDOUT,
		CURLE_PARTIAL_FILE,
		CURLE_GOT_NOTHING,
		CURLE_SEND_ERROR,
		CURLE_RECV_ERROR,
		CURLE_HTTP2,
		CURLE_HTTP2_STREAM,
		CURLE_WEIRD_SERVER_REPLY,
		CURLE_SSL_CONNECT_ERROR,
#if LIBCURL_VERSION_NUM >= 0x074900
		CURLE_PROXY,
#endif
	};

	(void)state;
	for (long code = 1; code < CURL_LAST; code++) {
		const struct error_meaning error = error_of_curl((CURLcode)code);

		if (error.transient != has(passing, COUNT_OF(passing), code))
			fail_msg("transient: %d: libcurl's %ld", error.transient, code);
		assert_true(strlen(error.what) > 0 && strlen(error.next) > 0);
	}
}

/* Each is said in words of its own, with what belongs to it to be looked at. */
static void what_is_to_be_done(void **state)
{
	static const struct {
		bool is_status;
		long number;
		const char *what, *next;
	} cases[] = {
		{true, 100, "not an answer that was expected", "try another --mirror"},
		{true, 399, "not an answer that was expected", "try another --mirror"},
		{true, 400, "the server refused", "try another --mirror"},
		{true, 401, "the server wants a login", "check --mirror and --tarball"},
		{true, 403, "the server forbids it", "check --mirror and --tarball"},
		{true, 404, "there is no such file", "check --mirror and --tarball"},
		{true, 408, "the server timed out", ""},
		{true, 425, "too early", ""},
		{true, 429, "too many requests", ""},
		{true, 451, "the server may not give it to you, for legal reasons", ""},
		{true, 500, "an error in the server", ""},
		{true, 502, "the server behind the server failed", ""},
		{true, 503, "the server is overloaded or being repaired", ""},
		{true, 504, "the server behind the server is stalled", ""},
		{true, 599, "the server failed", ""},
		{true, 407, "the proxy wants a login", "put user and password into https_proxy"},
		{true, 410, "the file is gone", "check --mirror and --tarball"},
		{true, 499, "the server refused", "try another --mirror"},
		{true, 501, "the server failed", "try another --mirror"},
		{false, CURLE_UNSUPPORTED_PROTOCOL, "the server does not speak HTTP",
		 "check --mirror"},
		{false, CURLE_URL_MALFORMAT, "this is not a proper URL", "check --mirror"},
		{false, CURLE_COULDNT_RESOLVE_PROXY, "the proxy's name", "check the variables"},
		{false, CURLE_COULDNT_RESOLVE_HOST, "the host's name", "check the network"},
		{false, CURLE_SSL_CACERT_BADFILE, "the CA certificates", "give a file of CA"},
		{false, CURLE_PEER_FAILED_VERIFICATION, "the server's certificate",
		 "check the clock"},
		{false, CURLE_SSL_ISSUER_ERROR, "the server's certificate", "check the clock"},
		{false, CURLE_FILE_COULDNT_READ_FILE, "the file cannot be read", "check --mirror"},
		/* one that the table does not have, in libcurl's words */
		{false, CURLE_OUT_OF_MEMORY, "Out of memory", "check the network"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct error_meaning error =
			cases[i].is_status ? error_of_status(cases[i].number)
					   : error_of_curl((CURLcode)cases[i].number);

		if (strncmp(error.what, cases[i].what, strlen(cases[i].what)) != 0 ||
		    strncmp(error.next, cases[i].next, strlen(cases[i].next)) != 0)
			fail_msg("%ld: %s; %s", cases[i].number, error.what, error.next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_statuses_may_pass),
		cmocka_unit_test(which_errors_of_libcurl_may_pass),
		cmocka_unit_test(what_is_to_be_done),
	};

	return cmocka_run_group_tests_name("error_table", tests, NULL, NULL);
}
