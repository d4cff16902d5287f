/* Entering in a user namespace: joining, waiting for the lock, and what is left where it fails. */
#include "run/living_dir.h"
#include "run/own_root.h"
#include "ui/log.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>

#include <cmocka.h>

#include "../child.h"
#include "../filter.h"
#include "entries.h"
#include "own_mounts.h"

/* One entry of a child, which changes nothing of this process. */
struct call {
	struct entry entry;
	bool is_named; /* the runtime was asked for: the entry says by itself what refuses */
	bool has_others;
	void (*before)(void);
};

static int enter(const void *context)
{
	const struct call *call = context;
	struct strlist others = {0};
	struct entry entry = call->entry;
	struct refusal refusal = {0};
	_cleanup_free_ char *here = NULL;
	int r;

	entry.others = call->has_others ? &others : NULL;
	log_set_level(LOG_DEBUG);
	if (call->before)
		call->before();
	if (entry.work_dir && chdir(entry.work_dir) < 0)
		return 99;
	r = userns_enter(&entry, call->is_named ? NULL : &refusal);
	here = getcwd(NULL, 0);
	printf("r=%d in %llu, cwd %s, refused: %s %d %d, others:", r,
	       (unsigned long long)process_mount_namespace(getpid()), here,
	       refusal.what ? refusal.what : "-", refusal.err, (int)refusal.step);
	for (size_t i = 0; i < others.count; i++)
		printf(" %s", others.items[i]);
	puts(fcntl(STDIN_FILENO, F_GETFD) < 0 ? ". No stdin" : ".");
	return fflush(stdout);
}

static char *says(const struct call *call)
{
	int status;
	char *said = child_says(enter, call, NULL, &status);

	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
	return said;
}

#define ENTRY(...)                                                           \
	{                                                                    \
		.nix_dir_fd = place->fd, .nix_dir = place->path, __VA_ARGS__ \
	}
#define JOINED "joined the namespace of your other processes\n"

static void assert_in(const char *said, uint64_t namespace)
{
	_cleanup_free_ char *words = xasprintf("r=0 in %llu, ", (unsigned long long)namespace);

	assert_has(said, words);
}

static void assert_not_in(const char *said, uint64_t namespace)
{
	_cleanup_free_ char *words = xasprintf(" in %llu, ", (unsigned long long)namespace);

	assert_has(said, "r=0 ");
	assert_has_not(said, words);
	assert_has_not(said, JOINED);
}

static int open_list(void)
{
	struct origin origin;

	assert_int_equal(origin_read(&origin), 0);
	return living_open(&origin);
}

static void joining(void **state)
{
	const struct place *place = *state;
	const struct call call = {.entry = ENTRY()}, new = {.entry = ENTRY(.is_new = true)};
	_cleanup_free_ char *joined = NULL, *other = NULL, *newest = NULL, *older = NULL;
	pid_t one, two;
	uint64_t first = entry_start(&call.entry, false, &one), second;

	assert_int_not_equal(first, 0);
	joined = says(&call);
	assert_has(joined, JOINED);
	assert_in(joined, first);
	assert_has(joined, "cwd /, refused: - 0 0, others:.");
	other = says(&new);
	assert_not_in(other, first);
	/* the newest is joined; and the older one, once that has ended */
	second = entry_start(&new.entry, false, &two);
	assert_int_not_equal(second, 0);
	assert_int_not_equal(second, first);
	newest = says(&call);
	assert_in(newest, second);
	kill(two, SIGKILL);
	assert_int_equal(waitpid(two, NULL, 0), two);
	older = says(&call);
	assert_has(older, JOINED);
	assert_in(older, first);
	entry_end(one);
}

static void refuse_user_namespace(void)
{
	refuse_call_with(SYS_setns, 1, CLONE_NEWUSER, EPERM);
}

static void refuse_mount_namespace(void)
{
	refuse_call_with(SYS_setns, 1, CLONE_NEWNS, EPERM);
}

