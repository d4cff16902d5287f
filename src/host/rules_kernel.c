#include "host/rules.h"
#include "util/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What the documentation of RHEL and Podman sets if the default is 0: plenty for each user. */
#define NAMESPACES_PER_USER 15000L

static bool is_limit(int err)
{
	/* EUSERS: the answer of unshare(2) at both limits before Linux 4.9 */
	return err == ENOSPC || err == EUSERS;
}

static bool is_absent(int err)
{
	return err == EINVAL || err == ENOSYS;
}

static bool holds_no_proc(const struct refusal *r)
{
	return !r->facts->has_proc;
}

static void write_no_proc(const struct refusal *r, struct explanation *out)
{
	(void)r;
	out->reason = xstrdup("/proc is not mounted here, and entering needs it: the kernel takes "
			      "the user and group IDs of a user namespace by files in it");
	out->short_fix = xstrdup("sudo mount -t proc proc /proc");
	strlist_add(&out->admin, "sudo mount -t proc proc /proc");
	strlist_add(&out->user, "Ask whoever made this system, chroot or container to mount /proc "
				"in it.");
}

/* Three times the kernel's default: enough for all mounts of such a host twice, and ours. */
#define MOUNT_MAX 300000L

static bool holds_mount_max(const struct refusal *r)
{
	return r->err == ENOSPC && rule_mounts(r->step);
}

static void write_mount_max(const struct refusal *r, struct explanation *out)
{
	out->reason = xstrdup("the kernel limits the number of mounts (sysctl fs.mount-max), and "
			      "this host has very many, each of which counts twice while the new "
			      "root is made (wc -l /proc/self/mountinfo tells how many)");
	rule_add_sysctl(r->facts, "fs.mount-max", MOUNT_MAX, out);
	strlist_add(&out->user, "Unmount what you have mounted and no longer need.");
}

static bool holds_wsl1(const struct refusal *r)
{
	return r->facts->wsl == WSL_1;
}

static void write_wsl1(const struct refusal *r, struct explanation *out)
{
	(void)r;
	out->reason = xstrdup("this is version 1 of the Windows Subsystem for Linux, which has no "
			      "Linux kernel and no namespaces; version 2 has both");
	out->short_fix = xstrdup("in Windows: wsl --set-version DISTRIBUTION 2");
	strlist_add(&out->admin, "# in PowerShell, with a name that the first command shows:");
	strlist_add(&out->admin, "wsl --list --verbose");
	strlist_add(&out->admin, "wsl --set-version DISTRIBUTION 2");
	strlist_add(&out->user, "Your own Windows account may do that where the Virtual Machine "
				"Platform is on; only turning it on needs an administrator: "
				"wsl --install --no-distribution");
}

static bool holds_el7(const struct refusal *r)
{
	return r->facts->el7 && rule_makes_namespace(r->step) &&
	       (is_absent(r->err) || is_limit(r->err) || r->err == EPERM);
}

static void write_el7(const struct refusal *r, struct explanation *out)
{
	out->reason = xasprintf("this is RHEL 7 or CentOS 7 (kernel %s), where user namespaces are "
				"off until boot parameters and user.max_user_namespaces turn them "
				"on; before release 7.4 they cannot be used",
				r->facts->release);
	out->short_fix = xstrdup("boot with user_namespace.enable=1 namespace.unpriv_enable=1, and "
				 "sysctl -w user.max_user_namespaces=15000");
	strlist_add(&out->admin, "sudo grubby --update-kernel=ALL \\");
	strlist_add(&out->admin, "  --args='user_namespace.enable=1 namespace.unpriv_enable=1'");
	strlist_add(&out->admin, "echo 'user.max_user_namespaces = 15000' |");
	strlist_add(&out->admin, "  sudo tee /etc/sysctl.d/99-max_user_namespaces.conf");
	strlist_add(&out->admin, "sudo reboot");
	rule_add_common_ways(out);
}

static bool holds_no_user_ns(const struct refusal *r)
{
	return rule_makes_namespace(r->step) && is_absent(r->err) && r->facts->has_proc &&
	       !r->facts->has_user_namespace && r->facts->wsl != WSL_1 && !r->facts->el7;
}

