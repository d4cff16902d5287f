/* What a host tells about itself, each fact on a made-up root, and what its absence means. */
#include "host/facts.h"
#include "host_root.h"
#include "util/landlock.h"

#include <sys/stat.h>

static void releases(void **state)
{
	static const struct {
		const char *release;
		bool el7;
		enum wsl wsl;
	} cases[] = {
		{"3.10.0-1160.el7.x86_64", true, WSL_NONE},
		{"3.10.0-1160.fc20", false, WSL_NONE},
		{"4.18.0-1.el7.elrepo", false, WSL_NONE},
		{"4.4.0-19041-Microsoft", false, WSL_1},
		{"5.15.90.1-microsoft-standard-WSL2", false, WSL_2},
		{RELEASE, false, WSL_NONE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(host_facts_clear) struct host_facts facts;

		put(*state, "/proc/sys/kernel/osrelease", cases[i].release);
		host_facts_read(*state, &facts);
		assert_string_equal(facts.release, cases[i].release);
		assert_int_equal(facts.el7, cases[i].el7);
		assert_int_equal(facts.wsl, cases[i].wsl);
	}
}

static void numbers(void **state)
{
	_cleanup_(host_facts_clear) struct host_facts facts, none;

	put(*state, "/proc/sys/kernel/unprivileged_userns_clone", "3\n");
	put(*state, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "4\n");
	put(*state, "/proc/sys/user/max_user_namespaces", "5\n");
	put(*state, "/proc/sys/user/max_mnt_namespaces", "6\n");
	put(*state, "/proc/sys/user/max_pid_namespaces", "7\n");
	put(*state, "/proc/sys/user/max_net_namespaces", "0\n");
	put(*state, "/sys/fs/selinux/enforce", "1");
	put(*state, "/proc/self/status", "Name:\tx\nThreads:\t9\nSeccomp:\t2\n");
	host_facts_read(*state, &facts);
	assert_int_equal(facts.unprivileged_userns_clone, 3);
	assert_int_equal(facts.apparmor_restrict_userns, 4);
	assert_int_equal(facts.max_user_namespaces, 5);
	assert_int_equal(facts.max_mnt_namespaces, 6);
	assert_int_equal(facts.max_pid_namespaces, 7);
	assert_int_equal(facts.max_net_namespaces, 0);
	assert_true(facts.selinux_enforcing);
	assert_int_equal(facts.threads, 9);
	assert_int_equal(facts.seccomp, 2);
	assert_int_equal(facts.landlock, landlock_abi());
	assert_int_equal(facts.uid, geteuid());
	host_facts_read("/nonexistent", &none);
	assert_int_equal(none.unprivileged_userns_clone, FACT_UNKNOWN);
	assert_int_equal(none.max_net_namespaces, FACT_UNKNOWN);
	assert_int_equal(none.threads, FACT_UNKNOWN);
	assert_int_equal(none.seccomp, FACT_UNKNOWN);
	assert_false(none.has_proc || none.has_user_namespace || none.selinux_enforcing);
	assert_string_equal(none.release, "");
	assert_null(none.program);
	assert_null(none.security_label);
	assert_null(none.proc_hidden);
	/* what is unknown explains nothing */
	assert_true(none.setfcap && none.uid_mapped && none.initial_user_namespace);
	assert_false(none.sys_admin || none.in_chroot || none.root_on_initramfs);
}

static void capabilities(void **state)
{
	static const struct {
		const char *caps;
		bool sys_admin, setfcap;
	} cases[] = {
		{"0000000000000000", false, false}, {"0000000000200000", true, false},
		{"0000000080000000", false, true},  {"ffffffff7fdfffff", false, false},
		{"000001ffffffffff", true, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(host_facts_clear) struct host_facts facts;

		put_status(*state, 0, cases[i].caps);
		host_facts_read(*state, &facts);
		assert_int_equal(facts.sys_admin, cases[i].sys_admin);
		assert_int_equal(facts.setfcap, cases[i].setfcap);
	}
}

/* Checks which container is seen once PATH has TEXT. */
static void assert_container(const char *root, const char *path, const char *text,
			     enum container container, const char *name)
{
	_cleanup_(host_facts_clear) struct host_facts facts;

	put(root, path, text);
	host_facts_read(root, &facts);
	assert_int_equal(facts.container, container);
	if (name)
		assert_string_equal(facts.container_name, name);
	else
		assert_null(facts.container_name);
}

/* From the weakest sign to the strongest. */
static void containers(void **state)
{
	assert_container(*state, "/etc/hostname", "x", CONTAINER_NONE, NULL);
	assert_container(*state, "/dev/.lxc/x", "", CONTAINER_OTHER, "lxc");
	assert_int_equal(fs_remove_tree(AT_FDCWD, *state), 0);
	assert_container(*state, "/dev/.lxc-boot-id", "", CONTAINER_OTHER, "lxc");
	assert_container(*state, "/run/host/container-manager", "toolbox\n", CONTAINER_OTHER,
			 "toolbox");
	assert_container(*state, "/run/systemd/container", "systemd-nspawn\n", CONTAINER_OTHER,
			 "systemd-nspawn");
	assert_container(*state, "/.flatpak-info", "", CONTAINER_FLATPAK, "Flatpak");
	assert_container(*state, "/.dockerenv", "", CONTAINER_DOCKER, "Docker");
	assert_container(*state, "/run/.containerenv", "", CONTAINER_PODMAN, "Podman");
	assert_container(*state, "/var/run/secrets/kubernetes.io/serviceaccount/token", "",
			 CONTAINER_KUBERNETES, "Kubernetes");
}

static void uid_maps(void **state)
{
	unsigned long uid = geteuid();
	const struct {
		char *map;
		bool mapped, initial;
	} cases[] = {
		{xstrdup("0 0 4294967295\n"), true, true},
		{xstrdup("0 1000 4294967295\n"), true, false},
		{xasprintf("0 0 %lu\n", uid + 1), true, false},
		{xasprintf("0 0 %lu\n", uid), false, false},
		{xasprintf("%lu 7 1\n", uid), true, false},
		{xasprintf("%lu 0 4294967295\n", uid + 1), false, false},
		{xasprintf("%lu 0 1\n%lu 5 1\n", uid + 1, uid), true, false},
		/* not one of the kernel's lines: what follows does not count */
		{xasprintf("x\n%lu 5 1\n", uid), false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(host_facts_clear) struct host_facts facts;

		put(*state, "/proc/self/uid_map", cases[i].map);
		free(cases[i].map);
		host_facts_read(*state, &facts);
		assert_int_equal(facts.uid_mapped, cases[i].mapped);
		assert_int_equal(facts.initial_user_namespace, cases[i].initial);
	}
}

static void mounts(void **state)
{
	_cleanup_(host_facts_clear) struct host_facts later, elsewhere, meant;

	/* the root need not be the first line */
	put(*state, "/proc/self/mountinfo", PROC_MOUNT ROOT_MOUNT);
	put(*state, "/proc/1/mountinfo", PROC_MOUNT ROOT_MOUNT);
	host_facts_read(*state, &later);
	assert_false(later.in_chroot);
	assert_null(later.proc_hidden);
	/* neither a proc elsewhere nor something else on /proc is the proc of this process */
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT PROC_MOUNT "40 25 0:5 / /srv/proc ro - proc proc rw\n"
				  "41 26 0:7 / /proc ro - tmpfs tmpfs rw\n");
	host_facts_read(*state, &elsewhere);
	assert_null(elsewhere.proc_hidden);
	/* directories that are there for mounts */
	put(*state, "/proc/self/mountinfo",
	    ROOT_MOUNT PROC_MOUNT BINFMT "28 26 0:9 / /proc/fs/nfsd rw - nfsd nfsd rw\n"
					 "29 26 0:9 / /proc/xen rw - xenfs xenfs rw\n");
	host_facts_read(*state, &meant);
	assert_null(meant.proc_hidden);
}

static void programs(void **state)
{
	_cleanup_(host_facts_clear) struct host_facts before, after;
	_cleanup_free_ char *sh = xasprintf("%s/bin/sh", (char *)*state);

	host_facts_read(*state, &before);
	assert_false(before.programs_in_store);
	assert_false(before.nixos);
	assert_string_equal(before.program, "/opt/nix user/nix-user-chroot");
	put(*state, "/bin/x", "");
	put(*state, "/etc/NIXOS", "");
	assert_int_equal(symlink("/nix/store/0123456789abcdfghijklmnpqrsvwxyz-bash/bin/sh", sh), 0);
	host_facts_read(*state, &after);
	assert_true(after.programs_in_store);
	assert_true(after.nixos);
}

/* Facts that were cleared are empty, and can be cleared again. */
static void cleared(void **state)
{
	const struct host_facts empty = {0};
	struct host_facts facts;

	host_facts_read(*state, &facts);
	host_facts_clear(&facts);
	assert_memory_equal(&facts, &empty, sizeof(facts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(releases),   host_test(numbers),  host_test(capabilities),
		host_test(containers), host_test(uid_maps), host_test(mounts),
		host_test(programs),   host_test(cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
