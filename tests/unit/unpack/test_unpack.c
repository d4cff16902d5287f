/* unpack_archive() with a live child; the archives that it must refuse are archives.bats's. */
#include "unpack_fixture.h"

#include "unpack/unpack.h"

#include <sys/file.h>

static struct unpack_request request_for(int staging_fd)
{
	return (struct unpack_request){
		.archive_name = "ARCHIVE",
		.staging_fd = staging_fd,
		.staging_path = "STAGING",
		.lock_fd = -1,
	};
}

static void assert_mode(int dirfd, const char *name, mode_t mode, bool canonical_time)
{
	struct stat st = status_of(dirfd, name);

	if (st.st_mode != mode)
		fail_msg("%s has mode %o", name, st.st_mode);
	if (canonical_time) {
		assert_int_equal(st.st_mtime, 1);
		assert_int_equal(st.st_mtim.tv_nsec, 0);
	}
	assert_int_equal(st.st_uid, geteuid());
}

static void test_good(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack_result result;
	mode_t old_mask = umask(077);

	tar_good(archive);
	tar_entry(archive, '5', PATH_A "/bin", "", NULL, 0);
	tar_entry(archive, '0', PATH_A "/data", "", "data", 04600);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
	umask(old_mask);
	assert_string_equal(result.top, TOP);
	assert_int_equal(result.entries, 9);
	assert_int_equal(result.bytes, strlen("#!/bin/sh\n") + strlen("tool") + strlen("data"));
	assert_mode(staging, TOP, S_IFDIR | 0755, false);
	assert_mode(staging, TOP "/install", S_IFREG | 0755, false);
	assert_mode(staging, TOP "/.reginfo", S_IFREG | 0644, false);
	assert_mode(staging, TOP "/store", S_IFDIR | 0755, false);
	assert_mode(staging, PATH_A, S_IFDIR | 0755, true);
	assert_mode(staging, PATH_A "/bin", S_IFDIR | 0555, true);
	assert_mode(staging, PATH_A "/bin/tool", S_IFREG | 0555, true);
	assert_mode(staging, PATH_A "/data", S_IFREG | 0444, true);
	assert_mode(staging, PATH_A "/link", S_IFLNK | 0777, true);
	assert_file(staging, PATH_A "/bin/tool", "tool");
	unpack_result_clear(&result);
	assert_null(result.top);
}

/* Runs FEED in a child, SCRATCH's helper, on the writing end of a pipe. Returns the reading end. */
static int pipe_from(struct scratch *scratch, void (*feed)(int fd))
{
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	scratch->helper = fork();
	assert_true(scratch->helper >= 0);
	if (scratch->helper == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		close(pipes[0]);
		feed(pipes[1]);
		_exit(0);
	}
	close(pipes[1]);
	return pipes[0];
}

static void feed_good(int fd)
{
	tar_good(fd);
	tar_end(fd);
}

static void feed_half_and_stall(int fd)
{
	tar_good(fd);
	pause();
}

static void test_pipe(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging"), archive = -1;
	struct unpack_request request;
	struct unpack_result result;
	int status;

	archive = pipe_from(scratch, feed_good);
	request = request_for(staging);
	assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
	assert_file(staging, PATH_A "/bin/tool", "tool");
	unpack_result_clear(&result);
	assert_int_equal(waitpid(scratch->helper, &status, 0), scratch->helper);
	scratch->helper = 0;
	assert_int_equal(status, 0);
}

/* Unpacks, which must fail; with REFUSED because of the archive itself. Returns the messages. */
static char *unpack_fails(const struct scratch *scratch, const struct unpack_request *request,
			  int archive, bool refused)
{
	struct unpack_result result = {.top = xstrdup("not yet")};
	char *old = result.top;
	int saved = stderr_begin(scratch);
	int r = unpack_archive(request, archive, NULL, &result);
	char *said = stderr_end(scratch, saved);

	free(old);
	assert_int_equal(r, -1);
	assert_null(result.top);
	assert_int_equal(result.refused, refused);
	assert_int_equal(count_children(request->staging_fd), 0);
	return said;
}

static void test_refused(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *said = NULL;

	tar_good(archive);
	tar_entry(archive, '0', "../\x1b[31mevil", "", "evil", 0644);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	said = unpack_fails(scratch, &request, archive, true);
	assert_says(said, "cannot unpack ARCHIVE into STAGING: entry \"../\\u001B[31mevil\": ");
	assert_says(said, "\n  get the tarball anew");
	assert_false(is_there(scratch->fd, "\x1b[31mevil"));
}

