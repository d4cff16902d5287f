/* The known reasons, as tables that explain.c goes through in order. Private to src/host. */
#ifndef HOST_RULES_H
#define HOST_RULES_H

#include "host/explanation.h"
#include "host/facts.h"

#include <stdbool.h>
#include <stddef.h>

/* STEP failed with ERR on the host that has FACTS. */
struct refusal {
	const struct host_facts *facts;
	enum check_step step;
	int err;
};

struct rule {
	const char *id;
	/* is this the reason, or may it be? */
	bool (*holds)(const struct refusal *refusal);
	/* set reason and short_fix, add to admin and user */
	void (*write)(const struct refusal *refusal, struct explanation *out);
};

/* rules_kernel.c: how the kernel was built, booted and set */
extern const struct rule kernel_rules[];
extern const size_t kernel_rule_count;

/* rules_confined.c: what confines this process: a chroot, a container, a security module */
extern const struct rule confined_rules[];
extern const size_t confined_rule_count;

/* Is ERR EPERM or EACCES: something refused, rather than nothing being there? */
bool rule_is_refusal(int err);

/* Does STEP make namespaces, outside or inside one of ours? Does STEP mount? */
bool rule_makes_namespace(enum check_step step);
bool rule_mounts(enum check_step step);

/*
 * Add to OUT->user what users can do themselves if only the host's administrator could change the
 * reason.
 */
void rule_add_common_ways(struct explanation *out);

/* Add to OUT->user the one of these ways that needs nothing of the host: PRoot. */
void rule_add_proot(struct explanation *out);

/* Set sysctl NAME to VALUE, now and after a reboot: OUT->short_fix and lines of OUT->admin. */
void rule_add_sysctl(const struct host_facts *facts, const char *name, long value,
		     struct explanation *out);

#endif
