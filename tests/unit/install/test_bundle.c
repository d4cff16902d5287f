/* --bundle: which program and which tarball get into the file, and what keeps it from being made.
 */
#include "install/bundle.h"
#include "config.h"
#include "install/bundle_program.h"
#include "util/bundle.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../broken_crypto.h"
#include "../capture.h"
#include "../child.h"
#include "../nth.h"
#include "../place.h"

#define CANCELED    125
#define HASH_OF_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define A64	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MARK	    "this nix-user-chroot reads bundles of format 1"
#define TARBALL	    "nix-2.26.3-x86_64-linux.tar.xz"
#define HOLDS	    "/out holds this program and Nix 2.26.3 for x86_64-linux: "

enum { PROGRAM = 3 * sizeof(Elf64_Ehdr) };

struct scene {
	struct place *place;
	char *out, *tarball, *program;
	struct install_request request;
};

static void put(const struct scene *scene, const char *name, const void *data, size_t len)
{
	_cleanup_free_ char *path = path_join(scene->place->path, name), *above = path_parent(path);

	assert_int_equal(fs_mkdirs(AT_FDCWD, above, 0755), 0);
	assert_int_equal(fs_replace_file(AT_FDCWD, path, data, len, 0644), 0);
}

/* A program for MACHINE with TEXT in it, and a segment of TYPE. */
static void make_program(unsigned char program[PROGRAM], Elf64_Half machine, Elf64_Word type,
			 const char *text)
{
	const Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = machine,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	const Elf64_Phdr segment = {.p_type = type, .p_offset = 0, .p_filesz = PROGRAM};

	memset(program, 0, PROGRAM);
	memcpy(program, &header, sizeof(header));
	memcpy(program + sizeof(header), &segment, sizeof(segment));
	memcpy(program + sizeof(header) + sizeof(segment), text, strlen(text));
}

static void put_program(const struct scene *scene, const char *name, Elf64_Half machine,
			Elf64_Word type, const char *text)
{
	unsigned char program[PROGRAM];

	make_program(program, machine, type, text);
	put(scene, name, program, PROGRAM);
}

static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	void *place = NULL;

	umask(022);
	if (empty_environment(NULL) != 0 || place_setup(&place) != 0)
		return -1;
	*state = scene;
	scene->place = place;
	scene->out = path_join(scene->place->path, "out");
	scene->tarball = path_join(scene->place->path, TARBALL);
	scene->program = path_join(scene->place->path, "program");
	scene->request = (struct install_request){.bundle_file = scene->out,
						  .tarball = scene->tarball,
						  .sha256 = HASH_OF_ABC,
						  .system = "x86_64-linux",
						  .program = scene->program};
	put(scene, TARBALL, "abc", 3);
	put_program(scene, "program", EM_X86_64, PT_LOAD, MARK);
	return setenv("HOME", scene->place->path, 1);
}

static int teardown(void **state)
{
	struct scene *scene = *state;
	void *place = scene->place;
	int r = place_teardown(&place);

	free(scene->out);
	free(scene->tarball);
	free(scene->program);
	free(scene);
	return r;
}

static int call(const void *request)
{
	int r = bundle_command(request);

	return child_has_stdin() ? r : 99;
}

/* --bundle ends with EXPECTED, and says SAYS; without success nothing is left. */
static void ends(const struct scene *scene, int expected, const char *says)
{
	int status;
	_cleanup_free_ char *said = child_says(call, &scene->request, NULL, &status);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != expected)
		fail_msg("%d instead of %d: %s", status, expected, said);
	assert_has(said, says);
	/* nobody else makes one here */
	assert_has_not(said, "waiting for another");
	assert_int_equal(fs_exists(scene->place->fd, "out"), expected == 0);
	assert_false(fs_exists(scene->place->fd, ".cache/nix-user-chroot/" TARBALL ".part"));
	if (expected != 0)
		assert_has_not(said, " holds this program");
}

/* The file OUT is a bundle of the program and the tarball, called NAME. */
static void assert_bundle(const struct scene *scene, const char *out, const char *name)
{
	_cleanup_close_ int fd = openat(scene->place->fd, out, O_RDONLY | O_CLOEXEC);
	unsigned char program[PROGRAM];
	char bytes[PROGRAM + 3];
	struct bundle bundle;
	struct sha256 digest;
	struct stat st;

	make_program(program, EM_X86_64, PT_LOAD, MARK);
	assert_int_equal(bundle_look(fd, &bundle), 1);
	assert_string_equal(bundle.name, name);
	assert_true(bundle.program_size == PROGRAM && bundle.size == 3);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_memory_equal(bytes, program, PROGRAM);
	assert_memory_equal(bytes + PROGRAM, "abc", 3);
	assert_int_equal(sha256_of_bytes("abc", 3, &digest), 0);
	assert_true(sha256_equal(&digest, &bundle.sha256));
	assert_int_equal(sha256_of_bytes((char *)program, PROGRAM, &digest), 0);
	assert_true(sha256_equal(&digest, &bundle.program_sha256));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_size, PROGRAM + 3 + BUNDLE_TRAILER);
}

