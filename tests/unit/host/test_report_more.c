/* What the table and the JSON of --check say of a bundle, of terminals and of each runtime, and the
 * verdict. */
#include "host/report.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
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

/* What decides, and what is decided. */
static const struct row {
	const char *works; /* the first letters of the runtimes that work */
	enum runtime wanted;
	bool probed, fails_inside; /* the steps were ok, but for the last one */
	bool lacks_proot, hides;
	int nix_dir_err;
	const char *keeper, *broken;
	const char *verdict;
	bool ok, enters, sandboxes;
	const char *runtime, *directory_error;
} rows[] = {
	{"uhmdp", RUNTIME_AUTO, true, false, false, false, 0, NULL, NULL,
	 "Yes: entering and --install will work here, and so will", true, true, true, "\"userns\"",
	 "null"},
	{"uhmdp", RUNTIME_AUTO, true, true, false, false, 0, NULL, NULL,
	 "Yes: entering and --install will work here; only Nix's own", true, true, false,
	 "\"userns\"", "null"},
	{"hmdp", RUNTIME_AUTO, true, false, false, false, 0, NULL, NULL,
	 "Yes: entering and --install will work here, by the runtime helper;", true, true, false,
	 "\"helper\"", "null"},
	{"dp", RUNTIME_AUTO, true, false, true, false, 0, NULL, NULL,
	 "Yes: entering and --install will work here, by the runtime direct;", true, true, true,
	 "\"direct\"", "null"},
	{"dp", RUNTIME_AUTO, true, true, false, false, 0, NULL, NULL,
	 "Yes: entering and --install will work here, by the runtime direct;", true, true, false,
	 "\"direct\"", "null"},
	/* by the runtime that is named, or by none */
	{"uhmdp", RUNTIME_PROOT, true, false, true, false, 0, NULL, NULL,
	 "Yes: entering and --install will work here, by the runtime proot;", true, true, false,
	 "\"proot\"", "null"},
	{"hmdp", RUNTIME_USERNS, false, false, true, false, 0, NULL, NULL,
	 "No: neither entering nor", false, false, false, "null", "null"},
	{"uhmd", RUNTIME_PROOT, true, false, true, false, 0, NULL, NULL, "Not yet: no runtime",
	 false, false, false, "null", "null"},
	{"uhmd", RUNTIME_PROOT, true, false, false, false, 0, NULL, NULL,
	 "No: neither entering nor", false, false, false, "null", "null"},
	{"", RUNTIME_AUTO, false, false, true, false, 0, NULL, NULL, "Not yet: no runtime", false,
	 false, false, "null", "null"},
	{"", RUNTIME_AUTO, false, false, false, false, 0, NULL, NULL, "No: neither entering nor",
	 false, false, false, "null", "null"},
	{"", RUNTIME_AUTO, true, false, true, true, 0, NULL, NULL, "No: this host's own programs",
	 false, false, false, "null", "null"},
	/* the Nix directory, which the runtime direct does not use */
	{"uhmdp", RUNTIME_AUTO, true, false, false, false, ENOSPC, NULL, NULL,
	 "No: entering would work here, but there is no Nix in /d, and it cannot be put there: No "
	 "space left on device. NIX_USER",
	 false, true, true, "\"userns\"", "\"No space left on device\""},
	{"uhmdp", RUNTIME_AUTO, true, false, false, false, EACCES, NULL, NULL,
	 "No: entering would work here, but there is no Nix in /d, and it cannot be put there: "
	 "Permission denied. A systemd unit",
	 false, true, true, "\"userns\"", "\"Permission denied\""},
	{"d", RUNTIME_AUTO, false, false, false, false, EACCES, "ann", NULL,
	 "Yes: entering and --install will work here, by the runtime direct;", true, true, false,
	 "\"direct\"", "null"},
	{"p", RUNTIME_AUTO, false, false, false, false, 0, "ann", NULL,
	 "Entering will work here, and --install will not: the store in /d belongs to ann and is",
	 false, true, false, "\"proot\"", "\"the store belongs to ann and is not yours to write\""},
	{"u", RUNTIME_AUTO, true, false, false, false, EACCES, "ann", "it was cut",
	 "No: entering would work here, but there is no Nix in /d,", false, true, true,
	 "\"userns\"", "\"Permission denied\""},
	{"u", RUNTIME_AUTO, true, false, false, false, 0, NULL, "it was cut",
	 "No: entering would work here, but this file cannot be used as a bundle: it was cut. Copy",
	 false, true, true, "\"userns\"", "null"},
};

/* TEXT as one line. */
static char *unwrapped(const char *text)
{
	char *out = xstrdup(text);

	for (char *p = out; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return out;
}

static void assert_row(size_t i)
{
	const struct row *row = &rows[i];
	char release[] = "6.1.0", why[] = "refused";
	struct bundle bundle = {.name = "x", .broken = row->broken};
	const struct bundled_nix nix = {&bundle, "1", "x"};
	struct report report = {
		.facts.release = release,
		.runtimes.lacks_proot = row->lacks_proot,
		.runtimes.hides_programs = row->hides,
		.wanted = row->wanted,
		.nix_dir = "/d",
		.nix_dir_err = row->nix_dir_err,
		.keeper = (char *)(uintptr_t)row->keeper,
		.bundle = row->broken ? &nix : NULL,
	};
	_cleanup_free_ char *table = NULL, *json = NULL, *line = NULL, *begin = NULL,
			    *runtime = NULL, *directory = NULL;

	for (int k = RUNTIME_USERNS; k < RUNTIME_COUNT; k++)
		report.runtimes.refused[k] =
			strchr(row->works, *runtime_name((enum runtime)k)) ? NULL : why;
	for (enum check_step step = 0; row->probed && step < CHECK_STEP_COUNT; step++)
		report.runtimes.userns.steps[step].outcome = PROBE_OK;
	if (row->fails_inside)
		report.runtimes.userns.steps[CHECK_PROC_MOUNT].outcome = PROBE_FAILED;
	table = print(report_print_table, &report);
	line = unwrapped(table);
	if (!strstr(line, row->verdict))
		fail_msg("row %zu: no \"%s\" in: %s", i, row->verdict, table);
	json = print(report_print_json, &report);
	begin = xasprintf("{\"ok\": %s, \"enter\": %s, \"install\": %s, \"sandbox\": %s, ",
			  row->ok ? "true" : "false", row->enters ? "true" : "false",
			  row->ok ? "true" : "false", row->sandboxes ? "true" : "false");
	runtime = xasprintf("\"runtime\": %s, \"runtimes\"", row->runtime);
	directory = xasprintf("\"directory-error\": %s, ", row->directory_error);
	if (!str_starts_with(json, begin) || !strstr(json, runtime) || !strstr(json, directory))
		fail_msg("row %zu: %s", i, json);
	assert_int_equal(report_is_well(&report), row->ok);
}

static void verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_row(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminals),
		cmocka_unit_test(bundles),
		cmocka_unit_test(verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
