/*
 * Finding a living namespace: through which processes, which files of the list are removed, and
 * what is added to them. Every case has a list of its own, with a file for one real namespace.
 */
#include "run/living.h"
#include "run/living_dir.h"
#include "run/living_file.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "../child.h"
#include "entries.h"
#include "own_mounts.h"

/* More than any process has here: pid_max is at most 4 Mi. */
#define NO_PROCESS 0x7ffffff0

/* The Nix directory, an empty list, and a process that has entered. */
struct scene {
	struct place *nix;
	int list;
	pid_t pid;
	uint64_t namespace;
	struct living_head head; /* of its file; last_pid is lower than every other ID */
};

static uint64_t now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Remove the files of LIST; *HEAD becomes that of the last one. */
static void take_file(int list, struct living_head *head)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(list, ".");
	const struct dirent *entry;

	while ((entry = fs_next_entry(dir))) {
		_cleanup_(living_file_clear) struct living_file file = {0};

		assert_int_equal(living_file_read(list, entry->d_name, &file), 0);
		*head = *file.head;
		assert_int_equal(unlinkat(list, entry->d_name, 0), 0);
	}
}

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	_cleanup_close_ int list = -1;
	struct origin origin;
	void *nix;

	if (place_setup(&nix) != 0 || origin_read(&origin) < 0)
		return -1;
	scene->nix = nix;
	scene->namespace = entry_start(&(struct entry){.nix_dir_fd = scene->nix->fd,
						       .nix_dir = scene->nix->path,
						       .is_new = true},
				       false, &scene->pid);
	list = living_open(&origin);
	if (list < 0)
		return -1;
	take_file(list, &scene->head);
	scene->head.last_pid = 1;
	if (mkdirat(scene->nix->fd, "list", 0700) < 0)
		return -1;
	scene->list = fs_open_dir(scene->nix->fd, "list");
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *nix = scene->nix;

	entry_end(scene->pid);
	close(scene->list);
	free(scene);
	return place_teardown(&nix);
}

/* The file NAME, with HEAD and the visitors IDS, which end with 0. */
static void put(const struct scene *scene, const char *name, const struct living_head *head,
		const pid_t *ids)
{
	struct living_visitor visitors[200] = {{0}};
	size_t count = 0;

	for (; ids[count]; count++)
		visitors[count].pid = (uint64_t)ids[count];
	assert_int_equal(living_file_write(scene->list, name, head, visitors, count), 0);
}

#define IDS(...) ((const pid_t[]){__VA_ARGS__, 0})

/* How many visitors the file NAME has; -1: there is no such file. LAST: the last of them. */
static int visitors_of(const struct scene *scene, const char *name, pid_t *last)
{
	_cleanup_(living_file_clear) struct living_file file = {0};

	if (living_file_read(scene->list, name, &file) < 0)
		return -1;
	*last = file.count > 0 ? (pid_t)file.visitors[file.count - 1].pid : 0;
	return (int)file.count;
}

static bool any_suits(const struct chroot_door *door, const void *context)
{
	int *asked = (int *)(uintptr_t)context;

	assert_true(door->root_fd >= 0 && door->user_fd >= 0 && door->mount_fd >= 0);
	++*asked;
	return true;
}

static bool none_suits(const struct chroot_door *door, const void *context)
{
	any_suits(door, context);
	return false;
}

/* Is the scene's namespace found with KEY? ASKED: how many doors were open on the way. */
static bool finds(const struct scene *scene, const struct living_key *key, bool thoroughly,
		  bool (*suits)(const struct chroot_door *, const void *), int *asked)
{
	struct chroot_door door = CHROOT_NO_DOOR;
	struct stat st;
	int r;

	*asked = 0;
	r = living_find(scene->list, key, scene->nix->fd, thoroughly, suits, asked, &door);
	assert_true(r == 0 || r == -1);
	/* a door that does not suit is closed */
	assert_int_equal(door.mount_fd >= 0, r == 0);
	if (r < 0)
		return false;
	assert_int_equal(fstat(door.mount_fd, &st), 0);
	assert_int_equal(st.st_ino, scene->namespace);
	chroot_door_close(&door);
	return true;
}

static bool is_found(const struct scene *scene, bool thoroughly)
{
	int asked;

	return finds(scene, &scene->head.key, thoroughly, any_suits, &asked);
}

