#include "home/shims.h"
#include "util/cleanup.h"
#include "util/nix_commands.h"
#include "util/str.h"

#include <string.h>
#include <unistd.h>

const char *const shim_names[SHIM_COUNT] = {NIX_COMMANDS};

bool shim_is_ours(const char *target)
{
	static const char stem[] = "nix-user-chroot";
	const char *slash = strrchr(target, '/'), *name = slash ? slash + 1 : target;
	const char *rest = name + strlen(stem);

	if (!str_starts_with(name, stem))
		return false;
	return !*rest || (rest[0] == '-' && rest[1] >= '0' && rest[1] <= '9' &&
			  str_ends_with(rest, "-linux"));
}

enum shim_action shim_decide(bool exists, const char *target, const char *program)
{
	if (!exists)
		return SHIM_MAKE;
	if (!target)
		return SHIM_LEAVE;
	if (strcmp(target, program) == 0)
		return SHIM_KEEP;
	return shim_is_ours(target) ? SHIM_TURN : SHIM_LEAVE;
}

/*
 * BIN as the text between double quotes in a shell; the caller frees. NULL: BIN has a character
 * that is special there.
 */
static char *in_double_quotes(const char *bin, const char *home)
{
	size_t len = strlen(home);
	bool below = len > 1 && strncmp(bin, home, len) == 0 && bin[len] == '/';
	const char *rest = below ? bin + len : bin;

	return strpbrk(rest, "\"$`\\!\n") ? NULL : xasprintf("%s%s", below ? "$HOME" : "", rest);
}

char *shim_shell_word(const char *path, const char *home)
{
	_cleanup_free_ char *plain = in_double_quotes(path, home);

	return plain ? xasprintf("\"%s\"", plain) : str_shell_word(path);
}

/* The name of the shell SHELL. */
static const char *name_of_shell(const char *shell)
{
	const char *slash = shell ? strrchr(shell, '/') : NULL;

	return slash ? slash + 1 : shell ? shell : "";
}

static bool is_csh(const char *name)
{
	return strcmp(name, "csh") == 0 || strcmp(name, "tcsh") == 0;
}

static const char *startup_file(const char *name, const char *home)
{
	_cleanup_free_ char *tcshrc = path_join(home, ".tcshrc");

	/* tcsh reads the other file only if this one does not exist */
	if (is_csh(name))
		return strcmp(name, "tcsh") == 0 && access(tcshrc, F_OK) == 0 ? "~/.tcshrc"
									      : "~/.cshrc";
	if (strcmp(name, "bash") == 0)
		return "~/.bashrc";
	if (strcmp(name, "zsh") == 0)
		return env_get("ZDOTDIR") ? "$ZDOTDIR/.zshrc" : "~/.zshrc";
	if (strcmp(name, "fish") == 0)
		return env_get("XDG_CONFIG_HOME") ? "$XDG_CONFIG_HOME/fish/config.fish"
						  : "~/.config/fish/config.fish";
	return "~/.profile";
}

char *shim_path_line(const char *shell, const char *bin, const char *home, const char **file)
{
	const char *name = name_of_shell(shell);
	_cleanup_free_ char *plain = in_double_quotes(bin, home), *odd = str_shell_word(bin);

	*file = startup_file(name, home);
	if (strcmp(name, "fish") == 0)
		return plain ? xasprintf("fish_add_path \"%s\"", plain)
			     : xasprintf("fish_add_path %s", odd);
	if (is_csh(name))
		return plain ? xasprintf("setenv PATH \"%s:$PATH\"", plain)
			     : xasprintf("setenv PATH %s:\"$PATH\"", odd);
	return plain ? xasprintf("export PATH=\"%s:$PATH\"", plain)
		     : xasprintf("export PATH=%s:\"$PATH\"", odd);
}

char *shim_directory_line(const char *shell, const char *nix_dir, const char *home,
			  const char **file)
{
	const char *name = name_of_shell(shell);
	const char *set = strcmp(name, "fish") == 0 ? "set -gx NIX_USER_CHROOT_DIR "
			  : is_csh(name)	    ? "setenv NIX_USER_CHROOT_DIR "
						    : "export NIX_USER_CHROOT_DIR=";
	_cleanup_free_ char *plain = in_double_quotes(nix_dir, home),
			    *odd = str_shell_word(nix_dir);

	*file = startup_file(name, home);
	return plain ? xasprintf("%s\"%s\"", set, plain) : xasprintf("%s%s", set, odd);
}
