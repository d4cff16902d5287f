#include "host/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* seccomp(2), SECCOMP_MODE_FILTER */
#define SECCOMP_FILTER 2

/*
 * the profile into which Ubuntu 24.04 puts a program that makes a user namespace without permission
 */
#define UBUNTU_DENYING_PROFILE "unprivileged_userns"

static bool holds_chroot(const struct refusal *r)
{
	return r->facts->in_chroot && r->err == EPERM &&
	       (r->step == CHECK_USER_NAMESPACE || r->step == CHECK_CONFINEMENT);
}

static void write_chroot(const struct refusal *r, struct explanation *out)
{
	(void)r;
	out->reason = xstrdup("this process runs in a chroot, where the kernel lets nobody make a "
			      "user namespace");
	out->short_fix = xstrdup("enter with systemd-nspawn or bwrap in place of chroot");
	strlist_add(&out->admin,
		    "# a container with the same files, in place of chroot DIRECTORY:");
	strlist_add(&out->admin, "sudo systemd-nspawn -D DIRECTORY");
	strlist_add(&out->user, "Run it outside the chroot. Or enter the directory by "
				"pivot_root(2), as bubblewrap does: bwrap --bind DIRECTORY / "
				"--dev-bind /dev /dev --bind /proc /proc bash");
}

static bool holds_unmapped(const struct refusal *r)
{
	return !r->facts->uid_mapped && r->err == EPERM &&
	       (r->step == CHECK_USER_NAMESPACE || r->step == CHECK_CONFINEMENT);
}

static void write_unmapped(const struct refusal *r, struct explanation *out)
{
	out->reason = xasprintf("this process is in a user namespace that has no mapping for its "
				"user ID (it shows as %lu), and the kernel lets only mapped users "
				"make another one",
				(unsigned long)r->facts->uid);
	out->short_fix = xstrdup("start the container or namespace with a map of this user");
	strlist_add(&out->admin, "# start the outer namespace with this user mapped, as in:");
	strlist_add(&out->admin, "unshare --map-current-user COMMAND");
	strlist_add(&out->admin, "podman run --userns=keep-id ...");
	strlist_add(&out->user, "Whoever started the namespace can do that; no administrator is "
				"needed for your own user.");
}

/* user_namespaces(7): "the parent process must have CAP_SETFCAP" to map its user ID 0 */
static bool holds_no_setfcap(const struct refusal *r)
{
	return r->facts->uid == 0 && r->facts->uid_mapped && !r->facts->setfcap &&
	       r->err == EPERM &&
	       (r->step == CHECK_ID_MAPS || r->step == CHECK_NESTED_NAMESPACE ||
		r->step == CHECK_CONFINEMENT);
}

static void write_no_setfcap(const struct refusal *r, struct explanation *out)
{
	out->reason = xstrdup("root here lacks the capability CAP_SETFCAP, and without that the "
			      "kernel (Linux 5.12 and later) lets nobody map the user ID 0 into "
			      "a user namespace; containers that drop all capabilities are an "
			      "example");
	if (r->facts->container == CONTAINER_KUBERNETES) {
		out->short_fix = xstrdup("in the container's securityContext: capabilities: {add: "
					 "[SETFCAP]}");
		strlist_add(&out->admin, "# of the container, in the pod's specification:");
		strlist_add(&out->admin, "securityContext:");
		strlist_add(&out->admin, "  capabilities: {drop: [ALL], add: [SETFCAP]}");
	} else {
		out->short_fix = xstrdup("start it with that capability; in a container: "
					 "--cap-add=SETFCAP");
		strlist_add(&out->admin,
			    "podman run --cap-add=SETFCAP ...    # docker run as well");
	}
	strlist_add(&out->user, "Run it as another user than root, who needs no capability for it: "
				"podman run --user 1000, or in the pod runAsUser: 1000.");
}

static bool holds_proc_read_only(const struct refusal *r)
{
	return r->err == EROFS && (r->step == CHECK_ID_MAPS || r->step == CHECK_NESTED_NAMESPACE ||
				   r->step == CHECK_CONFINEMENT);
}

