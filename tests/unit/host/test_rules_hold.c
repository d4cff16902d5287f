/* When each reason holds: for every step and errno, on a host that has one trait, or several. */
#include "host/rules.h"
#include "host/explain.h"
#include "util/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule_find.h"

/* What is not as on a plain Debian, of an unprivileged user. */
enum {
	NO_PROC = 1 << 0,
	WSL1 = 1 << 1,
	EL7 = 1 << 2,
	NO_NAMESPACE = 1 << 3,
	USER_ZERO = 1 << 4,
	MNT_ZERO = 1 << 5,
	PID_ZERO = 1 << 6,
	NET_ZERO = 1 << 7,
	NO_CLONE = 1 << 8,
	THREADS = 1 << 9,
	INITRAMFS = 1 << 10,
	CHROOT = 1 << 11,
	UNMAPPED = 1 << 12,
	ROOT = 1 << 13,
	NO_SETFCAP = 1 << 14,
	HIDDEN = 1 << 15,
	APPARMOR = 1 << 16,
	FILTER = 1 << 17,
	SYS_ADMIN = 1 << 18,
	SELINUX = 1 << 19,
};

#define ENFORCED   "snap.x (enforce)"
#define COMPLAINS  "snap.x (complain)"
#define UBUNTU	   "unprivileged_userns (enforce)"
#define CONTAINED  "system_u:system_r:container_t:s0"
#define UNCONFINED "unconfined_u:unconfined_r:unconfined_t:s0"

/* The letters of the steps, in their order; R: the /proc of a sandbox. */
#define LETTERS "U" REST
#define REST	"MISTBPNRC"
#define MAKING	"UMNC"
#define MOUNTS	"STBPR"
#define SOME	MAKING MOUNTS

#define REFUSED "EPERM EACCES"
#define ABSENT	"EINVAL ENOSYS"
#define LIMITS	"ENOSPC EUSERS"
#define ALL	REFUSED " " ABSENT " " LIMITS " EROFS ENOENT"

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EPERM", EPERM},   {"EACCES", EACCES}, {"EINVAL", EINVAL}, {"ENOSYS", ENOSYS},
	{"ENOSPC", ENOSPC}, {"EUSERS", EUSERS}, {"EROFS", EROFS},   {"ENOENT", ENOENT},
};

