/* How many commands and ways each reason has, for each kind of host: no line of advice is lost. */
#include "host/rules.h"
#include "host/explain.h"
#include "util/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rule_find.h"

struct advice {
	const char *id;
	enum container container;
	const char *container_name;
	enum check_step step;
	int err;
	bool selinux, nixos;
	size_t admin, user; /* lines */
};

static const struct advice all[] = {
	{"no-proc", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 1, 1},
	{"mount-max", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 3, 1},
	{"wsl1", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 3, 1},
	{"rhel7", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 5, 3},
	{"no-config-user-ns", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 3,
	 3},
	{"max-namespaces-zero", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 3,
	 3},
	{"max-namespaces-reached", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false,
	 3, 4},
	{"unprivileged-userns-clone", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false,
	 false, 3, 3},
	{"emulator", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 0, 2},
	{"root-on-initramfs", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 3,
	 1},
	{"chroot", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 2, 1},
	{"unmapped-user", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 3, 1},
	{"no-cap-setfcap", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 1, 1},
	{"proc-read-only", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 2, 1},
	{"apparmor-userns", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 13, 3},
	{"mount-max", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, true, 2, 1},
	{"no-cap-setfcap", CONTAINER_KUBERNETES, "Kubernetes", CHECK_USER_NAMESPACE, EPERM, false,
	 false, 3, 1},
	{"seccomp", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 6, 1},
	{"seccomp", CONTAINER_DOCKER, "Docker", CHECK_USER_NAMESPACE, EPERM, false, false, 1, 3},
	{"seccomp", CONTAINER_PODMAN, "Podman", CHECK_USER_NAMESPACE, EPERM, false, false, 1, 3},
	{"seccomp", CONTAINER_KUBERNETES, "Kubernetes", CHECK_USER_NAMESPACE, EPERM, false, false,
	 3, 3},
	{"seccomp", CONTAINER_FLATPAK, "Flatpak", CHECK_USER_NAMESPACE, EPERM, false, false, 1, 1},
	{"seccomp", CONTAINER_OTHER, "lxc", CHECK_USER_NAMESPACE, EPERM, false, false, 4, 3},
	{"seccomp", CONTAINER_NONE, NULL, CHECK_TMPFS, EPERM, false, false, 4, 1},
	{"seccomp", CONTAINER_DOCKER, "Docker", CHECK_TMPFS, EPERM, false, false, 1, 3},
	{"seccomp", CONTAINER_PODMAN, "Podman", CHECK_TMPFS, EPERM, false, false, 1, 3},
	{"seccomp", CONTAINER_KUBERNETES, "Kubernetes", CHECK_TMPFS, EPERM, false, false, 3, 3},
	{"seccomp", CONTAINER_FLATPAK, "Flatpak", CHECK_TMPFS, EPERM, false, false, 1, 1},
	{"seccomp", CONTAINER_OTHER, "lxc", CHECK_TMPFS, EPERM, false, false, 4, 3},
	{"seccomp", CONTAINER_OTHER, "systemd-nspawn", CHECK_USER_NAMESPACE, EPERM, false, false, 2,
	 3},
	{"security-module", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, false, false, 2, 3},
	{"security-module", CONTAINER_DOCKER, "Docker", CHECK_USER_NAMESPACE, EPERM, false, false,
	 1, 3},
	{"security-module", CONTAINER_PODMAN, "Podman", CHECK_USER_NAMESPACE, EPERM, false, false,
	 1, 3},
	{"security-module", CONTAINER_KUBERNETES, "Kubernetes", CHECK_USER_NAMESPACE, EPERM, false,
	 false, 3, 3},
	{"security-module", CONTAINER_FLATPAK, "Flatpak", CHECK_USER_NAMESPACE, EPERM, false, false,
	 2, 3},
	{"security-module", CONTAINER_OTHER, "lxc", CHECK_USER_NAMESPACE, EPERM, false, false, 4,
	 3},
	{"security-module", CONTAINER_NONE, NULL, CHECK_USER_NAMESPACE, EPERM, true, false, 5, 3},
	{"security-module", CONTAINER_DOCKER, "Docker", CHECK_USER_NAMESPACE, EPERM, true, false, 1,
	 3},
	{"security-module", CONTAINER_PODMAN, "Podman", CHECK_USER_NAMESPACE, EPERM, true, false, 1,
	 3},
	{"security-module", CONTAINER_KUBERNETES, "Kubernetes", CHECK_USER_NAMESPACE, EPERM, true,
	 false, 3, 3},
	{"security-module", CONTAINER_FLATPAK, "Flatpak", CHECK_USER_NAMESPACE, EPERM, true, false,
	 5, 3},
	{"security-module", CONTAINER_OTHER, "lxc", CHECK_USER_NAMESPACE, EPERM, true, false, 4, 3},
	{"proc-hidden", CONTAINER_NONE, NULL, CHECK_PROC_MOUNT, EPERM, false, false, 2, 1},
	{"proc-hidden", CONTAINER_DOCKER, "Docker", CHECK_PROC_MOUNT, EPERM, false, false, 1, 1},
	{"proc-hidden", CONTAINER_PODMAN, "Podman", CHECK_PROC_MOUNT, EPERM, false, false, 1, 1},
	{"proc-hidden", CONTAINER_KUBERNETES, "Kubernetes", CHECK_PROC_MOUNT, EPERM, false, false,
	 4, 1},
	{"proc-hidden", CONTAINER_FLATPAK, "Flatpak", CHECK_PROC_MOUNT, EPERM, false, false, 2, 1},
	{"proc-hidden", CONTAINER_OTHER, "lxc", CHECK_PROC_MOUNT, EPERM, false, false, 4, 1},
	{"proc-hidden", CONTAINER_NONE, NULL, CHECK_PROC_MOUNT, ENOENT, false, false, 2, 1},
};

static void lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct advice *one = &all[i];
		char release[] = "6.1", hidden[] = "/proc is mounted read-only", label[] = "x";
		struct host_facts facts = {
			.release = release,
			.container = one->container,
			.nixos = one->nixos,
			.proc_hidden = hidden,
			.security_label = label,
			.selinux_enforcing = one->selinux,
			.initial_user_namespace = true,
			.max_user_namespaces = 5,
			.max_mnt_namespaces = 5,
			.max_pid_namespaces = 5,
			.max_net_namespaces = 5,
		};
		struct refusal refusal = {.facts = &facts, .step = one->step, .err = one->err};
		struct explanations list = {.items = xcalloc(1, sizeof(*list.items)), .count = 1};

		facts.container_name = xstrdup(one->container_name);
		if (strcmp(one->id, "max-namespaces-zero") == 0)
			facts.max_user_namespaces = 0;
		rule_find(one->id)->write(&refusal, &list.items[0]);
		assert_non_null(list.items[0].reason);
		assert_non_null(list.items[0].short_fix);
		if (list.items[0].admin.count != one->admin ||
		    list.items[0].user.count != one->user)
			fail_msg("%s (row %zu) has %zu commands and %zu ways", one->id, i,
				 list.items[0].admin.count, list.items[0].user.count);
		explanations_clear(&list);
		free(facts.container_name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
