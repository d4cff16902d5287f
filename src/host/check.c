#include "host/check.h"
#include "host/explain.h"
#include "host/facts.h"
#include "host/report.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/fs.h"
#include "util/str.h"
#include "util/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *check_explain(enum check_step step, int err, const char *root)
{
	_cleanup_(host_facts_clear) struct host_facts facts;
	_cleanup_(explanations_clear) struct explanations list = {0};
	const struct explanation *first;
	bool has_admin;

	host_facts_read(root, &facts);
	explain(&facts, step, err, &list);
	first = &list.items[0];
	/* some reasons cannot be changed by an administrator: an emulator, for example */
	has_admin = first->admin.count > 0;
	return xasprintf("%s\n%s%s\nmore, and what to do%s: nix-user-chroot --check%s",
			 first->reason, has_admin ? "an administrator can change that: " : "",
			 first->short_fix, has_admin ? " without one" : "",
			 facts.nixos ? "\n(on NixOS you have Nix already, without this program)"
				     : "");
}

static void report_clear(struct report *report)
{
	free(report->keeper);
	host_facts_clear(&report->facts);
	explanations_clear(&report->reasons);
	runtimes_clear(&report->runtimes);
}

/* 0 if NIX_DIR holds a store or one can be made there; else a positive errno. */
static int look_at_nix_dir(const char *nix_dir)
{
	_cleanup_free_ char *store = path_join(nix_dir, "store");
	_cleanup_free_ char *there = fs_deepest_existing(nix_dir);

	if (fs_exists(AT_FDCWD, store))
		return 0;
	return faccessat(AT_FDCWD, there, W_OK | X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/*
 * The owner of the store in NIX_DIR, if that is another user and this user may not write to it; the
 * caller frees. NULL if not.
 */
static char *find_keeper(const char *nix_dir)
{
	_cleanup_close_ int fd = open(nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : trust_keeper(fd);
}

int check_run(enum runtime wanted, const char *nix_dir, const struct bundled_nix *bundle, bool json)
{
	_cleanup_(report_clear) struct report report = {
		.wanted = wanted,
		.nix_dir = nix_dir,
		.bundle = bundle,
	};
	int r;

	host_facts_read("", &report.facts);
	report.nix_dir_err = nix_dir ? look_at_nix_dir(nix_dir) : 0;
	report.keeper = nix_dir ? find_keeper(nix_dir) : NULL;
	r = runtimes_try(false, nix_dir, &report.runtimes);
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
