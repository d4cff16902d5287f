#include "home/path_files.h"
#include "home/shell_try.h"
#include "home/shims.h"
#include "home/startup_files.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD "# Written by nix-user-chroot --install; its --uninstall removes it.\n"

/* A way to start a shell, and the startup file that it then reads. */
struct trial {
	const char *shell; /* its name */
	const char *name;  /* its argv[0]: "-NAME" for a login shell */
	const char *word;  /* its options, with "c" for the command */
	const char *file;  /* below the home directory; NULL: see file_of() */
};

static const struct trial trials[] = {
	{"sh", "-sh", "-c", ".profile"},    {"bash", "-bash", "-lc", NULL},
	{"bash", "bash", "-ic", ".bashrc"}, {"zsh", "zsh", "-ic", ".zshenv"},
	{"ksh", "ksh", "-ic", ".kshrc"},    {"mksh", "mksh", "-ic", ".mkshrc"},
	{"fish", "fish", "-ic", NULL},
};

#define TRIALS (sizeof(trials) / sizeof(trials[0]))

static const char *const of_bash[] = {".bash_profile", ".bash_login", ".profile", ".bashrc"};
static const char *const of_zsh[] = {".zshenv", ".zprofile", ".zshrc", ".zlogin"};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_same_place(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || fs_same_file(a, b);
}

/* Is PATH (absolute, without "..") in DIRECTORY, however the two are written? */
static bool is_below_place(const char *path, const char *directory)
{
	_cleanup_free_ char *part = path_parent(path);

	while (!is_same_place(part, directory)) {
		char *above;

		/* "/", or "" above it */
		if (!part[0] || !part[1])
			return false;
		above = path_parent(part);
		free(part);
		part = above;
	}
	return true;
}

bool path_is_startup_file(const struct home *home, const char *path)
{
	static const char *const others[] = {".kshrc", ".mkshrc"};
	_cleanup_free_ char *above = path_parent(path);
	const char *name = last_component(path), *zdotdir = env_get("ZDOTDIR");

	/*
	 * ZDOTDIR may be unset by now; the directory it named is most likely below the home
	 * directory
	 */
	if (strstr(path, "/../") ||
	    (!is_below_place(path, home->path) && !(zdotdir && is_same_place(above, zdotdir))))
		return false;
	for (size_t i = 0; i < 4; i++)
		if (strcmp(name, of_bash[i]) == 0 || strcmp(name, of_zsh[i]) == 0)
			return true;
	return strcmp(name, others[0]) == 0 || strcmp(name, others[1]) == 0;
}

/*
 * Where zsh has its startup files. If there is a ~/.zshenv, it sets ZDOTDIR for what follows; if
 * not, the system's files or whatever starts zsh set it before.
 */
static const char *zsh_directory(const struct home *home)
{
	_cleanup_free_ char *zshenv = path_join(home->path, ".zshenv");
	const char *zdotdir = env_get("ZDOTDIR");

	return zdotdir && *zdotdir == '/' && !fs_exists(AT_FDCWD, zshenv) ? zdotdir : home->path;
}

static bool has_one_of(const char *directory, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *path = path_join(directory, names[i]);

		if (fs_exists(AT_FDCWD, path))
			return true;
	}
	return false;
}

/* Does the user use the shell NAME? ~/.profile alone is a sign of no shell but sh. */
static bool is_in_use(const struct home *home, const struct path_plan *plan, const char *name)
{
	const char *shell = env_get("SHELL");

	if (strcmp(name, "sh") == 0 || (shell && strcmp(last_component(shell), name) == 0))
		return true;
	if (strcmp(name, "bash") == 0)
		return has_one_of(home->path, of_bash, 2) || has_one_of(home->path, of_bash + 3, 1);
	if (strcmp(name, "zsh") == 0)
		return has_one_of(zsh_directory(home), of_zsh, 4);
	if (strcmp(name, "fish") == 0) {
		_cleanup_free_ char *conf_d = path_parent(plan->fish.path);
		_cleanup_free_ char *fish = path_parent(conf_d);

		return fs_exists(AT_FDCWD, fish);
	}
	return false;
}

