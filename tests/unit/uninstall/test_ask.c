/* --uninstall at a terminal: the question, its answers, and what happens meanwhile. */
#include "ui/log.h"
#include "uninstall/uninstall.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../child.h"
#include "scene.h"

#define STATE "@/var/nix-user-chroot"

static int setup(void **state)
{
	const struct scene *scene;

	umask(022);
	if (scene_setup(state) != 0)
		return -1;
	scene = *state;
	put(scene, "@/store/" PATH_NAME "/rc", "text");
	/* so that no /nix of the host is taken */
	return setenv("NIX_USER_CHROOT_DIR", scene->nix, 1);
}

static void put_record_file(const struct scene *scene)
{
	_cleanup_free_ char *text =
		record_text(scene, "dir @\nabsent @/store\ndir @/var\ndir " STATE "\n"
				   "dir ~/.local/bin\n");

	put(scene, STATE "/record", text);
}

/* One run of --uninstall: what it is called with, and what happens when it says something. */
struct run {
	const struct scene *scene;
	struct uninstall_request request;
	enum log_level level;
	bool no_stdin, no_stderr; /* these are no terminal */
	const char *answer;
	void (*when_asked)(const struct scene *scene);
	void (*when_removed)(const struct scene *scene);
	char *said; /* all of it, with "~" and "@" */
};

/* In the child: terminal is the end that a program has. let_go() becomes another program, 0. */
static void uninstall(const struct run *run, int terminal)
{
	int null = open("/dev/null", O_RDWR);

	if (dup2(run->no_stdin ? null : terminal, STDIN_FILENO) < 0 ||
	    dup2(run->no_stderr ? null : terminal, STDERR_FILENO) < 0)
		_exit(99);
	log_set_level(run->level);
	_exit(uninstall_command(&run->request) == 0 ? 7 : EXIT_CANCELED);
}

/* Does what is to be done when this TEXT has come on the terminal. */
static void react(struct run *run, int terminal, const char *text)
{
	if (run->answer && strstr(text, "Remove all this? [y/N] ")) {
		if (run->when_asked)
			run->when_asked(run->scene);
		assert_int_equal(fs_write_all(terminal, run->answer, strlen(run->answer)), 0);
		run->answer = NULL;
	}
	if (run->when_removed && strstr(text, "Nix is removed from ")) {
		run->when_removed(run->scene);
		run->when_removed = NULL;
	}
}

