#include "run/collector.h"
#include "run/processes.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/xdg.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>

/* More bytes than any nix.conf has. */
#define CONF_MAX ((size_t)1 << 20)

/* A message names at most this many processes. */
#define SHOWN 8

#define ANYWAY "NIX_USER_CHROOT_COLLECT_ANYWAY"

static bool has_word(char *const *argv, const char *word)
{
	for (; *argv; argv++)
		if (strcmp(*argv, word) == 0)
			return true;
	return false;
}

/*
 * Is ARGV a command such as "nix store gc", of the words FIRST and SECOND? Options may be anywhere
 * except between the two.
 */
static bool has_words(char *const *argv, const char *first, const char *second)
{
	for (; argv[0] && argv[1]; argv++)
		if (strcmp(argv[0], first) == 0 && strcmp(argv[1], second) == 0)
			return true;
	return false;
}

/*
 * What TEXT, in the form of nix.conf(5), sets min-free to: 1 for a number, 0 for zero, -1 for
 * nothing.
 */
static int min_free_of(char *text)
{
	char *rest = text, *line;
	int answer = -1;

	while (rest && (line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (!str_starts_with(line, "min-free"))
			continue;
		line += strlen("min-free");
		line += strspn(line, " \t");
		if (*line != '=')
			continue;
		line += 1 + strspn(line + 1, " \t0");
		answer = *line >= '1' && *line <= '9';
	}
	return answer;
}

static void read_conf(int dirfd, const char *path, int *answer)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int said;

	if (!path || fs_read_file(dirfd, path, CONF_MAX, &text, &len) < 0)
		return;
	said = min_free_of(text);
	*answer = said < 0 ? *answer : said;
}

/* Is min-free set? The last file that sets it wins: nix.conf(5), "Order of precedence". */
static bool has_min_free(int nix_dir_fd)
{
	_cleanup_free_ char *config = xdg_config_home(), *variable = xstrdup(env_get("NIX_CONFIG"));
	_cleanup_free_ char *user = config ? path_join(config, "nix/nix.conf") : NULL;
	int answer = 0, said;

	read_conf(nix_dir_fd, "etc/nix/nix.conf", &answer);
	read_conf(AT_FDCWD, user, &answer);
	said = variable ? min_free_of(variable) : -1;
	return said < 0 ? answer : said;
}

enum collecting collector_recognise(const char *name, char *const *argv, int nix_dir_fd)
{
	const char *slash = name ? strrchr(name, '/') : NULL;

	name = slash ? slash + 1 : name;
	if (!name || !argv || !str_starts_with(name, "nix"))
		return COLLECTING_NEVER;
	if (strcmp(name, "nix-collect-garbage") == 0 ||
	    (strcmp(name, "nix-store") == 0 &&
	     (has_word(argv, "--gc") || has_word(argv, "--delete"))) ||
	    (strcmp(name, "nix") == 0 &&
	     (has_words(argv, "store", "gc") || has_words(argv, "store", "delete"))))
		return COLLECTING_ALWAYS;
	return has_word(argv, "--min-free") || has_min_free(nix_dir_fd) ? COLLECTING_PERHAPS
									: COLLECTING_NEVER;
}

void collector_find_roots(int nix_dir_fd, struct strlist *out)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(nix_dir_fd, "var/nix/gcroots/auto");
	const struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir))) {
		_cleanup_free_ char *target = NULL;

		if (fs_readlink(dirfd(dir), entry->d_name, &target) == 0 && *target == '/' &&
		    !path_is_within(target, "/nix") && fs_exists(AT_FDCWD, target))
			strlist_take(out, steal_ptr(&target));
	}
}

/* The argument of collector_find_others(). */
struct others {
	const struct stat *nix;
	uint64_t mount_namespace; /* of this process */
	ino_t own;		  /* the inode of a user namespace */
	struct strlist *out;
};