/* The program of the shell NAME; the caller frees. NULL: not installed. */
static char *find_shell(const char *name)
{
	static const char *const places[] = {"/bin", "/usr/bin", "/usr/local/bin"};
	const char *shell = env_get("SHELL");

	if (shell && *shell == '/' && strcmp(last_component(shell), name) == 0 &&
	    access(shell, X_OK) == 0)
		return xstrdup(shell);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		_cleanup_free_ char *path = path_join(places[i], name);

		if (access(path, X_OK) == 0)
			return steal_ptr(&path);
	}
	return NULL;
}

/* The startup file of TRIAL; the caller frees. NULL: fish, which has a file of its own. */
static char *file_of(const struct home *home, const struct trial *trial)
{
	if (strcmp(trial->shell, "fish") == 0)
		return NULL;
	if (strcmp(trial->shell, "zsh") == 0)
		return path_join(zsh_directory(home), trial->file);
	if (trial->file)
		return path_join(home->path, trial->file);
	/* bash(1) reads only the first of these files that exists and is readable */
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *path = path_join(home->path, of_bash[i]);

		if (access(path, R_OK) == 0)
			return steal_ptr(&path);
	}
	return path_join(home->path, of_bash[2]);
}

/* A shell that is not installed is not started: it lacks nothing. */
static struct shell_try begin_trial(const struct home *home, const struct trial *trial)
{
	_cleanup_free_ char *shell = find_shell(trial->shell);
	const char *zsh = zsh_directory(home);

	return shell ? shell_try_begin(shell, trial->name, trial->word, home->path,
				       strcmp(zsh, home->path) != 0 ? zsh : NULL)
		     : (struct shell_try){.fd = -1};
}

/*
 * Which of the trials that are WANTED do not find BIN on PATH? Their shells run at the same time.
 */
static void find_lacking(const struct home *home, const bool *wanted, const char *bin,
			 bool *lacking)
{
	struct shell_try tries[TRIALS];

	for (size_t i = 0; i < TRIALS; i++)
		tries[i] = wanted[i] ? begin_trial(home, &trials[i]) : (struct shell_try){.fd = -1};
	for (size_t i = 0; i < TRIALS; i++) {
		bool is_there = tries[i].pid != 0;

		lacking[i] = shell_try_end(&tries[i], bin) != 1 && is_there;
	}
}

void path_plan_for(const struct home *home, const char *bin, struct path_plan *out)
{
	_cleanup_free_ char *word = NULL, *file = NULL;

	*out = (struct path_plan){
		.sh.path = path_join(home->config, "path.sh"),
		.fish.path = xstrdup(home->fish_path),
	};
	word = shim_shell_word(bin, home->path);
	file = shim_shell_word(out->sh.path, home->path);
	out->sh.text = xasprintf(HEAD "case \":${PATH-}:\" in\n"
				      "*:%s:*) ;;\n"
				      "*) export PATH=%s\"${PATH:+:$PATH}\" ;;\n"
				      "esac\n",
				 word, word);
	out->fish.text =
		xasprintf(HEAD "contains -- %s $PATH; or set -gx PATH %s $PATH\n", word, word);
	out->line = xasprintf("[ ! -r %s ] || . %s %s", file, file, STARTUP_MARK);
}

/* Is there, in the place of FILE, something that is not ours? */
static bool is_foreign(const struct path_file *file, const struct strlist *ours)
{
	struct sha256 present, wanted;
	char hex[SHA256_HEX_LEN + 1];
	int r = sha256_of_file(AT_FDCWD, file->path, &present);

	if (r == -ENOENT)
		return false;
	if (r < 0 || sha256_of_bytes(file->text, strlen(file->text), &wanted) < 0)
		return true;
	sha256_format(&present, hex);
	return !sha256_equal(&present, &wanted) && !strlist_has(ours, hex);
}

static void drop(struct path_file *file)
{
	free(file->path);
	free(file->text);
	*file = (struct path_file){0};
}

