#include "run/living.h"
#include "run/living_file.h"
#include "run/processes.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

/* A file with more visitors than this is written again, without those that have ended. */
#define VISITORS_MAX 128

/* The files of the list, the newest namespace first. */
struct files {
	struct living_file *items;
	size_t count;
};

static void files_clear(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		living_file_clear(&files->items[i]);
	free(files->items);
	*files = (struct files){0};
}

static int compare_age(const void *a, const void *b)
{
	uint64_t one = ((const struct living_file *)a)->head->made;
	uint64_t other = ((const struct living_file *)b)->head->made;

	return (one < other) - (one > other);
}

static void add_file(struct files *files, int list, const char *name)
{
	struct living_file file;

	if (living_file_read(list, name, &file) < 0)
		return;
	files->items = xreallocarray(files->items, files->count + 1, sizeof(*files->items));
	files->items[files->count++] = file;
}

static void add_all_files(struct files *files, int list)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(list, ".");
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir)))
		add_file(files, list, entry->d_name);
	if (files->count > 1)
		qsort(files->items, files->count, sizeof(*files->items), compare_age);
}

/* The entry of the list for this process, which comes from where KEY says. */
static struct living_visitor self_as_visitor(const struct living_key *key)
{
	struct living_visitor visitor = {.pid = (uint64_t)getpid()};

	if (key->origin.root_mount != 0)
		return visitor;
	visitor.parent = (uint64_t)getppid();
	visitor.parent_start = process_start(getppid());
	return visitor;
}

/*
 * Did FILE's visitors come from the same mount namespace as KEY? Equal numbers prove it only if
 * numbers are never used again, or if a visitor's process has kept its number in use since.
 */
static bool is_same_origin(const struct living_file *file, const struct living_key *key)
{
	if (key->origin.root_mount != 0)
		return true;
	for (size_t i = 0; i < file->count; i++) {
		const struct living_visitor *visitor = &file->visitors[i];
		pid_t parent = (pid_t)visitor->parent;

		/* 0, a parent that could not be seen, is in no namespace */
		if (process_start(parent) == visitor->parent_start &&
		    process_mount_namespace(parent) == key->origin.mount_namespace)
			return true;
	}
	return false;
}

/* The Ith visitor to ask: the first one, which often stays longest, then the youngest. */
static pid_t visitor_at(const struct living_file *file, size_t i)
{
	return (pid_t)file->visitors[i == 0 ? 0 : file->count - i].pid;
}

/*
 * Add this process to FILE if nobody would find it otherwise: because it was started before the
 * namespace was made, or because FILE must tell where it came from. Other processes are found as
 * children of visitors.
 */
static void visit(int list, const struct living_file *file, const struct living_key *key)
{
	const struct living_visitor self = self_as_visitor(key);
	_cleanup_free_ struct living_visitor *left = NULL;
	size_t count = 0;

	if (key->origin.root_mount != 0 && self.pid > file->head->last_pid)
		return;
	if (file->count < VISITORS_MAX) {
		living_file_visit(list, file->name, &self);
		return;
	}
	left = xcalloc(file->count + 1, sizeof(*left));
	for (size_t i = 0; i < file->count; i++)
		if (chroot_is_in((pid_t)file->visitors[i].pid, &file->head->root))
			left[count++] = file->visitors[i];
	left[count++] = self;
	living_file_write(list, file->name, file->head, left, count);
}

/* The arguments of living_find(). */
struct search {
	int list;
	const struct living_key *key;
	int nix_dir_fd;
	bool (*suits)(const struct chroot_door *door, const void *context);
	const void *context;
	struct chroot_door *door;
};

/*
 * Open the door to the namespace of FILE through the process PID: 0, or what chroot_open_door()
 * says.
 */
static int try_door(const struct search *search, const struct living_file *file, pid_t pid)
{
	int r = chroot_open_door(pid, &file->head->root, search->nix_dir_fd, search->door);

	if (r < 0)
		return r;
	if (!search->suits(search->door, search->context)) {
		chroot_door_close(search->door);
		return -EPERM;
	}
	visit(search->list, file, search->key);
	return 0;
}

static bool has_key(const struct living_file *file, const struct living_key *key)
{
	return memcmp(&file->head->key, key, sizeof(*key)) == 0 && is_same_origin(file, key);
}

static int find_by_visitors(const struct search *search, const struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct living_file *file = &files->items[i];
		int r = has_key(file, search->key) ? -ESRCH : -EPERM;

		for (size_t k = 0; k < file->count && r == -ESRCH; k++)
			r = try_door(search, file, visitor_at(file, k));
		if (r == 0)
			return 0;
	}
	return -1;
}

/* Namespaces all of whose visitors have ended, with a process that was found in each, or 0. */
struct orphans {
	const struct living_file **files;
	pid_t *found;
	size_t count;
	bool is_any_alive; /* perhaps: some namespaces have not certainly ended */
	/* no process with this ID or a lower one can be in any of the namespaces */
	pid_t above;
	uint64_t pid_namespace; /* of this process */
};

static bool has_visitor(const struct living_file *file)
{
	for (size_t k = 0; k < file->count; k++)
		if (chroot_is_in(visitor_at(file, k), &file->head->root))
			return true;
	return false;
}

