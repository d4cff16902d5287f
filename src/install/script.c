#include "install/script.h"
#include "run/environment.h"
#include "run/profile.h"
#include "run/run.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/flavour.h"
#include "util/fs.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

/* How many lines of the output are shown if the script fails. */
#define TAIL_LINES 12

/* How often the progress is shown while the script prints nothing. */
#define TICK_MS 250

/* Where the output of a command inside goes. */
struct output {
	int log_fd; /* -1: nowhere */
	char *text; /* all of the output, with a NUL */
	size_t len;
};

static int take_output(struct output *output, const char *data, size_t len)
{
	output->text = xreallocarray(output->text, output->len + len + 1, 1);
	memcpy(output->text + output->len, data, len);
	output->len += len;
	output->text[output->len] = '\0';
	if (output->log_fd < 0)
		return 0;
	log_output(data, len);
	return fs_write_all(output->log_fd, data, len);
}

/* Read FD to its end. A full log must not stop the command, so the rest is read all the same. */
static int drain(int fd, struct output *output, struct progress *progress)
{
	char buffer[4096];
	int first = 0;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		ssize_t n;

		progress_update(progress, 0, 0);
		if (poll(&wait, 1, TICK_MS) == 0)
			continue;
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return first;
		if (first == 0)
			first = take_output(output, buffer, (size_t)n);
	}
}

/* Run ARGV inside with /dev/null as stdin. Returns its exit status, or -1 after a message. */
static int run_inside(const struct script_request *request, char *const argv[],
		      struct output *output)
{
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int reader = -1, writer = -1;
	const struct run_request run_request = {
		.nix_dir = request->nix_dir,
		.runtime = request->runtime,
		.argv = argv,
		.work_dir = "/",
		.same_fd = request->nix_dir_fd,
		.kept_fd = request->lock_fd,
	};
	int ends[2], r;
	pid_t child;

	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		log_error("cannot run %s inside: %s\n"
			  "the limit of open files may be reached: ulimit -n",
			  argv[0], strerror(errno));
		return -1;
	}
	reader = ends[0];
	writer = ends[1];
	child = run_start(&run_request, null, writer);
	if (child < 0)
		return -1;
	close(steal_fd(&writer));
	r = drain(reader, output, request->progress);
	if (r < 0) {
		_cleanup_free_ char *path = path_join(request->nix_dir, LAYOUT_LOG);

		layout_error("write", path, r);
		run_wait(child);
		return -1;
	}
	return run_wait(child);
}

/* The last lines of OUTPUT, each as text_shown() shows it; the caller frees. */
static char *tail_of(const struct output *output)
{
	const char *begin = output->text ? output->text : "", *p = begin + output->len, *end;
	char *tail = xstrdup("");

	for (int lines = 0; p > begin && (p[-1] != '\n' || lines++ < TAIL_LINES);)
		p--;
	for (; *p; p = *end ? end + 1 : end) {
		char *longer;

		end = strchrnul(p, '\n');
		longer = text_format("%-s%.*s\n", tail, (int)(end - p), p);
		free(tail);
		tail = longer;
	}
	return tail;
}

static void prepare_environment(const struct script_request *request)
{
	static const char *const foreign[] = {
		"NIX_REMOTE",	 "NIX_CONF_DIR", "NIX_STORE_DIR",
		"NIX_STATE_DIR", "NIX_LOG_DIR",	 "NIX_LOCALSTATE_DIR",
		"NIX_DATA_DIR",	 "NIX_PROFILE",	 "NIX_BIN_DIR",
	};
	_cleanup_free_ char *user = environment_user();
	const char *theirs = env_get("NIX_CONFIG");
	_cleanup_free_ char *config = xasprintf("%s\nstore = auto", theirs ? theirs : "");

	/* the script fails without USER, which a user ID without a passwd entry lacks */
	if (!env_get("USER"))
		setenv("USER", user ? user : "nix", 1);
	/* variables of a Nix of the host's: its daemon, its configuration, its directories */
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		unsetenv(foreign[i]);
	/* NIX_CONFIG overrides a store in the user's settings; the last line counts */
	setenv("NIX_CONFIG", config, 1);
	environment_drop_libraries("the Nix install script");
	if (request->ssl_cert_file)
		setenv("NIX_SSL_CERT_FILE", request->ssl_cert_file, 1);
	if (request->profile)
		setenv("NIX_PROFILE", request->profile, 1);
	if (request->no_channel_add)
		setenv("NIX_INSTALLER_NO_CHANNEL_ADD", "1", 1);
	if (request->no_modify_profile)
		setenv("NIX_INSTALLER_NO_MODIFY_PROFILE", "1", 1);
}

/* Run ARGV, with its output to the log, which is opened with FLAGS. 0, or -1 after a message. */
static int run_logged(const struct script_request *request, char *const argv[], const char *what,
		      int flags)
{
	_cleanup_free_ char *log_path = path_join(request->nix_dir, LAYOUT_LOG);
	_cleanup_close_ int log_fd =
		fs_open_below(request->nix_dir_fd, LAYOUT_LOG, O_WRONLY | O_CREAT | flags, 0644);
	struct output output = {.log_fd = log_fd};
	_cleanup_free_ char *text = NULL;
	int status;

	if (log_fd < 0)
		return layout_error("write", log_path, log_fd);
	status = run_inside(request, argv, &output);
	text = output.text;
	if (status > 0) {
		_cleanup_free_ char *tail = tail_of(&output);

		log_error("%s %d; its last words:\n%-s"
			  "all of it is in %s",
			  what, status, tail, log_path);
	}
	return status == 0 ? 0 : -1;
}

