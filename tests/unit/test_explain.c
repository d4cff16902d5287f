/*
 * Every reason that --check knows, each on a made-up root: a host that is well, with one thing
 * changed.
 */
#include "host/check.h"
#include "host/explain.h"
#include "host/facts.h"
#include "host/mountinfo.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RELEASE "6.1.0-18-amd64"

#define ROOT_MOUNT "25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define PROC_MOUNT "26 25 0:5 / /proc rw,nosuid shared:2 - proc proc rw\n"
#define BINFMT	   "27 26 0:9 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw,fd=29\n"

static void put(const char *root, const char *path, const char *text)
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

static void drop(const char *root, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);

	assert_int_equal(unlink(full), 0);
}

static void put_status(const char *root, int seccomp, const char *caps)
{
	_cleanup_free_ char *text = xasprintf("Name:\tx\nCapEff:\t%s\nNoNewPrivs:\t0\n"
					      "Seccomp:\t%d\nSeccomp_filters:\t0\n",
					      caps, seccomp);

	put(root, "/proc/self/status", text);
}

/* A plain Debian, seen by an unprivileged user. */
static int setup(void **state)
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

static int teardown(void **state)
{
	int r = fs_remove_tree(AT_FDCWD, *state);

	unsetenv("KUBERNETES_SERVICE_HOST");
	free(*state);
	return r;
}

/* All that is said of the reasons for STEP's ERR: "[id] reason", fix, admin lines, user's ways. */
static char *say(const char *root, enum check_step step, int err)
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
		assert_true(e->admin.count > 0);
		assert_true(e->user.count > 0);
		for (size_t k = 0; k < e->admin.count; k++) {
			/* whoever copies a line from a terminal of 80 columns gets all of it; only
			 * the program's own path may be longer than we can help */
			assert_true(strlen(e->admin.items[k]) < 78 ||
				    strstr(e->admin.items[k], facts.program));
			longer = xasprintf("%sadmin: %s\n", text, e->admin.items[k]);
			free(text);
			text = longer;
		}
	}
	return text;
}

/* The reasons' ids are IDS, in this order, and what is said has every one of the fragments. */
#define expect(state, step, err, ids, ...) \
	expect_list(*(state), (step), (err), (ids), (const char *const[]){__VA_ARGS__, NULL})

static void expect_list(const char *root, enum check_step step, int err, const char *ids,
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

static void test_unknown(void **state)
{
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "Operation not permitted", "dmesg");
	expect(state, CHECK_TMPFS, EACCES, "unknown", "Permission denied");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "unknown", "Invalid argument");
	expect(state, CHECK_PROC_MOUNT, EPERM, "unknown", "Operation not permitted");
}

static void test_no_proc(void **state)
{
	_cleanup_free_ char *proc = xasprintf("%s/proc", (char *)*state);

	assert_int_equal(fs_remove_tree(AT_FDCWD, proc), 0);
	expect(state, CHECK_ID_MAPS, ENOENT, "no-proc", "/proc is not mounted",
	       "admin: sudo mount -t proc proc /proc\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "no-proc", "");
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
	/* it does not make ENOSPC, and a process with CAP_SYS_ADMIN is not asked */
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
	/* ENOSPC against EPERM */
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
	put(*state, "/proc/sys/user/max_user_namespaces", "63000\n");
	put(*state, "/proc/sys/user/max_mnt_namespaces", "0\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "user.max_mnt_namespaces is 0");
	expect(state, CHECK_MOUNT_NAMESPACE, ENOSPC, "max-namespaces-zero",
	       "user.max_mnt_namespaces is 0");
}

/* Entering needs no pid or network namespace; Nix's sandbox and unpacking do. */
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
	/* nested: the limit may be one outside */
	put(*state, "/proc/self/uid_map", "         0       1000          1\n");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached",
	       "in a user namespace already");
}

