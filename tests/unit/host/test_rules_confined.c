/*
 * The reasons for a refusal that lie in what the process is shut in: containers, filters, security
 * modules, a chroot; each on a made-up root.
 */
#include "host/check.h"
#include "host_root.h"

#include <errno.h>

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
	/*
	 * Ubuntu 23.10 refuses unshare itself; later releases refuse what is done in the new
	 * namespace
	 */
	expect(state, CHECK_USER_NAMESPACE, EACCES, "apparmor-userns", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "apparmor-userns", "");
	expect(state, CHECK_SLAVE, EPERM, "apparmor-userns", "");
	expect(state, CHECK_SLAVE, EINVAL, "unknown", "");
	/* the failing process itself has the other profile by then, and every capability */
	put(*state, "/proc/self/attr/current", "unprivileged_userns (enforce)\n");
	put_status(*state, 0, "000001ffffffffff");
	expect(state, CHECK_SLAVE, EACCES, "apparmor-userns", "");
	put(*state, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n");
	put(*state, "/proc/self/attr/current", "unconfined\n");
	expect(state, CHECK_ID_MAPS, EACCES, "unknown", "");
}

/*
 * In a container on Ubuntu the sysctl is visible, too, but the container's filter is what refuses
 * unshare.
 */
static void test_apparmor_userns_in_container(void **state)
{
	put(*state, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
	put(*state, "/.dockerenv", "");
	put_status(*state, 2, "00000000a80425fb");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "");
	expect(state, CHECK_ID_MAPS, EPERM, "apparmor-userns", "");
}

static void test_seccomp_docker(void **state)
{
	put_status(*state, 2, "00000000a80425fb");
	put(*state, "/.dockerenv", "");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "seccomp", "container (Docker)",
	       "making namespaces", "fix: docker run --security-opt seccomp=unconfined ...\n");
	expect(state, CHECK_TMPFS, EPERM, "seccomp", "forbids mounting");
	expect(state, CHECK_USER_NAMESPACE, ENOSYS, "seccomp", "");
	/* a filter does not forbid writing */
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
	/* the root directory is a plain directory: mountinfo has no mount on "/" */
	put(*state, "/proc/self/mountinfo", PROC_MOUNT);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "chroot", "in a chroot", "systemd-nspawn",
	       "fix: enter with");
	expect(state, CHECK_USER_NAMESPACE, ENOSPC, "max-namespaces-reached", "");
	/* the root directory is a mount point, which process 1 sees at another path */
	put(*state, "/proc/self/mountinfo", "40 25 8:2 / / rw - ext4 /dev/sdb rw\n" PROC_MOUNT);
	put(*state, "/proc/1/mountinfo",
	    ROOT_MOUNT PROC_MOUNT "40 25 8:2 / /srv/chroot rw - ext4 /dev/sdb rw\n");
	expect(state, CHECK_USER_NAMESPACE, EPERM, "chroot", "");
	/* the process is in another mount namespace than process 1: not a chroot */
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
	/* a process that has just made its user namespace has no map yet */
	put(*state, "/proc/self/uid_map", "");
	expect(state, CHECK_ID_MAPS, EPERM, "unknown", "");
	put(*state, "/proc/self/uid_map", good);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unknown", "");
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
	/* this is no reason for the failure of another step */
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
	expect(state, CHECK_PROC_MOUNT, ENOENT, "proc-hidden", "build without a sandbox",
	       "ProcSubset=all");
}

/* A later mount of proc covers what was mounted on the one before it. */
static void test_proc_mounted_again(void **state)
{
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT PROC_MOUNT "30 26 0:30 / /proc/kcore rw - tmpfs tmpfs rw\n"
				  "31 26 0:5 / /proc rw - proc proc rw\n");
	expect(state, CHECK_PROC_MOUNT, EPERM, "unknown", "");
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT "26 25 0:5 / /proc ro - proc proc rw\n" PROC_MOUNT);
	expect(state, CHECK_PROC_MOUNT, EPERM, "unknown", "");
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT PROC_MOUNT "31 26 0:5 / /proc ro - proc proc rw\n");
	expect(state, CHECK_PROC_MOUNT, EPERM, "proc-hidden", "mounted read-only");
}

static void test_read_only_proc(void **state)
{
	expect(state, CHECK_ID_MAPS, EROFS, "proc-read-only", "/proc is mounted read-only",
	       "remount,rw /proc");
	expect(state, CHECK_CONFINEMENT, EROFS, "proc-read-only", "");
	expect(state, CHECK_TMPFS, EROFS, "unknown", "");
}

static void test_no_setfcap(void **state)
{
	const char *id = geteuid() == 0 ? "no-cap-setfcap" : "unknown";

	expect(state, CHECK_ID_MAPS, EPERM, id, "");
	put_status(*state, 2, "0000000000000000");
	expect(state, CHECK_ID_MAPS, EPERM, id, "");
	put_status(*state, 0, "0000000080000000");
	expect(state, CHECK_ID_MAPS, EPERM, "unknown", "");
	if (geteuid() != 0)
		return;
	put_status(*state, 0, "0000000000000000");
	expect(state, CHECK_ID_MAPS, EPERM, id, "CAP_SETFCAP", "--cap-add=SETFCAP");
	put(*state, "/var/run/secrets/kubernetes.io/serviceaccount/token", "x");
	expect(state, CHECK_ID_MAPS, EPERM, id, "add: [SETFCAP]");
}

/* If there are several reasons, all are printed: removing only one of them would not help. */
static void test_several(void **state)
{
	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "0\n");
	put_status(*state, 2, "0000000000000000");
	put(*state, "/.dockerenv", "");
	put(*state, "/proc/self/mountinfo", PROC_MOUNT);
	expect(state, CHECK_USER_NAMESPACE, EPERM, "unprivileged-userns-clone chroot seccomp", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_apparmor_userns),
		host_test(test_apparmor_userns_in_container),
		host_test(test_seccomp_docker),
		host_test(test_seccomp_podman),
		host_test(test_seccomp_kubernetes),
		host_test(test_seccomp_kubernetes_env),
		host_test(test_seccomp_others),
		host_test(test_security_module_apparmor),
		host_test(test_security_module_selinux),
		host_test(test_chroot),
		host_test(test_unmapped_user),
		host_test(test_proc_hidden),
		host_test(test_proc_mount_options),
		host_test(test_proc_mounted_again),
		host_test(test_read_only_proc),
		host_test(test_no_setfcap),
		host_test(test_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
