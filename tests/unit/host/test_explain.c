/*
 * The reasons for a refusal that lie in the kernel and its settings, each on a made-up root, and
 * the short form that a failing entry prints.
 */
#include "host/check.h"
#include "host_root.h"
#include "util/mountinfo.h"

#include <errno.h>
#include <sys/wait.h>

static void test_unknown(void **state)
{
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "Operation not permitted", "dmesg");
	expect(state, CHECK_TMPFS, EACCES, "unknown", "Permission denied");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "unknown", "Invalid argument");
	expect(state, CHECK_PROC_MOUNT, EPERM, "unknown", "Operation not permitted");
}

/* What nothing explains: the words of the errno, where to look, and a chroot that may be one. */
static void test_unknown_words(void **state)
{
	static const int errors[] = {EPERM, EACCES, EIO};
	_cleanup_(host_facts_clear) struct host_facts facts;

	host_facts_read(*state, &facts);
	facts.uid = 1000;
	for (int i = 0; i < 3 * CHECK_STEP_COUNT; i++) {
		_cleanup_(explanations_clear) struct explanations list = {0};
		enum check_step step = (enum check_step)(i / 3);
		int err = errors[i % 3];
		bool is_like_chroot =
			err == EPERM && (step == CHECK_USER_NAMESPACE || step == CHECK_CONFINEMENT);
		_cleanup_free_ char *reason =
			xasprintf("the kernel said \"%s\", %sand nothing that can be read here "
				  "explains it",
				  strerror(err),
				  is_like_chroot ? "as it does in a chroot to whoever makes a user "
						   "namespace, "
						 : "");

		explain(&facts, step, err, &list);
		assert_int_equal(list.count, 1);
		assert_string_equal(list.items[0].id, "unknown");
		assert_string_equal(list.items[0].reason, reason);
		assert_string_equal(list.items[0].short_fix, "look at the end of: sudo dmesg");
		assert_int_equal(list.items[0].admin.count, 2);
		assert_int_equal(list.items[0].user.count, is_like_chroot ? 4 : 3);
	}
}

static void test_no_proc(void **state)
{
	_cleanup_free_ char *proc = xasprintf("%s/proc", (char *)*state), *text = NULL;

	assert_int_equal(fs_remove_tree(AT_FDCWD, proc), 0);
	expect(state, CHECK_ID_MAPS, ENOENT, "no-proc", "/proc is not mounted",
	       "admin: sudo mount -t proc proc /proc\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "no-proc", "");
	text = check_explain(CHECK_ID_MAPS, ENOENT, *state);
	assert_non_null(strstr(text, "\nan administrator can change that: sudo mount -t proc "));
}

static void test_mount_max(void **state)
{
	expect(state, CHECK_TMPFS, ENOSPC, "mount-max", "sysctl fs.mount-max", "counts twice",
	       "fix: sudo sysctl -w fs.mount-max=300000\n");
	expect(state, CHECK_BIND, ENOSPC, "mount-max", "");
}

static void test_userns_clone(void **state)
{
	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "0\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unprivileged-userns-clone",
	       "kernel.unprivileged_userns_clone is 0",
	       "fix: sudo sysctl -w kernel.unprivileged_userns_clone=1\n",
	       "admin: echo 'kernel.unprivileged_userns_clone = 1' |\n",
	       "admin:   sudo tee /etc/sysctl.d/99-unprivileged_userns_clone.conf\n",
	       "admin: sudo sysctl --system\n");
	/* this sysctl does not cause ENOSPC, and does not apply to a process with CAP_SYS_ADMIN */
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached", "");
	put_status(*state, 0, "000001ffffffffff");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
	put_status(*state, 0, "0000000000000000");
	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "1\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
}