static void test_apparmor_userns(void **state)
{
	put(*state, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
	put(*state, "/proc/self/attr/current", "unconfined\n");
	expect(state, CHECK_ID_MAPS, EACCES, "apparmor-userns", "Ubuntu 23.10",
	       "fix: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 ",
	       "admin: sudo tee /etc/apparmor.d/nix-user-chroot <<'EOF'\nadmin: abi <abi/4.0>,\n",
	       "admin: profile nix-user-chroot \"/opt/nix user/nix-user-chroot\" "
	       "flags=(unconfined) {\nadmin:   userns,\nadmin: }\nadmin: EOF\n",
	       "admin: sudo apparmor_parser -r /etc/apparmor.d/nix-user-chroot\n",
	       "admin: # echo 'kernel.apparmor_restrict_unprivileged_userns = 0' |\n");
	/* 23.10 refuses unshare itself, later releases what is done inside */
	expect(state, CHECK_USER_NAMESPACE, EACCES, "apparmor-userns", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "apparmor-userns", "");
	expect(state, CHECK_SLAVE, EPERM, "apparmor-userns", "");
	expect(state, CHECK_SLAVE, EINVAL, "unknown", "");
	/* within the failing process, the profile has changed and every capability is there */
	put(*state, "/proc/self/attr/current", "unprivileged_userns (enforce)\n");
	put_status(*state, 0, "000001ffffffffff");
	expect(state, CHECK_SLAVE, EACCES, "apparmor-userns", "");
	put(*state, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n");
	put(*state, "/proc/self/attr/current", "unconfined\n");
	expect(state, CHECK_ID_MAPS, EACCES, "unknown", "");
}

/* A container on Ubuntu sees the switch too, but it is the filter that refuses unshare. */
static void test_apparmor_userns_in_container(void **state)
{
	put(*state, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
	put(*state, "/.dockerenv", "");
	put_status(*state, 2, "00000000a80425fb");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "");
	expect(state, CHECK_ID_MAPS, EPERM, "apparmor-userns", "");
}

static void test_no_config_user_ns(void **state)
{
	drop(*state, "/proc/self/ns/user");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "no-config-user-ns",
	       "seems to be built without user namespaces", RELEASE);
	put(*state, "/boot/config-" RELEASE, "CONFIG_NAMESPACES=y\n# CONFIG_USER_NS is not set\n");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "no-config-user-ns",
	       "CONFIG_USER_NS is not set in /boot/config-" RELEASE, "CONFIG_USER_NS=y");
	expect(state, CHECK_USER_NAMESPACE, ENOSYS, "no-config-user-ns", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
	put(*state, "/boot/config-" RELEASE, "CONFIG_USER_NS=y\n");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "unknown", "");
	/* another kernel's file says nothing */
	drop(*state, "/boot/config-" RELEASE);
	put(*state, "/boot/config-5.0", "CONFIG_USER_NS=y\n");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "no-config-user-ns", "seems");
}

/* gzip writes its own test file, as the kernel has one in /proc */
static void gzip_in_place(const char *root, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execlp("gzip", "gzip", "-nf", full, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		skip();
	assert_int_equal(status, 0);
}

static void test_config_gz(void **state)
{
	drop(*state, "/proc/self/ns/user");
	put(*state, "/proc/config", "CONFIG_NAMESPACES=y\n# CONFIG_USER_NS is not set\n");
	gzip_in_place(*state, "/proc/config");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "no-config-user-ns",
	       "CONFIG_USER_NS is not set in /proc/config.gz");
	put(*state, "/proc/config", "CONFIG_NAMESPACES=y\nCONFIG_USER_NS=y\n");
	gzip_in_place(*state, "/proc/config");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "unknown", "");
	put(*state, "/proc/config.gz", "not gzip at all");
	expect(state, CHECK_USER_NAMESPACE, EINVAL, "no-config-user-ns", "seems");
}

static void test_kernel_config_lookup(void **state)
{
	_cleanup_free_ char *file = NULL;

	put(*state, "/lib/modules/1/config", "CONFIG_USER_NS_X=y\nCONFIG_USER_NS=n\n");
	assert_int_equal(kernel_config_lookup(*state, "1", "CONFIG_USER_NS", &file),
			 KERNEL_OPTION_NO);
	assert_string_equal(file, "/lib/modules/1/config");
	free(steal_ptr(&file));
	assert_int_equal(kernel_config_lookup(*state, "1", "CONFIG_USER_NS_X", &file),
			 KERNEL_OPTION_YES);
	free(steal_ptr(&file));
	put(*state, "/lib/modules/1/config", "<html>\n");
	assert_int_equal(kernel_config_lookup(*state, "1", "CONFIG_USER_NS", &file),
			 KERNEL_OPTION_UNKNOWN);
	assert_null(file);
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

static void test_seccomp_docker(void **state)
{
	put_status(*state, 2, "00000000a80425fb");
	put(*state, "/.dockerenv", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "container (Docker)",
	       "making namespaces", "fix: docker run --security-opt seccomp=unconfined ...\n");
	expect(state, CHECK_TMPFS, EPERM, "seccomp", "forbids mounting");
	expect(state, CHECK_USER_NAMESPACE, ENOSYS, "seccomp", "");
	/* no filter forbids a write */
	expect(state, CHECK_ID_MAPS, EPERM, "unknown", "");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached", "");
	put_status(*state, 0, "00000000a80425fb");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
}

static void test_seccomp_podman(void **state)
{
	put_status(*state, 2, "0000000000000000");
	put(*state, "/run/.containerenv", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "container (Podman)",
	       "podman run --security-opt seccomp=unconfined");
}

static void test_seccomp_kubernetes(void **state)
{
	put_status(*state, 2, "0000000000000000");
	put(*state, "/.dockerenv", "");
	put(*state, "/var/run/secrets/kubernetes.io/serviceaccount/token", "x");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "container (Kubernetes)",
	       "securityContext:", "seccompProfile: {type: Unconfined}");
}

