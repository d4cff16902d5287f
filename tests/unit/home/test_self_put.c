/* The program's copy and the links to it are put in place, over what may be there. */
#include "home/self.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "../capture.h"
#include "../child.h"
#include "../filter.h"
#include "../nth.h"
#include "scene.h"

#define FRESH ".nix-user-chroot-new"

/* A plan that makes the copy and every link in BIN, which does not exist. */
static void make_plan(const struct scene *scene, struct self_plan *out)
{
	*out = (struct self_plan){
		.bin = xstrdup(scene->bin),
		.program = path_join(scene->bin, "nix-user-chroot"),
		.source = fs_self_path(),
		.copy = COPY_MAKE,
	};
	for (size_t i = 0; i < SHIM_COUNT; i++)
		out->shims[i] = SHIM_MAKE;
}

static char *carry_out(const struct self_plan *plan)
{
	struct capture capture;

	capture_begin(&capture);
	self_carry_out(plan);
	return capture_end(&capture);
}

/* Checks that the copy is this program, whole, and may be run by everybody. */
static void assert_copy(const char *path)
{
	_cleanup_free_ char *source = fs_self_path();
	struct sha256 copy, self;
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(sha256_of_file(AT_FDCWD, path, &copy), 0);
	assert_int_equal(sha256_of_file(AT_FDCWD, source, &self), 0);
	assert_true(sha256_equal(&copy, &self));
}

static void assert_link(const char *bin, const char *name, const char *wanted)
{
	_cleanup_free_ char *path = path_join(bin, name), *target = NULL;

	assert_int_equal(fs_readlink(AT_FDCWD, path, &target), 0);
	assert_string_equal(target, wanted);
}

static bool is_in(const char *bin, const char *name)
{
	_cleanup_free_ char *path = path_join(bin, name);

	return fs_exists(AT_FDCWD, path);
}

static void all_new(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL;
	mode_t mask = umask(077);
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

	make_plan(scene, &plan);
	said = carry_out(&plan);
	umask(mask);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(after, before + 1);
	close(after);
	close(before);
	assert_string_equal(said, "");
	assert_copy(plan.program);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		assert_link(plan.bin, shim_names[i], plan.program);
	assert_false(is_in(plan.bin, FRESH));
}

/* What an earlier installation left is replaced; what a killed one left is no obstacle. */
static void over_an_older_one(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL;

	make_plan(scene, &plan);
	put(scene, ".local/bin/nix-user-chroot", "older");
	put(scene, ".local/bin/" FRESH, "half of");
	assert_int_equal(symlinkat("/old/nix-user-chroot", scene->place->fd, ".local/bin/nix"), 0);
	assert_int_equal(symlinkat("/x", scene->place->fd, ".local/bin/nix-env"), 0);
	put(scene, ".local/bin/nix-shell", "mine");
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = strcmp(shim_names[i], "nix") == 0	  ? SHIM_TURN
				: strcmp(shim_names[i], "nix-env") == 0	  ? SHIM_KEEP
				: strcmp(shim_names[i], "nix-shell") == 0 ? SHIM_LEAVE
									  : SHIM_MAKE;
	said = carry_out(&plan);
	assert_copy(plan.program);
	assert_link(plan.bin, "nix", plan.program);
	assert_link(plan.bin, "nix-env", "/x");
	assert_link(plan.bin, "nix-build", plan.program);
	assert_false(is_in(plan.bin, FRESH));
	assert_non_null(strstr(said, " has other files by these names, which stay: nix-shell\n"));
	assert_null(strstr(said, "nix-env"));
}

/* A copy that is there already is not written again. */
static void copy_that_is_there(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL, *text = NULL;

	make_plan(scene, &plan);
	plan.copy = COPY_KEEP;
	put(scene, ".local/bin/nix-user-chroot", "it");
	/* a killed run has left the link that was to take the place of another */
	assert_int_equal(symlinkat("/x", scene->place->fd, ".local/bin/nix-env"), 0);
	assert_int_equal(symlinkat("/x", scene->place->fd, ".local/bin/" FRESH), 0);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		if (strcmp(shim_names[i], "nix-env") == 0)
			plan.shims[i] = SHIM_TURN;
	said = carry_out(&plan);
	assert_string_equal(said, "");
	assert_link(plan.bin, "nix-env", plan.program);
	assert_false(is_in(plan.bin, FRESH));
	text = get(scene, ".local/bin/nix-user-chroot");
	assert_string_equal(text, "it");
	assert_link(plan.bin, "nix", plan.program);
}