static void test_max_zero(void **state)
{
	put(*state, "/proc/sys/user/max_user_namespaces", "0\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "user.max_user_namespaces is 0",
	       "fix: sudo sysctl -w user.max_user_namespaces=15000\n",
	       "admin:   sudo tee /etc/sysctl.d/99-max_user_namespaces.conf\n");
	expect(state, CHECK_USER_NAMESPACE, EUSERS, "max-namespaces-zero", "");
	/* this limit causes ENOSPC, and not EPERM */
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
	put(*state, "/proc/sys/user/max_user_namespaces", "63000\n");
	put(*state, "/proc/sys/user/max_mnt_namespaces", "0\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "user.max_mnt_namespaces is 0");
	expect(state, CHECK_MOUNT_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "user.max_mnt_namespaces is 0");
}

/* Entering needs no pid or network namespace, but Nix's sandbox and unpacking do. */
static void test_max_zero_of_other_kinds(void **state)
{
	put(*state, "/proc/sys/user/max_net_namespaces", "0\n");
	expect(state, CHECK_NESTED_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "user.max_net_namespaces is 0");
	expect(state, CHECK_CONFINEMENT, ENOSPC, "max-namespaces-zero",
	       "user.max_net_namespaces is 0");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached", "");
	put(*state, "/proc/sys/user/max_pid_namespaces", "0\n");
	expect(state, CHECK_CONFINEMENT, ENOSPC, "max-namespaces-zero",
	       "user.max_pid_namespaces is 0");
}

static void test_max_reached(void **state)
{
	_cleanup_free_ char *text = NULL;

	put(*state, "/proc/sys/user/max_mnt_namespaces", "5\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached",
	       "user.max_mnt_namespaces allows each user 5",
	       "fix: sudo sysctl -w user.max_mnt_namespaces=15000\n");
	text = say(*state, CHECK_USER_NAMESPACE, ENOSPC);
	assert_null(strstr(text, "already"));
	put(*state, "/proc/sys/user/max_mnt_namespaces", "2147483647\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached",
	       "user.max_user_namespaces allows each user 63000",
	       "fix: sudo sysctl -w user.max_user_namespaces=126000\n");
	/* inside a user namespace, the limit may be that of a namespace outside */
	put(*state, "/proc/self/uid_map", "         0       1000          1\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached",
	       "in a user namespace already");
}

static void test_no_config_user_ns(void **state)
{
	drop(*state, "/proc/self/ns/user");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "no-config-user-ns",
	       "was built without user namespaces", RELEASE, "CONFIG_USER_NS=y");
	expect(state, CHECK_USER_NAMESPACE, ENOSYS, "no-config-user-ns", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
}

static void test_rhel7(void **state)
{
	put(*state, "/proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n");
	put(*state, "/proc/sys/user/max_user_namespaces", "0\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "rhel7", "RHEL 7 or CentOS 7",
	       "user_namespace.enable=1 namespace.unpriv_enable=1", "grubby --update-kernel=ALL",
	       "admin: echo 'user.max_user_namespaces = 15000' |\n", "admin: sudo reboot\n");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "rhel7", "");
	expect(state, CHECK_MOUNT_NAMESPACE, EPERM, "rhel7", "");
	put(*state, "/proc/sys/kernel/osrelease", "4.18.0-513.el8.x86_64\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-zero", "");
}

static void test_wsl(void **state)
{
	put(*state, "/proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n");
	drop(*state, "/proc/self/ns/user");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "wsl1", "version 1 of the Windows Subsystem",
	       "admin: wsl --set-version DISTRIBUTION 2\n");
	put(*state, "/proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n");
	put(*state, "/proc/self/ns/user", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
}

static void test_initramfs(void **state)
{
	put(*state, "/proc/self/mountinfo", "1 1 0:2 / / rw - rootfs rootfs rw\n" PROC_MOUNT);
	expect(state, CHECK_PIVOT_ROOT, EINVAL, "root-on-initramfs", "initramfs", "switch_root");
	expect(state, CHECK_PIVOT_ROOT, EPERM, "unknown", "");
	/* a real root file system mounted over the initramfs */
	put(*state, "/proc/self/mountinfo",
	    "1 1 0:2 / / rw - rootfs rootfs rw\n" ROOT_MOUNT PROC_MOUNT);
	expect(state, CHECK_PIVOT_ROOT, EINVAL, "unknown", "");
}

static void test_emulator(void **state)
{
	_cleanup_free_ char *text = NULL;

	put(*state, "/proc/self/status", "Name:\tx\nThreads:\t3\nCapEff:\t0\nSeccomp:\t0\n");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "emulator", "qemu-user",
	       "fix: use the program that is made for this machine's own processor\n");
	text = check_explain(CHECK_USER_NAMESPACE, EINVAL, *state);
	assert_null(strstr(text, "administrator"));
	assert_non_null(strstr(text, "\nuse the program that is made for"));
	expect(state, CHECK_CONFINEMENT, EINVAL, "emulator", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
	expect(state, CHECK_PIVOT_ROOT, EINVAL, "unknown", "");
	put(*state, "/proc/self/status", "Name:\tx\nThreads:\t1\nCapEff:\t0\nSeccomp:\t0\n");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "unknown", "");
}

