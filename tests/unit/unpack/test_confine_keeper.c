/*
 * The processes of a confined child that are there for another's death: whose parent dies before
 * they have asked to be told, and those that cannot be made.
 */
#include "unpack_fixture.h"

#include "unpack/confine.h"
#include "unpack/confine_keeper.h"
#include "unpack/confine_status.h"

#include "../orphan.h"

struct scene {
	struct scratch *scratch;
	bool is_plain; /* no namespaces */
};

static int say_that_it_runs(void *ctx)
{
	(void)ctx;
	return write(1, "r", 1) == 1 ? 0 : 1;
}

static struct confine_request request_for(int root, int out)
{
	return (struct confine_request){
		.root_fd = root,
		.in_fd = -1,
		.out_fd = out,
		.keep_fd = -1,
		.memory = UINT64_C(256) << 20,
		.file_bytes = 1 << 20,
		.seconds = 10,
		.run = say_that_it_runs,
	};
}

static void spawn(void *ctx, int out)
{
	const struct scene *scene = ctx;
	struct confine_request request = request_for(scene->scratch->fd, out);
	struct confined child;

	if (scene->is_plain)
		refuse_namespaces();
	if (confine_spawn(&request, &child) == 0)
		confine_wait(child.pid);
}

/* No process works whose parent has died, be it the caller, the keeper or init. */
static void test_orphans(void **state)
{
	/* the keeper asks for SIGTERM, init and a worker for SIGKILL */
	static const int signals[] = {SIGTERM, SIGKILL};

	alarm(60);
	for (int is_plain = 0; is_plain <= 1; is_plain++)
		for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
			struct scene scene = {*state, is_plain};
			int count = orphan_writes(spawn, &scene, signals[i]);

			if (count < 0)
				skip();
			assert_int_equal(count, 0);
		}
	alarm(0);
}

/* The keeper, started where no process can be made; it must report that. */
static int keep_alone(struct scratch *scratch, bool namespaces)
{
	struct confine_request request;
	struct confine_status status;
	int ends[2], out[2];
	char byte;
	pid_t pid, caller = getpid();

	MUST(pipe2(ends, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
	request = request_for(scratch->fd, out[1]);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		refuse_forks();
		keeper_run(&request, ends[1], caller, namespaces);
	}
	close(ends[1]);
	close(out[1]);
	MUST(read(ends[0], &status, sizeof(status)) == sizeof(status));
	MUST(status.err == EAGAIN && strcmp(status.what, "fork") == 0);
	MUST(read(out[0], &byte, 1) == 0);
	return 0;
}

static int keep_in_namespaces(struct scratch *scratch)
{
	return keep_alone(scratch, true);
}

static int keep_plain(struct scratch *scratch)
{
	return keep_alone(scratch, false);
}

static int spawn_nothing(struct scratch *scratch)
{
	struct confine_request request = request_for(scratch->fd, STDOUT_FILENO);
	struct confined child;

	refuse_forks();
	/* a signal to the process -1 would reach all that this user has */
	refuse_call(SYS_kill, -1, EPERM);
	return confine_spawn(&request, &child) == -1 ? 0 : 1;
}

static void test_no_process(void **state)
{
	_cleanup_free_ char *said = NULL;

	assert_int_equal(in_child(*state, spawn_nothing, &said), 0);
	assert_string_equal(said,
			    "nix-user-chroot: cannot confine the unpacking to its directory: fork: "
			    "Resource temporarily unavailable\n  the limits of processes and open "
			    "files may be reached (ulimit -u, -n), or the memory\n");
	assert_int_equal(in_child(*state, keep_in_namespaces, NULL), 0);
	assert_int_equal(in_child(*state, keep_plain, NULL), 0);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_orphans),
		WITH_SCRATCH(test_no_process),
	};

	return cmocka_run_group_tests_name("confine_keeper", tests, NULL, NULL);
}