static void made(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *blank = path_join(scene->place->path, "my out");

	ends(scene, 0, HOLDS "451 bytes\n");
	ends(scene, 0, "nix-user-chroot: downloading file:///");
	ends(scene, 0, ": ./out --install\n");
	assert_bundle(scene, "out", TARBALL);
	assert_true(fs_exists(scene->place->fd, ".cache"));
	assert_false(fs_exists(scene->place->fd, ".cache/nix-user-chroot"));
	scene->request.bundle_file = blank;
	ends(scene, 0, ": ./'my out' --install\n");
	assert_bundle(scene, "my out", TARBALL);
}

static void the_name_of_the_tarball(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *other = path_join(scene->place->path, "my nix.tgz");
	_cleanup_free_ char *longest = xasprintf(TARBALL ".%0*d", BUNDLE_NAME, 1);
	_cleanup_free_ char *longer = path_join(scene->place->path, longest);

	put(scene, "my nix.tgz", "abc", 3);
	scene->request.tarball = other;
	ends(scene, CANCELED, "my%20nix.tgz does not tell which Nix it is\n");
	scene->request.nix_version = "2.26.3";
	ends(scene, 0, HOLDS);
	assert_bundle(scene, "out", "nix-2.26.3-x86_64-linux.tar");
	assert_int_equal(unlink(scene->out), 0);
	put(scene, longest, "abc", 3);
	scene->request.tarball = longer;
	scene->request.nix_version = NULL;
	ends(scene, CANCELED, "1 is too long\n  give it a shorter one\n");
}

static void another_tarball(void **state)
{
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;
	int status;

	scene->request.sha256 = A64;
	ends(scene, CANCELED, "SHA-256 mismatch");
	assert_false(fs_exists(scene->place->fd, ".cache/nix-user-chroot"));
	/* no release: that is all that is said */
	scene->request.sha256 = "none";
	said = child_says(call, &scene->request, NULL, &status);
	assert_int_equal(WEXITSTATUS(status), CANCELED);
	assert_has(said, "'none' is not a SHA-256");
	assert_has_not(said, "does not tell which Nix it is");
	scene->request.sha256 = HASH_OF_ABC;
	assert_int_equal(unlink(scene->tarball), 0);
	ends(scene, CANCELED, TARBALL);
	assert_false(fs_exists(scene->place->fd, ".cache/nix-user-chroot"));
	/* what did not come has no hash */
	free(said);
	said = child_says(call, &scene->request, NULL, &status);
	assert_has_not(said, "SHA-256");
}

/* Nothing is downloaded to a place where others can change it. */
static void where_it_is_downloaded(void **state)
{
	struct scene *scene = *state;
	static const mode_t open_modes[] = {0777, 0770, 0702};

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(mkdirat(scene->place->fd, ".cache", 0755), i == 0 ? 0 : -1);
		assert_int_equal(mkdirat(scene->place->fd, ".cache/nix-user-chroot", 0700), 0);
		assert_int_equal(
			fchmodat(scene->place->fd, ".cache/nix-user-chroot", open_modes[i], 0), 0);
		ends(scene, CANCELED, "/nix-user-chroot: Operation not permitted\n");
		/* it was empty, so it is removed all the same */
		assert_false(fs_exists(scene->place->fd, ".cache/nix-user-chroot"));
	}
	put(scene, ".cache/nix-user-chroot", "", 0);
	ends(scene, CANCELED, "cannot download to ");
	ends(scene, CANCELED, "set XDG_CACHE_HOME to a directory of yours\n");
	assert_int_equal(unlinkat(scene->place->fd, ".cache/nix-user-chroot", 0), 0);
	assert_int_equal(mkdirat(scene->place->fd, "mine", 0700), 0);
	assert_int_equal(symlinkat("../mine", scene->place->fd, ".cache/nix-user-chroot"), 0);
	ends(scene, CANCELED, "/.cache/nix-user-chroot: Not a directory\n");
	assert_int_equal(unlinkat(scene->place->fd, ".cache/nix-user-chroot", 0), 0);
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	ends(scene, CANCELED, "cannot tell where to download to: HOME is not an absolute path\n");
	assert_int_equal(setenv("XDG_CACHE_HOME", scene->place->path, 1), 0);
	ends(scene, 0, HOLDS);
	scene->request.bundle_file = "/nowhere/out";
	assert_int_equal(unlink(scene->out), 0);
	ends(scene, CANCELED, "cannot write /nowhere/out: No such file or directory\n");
}