/* Whichever of its visitors lives, a namespace is found by the file that has its name. */
static void visitors(void **state)
{
	const struct scene *scene = *state;
	const pid_t none = NO_PROCESS, pid = scene->pid;
	_cleanup_free_ char *name = living_file_name(&scene->head.key);

	assert_false(is_found(scene, false));
	assert_false(is_found(scene, true));
	put(scene, name, &scene->head, IDS(pid));
	assert_true(is_found(scene, false));
	put(scene, name, &scene->head, IDS(pid, none, none));
	assert_true(is_found(scene, false));
	put(scene, name, &scene->head, IDS(none, pid, none));
	assert_true(is_found(scene, false));
	put(scene, name, &scene->head, IDS(none, none, pid));
	assert_true(is_found(scene, false));
	/* this process lives, and is in no such namespace */
	put(scene, name, &scene->head, IDS(getpid(), none));
	assert_false(is_found(scene, false));
	put(scene, name, &scene->head, IDS(0));
	assert_false(is_found(scene, false));
	assert_int_equal(unlinkat(scene->list, name, 0), 0);
	/* by another name: only where the holder of the lock looks */
	put(scene, "other", &scene->head, IDS(none, pid));
	assert_false(is_found(scene, false));
	assert_true(is_found(scene, true));
}

/* What is not the same, or does not suit, is not entered; and nobody is asked twice. */
static void another_key(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *name = living_file_name(&scene->head.key);
	struct living_key key = scene->head.key;
	struct living_head head = scene->head;
	int asked;

	put(scene, name, &scene->head, IDS(scene->pid, scene->pid));
	assert_false(finds(scene, &scene->head.key, false, none_suits, &asked));
	assert_int_equal(asked, 1);
	assert_false(finds(scene, &scene->head.key, true, none_suits, &asked));
	assert_int_equal(asked, 1);
	assert_true(finds(scene, &scene->head.key, true, any_suits, &asked));
	assert_int_equal(asked, 1);
	key.plan++;
	assert_false(finds(scene, &key, true, any_suits, &asked));
	assert_int_equal(asked, 0);
	/* the file has the name, but is of another namespace */
	head.key.plan++;
	put(scene, name, &head, IDS(scene->pid));
	assert_false(is_found(scene, false));
	head = scene->head;
	head.root.changed++;
	put(scene, name, &head, IDS(scene->pid));
	assert_false(is_found(scene, false));
}

/* Of several files, those that are of no use are passed over. The newest is asked first. */
static void several_files(void **state)
{
	const struct scene *scene = *state;
	struct living_head other = scene->head, older = scene->head, newer = scene->head;
	pid_t last;

	other.key.plan++;
	newer.made = now();
	older.made = newer.made - 1;
	older.last_pid = newer.last_pid = NO_PROCESS;
	put(scene, "a", &other, IDS(scene->pid));
	put(scene, "b", &older, IDS(scene->pid));
	put(scene, "c", &newer, IDS(scene->pid));
	put(scene, "d", &older, IDS(scene->pid));
	assert_int_equal(fs_replace_file(scene->list, "e", "rubbish", 7, 0600), 0);
	assert_true(is_found(scene, true));
	/* who comes is written into the file by which the namespace was found */
	assert_int_equal(visitors_of(scene, "a", &last), 1);
	assert_int_equal(visitors_of(scene, "b", &last), 1);
	assert_int_equal(visitors_of(scene, "d", &last), 1);
	assert_int_equal(visitors_of(scene, "c", &last), 2);
	assert_int_equal(last, getpid());
	put(scene, "c", &newer, IDS(NO_PROCESS));
	put(scene, "d", &older, IDS(NO_PROCESS));
	assert_true(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "b", &last), 2);
}