static void test_seccomp_kubernetes_env(void **state)
{
	put_status(*state, 2, "0000000000000000");
	put(*state, "/run/.containerenv", "");
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "container (Kubernetes)");
}

static void test_seccomp_others(void **state)
{
	put_status(*state, 2, "0000000000000000");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "Seccomp: 2 in /proc/self/status",
	       "RestrictNamespaces=", "systemctl edit UNIT");
	put(*state, "/run/systemd/container", "lxc\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "container (lxc)");
	put(*state, "/.flatpak-info", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "Flatpak", "flatpak-spawn --host");
}

static void test_security_module_apparmor(void **state)
{
	put(*state, "/proc/self/attr/current", "docker-default (enforce)\n");
	put(*state, "/.dockerenv", "");
	expect(state, CHECK_SLAVE, EACCES, "security-module",
	       "AppArmor confines this process as docker-default (enforce)",
	       "docker run --security-opt apparmor=unconfined ...");
	put_status(*state, 2, "0000000000000000");
	expect(state, CHECK_SLAVE, EACCES, "security-module", "");
	expect(state, CHECK_SLAVE, EPERM, "seccomp", "");
	put(*state, "/proc/self/attr/current", "my-profile (complain)\n");
	put_status(*state, 0, "0000000000000000");
	expect(state, CHECK_SLAVE, EACCES, "unknown", "");
	put(*state, "/proc/self/attr/current", "snap.x.y (enforce)\n");
	drop(*state, "/.dockerenv");
	expect(state, CHECK_SLAVE, EACCES, "security-module", "snap.x.y", "dmesg");
}

static void test_security_module_selinux(void **state)
{
	put(*state, "/sys/fs/selinux/enforce", "1");
	put(*state, "/proc/self/attr/current", "system_u:system_r:container_t:s0:c1,c2");
	put(*state, "/run/.containerenv", "");
	expect(state, CHECK_TMPFS, EACCES, "security-module", "SELinux confines",
	       "podman run --security-opt label=disable ...");
	expect(state, CHECK_TMPFS, EPERM, "unknown", "");
	drop(*state, "/run/.containerenv");
	expect(state, CHECK_USER_NAMESPACE, EACCES, "security-module", "ausearch -m avc");
	put(*state, "/sys/fs/selinux/enforce", "0");
	expect(state, CHECK_TMPFS, EACCES, "unknown", "");
}

static void test_chroot(void **state)
{
	/* a plain directory: no mount on its "/" */
	put(*state, "/proc/self/mountinfo", PROC_MOUNT);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "chroot", "in a chroot", "systemd-nspawn",
	       "fix: enter with");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached", "");
	/* a mount point, which the first process sees elsewhere */
	put(*state, "/proc/self/mountinfo", "40 25 8:2 / / rw - ext4 /dev/sdb rw\n" PROC_MOUNT);
	put(*state, "/proc/1/mountinfo",
	    ROOT_MOUNT PROC_MOUNT "40 25 8:2 / /srv/chroot rw - ext4 /dev/sdb rw\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "chroot", "");
	/* a mount namespace of its own */
	put(*state, "/proc/1/mountinfo", ROOT_MOUNT PROC_MOUNT);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
	drop(*state, "/proc/1/mountinfo");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
}

static void test_unmapped_user(void **state)
{
	_cleanup_free_ char *map = xasprintf("%lu 0 1\n%lu 5 9\n", (unsigned long)geteuid() + 1,
					     (unsigned long)geteuid() + 2);
	_cleanup_free_ char *good = xasprintf("%s%lu 7 1\n", map, (unsigned long)geteuid());

	put(*state, "/proc/self/uid_map", map);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unmapped-user", "no mapping for its user ID",
	       "unshare --map-current-user");
	/* a process that has just made its own namespace has no map at all yet */
	put(*state, "/proc/self/uid_map", "");
	expect(state, CHECK_ID_MAPS, EPERM, "unknown", "");
	put(*state, "/proc/self/uid_map", good);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
}

