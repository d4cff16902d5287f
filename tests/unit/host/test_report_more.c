/* What the table and the JSON of --check say of a bundle, of terminals and of each runtime. */
#include "host/report.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *print(void (*printer)(FILE *, const struct report *), const struct report *report)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	printer(f, report);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void assert_both(const struct report *report, const char *in_table, const char *in_json)
{
	_cleanup_free_ char *table = print(report_print_table, report);
	_cleanup_free_ char *json = print(report_print_json, report);

	if (!strstr(table, in_table))
		fail_msg("missing \"%s\" in:\n%s", in_table, table);
	if (!strstr(json, in_json))
		fail_msg("missing \"%s\" in:\n%s", in_json, json);
}

static void terminals(void **state)
{
	char release[] = "6.1.0", why[] = "cannot open /dev/ptmx: No such file or directory";
	struct report report = {.facts.release = release, .runtimes.no_terminals = why};

	(void)state;
	assert_both(
		&report,
		"\n\nNix will not be able to build anything: cannot open /dev/ptmx: No such file "
		"or\ndirectory. It gives each build a terminal.",
		"\"terminals-error\": \"cannot open /dev/ptmx: No such file or directory\"");
	assert_both(&report,
		    "\n\nRuntimes, the first that works is taken:\n"
		    "  userns                works\n  helper                works\n",
		    "{\"runtime\": \"helper\", \"works\": true, \"why\": null}");
	report.runtimes.no_terminals = NULL;
	assert_both(&report, "\nThe unpacking is confined by a system call filter alone.\n\nYes: ",
		    "\"terminals-error\": null");
}

static void bundles(void **state)
{
	char release[] = "6.1.0";
	struct bundle bundle = {.size = 18100000, .name = "nix.tar.xz"};
	const struct bundled_nix nix = {
		.bundle = &bundle, .version = "2.26.3", .system = "x86_64-linux"};
	struct report report = {.facts.release = release, .bundle = &nix};

	(void)state;
	memset(&bundle.sha256, 0xab, sizeof(bundle.sha256));
	assert_true(report_is_well(&report));
	assert_both(&report,
		    "\n\nIn this file: Nix 2.26.3 for x86_64-linux (nix.tar.xz, 18.1 MB).\n\n",
		    "\"bundle\": {\"version\": \"2.26.3\", \"system\": \"x86_64-linux\", "
		    "\"tarball\": \"nix.tar.xz\", \"sha256\": \"abababab");
	assert_both(&report, "", "abab\", \"bytes\": 18100000, \"error\": null}");
	bundle.broken = "its end is missing";
	assert_false(report_is_well(&report));
	assert_both(&report,
		    "\nNo: entering would work here, but this file cannot be used as a bundle: its",
		    "\"bundle\": {\"version\": null, \"system\": null, \"tarball\": null, "
		    "\"sha256\": null, \"bytes\": null, \"error\": \"its end is missing\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminals),
		cmocka_unit_test(bundles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