static void test_limits(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack_result result;

	tar_good(archive);
	tar_end(archive);
	for (uint64_t entries = 1; entries <= 8; entries++) {
		request.limits.entries = entries;
		lseek(archive, 0, SEEK_SET);
		if (entries < 8) {
			_cleanup_free_ char *said = unpack_fails(scratch, &request, archive, true);

			assert_says(said, "entries\n");
		} else {
			assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
			unpack_result_clear(&result);
		}
	}
}

static void test_byte_limit(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *said = NULL;

	tar_good(archive);
	tar_entry(archive, '0', PATH_A "/large", "", "0123456789", 0644);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	request.limits.bytes = 20;
	said = unpack_fails(scratch, &request, archive, true);
	assert_says(said, "it holds more than 20 bytes");
}

/* What an entry's header says is enough: none of its 8 GB have come yet. */
static void test_declared_size(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *said = NULL;
	unsigned char block[512];
	unsigned sum = 0;
	char text[8];

	tar_good(archive);
	tar_entry(archive, '0', PATH_A "/large", "", "", 0644);
	lseek(archive, -512, SEEK_CUR);
	assert_int_equal(read(archive, block, sizeof(block)), sizeof(block));
	memset(block + 124, '7', 11);
	memset(block + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(block); i++)
		sum += block[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(block + 148, text, 7);
	assert_int_equal(pwrite(archive, block, 512, lseek(archive, 0, SEEK_CUR) - 512), 512);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	request.limits.bytes = 1 << 20;
	said = unpack_fails(scratch, &request, archive, true);
	assert_says(said, ": it holds more than 1");
}

/* Writes an archive of some entries, and checks what is said of it; NULL: it is good. */
static void unpack_parts(struct scratch *scratch, const char *const *names, const char *says)
{
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack_result result;

	for (; *names; names++)
		tar_entry(archive, str_ends_with(*names, "/") ? '5' : '0', *names, "", "", 0755);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	if (says) {
		_cleanup_free_ char *said = unpack_fails(scratch, &request, archive, true);

		assert_says(said, says);
	} else {
		assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
		unpack_result_clear(&result);
		assert_int_equal(fs_remove_tree(staging, TOP), 0);
	}
}

#define INSTALL TOP "/install"
#define REGINFO TOP "/.reginfo"
#define STORE	TOP "/store/"

/* Without one of the parts that each tarball has, or with something else of its name. */
static void test_parts(void **state)
{
	static const struct {
		const char *names[5];
		const char *says;
	} cases[] = {
		{{INSTALL, REGINFO, STORE}, NULL},
		{{INSTALL, REGINFO, PATH_A}, NULL},
		{{INSTALL, REGINFO, PATH_A "/bin/tool"}, NULL},
		{{NULL}, ": it is empty\n"},
		{{REGINFO, STORE}, ": there is no install script in it\n"},
		{{INSTALL "/", REGINFO, STORE}, ": there is no install script in it\n"},
		{{INSTALL, REGINFO}, ": there is no store/ in it\n"},
		{{INSTALL, STORE}, ": there is no .reginfo in it\n"},
		{{INSTALL, REGINFO "/", STORE}, ": there is no .reginfo in it\n"},
		{{INSTALL, PATH_A "/.reginfo"}, ": there is no .reginfo in it\n"},
		{{REGINFO, PATH_A "/install"}, ": there is no install script in it\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		unpack_parts(*state, cases[i].names, cases[i].says);
}

/* Fewer bytes than the first look takes, and entries that come after an end of the archive. */
static void test_ends(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *said = NULL;
	struct unpack_result result;

	assert_int_equal(fs_write_all(archive, "short", 5), 0);
	lseek(archive, 0, SEEK_SET);
	said = unpack_fails(scratch, &request, archive, true);
	assert_says(said, ": not a tarball (tar, compressed with ");
	assert_int_equal(ftruncate(archive, 0), 0);
	lseek(archive, 0, SEEK_SET);
	tar_good(archive);
	tar_end(archive);
	tar_entry(archive, '0', PATH_A "/later", "", "later", 0644);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
	unpack_result_clear(&result);
	assert_file(staging, PATH_A "/later", "later");
}

static void test_unreadable(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *said = unpack_fails(scratch, &request, scratch->fd, false);

	assert_says(said, "cannot read it: Is a directory");
}

/* A sink that records what it got. */
struct watch {
	char *data;
	size_t len, fail_at; /* fail_at 0: never */
};

static int watch_write(void *ctx, const void *data, size_t len)
{
	struct watch *watch = ctx;

	watch->data = xreallocarray(watch->data, watch->len + len, 1);
	memcpy(watch->data + watch->len, data, len);
	watch->len += len;
	return watch->fail_at && watch->len >= watch->fail_at ? -EIO : 0;
}

struct rewrite {
	int fd;
	off_t offset;
	bool done;
};

static int rewrite_last_file(void *ctx, uint64_t bytes)
{
	struct rewrite *rewrite = ctx;

	if (bytes > 0 && !rewrite->done)
		rewrite->done = pwrite(rewrite->fd, "evil", 4, rewrite->offset) == 4;
	return 0;
}

/*
 * Another user rewrites the verified file, at a place that was not read yet: it is the same inode,
 * and still a good archive. The sink has seen the bytes that the child got.
 */
static void test_changed_while_unpacking(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *large = xcalloc((1 << 20) + 1, 1);
	struct rewrite rewrite = {.fd = archive};
	struct watch watch = {0};
	struct unpack_result result;

	memset(large, 'l', 1 << 20);
	tar_good(archive);
	tar_entry(archive, '0', PATH_A "/large", "", large, 0644);
	tar_entry(archive, '0', PATH_A "/last", "", "good", 0644);
	rewrite.offset = lseek(archive, 0, SEEK_CUR) - 512;
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	request.progress = rewrite_last_file;
	request.ctx = &rewrite;
	assert_int_equal(unpack_archive(&request, archive,
					&(struct sink){.write = watch_write, .ctx = &watch},
					&result),
			 0);
	assert_true(rewrite.done);
	assert_file(staging, PATH_A "/last", "evil");
	assert_int_equal(watch.len, lseek(archive, 0, SEEK_END));
	assert_memory_equal(watch.data + rewrite.offset, "evil", 4);
	unpack_result_clear(&result);
	free(watch.data);
}

/* If the sink fails, unpacking ends, and nothing is left. */
static void test_watcher_fails(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	struct watch watch = {.fail_at = 1};
	_cleanup_free_ char *said = NULL;
	struct unpack_result result;
	int r, saved;

	tar_good(archive);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	saved = stderr_begin(scratch);
	r = unpack_archive(&request, archive, &(struct sink){.write = watch_write, .ctx = &watch},
			   &result);
	said = stderr_end(scratch, saved);
	free(watch.data);
	assert_int_equal(r, -1);
	assert_null(result.top);
	assert_string_equal(said, ""); /* the sink itself prints the reason */
	assert_int_equal(count_children(staging), 0);
}

/* Hands in the whole archive of FD in pieces of SIZE bytes. */
static void push(struct unpack *unpack, int fd, size_t size)
{
	char block[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, block, size)) > 0)
		assert_int_equal(unpack_write(unpack, block, (size_t)n), 0);
}

/* As for a download: the bytes are handed in, and unpacking begins again with other bytes. */
static void test_push(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	struct sigaction before, after;
	struct unpack_result result;
	struct unpack *unpack;

	signal(SIGPIPE, SIG_DFL);
	sigaction(SIGPIPE, NULL, &before);
	tar_good(archive);
	unpack = unpack_begin(&request);
	assert_non_null(unpack);
	push(unpack, archive, 7);
	assert_int_equal(unpack_restart(unpack), 0);
	push(unpack, archive, 4096);
	unpack_abort(unpack);
	assert_int_equal(count_children(staging), 0);
	tar_end(archive);
	unpack = unpack_begin(&request);
	assert_non_null(unpack);
	assert_int_equal(unpack_restart(unpack), 0);
	push(unpack, archive, 1000);
	assert_int_equal(unpack_end(unpack, &result), 0);
	assert_string_equal(result.top, TOP);
	assert_file(staging, PATH_A "/bin/tool", "tool");
	unpack_result_clear(&result);
	sigaction(SIGPIPE, NULL, &after);
	assert_ptr_equal(before.sa_handler, after.sa_handler);
}

static void feed_refused_then_more(int fd)
{
	static const char zeros[1 << 16];

	signal(SIGPIPE, SIG_IGN);
	tar_good(fd);
	tar_entry(fd, '0', "/absolute", "", "evil", 0644);
	while (fs_write_all(fd, zeros, sizeof(zeros)) == 0)
		;
}

/*
 * The child ends while there is more to come than the pipe holds: the parent must not wait, nor get
 * SIGPIPE.
 */
static void test_refused_early(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging"), archive = -1;
	struct sigaction before, after;
	_cleanup_free_ char *said = NULL;
	struct unpack_request request;
	int status;

	archive = pipe_from(scratch, feed_refused_then_more);
	request = request_for(staging);
	signal(SIGPIPE, SIG_DFL);
	sigaction(SIGPIPE, NULL, &before);
	said = unpack_fails(scratch, &request, archive, true);
	sigaction(SIGPIPE, NULL, &after);
	assert_ptr_equal(before.sa_handler, after.sa_handler);
	assert_says(said, "its name is absolute");
	/* this was the only reading end: so the helper ends by itself */
	close(steal_fd(&archive));
	assert_int_equal(waitpid(scratch->helper, &status, 0), scratch->helper);
	scratch->helper = 0;
	assert_int_equal(status, 0);
}

struct calls {
	int count, stop_at;
	uint64_t bytes;
};

static int count_calls(void *ctx, uint64_t bytes)
{
	struct calls *calls = ctx;

	calls->bytes = bytes;
	return ++calls->count == calls->stop_at;
}

static void test_stop_while_stalled(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging"), archive = -1;
	struct calls calls = {.stop_at = 2};
	_cleanup_free_ char *said = NULL;
	struct unpack_request request;

	archive = pipe_from(scratch, feed_half_and_stall);
	request = request_for(staging);
	request.progress = count_calls;
	request.ctx = &calls;
	said = unpack_fails(scratch, &request, archive, false);
	assert_string_equal(said, "");
	assert_int_equal(calls.count, 2);
}

static void test_progress(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int archive = tar_new(scratch), staging = make_dir(scratch, "staging");
	struct unpack_request request = request_for(staging);
	_cleanup_free_ char *large = xcalloc((1 << 20) + 1, 1);
	struct unpack_result result;
	struct calls calls = {0};

	memset(large, 'l', 1 << 20);
	tar_good(archive);
	tar_entry(archive, '0', PATH_A "/large", "", large, 0644);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	request.progress = count_calls;
	request.ctx = &calls;
	assert_int_equal(unpack_archive(&request, archive, NULL, &result), 0);
	assert_true(calls.count > 0);
	assert_true(calls.bytes >= (3 << 18) && calls.bytes <= (1 << 20) + 8192);
	unpack_result_clear(&result);
}

static int killing_signal;

/* Kills the working process, as the kernel does when memory or time runs out. */
static int kill_worker(void *ctx, uint64_t bytes)
{
	bool *done = ctx;
	pid_t worker = last_descendant();

	(void)bytes;
	if (!*done && worker > 0)
		*done = kill(worker, killing_signal) == 0;
	return 0;
}

struct pause {
	int write_end; /* of the archive's pipe; does not block */
	bool done;
	int left; /* how many calls come before the end */
};

/*
 * Pauses the working process, and then sends more than its pipe holds. The first bytes are few, so
 * that only the beginning of the next block fits into the pipe.
 */
static int pause_worker(void *ctx, uint64_t bytes)
{
	static const char zeros[1 << 16];
	struct pause *pause = ctx;
	pid_t worker = last_descendant();

	(void)bytes;
	if (pause->done) {
		(void)!write(pause->write_end, zeros, sizeof(zeros));
		return --pause->left == 0;
	}
	if (worker > 0) {
		pause->done = kill(worker, SIGSTOP) == 0;
		(void)!write(pause->write_end, zeros, 4096);
	}
	return 0;
}

/* The child takes no more bytes: although its pipe is full, Ctrl-C must work. */
static void test_stop_with_full_pipe(void **state)
{
	struct scratch *scratch = *state;
	_cleanup_close_ int staging = make_dir(scratch, "staging"), read_end = -1, write_end = -1;
	struct pause pause = {.left = 8};
	_cleanup_free_ char *said = NULL;
	struct unpack_request request;
	int pipes[2];

	if (access("/proc/thread-self/children", R_OK) < 0)
		skip();
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	read_end = pipes[0];
	write_end = pause.write_end = pipes[1];
	assert_int_equal(fcntl(write_end, F_SETFL, O_NONBLOCK), 0);
	tar_good(write_end);
	request = request_for(staging);
	request.progress = pause_worker;
	request.ctx = &pause;
	alarm(60); /* ends the test if the call blocks for ever */
	said = unpack_fails(scratch, &request, read_end, false);
	alarm(0);
	assert_true(pause.done);
	assert_string_equal(said, "");
}

static void worker_killed(struct scratch *scratch, int sig, const char *words)
{
	_cleanup_close_ int staging = make_dir(scratch, "staging"), read_end = -1, write_end = -1;
	bool done = false;
	_cleanup_free_ char *said = NULL;
	struct unpack_request request;
	int pipes[2];

	/* we have both ends of the pipe, so the child waits for more; and we have no other child */
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	read_end = pipes[0];
	write_end = pipes[1];
	tar_good(write_end);
	killing_signal = sig;
	request = request_for(staging);
	request.progress = kill_worker;
	request.ctx = &done;
	said = unpack_fails(scratch, &request, read_end, false);
	assert_true(done);
	assert_says(said, words);
	assert_int_equal(fs_remove_tree(scratch->fd, "staging"), 0);
}

static void test_worker_killed(void **state)
{
	if (access("/proc/thread-self/children", R_OK) < 0)
		skip();
	worker_killed(
		*state, SIGKILL,
		"the unpacking was ended by signal 9 (Killed)\n  SIGKILL is often the kernel's "
		"answer to too little memory; run it again\n");
	worker_killed(
		*state, SIGXCPU,
		"the unpacking was ended by signal 24 (CPU time limit exceeded)\n  half an hour "
		"of processor time is more than a tarball of Nix takes: get it from elsewhere\n");
}

/* What a compromised process would do to outlive its parent; and then it never ends. */
static int stay(const struct unpack_limits *limits)
{
	(void)limits;
	syscall(SYS_prctl, PR_SET_PDEATHSIG, 0);
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_IGN);
	for (volatile bool go = true; go;)
		;
	return 0;
}

