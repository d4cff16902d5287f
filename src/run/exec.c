#include "run/exec.h"
#include "run/environment.h"
#include "run/login.h"
#include "run/profile.h"
#include "run/read_only.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many bytes of a startup file are read: more than anybody writes by hand. */
#define STARTUP_MAX (1024 * 1024)

/* Can PATH be the user's shell? This program cannot: it would start itself again, for ever. */
static bool is_shell(const char *path)
{
	/* a relative path would be another program in every directory */
	return path && *path == '/' && fs_is_program(path) && !fs_same_file(path, "/proc/self/exe");
}

/* The user's shell. The caller frees. */
static char *find_shell(void)
{
	const char *shell = env_get("SHELL");
	const struct passwd *entry;

	if (is_shell(shell))
		return xstrdup(shell);
	entry = getpwuid(geteuid());
	shell = entry ? entry->pw_shell : NULL;
	return xstrdup(is_shell(shell) ? shell : "/bin/sh");
}

/* Does a line of the file NAME in DIRECTORY, other than a comment, put PROFILE on PATH? */
static bool file_speaks_of(const char *directory, const char *name, const char *profile)
{
	static const char *const direct[] = {"nix-profile/bin", "nix/profile/bin"};
	_cleanup_free_ char *path = path_join(directory, name), *text = NULL;
	_cleanup_free_ char *script = path_join(profile, "etc/profile.d/nix.sh");
	bool has_script = env_get("USER") && access(script, R_OK) == 0;
	char *rest, *line;
	size_t len;

	if (fs_read_file(AT_FDCWD, path, STARTUP_MAX, &text, &len) < 0)
		return false;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (line[strspn(line, " \t")] == '#')
			continue;
		for (size_t i = 0; i < sizeof(direct) / sizeof(direct[0]); i++)
			if (strstr(line, direct[i]))
				return true;
		/*
		 * the line of upstream's installer; without USER the script that it reads does
		 * nothing
		 */
		if (has_script && strstr(line, "profile.d/nix.sh"))
			return true;
	}
	return false;
}

/* Will the startup files put the profile on PATH in a login shell called NAME? */
static bool startup_speaks_of(const char *name, const char *profile)
{
	static const char *const of_bash[] = {".bash_profile", ".bash_login", ".profile"};
	static const char *const of_zsh[] = {".zshenv", ".zprofile", ".zshrc", ".zlogin"};
	const char *home = env_get("HOME"), *zdotdir = env_get("ZDOTDIR");

	/* if the home directory's name has a colon, no path in it can be on PATH */
	if (!home || strchr(home, ':'))
		return false;
	if (strcmp(name, "zsh") == 0) {
		for (size_t i = 0; i < sizeof(of_zsh) / sizeof(of_zsh[0]); i++)
			if (file_speaks_of(zdotdir ? zdotdir : home, of_zsh[i], profile))
				return true;
		return false;
	}
	if (strcmp(name, "bash") != 0)
		return file_speaks_of(home, ".profile", profile);
	/* bash(1) reads only the first of these files that exists and is readable */
	for (size_t i = 0; i < sizeof(of_bash) / sizeof(of_bash[0]); i++) {
		_cleanup_free_ char *path = path_join(home, of_bash[i]);

		if (access(path, R_OK) == 0)
			return file_speaks_of(home, of_bash[i], profile);
	}
	return false;
}