static void look_for_orphan(pid_t pid, void *context)
{
	struct orphans *orphans = context;
	uint64_t mount_namespace = process_mount_namespace(pid);

	for (size_t i = 0; i < orphans->count && mount_namespace != 0; i++)
		if (orphans->found[i] == 0 &&
		    orphans->files[i]->head->mount_namespace == mount_namespace &&
		    chroot_is_in(pid, &orphans->files[i]->head->root))
			orphans->found[i] = pid;
}

static uint64_t now(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * A process in the namespace of HEAD that is no visitor descends from a visitor, and was started
 * after the namespace was made. So its process ID is greater than LAST was then, unless IDs have
 * wrapped around since, which takes more than a second.
 */
static pid_t lowest_child(const struct living_head *head, pid_t last)
{
	bool is_young = now() - head->made < 1000000000 && last >= (pid_t)head->last_pid;

	return is_young ? (pid_t)head->last_pid : 0;
}

/*
 * Would this process, in the PID namespace OWN, see the processes in the namespace of HEAD? A
 * process sees only into PID and user namespaces below its own; in the first ones it sees all.
 */
static bool is_in_sight(const struct living_head *head, const struct origin *origin, uint64_t own)
{
	return head->key.origin.boot == origin->boot &&
	       (own == FIRST_PID_NAMESPACE || own == head->pid_namespace) &&
	       (origin->user_namespace == FIRST_USER_NAMESPACE ||
		origin->user_namespace == head->key.origin.user_namespace);
}

static void find_orphans(const struct files *files, const struct origin *origin,
			 struct orphans *out)
{
	const uint64_t own = process_pid_namespace(getpid());
	const pid_t last = process_last();

	out->pid_namespace = own;
	out->files = xcalloc(files->count, sizeof(*out->files));
	out->found = xcalloc(files->count, sizeof(*out->found));
	for (size_t i = 0; i < files->count; i++) {
		const struct living_file *file = &files->items[i];
		pid_t lowest = 0;

		if (!is_in_sight(file->head, origin, own))
			continue;
		/*
		 * a namespace without its root has ended: mostly this saves the walk through /proc
		 */
		if (fs_has_ended(file->head->root.device)) {
			out->files[out->count++] = file;
			continue;
		}
		/* the process IDs in the file count in the PID namespace of the visitors */
		if (file->head->pid_namespace == own) {
			if (has_visitor(file))
				continue;
			lowest = lowest_child(file->head, last);
		}
		out->above = !out->is_any_alive || lowest < out->above ? lowest : out->above;
		out->is_any_alive = true;
		out->files[out->count++] = file;
	}
	if (out->is_any_alive)
		processes_visit(out->above, last, look_for_orphan, out);
}

/* Remove the files of namespaces that have ended, and look into those that have not. */
static int find_by_orphans(const struct search *search, const struct files *files)
{
	const struct origin *origin = &search->key->origin;
	struct orphans orphans = {0};
	int r = -1;

	if (files->count == 0)
		return -1;
	find_orphans(files, origin, &orphans);
	for (size_t i = 0; i < orphans.count; i++) {
		const struct living_file *file = orphans.files[i];
		const struct living_visitor found = {.pid = (uint64_t)orphans.found[i]};

		if (found.pid == 0) {
			unlinkat(search->list, file->name, 0);
			continue;
		}
		if (file->head->pid_namespace == orphans.pid_namespace)
			living_file_visit(search->list, file->name, &found);
		if (r < 0 && has_key(file, search->key))
			r = try_door(search, file, orphans.found[i]) == 0 ? 0 : -1;
	}
	for (size_t i = 0; i < files->count; i++)
		if (files->items[i].head->key.origin.boot != origin->boot)
			unlinkat(search->list, files->items[i].name, 0);
	free(orphans.files);
	free(orphans.found);
	return r;
}

int living_find(int list, const struct living_key *key, int nix_dir_fd, bool thoroughly,
		bool (*suits)(const struct chroot_door *door, const void *context),
		const void *context, struct chroot_door *door)
{
	const struct search search = {list, key, nix_dir_fd, suits, context, door};
	_cleanup_free_ char *name = living_file_name(key);
	_cleanup_(files_clear) struct files files = {0};

	if (thoroughly)
		add_all_files(&files, list);
	else
		add_file(&files, list, name);
	if (find_by_visitors(&search, &files) == 0)
		return 0;
	return thoroughly ? find_by_orphans(&search, &files) : -1;
}

void living_make_room(int list, const struct living_key *key)
{
	_cleanup_free_ char *name = living_file_name(key);
	_cleanup_free_ char *other = xasprintf("%s.%llx", name, (unsigned long long)now());

	renameat(list, name, list, other);
}

void living_add(int list, const struct living_key *key)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct living_head head = {
		.key = *key,
		.mount_namespace = process_mount_namespace(getpid()),
		.pid_namespace = process_pid_namespace(getpid()),
		.made = now(),
		.last_pid = (uint64_t)process_last(),
	};
	const struct living_visitor self = self_as_visitor(key);
	_cleanup_free_ char *name = living_file_name(key);
	int r = root < 0 ? -errno : chroot_root_read(root, &head.root);

	/* without /proc inside, nobody could be found there */
	if (r == 0 && head.mount_namespace == 0)
		r = -ENOENT;
	if (r == 0)
		r = living_file_write(list, name, &head, &self, 1);
	if (r < 0)
		log_verbose("other terminals will not share this namespace: %s", strerror(-r));
}