/* The status of RUN: EXIT_CANCELED, 7, or 0 if it has become the program that ends the removal. */
static int status_of(struct run *run)
{
	_cleanup_close_ int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *text = xcalloc(65536, 1), *unix_text = NULL;
	int status, other;
	size_t used = 0;
	ssize_t n;
	pid_t child;

	if (terminal < 0 || unlockpt(terminal) < 0)
		skip();
	other = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(other >= 0);
	run->request.program_argv = (char *[]){(char[]){"nix-user-chroot"}, NULL};
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		uninstall(run, other);
	close(other);
	/* whoever asks on a stderr that is none gets an answer, too */
	if (run->no_stderr)
		react(run, terminal, "Remove all this? [y/N] ");
	while ((n = read(terminal, text + used, 65535 - used)) > 0) {
		used += (size_t)n;
		react(run, terminal, text);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	unix_text = replaced(text, "\r\n", "\n");
	free(run->said);
	run->said = shortened(run->scene, unix_text);
	return WEXITSTATUS(status);
}

static void assert_untouched(const struct scene *scene)
{
	assert_true(is_there(scene, "@/store/" PATH_NAME "/rc"));
	assert_true(is_there(scene, STATE "/record"));
	assert_false(is_there(scene, STATE "/lock"));
}

static void answers(void **state)
{
	static const struct {
		const char *answer;
		bool is_yes;
	} cases[] = {
		{"\n", false},	     {"n\n", false},  {"no\n", false}, {"ye\n", false},
		{"yess\n", false},   {" y\n", false}, {"\004", false}, {"yy\n", false},
		{"y\n", true},	     {"Y\n", true},   {"yes\n", true}, {"YES\n", true},
		{"y\004\004", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run run = {.scene = *state, .answer = cases[i].answer};
		int wanted = cases[i].is_yes ? 7 : EXIT_CANCELED;

		put(run.scene, "@/store/" PATH_NAME "/rc", "text");
		put_record_file(run.scene);
		if (status_of(&run) != wanted)
			fail_msg("after \"%s\": %s", cases[i].answer, run.said);
		assert_has(run.said,
			   "nix-user-chroot: to be removed:\n    @/store (1 store path)\n");
		assert_has(run.said, "\n  this frees ");
		if (cases[i].is_yes) {
			assert_has(run.said, "nix-user-chroot: Nix is removed from @\n");
			assert_has_not(run.said, "nothing was removed");
			assert_false(is_there(run.scene, "@"));
		} else {
			assert_has(run.said, "nix-user-chroot: nothing was removed\n");
			assert_untouched(run.scene);
		}
		free(run.said);
	}
}

/* --quiet hides what --yes would say, but not what a question is about. */
static void quietly(void **state)
{
	struct run run = {.scene = *state, .level = LOG_ERROR, .answer = "n\n"};

	put_record_file(run.scene);
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_has(run.said, "to be removed:\n    @/store (1 store path)\n");
	run.request.yes = true;
	assert_int_equal(status_of(&run), 7);
	assert_string_equal(run.said, "");
	free(run.said);
}

/* Both must be a terminal: the question is read on one, and the answer given on the other. */
static void half_a_terminal(void **state)
{
	struct run run = {.scene = *state, .no_stdin = true};

	put_record_file(run.scene);
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_has(run.said, "nothing was removed: there is no terminal to ask on\n");
	assert_has_not(run.said, "[y/N]");
	run.no_stdin = false;
	run.no_stderr = true;
	run.answer = "y\n";
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_untouched(run.scene);
	free(run.said);
}

static void put_their_link(const struct scene *scene)
{
	put_link(scene, "~/.rc", "/nix/store/" PATH_NAME "/rc");
}

/* What the user was not asked about is not done. */
static void what_changes_meanwhile(void **state)
{
	struct run run = {
		.scene = *state,
		.answer = "y\n",
		.when_asked = put_their_link,
	};

	put_record_file(run.scene);
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_has(run.said, "what is there has changed since you were asked: nothing was removed\n"
			     "  run nix-user-chroot --uninstall again\n");
	assert_has_not(run.said, "is removed from");
	assert_untouched(run.scene);
	/* the directories of the lock go, too, if it is this run that has made them */
	unput(run.scene, "~/.rc");
	unput(run.scene, "@/var");
	run.request.force = true;
	run.answer = "y\n";
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_has(run.said, "what is there has changed since you were asked");
	assert_true(is_there(run.scene, "@/store/" PATH_NAME "/rc"));
	assert_false(is_there(run.scene, "@/var"));
	free(run.said);
}

static void take_the_record(const struct scene *scene)
{
	unput(scene, STATE);
}

/* The same questions as at first are asked under the lock. */
static void what_is_gone_meanwhile(void **state)
{
	struct run run = {.scene = *state, .answer = "y\n", .when_asked = take_the_record};

	put_record_file(run.scene);
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_has(run.said, "@ holds a Nix store that was made by other means, and is left");
	assert_true(is_there(run.scene, "@/store/" PATH_NAME "/rc"));
	assert_false(is_there(run.scene, STATE));
	free(run.said);
}

static void no_lock(void **state)
{
	struct run run = {.scene = *state, .request.yes = true};

	put_record_file(run.scene);
	put(run.scene, STATE "/lock/x", "");
	assert_int_equal(status_of(&run), EXIT_CANCELED);
	assert_has(run.said, STATE "/lock");
	assert_has_not(run.said, "there is no Nix");
	assert_has_not(run.said, "is removed from");
	assert_true(is_there(run.scene, "@/store/" PATH_NAME "/rc"));
	free(run.said);
}

static void end_the_program(const struct scene *scene)
{
	unput(scene, "~/.local/bin/.nfs0001");
}

/* On NFS the program's file has another name until it has ended: then its directory goes. */
static void a_directory_that_is_held(void **state)
{
	struct run run = {
		.scene = *state,
		.request.yes = true,
		.when_removed = end_the_program,
	};

	put_record_file(run.scene);
	put(run.scene, "~/.local/bin/.nfs0001", "");
	assert_int_equal(status_of(&run), 0);
	assert_false(is_there(run.scene, "~/.local/bin"));
	free(run.said);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, scene_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(answers),
		WITH_SCENE(quietly),
		WITH_SCENE(half_a_terminal),
		WITH_SCENE(what_changes_meanwhile),
		WITH_SCENE(what_is_gone_meanwhile),
		WITH_SCENE(no_lock),
		WITH_SCENE(a_directory_that_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
