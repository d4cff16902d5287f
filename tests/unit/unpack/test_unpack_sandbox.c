/*
 * The sandbox through its outermost layer: the process that unpack_begin() starts, looked at from
 * outside; and what the parent makes of one that lies. In namespaces of its own, and where a host
 * refuses them.
 */
#include "unpack_fixture.h"

#include "unpack/extract_report.h"
#include "unpack/unpack.h"

#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>

static struct unpack_request request_for(int staging)
{
	return (struct unpack_request){
		.archive_name = "ARCHIVE",
		.staging_fd = staging,
		.staging_path = "STAGING",
		.lock_fd = -1,
	};
}

/* ---- as seen from outside ---- */

static ino_t namespace_of(pid_t pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/ns/%s", (int)pid, name);
	struct stat st;

	MUST(stat(path, &st) == 0);
	return st.st_ino;
}

/* Returns the rest of the line in /proc/PID/FILE that begins with KEY, without leading blanks. */
static char *proc_line(pid_t pid, const char *file, const char *key)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/%s", (int)pid, file);
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[512];

	MUST(f);
	while (fgets(line, sizeof(line), f))
		if (str_starts_with(line, key)) {
			const char *rest = line + strlen(key);

			return xstrdup(rest + strspn(rest, " \t"));
		}
	fprintf(stderr, "%s has no %s\n", path, key);
	_exit(99);
}

static void line_begins(pid_t pid, const char *file, const char *key, const char *text)
{
	_cleanup_free_ char *line = proc_line(pid, file, key);

	if (!str_starts_with(line, text)) {
		fprintf(stderr, "%s of %s: %s is not %s\n", key, file, line, text);
		_exit(99);
	}
}

/* Checks a limit of PID, by proc(5). */
static void has_limit(pid_t pid, const char *name, unsigned long long soft, unsigned long long hard)
{
	_cleanup_free_ char *line = proc_line(pid, "limits", name);
	unsigned long long is_soft = 0, is_hard = 0;

	MUST(sscanf(line, "%llu %llu", &is_soft, &is_hard) == 2);
	if (is_soft != soft || is_hard != hard) {
		fprintf(stderr, "%s is %s", name, line);
		_exit(99);
	}
}

static void has_descriptors(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/fd", (int)pid), *target = NULL;
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, path);
	int mask = 0;

	MUST(dir);
	for (struct dirent *entry; (entry = fs_next_entry(dir));)
		mask |= 1 << atoi(entry->d_name);
	MUST(mask == 7);
	MUST(fs_readlink(dirfd(dir), "0", &target) == 0 && str_starts_with(target, "pipe:"));
	free(target);
	MUST(fs_readlink(dirfd(dir), "1", &target) == 0 && str_starts_with(target, "pipe:"));
#ifndef __SANITIZE_ADDRESS__
	free(target);
	MUST(fs_readlink(dirfd(dir), "2", &target) == 0 && strcmp(target, "/dev/null") == 0);
#endif
}

/* Does PID have a descriptor of the file NAME? */
static bool has_open(pid_t pid, const char *name)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/fd", (int)pid);
	_cleanup_closedir_ DIR *dir = fs_list_dir(AT_FDCWD, path);

	MUST(dir);
	for (struct dirent *entry; (entry = fs_next_entry(dir));) {
		_cleanup_free_ char *target = NULL;

		if (fs_readlink(dirfd(dir), entry->d_name, &target) == 0 &&
		    str_ends_with(target, name))
			return true;
	}
	return false;
}

/*
 * Returns the session of PID, which must also be its process group, as numbered in this namespace:
 * proc(5).
 */
static pid_t session_of(pid_t pid)
{
	pid_t session = getsid(pid);

	MUST(session > 0 && getpgid(pid) == session);
	return session;
}

static void has_limits(pid_t pid)
{
	has_limit(pid, "Max core file size", 0, 0);
	has_limit(pid, "Max processes", 0, 0);
	has_limit(pid, "Max open files", 64, 64);
	has_limit(pid, "Max file size", 12345678, 12345678);
	has_limit(pid, "Max cpu time", UNPACK_MAX_SECONDS, UNPACK_MAX_SECONDS + 10);
#ifndef __SANITIZE_ADDRESS__
	_cleanup_free_ char *line = proc_line(pid, "limits", "Max address space");
	_cleanup_free_ char *size = proc_line(getpid(), "status", "VmPeak:");
	unsigned long long limit = strtoull(line, NULL, 10), own = strtoull(size, NULL, 10) << 10;

	MUST(limit > UNPACK_MAX_MEMORY && limit <= UNPACK_MAX_MEMORY + own);
#endif
}

