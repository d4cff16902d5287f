#include "home/self.h"
#include "config.h"
#include "util/bundle.h"
#include "util/program.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/text.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define COPY_NAME  "nix-user-chroot"
#define FRESH_NAME ".nix-user-chroot-new"

#ifdef SINGLE_BINARY
static const bool is_single = true;
#else
static const bool is_single = false;
#endif

static bool is_on_path(const char *directory)
{
	const char *rest = env_get("PATH");
	bool found = false;
	char *part;

	while (!found && (part = path_next(&rest))) {
		found = *part == '/' &&
			(strcmp(part, directory) == 0 || fs_same_file(part, directory));
		free(part);
	}
	return found;
}

/* The program NAME on PATH; the caller frees. NULL: none. */
static char *path_finds(const char *name)
{
	const char *rest = env_get("PATH");
	char *part, *found = NULL;

	while (!found && (part = path_next(&rest))) {
		_cleanup_free_ char *path = path_join(part, name);

		if (access(path, X_OK) == 0)
			found = steal_ptr(&path);
		free(part);
	}
	return found;
}

bool self_finds(const struct self_plan *plan, const char *name)
{
	_cleanup_free_ char *found = path_finds(name);

	return found && fs_same_file(found, plan->program);
}

/*
 * Open the running program, even if its file was replaced meanwhile. *SIZE becomes its size in
 * bytes, without a bundled Nix. A negative errno if it fails.
 */
static int open_self(uint64_t *size)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct bundle bundle;

	if (fd < 0)
		return -errno;
	bundle_look(fd, &bundle);
	*size = bundle.program_size;
	return fd;
}

#ifdef SINGLE_BINARY
int self_digest(struct sha256 *out)
{
	uint64_t size = 0;
	_cleanup_close_ int fd = open_self(&size);

	return fd < 0 ? fd : sha256_of_part(fd, 0, size, out);
}

/* What to do with the file DEST, where a copy of the running program belongs. */
static enum copy_action decide_copy(const char *dest, const struct strlist *ours)
{
	struct sha256 present, wanted;
	char hex[SHA256_HEX_LEN + 1];

	if (!fs_exists(AT_FDCWD, dest))
		return COPY_MAKE;
	if (sha256_of_file(AT_FDCWD, dest, &present) < 0 || self_digest(&wanted) < 0)
		return COPY_LEAVE;
	if (sha256_equal(&present, &wanted))
		return COPY_KEEP;
	sha256_format(&present, hex);
	return strlist_has(ours, hex) ? COPY_MAKE : COPY_LEAVE;
}

/*
 * A program of a package stays where the package put it. A single-file program may have been
 * downloaded to any place; it stays if PATH finds it by its name. A bundle does not stay: the copy
 * is the program without the Nix.
 */
static void look_at_program(const struct strlist *ours, struct self_plan *plan)
{
	_cleanup_free_ char *directory = path_parent(plan->program);
	_cleanup_free_ char *copy = path_join(plan->bin, COPY_NAME);
	struct bundle bundle;

	if (bundle_look_at_self(&bundle) == 0
		    ? is_on_path(directory) || fs_same_file(directory, plan->bin)
		    : fs_same_file(plan->program, copy))
		return;
	plan->copy = decide_copy(copy, ours);
	free(plan->program);
	plan->program = steal_ptr(&copy);
}
#else
/* a build of two files is never copied, and the program that enters is linked without libcrypto */
int self_digest(struct sha256 *out)
{
	(void)out;
	return -ENOTSUP;
}
#endif

static enum shim_action look_at_shim(const struct self_plan *plan, const char *name)
{
	_cleanup_free_ char *path = path_join(plan->bin, name), *target = NULL;
	int r = fs_readlink(AT_FDCWD, path, &target);

	return shim_decide(r != -ENOENT && r != -ENOTDIR, target, plan->program);
}

int self_look(const struct home *home, const char *argv0, const struct strlist *ours,
	      struct self_plan *out)
{
	_cleanup_free_ char *directory = NULL;

	*out = (struct self_plan){.source = fs_self_path(), .bin = xstrdup(home->bin)};
	/*
	 * the path in argv[0] of nix-user-chroot-install is that of the program to which it belongs
	 */
	out->program = is_single		? program_path(argv0)
		       : argv0 && *argv0 == '/' ? xstrdup(argv0)
						: fs_self_path();
	if (!out->source || !out->program) {
		log_warning("cannot tell where this program is: /proc is not mounted\n"
			    "so there will be no nix command in %s",
			    home->bin);
		self_plan_clear(out);
		return -1;
	}
	out->is_on_path = is_on_path(out->bin);
#ifdef SINGLE_BINARY
	look_at_program(ours, out);
#endif
	/* in a build of two files, a copy of this program alone would lack the installer */
	for (size_t i = 0; i < SHIM_COUNT; i++)
		out->shims[i] = look_at_shim(out, shim_names[i]);
	directory = path_parent(out->program);
	if (out->copy != COPY_LEAVE &&
	    (strcmp(directory, out->bin) == 0 || fs_same_file(directory, out->bin)))
		documents_look(home, ours, &out->documents);
	return 0;
}