int script_run_command(const struct script_request *request, char *const argv[], const char *what)
{
	return run_logged(request, argv, what, O_APPEND);
}

/*
 * The install script for a tarball that has none. It does what Nix's script does, except for the
 * startup files.
 */
static const char own_script[] =
	"set -eu\n"
	"nix= cacert=\n"
	"for path in \"$1\"/store/*; do\n"
	"	name=/nix/store/${path##*/}\n"
	"	[ ! -x \"$name/bin/nix-env\" ] || nix=$name\n"
	"	[ ! -e \"$name/etc/ssl/certs/ca-bundle.crt\" ] || cacert=$name\n"
	"done\n"
	"\"$nix/bin/nix-store\" --load-db <\"$1/.reginfo\"\n"
	"\"$nix/bin/nix-env\" -i \"$nix\"\n"
	"[ -z \"$cacert\" ] || \"$nix/bin/nix-env\" -i \"$cacert\"\n"
	"[ -z \"${NIX_INSTALLER_NO_CHANNEL_ADD-}\" ] || exit 0\n"
	"[ -z \"$cacert\" ] || : \"${NIX_SSL_CERT_FILE:=$cacert/etc/ssl/certs/ca-bundle.crt}\"\n"
	"export NIX_SSL_CERT_FILE\n"
	"\"$nix/bin/nix-channel\" --add https://nixos.org/channels/nixpkgs-unstable nixpkgs\n"
	"\"$nix/bin/nix-channel\" --update nixpkgs || echo 'the channel could not be fetched'\n";

/*
 * Remove the package of the other make (flavour.h) from the profile: both have the same programs,
 * so nix-env refuses to have both in one profile. 0, or -1 after a message.
 */
static int drop_other_flavour(const struct script_request *request)
{
	enum { HASH_LEN = 33 /* with the '-' */ };
	_cleanup_free_ char *nix = request->profile ? NULL : script_find_nix(request->nix_dir_fd);
	const char *name = nix ? nix + strlen("/nix/store/") : "";
	const struct flavour *present =
		strlen(name) > HASH_LEN ? flavour_of_file(name + HASH_LEN) : NULL;
	_cleanup_free_ char *directory = nix ? path_parent(nix) : NULL, *nix_env = NULL;
	char option[] = "-e";

	if (!present || present == flavour_of_file(request->top))
		return 0;
	nix_env = path_join(directory, "nix-env");
	return script_run_command(
		request, (char *const[]){nix_env, option, (char *)(uintptr_t)present->name, NULL},
		"nix-env -e failed with status");
}

int script_run(const struct script_request *request)
{
	_cleanup_free_ char *top = path_join("/nix/" LAYOUT_STAGING, request->top);
	char shell[] = "/bin/sh", option[] = "-c", *text = (char *)(uintptr_t)own_script;
	_cleanup_free_ char *script = xasprintf("/nix/" LAYOUT_STAGING "/%s/install", request->top);
	/* the shell is named, because the kernel runs no script on a noexec mount */
	char *const argv[] = {shell, script, NULL};
	char *const own_argv[] = {shell, option, text, shell, top, NULL};

	prepare_environment(request);
	if (drop_other_flavour(request) < 0)
		return -1;
	if (!flavour_of_file(request->top)->has_script)
		return run_logged(request, own_argv, "registering Nix failed with status", O_TRUNC);
	log_debug("running %s inside", script);
	return run_logged(request, argv, "the Nix install script failed with status", O_TRUNC);
}

char *script_find_nix(int nix_dir_fd)
{
	return profile_resolve(nix_dir_fd, "profile", "bin/nix");
}

bool script_has_channel(int nix_dir_fd)
{
	_cleanup_free_ char *channel = profile_resolve(nix_dir_fd, "defexpr", "channels/nixpkgs");

	return channel;
}

bool script_nix_is_of(const char *nix, const struct strlist *names)
{
	_cleanup_free_ char *name = xstrdup(nix + strlen("/nix/store/"));

	name[strcspn(name, "/")] = '\0';
	return strlist_has(names, name);
}

/* The line of nix --version in TEXT, which may also have warnings and messages of ours. */
static char *version_in(const char *text)
{
	const char *line = text;

	while (!str_starts_with(line, "nix (") && strchr(line, '\n'))
		line = strchr(line, '\n') + 1;
	if (!*line)
		line = text;
	return xstrndup(line, strcspn(line, "\n"));
}

int script_nix_runs(const struct script_request *request, char **version)
{
	_cleanup_free_ char *nix = script_find_nix(request->nix_dir_fd), *text = NULL;
	struct output output = {.log_fd = -1};
	char *const argv[] = {nix, "--version", NULL};
	int status;

	if (!nix)
		return 0;
	environment_drop_libraries("nix");
	status = run_inside(request, argv, &output);
	text = output.text;
	if (status < 0)
		return -1;
	if (status > 0) {
		_cleanup_free_ char *tail = tail_of(&output);

		log_error("%s --version failed inside with status %d; its last words:\n%-s"
			  "is the tarball for this kind of machine (--system), and does Nix accept "
			  "its nix.conf?",
			  nix, status, tail);
		return -1;
	}
	*version = version_in(text ? text : "");
	return 0;
}

int script_verify(const struct script_request *request, char **version)
{
	_cleanup_free_ char *nix = script_find_nix(request->nix_dir_fd);

	if (nix && script_nix_is_of(nix, request->names))
		return script_nix_runs(request, version);
	log_error("the Nix install script reported success, but the profile's nix is %s%s\n"
		  "what the script said is in %s/" LAYOUT_LOG,
		  nix ? "another one: " : "not there", nix ? nix : "", request->nix_dir);
	return -1;
}
