/* Other processes, as /proc shows them. */
#include "run/processes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../child.h"
#include "../refuse.h"

/* More than any process has here: pid_max is at most 4 Mi. */
#define NO_PROCESS 0x7ffffff0

static void one_process(void **state)
{
	uint64_t start = process_start(getpid());
	const uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec ts;
	struct stat st;

	(void)state;
	/* a process starts after its parent, or in the same tick; this one a moment ago */
	assert_true(start > 0 && start >= process_start(getppid()));
	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	assert_true(start / ticks <= (uint64_t)ts.tv_sec + 1);
	assert_true(start / ticks + 3600 >= (uint64_t)ts.tv_sec);
	/* a name with blanks and parentheses moves no field */
	assert_int_equal(prctl(PR_SET_NAME, "a) 1 2 (b"), 0);
	assert_int_equal(process_start(getpid()), start);
	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	assert_int_equal(process_mount_namespace(getpid()), st.st_ino);
	assert_int_equal(stat("/proc/self/ns/pid", &st), 0);
	assert_int_equal(process_pid_namespace(getpid()), st.st_ino);
	assert_int_equal(process_start(NO_PROCESS), 0);
	assert_int_equal(process_mount_namespace(NO_PROCESS), 0);
	assert_int_equal(process_pid_namespace(NO_PROCESS), 0);
	assert_true(process_last() > 0);
}

/* What was visited: how many, the lowest and the highest, and whether SOUGHT was among them. */
struct seen {
	size_t count;
	pid_t lowest, highest, sought;
	bool has_sought;
};

static void visit(pid_t pid, void *context)
{
	struct seen *seen = context;

	seen->lowest = seen->count == 0 || pid < seen->lowest ? pid : seen->lowest;
	seen->highest = pid > seen->highest ? pid : seen->highest;
	seen->has_sought |= pid == seen->sought;
	seen->count++;
}

static struct seen visited(pid_t above, pid_t last)
{
	struct seen seen = {.sought = getpid()};

	processes_visit(above, last, visit, &seen);
	return seen;
}

static void all_processes(void **state)
{
	struct seen seen = visited(0, 0), few;

	(void)state;
	assert_true(seen.has_sought);
	/* LAST counts only if ABOVE is not 0 */
	few = visited(0, 1);
	assert_true(few.has_sought);
	/* a few are looked at one by one, whether they exist or not */
	few = visited(NO_PROCESS, NO_PROCESS + 3);
	assert_int_equal(few.count, 3);
	assert_int_equal(few.lowest, NO_PROCESS + 1);
	assert_int_equal(few.highest, NO_PROCESS + 3);
	few = visited(NO_PROCESS - 255, NO_PROCESS);
	assert_int_equal(few.count, 255);
	few = visited(NO_PROCESS, NO_PROCESS);
	assert_int_equal(few.count, 0);
	/* more than that: those that exist */
	few = visited(NO_PROCESS - 256, NO_PROCESS);
	assert_int_equal(few.count, 0);
	few = visited(getpid() - 1, getpid() - 1 + 256);
	assert_true(few.has_sought);
	assert_int_equal(few.lowest, getpid());
	few = visited(getpid(), getpid() + 256);
	assert_false(few.has_sought);
	/* IDs have wrapped around */
	few = visited(getpid() - 1, 1);
	assert_true(few.has_sought);
	assert_int_equal(few.lowest, getpid());
}

/* Without /proc, the last process ID is unknown. */
static const char *without_proc(void *ctx)
{
	(void)ctx;
	refuse_call(SYS_openat, -1, ENOENT);
	return process_last() == 0 ? NULL : "an ID that nobody has told";
}

static void unknown(void **state)
{
	(void)state;
	assert_in_child(without_proc, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_process),
		cmocka_unit_test(all_processes),
		cmocka_unit_test(unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