static void write_proc_read_only(const struct refusal *r, struct explanation *out)
{
	(void)r;
	out->reason = xstrdup("/proc is mounted read-only here, and the kernel takes the user and "
			      "group IDs of a user namespace by files in it");
	out->short_fix = xstrdup("sudo mount -o remount,rw /proc");
	strlist_add(&out->admin, "# where no container or sandbox made it so:");
	strlist_add(&out->admin, "sudo mount -o remount,rw /proc");
	strlist_add(&out->user, "Run it outside the container or sandbox that mounts /proc "
				"read-only, or have that mount it as usual.");
}

/* Allow nesting: one switch, which LXC and each program based on it call by another name. */
static void add_lxc_options(struct explanation *out)
{
	out->short_fix = xstrdup("allow nesting for the container");
	strlist_add(&out->admin, "# what fits, and start the container anew:");
	strlist_add(&out->admin,
		    "lxc.include = /usr/share/lxc/config/nesting.conf    # LXC, in its "
		    "config");
	strlist_add(&out->admin, "incus config set CONTAINER security.nesting=true    # or lxc, of "
				 "LXD");
	strlist_add(&out->admin, "pct set ID --features nesting=1                     # Proxmox");
}

/*
 * Set OUT->short_fix, and add to OUT->admin, how the container is started with the option DOCKER,
 * PODMAN or KUBERNETES, which lifts the restriction.
 */
static void add_container_options(const struct host_facts *facts, const char *docker,
				  const char *podman, const char *kubernetes,
				  struct explanation *out)
{
	switch (facts->container) {
	case CONTAINER_DOCKER:
		out->short_fix = xasprintf("docker run --security-opt %s ...", docker);
		strlist_add(&out->admin, out->short_fix);
		break;
	case CONTAINER_PODMAN:
		out->short_fix = xasprintf("podman run --security-opt %s ...", podman);
		strlist_add(&out->admin, out->short_fix);
		break;
	case CONTAINER_KUBERNETES:
		out->short_fix = xasprintf("in the pod's securityContext: %s", kubernetes);
		strlist_add(&out->admin, "# of the container, in the pod's specification:");
		strlist_add(&out->admin, "securityContext:");
		strlist_take(&out->admin, xasprintf("  %s", kubernetes));
		break;
	default:
		if (facts->container_name && strcmp(facts->container_name, "lxc") == 0) {
			add_lxc_options(out);
			break;
		}
		out->short_fix = xstrdup("start the container with permission to make namespaces "
					 "and to mount in them");
		strlist_add(&out->admin, "# as with Docker:");
		strlist_take(&out->admin, xasprintf("docker run --security-opt %s ...", docker));
		break;
	}
}

static void add_container_ways(struct explanation *out)
{
	strlist_add(&out->user, "Whoever starts the container adds that; inside it nobody can.");
	strlist_add(&out->user,
		    "Or have /nix made in the image, where root may do so: mkdir -m 0755 /nix && "
		    "chown USER /nix. It is used as it is then, without any namespace.");
	rule_add_proot(out);
}

static bool holds_security_module(const struct refusal *r);

static bool holds_seccomp(const struct refusal *r)
{
	if (r->facts->seccomp != SECCOMP_FILTER ||
	    (!rule_makes_namespace(r->step) && !rule_mounts(r->step)))
		return false;
	/* a partly covered /proc explains the refusal, with or without a filter */
	if (r->step == CHECK_PROC_MOUNT && r->facts->proc_hidden)
		return false;
	/* EACCES comes from a security module; newer filters answer ENOSYS */
	return r->err == EPERM || r->err == ENOSYS ||
	       (r->err == EACCES && !holds_security_module(r));
}