static void which_program(void **state)
{
	struct scene *scene = *state;
	const char *place = scene->place->path;
	_cleanup_free_ char *bundle = path_join(place, "bundle");
	_cleanup_close_ int fd = -1;

	put_program(scene, "program", EM_AARCH64, PT_LOAD, MARK);
	ends(scene, CANCELED,
	     "/program cannot begin a bundle: it is a program for aarch64-linux, "
	     "and the Nix is for x86_64-linux\n");
	put_program(scene, "program", 4711, PT_LOAD, MARK);
	ends(scene, CANCELED, "it is a program for another machine, and the Nix is for x86_64-");
	put_program(scene, "program", EM_X86_64, PT_LOAD, "");
	ends(scene, CANCELED, "it is no nix-user-chroot in one file, or it is too old");
	put(scene, "program", "#!/bin/sh\n", 10);
	ends(scene, CANCELED, "/program cannot begin a bundle: it is no program\n");
	scene->request.program = place;
	ends(scene, CANCELED, ": it is no file\n");
	assert_int_equal(unlink(scene->program), 0);
	scene->request.program = scene->program;
	ends(scene, CANCELED, "/program: No such file or directory\n");
	put_program(scene, "program", EM_X86_64, PT_INTERP, MARK);
	ends(scene, 0, "/program needs libraries of the host");
	put_program(scene, "program", EM_X86_64, PT_LOAD, MARK);
	ends(scene, 0, HOLDS);
	/* of a bundle, the program alone */
	assert_int_equal(rename(scene->out, bundle), 0);
	scene->request.program = bundle;
	ends(scene, 0, HOLDS);
	assert_bundle(scene, "out", TARBALL);
	assert_int_equal(unlink(scene->out), 0);
	fd = open(bundle, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, PROGRAM - 1), 1);
	ends(scene, CANCELED, "/bundle cannot begin a bundle: the program in it was changed\n");
	assert_int_equal(ftruncate(fd, PROGRAM + 3 + BUNDLE_TRAILER - 1), 0);
	ends(scene, CANCELED, "/bundle cannot begin a bundle: ");
}

static int get_program(const void *context)
{
	const struct install_request *request = context;
	struct bundle_program program;
	int r = bundle_program_get(request->program, NULL, request->system, NULL, &program);

	bundle_program_clear(&program);
	return r == 0 && child_has_stdin() ? 0 : 99;
}

/* Nothing but the file is opened, and nothing but that is closed. */
static void a_program_alone(void **state)
{
	const struct scene *scene = *state;
	int status;
	_cleanup_free_ char *said = child_says(get_program, &scene->request, NULL, &status);

	assert_int_equal(status, 0);
	assert_string_equal(said, "");
}

/* 0: it is the program, 1: none, 2: half of one. */
static int get_whole_program(void *context)
{
	const struct install_request *request = context;
	unsigned char wanted[PROGRAM];
	struct bundle_program program;
	int r;

	/* of an earlier call, which was interrupted: of no meaning for this one */
	errno = EINTR;
	r = bundle_program_get(request->program, NULL, request->system, NULL, &program);
	make_program(wanted, EM_X86_64, PT_LOAD, MARK);
	if (r == 0 && (program.len != PROGRAM || memcmp(program.data, wanted, PROGRAM) != 0))
		return 2;
	return r == 0 ? 0 : 1;
}

static int call_once(void *request)
{
	return call(request);
}

/* Whichever write fails, as on a disk that is full: there is a whole bundle, or none. */
static void each_write_that_fails(void **state)
{
	struct scene *scene = *state;
	struct nth what = {.number = SYS_write, .err = ENOSPC, .of_children = true};
	size_t failed = 0;

	for (int r = 1; r > 0;) {
		_cleanup_free_ char *said = NULL;
		struct capture capture;
		int status;

		(void)!unlink(scene->out);
		what.nth++;
		capture_begin(&capture);
		r = nth_happens(&what, call_once, &scene->request, &status);
		said = capture_end(&capture);
		if (r < 0)
			skip();
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) == 0)
			assert_bundle(scene, "out", TARBALL);
		else
			assert_false(fs_exists(scene->place->fd, "out"));
		failed += WEXITSTATUS(status) != 0;
	}
	/* the program, the tarball and what is behind it */
	assert_true(failed >= 3);
}

