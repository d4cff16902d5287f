/* The processes of the shells that are asked for their PATH. The shells here are scripts. */
#include "home/shell_try.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../orphan.h"
#include "../place.h"
#include "../refuse.h"

/* Make the script NAME that runs LINE, and return its path; the caller frees. */
static char *script(const struct place *place, const char *line)
{
	_cleanup_free_ char *text = xasprintf("#!/bin/sh\n%s\n", line);

	assert_int_equal(fs_replace_file(place->fd, "shell", text, strlen(text), 0755), 0);
	return path_join(place->path, "shell");
}

/* Nothing is killed, and nothing is waited for, if there is no process. */
static void no_process(void **state)
{
	const struct place *place = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct shell_try try;
		int r;

		refuse_forks();
		/* a signal to the process -1 would end all that this user may end */
		forbid_call(SYS_kill);
		try = shell_try_begin("/bin/sh", "sh", "-c", place->path, NULL);
		r = shell_try_end(&try, "/bin");
		_exit(r == -1 && try.fd == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

struct scene {
	const struct place *place;
	char *shell;
};

static void begin(void *ctx, int out)
{
	const struct scene *scene = ctx;
	struct shell_try try = shell_try_begin(scene->shell, "sh", "-c", scene->place->path, NULL);

	(void)out;
	shell_try_end(&try, "/bin");
}

/* What a startup file has started in the background ends with the shell. */
static void leaves_nothing(void **state)
{
	const struct place *place = *state;
	_cleanup_free_ char *shell = script(place, "sleep 70 >fifo & eval \"$2\"");
	_cleanup_free_ char *path = path_join(place->path, "fifo");
	_cleanup_close_ int fifo = -1;
	struct shell_try try;
	char byte;

	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	alarm(60);
	try = shell_try_begin(shell, "sh", "-c", place->path, NULL);
	fifo = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fifo >= 0);
	assert_int_equal(shell_try_end(&try, "/none"), 0);
	/* this would wait as long as the process does */
	assert_int_equal(read(fifo, &byte, 1), 0);
	alarm(0);
}

/* --install is killed while a shell that hangs is asked. */
static void ends_with_its_parent(void **state)
{
	const struct place *place = *state;
	struct scene scene = {place, script(place, "exec >fifo; exec sleep 70")};
	_cleanup_free_ char *path = path_join(place->path, "fifo");
	_cleanup_close_ int fifo = -1;
	char byte;
	pid_t pid;

	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	alarm(60);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		begin(&scene, -1);
		_exit(0);
	}
	fifo = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fifo >= 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* this would wait as long as the shell does */
	assert_int_equal(read(fifo, &byte, 1), 0);
	alarm(0);
	free(scene.shell);
}

static void never_begins_without_its_parent(void **state)
{
	const struct place *place = *state;
	struct scene scene = {place, script(place, ">there")};
	int count;

	alarm(60);
	count = orphan_writes(begin, &scene, SIGKILL);
	alarm(0);
	free(scene.shell);
	if (count < 0)
		skip();
	assert_false(fs_exists(place->fd, "there"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_process, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(leaves_nothing, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(ends_with_its_parent, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(never_begins_without_its_parent, place_setup,
						place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