static void write_no_user_ns(const struct refusal *r, struct explanation *out)
{
	out->reason = xasprintf("the kernel (%s) was built without user namespaces "
				"(CONFIG_USER_NS): /proc/self/ns/user is missing",
				r->facts->release);
	out->short_fix = xstrdup("boot a kernel that has CONFIG_USER_NS=y");
	strlist_add(&out->admin,
		    "# boot a kernel that has CONFIG_USER_NS=y, as the kernels of all");
	strlist_add(&out->admin, "# current distributions do; to see what one was built with:");
	strlist_add(&out->admin, "grep CONFIG_USER_NS /boot/config-*");
	rule_add_common_ways(out);
}

/* The limits that STEP can meet, one that is 0 first; NULL if none is 0. */
static const char *zero_limit(const struct refusal *r)
{
	bool all = r->step == CHECK_NESTED_NAMESPACE || r->step == CHECK_CONFINEMENT;

	if (r->facts->max_user_namespaces == 0)
		return "user.max_user_namespaces";
	if (r->facts->max_mnt_namespaces == 0)
		return "user.max_mnt_namespaces";
	if (all && r->facts->max_pid_namespaces == 0)
		return "user.max_pid_namespaces";
	if (all && r->facts->max_net_namespaces == 0)
		return "user.max_net_namespaces";
	return NULL;
}

static bool holds_max_zero(const struct refusal *r)
{
	return rule_makes_namespace(r->step) && is_limit(r->err) && zero_limit(r) && !r->facts->el7;
}

static void write_max_zero(const struct refusal *r, struct explanation *out)
{
	const char *name = zero_limit(r);

	out->reason = xasprintf("%s is 0 here, so that nobody may make such a namespace%s", name,
				r->facts->initial_user_namespace
					? ""
					: "; this process is in a user namespace already, and the "
					  "limit is that namespace's own");
	rule_add_sysctl(r->facts, name, NAMESPACES_PER_USER, out);
	rule_add_common_ways(out);
}

static bool holds_max_reached(const struct refusal *r)
{
	return rule_makes_namespace(r->step) && is_limit(r->err) && !zero_limit(r) &&
	       !r->facts->el7;
}

/*
 * The lower of the limits that every entry counts against; NULL if none is known, or none is low
 * enough to be reached. A new user namespace starts with the highest limit, 2^31 - 1.
 */
static const char *lower_limit(const struct host_facts *facts, long *value)
{
	long user = facts->max_user_namespaces, mnt = facts->max_mnt_namespaces;
	bool is_mnt = mnt != FACT_UNKNOWN && (user == FACT_UNKNOWN || mnt < user);

	*value = is_mnt ? mnt : user;
	if (*value == FACT_UNKNOWN || *value > INT_MAX / 2)
		return NULL;
	return is_mnt ? "user.max_mnt_namespaces" : "user.max_user_namespaces";
}

static void write_max_reached(const struct refusal *r, struct explanation *out)
{
	bool nested = !r->facts->initial_user_namespace;
	long value;
	const char *name = lower_limit(r->facts, &value);
	_cleanup_free_ char *here =
		name ? xasprintf(": %s allows each user %ld, and", name, value) : xstrdup(":");

	out->reason = xasprintf("the limit on namespaces is reached%s 32 can be nested%s", here,
				nested ? "; this process is in a user namespace already, and the "
					 "limits of those around it count too, which cannot be "
					 "read from here: bwrap --disable-userns sets one"
				       : "");
	if (name && !nested) {
		rule_add_sysctl(r->facts, name,
				value > NAMESPACES_PER_USER ? 2 * value : NAMESPACES_PER_USER, out);
	} else {
		out->short_fix = xstrdup("outside of any namespace, see and raise: sysctl "
					 "user.max_user_namespaces user.max_mnt_namespaces");
		strlist_add(&out->admin, "# outside of any user namespace, see which is low, and "
					 "raise it:");
		strlist_add(&out->admin, "sysctl user.max_user_namespaces user.max_mnt_namespaces");
		strlist_add(&out->admin, "sudo sysctl -w NAME=NUMBER");
	}
	strlist_add(&out->user, "See which of your processes hold namespaces, and end those that "
				"you no longer need: lsns --type user");
	if (nested)
		strlist_add(&out->user, "Try it outside the container or namespace that you are "
					"in.");
	rule_add_common_ways(out);
}