/* Where joining fails a new namespace is made; where it fails half of the way, nothing runs. */
static void joining_fails(void **state)
{
	const struct place *place = *state;
	const struct call none = {.entry = ENTRY(), .before = refuse_user_namespace};
	const struct call half = {.entry = ENTRY(), .before = refuse_mount_namespace};
	_cleanup_free_ char *new = NULL, *stuck = NULL;
	pid_t pid;
	uint64_t first = entry_start(&none.entry, false, &pid);

	assert_int_not_equal(first, 0);
	new = says(&none);
	assert_has(new, "cannot join the namespace of your other processes: Operation not perm");
	assert_not_in(new, first);
	stuck = says(&half);
	assert_has(stuck, "cannot enter the mount namespace of your other processes\n"
			  "  nix-user-chroot --new-namespace makes another one\n");
	assert_has(stuck, "r=-1 ");
	assert_has_not(stuck, JOINED);
	entry_end(pid);
}

/* Whoever cannot be seen from inside is named: not those in the namespace that is joined. */
static void other_processes(void **state)
{
	const struct place *place = *state;
	const struct call joins = {.entry = ENTRY(), .has_others = true};
	const struct call new = {.entry = ENTRY(.is_new = true), .has_others = true};
	const struct call fails = {
		.entry = ENTRY(), .has_others = true, .before = refuse_user_namespace};
	_cleanup_free_ char *joined = NULL, *made = NULL, *failed = NULL, *one_name = NULL;
	_cleanup_free_ char *two_name = NULL, *both = NULL;
	pid_t one, two;
	uint64_t first = entry_start(&joins.entry, false, &one);

	assert_int_not_equal(first, 0);
	one_name = xasprintf("others: %d (test_userns).\n", (int)one);
	joined = says(&joins);
	assert_has(joined, JOINED);
	assert_has(joined, "others:.\n");
	made = says(&new);
	assert_has(made, one_name);
	assert_int_not_equal(entry_start(&new.entry, false, &two), 0);
	free(joined);
	joined = says(&joins);
	assert_has(joined, JOINED);
	assert_has(joined, one_name);
	/* each is named once, in whatever order /proc has them */
	failed = says(&fails);
	two_name = xasprintf("others: %d (test_userns) %d (test_userns).\n", (int)one, (int)two);
	both = xasprintf("others: %d (test_userns) %d (test_userns).\n", (int)two, (int)one);
	if (!strstr(failed, two_name))
		assert_has(failed, both);
	kill(two, SIGKILL);
	entry_end(one);
}

/* The working directory is another one there, unless the path config says so. */
static void another_place(void **state)
{
	const struct place *place = *state;
	const char config[] = "[excludes]\npaths = [\"/usr/share\"]\n";
	_cleanup_free_ char *sub = path_join(place->path, "sub"), *same = NULL, *other = NULL;
	const struct call excluded = {.entry = ENTRY(.work_dir = "/usr/share")};
	const struct call usual = {.entry = ENTRY(.work_dir = "/usr")};
	const struct call root = {.entry = ENTRY(.work_dir = "/")};
	const struct call changed = {.entry = ENTRY(.work_dir = sub)};
	pid_t pid;
	uint64_t first;

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(fs_mkdirs(place->fd, "sub", 0755), 0);
	assert_int_equal(fs_replace_file(place->fd, "etc/nix-user-chroot/path-config.toml", config,
					 sizeof(config) - 1, 0644),
			 0);
	/* where the host's mounts spread, nothing else tells that one has come since */
	assert_int_equal(mount(NULL, "/", NULL, MS_SHARED, NULL), 0);
	first = entry_start(&usual.entry, false, &pid);
	assert_int_not_equal(first, 0);
	same = says(&usual);
	assert_in(same, first);
	free(same);
	same = says(&root);
	assert_in(same, first);
	free(same);
	same = says(&excluded);
	assert_in(same, first);
	free(same);
	same = says(&changed);
	assert_in(same, first);
	assert_int_equal(mount("tmpfs", sub, "tmpfs", 0, NULL), 0);
	other = says(&changed);
	assert_int_equal(umount(sub), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_PRIVATE, NULL), 0);
	assert_not_in(other, first);
	entry_end(pid);
}