struct victim {
	int archive, staging, told;
	bool is_plain; /* no namespaces */
	int (*work)(const struct unpack_limits *limits);
};

/* The process that will be killed: takes the lock, reports that, and unpacks. */
static _Noreturn void run_victim(const struct scratch *scratch, const struct victim *victim)
{
	struct unpack_request request = request_for(victim->staging);
	struct unpack_result result;
	struct unpack *unpack;

	request.lock_fd = openat(scratch->fd, "lock", O_RDWR);
	request.work = victim->work;
	if (victim->is_plain)
		refuse_namespaces();
	if (flock(request.lock_fd, LOCK_EX) < 0)
		_exit(1);
	unpack = unpack_begin(&request);
	if (!unpack || write(victim->told, "l", 1) != 1)
		_exit(1);
	close(victim->told);
	for (char block[512]; read(victim->archive, block, sizeof(block)) == sizeof(block);)
		if (unpack_write(unpack, block, sizeof(block)) < 0)
			break;
	unpack_end(unpack, &result);
	_exit(1);
}

/*
 * All of --install is killed. Then the child must end, too; and as long as the child lives it must
 * hold the lock, which keeps the next --install away from the staging directory. Nothing here waits
 * for a fixed time.
 */
static void kill_caller(struct scratch *scratch, struct victim victim)
{
	_cleanup_close_ int staging = make_dir(scratch, "staging"), write_end = -1, again = -1;
	int pipes[2], told[2];
	char byte;

	make_file(scratch->fd, "lock", "", 0600);
	assert_int_equal(pipe2(pipes, O_CLOEXEC) | pipe2(told, O_CLOEXEC), 0);
	scratch->helper = fork();
	assert_true(scratch->helper >= 0);
	if (scratch->helper == 0) {
		close(pipes[1]);
		close(told[0]);
		victim.archive = pipes[0];
		victim.staging = staging;
		victim.told = told[1];
		run_victim(scratch, &victim);
	}
	close(pipes[0]);
	write_end = pipes[1];
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	/*
	 * These are more bytes than two pipes and the helper between them can hold: once they are
	 * written, the child has read some of them, and is at work.
	 */
	for (int i = 0; i < 600 && !victim.work; i++)
		tar_entry(write_end, '5', TOP, "", NULL, 0755);
	kill(scratch->helper, SIGKILL);
	assert_int_equal(waitpid(scratch->helper, NULL, 0), scratch->helper);
	scratch->helper = 0;
	alarm(60); /* ends the test if a process lives on and holds the lock */
	again = openat(scratch->fd, "lock", O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(again, LOCK_EX), 0);
	alarm(0);
	/* no process reads the archive any more */
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(write(write_end, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
}

static void test_caller_killed(void **state)
{
	kill_caller(*state, (struct victim){.is_plain = false});
}

static void test_caller_killed_plain(void **state)
{
	kill_caller(*state, (struct victim){.is_plain = true});
}

static void test_caller_killed_stays(void **state)
{
	kill_caller(*state, (struct victim){.work = stay});
}

static void test_caller_killed_stays_plain(void **state)
{
	kill_caller(*state, (struct victim){.is_plain = true, .work = stay});
}

/* ---- what cannot be written ---- */

/* Unpacks where a call and its like of an older kernel fail. */
static int refused_both(struct scratch *scratch, long number, long older, int err)
{
	_cleanup_close_ int archive = tar_new(scratch);
	_cleanup_close_ int staging = fs_open_dir(scratch->fd, "staging");
	struct unpack_request request = request_for(staging);
	struct unpack_result result;

	tar_good(archive);
	tar_end(archive);
	lseek(archive, 0, SEEK_SET);
	refuse_call(number, -1, err);
	if (older >= 0)
		refuse_call(older, -1, err);
	return unpack_archive(&request, archive, NULL, &result) == -1 && !result.top &&
			       !result.refused && count_children(staging) == 0
		       ? 0
		       : 1;
}

static int no_symlinks(struct scratch *scratch, int err)
{
#ifdef SYS_symlink
	return refused_both(scratch, SYS_symlinkat, SYS_symlink, err);
#else
	return refused_both(scratch, SYS_symlinkat, -1, err);
#endif
}

/* What was to be made first is what is named, not what is in it. */
static int no_directories(struct scratch *scratch)
{
#ifdef SYS_mkdir
	return refused_both(scratch, SYS_mkdirat, SYS_mkdir, EPERM);
#else
	return refused_both(scratch, SYS_mkdirat, -1, EPERM);
#endif
}

static int no_room(struct scratch *scratch)
{
	return no_symlinks(scratch, ENOSPC);
}

static int no_quota(struct scratch *scratch)
{
	return no_symlinks(scratch, EDQUOT);
}

static int not_permitted(struct scratch *scratch)
{
	return no_symlinks(scratch, EPERM);
}

/* What helps depends on why; how much there was room for is said only where room is the reason. */
static void test_not_written(void **state)
{
	static const char so_far[] = " (14 bytes in 8 files were unpacked until then)\n  make room "
				     "there (or raise the quota) and run it again\n";
	static const char elsewhere[] = "\n  look at that file system's mount options and "
					"permissions, or choose another one with "
					"NIX_USER_CHROOT_DIR\n";
	static const struct {
		int (*body)(struct scratch *scratch);
		const char *entry;
		int err;
		const char *words;
	} cases[] = {
		{no_room, PATH_A "/link", ENOSPC, so_far},
		{no_quota, PATH_A "/link", EDQUOT, so_far},
		{no_directories, TOP, EPERM, elsewhere},
		{not_permitted, PATH_A "/link", EPERM, elsewhere},
	};
	struct scratch *scratch = *state;

	close(make_dir(scratch, "staging"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *said = NULL;
		_cleanup_free_ char *words =
			xasprintf("nix-user-chroot: cannot unpack ARCHIVE into STAGING: entry "
				  "\"%s\": cannot write it: %s%s",
				  cases[i].entry, strerror(cases[i].err), cases[i].words);

		assert_int_equal(in_child(scratch, cases[i].body, &said), 0);
		assert_string_equal(said, words);
	}
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_good),
		WITH_SCRATCH(test_pipe),
		WITH_SCRATCH(test_refused),
		WITH_SCRATCH(test_limits),
		WITH_SCRATCH(test_byte_limit),
		WITH_SCRATCH(test_declared_size),
		WITH_SCRATCH(test_parts),
		WITH_SCRATCH(test_ends),
		WITH_SCRATCH(test_unreadable),
		WITH_SCRATCH(test_changed_while_unpacking),
		WITH_SCRATCH(test_watcher_fails),
		WITH_SCRATCH(test_push),
		WITH_SCRATCH(test_refused_early),
		WITH_SCRATCH(test_stop_while_stalled),
		WITH_SCRATCH(test_progress),
		WITH_SCRATCH(test_stop_with_full_pipe),
		WITH_SCRATCH(test_worker_killed),
		WITH_SCRATCH(test_caller_killed),
		WITH_SCRATCH(test_caller_killed_plain),
		WITH_SCRATCH(test_caller_killed_stays),
		WITH_SCRATCH(test_caller_killed_stays_plain),
		WITH_SCRATCH(test_not_written),
	};

	return cmocka_run_group_tests_name("unpack", tests, NULL, NULL);
}
