#include "host/explain.h"
#include "host/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool rule_is_refusal(int err)
{
	return err == EPERM || err == EACCES;
}

bool rule_makes_namespace(enum check_step step)
{
	return step == CHECK_USER_NAMESPACE || step == CHECK_MOUNT_NAMESPACE ||
	       step == CHECK_NESTED_NAMESPACE || step == CHECK_CONFINEMENT;
}

bool rule_mounts(enum check_step step)
{
	return (step >= CHECK_SLAVE && step <= CHECK_PIVOT_ROOT) || step == CHECK_PROC_MOUNT;
}

void rule_add_proot(struct explanation *out)
{
	strlist_add(&out->user, "PRoot needs no namespaces, and is used where it is on PATH or "
				"NIX_USER_CHROOT_PROOT names it; it is slow.");
}

void rule_add_common_ways(struct explanation *out)
{
	strlist_add(&out->user, "Ask the administrator for the change above. Rootless Podman, "
				"Flatpak, bubblewrap and the sandboxes of browsers need it too.");
	strlist_add(&out->user, "In a virtual machine of your own (qemu runs without any right) "
				"you are the administrator.");
	rule_add_proot(out);
}

void rule_add_sysctl(const struct host_facts *facts, const char *name, long value,
		     struct explanation *out)
{
	const char *last = strrchr(name, '.');

	out->short_fix = xasprintf("sudo sysctl -w %s=%ld", name, value);
	if (facts->nixos) {
		strlist_add(&out->admin, "# in configuration.nix, then nixos-rebuild switch:");
		strlist_take(&out->admin,
			     xasprintf("boot.kernel.sysctl.\"%s\" = %ld;", name, value));
		return;
	}
	/* 99: the last file that names a setting wins, and hardening guides use numbers up to 98 */
	strlist_take(&out->admin, xasprintf("echo '%s = %ld' |", name, value));
	strlist_take(&out->admin, xasprintf("  sudo tee /etc/sysctl.d/99-%s.conf", last + 1));
	strlist_add(&out->admin, "sudo sysctl --system");
}

static void add(struct explanations *list, const struct refusal *r, const struct rule *rule)
{
	struct explanation fresh = {.id = rule->id, .step = r->step};

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].id, rule->id) == 0)
			return;
	rule->write(r, &fresh);
	list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = fresh;
}

static bool add_all_that_hold(struct explanations *list, const struct refusal *r,
			      const struct rule *rules, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (!rules[i].holds(r))
			continue;
		add(list, r, &rules[i]);
		any = true;
	}
	return any;
}

static void write_unknown(const struct refusal *r, struct explanation *out)
{
	/*
	 * seen from within a mount namespace, a chroot to a mount point looks like any other root
	 */
	bool is_like_chroot = r->err == EPERM &&
			      (r->step == CHECK_USER_NAMESPACE || r->step == CHECK_CONFINEMENT);

	out->reason = xasprintf("the kernel said \"%s\", %sand nothing that can be read here "
				"explains it",
				strerror(r->err),
				is_like_chroot ? "as it does in a chroot to whoever makes a user "
						 "namespace, "
					       : "");
	if (is_like_chroot)
		strlist_add(&out->user,
			    "Where this is a chroot, leave it, or have it entered by "
			    "pivot_root(2): systemd-nspawn -D DIRECTORY, or bwrap --bind "
			    "DIRECTORY / --dev-bind /dev /dev --bind /proc /proc bash");
	out->short_fix = xstrdup("look at the end of: sudo dmesg");
	strlist_add(&out->admin, "# a security module tells the kernel's log what it refused:");
	strlist_add(&out->admin, "sudo dmesg | grep -iE 'apparmor|avc|audit|lsm' | tail");
	rule_add_common_ways(out);
}

static const struct rule unknown_rule = {"unknown", NULL, write_unknown};

void explain(const struct host_facts *facts, enum check_step step, int err,
	     struct explanations *out)
{
	const struct refusal refusal = {.facts = facts, .step = step, .err = err};
	bool any = add_all_that_hold(out, &refusal, kernel_rules, kernel_rule_count);

	any |= add_all_that_hold(out, &refusal, confined_rules, confined_rule_count);
	if (!any)
		add(out, &refusal, &unknown_rule);
}

void explanations_clear(struct explanations *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].reason);
		free(list->items[i].short_fix);
		strlist_clear(&list->items[i].admin);
		strlist_clear(&list->items[i].user);
	}
	free(list->items);
	*list = (struct explanations){0};
}

const char *explain_note(const struct host_facts *facts)
{
	return facts->nixos || facts->programs_in_store
		       ? "This host has /nix and Nix already, as NixOS and its images do, and needs "
			 "none of this. Use 'nix-shell -p PACKAGE', 'nix profile install' or, for "
			 "a store of your own, 'nix --store ~/my-store'."
		       : NULL;
}