static void write_seccomp(const struct refusal *r, struct explanation *out)
{
	const char *what = rule_mounts(r->step) ? "mounting" : "making namespaces";

	if (r->facts->container == CONTAINER_FLATPAK) {
		out->reason = xasprintf("this runs inside Flatpak, whose seccomp filter forbids %s",
					what);
		out->short_fix = xstrdup("run it outside Flatpak: flatpak-spawn --host COMMAND");
		strlist_add(&out->admin, "# no administrator is needed");
		strlist_add(&out->user, "Run it outside: flatpak-spawn --host nix-user-chroot ...");
		return;
	}
	if (r->facts->container != CONTAINER_NONE) {
		out->reason = xasprintf("this is a container (%s), and its seccomp filter forbids "
					"%s, as the default one does",
					r->facts->container_name, what);
		add_container_options(r->facts, "seccomp=unconfined", "seccomp=unconfined",
				      "seccompProfile: {type: Unconfined}", out);
		add_container_ways(out);
		return;
	}
	out->reason = xasprintf("a seccomp filter is set on this process (Seccomp: 2 in "
				"/proc/self/status) and probably forbids %s: one of a container, a "
				"sandbox, or a systemd unit with %sSystemCallFilter=",
				what, rule_mounts(r->step) ? "" : "RestrictNamespaces= or ");
	out->short_fix = xstrdup("start it without that filter; in a container: --security-opt "
				 "seccomp=unconfined");
	strlist_add(&out->admin, "# where a container set it:");
	strlist_add(&out->admin, "docker run --security-opt seccomp=unconfined ...");
	strlist_add(&out->admin, "# where a systemd unit did:");
	if (rule_mounts(r->step)) {
		strlist_add(&out->admin,
			    "sudo systemctl edit UNIT    # [Service] SystemCallFilter=@mount");
	} else {
		strlist_add(&out->admin,
			    "sudo systemctl edit UNIT    # [Service] RestrictNamespaces=no");
		strlist_add(&out->admin, "# ... and for a SystemCallFilter= of its own:");
		strlist_add(&out->admin,
			    "#     SystemCallFilter=@mount unshare setns clone clone3");
	}
	strlist_add(&out->user,
		    "Run it in a session that has no such filter, such as a plain login "
		    "by ssh: a filter cannot be taken off from inside.");
}

static bool is_denied_by_ubuntu(const struct host_facts *facts)
{
	return facts->security_label &&
	       str_starts_with(facts->security_label, UBUNTU_DENYING_PROFILE);
}

static bool holds_apparmor_userns(const struct refusal *r)
{
	if (r->facts->apparmor_restrict_userns != 1 || !rule_is_refusal(r->err))
		return false;
	/* AppArmor lets a privileged process pass; once inside, every process looks privileged */
	if (r->facts->sys_admin && r->step == CHECK_USER_NAMESPACE)
		return false;
	/*
	 * a container's filter answers first: AppArmor acts only after the filter has let
	 * unshare(2) pass
	 */
	return r->step != CHECK_USER_NAMESPACE || r->facts->seccomp != SECCOMP_FILTER ||
	       is_denied_by_ubuntu(r->facts);
}

static void write_apparmor_userns(const struct refusal *r, struct explanation *out)
{
	const char *program =
		r->facts->program ? r->facts->program : "/usr/local/bin/nix-user-chroot";

	out->reason = xstrdup("kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 23.10 and "
			      "later): a user namespace has no rights unless an AppArmor profile "
			      "lets the program make one");
	out->short_fix = xstrdup("sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
				 "(for this program alone: the profile that --check shows)");
	strlist_add(&out->admin,
		    "# for this program alone, best as a copy that only root can change:");
	strlist_add(&out->admin, "sudo tee /etc/apparmor.d/nix-user-chroot <<'EOF'");
	strlist_add(&out->admin, "abi <abi/4.0>,");
	strlist_add(&out->admin, "include <tunables/global>");
	strlist_take(&out->admin,
		     xasprintf("profile nix-user-chroot \"%s\" flags=(unconfined) {", program));
	strlist_add(&out->admin, "  userns,");
	strlist_add(&out->admin, "}");
	strlist_add(&out->admin, "EOF");
	strlist_add(&out->admin, "sudo apparmor_parser -r /etc/apparmor.d/nix-user-chroot");
	strlist_add(&out->admin, "# or else for every program on this host:");
	strlist_add(&out->admin, "# echo 'kernel.apparmor_restrict_unprivileged_userns = 0' |");
	strlist_add(&out->admin, "#   sudo tee /etc/sysctl.d/99-apparmor-userns.conf");
	strlist_add(&out->admin, "# sudo sysctl --system");
	rule_add_common_ways(out);
}

static bool holds_security_module(const struct refusal *r)
{
	const char *label = r->facts->security_label;

	if (!label || (!rule_makes_namespace(r->step) && !rule_mounts(r->step)))
		return false;
	if (r->step == CHECK_PROC_MOUNT && r->facts->proc_hidden)
		return false;
	if (r->facts->selinux_enforcing)
		return r->err == EACCES && !strstr(label, "unconfined_t");
	/* "NAME (complain)" only logs, and "NAME (unconfined)" is only a name */
	if (!str_ends_with(label, " (enforce)") || is_denied_by_ubuntu(r->facts))
		return false;
	/* a filter answers before AppArmor is asked, and answers EPERM */
	return r->err == EACCES || (r->err == EPERM && r->facts->seccomp != SECCOMP_FILTER);
}