/* What happens at a sleep of a child: it holds the lock, as this process does, or has a file. */
static struct {
	int held;	    /* the list, whose lock is released */
	const char *hidden; /* a file of the list with another name, which gets its own */
	const char *name;
	int at; /* at which sleep */
} deed;

static volatile sig_atomic_t slept;

static void on_sleep(int number)
{
	(void)number;
	if (++slept != deed.at)
		return;
	if (deed.hidden)
		renameat(deed.held, deed.hidden, deed.held, deed.name);
	else
		flock(deed.held, LOCK_UN);
}

static int print_slept(void)
{
	return printf("slept %d times\n", (int)slept) < 0 ? -1 : fflush(stdout);
}

/* From now on no sleep lasts, but each is counted. */
static void count_sleeps(void)
{
	const struct sigaction action = {.sa_handler = on_sleep};

	sigaction(SIGSYS, &action, NULL);
	refuse_if(SYS_clock_nanosleep, 0, BPF_JGE, 0, SECCOMP_RET_TRAP);
#ifdef SYS_nanosleep
	refuse_if(SYS_nanosleep, 0, BPF_JGE, 0, SECCOMP_RET_TRAP);
#endif
}

static int enter_and_count(const void *context)
{
	int r = enter(context);

	return r == 0 ? print_slept() : r;
}

static char *says_how_long(const struct call *call)
{
	int status;
	char *said = child_says(enter_and_count, call, NULL, &status);

	if (status != 0)
		fail_msg("status %x: %s", (unsigned)status, said);
	return said;
}

static void remove_all(int list)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(list, ".");
	const struct dirent *entry;

	while ((entry = fs_next_entry(dir)))
		assert_int_equal(unlinkat(list, entry->d_name, 0), 0);
}

/* The name of the only file of LIST; the caller frees. */
static char *name_in(int list)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(list, ".");
	const struct dirent *entry = fs_next_entry(dir);

	assert_non_null(entry);
	return xstrdup(entry->d_name);
}

/* Another entry has the lock: it may be making the namespace. */
static void waiting(void **state)
{
	const struct place *place = *state;
	const struct call call = {.entry = ENTRY(), .before = count_sleeps};
	const struct call new = {.entry = ENTRY(.is_new = true), .before = count_sleeps};
	_cleanup_free_ char *for_ever = NULL, *released = NULL, *joined = NULL, *alone = NULL;
	_cleanup_free_ char *came = NULL, *name = NULL, *free_lock = NULL;
	_cleanup_close_ int list = open_list();
	uint64_t first;
	pid_t pid;

	assert_true(list >= 0);
	free_lock = says_how_long(&call);
	assert_has(free_lock, "slept 0 times\n");
	/* who holds it was stopped: it is waited for as long as a user would, but not longer */
	assert_int_equal(flock(list, LOCK_EX), 0);
	for_ever = says_how_long(&call);
	assert_has(for_ever, "r=0 ");
	assert_has(for_ever, "slept 1999 times\n");
	deed.held = list;
	deed.at = 3;
	released = says_how_long(&call);
	assert_has(released, "r=0 ");
	assert_has(released, "slept 3 times\n");
	close(list);
	list = open_list();
	first = entry_start(&call.entry, false, &pid);
	assert_int_not_equal(first, 0);
	assert_int_equal(flock(list, LOCK_EX), 0);
	/* what there is can be joined without the lock */
	deed.at = 0;
	joined = says_how_long(&call);
	assert_in(joined, first);
	assert_has(joined, "slept 0 times\n");
	deed.held = list;
	deed.at = 2;
	alone = says_how_long(&new);
	assert_not_in(alone, first);
	assert_has(alone, "slept 2 times\n");
	/* the namespace comes while this one waits */
	entry_end(pid);
	close(list);
	list = open_list();
	remove_all(list);
	first = entry_start(&call.entry, false, &pid);
	deed.name = name = name_in(list);
	deed.hidden = "hidden";
	deed.held = list;
	assert_int_equal(renameat(list, name, list, "hidden"), 0);
	assert_int_equal(flock(list, LOCK_EX), 0);
	came = says_how_long(&call);
	assert_in(came, first);
	assert_has(came, "slept 2 times\n");
	deed.hidden = NULL;
	entry_end(pid);
}

