/* What the user asks for in nix.conf. */
#include "install/nix_conf.h"
#include "util/ca_paths.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../place.h"

/* The certificates that nix_conf_read_extra() takes of REQUEST; the caller frees. NULL: none. */
static char *certificates_of(const struct install_request *request)
{
	struct nix_conf_facts facts = {0};
	char *path;

	assert_int_equal(nix_conf_read_extra(request, &facts), 0);
	path = xstrdup(facts.ssl_cert_file);
	nix_conf_facts_clear(&facts);
	return path;
}

static void certificates(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *real = realpath(place->path, NULL), *here = getcwd(NULL, 0);
	_cleanup_free_ char *file = path_join(real, "own.pem"), *blank = path_join(real, "a  b");
	_cleanup_free_ char *hash = path_join(real, "a#b"), *line = path_join(real, "a\nb");
	_cleanup_free_ char *tab = path_join(real, "a\tb"), *end = path_join(real, "a\r");
	const char *const odd[] = {blank, hash, line, tab, end};
	_cleanup_free_ char *none = NULL, *absolute = NULL, *relative = NULL, *named = NULL;
	_cleanup_free_ char *option = NULL, *missing = NULL;

	unsetenv("NIX_SSL_CERT_FILE");
	assert_int_equal(fs_replace_file(place->fd, "own.pem", "x", 1, 0644), 0);
	none = certificates_of(&(struct install_request){0});
	assert_null(none);
	absolute = certificates_of(&(struct install_request){.cacert = file});
	assert_string_equal(absolute, file);
	/* Nix is called elsewhere */
	assert_int_equal(chdir(real), 0);
	relative = certificates_of(&(struct install_request){.cacert = "own.pem"});
	assert_int_equal(chdir(here), 0);
	assert_string_equal(relative, file);
	assert_int_equal(setenv("NIX_SSL_CERT_FILE", file, 1), 0);
	named = certificates_of(&(struct install_request){0});
	assert_string_equal(named, file);
	/* the option wins; a file that is none is nobody's */
	assert_int_equal(setenv("NIX_SSL_CERT_FILE", hash, 1), 0);
	option = certificates_of(&(struct install_request){.cacert = file});
	assert_string_equal(option, file);
	missing = certificates_of(&(struct install_request){0});
	assert_null(missing);
	unsetenv("NIX_SSL_CERT_FILE");
	/* what a line of nix.conf cannot have */
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		_cleanup_free_ char *found = NULL;

		assert_int_equal(fs_replace_file(AT_FDCWD, odd[i], "x", 1, 0644), 0);
		found = certificates_of(&(struct install_request){.cacert = odd[i]});
		assert_null(found);
	}
}

/* The host's bundle is looked for at each entry; who names it as an option means it. */
static void certificates_of_the_host(void **state)
{
	const char *bundle = ca_bundle_find("");
	_cleanup_free_ char *variable = NULL, *option = NULL;

	(void)state;
	if (!bundle)
		skip();
	assert_int_equal(setenv("NIX_SSL_CERT_FILE", bundle, 1), 0);
	variable = certificates_of(&(struct install_request){0});
	assert_null(variable);
	option = certificates_of(&(struct install_request){.cacert = bundle});
	assert_string_equal(option, bundle);
	unsetenv("NIX_SSL_CERT_FILE");
}

static void refuses_extra(const struct install_request *request, const char *message)
{
	struct nix_conf_facts facts = {0};
	_cleanup_free_ char *said = NULL;
	struct capture capture;

	capture_begin(&capture);
	assert_int_equal(nix_conf_read_extra(request, &facts), -1);
	said = capture_end(&capture);
	nix_conf_facts_clear(&facts);
	assert_one_message(said, message);
}

static void what_is_asked_for(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *file = path_join(place->path, "extra"), *message = NULL;
	struct nix_conf_facts facts = {0};
	struct strlist lines = {0}, first = {0};

	unsetenv("NIX_SSL_CERT_FILE");
	message = xasprintf("cannot read %s: No such file or directory\n", file);
	refuses_extra(&(struct install_request){.nix_extra_conf_file = file}, message);
	assert_int_equal(fs_replace_file(place->fd, "extra", "a = b\n", 6, 0644), 0);
	strlist_add(&lines, "cores = 2");
	assert_int_equal(nix_conf_read_extra(&(struct install_request){.nix_extra_conf_file = file,
								       .extra_conf = &lines},
					     &facts),
			 0);
	assert_string_equal(facts.extra_text, "a = b\n");
	assert_ptr_equal(facts.extra, &lines);
	nix_conf_facts_clear(&facts);
	strlist_add(&first, "nonsense");
	refuses_extra(&(struct install_request){.extra_conf = &first},
		      "--extra-conf: 'nonsense' is not a line of nix.conf\n");
	strlist_clear(&first);
	strlist_add(&lines, "nonsense");
	refuses_extra(&(struct install_request){.extra_conf = &lines},
		      "--extra-conf: 'nonsense' is not a line of nix.conf\n"
		      "  give NAME = VALUE, with blanks around the =, such as 'max-jobs = 4'\n");
	strlist_add(&lines, "max-jobs = 4");
	refuses_extra(&(struct install_request){.nix_extra_conf_file = file, .extra_conf = &lines},
		      "--extra-conf: 'nonsense' is not a line of nix.conf\n");
	strlist_clear(&lines);
	assert_int_equal(fs_replace_file(place->fd, "extra", "a = b\nmore\n", 11, 0644), 0);
	refuses_extra(&(struct install_request){.nix_extra_conf_file = file},
		      "/extra: 'more' is not a line of nix.conf\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(certificates, place_setup, place_teardown),
		cmocka_unit_test(certificates_of_the_host),
		cmocka_unit_test_setup_teardown(what_is_asked_for, place_setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
