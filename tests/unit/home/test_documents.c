/* The man page and the completions are written, or it is said that they cannot be. */
#include "home/documents.h"
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "scene.h"

#ifndef SINGLE_BINARY
/* A build of two files has none: its package brings them. */
static void none(void **state)
{
	const struct scene *scene = *state;
	struct documents documents;

	memset(&documents, 0xff, sizeof(documents));
	documents_look(&scene->home, NULL, &documents);
	assert_memory_equal(&documents, &(struct documents){0}, sizeof(documents));
}
#endif

/* One document for each action, in the place of every document in turn. */
static void states(void **state)
{
	(void)state;
	for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
		struct documents documents = {0};
		struct document *one = &documents.items[i];

		assert_false(documents_have_work(&documents));
		assert_false(documents_differ(&documents));
		one->action = DOCUMENT_KEEP;
		assert_false(documents_have_work(&documents));
		assert_false(documents_differ(&documents));
		one->action = DOCUMENT_LEAVE;
		assert_false(documents_have_work(&documents));
		assert_true(documents_differ(&documents));
		one->action = DOCUMENT_MAKE;
		assert_true(documents_have_work(&documents));
		assert_true(documents_differ(&documents));
	}
}

static void written(void **state)
{
	static const char *const names[] = {"man/a.1", "bash/b", "file/c", "zsh/d"};
	static const enum document_action actions[] = {DOCUMENT_MAKE, DOCUMENT_KEEP, DOCUMENT_MAKE,
						       DOCUMENT_MAKE};
	const struct scene *scene = *state;
	struct documents documents = {0};
	_cleanup_free_ char *said = NULL, *man = NULL, *bash = NULL, *zsh = NULL;
	mode_t mask = umask(022);
	struct capture capture;
	struct stat st;

	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		documents.items[i] = (struct document){
			.path = path_join(scene->place->path, names[i]),
			.action = actions[i],
			.data = (const unsigned char *)"text\0of it",
			.len = 10,
		};
	put(scene, "file", "");
	put(scene, "man/a.1", "an older one");
	capture_begin(&capture);
	documents_carry_out(&documents);
	said = capture_end(&capture);
	umask(mask);
	documents_clear(&documents);
	assert_memory_equal(&documents, &(struct documents){0}, sizeof(documents));
	man = get(scene, "man/a.1");
	assert_int_equal(fstatat(scene->place->fd, "zsh/d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_memory_equal(man, "text\0of it", 11);
	assert_null(bash = get(scene, "bash/b"));
	/* one that cannot be written keeps no other away */
	zsh = get(scene, "zsh/d");
	assert_memory_equal(zsh, "text\0of it", 11);
	assert_true(str_starts_with(said, "nix-user-chroot: warning: cannot write "));
	assert_non_null(strstr(said, "/file/c, which is for man or a shell: Not a directory\n"));
	assert_null(strstr(said, "man/a.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states),
#ifndef SINGLE_BINARY
		scene_test(none),
#endif
		scene_test(written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
