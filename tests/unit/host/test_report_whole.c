/* All that --check says of one made-up host, byte by byte: the table and the JSON. */
#include "host/report.h"
#include "util/cleanup.h"
#include "util/str.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *print(void (*printer)(FILE *, const struct report *), const struct report *report)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	printer(f, report);
	assert_int_equal(fclose(f), 0);
	return text;
}

static const char table_text[] =
	"Linux 6.1.0, in a container (lxc)\n"
	"\n"
	"  user namespace        ok\n"
	"  mount namespace       ok\n"
	"  user and group IDs    failed: call 2: Operation not permitted\n"
	"  slave mounts          not tried\n"
	"  tmpfs                 not tried\n"
	"  bind mount            not tried\n"
	"  pivot_root            not tried\n"
	"  nested namespaces     not tried\n"
	"  /proc for a sandbox   not tried\n"
	"  --install's sandbox   failed: call 9: killed by signal 31 (Bad system call)\n"
	"\n"
	"Runtimes, the first that works is taken:\n"
	"  userns                call 2: Operation not permitted\n"
	"  helper                none is installed\n"
	"  mountns               works\n"
	"  direct                there is no /nix\n"
	"  proot                 works\n"
	"\n"
	"The unpacking is confined by Landlock and a system call filter.\n"
	"\n"
	"In this file: Nix 2.26.3 for x86_64-linux (nix.tar.xz, 18.1 MB).\n"
	"\n"
	"Nix will not be able to build anything: cannot open /dev/ptmx. It gives each\n"
	"build a terminal. In a container, devpts is not mounted on /dev/pts, or\n"
	"/dev/ptmx is no link to pts/ptmx.\n"
	"\n"
	"No: entering would work here, but there is no Nix in /d, and it cannot be put\n"
	"there: Read-only file system. A systemd unit with ProtectHome= or\n"
	"ProtectSystem= sees a home like that. NIX_USER_CHROOT_DIR names another\n"
	"directory.\n"
	"\n"
	"Why \"user and group IDs\" failed:\n"
	"  the first reason.\n"
	"\n"
	"Why \"/proc for a sandbox\" failed:\n"
	"  the second reason.\n"
	"\n"
	"What an administrator can do about it:\n"
	"  command 0 of second\n"
	"\n"
	"Why \"--install's sandbox\" failed:\n"
	"  the third reason.\n"
	"\n"
	"What an administrator can do about it:\n"
	"  command 0 of third\n"
	"  command 1 of third\n"
	"\n"
	"What you can do:\n"
	"  - a way\n"
	"  - another way\n"
	"  - a way that is so long that it has to be continued on a second line of the\n"
	"    table\n"
	"\n"
	"This host has /nix and Nix already, as NixOS and its images do, and needs none\n"
	"of this. Use 'nix-shell -p PACKAGE', 'nix profile install' or, for a store of\n"
	"your own, 'nix --store ~/my-store'.\n";
static const char json_text[] =
	"{\"ok\": false, \"enter\": true, \"install\": false, \"sandbox\": false, "
	"\"kernel\": \"6.1.0\", \"container\": \"lxc\", "
	"\"steps\": [{\"step\": \"user-namespace\", \"result\": \"ok\", \"errno\": null, "
	"\"error\": null}, {\"step\": \"mount-namespace\", \"result\": \"ok\", \"errno\": null, "
	"\"error\": null}, {\"step\": \"id-maps\", \"result\": \"failed\", \"errno\": 1, "
	"\"error\": \"call 2: Operation not permitted\"}, {\"step\": \"slave\", "
	"\"result\": \"not-tried\", \"errno\": null, \"error\": null}, {\"step\": \"tmpfs\", "
	"\"result\": \"not-tried\", \"errno\": null, \"error\": null}, {\"step\": \"bind\", "
	"\"result\": \"not-tried\", \"errno\": null, \"error\": null}, "
	"{\"step\": \"pivot-root\", \"result\": \"not-tried\", \"errno\": null, "
	"\"error\": null}, {\"step\": \"nested-namespace\", \"result\": \"not-tried\", "
	"\"errno\": null, \"error\": null}, {\"step\": \"proc-mount\", "
	"\"result\": \"not-tried\", \"errno\": null, \"error\": null}, "
	"{\"step\": \"confinement\", \"result\": \"failed\", \"errno\": 38, "
	"\"error\": \"call 9: killed by signal 31 (Bad system call)\"}], "
	"\"runtime\": \"mountns\", \"runtimes\": [{\"runtime\": \"userns\", \"works\": false, "
	"\"why\": \"call 2: Operation not permitted\"}, {\"runtime\": \"helper\", "
	"\"works\": false, \"why\": \"none is installed\"}, {\"runtime\": \"mountns\", "
	"\"works\": true, \"why\": null}, {\"runtime\": \"direct\", \"works\": false, "
	"\"why\": \"there is no /nix\"}, {\"runtime\": \"proot\", \"works\": true, "
	"\"why\": null}], \"terminals-error\": \"cannot open /dev/ptmx\", "
	"\"confinement\": [\"landlock\", \"filter\"], \"directory\": \"/d\", "
	"\"directory-error\": \"Read-only file system\", \"reasons\": [{\"id\": \"first\", "
	"\"step\": \"id-maps\", \"reason\": \"the first reason\", \"fix\": \"the first fix\", "
	"\"admin\": [], \"user\": [\"a way\"]}, {\"id\": \"second\", \"step\": \"proc-mount\", "
	"\"reason\": \"the second reason\", \"fix\": \"the second fix\", "
	"\"admin\": [\"command 0 of second\"], \"user\": [\"a way\", \"another way\"]}, "
	"{\"id\": \"third\", \"step\": \"confinement\", \"reason\": \"the third reason\", "
	"\"fix\": \"the third fix\", \"admin\": [\"command 0 of third\", "
	"\"command 1 of third\"], \"user\": [\"a way\", \"another way\", "
	"\"a way that is so long that it has to be continued on a second line of the table\"]}], "
	"\"bundle\": {\"version\": \"2.26.3\", \"system\": \"x86_64-linux\", "
	"\"tarball\": \"nix.tar.xz\", "
	"\"sha256\": \"abababababababababababababababababababababababababababababababab\", "
	"\"bytes\": 18100000, \"error\": null}, \"note\": \"This host has /nix and Nix already, "
	"as NixOS and its images do, and needs none of this. Use 'nix-shell -p PACKAGE', "
	"'nix profile install' or, for a store of your own, 'nix --store ~/my-store'.\"}"
	"\n";