static void test_initramfs(void **state)
{
	put(*state, "/proc/self/mountinfo", "1 1 0:2 / / rw - rootfs rootfs rw\n" PROC_MOUNT);
	expect(state, CHECK_PIVOT_ROOT, EINVAL, "root-on-initramfs", "initramfs", "switch_root");
	expect(state, CHECK_PIVOT_ROOT, EPERM, "unknown", "");
	/* a real root mounted over it */
	put(*state, "/proc/self/mountinfo",
	    "1 1 0:2 / / rw - rootfs rootfs rw\n" ROOT_MOUNT PROC_MOUNT);
	expect(state, CHECK_PIVOT_ROOT, EINVAL, "unknown", "");
}

static void test_proc_hidden(void **state)
{
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT PROC_MOUNT BINFMT "30 26 0:30 / /proc/kcore rw - tmpfs tmpfs rw\n");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden", "something is mounted on /proc/kcore",
	       "findmnt -R /proc");
	put(*state, "/.dockerenv", "");
	put_status(*state, 2, "0000000000000000");
	put(*state, "/proc/self/attr/current", "docker-default (enforce)\n");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden",
	       "docker run --security-opt systempaths=unconfined ...");
	put(*state, "/run/.containerenv", "");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden",
	       "podman run --security-opt unmask=ALL ...");
	put(*state, "/var/run/secrets/kubernetes.io/serviceaccount/token", "x");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden", "procMount: Unmasked",
	       "hostUsers: false");
	/* it is no reason for any other step */
	drop(*state, "/.dockerenv");
	expect(state, CHECK_BIND, EINVAL, "unknown", "");
}

static void test_proc_mount_options(void **state)
{
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT "26 25 0:5 / /proc ro,nosuid shared:2 - proc proc rw\n");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden", "mounted read-only");
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT "26 25 0:5 / /proc rw - proc proc rw,subset=pid\n");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden", "subset=pid");
}

/* Several reasons at once are all told: mending one of them alone would not help. */
static void test_several(void **state)
{
	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "0\n");
	put_status(*state, 2, "0000000000000000");
	put(*state, "/.dockerenv", "");
	put(*state, "/proc/self/mountinfo", PROC_MOUNT);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unprivileged-userns-clone chroot seccomp", "");
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

/* Files that hold nonsense, or nothing, are as good as missing. */
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

/* A limit that cannot be read must not show as a number. */
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
	assert_string_equal(line.target, "/a\\040b");
	assert_string_equal(line.fs_type, "tmpfs");
	assert_string_equal(line.super_options, "rw");
	assert_false(mountinfo_next(&cursor, &line));
	assert_true(mountinfo_has_option("rw,ro", "ro"));
	assert_true(mountinfo_has_option("ro", "ro"));
	assert_false(mountinfo_has_option("rw,errors=remount-ro,rox", "ro"));
	assert_false(mountinfo_has_option("", "ro"));
}

#define explain_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		explain_test(test_unknown),
		explain_test(test_no_proc),
		explain_test(test_userns_clone),
		explain_test(test_max_zero),
		explain_test(test_max_zero_of_other_kinds),
		explain_test(test_max_reached),
		explain_test(test_apparmor_userns),
		explain_test(test_apparmor_userns_in_container),
		explain_test(test_no_config_user_ns),
		explain_test(test_config_gz),
		explain_test(test_kernel_config_lookup),
		explain_test(test_rhel7),
		explain_test(test_wsl),
		explain_test(test_seccomp_docker),
		explain_test(test_seccomp_podman),
		explain_test(test_seccomp_kubernetes),
		explain_test(test_seccomp_kubernetes_env),
		explain_test(test_seccomp_others),
		explain_test(test_security_module_apparmor),
		explain_test(test_security_module_selinux),
		explain_test(test_chroot),
		explain_test(test_unmapped_user),
		explain_test(test_initramfs),
		explain_test(test_proc_hidden),
		explain_test(test_proc_mount_options),
		explain_test(test_several),
		explain_test(test_reason_is_said_once),
		explain_test(test_nixos),
		explain_test(test_short_form),
		explain_test(test_garbage),
		explain_test(test_limit_unknown),
		cmocka_unit_test(test_mountinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
