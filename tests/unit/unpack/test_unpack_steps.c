/*
 * unpack_archive() where one call of many fails once, in the process that called it: it succeeds
 * all the same, or says why not; nothing is left, no descriptor either, and none of the caller's is
 * closed.
 */
#include "unpack_fixture.h"

#include "ui/log.h"
#include "unpack/unpack.h"

#include "../child.h"
#include "../nth.h"

struct scene {
	struct scratch *scratch;
	int staging;
	size_t descriptors; /* that the test has open */
	uint64_t size;	    /* of the archive; 0: all of the file */
	bool is_own_signal; /* the caller ignores SIGCHLD */
};

enum { SUCCEEDS, FAILS, IS_WRONG };

static struct unpack_request request_for(const struct scene *scene)
{
	return (struct unpack_request){
		.archive_name = "ARCHIVE",
		.archive_size = scene->size,
		.staging_fd = scene->staging,
		.staging_path = "STAGING",
		.lock_fd = -1,
	};
}

static struct scene scene_new(struct scratch *scratch)
{
	struct scene scene = {.scratch = scratch, .staging = make_dir(scratch, "staging")};
	_cleanup_close_ int archive = tar_new(scratch);

	tar_good(archive);
	tar_end(archive);
	/* the archive is closed, and a copy of stderr is open instead */
	scene.descriptors = count_descriptors();
	return scene;
}

/* Are the signals and descriptors of this process what they were? */
static bool is_as_before(const struct scene *scene)
{
	struct sigaction now;

	return sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL &&
	       child_has_stdin() && count_descriptors() == scene->descriptors;
}

static int unpack_it(void *ctx)
{
	const struct scene *scene = ctx;
	struct unpack_request request = request_for(scene);
	int archive = openat(scene->scratch->fd, "archive.tar", O_RDONLY | O_CLOEXEC), r;
	struct unpack_result result;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, scene->is_own_signal ? SIG_IGN : SIG_DFL);
	if (archive < 0)
		return IS_WRONG;
	log_set_level(LOG_VERBOSE);
	r = unpack_archive(&request, archive, NULL, &result);
	close(archive);
	/* no process is left either */
	if (!is_as_before(scene) || waitpid(-1, NULL, WNOHANG) != -1)
		return IS_WRONG;
	if (r == 0)
		return result.top && strcmp(result.top, TOP) == 0 && result.entries == 8 &&
				       !result.refused
			       ? SUCCEEDS
			       : IS_WRONG;
	return r == -1 && !result.top && !result.refused ? FAILS : IS_WRONG;
}

/* Let WHAT happen. Returns what is said; the caller frees. NULL: there was no such call. */
static char *unpack_with(const struct nth *what, struct scene *scene, int *status)
{
	int saved = stderr_begin(scene->scratch), r;
	char *said;

	r = nth_happens(what, unpack_it, scene, status);
	said = stderr_end(scene->scratch, saved);
	if (r < 0) {
		free(said);
		skip();
	}
	if (*status == SUCCEEDS << 8) {
		assert_file(scene->staging, PATH_A "/bin/tool", "tool");
		assert_int_equal(fs_remove_tree(scene->staging, TOP), 0);
	}
	if (count_children(scene->staging) != 0)
		fail_msg("call %ld, the %dth left something: %#x, %s", what->number, what->nth,
			 *status, said);
	if (r > 0)
		return said;
	/* what this host lacks is said then, too */
	assert_int_equal(*status, SUCCEEDS << 8);
	free(said);
	return NULL;
}

static void scene_free(struct scene *scene)
{
	close(scene->staging);
}

