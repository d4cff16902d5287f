/* A mount plan in few words. */
#include "install/dry_run_mounts.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void add(struct plan *plan, enum plan_type type, const char *path, const char *source)
{
	plan->steps = xreallocarray(plan->steps, plan->count + 1, sizeof(*plan->steps));
	plan->steps[plan->count++] =
		(struct plan_step){.type = type, .path = xstrdup(path), .source = xstrdup(source)};
}

static char *condense(const struct plan *plan)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	dry_run_condense(plan, "/home/me/nix", f);
	fclose(f);
	return text;
}

static void plain(void **state)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	add(&plan, PLAN_BIND_DIRECTORY, "/usr", "/usr");
	add(&plan, PLAN_SYMLINK, "/bin", "usr/bin");
	add(&plan, PLAN_BIND_FILE, "/swapfile", "/swapfile");
	add(&plan, PLAN_SYMLINK, "/lib", "usr/lib");
	add(&plan, PLAN_NIX, "/nix", NULL);
	text = condense(&plan);
	assert_string_equal(text, "  mounts         /nix is /home/me/nix\n"
				  "                 bound as they are: /usr /swapfile\n"
				  "                 links made again: /bin /lib\n");
}

/* With a path config: /etc is taken apart, and things lie over others. */
static void changed(void **state)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_free_ char *text = NULL;

	(void)state;
	add(&plan, PLAN_NIX, "/nix", NULL);
	add(&plan, PLAN_DIRECTORY, "/etc", NULL);
	add(&plan, PLAN_BIND_FILE, "/etc/hosts", "/etc/hosts");
	add(&plan, PLAN_SYMLINK, "/etc/mtab", "/proc/mounts");
	add(&plan, PLAN_DIRECTORY, "/etc/x", NULL);
	add(&plan, PLAN_BIND_FILE, "/etc/x/y", "/etc/x/y");
	add(&plan, PLAN_BIND_DIRECTORY, "/usr", "/usr");
	add(&plan, PLAN_COVER_FILE, "/usr/bin/env", "/nix/store/x/bin/env");
	add(&plan, PLAN_TMPFS, "/usr/empty", NULL);
	add(&plan, PLAN_HIDE_FILE, "/usr/hidden", NULL);
	text = condense(&plan);
	assert_string_equal(text,
			    "  mounts         /nix is /home/me/nix\n"
			    "                 /etc is a directory of its own with 3 entries\n"
			    "                 /etc/x is a directory of its own with 1 entry\n"
			    "                 /usr/bin/env is /nix/store/x/bin/env\n"
			    "                 /usr/empty is a directory of its own with 0 entries\n"
		"                 /usr/hidden is left out\n"
			    "                 bound as they are: /usr\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