static void write_security_module(const struct refusal *r, struct explanation *out)
{
	bool selinux = r->facts->selinux_enforcing;
	const char *opt = selinux ? "label=disable" : "apparmor=unconfined";

	out->reason = xasprintf("%s confines this process as %s, and that probably refused it",
				selinux ? "SELinux" : "AppArmor", r->facts->security_label);
	if (r->facts->container != CONTAINER_NONE && r->facts->container != CONTAINER_FLATPAK) {
		add_container_options(r->facts, opt, opt,
				      selinux ? "seLinuxOptions: {type: spc_t}"
					      : "appArmorProfile: {type: Unconfined}",
				      out);
		add_container_ways(out);
		return;
	}
	if (selinux) {
		out->short_fix = xstrdup("see what was refused: sudo ausearch -m avc -ts recent");
		strlist_add(&out->admin, "# what was refused, and a policy module that allows it:");
		strlist_add(&out->admin, "sudo ausearch -m avc -ts recent");
		strlist_add(&out->admin, "sudo ausearch -m avc -ts recent |");
		strlist_add(&out->admin, "  sudo audit2allow -M nix_user_chroot");
		strlist_add(&out->admin, "sudo semodule -i nix_user_chroot.pp");
	} else {
		out->short_fix = xstrdup("see what was refused: sudo dmesg | grep -i apparmor");
		strlist_add(&out->admin, "# what was refused, to be allowed in that profile:");
		strlist_add(&out->admin, "sudo dmesg | grep -i apparmor | tail");
	}
	rule_add_common_ways(out);
}

static bool holds_proc_hidden(const struct refusal *r)
{
	/* ENOENT: a file that Nix looks for is missing */
	return r->facts->proc_hidden && r->step == CHECK_PROC_MOUNT &&
	       (rule_is_refusal(r->err) || r->err == ENOENT);
}

static void write_proc_hidden(const struct refusal *r, struct explanation *out)
{
	out->reason = xasprintf("%s, and %s", r->facts->proc_hidden,
				r->err == ENOENT ? "Nix takes a host without /proc/sys/user for "
						   "one without user namespaces: it would build "
						   "without a sandbox, and say nothing"
						 : "the kernel lets a user namespace mount a /proc "
						   "only where all of it can be seen already");
	if (r->err == ENOENT) {
		out->short_fix = xstrdup("mount /proc without subset=pid; in a systemd unit: "
					 "ProcSubset=all");
		strlist_add(&out->admin, "# where a systemd unit made it so:");
		strlist_add(&out->admin, "sudo systemctl edit UNIT    # [Service] ProcSubset=all");
	} else if (r->facts->container == CONTAINER_NONE) {
		out->short_fix = xstrdup("mount all of /proc: what covers parts of it is listed by "
					 "findmnt -R /proc");
		strlist_add(&out->admin,
			    "# what covers parts of /proc, to be unmounted where it is "
			    "safe:");
		strlist_add(&out->admin, "findmnt -R /proc");
	} else {
		add_container_options(r->facts, "systempaths=unconfined", "unmask=ALL",
				      "procMount: Unmasked", out);
		if (r->facts->container == CONTAINER_KUBERNETES)
			strlist_add(&out->admin, "# (this asks for hostUsers: false in the pod)");
	}
	strlist_add(&out->user, "Builds work with 'sandbox = false' in nix.conf, which --install "
				"writes here.");
}

const struct rule confined_rules[] = {
	{"chroot", holds_chroot, write_chroot},
	{"unmapped-user", holds_unmapped, write_unmapped},
	{"no-cap-setfcap", holds_no_setfcap, write_no_setfcap},
	{"proc-read-only", holds_proc_read_only, write_proc_read_only},
	{"proc-hidden", holds_proc_hidden, write_proc_hidden},
	{"apparmor-userns", holds_apparmor_userns, write_apparmor_userns},
	{"seccomp", holds_seccomp, write_seccomp},
	{"security-module", holds_security_module, write_security_module},
};

const size_t confined_rule_count = sizeof(confined_rules) / sizeof(confined_rules[0]);
