#include "host/facts.h"
#include "host/nix_root.h"
#include "util/landlock.h"
#include "util/mountinfo.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The files that are read here have a few pages at most. */
#define MAX_FILE_SIZE ((size_t)1 << 20)

/* bits of linux/capability.h, a header that not every libc has */
#define CAP_SYS_ADMIN_BIT 21
#define CAP_SETFCAP_BIT	  31

static bool exists(const char *root, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);

	return fs_exists(AT_FDCWD, full);
}

/* The text of a file, the caller's to free; NULL if it cannot be read. */
static char *read_text(const char *root, const char *path)
{
	_cleanup_free_ char *full = xasprintf("%s%s", root, path);
	char *text;
	size_t len;

	return fs_read_file(AT_FDCWD, full, MAX_FILE_SIZE, &text, &len) < 0 ? NULL : text;
}

/* The first line of a file, the caller's to free; NULL if it is empty or cannot be read. */
static char *read_line(const char *root, const char *path)
{
	_cleanup_free_ char *text = read_text(root, path);

	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return *text ? steal_ptr(&text) : NULL;
}

static long read_number(const char *root, const char *path)
{
	_cleanup_free_ char *line = read_line(root, path);
	char *end;
	long value;

	if (!line)
		return FACT_UNKNOWN;
	value = strtol(line, &end, 10);
	return end == line || value < 0 ? FACT_UNKNOWN : value;
}

static void read_kernel(const char *root, struct host_facts *out)
{
	out->has_proc = exists(root, "/proc/self/status");
	out->has_user_namespace = exists(root, "/proc/self/ns/user");
	out->release = read_line(root, "/proc/sys/kernel/osrelease");
	if (!out->release)
		out->release = xstrdup("");
	out->el7 = str_starts_with(out->release, "3.10.") && strstr(out->release, ".el7");
	/* WSL 1 says "4.4.0-19041-Microsoft", WSL 2 "5.15.90.1-microsoft-standard-WSL2" */
	if (strstr(out->release, "Microsoft"))
		out->wsl = WSL_1;
	else if (strstr(out->release, "microsoft"))
		out->wsl = WSL_2;
	out->nixos = exists(root, "/etc/NIXOS");
	out->programs_in_store = nix_root_has_programs(root);
}