/* Reasons with 0, 1 and 2 commands, and 1, 2 and 3 ways, of which some are the same. */
static void add_reasons(struct explanations *out)
{
	static const char *const ids[] = {"first", "second", "third"};
	static const enum check_step steps[] = {CHECK_ID_MAPS, CHECK_PROC_MOUNT, CHECK_CONFINEMENT};
	static const char *const ways[] = {
		"a way", "another way",
		("a way that is so long that it has to be continued on a "
		 "second line of the table")};

	out->items = xcalloc(3, sizeof(*out->items));
	out->count = 3;
	for (size_t i = 0; i < 3; i++) {
		struct explanation *one = &out->items[i];

		one->id = ids[i];
		one->step = steps[i];
		one->reason = xasprintf("the %s reason", ids[i]);
		one->short_fix = xasprintf("the %s fix", ids[i]);
		for (size_t k = 0; k < i; k++)
			strlist_take(&one->admin, xasprintf("command %zu of %s", k, ids[i]));
		for (size_t k = 0; k <= i; k++)
			strlist_add(&one->user, ways[k]);
	}
}

static void set_step(struct probe *probe, enum check_step step, int err, int signal)
{
	probe->steps[step].outcome = err ? PROBE_FAILED : PROBE_OK;
	probe->steps[step].err = err;
	probe->steps[step].signal = signal;
	snprintf(probe->steps[step].what, PROBE_WHAT_SIZE, "call %d", (int)step);
}

static void whole(void **state)
{
	struct bundle bundle = {.size = 18100000, .name = "nix.tar.xz"};
	const struct bundled_nix nix = {&bundle, "2.26.3", "x86_64-linux"};
	struct report report = {.bundle = &nix, .nix_dir = "/d", .nix_dir_err = EROFS};
	struct runtimes *runtimes = &report.runtimes;
	_cleanup_free_ char *table = NULL, *json = NULL;

	(void)state;
	report.facts.release = xstrdup("6.1.0");
	report.facts.container_name = xstrdup("lxc");
	report.facts.landlock = 3;
	report.facts.nixos = true;
	set_step(&runtimes->userns, CHECK_USER_NAMESPACE, 0, 0);
	set_step(&runtimes->userns, CHECK_MOUNT_NAMESPACE, 0, 0);
	set_step(&runtimes->userns, CHECK_ID_MAPS, EPERM, 0);
	set_step(&runtimes->userns, CHECK_CONFINEMENT, ENOSYS, SIGSYS);
	runtimes->refused[RUNTIME_USERNS] = xstrdup("call 2: Operation not permitted");
	runtimes->refused[RUNTIME_HELPER] = xstrdup("none is installed");
	runtimes->refused[RUNTIME_DIRECT] = xstrdup("there is no /nix");
	runtimes->no_terminals = xstrdup("cannot open /dev/ptmx");
	add_reasons(&report.reasons);
	memset(&bundle.sha256, 0xab, sizeof(bundle.sha256));
	table = print(report_print_table, &report);
	assert_string_equal(table, table_text);
	json = print(report_print_json, &report);
	assert_string_equal(json, json_text);
	host_facts_clear(&report.facts);
	explanations_clear(&report.reasons);
	runtimes_clear(&report.runtimes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
