/* What is refused before anything is downloaded, and what is said of the runtime. */
#include "install/preflight.h"
#include "host/check_step.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "at_home.h"

/* A home directory, and a site on a host that allows everything. */
struct scene {
	struct place *place;
	struct site site;
	struct install_request request;
	struct nix_conf_facts facts;
};

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));

	scene->place = at_home(&scene->site, "nix");
	if (!scene->place)
		return -1;
	scene->site.runtime = RUNTIME_USERNS;
	for (int i = 0; i < CHECK_STEP_COUNT; i++)
		scene->site.runtimes.userns.steps[i].outcome = PROBE_OK;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	int r = at_home_end(scene->place, &scene->site);

	free(scene);
	return r;
}

static int do_preflight(const struct scene *scene)
{
	return preflight(&scene->site, &scene->request, (void *)(uintptr_t)&scene->facts);
}

static int do_runtime(const struct scene *scene)
{
	return preflight_runtime(&scene->site);
}

/* CALL must return WANTED, and say WORDS; "": nothing. */
static void expect(int (*call)(const struct scene *), const struct scene *scene, int wanted,
		   const char *words)
{
	struct capture capture;
	_cleanup_free_ char *said = NULL;
	int r;

	capture_begin(&capture);
	r = call(scene);
	said = capture_end(&capture);
	if (*words)
		assert_has(said, words);
	else
		assert_string_equal(said, "");
	assert_int_equal(r, wanted);
}

static void steps_of_the_host(void **state)
{
	struct scene *scene = *state;
	struct probe *probe = &scene->site.runtimes.userns;

	for (int i = 0; i < CHECK_STEP_COUNT; i++) {
		probe->steps[i] = (struct probe_step){PROBE_FAILED, EPERM, 0, "do it"};
		scene->site.runtime = i % 2 ? RUNTIME_USERNS : RUNTIME_AUTO;
		if (i <= CHECK_PIVOT_ROOT)
			expect(do_runtime, scene, -1,
			       "cannot install on this host: it refuses do it: "
			       "Operation not permitted\n");
		else
			expect(do_runtime, scene, 0, "");
		probe->steps[i].outcome = PROBE_OK;
	}
	probe->steps[CHECK_ID_MAPS].outcome = PROBE_NOT_TRIED;
	expect(do_runtime, scene, -1, "on this host\n  nix-user-chroot --check says why");
	/* of two, the first is the reason */
	probe->steps[CHECK_TMPFS] = (struct probe_step){PROBE_FAILED, EPERM, 0, "first"};
	probe->steps[CHECK_BIND] = (struct probe_step){PROBE_FAILED, EPERM, 0, "second"};
	expect(do_runtime, scene, -1, "it refuses first: ");
	/* what --install needs is not what an entry needs */
	probe->steps[CHECK_TMPFS].outcome = probe->steps[CHECK_BIND].outcome = PROBE_OK;
	probe->steps[CHECK_CONFINEMENT] = (struct probe_step){PROBE_FAILED, EPERM, 0, "third"};
	expect(do_runtime, scene, -1, "on this host\n  nix-user-chroot --check says why");
	assert_int_equal(fs_mkdirs(scene->place->fd, "nix/store", 0755), 0);
	expect(do_runtime, scene, -1, "/nix cannot be used on this host\n");
}

static void each_runtime(void **state)
{
	struct scene *scene = *state;

	for (enum runtime i = RUNTIME_HELPER; i < RUNTIME_COUNT; i++) {
		_cleanup_free_ char *words = xasprintf(
			"cannot install with --runtime=%s: not today\n  nix-user-chroot --check",
			runtime_name(i));

		scene->site.runtime = i;
		expect(do_runtime, scene, 0, "");
		scene->site.runtimes.refused[i] = xstrdup("not today");
		expect(do_runtime, scene, -1, words);
		scene->site.wants_proot = true;
		expect(do_runtime, scene, 0, "");
		scene->site.wants_proot = false;
		assert_false(preflight_can_sandbox(&scene->site) && i != RUNTIME_DIRECT);
	}
}

