/* The table and the JSON of --check, from probes and facts that are made up. */
#include "host/report.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes the report of a host where every step before FAILED works, and FAILED fails with ERR. */
static void make_report(struct report *report, enum check_step failed, int err, const char *what)
{
	*report = (struct report){0};
	report->facts.release = xstrdup("6.1.0");
	report->facts.has_proc = report->facts.has_user_namespace = true;
	report->facts.initial_user_namespace = report->facts.uid_mapped = true;
	report->facts.unprivileged_userns_clone = FACT_UNKNOWN;
	report->facts.max_user_namespaces = report->facts.max_mnt_namespaces = 1000;
	report->facts.max_pid_namespaces = report->facts.max_net_namespaces = 1000;
	for (enum check_step step = 0; step < failed; step++)
		report->runtimes.userns.steps[step].outcome = PROBE_OK;
	/*
	 * the confinement is tried in a process of its own, so its result does not depend on the
	 * steps
	 */
	report->runtimes.userns.steps[CHECK_CONFINEMENT].outcome = PROBE_OK;
	for (int i = RUNTIME_USERNS; i < RUNTIME_COUNT; i++)
		report->runtimes.refused[i] = xstrdup("unshare: refused");
	if (failed > CHECK_PIVOT_ROOT) {
		free(report->runtimes.refused[RUNTIME_USERNS]);
		report->runtimes.refused[RUNTIME_USERNS] = NULL;
	}
	if (failed == CHECK_STEP_COUNT)
		return;
	report->runtimes.userns.steps[failed].outcome = PROBE_FAILED;
	report->runtimes.userns.steps[failed].err = err;
	snprintf(report->runtimes.userns.steps[failed].what, PROBE_WHAT_SIZE, "%s", what);
	explain(&report->facts, failed, err, &report->reasons);
}

static void report_clear(struct report *report)
{
	host_facts_clear(&report->facts);
	explanations_clear(&report->reasons);
	runtimes_clear(&report->runtimes);
}

static char *print(void (*printer)(FILE *, const struct report *), const struct report *report)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	printer(f, report);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void assert_has(const char *text, const char *fragment)
{
	if (strstr(text, fragment))
		return;
	print_error("missing \"%s\" in:\n%s", fragment, text);
	fail();
}

static size_t count_of(const char *text, const char *fragment)
{
	size_t n = 0;

	while ((text = strstr(text, fragment))) {
		n++;
		text++;
	}
	return n;
}

static void test_confinement(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *with = NULL, *json = NULL, *without = NULL;

	(void)state;
	make_report(&report, CHECK_CONFINEMENT, EPERM, "unshare");
	report.facts.landlock = 1;
	with = print(report_print_table, &report);
	json = print(report_print_json, &report);
	assert_has(with, "confined by Landlock and a system call filter.\n");
	assert_has(json, "\"confinement\": [\"landlock\", \"filter\"]");
	report.facts.landlock = 0;
	without = print(report_print_table, &report);
	assert_has(without, "confined by a system call filter alone.\n");
}

static void test_all_well(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL, *json = NULL;

	(void)state;
	make_report(&report, CHECK_STEP_COUNT, 0, "");
	table = print(report_print_table, &report);
	assert_true(str_starts_with(table, "Linux 6.1.0\n\n"));
	assert_int_equal(count_of(table, " ok\n"), CHECK_STEP_COUNT);
	assert_has(table, "\nYes: entering and --install will work here, and so will Nix's build "
			  "sandbox.\n");
	assert_null(strstr(table, "Why"));
	json = print(report_print_json, &report);
	assert_true(str_starts_with(json, "{\"ok\": true, \"enter\": true, \"install\": true, "
					  "\"sandbox\": true, \"kernel\": \"6.1.0\", "
					  "\"container\": null, \"steps\": ["));
	assert_int_equal(count_of(json, "\"result\": \"ok\", \"errno\": null, \"error\": null"),
			 CHECK_STEP_COUNT);
	assert_has(table, "\nThe unpacking is confined by namespaces and a system call filter.\n");
	assert_true(str_ends_with(json, "\"confinement\": [\"namespaces\", \"filter\"], "
					"\"directory\": null, \"directory-error\": null, "
					"\"reasons\": [], \"bundle\": null, \"note\": null}\n"));
	assert_int_equal(count_of(json, "\n"), 1);
}