/* What a signal interrupts is done again; without a word, and without doing without anything. */
static void interrupted(void **state)
{
	static const struct {
		long number;
		int err;
	} calls[] = {
		{SYS_read, EINTR},   {SYS_write, EINTR}, {SYS_wait4, EINTR},
#ifdef SYS_poll
		{SYS_poll, EINTR},
#endif
		{SYS_write, EAGAIN},
	};
	struct scene scene = scene_new(*state);
	_cleanup_free_ char *usual = NULL;
	int status;

	usual = unpack_with(&(struct nth){.number = SYS_umask, .nth = 1, .of_children = true},
			    &scene, &status);
	assert_int_equal(status, SUCCEEDS << 8);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (int nth = 1;; nth++) {
			const struct nth what = {
				.number = calls[i].number, .nth = nth, .err = calls[i].err};
			_cleanup_free_ char *said = unpack_with(&what, &scene, &status);

			if (!said)
				break;
			if (status != SUCCEEDS << 8 || strcmp(said, usual) != 0)
				fail_msg("call %ld, the %dth: %#x, %s", what.number, nth, status,
					 said);
		}
	scene_free(&scene);
}

/* Each read of the child fails, as from a disk that is broken. */
static void reads_that_fail(void **state)
{
	struct scene scene = scene_new(*state);
	size_t told = 0;
	int status;

	for (int nth = 1; nth < 100; nth++) {
		const struct nth what = {
			.number = SYS_read, .nth = nth, .err = EIO, .of_children = true};
		_cleanup_free_ char *said = unpack_with(&what, &scene, &status);

		if (!said)
			break;
		if (status == IS_WRONG << 8)
			fail_msg("the %dth: %s", nth, said);
		told += strstr(said, "cannot read it: Input/output error") != NULL;
	}
	/* the beginning, which tells how it is compressed, and what comes after it */
	assert_true(told >= 2);
	scene_free(&scene);
}

/* What fails is told, once; or it is done without. */
static void fails_once(void **state)
{
	static const struct {
		long number;
		int err;
	} calls[] = {
		{SYS_pipe2, EMFILE},
		{SYS_read, EIO},
		{SYS_clone, EAGAIN},
	};
	struct scene scene = scene_new(*state);
	size_t failed = 0;
	int status;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		for (int nth = 1; nth < 10; nth++) {
			const struct nth what = {
				.number = calls[i].number, .nth = nth, .err = calls[i].err};
			_cleanup_free_ char *said = unpack_with(&what, &scene, &status);

			if (!said)
				break;
			failed += status == FAILS << 8;
			if (status == IS_WRONG << 8 ||
			    (status == FAILS << 8 && !strstr(said, "nix-user-chroot: cannot ")))
				fail_msg("call %ld, the %dth: %#x, %s", what.number, nth, status,
					 said);
		}
	assert_true(failed >= 3);
	scene_free(&scene);
}

/* Which words there are for a step that fails. */
static void words_of_a_failure(void **state)
{
	static const char pipes[] =
		"nix-user-chroot: cannot start the unpacking: pipe: Too many open "
		"files\n  the limit of open files may be reached: ulimit -n\n";
	static const char plain[] = "the unpacking has no namespaces of its own: ";
	static const struct {
		struct nth what;
		int status;
		const char *says, *reason;
	} cases[] = {
		{{.number = SYS_pipe2, .nth = 1, .err = EMFILE}, FAILS, pipes, ""},
		{{.number = SYS_pipe2, .nth = 2, .err = EMFILE}, FAILS, pipes, ""},
		{{.number = SYS_fcntl, .nth = 1, .err = EMFILE}, FAILS, pipes, ""},
		{{.number = SYS_fcntl, .nth = 2, .err = EMFILE}, FAILS, pipes, ""},
		/* then without namespaces, for the reason that there was */
		{{.number = SYS_pipe2, .nth = 3, .err = EMFILE},
		 SUCCEEDS,
		 plain,
		 "pipe: Too many open files\n"},
		{{.number = SYS_clone, .nth = 1, .err = EAGAIN, .of_children = true},
		 SUCCEEDS,
		 plain,
		 "fork: Resource temp"},
		{{.number = SYS_clone, .nth = 2, .err = EAGAIN, .of_children = true},
		 SUCCEEDS,
		 plain,
		 "fork: Resource temp"},
		{{.number = SYS_clone, .nth = 3, .err = EAGAIN, .of_children = true},
		 SUCCEEDS,
		 plain,
		 "fork: Resource temp"},
	};
	struct scene scene = scene_new(*state);
	int status;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *said = unpack_with(&cases[i].what, &scene, &status);
		_cleanup_free_ char *words = xasprintf("%s%s", cases[i].says, cases[i].reason);

		assert_non_null(said);
		assert_int_equal(status, cases[i].status << 8);
		assert_says(said, words);
	}
	scene_free(&scene);
}

