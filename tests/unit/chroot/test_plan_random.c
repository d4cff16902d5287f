/*
 * The mount plan, on thousands of hosts and configurations that chance made up: whatever is asked
 * for, every step can be done, and none makes anything on the host. The same ones in every run.
 */
#include "chroot/plan.h"
#include "ui/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../host/fake_host.h"
#include "plan_check.h"

#define ROUNDS 4000

/*
 * A linear congruential generator with the constants of Numerical Recipes; it returns the high
 * bits.
 */
static unsigned pick(uint32_t *seed, unsigned below)
{
	*seed = *seed * 1664525U + 1013904223U;
	return (*seed >> 16) % below;
}

/* Few names, so that paths often meet; among them are the names that have a meaning. */
static char *random_name_in(uint32_t *seed, const char *directory)
{
	static const char *const names[] = {"a",   "b",		"tmp",	    "nix",
					    "dev", ".old-root", ".own-file"};

	return path_join(directory, names[pick(seed, 7)]);
}

/* Returns a path of HOST, or a path up to two components below one; the caller frees. */
static char *random_path(uint32_t *seed, const struct fake_host *host)
{
	char *path = xstrdup(host->entries[pick(seed, (unsigned)host->count)].path);

	while (pick(seed, 2) == 0) {
		char *longer = random_name_in(seed, path);

		free(path);
		path = longer;
	}
	return path;
}

static char *random_target(uint32_t *seed, const struct fake_host *host)
{
	char *path = random_path(seed, host), *target;

	if (pick(seed, 2) == 0)
		return path;
	target = xasprintf("%s%s", pick(seed, 3) == 0 ? "../" : "", path + 1);
	free(path);
	return target;
}

/* Adds an entry to HOST, if it fits there. */
static void grow(uint32_t *seed, struct fake_host *host, struct fake_entry *entries,
		 struct strlist *owned)
{
	unsigned at = pick(seed, (unsigned)host->count + 1);
	const char *parent = at == host->count ? "/" : entries[at].path;
	_cleanup_free_ char *path = random_name_in(seed, parent);
	struct fake_entry *entry = &entries[host->count];

	if (fake_find(host, path) || fake_type(fake_find(host, parent)) != ENTRY_DIRECTORY)
		return;
	strlist_take(owned, steal_ptr(&path));
	*entry = (struct fake_entry){
		.path = owned->items[owned->count - 1],
		.type = "ddddwkffl"[pick(seed, 9)],
		.error = pick(seed, 30) == 0 ? EACCES : 0,
		.list_error = pick(seed, 30) == 0 ? EACCES : 0,
	};
	if (entry->type == 'l') {
		strlist_take(owned, random_target(seed, host));
		entry->target = owned->items[owned->count - 1];
	}
	host->count++;
}

static int by_target(const void *left, const void *right)
{
	const struct path_mount *a = left, *b = right;

	return strcmp(a->target, b->target);
}

static struct path_mount *random_mounts(uint32_t *seed, const struct fake_host *host, size_t count,
					struct strlist *owned)
{
	struct path_mount *mounts = xcalloc(count, sizeof(*mounts));

	for (size_t i = 0; i < count; i++) {
		strlist_take(owned, random_path(seed, host));
		mounts[i].source = owned->items[owned->count - 1];
		/* targets in /nix are refused when the file is read */
		do
			strlist_take(owned, random_path(seed, host));
		while (paper_within(owned->items[owned->count - 1], "/nix"));
		mounts[i].target = owned->items[owned->count - 1];
	}
	qsort(mounts, count, sizeof(*mounts), by_target);
	return mounts;
}

static size_t play_round(uint32_t seed)
{
	struct fake_entry entries[64] = {D("/tmp")};
	struct fake_host host = {.entries = entries, .count = 1};
	struct host_view view = fake_view(&host);
	_cleanup_(strlist_clear) struct strlist owned = {0};
	_cleanup_(plan_clear) struct plan plan;
	struct path_config config = {.mount_count = pick(&seed, 6)};
	size_t excludes = pick(&seed, 5);

	for (size_t i = 1; i < 60; i++)
		grow(&seed, &host, entries, &owned);
	config.mounts = random_mounts(&seed, &host, config.mount_count, &owned);
	for (size_t i = 0; i < excludes; i++)
		strlist_take(&config.excludes, random_path(&seed, &host));
	assert_int_equal(plan_build(&(struct plan_input){.view = &view, .config = &config}, &plan),
			 0);
	plan_check(&plan, &host);
	strlist_clear(&config.excludes);
	free(config.mounts);
	return plan.count;
}

static void every_step_can_be_done(void **state)
{
	size_t steps = 0;

	(void)state;
	log_set_level(LOG_ERROR);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		/* print the number of the round, to reproduce a failure */
		if (getenv("TEST_PLAN_VERBOSE"))
			printf("round %u\n", round);
		steps += play_round(round * 2654435761U);
	}
	/* the random hosts and configurations gave a good number of steps */
	assert_true(steps > 6 * ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_step_can_be_done)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