/* The shell of TRIAL does not find BIN: add its startup file to PLAN. */
static void add_file(const struct home *home, const struct trial *trial, struct path_plan *out)
{
	_cleanup_free_ char *path = file_of(home, trial);
	int r;

	/* the line is there already and does not help, so another line would not either */
	if (strlist_has(&out->files, path) || startup_file_has_text(path, out->line) == 1)
		return;
	r = startup_file_can_change(path);
	if (r == 0)
		strlist_take(&out->files, steal_ptr(&path));
	else
		strlist_take(&out->refused, xasprintf("%s: %s", path, strerror(-r)));
}

void path_look(const struct home *home, const char *bin, const struct strlist *ours,
	       struct path_plan *out)
{
	bool wants_fish = false, wanted[TRIALS], lacking[TRIALS];

	path_plan_for(home, bin, out);
	/* a directory with ':' in its name cannot be on PATH */
	for (size_t i = 0; i < TRIALS; i++)
		wanted[i] = !strpbrk(bin, ":\n") && is_in_use(home, out, trials[i].shell);
	find_lacking(home, wanted, bin, lacking);
	for (size_t i = 0; i < TRIALS; i++) {
		if (!lacking[i])
			continue;
		if (strcmp(trials[i].shell, "fish") == 0)
			wants_fish = true;
		else
			add_file(home, &trials[i], out);
	}
	if (out->files.count == 0 && out->refused.count == 0)
		drop(&out->sh);
	if (!wants_fish)
		drop(&out->fish);
	if (out->sh.path)
		out->sh.stays = is_foreign(&out->sh, ours);
	if (out->fish.path)
		out->fish.stays = is_foreign(&out->fish, ours);
}

bool path_has_work(const struct path_plan *plan)
{
	return plan->sh.path || plan->fish.path;
}

static bool put_file(const struct path_file *file)
{
	int r = file->stays ? -EEXIST
			    : fs_put_file(file->path, file->text, strlen(file->text), 0644);

	if (r < 0)
		log_warning("cannot write %s, which puts the nix commands on PATH: %s\n"
			    "move away what is in its place and run --install again",
			    file->path, strerror(-r));
	return r == 0;
}

static void say_line(const char *why, const struct path_plan *plan)
{
	log_warning("no line for PATH in %s\nadd it by hand: %s", why, plan->line);
}

void path_carry_out(struct path_plan *plan)
{
	struct strlist files = plan->files;

	plan->files = (struct strlist){0};
	if (plan->fish.path && !put_file(&plan->fish))
		drop(&plan->fish);
	if (plan->sh.path && !put_file(&plan->sh))
		drop(&plan->sh);
	if (!plan->sh.path) {
		strlist_clear(&files);
		return;
	}
	for (size_t i = 0; i < plan->refused.count; i++)
		say_line(plan->refused.items[i], plan);
	for (size_t i = 0; i < files.count; i++) {
		_cleanup_free_ char *why = NULL;
		int r = startup_file_put_text(files.items[i], plan->line);

		if (r == 0) {
			strlist_add(&plan->files, files.items[i]);
			continue;
		}
		why = xasprintf("%s: %s", files.items[i], strerror(-r));
		say_line(why, plan);
	}
	strlist_clear(&files);
}

void path_check(const struct home *home, const char *bin, const struct path_plan *plan)
{
	bool wanted[TRIALS], lacking[TRIALS];

	for (size_t i = 0; i < TRIALS; i++) {
		_cleanup_free_ char *path = file_of(home, &trials[i]);

		wanted[i] = path && strlist_has(&plan->files, path) &&
			    is_in_use(home, plan, trials[i].shell);
	}
	find_lacking(home, wanted, bin, lacking);
	for (size_t i = 0; i < TRIALS; i++) {
		_cleanup_free_ char *path = lacking[i] ? file_of(home, &trials[i]) : NULL;

		if (path)
			log_warning(
				"%s has our line for PATH, but PATH of %s still lacks %s: the file "
				"sets PATH again later, or takes too long\n"
				"move this line below the place where the file sets PATH: %s",
				path, trials[i].shell, bin, plan->line);
	}
}

void path_plan_clear(struct path_plan *plan)
{
	drop(&plan->sh);
	drop(&plan->fish);
	free(plan->line);
	strlist_clear(&plan->files);
	strlist_clear(&plan->refused);
	*plan = (struct path_plan){0};
}