static bool holds_userns_clone(const struct refusal *r)
{
	/*
	 * the setting counts only for a process without CAP_SYS_ADMIN; inside a namespace of ours,
	 * the process has that capability
	 */
	return r->facts->unprivileged_userns_clone == 0 && r->err == EPERM &&
	       (r->step == CHECK_USER_NAMESPACE || r->step == CHECK_CONFINEMENT ||
		r->step == CHECK_NESTED_NAMESPACE) &&
	       !r->facts->sys_admin;
}

static void write_userns_clone(const struct refusal *r, struct explanation *out)
{
	out->reason = xstrdup("kernel.unprivileged_userns_clone is 0: this kernel lets only root "
			      "make user namespaces (a switch of Debian, Ubuntu and hardened "
			      "kernels)");
	rule_add_sysctl(r->facts, "kernel.unprivileged_userns_clone", 1, out);
	rule_add_common_ways(out);
}

/*
 * unshare(2) gives no user namespace to a process with threads, and qemu-user's threads count as
 * ours
 */
static bool holds_emulator(const struct refusal *r)
{
	return rule_makes_namespace(r->step) && r->err == EINVAL && r->facts->has_user_namespace &&
	       r->facts->threads > 1;
}

static void write_emulator(const struct refusal *r, struct explanation *out)
{
	(void)r;
	out->reason = xstrdup("this program seems to run in an emulator of another processor, such "
			      "as qemu-user, which has threads of its own; the kernel gives user "
			      "namespaces to processes of one thread only");
	out->short_fix = xstrdup("use the program that is made for this machine's own processor");
	strlist_add(&out->user, "Take the program that is made for this machine's own processor. "
				"binfmt_misc, and with it docker --platform, starts the emulator "
				"without a word.");
	strlist_add(&out->user,
		    "Where it must be the other processor: a virtual machine (qemu-system) "
		    "can do it, for it has a kernel of its own.");
}

static bool holds_initramfs(const struct refusal *r)
{
	return r->facts->root_on_initramfs && r->step == CHECK_PIVOT_ROOT && r->err == EINVAL;
}

static void write_initramfs(const struct refusal *r, struct explanation *out)
{
	(void)r;
	out->reason = xstrdup("/ is the initramfs that the kernel booted from, and pivot_root(2) "
			      "cannot leave that one");
	out->short_fix = xstrdup("boot with a real root: switch_root in the initramfs's /init");
	strlist_add(&out->admin,
		    "# in the initramfs's /init, with NEWROOT a copy of / on a tmpfs or");
	strlist_add(&out->admin, "# a disk:");
	strlist_add(&out->admin, "exec switch_root NEWROOT /sbin/init");
	strlist_add(&out->user, "Ask whoever made this system to boot it so; nothing that runs in "
				"it can.");
}

const struct rule kernel_rules[] = {
	{"no-proc", holds_no_proc, write_no_proc},
	{"mount-max", holds_mount_max, write_mount_max},
	{"wsl1", holds_wsl1, write_wsl1},
	{"rhel7", holds_el7, write_el7},
	{"no-config-user-ns", holds_no_user_ns, write_no_user_ns},
	{"max-namespaces-zero", holds_max_zero, write_max_zero},
	{"max-namespaces-reached", holds_max_reached, write_max_reached},
	{"unprivileged-userns-clone", holds_userns_clone, write_userns_clone},
	{"emulator", holds_emulator, write_emulator},
	{"root-on-initramfs", holds_initramfs, write_initramfs},
};

const size_t kernel_rule_count = sizeof(kernel_rules) / sizeof(kernel_rules[0]);