/* ---- a second child that cannot be started ---- */

static int restart_in_vain(void *ctx)
{
	const struct scene *scene = ctx;
	struct unpack_request request = request_for(scene);
	struct unpack_result result = {.top = (char *)"not yet"};
	struct unpack *unpack;
	int fds[8];

	signal(SIGPIPE, SIG_DFL);
	unpack = unpack_begin(&request);
	if (!unpack || unpack_restart(unpack) != -1)
		return IS_WRONG;
	/* there is no child that could be ended, or waited for */
	forbid_call(SYS_kill);
	/* files that get the numbers of what was closed already stay open */
	for (size_t i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (unpack_end(unpack, &result) != -1 || result.top)
		return IS_WRONG;
	for (size_t i = 0; i < 8; i++)
		if (close(fds[i]) < 0)
			return IS_WRONG;
	return is_as_before(scene) ? FAILS : IS_WRONG;
}

static void restarted_in_vain(void **state)
{
	/* the first child has three pipes */
	static const struct nth cases[] = {
		{.number = SYS_pipe2, .nth = 4, .err = EMFILE},
		{.number = SYS_pipe2, .nth = 5, .err = EMFILE},
	};
	struct scene scene = scene_new(*state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *said = NULL;
		int saved = stderr_begin(*state), status, r;

		r = nth_happens(&cases[i], restart_in_vain, &scene, &status);
		said = stderr_end(*state, saved);
		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, FAILS << 8);
		/* and nothing about the end of a child */
		assert_string_equal(
			said,
			"nix-user-chroot: cannot start the unpacking: pipe: Too many open files\n"
			"  the limit of open files may be reached: ulimit -n\n");
	}
	scene_free(&scene);
}

static int no_child_at_all(struct scratch *scratch)
{
	struct scene scene = {.scratch = scratch};
	struct unpack_result result = {.top = (char *)"not yet"};
	struct unpack_request request;
	struct unpack *unpack;

	scene.staging = fs_open_dir(scratch->fd, "staging");
	scene.descriptors = count_descriptors();
	request = request_for(&scene);
	signal(SIGPIPE, SIG_DFL);
	unpack = unpack_begin(&request);
	MUST(unpack);
	refuse_forks();
	MUST(unpack_restart(unpack) == -1);
	forbid_call(SYS_kill);
	MUST(unpack_end(unpack, &result) == -1 && !result.top);
	MUST(is_as_before(&scene));
	MUST(!unpack_begin(&request));
	MUST(is_as_before(&scene));
	return FAILS;
}

/* Where no process can be made, that is all that is said, each time. */
static void no_process(void **state)
{
	struct scene scene = scene_new(*state);
	_cleanup_free_ char *said = NULL;
	static const char words[] =
		"nix-user-chroot: cannot confine the unpacking to its directory: fork: Resource "
		"temporarily unavailable\n  the limits of processes and open files may be reached "
		"(ulimit -u, -n), or the memory\n";
	_cleanup_free_ char *twice = xasprintf("%s%s", words, words);

	assert_int_equal(in_child(*state, no_child_at_all, &said), FAILS);
	assert_string_equal(said, twice);
	scene_free(&scene);
}

/* ---- what stays in the staging directory ---- */

