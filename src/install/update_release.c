#include "install/update_release.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
	PROGRAM_MAX = 64 << 20, /* bytes; today's have 3,000,000 */
	SAID_MAX = 256,		/* bytes of the output of --version */
};

static int refuse_http(const char *shown)
{
	log_error("cannot update from %s: a hash that comes over plain http proves nothing\n"
		  "give an https or file URL, or the program's hash with --program-sha256",
		  shown);
	return -1;
}

/* Parse the hash that the user gives: 0 with *OUT if there is one, -1 after a message. */
static int take_hash(const char *text, struct sha256 *out)
{
	if (!text || sha256_parse_option(text, out) == 0)
		return 0;
	log_error("--program-sha256 '%s' is not a SHA-256 hash\n"
		  "give 64 hex digits, or SRI: sha256- and 44 digits of base-64",
		  text);
	return -1;
}

/* Find the one program for this host in SUMS. 0, or -1 after a message. */
static int find_program(char *sums, const char *base, struct own_file *out)
{
	_cleanup_free_ char *shown = url_shown(base);
	size_t count = own_release_find(sums, base, "nix-user-chroot", NULL, out);

	if (count == 1)
		return 0;
	if (count == 0)
		log_error("%s/SHA256SUMS names no program for this host (%s)\n"
			  "is this URL a release, or does a login page answer instead?",
			  shown, own_release_system() ? own_release_system() : "unknown");
	else
		log_error("%s/SHA256SUMS names %zu programs for this host\n"
			  "name the directory of one release with --releases",
			  shown, count);
	return -1;
}

int update_release_find(const struct update_request *request, struct downloader *downloader,
			struct own_file *out)
{
	_cleanup_(download_text_clear) struct download_text sums = {0};
	_cleanup_free_ char *base = own_release_base(request->releases);
	_cleanup_free_ char *shown = base ? url_shown(base) : NULL;
	struct sha256 given;

	if (!base || take_hash(request->sha256, &given) < 0)
		return -1;
	if (!request->sha256 && url_scheme(base) == URL_HTTP)
		return refuse_http(shown);
	if (own_release_sums(downloader, base,
			     "name the place of one with --releases: an https URL, or a directory",
			     &sums) < 0)
		return -1;
	if (!request->sha256 && !sums.trusted)
		return refuse_http(shown);
	if (find_program(sums.body, base, out) < 0)
		return -1;
	if (request->sha256)
		out->sha256 = given;
	return 0;
}

static _Noreturn void run_version(int program, int output)
{
	static char name[] = "nix-user-chroot", option[] = "--version";
	char *const argv[] = {name, option, NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		_exit(125);
	fexecve(program, argv, environ);
	/* 126: this host does not let a file in memory run, which is not the program's fault */
	_exit(errno == EACCES || errno == EPERM ? 126 : 127);
}

/*
 * Run the file PROGRAM with --version: 0 with the beginning of its output in SAID, 1 if this host
 * lets no such file run, or a negative errno.
 */
static int ask_version(int program, char said[SAID_MAX])
{
	_cleanup_close_ int from = -1, to = -1;
	int ends[2], status = 0;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	from = ends[0];
	to = ends[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_version(program, to);
	close(steal_fd(&to));
	while ((n = read(from, said + len, SAID_MAX - 1 - len)) > 0 || (n < 0 && errno == EINTR))
		len += n > 0 ? (size_t)n : 0;
	said[len] = '\0';
	said[strcspn(said, "\n")] = '\0';
	close(steal_fd(&from));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
		return -ENOEXEC;
	return WEXITSTATUS(status) == 126 ? 1 : 0;
}

/*
 * Does FILE run here, and does it print the version that it is named after? 0, or -1 after a
 * message.
 */
static int try_program(const struct own_file *file, const char *data, size_t len)
{
	_cleanup_free_ char *shown = url_shown(file->url);
	_cleanup_free_ char *wanted = xasprintf("nix-user-chroot %s", file->version);
	_cleanup_close_ int fd = memfd_create("nix-user-chroot", MFD_CLOEXEC);
	char said[SAID_MAX];
	int r;

	if (fd < 0)
		return 0;
	r = fs_write_all(fd, data, len);
	r = r < 0 ? r : ask_version(fd, said);
	if (r > 0 || (r == 0 && strcmp(said, wanted) == 0))
		return 0;
	if (r < 0)
		log_error("%s does not run on this host: %s\n"
			  "nothing was changed; please report it, with the output of: uname -a",
			  shown, strerror(-r));
	else
		log_error("%s does not say that it is of version %s, but: %s\n"
			  "nothing was changed; tell whoever maintains that release",
			  shown, file->version, said);
	return -1;
}

int update_release_get(const struct own_file *file, struct downloader *downloader, char **out,
		       size_t *len)
{
	_cleanup_(download_text_clear) struct download_text program = {0};
	_cleanup_free_ char *shown = url_shown(file->url);
	_cleanup_free_ char *what = xasprintf("%s is not there", shown);
	const struct download_missing missing = {
		what, "SHA256SUMS beside it names it: tell whoever maintains that release"};
	struct sha256 digest;
	int r;

	if (download_text(downloader, file->url, PROGRAM_MAX, &missing, &program) < 0)
		return -1;
	r = sha256_of_bytes(program.body, program.len, &digest);
	if (r < 0) {
		log_error("cannot take the SHA-256 of %s: libcrypto fails\n"
			  "its installation is broken",
			  shown);
		return -1;
	}
	if (!sha256_equal(&digest, &file->sha256))
		return own_file_mismatch(file, &digest,
					 "nothing was changed; try again, and if it stays so, tell "
					 "whoever maintains that release");
	if (try_program(file, program.body, program.len) < 0)
		return -1;
	*out = steal_ptr(&program.body);
	*len = program.len;
	return 0;
}