/* The Nix directory belongs to another user: it can be entered, but not installed to. */
static void test_kept_by_another(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL, *json = NULL;
	char keeper[] = "an\033na";

	(void)state;
	make_report(&report, CHECK_STEP_COUNT, 0, "");
	report.nix_dir = "/proj/tools/nix";
	report.keeper = keeper;
	assert_false(report_is_well(&report));
	table = print(report_print_table, &report);
	assert_has(table, "\nEntering will work here, and --install will not: the store in "
			  "/proj/tools/nix\nbelongs to an\\u001Bna and is not yours to write.");
	json = print(report_print_json, &report);
	assert_has(json, "\"ok\": false, \"enter\": true, \"install\": false");
	assert_has(json, "\"directory-error\": \"the store belongs to an");
	report.keeper = NULL;
}

static void test_first_step_fails(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL, *json = NULL, *lacking = NULL, *named = NULL;

	(void)state;
	make_report(&report, CHECK_USER_NAMESPACE, ENOSPC, "unshare");
	table = print(report_print_table, &report);
	assert_has(table, "  user namespace        failed: unshare: No space left on device\n"
			  "  mount namespace       not tried\n");
	assert_has(table, "\nNo: neither entering nor --install will work here.\n");
	/* --install would download PRoot */
	report.runtimes.lacks_proot = true;
	lacking = print(report_print_table, &report);
	assert_has(lacking, "\nNot yet: no runtime that is here works. --install fetches a PRoot");
	report.wanted = RUNTIME_USERNS;
	named = print(report_print_table, &report);
	assert_has(named, "\nNo: neither entering nor --install will work here.\n");
	report.wanted = RUNTIME_AUTO;
	report.runtimes.lacks_proot = false;
	assert_has(table, "\nWhy \"user namespace\" failed:\n  the limit on namespaces is reached");
	assert_has(table, "\nWhat an administrator can do about it:\n"
			  "  echo 'user.max_user_namespaces = 15000' |\n");
	assert_has(table, "\nWhat you can do:\n  - ");
	json = print(report_print_json, &report);
	assert_has(json, "{\"ok\": false, \"enter\": false, \"install\": false, "
			 "\"sandbox\": false, ");
	assert_has(json, "{\"step\": \"user-namespace\", \"result\": \"failed\", \"errno\": 28, "
			 "\"error\": \"unshare: No space left on device\"}, "
			 "{\"step\": \"mount-namespace\", \"result\": \"not-tried\", ");
	assert_has(json, "\"reasons\": [{\"id\": \"max-namespaces-reached\", "
			 "\"step\": \"user-namespace\", \"reason\": \"the limit");
	assert_has(json, "\"admin\": [\"echo 'user.max_user_namespaces = 15000' |\", \"");
}

static void test_only_the_sandbox_fails(void **state)
{
	static const enum check_step steps[] = {CHECK_NESTED_NAMESPACE, CHECK_PROC_MOUNT};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(report_clear) struct report report;
		_cleanup_free_ char *table = NULL, *json = NULL;

		make_report(&report, steps[i], EPERM, "mount proc inside");
		assert_true(probe_can_enter(&report.runtimes.userns));
		assert_false(probe_can_sandbox(&report.runtimes.userns));
		table = print(report_print_table, &report);
		assert_has(table, "\nYes: entering and --install will work here; only Nix's own ");
		assert_has(table, "'sandbox = false'");
		json = print(report_print_json, &report);
		assert_has(json, "{\"ok\": true, \"enter\": true, \"install\": true, "
				 "\"sandbox\": false, ");
	}
}

/* Each reason has its heading and its commands, if there is but one, and also if there is none. */
static void test_commands_of_an_administrator(void **state)
{
	static const char *const heading = "\nWhat an administrator can do about it:\n";
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *one = NULL, *none = NULL, *wanted = NULL;

	(void)state;
	make_report(&report, CHECK_STEP_COUNT, 0, "");
	report.facts.has_proc = false;
	explain(&report.facts, CHECK_ID_MAPS, ENOENT, &report.reasons);
	assert_int_equal(report.reasons.items[0].admin.count, 1);
	wanted = xasprintf("%s  sudo mount -t proc proc /proc\n", heading);
	one = print(report_print_table, &report);
	assert_has(one, wanted);
	explanations_clear(&report.reasons);
	report.facts.has_proc = true;
	report.facts.threads = 2;
	explain(&report.facts, CHECK_USER_NAMESPACE, EINVAL, &report.reasons);
	none = print(report_print_table, &report);
	assert_has(none, "\nWhy \"user namespace\" failed:\n");
	assert_null(strstr(none, heading));
}