/* Is descriptor FD of PID /dev/null? */
static bool has_null(pid_t pid, int fd)
{
	_cleanup_free_ char *name = xasprintf("/proc/%d/fd/%d", (int)pid, fd), *target = NULL;

	return fs_readlink(AT_FDCWD, name, &target) == 0 && strcmp(target, "/dev/null") == 0;
}

static void has_no_power(pid_t pid)
{
	static const char *const keys[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		line_begins(pid, "status", keys[i], "0000000000000000");
	line_begins(pid, "status", "NoNewPrivs:", "1");
	line_begins(pid, "status", "Seccomp:", "2");
}

static int look(struct scratch *scratch, bool is_plain)
{
	static const char *const own[] = {"user", "mnt", "pid", "net", "ipc", "uts"};
	_cleanup_close_ int staging = fs_open_dir(scratch->fd, "staging");
	_cleanup_close_ int lock = openat(scratch->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct unpack_request request = request_for(staging);
	struct unpack *unpack;
	pid_t keeper, worker;

	request.limits.bytes = 12345678;
	request.lock_fd = is_plain ? -1 : lock;
	/* the caller has another descriptor open, which the child must not get */
	MUST(fcntl(scratch->fd, F_DUPFD, 50) >= 50);
	/* nor what the caller reads from, which may be a terminal */
	MUST(dup2(tar_new(scratch), STDIN_FILENO) == STDIN_FILENO);
	unpack = unpack_begin(&request);
	MUST(unpack);
	MUST(unpack_is_confined(unpack) || (is_plain && landlock_version() == 0));
	keeper = child_of(getpid());
	worker = last_descendant();
	MUST(keeper > 0 && worker > 0 && worker != keeper);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		MUST((namespace_of(worker, own[i]) == namespace_of(getpid(), own[i])) == is_plain);
	has_descriptors(worker);
	/* without a lock the keeper holds nothing of ours in its place */
	MUST(is_plain ? has_null(keeper, 3 /* AT_KEEP */) : has_open(keeper, "/lock"));
	has_limits(worker);
	has_no_power(worker);
	if (!is_plain || geteuid() == 0)
		line_begins(worker, "status", "CapBnd:", "0000000000000000");
	/* neither Ctrl-C here nor kill(0, …) there reaches the other side */
	MUST(session_of(worker) == worker);
	MUST(session_of(keeper) == keeper);
	unpack_abort(unpack);
	MUST(child_of(getpid()) == 0);
	return 0;
}

static int look_in_namespaces(struct scratch *scratch)
{
	return look(scratch, false);
}

static int look_plain(struct scratch *scratch)
{
	refuse_namespaces();
	return look(scratch, true);
}

static void test_from_outside(void **state)
{
	close(make_dir(*state, "staging"));
	if (access("/proc/thread-self/children", R_OK) < 0)
		skip();
	assert_int_equal(in_child(*state, look_in_namespaces, NULL), 0);
	assert_int_equal(in_child(*state, look_plain, NULL), 0);
}

/* Limits of the caller that are lower than ours stay. */
static int look_at_low_limits(struct scratch *scratch)
{
	static const struct rlimit files = {40, 50}, size = {1000, 2000}, cpu = {100, 200};
	_cleanup_close_ int staging = fs_open_dir(scratch->fd, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack *unpack;
	struct rlimit core;
	pid_t worker;

	/* as where core files are wanted */
	MUST(getrlimit(RLIMIT_CORE, &core) == 0);
	core.rlim_cur = core.rlim_max;
	MUST(setrlimit(RLIMIT_CORE, &core) == 0);
	MUST(setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_FSIZE, &size) == 0 &&
	     setrlimit(RLIMIT_CPU, &cpu) == 0);
	unpack = unpack_begin(&request);
	MUST(unpack);
	worker = last_descendant();
	has_limit(worker, "Max open files", 40, 50);
	has_limit(worker, "Max file size", 1000, 2000);
	has_limit(worker, "Max cpu time", 100, 200);
	has_limit(worker, "Max core file size", 0, 0);
	unpack_abort(unpack);
	return 0;
}

static void test_low_limits(void **state)
{
	close(make_dir(*state, "staging"));
	if (access("/proc/thread-self/children", R_OK) < 0)
		skip();
	assert_int_equal(in_child(*state, look_at_low_limits, NULL), 0);
}

static int look_unconfined(struct scratch *scratch)
{
	_cleanup_close_ int staging = fs_open_dir(scratch->fd, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack *unpack;

	refuse_landlock();
	refuse_namespaces();
	unpack = unpack_begin(&request);
	MUST(unpack && !unpack_is_confined(unpack));
	unpack_abort(unpack);
	return 0;
}

/* Where nothing keeps the child from other files, the caller learns it. */
static void test_unconfined(void **state)
{
	close(make_dir(*state, "staging"));
	assert_int_equal(in_child(*state, look_unconfined, NULL), 0);
}

/* Unpacks a real archive by all of the real code, on each kind of host. */
static int unpack_good(struct scratch *scratch)
{
	_cleanup_close_ int staging = fs_open_dir(scratch->fd, "staging");
	_cleanup_close_ int archive = openat(scratch->fd, "archive.tar", O_RDONLY | O_CLOEXEC);
	struct unpack_request request = request_for(staging);
	struct unpack_result result;

	MUST(unpack_archive(&request, archive, NULL, &result) == 0);
	MUST(is_there(staging, PATH_A "/bin/tool") && is_there(staging, PATH_A "/bin/linked"));
	MUST(fs_remove_tree(staging, TOP) == 0);
	return 0;
}

static int unpack_plain(struct scratch *scratch)
{
	refuse_namespaces();
	return unpack_good(scratch);
}

static int unpack_filter_alone(struct scratch *scratch)
{
	refuse_landlock();
	return unpack_plain(scratch);
}

static void test_hosts(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch);

	close(make_dir(scratch, "staging"));
	tar_good(archive);
	/* a hard link from one directory to another */
	tar_entry(archive, '0', PATH_A "/lib/file", "", "file", 0644);
	tar_entry(archive, '1', PATH_A "/bin/linked", PATH_A "/lib/file", NULL, 0644);
	tar_end(archive);
	assert_int_equal(in_child(scratch, unpack_good, NULL), 0);
	if (landlock_version() != 1)
		assert_int_equal(in_child(scratch, unpack_plain, NULL), 0);
	assert_int_equal(in_child(scratch, unpack_filter_alone, NULL), 0);
}

/* ---- a child that lies ---- */

static void drain(void)
{
	char block[4096];

	while (read(STDIN_FILENO, block, sizeof(block)) > 0)
		;
}

static void leave_something(void)
{
	mkdir(TOP, 0755);
	close(open(TOP "/leftover", O_WRONLY | O_CREAT, 0000));
}

static int report(uint32_t kind, uint32_t advice, const char *text, bool reads, int status)
{
	struct extract_report said = {.kind = kind, .advice = advice, .bytes = 1, .entries = 1};

	strncpy(said.text, text, sizeof(said.text) - 1);
	leave_something();
	if (reads)
		drain();
	extract_report_send(STDOUT_FILENO, &said);
	return status;
}

static int says_outside(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_DONE, 0, "nix-x/../..", true, 0);
}

static int says_escapes(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_DONE, 0, "nix-\x1b[2J\n\xc2\x9b\xffx", true, 0);
}

