/* What a host tells about itself that can explain a refusal. Only reads; explain.c decides. */
#ifndef HOST_FACTS_H
#define HOST_FACTS_H

#include <stdbool.h>
#include <sys/types.h>

/* A number that the host does not have or does not show. */
#define FACT_UNKNOWN (-1L)

enum container {
	CONTAINER_NONE,
	CONTAINER_DOCKER,
	CONTAINER_PODMAN,
	CONTAINER_KUBERNETES,
	CONTAINER_FLATPAK,
	CONTAINER_OTHER, /* LXC, systemd-nspawn, and others that tell systemd so */
};

enum wsl {
	WSL_NONE,
	WSL_1, /* no Linux kernel: no namespaces at all */
	WSL_2,
};

struct host_facts {
	bool has_proc;		 /* /proc is mounted */
	bool has_user_namespace; /* /proc/self/ns/user, which only CONFIG_USER_NS makes */
	char *release;		 /* uname -r; "" where unknown */
	bool el7;		 /* the 3.10 kernel of RHEL 7, CentOS 7 and their kin */
	enum wsl wsl;
	bool nixos;
	bool programs_in_store; /* nix_root_has_programs() */
	enum container container;
	char *container_name; /* "Docker", "lxc"; NULL for CONTAINER_NONE */

	/* sysctls, or FACT_UNKNOWN */
	long unprivileged_userns_clone; /* kernel.…: Debian's and Ubuntu's patch, linux-hardened */
	long apparmor_restrict_userns;	/* kernel.apparmor_restrict_unprivileged_userns */
	/* user.…: per user, in the user namespace of this process */
	long max_user_namespaces;
	long max_mnt_namespaces;
	long max_pid_namespaces;
	long max_net_namespaces;

	/* of this process */
	uid_t uid;
	bool uid_mapped;	     /* /proc/self/uid_map has our user ID */
	bool initial_user_namespace; /* uid_map has all other user IDs too */
	bool sys_admin;		     /* CAP_SYS_ADMIN */
	bool setfcap;		     /* CAP_SETFCAP */
	long seccomp;		     /* 2: a filter; proc_pid_status(5) */
	int landlock;		     /* landlock_abi() */
	long threads;		     /* this program itself starts no thread */
	char *security_label;	     /* AppArmor's or SELinux's; NULL: none */
	bool selinux_enforcing;
	char *program; /* the running program's path, or NULL */

	/* of its mounts */
	bool in_chroot; /* the root is not that of the mount namespace, as far as can be seen */
	/* / is the kernel's first file system, which pivot_root(2) cannot leave */
	bool root_on_initramfs;
	char *proc_hidden; /* why /proc is not fully visible, or NULL */
};

/*
 * Read the facts from files below ROOT ("" for this host) and from the variable
 * KUBERNETES_SERVICE_HOST. A fact whose file is missing or unreadable stays unknown. The caller
 * frees with host_facts_clear().
 */
void host_facts_read(const char *root, struct host_facts *out);

void host_facts_clear(struct host_facts *facts);

#endif