/* If only the confinement fails, unpacking works without namespaces. */
static void test_only_the_confinement_fails(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *json = NULL;

	(void)state;
	make_report(&report, CHECK_CONFINEMENT, EPERM, "unshare");
	json = print(report_print_json, &report);
	assert_has(json, "{\"ok\": true, \"enter\": true, \"install\": true, \"sandbox\": true");
}

/* The first runtime that works is used, whatever else works; and each runtime has its line. */
static void test_other_runtimes(void **state)
{
	static const enum runtime order[] = {RUNTIME_HELPER, RUNTIME_MOUNTNS, RUNTIME_DIRECT,
					     RUNTIME_PROOT};

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		_cleanup_(report_clear) struct report report;
		_cleanup_free_ char *table = NULL, *json = NULL, *key = NULL;
		const char *name = runtime_name(order[i]);

		make_report(&report, CHECK_USER_NAMESPACE, EPERM, "unshare");
		for (int k = (int)order[i]; k < RUNTIME_COUNT; k++) {
			free(report.runtimes.refused[k]);
			report.runtimes.refused[k] = NULL;
		}
		assert_true(report_is_well(&report));
		assert_int_equal(runtimes_first(&report.runtimes, true), order[i]);
		table = print(report_print_table, &report);
		assert_has(table, "\n  userns                unshare: refused\n");
		assert_has(table, name);
		assert_has(table, "\nYes: entering and --install will work here");
		json = print(report_print_json, &report);
		key = xasprintf("\"runtime\": \"%s\", \"runtimes\": [", name);
		assert_has(json,
			   "{\"ok\": true, \"enter\": true, \"install\": true, \"sandbox\": false");
		assert_has(json, key);
		assert_has(json, "{\"runtime\": \"userns\", \"works\": false, \"why\": "
				 "\"unshare: refused\"}");
	}
}

/* A Nix directory that is not /nix cannot be used directly. */
static void test_not_direct(void **state)
{
	_cleanup_(report_clear) struct report report;

	(void)state;
	make_report(&report, CHECK_USER_NAMESPACE, EPERM, "unshare");
	free(report.runtimes.refused[RUNTIME_DIRECT]);
	report.runtimes.refused[RUNTIME_DIRECT] = NULL;
	assert_int_equal(runtimes_first(&report.runtimes, false), RUNTIME_AUTO);
	assert_int_equal(runtimes_first(&report.runtimes, true), RUNTIME_DIRECT);
}

/* Entering needs each of its steps. */
static void test_every_step_counts(void **state)
{
	(void)state;
	for (enum check_step step = 0; step <= CHECK_PIVOT_ROOT; step++) {
		_cleanup_(report_clear) struct report report;

		make_report(&report, step, EPERM, "x");
		assert_false(probe_can_enter(&report.runtimes.userns));
		assert_false(probe_can_sandbox(&report.runtimes.userns));
	}
}

static void test_signal(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL;

	(void)state;
	make_report(&report, CHECK_SLAVE, ENOSYS, "mount");
	report.runtimes.userns.steps[CHECK_SLAVE].signal = SIGSYS;
	table = print(report_print_table, &report);
	assert_has(table, "failed: mount: killed by signal 31 (Bad system call)\n");
}

/*
 * The report is plain ASCII in 80 columns, whatever fails and however long the name of the errno
 * is.
 */
static void test_width(void **state)
{
	static const int errors[] = {EPERM, EACCES, ENOSPC, EINVAL, ENOSYS};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]) * CHECK_STEP_COUNT; i++) {
		_cleanup_(report_clear) struct report report;
		_cleanup_free_ char *table = NULL;
		size_t column = 0;

		make_report(&report, i % CHECK_STEP_COUNT, errors[i / CHECK_STEP_COUNT],
			    "/proc/self/setgroups");
		table = print(report_print_table, &report);
		for (const char *p = table; *p; p++) {
			column = *p == '\n' ? 0 : column + 1;
			assert_true(column < 80);
			assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
		}
	}
}