static int abort_it(void *ctx)
{
	const struct scene *scene = ctx;
	struct unpack_request request = request_for(scene);
	struct unpack *unpack = unpack_begin(&request);

	if (!unpack)
		return IS_WRONG;
	unpack_abort(unpack);
	return SUCCEEDS;
}

/* What cannot be removed is told once, and the rest is removed. */
static void cannot_be_emptied(void **state)
{
	static const struct {
		struct nth what;
		size_t left;
	} cases[] = {
		{{.number = SYS_unlinkat, .nth = 1, .err = EIO}, 1},
		{{.number = SYS_unlinkat, .nth = 2, .err = EIO}, 1},
		{{.number = SYS_unlinkat, .nth = 3, .err = EIO}, 1},
		{{.number = SYS_openat, .nth = 1, .err = EIO}, 3},
	};
	struct scene scene = scene_new(*state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *said = NULL;
		int saved, status, r;

		for (char name[] = "a"; *name <= 'c'; ++*name)
			make_file(scene.staging, name, "", 0600);
		saved = stderr_begin(*state);
		r = nth_happens(&cases[i].what, abort_it, &scene, &status);
		said = stderr_end(*state, saved);
		if (r < 0)
			skip();
		assert_int_equal(r, 1);
		assert_int_equal(status, SUCCEEDS << 8);
		assert_string_equal(said, "nix-user-chroot: warning: cannot empty STAGING: "
					  "Input/output error\n  remove it by hand\n");
		assert_int_equal(count_children(scene.staging), cases[i].left);
		for (char name[] = "a"; *name <= 'c'; ++*name)
			(void)!unlinkat(scene.staging, name, 0);
	}
	scene_free(&scene);
}

/* ---- an archive in a larger file, and a caller that knows of no children ---- */

static void part_of_a_file(void **state)
{
	struct scene scene = scene_new(*state);
	_cleanup_close_ int archive =
		openat(scene.scratch->fd, "archive.tar", O_RDWR | O_APPEND | O_CLOEXEC);
	const off_t size = lseek(archive, 0, SEEK_END);
	_cleanup_free_ char *large = xcalloc(200000, 1);

	memset(large, 'g', 200000);
	assert_int_equal(fs_write_all(archive, large, 200000), 0);
	for (int given = 0; given < 2; given++) {
		int saved = stderr_begin(*state), r;
		_cleanup_free_ char *said = NULL;
		struct unpack_result result;
		struct unpack_request request = request_for(&scene);

		request.archive_size = given ? (uint64_t)size : 0;
		lseek(archive, 0, SEEK_SET);
		r = unpack_archive(&request, archive, NULL, &result);
		said = stderr_end(*state, saved);
		assert_int_equal(r, given ? 0 : -1);
		/* nothing behind it is read */
		assert_true(!given || lseek(archive, 0, SEEK_CUR) == size);
		unpack_result_clear(&result);
	}
	scene_free(&scene);
}

static int unpack_ignoring_children(struct scratch *scratch)
{
	struct scene scene = {.scratch = scratch, .is_own_signal = true};

	scene.staging = fs_open_dir(scratch->fd, "staging");
	scene.descriptors = count_descriptors();
	return unpack_it(&scene);
}

static void children_ignored(void **state)
{
	struct scene scene = scene_new(*state);

	assert_int_equal(in_child(*state, unpack_ignoring_children, NULL), SUCCEEDS);
	assert_file(scene.staging, PATH_A "/bin/tool", "tool");
	scene_free(&scene);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(interrupted),	 WITH_SCRATCH(reads_that_fail),
		WITH_SCRATCH(fails_once),	 WITH_SCRATCH(words_of_a_failure),
		WITH_SCRATCH(restarted_in_vain), WITH_SCRATCH(no_process),
		WITH_SCRATCH(cannot_be_emptied), WITH_SCRATCH(part_of_a_file),
		WITH_SCRATCH(children_ignored),
	};

	return cmocka_run_group_tests_name("unpack steps", tests, NULL, NULL);
}
