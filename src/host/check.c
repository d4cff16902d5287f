#include "host/check.h"
#include "host/explain.h"
#include "host/facts.h"
#include "host/report.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/str.h"

#include <stdio.h>
#include <string.h>

char *check_explain(enum check_step step, int err, const char *root)
{
	_cleanup_(host_facts_clear) struct host_facts facts;
	_cleanup_(explanations_clear) struct explanations list = {0};
	const struct explanation *first;
	bool has_admin;

	host_facts_read(root, &facts);
	explain(&facts, step, err, &list);
	first = &list.items[0];
	/* an emulator is no administrator's to change */
	has_admin = first->admin.count > 0;
	return xasprintf("%s\n%s%s\nmore, and what to do%s: nix-user-chroot --check%s",
			 first->reason, has_admin ? "an administrator can change that: " : "",
			 first->short_fix, has_admin ? " without one" : "",
			 facts.nixos ? "\n(on NixOS you have Nix already, without this program)"
				     : "");
}

static void report_clear(struct report *report)
{
	host_facts_clear(&report->facts);
	explanations_clear(&report->reasons);
	runtimes_clear(&report->runtimes);
}

int check_run(enum runtime wanted, bool json)
{
	_cleanup_(report_clear) struct report report = {.wanted = wanted};
	int r;

	host_facts_read("", &report.facts);
	r = runtimes_try(false, &report.runtimes);
	if (r < 0) {
		log_error("cannot start a process to try things in: %s\n"
			  "end some of your processes, or raise the limit on them: ulimit -u",
			  strerror(-r));
		return EXIT_CANCELED;
	}
	for (enum check_step step = 0; step < CHECK_STEP_COUNT; step++)
		if (report.runtimes.userns.steps[step].outcome == PROBE_FAILED)
			explain(&report.facts, step, report.runtimes.userns.steps[step].err,
				&report.reasons);
	if (json)
		report_print_json(stdout, &report);
	else
		report_print_table(stdout, &report);
	return report_is_well(&report) ? 0 : 1;
}