/* A line of prose has 78 columns at most, and is not broken before. */
static void test_wrapping(void **state)
{
	static const char *const ends[] = {"1234", "12345"};
	static const char *const shown[] = {" 1234.\n", "\n  12345.\n"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(report_clear) struct report report;
		_cleanup_free_ char *table = NULL, *word = xcalloc(71, 1), *wanted = NULL;
		struct explanation *one = xcalloc(1, sizeof(*one));

		memset(word, 'x', 70);
		make_report(&report, CHECK_STEP_COUNT, 0, "");
		one->id = "x";
		one->reason = xasprintf("%s %s", word, ends[i]);
		report.reasons = (struct explanations){one, 1};
		table = print(report_print_table, &report);
		wanted = xasprintf("\n  %s%s", word, shown[i]);
		assert_has(table, wanted);
	}
}

/* Two reasons with the same remedies: each remedy is printed once. */
static void test_ways_are_said_once(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL;

	(void)state;
	make_report(&report, CHECK_USER_NAMESPACE, ENOSPC, "unshare");
	explain(&report.facts, CHECK_CONFINEMENT, EPERM, &report.reasons);
	assert_int_equal(report.reasons.count, 2);
	table = print(report_print_table, &report);
	assert_int_equal(count_of(table, "\nWhy \""), 2);
	assert_int_equal(count_of(table, "PRoot needs no namespaces"), 1);
	assert_int_equal(count_of(table, "What you can do:"), 1);
}

/* The JSON is valid, whatever names a host has. */
static void test_json_escapes(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *json = NULL;

	(void)state;
	make_report(&report, CHECK_STEP_COUNT, 0, "");
	report.facts.container_name = xstrdup("q\" b\\ n\n t\t d\x7f e\xc3\xa9 f\xf0\x9f\x98\x80 "
					      "bad\xff over\xc0\x80 sur\xed\xa0\x80 cut\xe2\x82");
	json = print(report_print_json, &report);
	assert_has(json, "\"container\": \"q\\\" b\\\\ n\\u000a t\\u0009 d\\u007f e\xc3\xa9 "
			 "f\xf0\x9f\x98\x80 bad\\ufffd over\\ufffd\\ufffd "
			 "sur\\ufffd\\ufffd\\ufffd cut\\ufffd\\ufffd\", ");
}

/* A container's name with control characters does not reach the terminal. */
static void test_foreign_text(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL, *json = NULL;

	(void)state;
	make_report(&report, CHECK_STEP_COUNT, 0, "");
	report.facts.container_name = xstrdup("x\033[2J\nforged \xc2\x9b \xe2\x80\xae");
	table = print(report_print_table, &report);
	json = print(report_print_json, &report);
	assert_has(table, "(x\\u001B[2J\\u000Aforged \\u009B \\u202E)");
	assert_has(json, "\"x\\u001b[2J\\u000aforged \\u009b \\u202e\"");
}

static void test_unknown_release(void **state)
{
	_cleanup_(report_clear) struct report report;
	_cleanup_free_ char *table = NULL, *json = NULL;

	(void)state;
	make_report(&report, CHECK_STEP_COUNT, 0, "");
	report.facts.release[0] = '\0';
	report.facts.nixos = true;
	table = print(report_print_table, &report);
	assert_true(str_starts_with(table, "Linux (release unknown)\n"));
	assert_has(table, "\nThis host has /nix and Nix already, ");
	json = print(report_print_json, &report);
	assert_has(json, "\"kernel\": null");
	assert_has(json, "\"note\": \"This host has /nix and Nix already");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_confinement),
		cmocka_unit_test(test_kept_by_another),
		cmocka_unit_test(test_first_step_fails),
		cmocka_unit_test(test_only_the_sandbox_fails),
		cmocka_unit_test(test_commands_of_an_administrator),
		cmocka_unit_test(test_only_the_confinement_fails),
		cmocka_unit_test(test_other_runtimes),
		cmocka_unit_test(test_not_direct),
		cmocka_unit_test(test_every_step_counts),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_wrapping),
		cmocka_unit_test(test_ways_are_said_once),
		cmocka_unit_test(test_json_escapes),
		cmocka_unit_test(test_unknown_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
