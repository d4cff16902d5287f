#include "run/read_only.h"
#include "run/inside.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/nix_commands.h"
#include "util/str.h"
#include "util/trust.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Settings of nix.conf(5): the store's URL, and the feature that allows its parameter. */
#define READ_ONLY_STORE	  "local?read-only=true"
#define READ_ONLY_FEATURE "extra-experimental-features = read-only-local-store"

/*
 * What only reads: a command, and one or two words that it has then; one that ends with '*' is the
 * beginning of a word. Each was tried as another user, with Nix 2.26.
 */
static const struct {
	const char *name, *first, *second;
} reading[] = {
	{"nix", "config", NULL},
	{"nix", "copy", "--to"},
	{"nix", "doctor", NULL},
	{"nix", "eval", "--expr"},
	{"nix", "eval", "--file"},
	{"nix", "eval", "-f"},
	{"nix", "hash", NULL},
	{"nix", "help", NULL},
	{"nix", "key", NULL},
	{"nix", "log", NULL},
	{"nix", "path-info", NULL},
	{"nix", "profile", "diff-closures"},
	{"nix", "profile", "history"},
	{"nix", "profile", "list"},
	{"nix", "registry", "list"},
	{"nix", "store", "cat"},
	{"nix", "store", "diff-closures"},
	{"nix", "store", "dump-path"},
	{"nix", "store", "info"},
	{"nix", "store", "ls"},
	{"nix", "store", "ping"},
	{"nix", "store", "verify"},
	{"nix", "why-depends", NULL},
	{"nix-channel", "--add", NULL},
	{"nix-channel", "--list", NULL},
	{"nix-channel", "--remove", NULL},
	{"nix-copy-closure", "--to", NULL},
	{"nix-env", "--query", NULL},
	{"nix-env", "-q*", NULL},
	{"nix-hash", NULL, NULL},
	{"nix-instantiate", "--eval", NULL},
	{"nix-instantiate", "--find-file", NULL},
	{"nix-instantiate", "--parse", NULL},
	{"nix-store", "--dump", NULL},
	{"nix-store", "--export", NULL},
	{"nix-store", "--print-env", NULL},
	{"nix-store", "--query", NULL},
	{"nix-store", "--read-log", NULL},
	{"nix-store", "--verify-path", NULL},
	{"nix-store", "-l", NULL},
	{"nix-store", "-q*", NULL},
};

static bool has_word(char *const *argv, const char *word)
{
	size_t len = strcspn(word, "*");

	for (argv += *argv != NULL; *argv; argv++)
		if (strncmp(*argv, word, len) == 0 && (word[len] || !(*argv)[len]))
			return true;
	return false;
}

bool read_only_may_write(const char *name, char *const *argv)
{
	static const char *const commands[] = {NIX_COMMANDS};
	const char *slash = strrchr(name, '/');
	bool is_of_nix = false;

	name = slash ? slash + 1 : name;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		is_of_nix |= strcmp(name, commands[i]) == 0;
	/* with --store, the user names another store */
	if (!is_of_nix || has_word(argv, "--version") || has_word(argv, "--help") ||
	    has_word(argv, "--store"))
		return false;
	for (size_t i = 0; i < sizeof(reading) / sizeof(reading[0]); i++)
		if (strcmp(name, reading[i].name) == 0 &&
		    (!reading[i].first || has_word(argv, reading[i].first)) &&
		    (!reading[i].second || has_word(argv, reading[i].second)))
			return false;
	return true;
}

bool read_only_is_set(void)
{
	const char *remote = env_get("NIX_REMOTE");

	return remote && strcmp(remote, READ_ONLY_STORE) == 0;
}

bool read_only_names_daemon(const char *store)
{
	return strcmp(store, "daemon") == 0 || strcmp(store, "unix://") == 0 ||
	       strcmp(store, "unix:///nix/" NIX_DAEMON_SOCKET) == 0;
}

/*
 * Does a process listen on the daemon's socket? A daemon that was killed has left the socket. Since
 * the type of this process's socket differs from the daemon's, the daemon does not notice: unix(7),
 * EPROTOTYPE.
 */
static bool has_daemon(int nix_dir_fd)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	/* this path, however long that of the Nix directory is, has room in the address */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NIX_DAEMON_SOCKET,
		 nix_dir_fd);
	return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 &&
	       errno == EPROTOTYPE;
}

/* The user's own NIX_REMOTE wins, except one for a daemon that is not there (run/environment). */
static void set(void)
{
	const char *remote = env_get("NIX_REMOTE"), *config = env_get("NIX_CONFIG");
	_cleanup_free_ char *longer = NULL;

	if (remote && !read_only_names_daemon(remote))
		return;
	setenv("NIX_REMOTE", READ_ONLY_STORE, 1);
	if (config && strstr(config, READ_ONLY_FEATURE))
		return;
	longer = config ? xasprintf("%s\n" READ_ONLY_FEATURE, config) : xstrdup(READ_ONLY_FEATURE);
	setenv("NIX_CONFIG", longer, 1);
}

static void tell(int nix_dir_fd, const char *nix_dir, const char *name, char *const *argv)
{
	bool may_write = name && read_only_may_write(name, argv);
	_cleanup_free_ char *keeper = NULL;

	/* looking a user up may ask a server */
	if (may_write || log_get_level() >= LOG_VERBOSE)
		keeper = trust_keeper(nix_dir_fd);
	if (!keeper)
		return;
	if (may_write)
		log_warning(
			"the store in %s belongs to %s and is not yours to write: %s can only use "
			"what it holds\n"
			"ask %s, or make a Nix of your own: NIX_USER_CHROOT_DIR= "
			"nix-user-chroot --install",
			nix_dir, keeper, name, keeper);
	else
		log_verbose("the store in %s belongs to %s and is not yours to write: "
			    "NIX_REMOTE=" READ_ONLY_STORE,
			    nix_dir, keeper);
}

void read_only_prepare(int nix_dir_fd, const char *nix_dir, bool is_own, const char *name,
		       char *const *argv)
{
	bool is_read_only = !is_own && trust_is_read_only(nix_dir_fd) && !has_daemon(nix_dir_fd);

	if (is_read_only)
		set();
	else if (read_only_is_set() && env_get(NIX_DIR_VARIABLE))
		unsetenv("NIX_REMOTE");
	if (is_read_only && read_only_is_set())
		tell(nix_dir_fd, nix_dir, name, argv);
}