static void names_of_all_others(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL;
	const char *names;

	make_plan(scene, &plan);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = SHIM_LEAVE;
	said = carry_out(&plan);
	names = strstr(said, "which stay:");
	assert_non_null(names);
	names += strlen("which stay:");
	for (size_t i = 0; i < SHIM_COUNT; i++) {
		_cleanup_free_ char *word = xasprintf(" %s", shim_names[i]);

		assert_true(str_starts_with(names, word));
		names += strlen(word);
	}
	assert_int_equal(*names, '\n');
}

/* Another program has our name: nothing is linked to it, and it stays. */
static void another_program(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL, *begin = NULL;

	make_plan(scene, &plan);
	plan.copy = COPY_LEAVE;
	put(scene, ".local/bin/nix-user-chroot", "another");
	said = carry_out(&plan);
	begin = xasprintf("nix-user-chroot: warning: %s is another program than this one, and ",
			  plan.program);
	assert_true(str_starts_with(said, begin));
	assert_false(is_in(plan.bin, "nix"));
}

static void documents(const struct scene *scene, struct self_plan *plan)
{
	plan->documents.items[DOCUMENT_MAN] = (struct document){
		.path = path_join(scene->place->path, "man/page.1"),
		.action = DOCUMENT_MAKE,
		.data = (const unsigned char *)"page",
		.len = 4,
	};
}

/* A plan that was cleared is empty, and can be cleared again. */
static void cleared(void **state)
{
	const struct scene *scene = *state;
	const struct self_plan empty = {0};
	struct self_plan plan;

	make_plan(scene, &plan);
	documents(scene, &plan);
	self_plan_clear(&plan);
	assert_memory_equal(&plan, &empty, sizeof(plan));
}

static void with_documents(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL, *text = NULL;

	make_plan(scene, &plan);
	documents(scene, &plan);
	said = carry_out(&plan);
	text = get(scene, "man/page.1");
	assert_string_equal(text, "page");
}

/* A failure is a warning that names the directory, and leaves no half of a program. */
static void failures(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	bool had_stdin;
	_cleanup_free_ char *blocked = NULL, *begin = NULL, *copy = NULL, *link = NULL;

	make_plan(scene, &plan);
	documents(scene, &plan);
	had_stdin = child_has_stdin();
	begin = xasprintf("nix-user-chroot: warning: cannot put the nix commands into %s: ",
			  plan.bin);
	put(scene, ".local", "a file");
	blocked = carry_out(&plan);
	assert_true(str_starts_with(blocked, begin));
	assert_non_null(strstr(blocked, "Not a directory"));
	assert_int_equal(child_has_stdin(), had_stdin);
	assert_int_equal(unlinkat(scene->place->fd, ".local", 0), 0);

	/* a directory has the place of the copy, then that of a link */
	assert_int_equal(fs_mkdirs(scene->place->fd, ".local/bin/nix-user-chroot/x", 0755), 0);
	copy = carry_out(&plan);
	assert_true(str_starts_with(copy, begin));
	assert_false(is_in(plan.bin, "nix"));
	assert_false(is_in(plan.bin, FRESH));
	assert_int_equal(fs_remove_tree(scene->place->fd, ".local/bin/nix-user-chroot"), 0);
	assert_int_equal(fs_mkdirs(scene->place->fd, ".local/bin/nix-store/x", 0755), 0);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = SHIM_TURN;
	link = carry_out(&plan);
	assert_true(str_starts_with(link, begin));
	assert_copy(plan.program);
	assert_false(is_in(plan.bin, FRESH));
	/* what is for man is of no use then */
	assert_false(is_in(scene->place->path, "man"));
}

static const char *without_unlink(void *ctx)
{
	const struct filter refused = {SYS_unlinkat, 0, FILTER_ANY, FILTER_ERROR(EPERM)};
	struct self_plan plan;

	make_plan(ctx, &plan);
	if (filter_set(&refused) < 0)
		return "the filter was not set";
	return strstr(carry_out(&plan), "File exists") ? NULL : "it was written to";
}

/* What has the name of the new file, and cannot be removed, is not written to. */
static void name_in_use(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *text = NULL;

	put(scene, ".local/bin/" FRESH, "theirs");
	assert_in_child(without_unlink, *state);
	text = get(scene, ".local/bin/" FRESH);
	assert_string_equal(text, "theirs");
}