/* A process is put on the list unless it is found as a child of another, as is a younger one. */
static void a_visit(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *name = living_file_name(&scene->head.key);
	_cleanup_(living_file_clear) struct living_file file = {0};
	struct living_head head = scene->head;
	pid_t ids[130] = {scene->pid}, last;

	head.last_pid = (uint64_t)getpid() - 1;
	put(scene, name, &head, IDS(scene->pid));
	assert_true(is_found(scene, false));
	assert_int_equal(visitors_of(scene, name, &last), 1);
	head.last_pid = (uint64_t)getpid();
	put(scene, name, &head, IDS(scene->pid));
	assert_true(is_found(scene, false));
	assert_int_equal(living_file_read(scene->list, name, &file), 0);
	assert_int_equal(file.count, 2);
	assert_int_equal(file.visitors[1].pid, getpid());
	/* where a mount's number is never used again, nobody asks for the parent */
	assert_int_equal(file.visitors[1].parent, 0);
	assert_int_equal(file.visitors[1].parent_start, 0);
	/* 127 visitors become 128; of 128, those that live are left */
	for (int i = 1; i < 127; i++)
		ids[i] = NO_PROCESS;
	put(scene, name, &head, ids);
	assert_true(is_found(scene, false));
	assert_int_equal(visitors_of(scene, name, &last), 128);
	assert_int_equal(last, getpid());
	ids[100] = scene->pid;
	ids[127] = NO_PROCESS;
	put(scene, name, &head, ids);
	assert_true(is_found(scene, false));
	assert_int_equal(visitors_of(scene, name, &last), 3);
	assert_int_equal(last, getpid());
	for (int i = 1; i < 128; i++)
		ids[i] = scene->pid;
	put(scene, name, &head, ids);
	assert_true(is_found(scene, false));
	assert_int_equal(visitors_of(scene, name, &last), 129);
	assert_int_equal(last, getpid());
}

/* All who entered have ended, but what one of them started has not. */
static void children_of_visitors(void **state)
{
	const struct scene *scene = *state;
	struct living_head head = scene->head;
	pid_t last;
	int asked;

	/* one door is enough */
	put(scene, "a", &head, IDS(NO_PROCESS));
	put(scene, "b", &head, IDS(NO_PROCESS));
	assert_true(finds(scene, &head.key, true, any_suits, &asked));
	assert_int_equal(asked, 1);
	assert_int_equal(unlinkat(scene->list, "b", 0), 0);
	put(scene, "a", &head, IDS(NO_PROCESS));
	assert_false(is_found(scene, false));
	assert_true(is_found(scene, true));
	/* the next search finds it at once */
	assert_int_equal(visitors_of(scene, "a", &last), 2);
	assert_int_equal(last, scene->pid);
	/* another key: it is not entered, but it lives */
	head.key.plan++;
	put(scene, "a", &head, IDS(NO_PROCESS));
	assert_false(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "a", &last), 2);
	assert_int_equal(last, scene->pid);
	/* it lives by a visitor: nothing is added, however often it is looked at */
	assert_false(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "a", &last), 2);
	/* in another PID namespace the number would be of another process */
	head = scene->head;
	head.pid_namespace++;
	put(scene, "a", &head, IDS(NO_PROCESS));
	if (process_pid_namespace(getpid()) == FIRST_PID_NAMESPACE) {
		assert_true(is_found(scene, true));
		assert_int_equal(visitors_of(scene, "a", &last), 1);
	} else {
		assert_false(is_found(scene, true));
	}
	assert_int_equal(visitors_of(scene, "a", &last), 1);
}

/* In the first second of a namespace, only processes younger than it are asked. */
static void young_namespaces(void **state)
{
	const struct scene *scene = *state;
	struct living_head head = scene->head, other = scene->head;
	pid_t last;

	head.last_pid = (uint64_t)scene->pid - 1;
	head.made = now();
	put(scene, "a", &head, IDS(NO_PROCESS));
	assert_true(is_found(scene, true));
	/* a second has passed, or the IDs have wrapped around: all are asked */
	head.last_pid = (uint64_t)scene->pid;
	head.made = now() - 1000000000;
	put(scene, "a", &head, IDS(NO_PROCESS));
	assert_true(is_found(scene, true));
	head.made = now();
	head.last_pid = NO_PROCESS;
	put(scene, "a", &head, IDS(NO_PROCESS));
	assert_true(is_found(scene, true));
	/* the lowest ID of all files counts, whichever comes first; "other" is the newer file */
	head.last_pid = (uint64_t)scene->pid - 1;
	other.key.plan++;
	other.last_pid = (uint64_t)scene->pid;
	head.made = now();
	other.made = head.made + 1000000000;
	put(scene, "a", &head, IDS(NO_PROCESS));
	put(scene, "b", &other, IDS(NO_PROCESS));
	assert_true(is_found(scene, true));
	assert_int_equal(unlinkat(scene->list, "b", 0), 0);
	put(scene, "a", &other, IDS(NO_PROCESS));
	other.made = head.made - 1;
	put(scene, "b", &head, IDS(NO_PROCESS));
	assert_true(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "b", &last), 3);
	/* so this one is not found, and taken for one that has ended */
	other.key = scene->head.key;
	other.made = now();
	assert_int_equal(unlinkat(scene->list, "b", 0), 0);
	put(scene, "a", &other, IDS(NO_PROCESS));
	assert_false(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "a", &last), -1);
}

