#include "install/bundle_program.h"
#include "config.h"
#include "fetch/url.h"
#include "install/own_release.h"
#include "ui/log.h"
#include "util/bundle.h"
#include "util/cleanup.h"
#include "util/elf.h"
#include "util/fs.h"
#include "util/sha256_stream.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

enum { PROGRAM_MAX = 64 << 20 /* bytes; today's have 3,000,000 */ };

#define ANOTHER                                                                               \
	"give one of a release of nix-user-chroot with --program, or leave that out for the " \
	"newest one's"

static int refuse(const char *shown, const char *why)
{
	log_error("%s cannot begin a bundle: %-s\n" ANOTHER, shown, why);
	return -1;
}

/* The first LEN bytes of FD: 0 or a negative errno. */
static int read_bytes(int fd, size_t len, char **out)
{
	_cleanup_free_ char *data = xcalloc(len, 1);
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(fd, data + got, len - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		got += (size_t)n;
	}
	*out = steal_ptr(&data);
	return 0;
}

/* Does ELF run on SYSTEM? */
static int check_machine(const struct elf *elf, const char *shown, const char *system)
{
	const char *of = elf_system(elf);
	_cleanup_free_ char *why = NULL;

	if (elf_is_for(elf, system))
		return 0;
	why = xasprintf("it is a program for %s, and the Nix is for %s",
			of ? of : "another machine", system);
	return refuse(shown, why);
}

/* The program in the file FD, which is called SHOWN. 0, or -1 after a message. */
static int read_program(int fd, const char *shown, const char *system, struct bundle_program *out)
{
	struct bundle bundle;
	struct elf elf;
	int r = bundle_look(fd, &bundle);

	if (r < 0)
		return refuse(shown, bundle.broken);
	if (elf_look(fd, &elf) < 0 || bundle.program_size > PROGRAM_MAX)
		return refuse(shown, "it is no program");
	if (check_machine(&elf, shown, system) < 0)
		return -1;
	out->len = (size_t)bundle.program_size;
	if (read_bytes(fd, out->len, &out->data) < 0)
		return refuse(shown, "it cannot be read");
	if (sha256_of_bytes(out->data, out->len, &out->sha256) < 0)
		return refuse(shown, "libcrypto cannot take its SHA-256");
	if (r > 0 && !sha256_equal(&out->sha256, &bundle.program_sha256))
		return refuse(shown, "the program in it was changed");
	if (!bundle_is_marked(out->data, out->len))
		return refuse(shown, "it is no nix-user-chroot in one file, or it is too old to "
				     "find the Nix behind it");
	if (elf.needs_loader)
		log_warning("%s needs libraries of the host, so the bundle runs only on hosts "
			    "that have them\n"
			    "a release's program needs none",
			    shown);
	return 0;
}

static int from_file(const char *file, const char *system, struct bundle_program *out)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		log_error("cannot read --program %s: %s\n" ANOTHER, file,
			  fd < 0 ? strerror(errno) : "it is no file");
		return -1;
	}
	return read_program(fd, file, system, out);
}

/* Open the file of the running program if it can begin a bundle for SYSTEM: a descriptor, or -1. */
static int open_self(const char *system)
{
#ifdef SINGLE_BINARY
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf elf;

	if (fd >= 0 && elf_look(fd, &elf) == 0 && elf_is_for(&elf, system))
		return steal_fd(&fd);
#else
	(void)system;
#endif
	return -1;
}

static int refuse_http(const char *shown)
{
	log_error("cannot take the program from %s: a hash that comes over plain http proves "
		  "nothing\nname an https or file URL with --releases, "
		  "or give the program with --program",
		  shown);
	return -1;
}

/*
 * Find the program in a release, with its hash, which counts only if it came over verified TLS or
 * from a local file. 0, or -1 after a message.
 */
static int find_released(const char *releases, const char *system, struct downloader *downloader,
			 struct own_file *out)
{
	_cleanup_(download_text_clear) struct download_text sums = {0};
	_cleanup_free_ char *base = own_release_base(releases);
	_cleanup_free_ char *shown = base ? url_shown(base) : NULL;

	if (!base)
		return -1;
	if (url_scheme(base) == URL_HTTP)
		return refuse_http(shown);
	if (own_release_sums(downloader, base,
			     "name the place of one with --releases, or give the "
			     "program with --program",
			     &sums) < 0)
		return -1;
	if (!sums.trusted)
		return refuse_http(shown);
	if (own_release_find(sums.body, base, "nix-user-chroot", system, out) > 0)
		return 0;
	log_error("%s/SHA256SUMS names no program for %s\ngive it with --program", shown, system);
	return -1;
}

/* Download FILE into memory and verify it. Returns a descriptor, or -1 after a message. */
static int download(const struct own_file *file, struct downloader *downloader)
{
	_cleanup_(download_text_clear) struct download_text text = {0};
	_cleanup_close_ int fd = memfd_create("nix-user-chroot", MFD_CLOEXEC);
	_cleanup_free_ char *shown = url_shown(file->url);
	_cleanup_free_ char *what = xasprintf("%s is not there", shown);
	const struct download_missing missing = {what, "give the program with --program"};
	struct sha256 digest;

	if (download_text(downloader, file->url, PROGRAM_MAX, &missing, &text) < 0)
		return -1;
	if (sha256_of_bytes(text.body, text.len, &digest) < 0) {
		log_error(
			"cannot take the SHA-256 of %s: libcrypto fails\nits installation is broken",
			shown);
		return -1;
	}
	if (!sha256_equal(&digest, &file->sha256))
		return own_file_mismatch(
			file, &digest,
			"nothing was written; try again, or give the program with --program");
	if (fd < 0 || fs_write_all(fd, text.body, text.len) < 0) {
		log_error("cannot keep %s in memory: %s\ngive the program with --program", shown,
			  strerror(errno));
		return -1;
	}
	return steal_fd(&fd);
}

static int from_release(const char *releases, const char *system, struct downloader *downloader,
			struct bundle_program *out)
{
	struct own_file file = {0};
	_cleanup_free_ char *shown = NULL;
	_cleanup_close_ int fd = -1;
	int r = find_released(releases, system, downloader, &file);

	if (r == 0) {
		shown = url_shown(file.url);
		fd = download(&file, downloader);
		r = fd < 0 ? -1 : read_program(fd, shown, system, out);
	}
	own_file_clear(&file);
	return r;
}

int bundle_program_get(const char *file, const char *releases, const char *system,
		       struct downloader *downloader, struct bundle_program *out)
{
	_cleanup_free_ char *self = fs_self_path();
	_cleanup_close_ int self_fd = -1;

	*out = (struct bundle_program){0};
	if (file)
		return from_file(file, system, out);
	self_fd = open_self(system);
	return self_fd < 0 ? from_release(releases, system, downloader, out)
			   : read_program(self_fd, self ? self : "this program", system, out);
}

void bundle_program_clear(struct bundle_program *program)
{
	free(program->data);
	*program = (struct bundle_program){0};
}