static void test_reason_is_said_once(void **state)
{
	_cleanup_(host_facts_clear) struct host_facts facts;
	_cleanup_(explanations_clear) struct explanations list = {0};

	put(*state, "/proc/sys/user/max_user_namespaces", "0\n");
	host_facts_read(*state, &facts);
	explain(&facts, CHECK_USER_NAMESPACE, ENOSPC, &list);
	explain(&facts, CHECK_CONFINEMENT, ENOSPC, &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].step, CHECK_USER_NAMESPACE);
	/* nor is one that is not the first */
	for (int i = 0; i < 2; i++) {
		explain(&facts, CHECK_TMPFS, ENOSPC, &list);
		explain(&facts, CHECK_BIND, EINVAL, &list);
	}
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[1].id, "mount-max");
	assert_string_equal(list.items[2].id, "unknown");
}

static void test_nixos(void **state)
{
	_cleanup_(host_facts_clear) struct host_facts facts;
	_cleanup_free_ char *text = NULL;

	host_facts_read(*state, &facts);
	assert_null(explain_note(&facts));
	host_facts_clear(&facts);
	put(*state, "/etc/NIXOS", "");
	put(*state, "/proc/sys/user/max_user_namespaces", "0\n");
	host_facts_read(*state, &facts);
	assert_non_null(strstr(explain_note(&facts), "nix-shell -p"));
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "admin: boot.kernel.sysctl.\"user.max_user_namespaces\" = 15000;\n");
	text = check_explain(CHECK_USER_NAMESPACE, ENOSPC, *state);
	assert_non_null(strstr(text, "NixOS"));
}

static void test_short_form(void **state)
{
	_cleanup_free_ char *text = NULL;
	size_t lines = 1;

	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "0\n");
	text = check_explain(CHECK_USER_NAMESPACE, EPERM, *state);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3);
	assert_true(str_starts_with(text, "kernel.unprivileged_userns_clone is 0"));
	assert_non_null(strstr(text, "\nan administrator can change that: "
				     "sudo sysctl -w kernel.unprivileged_userns_clone=1\n"));
	assert_true(str_ends_with(text, "nix-user-chroot --check"));
}

/* Files with nonsense, or with nothing, are treated as missing. */
static void test_garbage(void **state)
{
	put(*state, "/proc/self/status", "");
	put(*state, "/proc/self/uid_map", "x y z\n");
	put(*state, "/proc/self/mountinfo", "\n\n1 2\nno mountinfo - at all\n");
	put(*state, "/proc/sys/kernel/osrelease", "");
	put(*state, "/proc/sys/user/max_user_namespaces", "many\n");
	put(*state, "/proc/sys/user/max_mnt_namespaces", "-5\n");
	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "\n");
	put(*state, "/proc/self/attr/current", "");
	expect(state, CHECK_TMPFS, EPERM, "unknown", "");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached", "");
}

/* A limit that cannot be read must not be printed as a number. */
static void test_limit_unknown(void **state)
{
	_cleanup_free_ char *text = NULL;

	drop(*state, "/proc/sys/user/max_user_namespaces");
	drop(*state, "/proc/sys/user/max_mnt_namespaces");
	text = say(*state, CHECK_USER_NAMESPACE, ENOSPC);
	assert_null(strstr(text, "-1"));
}

static void test_mountinfo(void **state)
{
	char text[] = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,x\n"
		      "broken\n"
		      "37 36 0:5 / /a\\040b ro - tmpfs  rw";
	char *cursor = text;
	struct mountinfo line;

	(void)state;
	assert_true(mountinfo_next(&cursor, &line));
	assert_int_equal(line.id, 36);
	assert_string_equal(line.target, "/mnt2");
	assert_string_equal(line.options, "rw,noatime");
	assert_string_equal(line.fs_type, "ext3");
	assert_string_equal(line.super_options, "rw,x");
	assert_true(mountinfo_next(&cursor, &line));
	assert_int_equal(line.id, 37);
	assert_string_equal(line.target, "/a b");
	assert_string_equal(line.fs_type, "tmpfs");
	assert_string_equal(line.super_options, "rw");
	assert_false(mountinfo_next(&cursor, &line));
	assert_true(mountinfo_has_option("rw,ro", "ro"));
	assert_true(mountinfo_has_option("ro", "ro"));
	assert_false(mountinfo_has_option("rw,errors=remount-ro,rox", "ro"));
	assert_false(mountinfo_has_option("", "ro"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_unknown),
		host_test(test_unknown_words),
		host_test(test_no_proc),
		host_test(test_mount_max),
		host_test(test_userns_clone),
		host_test(test_max_zero),
		host_test(test_max_zero_of_other_kinds),
		host_test(test_max_reached),
		host_test(test_no_config_user_ns),
		host_test(test_rhel7),
		host_test(test_wsl),
		host_test(test_initramfs),
		host_test(test_emulator),
		host_test(test_reason_is_said_once),
		host_test(test_nixos),
		host_test(test_short_form),
		host_test(test_garbage),
		host_test(test_limit_unknown),
		cmocka_unit_test(test_mountinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