/* The files of what has ended go, and no others. */
static void ended(void **state)
{
	const struct scene *scene = *state;
	struct living_head gone = scene->head, boot, user, pid, root = gone, mounts = gone;
	pid_t last;

	/* no file system has this number; nor any process this namespace */
	gone.root.device = 0xfffff;
	gone.mount_namespace = 1;
	gone.key.plan++;
	/* those before the one that lives do not hide it */
	gone.made++;
	boot = user = pid = gone;
	boot.key.origin.boot++;
	/* the newest of all, which is the first of the list */
	boot.made++;
	user.key.origin.user_namespace++;
	pid.pid_namespace++;
	/* a process of another namespace has this root; one of this namespace has another root */
	mounts.mount_namespace = 1;
	root.root.changed++;
	put(scene, "mounts", &mounts, IDS(NO_PROCESS));
	put(scene, "root", &root, IDS(NO_PROCESS));
	put(scene, "gone", &gone, IDS(NO_PROCESS));
	put(scene, "boot", &boot, IDS(NO_PROCESS));
	put(scene, "user", &user, IDS(NO_PROCESS));
	put(scene, "pid", &pid, IDS(NO_PROCESS));
	put(scene, "here", &scene->head, IDS(NO_PROCESS));
	/* not in a hurry: nothing is removed */
	assert_false(is_found(scene, false));
	assert_int_equal(visitors_of(scene, "gone", &last), 1);
	assert_true(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "gone", &last), -1);
	assert_int_equal(visitors_of(scene, "boot", &last), -1);
	assert_int_equal(visitors_of(scene, "mounts", &last), -1);
	assert_int_equal(visitors_of(scene, "root", &last), -1);
	/* what could not be seen from here */
	assert_int_equal(visitors_of(scene, "user", &last), 1);
	assert_int_equal(visitors_of(scene, "here", &last), 2);
	assert_int_equal(visitors_of(scene, "pid", &last),
			 process_pid_namespace(getpid()) == FIRST_PID_NAMESPACE ? -1 : 1);
	/* only files of what has ended: nothing is found */
	assert_int_equal(unlinkat(scene->list, "here", 0), 0);
	put(scene, "gone", &gone, IDS(NO_PROCESS));
	assert_false(is_found(scene, true));
	assert_int_equal(visitors_of(scene, "gone", &last), -1);
}

static void room_for_a_newer_one(void **state)
{
	const struct scene *scene = *state;
	_cleanup_free_ char *name = living_file_name(&scene->head.key);
	pid_t last;

	living_make_room(scene->list, &scene->head.key);
	put(scene, name, &scene->head, IDS(scene->pid));
	living_make_room(scene->list, &scene->head.key);
	assert_int_equal(visitors_of(scene, name, &last), -1);
	assert_true(is_found(scene, true));
	/* this process is in no namespace of ours, but could be */
	living_add(scene->list, &scene->head.key);
	assert_int_equal(visitors_of(scene, name, &last), 1);
	assert_int_equal(last, getpid());
}

/* In a child: put on the list what nobody could find. */
static int add_in_vain(const void *context)
{
	const struct scene *scene = context;

	log_set_level(LOG_VERBOSE);
	living_add(scene->list, &scene->head.key);
	living_add(-1, &scene->head.key);
	if (chroot(scene->nix->path) < 0)
		return 1;
	living_add(scene->list, &scene->head.key);
	return 0;
}

static void not_added(void **state)
{
	static const char words[] = "nix-user-chroot: other terminals will not share this ";
	const struct scene *scene = *state;
	_cleanup_free_ char *said = NULL, *wanted = NULL;
	int status;

	wanted = xasprintf("%snamespace: Bad file descriptor\n"
			   "%snamespace: No such file or directory\n",
			   words, words);
	said = child_says(add_in_vain, scene, NULL, &status);
	assert_int_equal(status, 0);
	assert_string_equal(said, wanted);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(visitors), FILE_TEST(another_key),	      FILE_TEST(several_files),
		FILE_TEST(a_visit),  FILE_TEST(children_of_visitors), FILE_TEST(young_namespaces),
		FILE_TEST(ended),    FILE_TEST(room_for_a_newer_one), FILE_TEST(not_added),
	};

	if (own_mounts() < 0 || fs_mount_id(AT_FDCWD, "/", true) == 0) {
		puts("1..0 # SKIP needs Linux 6.8, and a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
