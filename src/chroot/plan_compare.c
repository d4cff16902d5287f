#include "chroot/plan_compare.h"
#include "util/hash.h"
#include "util/str.h"

uint64_t plan_fingerprint(const struct plan *plan, uint64_t seen)
{
	uint64_t hash = seen;

	for (size_t i = 0; i < plan->count; i++) {
		hash = hash_number(hash, (uint64_t)plan->steps[i].type);
		hash = hash_string(hash, plan->steps[i].path);
		hash = hash_string(hash, plan->steps[i].source);
		hash = hash_string(hash, plan->steps[i].text);
	}
	return hash;
}

bool plan_keeps(const struct plan *plan, const char *path)
{
	const struct plan_step *last = NULL;

	/* a later step covers what earlier steps have made at the same path */
	for (size_t i = 0; i < plan->count; i++)
		if (path_is_within(path, plan->steps[i].path))
			last = &plan->steps[i];
	return last && (last->type == PLAN_BIND_DIRECTORY || last->type == PLAN_BIND_FILE) &&
	       strcmp(last->path, last->source) == 0;
}
