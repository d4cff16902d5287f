/*
 * A made-up root for the tests of host/explain.h: a host that is well, to change one thing of, and
 * what is said of it then.
 */
#ifndef TEST_HOST_ROOT_H
#define TEST_HOST_ROOT_H

#include "host/explain.h"
#include "host/facts.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RELEASE "6.1.0-18-amd64"

#define ROOT_MOUNT "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define PROC_MOUNT "26 25 0:5 / /proc rw,nosuid shared:2 - proc proc rw\n"
#define BINFMT	   "27 26 0:9 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw,fd=29\n"

static inline void put(const char *root, const char *path, const char *text)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);
	_cleanup_free_ char *parent = xstrdup(full);
	_cleanup_fclose_ FILE *f = NULL;

	*strrchr(parent, '/') = '\0';
	assert_int_equal(fs_mkdirs(AT_FDCWD, parent, 0755), 0);
	f = fopen(full, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fflush(f), 0);
}

static inline void drop(const char *root, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);

	assert_int_equal(unlink(full), 0);
}

static inline void put_status(const char *root, int seccomp, const char *caps)
{
	_cleanup_free_ char *text = xasprintf("Name:\tx\nCapEff:\t%s\nNoNewPrivs:\t0\n"
					      "Seccomp:\t%d\nSeccomp_filters:\t0\n",
					      caps, seccomp);

	put(root, "/proc/self/status", text);
}

/* Makes a root directory with the files of a plain Debian, as an unprivileged user sees them. */
static inline int setup(void **state)
{
	const char *tmp = env_get("TMPDIR");
	char *root = xasprintf("%s/test_explain.XXXXXX", tmp ? tmp : "/tmp");
	_cleanup_free_ char *exe = NULL;

	unsetenv("KUBERNETES_SERVICE_HOST");
	if (!mkdtemp(root)) {
		free(root);
		return -1;
	}
	*state = root;
	put_status(root, 0, "0000000000000000");
	put(root, "/proc/self/ns/user", "");
	put(root, "/proc/self/uid_map", "         0          0 4294967295\n");
	put(root, "/proc/self/mountinfo", ROOT_MOUNT PROC_MOUNT BINFMT);
	put(root, "/proc/1/mountinfo", ROOT_MOUNT PROC_MOUNT BINFMT);
	put(root, "/proc/sys/kernel/osrelease", RELEASE "\n");
	put(root, "/proc/sys/user/max_user_namespaces", "63000\n");
	put(root, "/proc/sys/user/max_mnt_namespaces", "64000\n");
	put(root, "/proc/sys/user/max_pid_namespaces", "63000\n");
	put(root, "/proc/sys/user/max_net_namespaces", "63000\n");
	exe = xasprintf("%s/proc/self/exe", root);
	return symlink("/opt/nix user/nix-user-chroot", exe);
}

static inline int teardown(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	unsetenv("KUBERNETES_SERVICE_HOST");
	free(*state);
	return r;
}

/*
 * All that --check says about the reasons for STEP's ERR: "[id] reason", fix, admin lines, and what
 * the user can do.
 */
static inline char *say(const char *root, enum check_step step, int err)
{
	_cleanup_(host_facts_clear) struct host_facts facts;
	_cleanup_(explanations_clear) struct explanations list = {0};
	char *text = xstrdup("");

	host_facts_read(root, &facts);
	explain(&facts, step, err, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct explanation *e = &list.items[i];
		char *longer =
			xasprintf("%s[%s] %s\nfix: %s\n", text, e->id, e->reason, e->short_fix);

		free(text);
		text = longer;
		assert_int_equal(e->step, step);
		/* an administrator cannot change for which processor a program is made */
		assert_true(e->admin.count > 0 || strcmp(e->id, "emulator") == 0);
		assert_true(e->user.count > 0);
		for (size_t k = 0; k < e->admin.count; k++) {
			/*
			 * a line can be copied from a terminal of 80 columns without being cut;
			 * only the program's own path may be longer
			 */
			assert_true(strlen(e->admin.items[k]) < 78 ||
				    strstr(e->admin.items[k], facts.program));
			longer = xasprintf("%sadmin: %s\n", text, e->admin.items[k]);
			free(text);
			text = longer;
		}
	}
	return text;
}

/*
 * Checks the ids of the reasons, in this order, and that the text has every one of the fragments.
 */
#define expect(state, step, err, ids, ...) \
	expect_list(*(state), (step), (err), (ids), (const char *const[]){__VA_ARGS__, NULL})

static inline void expect_list(const char *root, enum check_step step, int err, const char *ids,
			       const char *const *fragments)
{
	_cleanup_free_ char *text = say(root, step, err);
	_cleanup_free_ char *found = xstrdup("");

	for (const char *p = text; p && *p; p = strchr(p, '\n')) {
		char *longer;

		p += *p == '\n';
		if (*p != '[')
			continue;
		longer = xasprintf("%s%s%.*s", found, *found ? " " : "", (int)strcspn(p, "]") - 1,
				   p + 1);
		free(found);
		found = longer;
	}
	assert_string_equal(found, ids);
	for (; *fragments; fragments++) {
		if (strstr(text, *fragments))
			continue;
		print_error("missing \"%s\" in:\n%s", *fragments, text);
		fail();
	}
}

#define host_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