/* A file of /proc/sys/user limits how many namespaces the user namespace of a child may have. */
static void allow_none(const char *file)
{
	_cleanup_free_ char *path = xasprintf("/proc/sys/user/%s", file);

	if (own_mounts() < 0 || !filter_write(path, "0"))
		_exit(NO_FILTER);
}

static void allow_no_user_namespace(void)
{
	allow_none("max_user_namespaces");
}

static int enter_and_look(const void *context)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int r = enter(context);

	dir = r == 0 ? fs_list_dir(AT_FDCWD, "/tmp") : NULL;
	printf("in /tmp: %s\n", dir && fs_next_entry(dir) ? "a list" : "nothing");
	return r == 0 ? fflush(stdout) : r;
}

static void refused(void **state)
{
	const struct place *place = *state;
	struct call call = {.entry = ENTRY(.work_dir = "/usr"), .before = allow_no_user_namespace};
	_cleanup_free_ char *said = NULL, *named = NULL;
	int status;

	said = child_says(enter_and_look, &call, NULL, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(status, 0);
	/* as if nothing had been tried, and no list is left where none can be of use */
	assert_has(said, "r=1 ");
	assert_has(said, "cwd /usr, refused: create a user and mount namespace 28 0, others:.\n");
	assert_has(said, "in /tmp: nothing\n");
	call.is_named = true;
	named = child_says(enter_and_look, &call, NULL, &status);
	assert_int_equal(status, 0);
	assert_has(named, "cannot create a user and mount namespace: No space left on device\n");
	assert_has(named, "r=-1 ");
}

/* Where nobody can tell what two entries have in common, each has a namespace, and none a list. */
static void no_origin(void **state)
{
	const struct place *place = *state;
	const struct call call = {.entry = ENTRY()};
	_cleanup_free_ char *said = NULL;
	pid_t pid;
	uint64_t first;

	if (mount("tmpfs", "/proc/sys/kernel/random", "tmpfs", 0, NULL) < 0)
		skip();
	first = entry_start(&call.entry, false, &pid);
	said = says(&call);
	entry_end(pid);
	assert_int_equal(umount("/proc/sys/kernel/random"), 0);
	assert_int_not_equal(first, 0);
	assert_not_in(said, first);
	assert_has(said, "others:.\n");
}

/* A path config that is none: nothing is entered, and nothing joined. */
static void broken_config(void **state)
{
	const struct place *place = *state;
	const struct call call = {.entry = ENTRY()};
	_cleanup_free_ char *said = NULL;

	assert_int_equal(fs_mkdirs(place->fd, "etc/nix-user-chroot", 0755), 0);
	assert_int_equal(
		fs_replace_file(place->fd, "etc/nix-user-chroot/path-config.toml", "x", 1, 0644),
		0);
	said = says(&call);
	assert_has(said, "failed to parse config file ");
	assert_has(said, "r=-1 ");
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(joining),	  FILE_TEST(joining_fails), FILE_TEST(other_processes),
		FILE_TEST(another_place), FILE_TEST(waiting),	    FILE_TEST(refused),
		FILE_TEST(broken_config), FILE_TEST(no_origin),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