static const char *without_fchmod(void *ctx)
{
	const struct filter idle = {SYS_fchmod, 0, FILTER_ANY, FILTER_ERROR(0)};
	struct self_plan plan;

	make_plan(ctx, &plan);
	umask(0);
	if (filter_set(&idle) < 0)
		return "the filter was not set";
	return *carry_out(&plan) ? "it was not written" : NULL;
}

/* A copy that is not whole yet is for nobody else, and the directory for nobody else to write. */
static void closed_to_others(void **state)
{
	const struct scene *scene = *state;
	struct stat st;

	assert_in_child(without_fchmod, *state);
	assert_int_equal(fstatat(scene->place->fd, ".local/bin/nix-user-chroot", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fstatat(scene->place->fd, ".local/bin", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
}

static const char *without_mkdir(void *ctx)
{
	const struct filter refused = {SYS_mkdirat, 0, FILTER_ANY, FILTER_ERROR(EDQUOT)};
	struct self_plan plan;

	make_plan(ctx, &plan);
	if (filter_set(&refused) < 0)
		return "the filter was not set";
	return strstr(carry_out(&plan), "quota") ? NULL : "the reason is another";
}

/* The reason for which there is no directory is said, and not only that there is none. */
static void no_directory(void **state)
{
	assert_in_child(without_mkdir, *state);
}

/* A directory that is full of our links and may not be written, though: nothing to do there. */
static void read_only(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *denied = NULL, *said = NULL;

	if (geteuid() == 0)
		skip();
	make_plan(scene, &plan);
	assert_int_equal(fs_mkdirs(AT_FDCWD, plan.bin, 0755), 0);
	assert_int_equal(chmod(plan.bin, 0500), 0);
	denied = carry_out(&plan);
	assert_non_null(strstr(denied, "Permission denied"));
	plan.copy = COPY_NONE;
	/* also one that cannot be read */
	for (mode_t mode = 0500; mode > 0100; mode -= 0200) {
		assert_int_equal(chmod(plan.bin, mode), 0);
		free(denied);
		denied = carry_out(&plan);
		assert_non_null(strstr(denied, "Permission denied"));
	}
	assert_int_equal(chmod(plan.bin, 0500), 0);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = SHIM_KEEP;
	said = carry_out(&plan);
	assert_string_equal(said, "");
	assert_int_equal(chmod(plan.bin, 0700), 0);
}

static bool put_copy_alone(void *ctx)
{
	struct self_plan plan;

	make_plan(ctx, &plan);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = SHIM_KEEP;
	return *carry_out(&plan) == '\0';
}

/* After a power cut there is the old copy or the new one: the file is flushed, and the directory.
 */
static void flushed(void **state)
{
	assert_int_equal(filter_count_syncs(put_copy_alone, *state), 2);
}

static const char *without_stdin(void *ctx)
{
	const struct scene *scene = ctx;
	struct self_plan plan;
	char *said;

	close(STDIN_FILENO);
	make_plan(scene, &plan);
	said = carry_out(&plan);
	return *said ? said : is_in(plan.bin, "nix") ? NULL : "there is no link";
}

/* Descriptor 0 is one like others. */
static void closed_stdin(void **state)
{
	assert_in_child(without_stdin, *state);
}

static int put_short(void *ctx)
{
	const struct scene *scene = ctx;
	struct self_plan plan;
	_cleanup_free_ char *said = NULL;

	alarm(20);
	make_plan(scene, &plan);
	said = carry_out(&plan);
	return strstr(said, ": Input/output error\n") ? 1 : 0;
}

/* A program that is shorter than it was when it was looked at: no half of it gets in place. */
static void a_program_that_gets_shorter(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *program = path_join(scene->bin, "nix-user-chroot");
	struct nth what = {.number = SYS_read};
	size_t told = 0;

	for (int r = 1; r > 0;) {
		int status;

		(void)!fs_remove_tree(AT_FDCWD, scene->bin);
		what.nth++;
		r = nth_happens(&what, put_short, *state, &status);
		if (r < 0)
			skip();
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 0)
			assert_copy(program);
		else
			assert_false(fs_exists(AT_FDCWD, program));
		told += WEXITSTATUS(status) != 0;
	}
	assert_true(told > 0);
}

/* A file that somebody has put in the place of a new link meanwhile stays. */
static void a_name_that_is_taken_meanwhile(void **state)
{
	const struct scene *scene = *state;
	_cleanup_(self_plan_clear) struct self_plan plan;
	_cleanup_free_ char *said = NULL, *text = NULL;

	make_plan(scene, &plan);
	put(scene, ".local/bin/nix", "mine");
	said = carry_out(&plan);
	assert_non_null(strstr(said, ": File exists\n"));
	text = get(scene, ".local/bin/nix");
	assert_string_equal(text, "mine");
}

static int put_once(void *ctx)
{
	const struct scene *scene = ctx;
	struct self_plan plan;
	_cleanup_free_ char *said = NULL;

	make_plan(scene, &plan);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = SHIM_TURN;
	said = carry_out(&plan);
	if (!strstr(said, "cannot put the nix commands into "))
		return *said == '\0' ? 0 : 1;
	return strstr(said, ": Too many open files\n") ? 0 : 1;
}

/* Whichever file cannot be opened: the old copy is there, or the new one as a whole. */
static void each_file_that_cannot_be_opened(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *program = path_join(scene->bin, "nix-user-chroot");

	for (int nth = 1, r = 1; r > 0; nth++) {
		_cleanup_free_ char *text = NULL;
		int status;
		size_t len;

		put(scene, ".local/bin/nix-user-chroot", "older");
		r = nth_fails(SYS_openat, nth, EMFILE, put_once, *state, &status);
		if (r < 0)
			skip();
		assert_int_equal(status, 0);
		if (fs_read_file(AT_FDCWD, program, 5, &text, &len) == 0)
			assert_string_equal(text, "older");
		else
			assert_copy(program);
	}
}

/* A call that fails: the old copy and the old links stay, and nothing else is left. */
struct fault {
	const struct scene *scene;
	struct filter filter;
	rlim_t file_size;
	const char *word;
};

static const char *with_fault(void *ctx)
{
	const struct fault *fault = ctx;
	const struct scene *scene = fault->scene;
	const struct rlimit limit = {fault->file_size, fault->file_size};
	struct self_plan plan;
	char *said, *text, *target = NULL;

	make_plan(scene, &plan);
	for (size_t i = 0; i < SHIM_COUNT; i++)
		plan.shims[i] = SHIM_TURN;
	signal(SIGXFSZ, SIG_IGN);
	if (fault->filter.number ? filter_set(&fault->filter) < 0
				 : setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return "the fault cannot be made";
	said = carry_out(&plan);
	if (!strstr(said, "cannot put the nix commands into ") || !strstr(said, fault->word))
		return xasprintf("%s: it says %s", fault->word, said);
	if (is_in(plan.bin, FRESH))
		return "half of a program stays";
	text = get(scene, ".local/bin/nix-user-chroot");
	/* the links come after the copy */
	if (fault->filter.number != SYS_symlinkat && strcmp(text, "older") != 0)
		return "the old copy is gone";
	if (fs_readlink(scene->place->fd, ".local/bin/nix", &target) < 0 ||
	    strcmp(target, "/old/nix-user-chroot") != 0)
		return "the old link is gone";
	return NULL;
}

static void faults(void **state)
{
	const struct scene *scene = *state;
	struct fault all[] = {
		{scene, {SYS_fsync, 0, FILTER_ANY, FILTER_ERROR(EIO)}, 0, "Input/output error"},
		{scene, {SYS_fchmod, 0, FILTER_ANY, FILTER_ERROR(EPERM)}, 0, "not permitted"},
		{scene, {SYS_close, 0, FILTER_ANY, FILTER_ERROR(EIO)}, 0, "Input/output error"},
		{scene, {SYS_symlinkat, 0, FILTER_ANY, FILTER_ERROR(EDQUOT)}, 0, "quota"},
		{scene, {0}, 4096, "File too large"},
	};

	assert_int_equal(fs_mkdirs(AT_FDCWD, scene->bin, 0755), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		put(scene, ".local/bin/nix-user-chroot", "older");
		unlinkat(scene->place->fd, ".local/bin/nix", 0);
		assert_int_equal(
			symlinkat("/old/nix-user-chroot", scene->place->fd, ".local/bin/nix"), 0);
		assert_in_child(with_fault, &all[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(all_new),
		scene_test(over_an_older_one),
		scene_test(copy_that_is_there),
		scene_test(names_of_all_others),
		scene_test(another_program),
		scene_test(cleared),
		scene_test(with_documents),
		scene_test(failures),
		scene_test(read_only),
		scene_test(name_in_use),
		scene_test(no_directory),
		scene_test(closed_to_others),
		scene_test(faults),
		scene_test(each_file_that_cannot_be_opened),
		scene_test(a_name_that_is_taken_meanwhile),
		scene_test(a_program_that_gets_shorter),
		scene_test(flushed),
		scene_test(closed_stdin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