static void read_switches(const char *root, struct host_facts *out)
{
	out->unprivileged_userns_clone =
		read_number(root, "/proc/sys/kernel/unprivileged_userns_clone");
	out->apparmor_restrict_userns =
		read_number(root, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	out->max_user_namespaces = read_number(root, "/proc/sys/user/max_user_namespaces");
	out->max_mnt_namespaces = read_number(root, "/proc/sys/user/max_mnt_namespaces");
	out->max_pid_namespaces = read_number(root, "/proc/sys/user/max_pid_namespaces");
	out->max_net_namespaces = read_number(root, "/proc/sys/user/max_net_namespaces");
	out->selinux_enforcing = read_number(root, "/sys/fs/selinux/enforce") == 1;
}

static void set_container(struct host_facts *out, enum container container, const char *name)
{
	out->container = container;
	out->container_name = xstrdup(name);
}

/*
 * Kubernetes comes first: Docker or another program makes its containers, and leaves its own marks.
 */
static void read_container(const char *root, struct host_facts *out)
{
	_cleanup_free_ char *name = read_line(root, "/run/systemd/container");

	if (!name)
		name = read_line(root, "/run/host/container-manager");
	if (env_get("KUBERNETES_SERVICE_HOST") ||
	    exists(root, "/var/run/secrets/kubernetes.io/serviceaccount"))
		set_container(out, CONTAINER_KUBERNETES, "Kubernetes");
	else if (exists(root, "/run/.containerenv"))
		set_container(out, CONTAINER_PODMAN, "Podman");
	else if (exists(root, "/.dockerenv"))
		set_container(out, CONTAINER_DOCKER, "Docker");
	else if (exists(root, "/.flatpak-info"))
		set_container(out, CONTAINER_FLATPAK, "Flatpak");
	else if (name)
		set_container(out, CONTAINER_OTHER, name);
	/* LXC writes its name into /run only for systemd */
	else if (exists(root, "/dev/.lxc-boot-id") || exists(root, "/dev/.lxc"))
		set_container(out, CONTAINER_OTHER, "lxc");
}

/* uid_map has lines of "first-inside first-outside count": user_namespaces(7). */
static void read_uid_map(const char *root, struct host_facts *out)
{
	_cleanup_free_ char *map = read_text(root, "/proc/self/uid_map");
	unsigned long long first, outside, count;

	out->uid = geteuid();
	/* if the map is unreadable, the facts must not explain a failure */
	out->uid_mapped = out->initial_user_namespace = !map;
	for (char *p = map; p && *p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (sscanf(p, "%llu %llu %llu", &first, &outside, &count) != 3)
			break;
		out->uid_mapped |= out->uid >= first && out->uid - first < count;
		out->initial_user_namespace |= first == 0 && outside == 0 && count == UINT32_MAX;
	}
}

static void read_process(const char *root, struct host_facts *out)
{
	_cleanup_free_ char *status = read_text(root, "/proc/self/status");
	_cleanup_free_ char *exe = xasprintf("%s/proc/self/exe", root);
	const char *seccomp = status ? strstr(status, "\nSeccomp:") : NULL;
	const char *caps = status ? strstr(status, "\nCapEff:") : NULL;
	const char *threads = status ? strstr(status, "\nThreads:") : NULL;
	unsigned long long held = caps ? strtoull(strchr(caps, ':') + 1, NULL, 16) : 0;

	out->seccomp = seccomp ? strtol(strchr(seccomp, ':') + 1, NULL, 10) : FACT_UNKNOWN;
	out->threads = threads ? strtol(strchr(threads, ':') + 1, NULL, 10) : FACT_UNKNOWN;
	out->sys_admin = held >> CAP_SYS_ADMIN_BIT & 1;
	/* if the capabilities are unreadable, the lack of one must not explain a failure */
	out->setfcap = !caps || (held >> CAP_SETFCAP_BIT & 1);
	if (fs_readlink(AT_FDCWD, exe, &out->program) < 0)
		out->program = NULL;
	out->landlock = landlock_abi();
	out->security_label = read_line(root, "/proc/self/attr/current");
	read_uid_map(root, out);
}

/*
 * The ID of the mount that is this process's root, from the mountinfo TEXT (which is changed): the
 * last mount on "/", which covers the others. 0 if there is none, as after a chroot to a plain
 * directory.
 */
static long find_root(char *text, bool *initramfs)
{
	struct mountinfo line;
	long id = 0;

	while (mountinfo_next(&text, &line)) {
		if (strcmp(line.target, "/") != 0)
			continue;
		id = line.id;
		*initramfs = strcmp(line.fs_type, "rootfs") == 0;
	}
	return id;
}

/*
 * Does the first process see the root's mount elsewhere than on "/"? Then this process is in a
 * chroot to a mount point, which from within looks like any other root. The first process helps
 * only if it is in the same mount namespace.
 */
static bool is_elsewhere_for_init(const char *root, long id)
{
	_cleanup_free_ char *text = mountinfo_read(root, "1");
	char *cursor = text;
	struct mountinfo line;

	while (cursor && mountinfo_next(&cursor, &line))
		if (line.id == id)
			return strcmp(line.target, "/") != 0;
	return false;
}

/*
 * Why /proc is not fully visible, or NULL. The kernel lets a user namespace mount a proc only if
 * the namespace sees a whole proc already (fs/namespace.c, mnt_already_visible()): one with nothing
 * mounted over it, except on directories that are there for that.
 */
static char *find_proc_hidden(char *text)
{
	static const char *const meant_for_mounts[] = {"/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd",
						       "/proc/xen"};
	_cleanup_free_ char *hidden = NULL;
	struct mountinfo line;

	while (mountinfo_next(&text, &line)) {
		bool meant = false;

		if (strcmp(line.target, "/proc") == 0 && strcmp(line.fs_type, "proc") == 0) {
			/*
			 * a later mount of proc covers this one with all that was mounted over it
			 */
			free(steal_ptr(&hidden));
			if (mountinfo_has_option(line.options, "ro"))
				hidden = xstrdup("/proc is mounted read-only");
			else if (mountinfo_has_option(line.super_options, "subset=pid"))
				hidden = xstrdup("/proc is mounted with subset=pid");
		}
		if (hidden || !str_starts_with(line.target, "/proc/"))
			continue;
		for (size_t i = 0; i < sizeof(meant_for_mounts) / sizeof(*meant_for_mounts); i++)
			meant = meant || strcmp(line.target, meant_for_mounts[i]) == 0;
		if (!meant)
			hidden = xasprintf("something is mounted on %s", line.target);
	}
	return steal_ptr(&hidden);
}

static void read_mounts(const char *root, struct host_facts *out)
{
	_cleanup_free_ char *text = mountinfo_read(root, "self");
	_cleanup_free_ char *again = xstrdup(text);
	long root_id;

	if (!text || !*text)
		return;
	root_id = find_root(text, &out->root_on_initramfs);
	out->in_chroot = root_id == 0 || is_elsewhere_for_init(root, root_id);
	out->proc_hidden = find_proc_hidden(again);
}

void host_facts_read(const char *root, struct host_facts *out)
{
	*out = (struct host_facts){0};
	read_kernel(root, out);
	read_switches(root, out);
	read_container(root, out);
	read_process(root, out);
	read_mounts(root, out);
}

void host_facts_clear(struct host_facts *facts)
{
	free(facts->release);
	free(facts->container_name);
	free(facts->security_label);
	free(facts->program);
	free(facts->proc_hidden);
	*facts = (struct host_facts){0};
}