static void sandboxes(void **state)
{
	struct scene *scene = *state;

	for (enum runtime i = RUNTIME_AUTO; i < RUNTIME_COUNT; i++) {
		scene->site.runtime = i;
		assert_int_equal(preflight_can_sandbox(&scene->site),
				 i == RUNTIME_USERNS || i == RUNTIME_DIRECT);
	}
	scene->site.runtime = RUNTIME_USERNS;
	scene->site.runtimes.userns.steps[CHECK_PROC_MOUNT].outcome = PROBE_FAILED;
	assert_false(preflight_can_sandbox(&scene->site));
	expect(do_preflight, scene, 0, "");
	assert_false(scene->facts.sandbox_works);
}

static void what_is_found(void **state)
{
	struct scene *scene = *state;

	scene->facts.is_root = geteuid() != 0;
	expect(do_preflight, scene, 0, "");
	assert_true(scene->facts.sandbox_works);
	assert_int_equal(scene->facts.is_root, geteuid() == 0);
	scene->site.runtime = RUNTIME_DIRECT;
	expect(do_preflight, scene, 0, "Nix goes into /nix itself");
	scene->site.runtime = RUNTIME_PROOT;
	expect(do_preflight, scene, 0, "so Nix will run in PRoot");
	scene->site.runtime = RUNTIME_USERNS;
	scene->site.runtimes.no_terminals = xstrdup("no ptmx");
	expect(do_preflight, scene, 0, "will not be able to build anything here: no ptmx\n");
	free(steal_ptr(&scene->site.runtimes.no_terminals));
	assert_int_equal(
		fs_mkdirs(scene->place->fd, ".nix/store/00000000000000000000000000000100-x", 0755),
		0);
	expect(do_preflight, scene, 0, "there is a Nix store in ");
}

static void what_is_refused(void **state)
{
	struct scene *scene = *state;
	struct statvfs proc;
	_cleanup_free_ char *newline = xasprintf("%s\n", scene->place->path);
	_cleanup_free_ char *others =
		xasprintf("which belongs to user 0 and not to you (user %u)", (unsigned)geteuid());

	assert_int_equal(mkdirat(scene->place->fd, "nix", 0755), 0);
	assert_int_equal(mkdirat(scene->place->fd, "other", 0755), 0);
	expect(do_preflight, scene, 0, "");
	assert_int_equal(symlinkat("../other", scene->place->fd, "nix/store"), 0);
	expect(do_preflight, scene, -1, "/nix/store is a symlink, and Nix refuses a store that is");
	assert_int_equal(unlinkat(scene->place->fd, "nix/store", 0), 0);
	assert_int_equal(mkdirat(scene->place->fd, "nix/store", 0755), 0);
	expect(do_preflight, scene, 0, "");
	/* usually programs cannot be run from there */
	if (statvfs("/proc", &proc) == 0 && (proc.f_flag & ST_NOEXEC)) {
		char *nix_dir = scene->site.nix_dir;

		scene->site.nix_dir = (char[]){"/proc/nix"};
		expect(do_preflight, scene, -1, "no program can be run from /proc/nix: its file ");
		scene->site.nix_dir = nix_dir;
	}
	assert_int_equal(setenv("TMPDIR", "x", 1), 0);
	expect(do_preflight, scene, -1, "TMPDIR is x");
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(setenv("HOME", newline, 1), 0);
	expect(do_preflight, scene, -1, ": Nix cannot work with a newline in it\n");
	assert_int_equal(setenv("HOME", "/nowhere", 1), 0);
	expect(do_preflight, scene, 0, "");
	if (geteuid() == 0)
		return;
	assert_int_equal(setenv("HOME", "/", 1), 0);
	expect(do_preflight, scene, -1, others);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(steps_of_the_host), WITH_SCENE(each_runtime),    WITH_SCENE(sandboxes),
		WITH_SCENE(what_is_found),     WITH_SCENE(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