static int fails_with_escapes(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_FAILED, 77, "\x1b[2Jall is well\nnix-user-chroot: forged", true, 1);
}

static int refuses(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_FAILED, EXTRACT_ADVICE_TARBALL, "a bad archive", true, 1);
}

/* Advice on the tarball, with the word of success */
static int succeeds_with_advice(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_DONE, EXTRACT_ADVICE_TARBALL, TOP, true, 1);
}

static int says_nothing_whole(const struct unpack_limits *limits)
{
	struct extract_report said;

	(void)limits;
	/* the text has no NUL anywhere */
	memset(&said, 'A', sizeof(said));
	said.kind = EXTRACT_FAILED;
	drain();
	extract_report_send(STDOUT_FILENO, &said);
	return 1;
}

static int says_no_name(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_DONE, 0, "", true, 0);
}

static int says_half(const struct unpack_limits *limits)
{
	struct extract_report said = {.kind = EXTRACT_DONE, .text = TOP};

	(void)limits;
	leave_something();
	drain();
	return write(STDOUT_FILENO, &said, sizeof(said) / 2) > 0 ? 0 : 1;
}

static int succeeds_with_status(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_DONE, 0, TOP, true, 1);
}

/* Reports success before it has seen the archive, which is longer than its pipe can hold. */
static int succeeds_early(const struct unpack_limits *limits)
{
	(void)limits;
	return report(EXTRACT_DONE, 0, TOP, false, 0);
}

static int says_nothing(const struct unpack_limits *limits)
{
	(void)limits;
	drain();
	return 0;
}

