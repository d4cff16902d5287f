/* release_resolve() on a mirror that is a directory: no network. */
#include "install/release.h"
#include "fetch/url.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include "../capture.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define HASH  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OTHER "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct fixture {
	char *dir;
	struct downloader *downloader;
	struct release_request request;
};

static void put(const struct fixture *f, const char *path, const char *text)
{
	_cleanup_free_ char *name = xasprintf("%s/%s", f->dir, path), *dir = xstrdup(name);
	_cleanup_close_ int fd = -1;

	*strrchr(dir, '/') = '\0';
	assert_int_equal(fs_mkdirs(AT_FDCWD, dir, 0755), 0);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static int make_mirror(void **state)
{
	const char *tmp = env_get("TMPDIR");
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct download_options options;

	*state = f;
	f->dir = xasprintf("%s/test release.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		return -1;
	download_options_init(&options);
	f->downloader = downloader_new(&options);
	put(f, "latest/install", "url=x/nix-2.26.3/nix-2.26.3-$system.tar.xz\n");
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", "abc");
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", HASH);
	f->request.mirror = f->dir;
	f->request.system = "x86_64-linux";
	return f->downloader ? 0 : -1;
}

static int remove_mirror(void **state)
{
	struct fixture *f = *state;
	int r = fs_remove_tree(AT_FDCWD, f->dir);

	downloader_free(f->downloader);
	free(f->dir);
	free(f);
	return r;
}

static void expect_hash(const struct release *release, const char *want)
{
	char hex[SHA256_HEX_LEN + 1];

	sha256_format(&release->sha256, hex);
	assert_string_equal(hex, want);
}

static void expect_refusal(struct fixture *f)
{
	struct release release = {.version = (char *)""};

	assert_int_equal(release_resolve(&f->request, f->downloader, &release), -1);
	assert_string_equal(release.version, ""); /* untouched */
}

static void resolves_the_latest_of_a_directory(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_free_ char *base = release_mirror_url(f->dir), *url = NULL;

	url = xasprintf("%s/nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", base);
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_string_equal(release.version, "2.26.3");
	assert_string_equal(release.system, "x86_64-linux");
	assert_string_equal(release.tarball_url, url);
	assert_string_equal(release.tarball_name, "nix-2.26.3-x86_64-linux.tar.xz");
	assert_non_null(strstr(release.sha256_source, ".sha256"));
	assert_non_null(strstr(release.missing.what, "2.26.3"));
	expect_hash(&release, HASH);
}

static void a_given_hash_is_the_one_that_counts(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};

	/* with a version and a hash the mirror is not asked */
	f->request.nix_version = "9.9";
	f->request.sha256 = OTHER;
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_string_equal(release.sha256_source, "--sha256");
	expect_hash(&release, OTHER);

	/* then an http mirror is accepted, too */
	release_clear(&release);
	f->request.mirror = "http://127.0.0.1:1";
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_string_equal(release.tarball_url,
			    "http://127.0.0.1:1/nix-9.9/nix-9.9-x86_64-linux.tar.xz");
	f->request.sha256 = NULL;
	expect_refusal(f);
}

/* What is said about F's request, which must be refused; the caller frees. */
static char *refusal(struct fixture *f)
{
	struct capture capture;

	capture_begin(&capture);
	expect_refusal(f);
	return capture_end(&capture);
}

static void refuses_bad_words_before_any_connection(void **state)
{
	struct fixture *f = *state;
	const struct release_request good = f->request;
	_cleanup_free_ char *directory = xasprintf("%s: Is a directory\n", good.mirror);
	const struct {
		bool is_later; /* not looked at if Nix is installed already */
		struct release_request request;
		const char *words;
	} bad[] = {
		{false,
		 {.system = "x86_64-darwin"},
		 "'x86_64-darwin': Nix is not released for it\n"},
		{false, {.system = ""}, "--system '': Nix is not released for it\n"},
		{false,
		 {.nix_version = "../../etc"},
		 "--nix-version '../../etc' is not a version of Nix"},
		{false, {.nix_version = ""}, "--nix-version '' is not a version of Nix"},
		{false, {.sha256 = "abc"}, "--sha256 'abc' is not a SHA-256 hash"},
		{false, {.sha256 = ""}, "--sha256 '' is not a SHA-256 hash"},
		{false, {.tarball = "/x", .sha256 = "abc"}, "--sha256 'abc' is not a SHA-256 hash"},
		{false,
		 {.tarball = "/x", .nix_version = ".."},
		 "--nix-version '..' is not a version"},
		{false,
		 {.mirror = "ftp://127.0.0.1"},
		 "--mirror 'ftp://127.0.0.1' is not a mirror"},
		{false, {.mirror = "relative"}, "--mirror 'relative' is not a mirror"},
		/* the hash would come over http */
		{false,
		 {.mirror = "http://127.0.0.1:1"},
		 "refusing the hash from http://127.0.0.1:1: over plain http"},
		{true,
		 {.tarball = "http://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz"},
		 "refusing the hash from http://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz: over"},
		{true, {.tarball = "ftp://127.0.0.1/x"}, "--tarball ftp://127.0.0.1/x: only https"},
		{true,
		 {.tarball = "/nonexistent/nix-2.3-x86_64-linux.tar.xz"},
		 "nix-2.3-x86_64-linux.tar.xz: No such file or directory\n"},
		{true, {.tarball = good.mirror}, directory},
		{true,
		 {.tarball = "https://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz",
		  .nix_version = "2.4"},
		 "--nix-version is 2.4, but --tarball "
		 "https://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz "
		 "is of version 2.3\n"},
		{true,
		 {.tarball = "https://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz",
		  .system = "i686-linux"},
		 "--system is i686-linux, but --tarball "
		 "https://127.0.0.1:1/nix-2.3-x86_64-linux.tar.xz is for x86_64-linux\n"},
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		_cleanup_free_ char *said = NULL;

		f->request = bad[i].request;
		said = refusal(f);
		if (!strstr(said, bad[i].words))
			fail_msg("no \"%s\" in: %s", bad[i].words, said);
		assert_null(strstr(said, "cannot download"));
		assert_int_equal(release_check(&f->request), bad[i].is_later ? 0 : -1);
	}
	f->request = good;
	assert_int_equal(release_check(&good), 0);
	assert_int_equal(
		release_check(&(struct release_request){.tarball = "/nonexistent", .sha256 = HASH}),
		0);
}

/* What is told if the digest of what came is another: whose it should be, and what to do. */
static void what_is_said_of_a_wrong_digest(void **state)
{
	struct fixture *f = *state;
	const struct bundle bundle = {.name = "nix-2.26.3-x86_64-linux.tar.xz"};
	_cleanup_free_ char *file =
		xasprintf("%s/nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", f->dir);
	_cleanup_free_ char *url = url_of_path(file);
	const struct {
		struct release_request request;
		const char *next, *source;
	} cases[] = {
		{{.mirror = f->dir}, "used; try again, or another --mirror\n", ".sha256)\n"},
		{{.mirror = f->dir, .nix_version = "2.26.3", .sha256 = HASH},
		 "used; check --sha256, or try another --mirror\n",
		 "(from --sha256)\n"},
		{{.tarball = file},
		 "used; check --sha256, and whether the file is whole\n",
		 ".sha256)\n"},
		{{.tarball = url}, "used; try again, or ask its publisher\n", ".sha256)\n"},
		{{.tarball = url, .sha256 = HASH},
		 "used; check --sha256 and --tarball, or try again\n",
		 "(from --sha256)\n"},
		{{.bundle = &bundle, .system = "x86_64-linux"},
		 "used; copy the file again, or make it anew with --bundle\n",
		 "(from the same file)\n"},
	};
	struct sha256 other, zero = {0};

	assert_int_equal(sha256_parse(OTHER, strlen(OTHER), &other), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		_cleanup_(release_clear) struct release release = {0};
		_cleanup_free_ char *said = NULL;
		struct capture capture;
		int r;

		f->request = cases[i].request;
		if (!f->request.system)
			f->request.system = "x86_64-linux";
		assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
		assert_string_equal(release.tarball_name, "nix-2.26.3-x86_64-linux.tar.xz");
		assert_int_equal(release_check_digest(&release, &release.sha256), 0);
		capture_begin(&capture);
		r = release_check_digest(&release, &other);
		said = capture_end(&capture);
		assert_int_equal(r, -1);
		assert_non_null(strstr(said, "\n  found    " OTHER "\n"));
		assert_non_null(strstr(said, sha256_equal(&release.sha256, &zero)
						     ? "\n  expected 0000"
						     : "\n  expected " HASH " (from "));
		if (!strstr(said, cases[i].next) || !strstr(said, cases[i].source))
			fail_msg("no \"%s\" in: %s", cases[i].next, said);
	}
}

static void a_bundle_for_another_machine(void **state)
{
	struct fixture *f = *state;
	const struct bundle bundle = {.name = "nix-2.26.3-riscv64-linux.tar.xz"};
	_cleanup_free_ char *said = NULL;

	f->request = (struct release_request){.bundle = &bundle};
	said = refusal(f);
	if (!strstr(said, "is for riscv64-linux, and this machine is ") ||
	    !strstr(said, "--system riscv64-linux installs this one"))
		fail_msg("%s", said);
}

/* F's request must be refused with WORDS. */
static void expect_words(struct fixture *f, const char *words)
{
	_cleanup_free_ char *said = refusal(f);

	if (!strstr(said, words))
		fail_msg("no \"%s\" in: %s", words, said);
}

static void refuses_a_mirror_that_lacks_something(void **state)
{
#define NO_HASH ".sha256 does not hold a SHA-256 hash: 64 hex digits were expected, there are "
#define LOGIN	"check the network (a login page?) and --mirror, or give --sha256\n"
	static const struct {
		const char *text, *words;
	} hashes[] = {
		{"", NO_HASH "0 bytes\n  " LOGIN},
		{"<!DOCTYPE html>", NO_HASH "15 bytes that begin with '<!DOCTYPE html>'\n  " LOGIN},
		{HASH "  nix-2.26.3-x86_64-linux.tar.xz\n",
		 NO_HASH "97 bytes that begin with 'ba7816bf8f01cfea414140de5dae2223b00361a3"},
		{"abc", NO_HASH "3 bytes that begin with 'abc'\n  " LOGIN},
		{"\033[2J\n", NO_HASH "5 bytes that begin with '\\u001B[2J\\u000A'\n  " LOGIN},
	};
	struct fixture *f = *state;
	_cleanup_free_ char *pointer = xasprintf("%s/latest/install", f->dir);

	for (size_t i = 0; i < COUNT_OF(hashes); i++) {
		put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", hashes[i].text);
		expect_words(f, hashes[i].words);
	}
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", HASH "\n");
	f->request.nix_version = "2.26.4";
	expect_words(f, "there is no Nix 2.26.4 for x86_64-linux at file://");
	expect_words(f, "/nix-2.26.4/nix-2.26.4-x86_64-linux.tar.xz.sha256 does not exist\n"
			"  check --nix-version, --system and --mirror; a mirror without hashes");
	f->request.nix_version = NULL;
	put(f, "latest/install", "nothing");
	expect_words(f, "cannot tell the latest version of Nix: file://");
	expect_words(f, "/latest/install, which names none\n  give a version with --nix-version");
	put(f, "latest/install", "url=x/nix-2.26.4/nix-2.26.4-$system.tar.xz\n");
	expect_words(f, "there is no Nix 2.26.4 for x86_64-linux at ");
	assert_int_equal(unlink(pointer), 0);
	expect_words(f, " does not say which version is the latest: file://");
	expect_words(f, "/latest/install does not exist\n"
			"  give a version with --nix-version, or check --mirror\n");
}

/* A mirror of Lix has the latest version in a manifest beside it, and in nothing else. */
static void the_latest_of_lix(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_free_ char *mirror = xasprintf("%s/lix", f->dir), *said = NULL;
	struct capture capture;

	put(f, "manifest.nix", "{ x = \"/nix/store/h-lix-2.93.3\"; }");
	f->request.mirror = mirror;
	f->request.nix_version = "lix";
	f->request.sha256 = HASH;
	log_set_level(LOG_VERBOSE);
	capture_begin(&capture);
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	said = capture_end(&capture);
	log_set_level(LOG_NORMAL);
	assert_non_null(strstr(said, "the latest version of Lix is lix-2.93.3, says file://"));
	assert_string_equal(release.version, "lix-2.93.3");
	assert_true(str_ends_with(release.tarball_url, "/lix-2.93.3-x86_64-linux.tar.xz"));
	assert_string_equal(release.missing.next, "check --nix-version, --system and --mirror");
	put(f, "manifest.nix", "url=x/nix-2.26.3/nix-2.26.3-$system.tar.xz\n");
	expect_words(f, "cannot tell the latest version of Lix: ");
}

static void resolves_a_local_tarball(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_free_ char *file =
		xasprintf("%s/nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz", f->dir);
	_cleanup_free_ char *url = url_of_path(file), *copy = NULL, *words = NULL, *none = NULL;
	struct utsname host;

	f->request.tarball = file;
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_string_equal(release.tarball_url, url);
	assert_string_equal(release.version, "2.26.3");
	expect_hash(&release, HASH);

	/* a file name without a version, and no hash beside the file */
	put(f, "my tarball.tgz", "abc");
	copy = xasprintf("%s/my tarball.tgz", f->dir);
	f->request.tarball = copy;
	words = xasprintf("there is no hash for --tarball %s: %s.sha256 does not exist\n"
			  "  give --sha256 with the hash that the publisher of",
			  copy, copy);
	expect_words(f, words);
	put(f, "my tarball.tgz.sha256", "abc");
	expect_words(f, "bytes that begin with 'abc'\n  it must hold the digits alone; or give ");
	f->request.sha256 = OTHER;
	release_clear(&release);
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_null(release.version);
	assert_string_equal(release.system, "x86_64-linux");
	assert_string_equal(release.tarball_name, "tarball");
	assert_string_equal(release.missing.next, "check the URL");
	free(words);
	words = xasprintf("cannot get --tarball %s: it does not exist there", copy);
	assert_string_equal(release.missing.what, words);
	expect_hash(&release, OTHER);

	/* nothing tells its system: it is for this host */
	f->request.system = NULL;
	release_clear(&release);
	assert_int_equal(uname(&host), 0);
	if (release_system_of_machine(host.machine, (unsigned)sizeof(void *) * 8)) {
		assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
		assert_string_equal(
			release.system,
			release_system_of_machine(host.machine, (unsigned)sizeof(void *) * 8));
	}
	none = xasprintf("%s/none", url);
	f->request = (struct release_request){.tarball = none, .system = "x86_64-linux"};
	free(words);
	words = xasprintf("there is no hash for --tarball %s: %s.sha256 does not exist\n", none,
			  none);
	expect_words(f, words);
}

/* A pipe is no file that one could wait for. */
static void a_tarball_that_is_a_pipe(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_free_ char *path = xasprintf("%s/nix-2.3-x86_64-linux.tar.xz", f->dir);

	assert_int_equal(mkfifo(path, 0600), 0);
	f->request.tarball = path;
	f->request.sha256 = HASH;
	/* ends this program, should the pipe be waited for */
	alarm(20);
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	alarm(0);
}

static void a_relative_tarball_is_of_the_working_directory(void **state)
{
	struct fixture *f = *state;
	_cleanup_(release_clear) struct release release = {0};
	_cleanup_close_ int old = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(chdir(f->dir), 0);
	f->request.tarball = "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz";
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	expect_hash(&release, HASH);
	/* which may be gone */
	put(f, "gone/x", "");
	assert_int_equal(chdir("gone"), 0);
	assert_int_equal(fs_remove_tree(AT_FDCWD, "../gone"), 0);
	f->request.tarball = "../nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz";
	expect_words(f, ": no working directory: No such file or directory\n"
			"  give its absolute path\n");
	assert_int_equal(fchdir(old), 0);
}

/* An explicit option counts, if it names something else than the contents of the bundle. */
static void a_bundle_serves_what_it_holds(void **state)
{
	struct fixture *f = *state;
	struct bundle bundle = {.name = "nix-2.26.3-x86_64-linux.tar.xz"};
	const struct release_request same = {.nix_version = "2.26.3",
					     .system = "x86_64-linux",
					     .sha256 = OTHER,
					     .bundle = &bundle};
	struct release_request other[] = {same, same, same, same, same, same, same};
	_cleanup_(release_clear) struct release release = {0};

	assert_int_equal(sha256_parse(OTHER, strlen(OTHER), &bundle.sha256), 0);
	assert_true(release_is_bundled(&same));
	assert_true(release_is_bundled(&(struct release_request){.bundle = &bundle}));
	other[0].nix_version = "2.26.4";
	other[1].system = "aarch64-linux";
	other[2].sha256 = HASH;
	other[3].mirror = f->dir;
	other[4].tarball = "x";
	other[5].bundle = NULL;
	other[6].sha256 = "no hash";
	for (size_t i = 0; i < COUNT_OF(other); i++)
		assert_false(release_is_bundled(&other[i]));
	assert_int_equal(release_resolve(&same, f->downloader, &release), 0);
	assert_string_equal(release.version, "2.26.3");
	assert_null(release.tarball_url);
	assert_ptr_equal(release.bundle, &bundle);
	expect_hash(&release, OTHER);
	assert_string_equal(release.sha256_source, "--sha256");
	bundle.broken = "cut";
	assert_false(release_is_bundled(&same));
	bundle = (struct bundle){.name = "nix.tar.xz"};
	assert_false(release_is_bundled(&(struct release_request){.bundle = &bundle}));
}

/* A password or key of a URL, which no message may show. */
#define KEY "S3cr3t"

/* Resolves F's request, which must fail with WORDS and without KEY. */
static void expect_no_key(struct fixture *f, const char *words)
{
	struct capture capture;
	_cleanup_free_ char *said = NULL;

	capture_begin(&capture);
	expect_refusal(f);
	said = capture_end(&capture);
	assert_non_null(strstr(said, words));
	assert_null(strstr(said, KEY));
}

static void shows_no_password_and_no_key(void **state)
{
	static const char odd[] = "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz";
	static const struct {
		struct release_request request;
		const char *words;
	} refused[] = {
		{{.tarball = "http://me:" KEY "@127.0.0.1/x.tar.xz?" KEY}, "http"},
		{{.tarball = "ftp://me:" KEY "@127.0.0.1/x.tar.xz?" KEY}, "ftp://127.0.0.1/x"},
		{{.tarball = "https://me:" KEY "@127.0.0.1/nix-2.26.3-x86_64-linux.tar.xz?" KEY,
		  .system = "i686-linux"},
		 "is for x86_64-linux"},
		{{.tarball = "https://me:" KEY "@127.0.0.1/nix-2.26.3-x86_64-linux.tar.xz?" KEY,
		  .nix_version = "2.26.4"},
		 "2.26.3"},
		{{.mirror = "http://me:" KEY "@127.0.0.1"}, "http"},
		{{.mirror = "ftp://me:" KEY "@127.0.0.1/?" KEY}, "ftp://127.0.0.1/"},
	};
	struct fixture *f = *state;
	const struct release_request good = f->request;
	_cleanup_free_ char *base = url_of_path(f->dir), *mirror = xasprintf("%s?" KEY, base);
	_cleanup_free_ char *tarball = xasprintf("%s/%s?" KEY, base, odd);
	_cleanup_free_ char *none = xasprintf("%s/none.tar.xz?" KEY, base);
	_cleanup_(release_clear) struct release release = {0};

	log_set_level(LOG_VERBOSE);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		f->request = refused[i].request;
		expect_no_key(f, refused[i].words);
	}
	f->request = (struct release_request){.mirror = mirror, .system = "x86_64-linux"};
	expect_no_key(f, "is not a mirror");
	/* a mirror may have a password, which is not used, since that is refused */
	f->request.mirror = "https://me:" KEY "@127.0.0.1:1";
	expect_no_key(f, "cannot download https://127.0.0.1:1/latest/install");
	f->request.nix_version = "2.26.3";
	expect_no_key(f, "cannot download https://127.0.0.1:1/nix-2.26.3/");
	f->request.sha256 = HASH;
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_null(strstr(release.tarball_shown, KEY));
	assert_null(strstr(release.missing.what, KEY));
	release_clear(&release);
	f->request = (struct release_request){.tarball = none, .system = "x86_64-linux"};
	expect_no_key(f, "there is no hash");
	f->request = (struct release_request){.tarball = tarball};
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", "no hash");
	expect_no_key(f, "does not hold a SHA-256");
	/* what is shown later, and goes into the record */
	put(f, "nix-2.26.3/nix-2.26.3-x86_64-linux.tar.xz.sha256", HASH);
	assert_int_equal(release_resolve(&f->request, f->downloader, &release), 0);
	assert_null(strstr(release.tarball_shown, KEY));
	assert_null(strstr(release.sha256_source, KEY));
	assert_null(strstr(release.missing.what, KEY));
	log_set_level(LOG_NORMAL);
	f->request = good;
}

#define WITH_MIRROR(f) cmocka_unit_test_setup_teardown(f, make_mirror, remove_mirror)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MIRROR(resolves_the_latest_of_a_directory),
		WITH_MIRROR(a_given_hash_is_the_one_that_counts),
		WITH_MIRROR(refuses_bad_words_before_any_connection),
		WITH_MIRROR(what_is_said_of_a_wrong_digest),
		WITH_MIRROR(a_bundle_for_another_machine),
		WITH_MIRROR(refuses_a_mirror_that_lacks_something),
		WITH_MIRROR(the_latest_of_lix),
		WITH_MIRROR(resolves_a_local_tarball),
		WITH_MIRROR(a_tarball_that_is_a_pipe),
		WITH_MIRROR(a_relative_tarball_is_of_the_working_directory),
		WITH_MIRROR(shows_no_password_and_no_key),
		WITH_MIRROR(a_bundle_serves_what_it_holds),
	};

	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