static bool is_bourne(const char *name)
{
	static const char *const names[] = {"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/*
 * The script that a login shell runs after its startup files: it puts the profile on PATH if the
 * files did not, then starts the same shell again, interactive if stdin is a terminal. The caller
 * frees.
 */
static char *path_script(const char *shell, const char *profile)
{
	_cleanup_free_ char *bin = path_join(profile, "bin");
	_cleanup_free_ char *bin_word = str_shell_word(bin);
	_cleanup_free_ char *shell_word = str_shell_word(shell);

	return xasprintf("case \":${PATH-}:\" in\n"
			 "*:%s:*) ;;\n"
			 "*) PATH=%s${PATH:+\":$PATH\"}; export PATH ;;\n"
			 "esac\n"
			 "exec %s",
			 bin_word, bin_word, shell_word);
}

static int exec_login_shell(const char *shell, const char *profile)
{
	const char *slash = strrchr(shell, '/'), *name = slash ? slash + 1 : shell;
	/* login(1): a shell whose name begins with '-' is a login shell */
	_cleanup_free_ char *login_name = xasprintf("-%s", name), *script = NULL;
	/* a bash may be built to demand -i as well, before it reads the files for -c */
	bool is_bash = strcmp(name, "bash") == 0;
	char *const plain[] = {login_name, NULL};

	if (!profile || !is_bourne(name) || startup_speaks_of(name, profile)) {
		execv(shell, plain);
	} else {
		script = path_script(shell, profile);
		execv(shell, (char *const[]){login_name, is_bash ? "-lc" : "-c", script, login_name,
					     NULL});
	}
	return errno;
}

/*
 * The first file NAME in a directory of PATH that this user may search, among those that access(2)
 * grants with MODE; the caller frees. NULL: none.
 */
static char *find_on_path(const char *name, int mode)
{
	const char *path = env_get("PATH");
	char *part;

	while ((part = path_next(&path))) {
		_cleanup_free_ char *directory = part, *file = path_join(directory, name);
		struct stat st;

		if (access(file, mode) == 0 &&
		    (mode == F_OK || (stat(file, &st) == 0 && S_ISREG(st.st_mode))))
			return steal_ptr(&file);
	}
	return NULL;
}

/*
 * Run a file that is no binary and names no interpreter by sh: POSIX demands that of execvp(3);
 * glibc does it, musl does not. Returns errno.
 */
static int exec_script(char *const *argv)
{
	_cleanup_free_ char *file =
		strchr(argv[0], '/') ? xstrdup(argv[0]) : find_on_path(argv[0], X_OK);
	_cleanup_free_ const char **words = NULL;
	size_t count = 0;

	if (!file)
		return ENOEXEC;
	while (argv[count])
		count++;
	words = xcalloc(count + 2, sizeof(*words));
	words[0] = "/bin/sh";
	words[1] = file;
	for (size_t i = 1; i < count; i++)
		words[i + 1] = argv[i];
	execv(words[0], (char *const *)(uintptr_t)words);
	return ENOEXEC;
}

/* COMMAND in a profile that is not on PATH; the caller frees. NULL: none has it. */
static char *find_in_profile(const char *command)
{
	_cleanup_(strlist_clear) struct strlist directories = {0};

	profile_directories(&directories);
	for (size_t i = 0; i < directories.count && !strchr(command, '/'); i++) {
		_cleanup_free_ char *file = path_join(directories.items[i], command);

		if (fs_is_program(file))
			return steal_ptr(&file);
	}
	return NULL;
}

static int exec_failed(const char *command, int err)
{
	_cleanup_free_ char *of_profile = NULL;
	bool missing;

	/* execvp(3) says EACCES also if it only met a directory that it may not search */
	if (err == EACCES && !strchr(command, '/')) {
		_cleanup_free_ char *file = find_on_path(command, F_OK);

		err = file ? err : ENOENT;
	}
	/*
	 * ENOTDIR: a part of PATH, or of COMMAND's path, is a file; for the user that is the same
	 */
	missing = err == ENOENT || err == ENOTDIR;

	of_profile = missing ? find_in_profile(command) : NULL;
	log_error("cannot run %s inside: %s\n%-s%s", command, strerror(err),
		  missing && strchr(command, '/')
			  ? "the file, or the interpreter that it needs, does not exist inside"
		  : of_profile ? "it was not found in PATH inside, but the profile has it: "
		  : missing    ? "it was not found in PATH inside"
			       : "it must be a program that you may execute",
		  of_profile ? of_profile : "");
	return missing ? EXIT_ENOENT : EXIT_CANNOT_INVOKE;
}

int exec_plain_shell(const char *word)
{
	_cleanup_free_ char *shell = !word		 ? find_shell()
				     : strchr(word, '/') ? xstrdup(word)
							 : find_on_path(word, X_OK);

	if (!shell)
		shell = xstrdup("/bin/sh");
	return exec_failed(shell, login_without_files(shell));
}

int exec_command(char *const *argv, bool with_profile)
{
	_cleanup_free_ char *shell = NULL, *profile = NULL;

	if (login_goes_round(argv)) {
		log_warning("a startup file of your shell runs nix-user-chroot, which starts that "
			    "shell again: this shell reads no startup files\n"
			    "put this in front of nix-user-chroot in that file: [ -n "
			    "\"$NIX_USER_CHROOT\" ] ||");
		return exec_plain_shell(argv ? argv[0] : NULL);
	}
	if (argv) {
		execvp(argv[0], argv);
		return exec_failed(argv[0], errno == ENOEXEC ? exec_script(argv) : errno);
	}
	shell = find_shell();
	profile = with_profile ? profile_find() : NULL;
	return exec_failed(shell, exec_login_shell(shell, profile));
}

char **exec_shell_words(char *line, char *const *words, char **shell)
{
	size_t count = 0;
	char **all;

	while (words && words[count])
		count++;
	all = xcalloc(count + 4, sizeof(*all));
	*shell = all[0] = find_shell();
	/* execve(2) does not write to it */
	all[1] = (char *)(uintptr_t) "-c";
	all[2] = line;
	for (size_t i = 0; i < count; i++)
		all[i + 3] = words[i];
	return all;
}

/* ARGV with NAME as its first word, or "-NAME" if it was called as a login shell. */
static char **profile_arguments(const char *name, char *const *argv)
{
	size_t count = 1;
	char **copy;

	while (argv[0] && argv[count])
		count++;
	copy = xcalloc(count + 1, sizeof(*copy));
	/* execve(2) does not write to it */
	copy[0] = argv[0] && *argv[0] == '-' ? argv[0] : (char *)(uintptr_t)name;
	for (size_t i = 1; i < count; i++)
		copy[i] = argv[i];
	return copy;
}

int exec_profile_command(const char *name, char *const *argv)
{
	_cleanup_(strlist_clear) struct strlist directories = {0};
	_cleanup_free_ char **words = profile_arguments(name, argv);
	int err;

	/*
	 * commands of other packages, for which a user may have made such links, keep the host's
	 * libraries
	 */
	if (strcmp(name, "nix") == 0 || str_starts_with(name, "nix-"))
		environment_drop_libraries(name);
	profile_directories(&directories);
	for (size_t i = 0; i < directories.count; i++) {
		_cleanup_free_ char *file = path_join(directories.items[i], name);

		execv(file, words);
		err = errno;
		/* ENOENT for a file that exists: its interpreter is missing */
		if ((err != ENOENT && err != ENOTDIR) || access(file, F_OK) == 0)
			return exec_failed(file, err);
	}
	log_error("cannot run %s: there is no such command in your Nix profile, %s\n%-s", name,
		  directories.items[0],
		  read_only_is_set()
			  ? "whoever keeps this Nix can add it to the profile for all who use it: "
			    "/nix/var/nix/profiles/default"
		  : str_starts_with(name, "nix")
			  ? "nix-user-chroot --install repairs the profile of an installation"
			  : "nix-user-chroot -- nix-env -iA nixpkgs.PACKAGE puts a package there");
	return EXIT_ENOENT;
}