static int says_another_kind(const struct unpack_limits *limits)
{
	(void)limits;
	return report(77, 0, TOP, true, 0);
}

static int succeeds_then_dies(const struct unpack_limits *limits)
{
	(void)limits;
	report(EXTRACT_DONE, 0, TOP, true, 0);
	syscall(SYS_kill, 0, SIGTERM);
	return 0;
}

static char *unpack_by(struct scratch *scratch, int archive,
		       int (*work)(const struct unpack_limits *limits))
{
	_cleanup_close_ int staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	int saved = stderr_begin(scratch), r;
	struct unpack_result result;
	char *said;

	request.work = work;
	r = unpack_archive(&request, archive, NULL, &result);
	said = stderr_end(scratch, saved);
	assert_int_equal(r, -1);
	assert_null(result.top);
	/* only an archive that the child refused is bad the next time, too */
	assert_int_equal(result.refused, work == refuses);
	assert_int_equal(count_children(staging), 0);
	/* there is one message, of one line and a line of advice, without control characters */
	assert_true(str_starts_with(said, "nix-user-chroot: cannot unpack ARCHIVE into STAGING: "));
	for (const char *p = said; *p; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p <= 0x7e));
	assert_true(strlen(said) < 2000);
	return said;
}

static void test_liars(void **state)
{
	static const struct {
		int (*work)(const struct unpack_limits *limits);
		const char *says;
	} liars[] = {
		{says_outside, "reported success, which cannot be true (top directory "
			       "\"nix-x/../..\", status 0)"},
		{says_escapes, "top directory \"nix-\\u001B[2J\\u000A\\u009B\\xffx\""},
		{fails_with_escapes, ": \\u001B[2Jall is well\\u000Anix-user-chroot: forged\n"},
		{refuses, ": a bad archive\n"},
		{succeeds_with_advice, "status 1"},
		{says_nothing_whole, ": AAAA"},
		{says_no_name, "top directory \"\""},
		{says_half, "ended with status 0"},
		{succeeds_with_status, "status 1"},
		{succeeds_early, "reported success, which cannot be true"},
		{says_nothing, "ended with status 0"},
		{says_another_kind, "ended with status 0"},
		{succeeds_then_dies,
		 "ended by signal 31 (Bad system call)\n  it asked the kernel for "
		 "something that no unpacking needs; "},
	};
	_cleanup_close_ int archive = tar_new(*state);
	_cleanup_free_ char *large = xcalloc((1 << 20) + 1, 1);

	memset(large, 'l', 1 << 20);
	tar_good(archive);
	tar_entry(archive, '0', PATH_A "/large", "", large, 0644);
	tar_end(archive);
	for (size_t i = 0; i < sizeof(liars) / sizeof(liars[0]); i++) {
		_cleanup_free_ char *said = NULL;

		lseek(archive, 0, SEEK_SET);
		said = unpack_by(*state, archive, liars[i].work);
		assert_says(said, liars[i].says);
		if (liars[i].work == says_nothing_whole)
			assert_int_equal(strspn(strstr(said, "AAAA"), "A"),
					 sizeof(((struct extract_report *)0)->text) - 1);
	}
}

/* Nothing of the archive has come when success is reported. */
static void test_succeeds_too_early(void **state)
{
	_cleanup_free_ char *said = NULL;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	said = unpack_by(*state, ends[0], succeeds_early);
	assert_says(said, "reported success, which cannot be true");
	close(ends[0]);
	close(ends[1]);
}

static int says_half_and_stays(const struct unpack_limits *limits)
{
	struct extract_report said = {.kind = EXTRACT_DONE, .text = TOP};

	(void)limits;
	(void)!write(STDOUT_FILENO, &said, sizeof(said) / 2);
	drain();
	for (volatile bool go = true; go;)
		;
	return 0;
}

static int count_to_three(void *ctx, uint64_t bytes)
{
	int *count = ctx;

	(void)bytes;
	return ++*count == 3;
}

/* The child keeps the parent waiting for the other half: Ctrl-C works all the same. */
static void test_half_and_stays(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging"), archive = tar_new(scratch);
	struct unpack_request request = request_for(staging);
	struct unpack_result result;
	int count = 0;

	request.work = says_half_and_stays;
	request.progress = count_to_three;
	request.ctx = &count;
	alarm(60);
	assert_int_equal(unpack_archive(&request, archive, NULL, &result), -1);
	alarm(0);
	assert_int_equal(count, 3);
}