/* Is the user namespace USER_FD the namespace OTHERS->own or below it? Closes USER_FD. */
static bool is_below(const struct others *others, int user_fd)
{
	struct stat st;

	/* the kernel names no parent of the namespace that this process is in: ioctl_ns(2) */
	while (user_fd >= 0 && fstat(user_fd, &st) == 0 && st.st_ino != others->own) {
		int parent = ioctl(user_fd, NS_GET_PARENT);

		close(user_fd);
		user_fd = parent;
	}
	if (user_fd < 0)
		return false;
	close(user_fd);
	return st.st_ino == others->own;
}

static char *name_of(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%ld/comm", (long)pid), *name = NULL;
	size_t len;

	if (fs_read_file(AT_FDCWD, path, CONF_MAX, &name, &len) < 0)
		return xstrdup("?");
	name[strcspn(name, "\n")] = '\0';
	return steal_ptr(&name);
}

static void look_at_process(pid_t pid, void *context)
{
	const struct others *others = context;
	uint64_t mount_namespace = process_mount_namespace(pid);
	_cleanup_free_ char *nix = NULL, *user = NULL, *name = NULL;
	struct stat st;

	if (mount_namespace == 0 || mount_namespace == others->mount_namespace)
		return;
	nix = xasprintf("/proc/%ld/root/nix", (long)pid);
	user = xasprintf("/proc/%ld/ns/user", (long)pid);
	if (stat(nix, &st) < 0 || !fs_same_inode(&st, others->nix) ||
	    is_below(others, open(user, O_RDONLY | O_CLOEXEC)))
		return;
	name = name_of(pid);
	strlist_take(others->out, xasprintf("%ld (%s)", (long)pid, name));
}

void collector_find_others(int nix_dir_fd, ino_t own, struct strlist *out)
{
	struct stat nix;
	struct others others = {.nix = &nix,
				.mount_namespace = process_mount_namespace(getpid()),
				.own = own,
				.out = out};

	if (fstat(nix_dir_fd, &nix) < 0)
		return;
	processes_visit(0, 0, look_at_process, &others);
}

/* The first entries of LIST, for a message. */
static char *shorten(const struct strlist *list)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	for (size_t i = 0; i < list->count && i < SHOWN; i++)
		fprintf(f, "%s%s", i > 0 ? ", " : "", list->items[i]);
	if (list->count > SHOWN)
		fprintf(f, " and %zu more", list->count - SHOWN);
	fclose(f);
	return steal_ptr(&text);
}

static int refuse_for_others(const struct strlist *others)
{
	_cleanup_free_ char *processes = shorten(others);

	log_error(
		"cannot collect garbage: processes in another namespace may use store paths, which "
		"cannot be seen from here: %s\n"
		"end these processes first, or collect garbage where they run; with " ANYWAY
		"=1 garbage is collected all the same, and what they use may be deleted",
		processes);
	return -1;
}

static int refuse_for_roots(const struct strlist *roots)
{
	size_t lost = 0;
	const char *first = NULL;

	for (size_t i = 0; i < roots->count; i++) {
		if (fs_exists(AT_FDCWD, roots->items[i]) || (errno != ENOENT && errno != ENOTDIR))
			continue;
		first = first ? first : roots->items[i];
		lost++;
	}
	if (lost == 0)
		return 0;
	log_error("cannot collect garbage: %zu of its roots %s missing inside, such as %s, so that "
		  "what %s would be deleted\ntake the directory out of the excludes of "
		  "path-config.toml; with " ANYWAY "=1 garbage is collected all the same",
		  lost, lost == 1 ? "is" : "are", first, lost == 1 ? "it keeps" : "they keep");
	return -1;
}

int collector_check(enum collecting collecting, const struct strlist *roots,
		    const struct strlist *others)
{
	if (collecting == COLLECTING_NEVER || env_get("NIX_USER_CHROOT_COLLECT_ANYWAY"))
		return 0;
	if (collecting == COLLECTING_ALWAYS)
		return others->count > 0 ? refuse_for_others(others) : refuse_for_roots(roots);
	if (others->count > 0) {
		_cleanup_free_ char *processes = shorten(others);

		log_warning(
			"min-free is set, so that a build may collect garbage, and processes in "
			"another namespace may use store paths, which cannot be seen from here: "
			"%s\nend these processes first, or forbid collecting meanwhile: "
			"NIX_CONFIG='min-free = 0'",
			processes);
	}
	return 0;
}