static const struct row {
	const char *id;
	unsigned traits;
	const char *label;
	const char *steps, *errors; /* of those it holds for each pair */
} rows[] = {
	{"no-proc", 0, NULL, "", ""},
	{"no-proc", NO_PROC, NULL, LETTERS, ALL},
	{"mount-max", 0, NULL, MOUNTS, "ENOSPC"},
	{"wsl1", 0, NULL, "", ""},
	{"wsl1", WSL1, NULL, LETTERS, ALL},
	{"rhel7", 0, NULL, "", ""},
	{"rhel7", EL7, NULL, MAKING, "EPERM " ABSENT " " LIMITS},
	{"no-config-user-ns", 0, NULL, "", ""},
	{"no-config-user-ns", NO_NAMESPACE, NULL, MAKING, ABSENT},
	{"no-config-user-ns", NO_NAMESPACE | NO_PROC, NULL, "", ""},
	{"no-config-user-ns", NO_NAMESPACE | WSL1, NULL, "", ""},
	{"no-config-user-ns", NO_NAMESPACE | EL7, NULL, "", ""},
	{"max-namespaces-zero", 0, NULL, "", ""},
	{"max-namespaces-zero", USER_ZERO, NULL, MAKING, LIMITS},
	{"max-namespaces-zero", MNT_ZERO, NULL, MAKING, LIMITS},
	{"max-namespaces-zero", PID_ZERO, NULL, "NC", LIMITS},
	{"max-namespaces-zero", NET_ZERO, NULL, "NC", LIMITS},
	{"max-namespaces-zero", USER_ZERO | EL7, NULL, "", ""},
	{"max-namespaces-reached", 0, NULL, MAKING, LIMITS},
	{"max-namespaces-reached", USER_ZERO, NULL, "", ""},
	{"max-namespaces-reached", MNT_ZERO, NULL, "", ""},
	{"max-namespaces-reached", PID_ZERO, NULL, "UM", LIMITS},
	{"max-namespaces-reached", NET_ZERO, NULL, "UM", LIMITS},
	{"max-namespaces-reached", EL7, NULL, "", ""},
	{"unprivileged-userns-clone", 0, NULL, "", ""},
	{"unprivileged-userns-clone", NO_CLONE, NULL, "UNC", "EPERM"},
	{"unprivileged-userns-clone", NO_CLONE | SYS_ADMIN, NULL, "", ""},
	{"emulator", 0, NULL, "", ""},
	{"emulator", THREADS, NULL, MAKING, "EINVAL"},
	{"emulator", THREADS | NO_NAMESPACE, NULL, "", ""},
	{"root-on-initramfs", 0, NULL, "", ""},
	{"root-on-initramfs", INITRAMFS, NULL, "P", "EINVAL"},
	{"chroot", 0, NULL, "", ""},
	{"chroot", CHROOT, NULL, "UC", "EPERM"},
	{"unmapped-user", 0, NULL, "", ""},
	{"unmapped-user", UNMAPPED, NULL, "UC", "EPERM"},
	{"no-cap-setfcap", ROOT, NULL, "", ""},
	{"no-cap-setfcap", NO_SETFCAP, NULL, "", ""},
	{"no-cap-setfcap", ROOT | NO_SETFCAP | UNMAPPED, NULL, "", ""},
	{"no-cap-setfcap", ROOT | NO_SETFCAP, NULL, "INC", "EPERM"},
	{"proc-read-only", 0, NULL, "INC", "EROFS"},
	{"proc-hidden", 0, NULL, "", ""},
	{"proc-hidden", HIDDEN, NULL, "R", REFUSED " ENOENT"},
	{"apparmor-userns", 0, NULL, "", ""},
	{"apparmor-userns", APPARMOR, NULL, LETTERS, REFUSED},
	{"apparmor-userns", APPARMOR | SYS_ADMIN, NULL, REST, REFUSED},
	{"apparmor-userns", APPARMOR | FILTER, NULL, REST, REFUSED},
	{"apparmor-userns", APPARMOR | FILTER, ENFORCED, REST, REFUSED},
	{"apparmor-userns", APPARMOR | FILTER, UBUNTU, LETTERS, REFUSED},
	{"seccomp", 0, NULL, "", ""},
	{"seccomp", FILTER, NULL, SOME, REFUSED " ENOSYS"},
	{"seccomp", FILTER, COMPLAINS, SOME, REFUSED " ENOSYS"},
	{"seccomp", FILTER, ENFORCED, SOME, "EPERM ENOSYS"},
	{"seccomp", FILTER | HIDDEN, NULL, MAKING "STBP", REFUSED " ENOSYS"},
	{"security-module", 0, NULL, "", ""},
	{"security-module", 0, COMPLAINS, "", ""},
	{"security-module", 0, UBUNTU, "", ""},
	{"security-module", 0, CONTAINED, "", ""},
	{"security-module", 0, ENFORCED, SOME, REFUSED},
	{"security-module", FILTER, ENFORCED, SOME, "EACCES"},
	{"security-module", HIDDEN, ENFORCED, MAKING "STBP", REFUSED},
	{"security-module", SELINUX, NULL, "", ""},
	{"security-module", SELINUX, UNCONFINED, "", ""},
	{"security-module", SELINUX, CONTAINED, SOME, "EACCES"},
	{"security-module", SELINUX | FILTER, CONTAINED, SOME, "EACCES"},
	{"security-module", SELINUX | HIDDEN, CONTAINED, MAKING "STBP", "EACCES"},
	{"security-module", SELINUX, ENFORCED, SOME, "EACCES"},
};

/* The facts of a host with TRAITS; the texts are nobody's to free. */
static struct host_facts facts_of(unsigned traits, const char *label)
{
	static char release[] = "6.1", hidden[] = "/proc is mounted read-only";