bool self_has_work(const struct self_plan *plan)
{
	if (plan->copy == COPY_LEAVE)
		return false;
	for (size_t i = 0; i < SHIM_COUNT; i++)
		if (plan->shims[i] == SHIM_MAKE || plan->shims[i] == SHIM_TURN)
			return true;
	return plan->copy == COPY_MAKE || documents_have_work(&plan->documents);
}

bool self_has_shim(const struct self_plan *plan, size_t i)
{
	return plan->copy != COPY_LEAVE && plan->shims[i] != SHIM_LEAVE;
}

/* Copy SIZE bytes of FROM to TO: 0 or a negative errno. */
static int copy_bytes(int from, uint64_t size, int to)
{
	enum { BLOCK = 1 << 16 };
	_cleanup_free_ char *buffer = xcalloc(BLOCK, 1);
	int r = 0;

	while (r == 0 && size > 0) {
		ssize_t n = read(from, buffer, size < BLOCK ? (size_t)size : BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		r = fs_write_all(to, buffer, (size_t)n);
		size -= (uint64_t)n;
	}
	return r;
}

/* Write the running program, without a bundled Nix, as FRESH_NAME in DIR, to disk. */
static int write_fresh(int dir)
{
	uint64_t size = 0;
	_cleanup_close_ int from = open_self(&size), to = -1;
	int r;

	if (from < 0)
		return from;
	unlinkat(dir, FRESH_NAME, 0);
	to = openat(dir, FRESH_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	if (to < 0)
		return -errno;
	r = copy_bytes(from, size, to);
	if (r == 0 && (fchmod(to, 0755) < 0 || fsync(to) < 0))
		r = -errno;
	return r == 0 && close(steal_fd(&to)) < 0 ? -errno : r;
}

static int put_copy(int dir)
{
	int r = write_fresh(dir);

	if (r == 0 && renameat(dir, FRESH_NAME, dir, COPY_NAME) < 0)
		r = -errno;
	if (r == 0)
		return fs_sync_dir(dir, ".");
	unlinkat(dir, FRESH_NAME, 0);
	return r;
}

static int put_link(int dir, const char *name, const char *program, enum shim_action action)
{
	int r = 0;

	if (action == SHIM_MAKE)
		return symlinkat(program, dir, name) < 0 ? -errno : 0;
	unlinkat(dir, FRESH_NAME, 0);
	if (symlinkat(program, dir, FRESH_NAME) < 0)
		return -errno;
	if (renameat(dir, FRESH_NAME, dir, name) < 0) {
		r = -errno;
		unlinkat(dir, FRESH_NAME, 0);
	}
	return r;
}

static int put_shims(int dir, const struct self_plan *plan)
{
	for (size_t i = 0; i < SHIM_COUNT; i++) {
		enum shim_action action = plan->shims[i];
		int r = action == SHIM_MAKE || action == SHIM_TURN
				? put_link(dir, shim_names[i], plan->program, action)
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int put_all(const struct self_plan *plan)
{
	_cleanup_close_ int dir = -1;
	int r = fs_mkdirs(AT_FDCWD, plan->bin, 0755);

	if (r < 0)
		return r;
	dir = open(plan->bin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	r = plan->copy == COPY_MAKE ? put_copy(dir) : 0;
	return r < 0 ? r : put_shims(dir, plan);
}

static void say_left(const struct self_plan *plan)
{
	_cleanup_free_ char *names = NULL;

	for (size_t i = 0; i < SHIM_COUNT; i++) {
		char *longer;

		if (plan->shims[i] != SHIM_LEAVE)
			continue;
		longer = xasprintf("%s %s", names ? names : "", shim_names[i]);
		free(names);
		names = longer;
	}
	if (names)
		log_warning("%s has other files by these names, which stay:%s\n"
			    "to use those of the Nix installed here, move these files away and run "
			    "--install again",
			    plan->bin, names);
}

void self_carry_out(const struct self_plan *plan)
{
	int r;

	if (plan->copy == COPY_LEAVE) {
		log_warning("%s is another program than this one, and stays: no links to it were "
			    "made\nmove it away and run nix-user-chroot --install again",
			    plan->program);
		return;
	}
	say_left(plan);
	r = self_has_work(plan) ? put_all(plan) : 0;
	if (r < 0)
		log_warning("cannot put the nix commands into %s: %s\n"
			    "Nix is installed without them; XDG_BIN_HOME names another directory, "
			    "--no-shims leaves them out",
			    plan->bin, strerror(-r));
	else
		documents_carry_out(&plan->documents);
}

/* A hint if PATH has another nix before ours. */
static char *other_hint(const struct self_plan *plan, const struct home *home)
{
	_cleanup_free_ char *found = path_finds("nix"), *own = path_join(plan->bin, "nix"),
			    *line = NULL;
	const char *file;

	if (!found || strcmp(found, own) == 0 || fs_same_file(found, plan->program))
		return NULL;
	line = shim_path_line(env_get("SHELL"), plan->bin, home->path, &file);
	return text_format("nix is %s, because PATH has that before %s\n"
			   "this line at the end of %s puts the one installed here first: %s",
			   found, plan->bin, file, line);
}

bool self_has_path_file(const struct home *home)
{
	_cleanup_free_ char *sh = path_join(home->config, "path.sh");

	return fs_exists(AT_FDCWD, sh) || fs_exists(AT_FDCWD, home->fish_path);
}

/*
 * The command by which a running shell reads our file that new shells read; the caller frees. NULL:
 * there is no such file for this shell.
 */
static char *source_line(const struct home *home)
{
	const char *shell = env_get("SHELL");
	bool is_fish = shell && str_ends_with(shell, "/fish");
	_cleanup_free_ char *sh = path_join(home->config, "path.sh"), *word = NULL;
	const char *file = is_fish ? home->fish_path : sh;

	if (!fs_exists(AT_FDCWD, file) || (shell && str_ends_with(shell, "csh")))
		return NULL;
	word = shim_shell_word(file, home->path);
	return xasprintf("%s %s", is_fish ? "source" : ".", word);
}

static char *path_hint(const struct self_plan *plan, const struct home *home)
{
	_cleanup_free_ char *line = NULL;
	const char *file;

	if (plan->copy == COPY_LEAVE || access(plan->bin, X_OK) < 0)
		return NULL;
	if (plan->is_on_path)
		return other_hint(plan, home);
	if (strchr(plan->bin, ':'))
		return xasprintf(
			"the nix commands are in %s, which cannot be on PATH: a colon separates "
			"directories there\n"
			"set XDG_BIN_HOME to a directory without one and run nix-user-chroot "
			"--install again",
			plan->bin);
	line = source_line(home);
	if (line)
		return text_format("to have the nix commands in this shell too: %s", line);
	line = shim_path_line(env_get("SHELL"), plan->bin, home->path, &file);
	return text_format("the nix commands are in %s, which is not on your PATH yet\n"
			   "for new shells add this line to %s, and type it in this one: %s",
			   plan->bin, file, line);
}

/*
 * A hint to set NIX_USER_CHROOT_DIR in a startup file: nothing else tells where this Nix is, and
 * the variable may be set for this call alone.
 */
static char *directory_hint(const struct home *home)
{
	const char *nix_dir = env_get("NIX_USER_CHROOT_DIR"), *file;
	_cleanup_free_ char *line = NULL;

	if (!nix_dir)
		return NULL;
	line = shim_directory_line(env_get("SHELL"), nix_dir, home->path, &file);
	return text_format("the nix commands need NIX_USER_CHROOT_DIR to find this Nix\n"
			   "add this line to %s, unless it is there: %s",
			   file, line);
}

char *self_path_hint(const struct self_plan *plan, const struct home *home)
{
	_cleanup_free_ char *path = path_hint(plan, home), *directory = directory_hint(home);

	if (path && directory)
		return xasprintf("%s\n%s", path, directory);
	return steal_ptr(path ? &path : &directory);
}

void self_say_path(const struct self_plan *plan, const struct home *home)
{
	_cleanup_free_ char *hint =
		plan->bin && !plan->is_on_path ? self_path_hint(plan, home) : NULL;

	if (hint)
		log_info("%-s", hint);
}

char *self_call(const struct self_plan *plan, const char *argv0)
{
	const char *program = plan && plan->copy != COPY_LEAVE ? plan->program : argv0;
	_cleanup_free_ char *directory = *program == '/' ? path_parent(program) : NULL;
	const char *slash = strrchr(program, '/');

	return xstrdup(directory && is_on_path(directory) ? slash + 1 : program);
}

void self_plan_clear(struct self_plan *plan)
{
	free(plan->bin);
	free(plan->program);
	free(plan->source);
	documents_clear(&plan->documents);
	*plan = (struct self_plan){0};
}