/* Two at the same time: the second waits for the cache, and says so. */
static void another_at_the_same_time(void **state)
{
	static const struct nth held = {
		.number = SYS_flock, .nth = 1, .err = EWOULDBLOCK, .of_children = true};
	struct scene *scene = *state;
	_cleanup_free_ char *said = NULL;
	struct capture capture;
	int status, r;

	capture_begin(&capture);
	r = nth_happens(&held, call_once, &scene->request, &status);
	said = capture_end(&capture);
	if (r < 0)
		skip();
	assert_int_equal(r, 1);
	assert_int_equal(status, 0);
	assert_has(said, "waiting for another --bundle to end\n");
	assert_bundle(scene, "out", TARBALL);
}

/* Each read of it is interrupted by a signal, or fails. */
static void a_program_that_is_hard_to_read(void **state)
{
	struct scene *scene = *state;

	for (int is_error = 0; is_error < 2; is_error++)
		for (int nth = 1, r = 1; r > 0; nth++) {
			int status;

			r = nth_fails(SYS_pread64, nth, is_error ? EIO : EINTR, get_whole_program,
				      &scene->request, &status);
			if (r < 0)
				skip();
			assert_in_range(status, 0, is_error << 8);
		}
}

static void the_program_of_a_release(void **state)
{
	struct scene *scene = *state;
	unsigned char program[PROGRAM];
	char hex[SHA256_HEX_LEN + 1];
	_cleanup_free_ char *sums = NULL, *none = NULL;
	struct sha256 digest;
	int status;

#ifdef SINGLE_BINARY
	/* the running program comes first */
	skip();
#endif
	scene->request.program = NULL;
	scene->request.releases = "http://127.0.0.1:1";
	ends(scene, CANCELED, "cannot take the program from http://127.0.0.1:1: a hash ");
	scene->request.releases = "relative";
	ends(scene, CANCELED, "'relative'");
	scene->request.releases = scene->place->path;
	ends(scene, CANCELED, "there is no release of nix-user-chroot at file://");
	ends(scene, CANCELED, "or give the program with --program\n");
	/* what is not there is not looked into */
	none = child_says(call, &scene->request, NULL, &status);
	assert_has_not(none, "plain http");
	assert_has_not(none, "names no program");
	put(scene, "SHA256SUMS", A64 "  nix-user-chroot-1.0-i686-linux\n", 96);
	ends(scene, CANCELED, "/SHA256SUMS names no program for x86_64-linux\n");
	put(scene, "SHA256SUMS", A64 "  nix-user-chroot-1.0-x86_64-linux\n", 99);
	ends(scene, CANCELED, "/nix-user-chroot-1.0-x86_64-linux is not there\n");
	put_program(scene, "nix-user-chroot-1.0-x86_64-linux", EM_X86_64, PT_LOAD, MARK);
	ends(scene, CANCELED, "SHA-256 mismatch for file://");
	make_program(program, EM_X86_64, PT_LOAD, MARK);
	assert_int_equal(sha256_of_bytes((char *)program, PROGRAM, &digest), 0);
	sha256_format(&digest, hex);
	sums = xasprintf("%s  nix-user-chroot-1.0-x86_64-linux\n", hex);
	put(scene, "SHA256SUMS", sums, strlen(sums));
	broken_crypto.function = BROKEN_BYTES;
	ends(scene, CANCELED, "-x86_64-linux: libcrypto fails\n  its installation is broken\n");
	broken_crypto.nth = 2;
	ends(scene, CANCELED, "-x86_64-linux cannot begin a bundle: libcrypto cannot take its SHA");
	broken_crypto.function = BROKEN_NONE;
	ends(scene, 0, HOLDS);
	assert_bundle(scene, "out", TARBALL);
}

int main(void)
{
#define WITH_SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_SCENE(made),
		WITH_SCENE(the_name_of_the_tarball),
		WITH_SCENE(another_tarball),
		WITH_SCENE(where_it_is_downloaded),
		WITH_SCENE(which_program),
		WITH_SCENE(a_program_alone),
		WITH_SCENE(a_program_that_is_hard_to_read),
		WITH_SCENE(each_write_that_fails),
		WITH_SCENE(another_at_the_same_time),
		WITH_SCENE(the_program_of_a_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