	return (struct host_facts){
		.has_proc = !(traits & NO_PROC),
		.has_user_namespace = !(traits & NO_NAMESPACE),
		.release = release,
		.el7 = traits & EL7,
		.wsl = traits & WSL1 ? WSL_1 : WSL_2,
		.unprivileged_userns_clone = traits & NO_CLONE ? 0 : FACT_UNKNOWN,
		.apparmor_restrict_userns = traits & APPARMOR ? 1 : 0,
		.max_user_namespaces = traits & USER_ZERO ? 0 : 5,
		.max_mnt_namespaces = traits & MNT_ZERO ? 0 : FACT_UNKNOWN,
		.max_pid_namespaces = traits & PID_ZERO ? 0 : 5,
		.max_net_namespaces = traits & NET_ZERO ? 0 : FACT_UNKNOWN,
		.uid = traits & ROOT ? 0 : 1000,
		.uid_mapped = !(traits & UNMAPPED),
		.initial_user_namespace = true,
		.sys_admin = traits & SYS_ADMIN,
		.setfcap = !(traits & NO_SETFCAP),
		.seccomp = traits & FILTER ? 2 : 1,
		.threads = traits & THREADS ? 2 : 1,
		.security_label = (char *)(uintptr_t)label,
		.selinux_enforcing = traits & SELINUX,
		.in_chroot = traits & CHROOT,
		.root_on_initramfs = traits & INITRAMFS,
		.proc_hidden = traits & HIDDEN ? hidden : NULL,
	};
}

static void holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct host_facts facts = facts_of(row->traits, row->label);

		for (enum check_step step = 0; step < CHECK_STEP_COUNT; step++)
			for (size_t k = 0; k < sizeof(errors) / sizeof(errors[0]); k++) {
				struct refusal refusal = {&facts, step, errors[k].number};
				bool wanted = strchr(row->steps, LETTERS[step]) &&
					      strstr(row->errors, errors[k].name);

				if (rule_find(row->id)->holds(&refusal) != wanted)
					fail_msg("%s (row %zu): %c, %s", row->id, i, LETTERS[step],
						 errors[k].name);
			}
	}
}

static const struct {
	long user, mnt;
	bool nested;
	const char *named, *fix;
	size_t ways;
} limits[] = {
	{5, 6, false, ": user.max_user_namespaces allows each user 5, and 32",
	 "sudo sysctl -w user.max_user_namespaces=15000", 4},
	{6, 5, false, ": user.max_mnt_namespaces allows each user 5, and 32",
	 "sudo sysctl -w user.max_mnt_namespaces=15000", 4},
	{5, FACT_UNKNOWN, false, ": user.max_user_namespaces allows each user 5, and 32",
	 "sudo sysctl -w user.max_user_namespaces=15000", 4},
	{FACT_UNKNOWN, 5, false, ": user.max_mnt_namespaces allows each user 5, and 32",
	 "sudo sysctl -w user.max_mnt_namespaces=15000", 4},
	{15000, INT_MAX, false, "each user 15000, and 32",
	 "sudo sysctl -w user.max_user_namespaces=15000", 4},
	{INT_MAX, 15001, false, "each user 15001, and 32",
	 "sudo sysctl -w user.max_mnt_namespaces=30002", 4},
	{1 << 29, INT_MAX, false, "each user 536870912, and 32",
	 "sudo sysctl -w user.max_user_namespaces=1073741824", 4},
	{INT_MAX, INT_MAX, false, "is reached: 32", "outside of any namespace, see and raise: ", 4},
	{FACT_UNKNOWN, FACT_UNKNOWN, false, "is reached: 32",
	 "outside of any namespace, see and raise: ", 4},
	/* the namespace that this process is in has the limit: nobody here can raise it */
	{5, 6, true, "allows each user 5, and 32 can be nested; this process is in a user ",
	 "outside of any namespace, see and raise: ", 5},
};

/* The lower limit is named, and what it is to be raised to. */
static void reached(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		_cleanup_(explanations_clear) struct explanations list = {0};
		struct host_facts facts = facts_of(0, NULL);

		facts.max_user_namespaces = limits[i].user;
		facts.max_mnt_namespaces = limits[i].mnt;
		facts.initial_user_namespace = !limits[i].nested;
		explain(&facts, CHECK_USER_NAMESPACE, ENOSPC, &list);
		assert_int_equal(list.count, 1);
		if (!strstr(list.items[0].reason, limits[i].named))
			fail_msg("row %zu: %s", i, list.items[0].reason);
		if (!str_starts_with(list.items[0].short_fix, limits[i].fix))
			fail_msg("row %zu: %s", i, list.items[0].short_fix);
		assert_int_equal(list.items[0].admin.count, 3);
		assert_int_equal(list.items[0].user.count, limits[i].ways);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds),
		cmocka_unit_test(reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