/* ---- a second child after one that was given up ---- */

static int attempt; /* what the next child does */

enum { SAYS_DONE_EARLY, SAYS_HALF, ENDS_AT_ONCE, SAYS_NOTHING, SAYS_DONE };

static int by_attempt(const struct unpack_limits *limits)
{
	struct extract_report failed = {.kind = EXTRACT_FAILED, .text = "half"};

	(void)limits;
	switch (attempt) {
	case SAYS_DONE_EARLY:
		report(EXTRACT_DONE, 0, TOP, false, 0);
		drain();
		return 0;
	case SAYS_HALF:
		if (write(STDOUT_FILENO, &failed, sizeof(failed) / 2) > 0)
			drain();
		return 0;
	case ENDS_AT_ONCE:
		return 1;
	case SAYS_NOTHING:
		drain();
		return 0;
	default:
		return report(EXTRACT_DONE, 0, TOP, true, 0);
	}
}

/* Lets a child do FIRST, with more bytes than a pipe holds, then another SECOND. Its result. */
static int restarted(struct scratch *scratch, int first, int second)
{
	_cleanup_close_ int staging = make_dir(scratch, "staging");
	_cleanup_free_ char *bytes = xcalloc(1 << 20, 1);
	struct unpack_request request = request_for(staging);
	struct unpack_result result;
	struct unpack *unpack;
	int saved = stderr_begin(scratch), r;

	request.work = by_attempt;
	attempt = first;
	unpack = unpack_begin(&request);
	assert_non_null(unpack);
	r = unpack_write(unpack, bytes, 1 << 20);
	assert_int_equal(r, first == ENDS_AT_ONCE ? -EPIPE : 0);
	attempt = second;
	assert_int_equal(unpack_restart(unpack), 0);
	assert_int_equal(unpack_write(unpack, bytes, 1 << 20), 0);
	r = unpack_end(unpack, &result);
	free(stderr_end(scratch, saved));
	unpack_result_clear(&result);
	assert_int_equal(fs_remove_tree(scratch->fd, "staging"), 0);
	return r;
}

/* Nothing that a child has said is taken for what the next one says. */
static void test_restart(void **state)
{
	assert_int_equal(restarted(*state, SAYS_DONE_EARLY, SAYS_NOTHING), -1);
	assert_int_equal(restarted(*state, SAYS_HALF, SAYS_DONE), 0);
	assert_int_equal(restarted(*state, ENDS_AT_ONCE, SAYS_DONE), 0);
}

static int spin(const struct unpack_limits *limits)
{
	(void)limits;
	for (volatile bool go = true; go;)
		;
	return 0;
}

/* If the keeper is killed, all other processes end. */
static int kill_keeper(struct scratch *scratch, bool is_plain)
{
	_cleanup_close_ int staging = fs_open_dir(scratch->fd, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack_result result;
	struct unpack *unpack;
	pid_t keeper;

	request.work = spin;
	if (is_plain)
		refuse_namespaces();
	unpack = unpack_begin(&request);
	MUST(unpack);
	keeper = child_of(getpid());
	MUST(keeper > 0 && kill(keeper, SIGKILL) == 0);
	/* returns only when no process has the pipe of reports open any more */
	alarm(60);
	MUST(unpack_end(unpack, &result) == -1);
	return 0;
}

static int kill_keeper_in_namespaces(struct scratch *scratch)
{
	return kill_keeper(scratch, false);
}

static int kill_keeper_plain(struct scratch *scratch)
{
	return kill_keeper(scratch, true);
}

static void test_keeper_killed(void **state)
{
	_cleanup_free_ char *said = NULL, *plain = NULL;

	close(make_dir(*state, "staging"));
	if (access("/proc/thread-self/children", R_OK) < 0)
		skip();
	assert_int_equal(in_child(*state, kill_keeper_in_namespaces, &said), 0);
	assert_says(said, "ended by signal 9");
	assert_int_equal(in_child(*state, kill_keeper_plain, &plain), 0);
	assert_says(plain, "ended by signal 9");
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_from_outside),   WITH_SCRATCH(test_low_limits),
		WITH_SCRATCH(test_unconfined),	   WITH_SCRATCH(test_hosts),
		WITH_SCRATCH(test_liars),	   WITH_SCRATCH(test_succeeds_too_early),
		WITH_SCRATCH(test_half_and_stays), WITH_SCRATCH(test_restart),
		WITH_SCRATCH(test_keeper_killed),
	};

	return cmocka_run_group_tests_name("unpack sandbox", tests, NULL, NULL);
}
