/* Nix's install script, and other commands inside: what they get, and what is told of them. */
#include "install/script.h"
#include "run/environment.h"
#include "ui/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../refuse.h"
#include "fake_nix.h"

#define SCRIPT LAYOUT_STAGING "/nix-1/install"
#define ALL                                                                                    \
	"for name in USER NIX_REMOTE NIX_CONF_DIR NIX_STORE_DIR NIX_STATE_DIR NIX_LOG_DIR "    \
	"NIX_LOCALSTATE_DIR NIX_DATA_DIR NIX_PROFILE NIX_BIN_DIR NIX_CONFIG LD_PRELOAD "       \
	"NIX_SSL_CERT_FILE NIX_INSTALLER_NO_CHANNEL_ADD NIX_INSTALLER_NO_MODIFY_PROFILE; do\n" \
	"eval \"value=\\${$name-unset}\"; echo \"$name is $value.\"\ndone\n"

static void what_the_script_gets(void **state)
{
	struct fake_nix *nix = *state;
	_cleanup_free_ char *user = environment_user(), *first = NULL, *second = NULL;
	_cleanup_free_ char *is_user = xasprintf("USER is %s.\n", user ? user : "nix");

	fake_program(nix, SCRIPT, ALL "echo \"in $PWD\"; cat; echo noise >&2");
	setenv("NIX_REMOTE", "daemon", 1);
	setenv("NIX_BIN_DIR", "/x", 1);
	setenv("LD_PRELOAD", "/usr/lib/x.so", 1);
	assert_int_equal(chdir(nix->place->path), 0);
	SAID(nix, 0, script_run(&nix->request));
	assert_int_equal(chdir("/"), 0);
	assert_string_equal(nix->said, "");
	first = fake_text(nix, LAYOUT_LOG);
	assert_has(first, is_user);
	assert_has(first, "NIX_REMOTE is unset.\n");
	assert_has(first, "NIX_BIN_DIR is unset.\n");
	assert_has(first, "NIX_PROFILE is unset.\n");
	assert_has(first, "NIX_CONFIG is \nstore = auto.\n");
	assert_has(first, "LD_PRELOAD is unset.\n");
	assert_has(first, "NIX_SSL_CERT_FILE is unset.\n");
	assert_has(first, "NIX_INSTALLER_NO_CHANNEL_ADD is unset.\n");
	assert_has(first, "NIX_INSTALLER_NO_MODIFY_PROFILE is unset.\n");
	assert_has(first, "in /\nnoise\n");
	setenv("USER", "me", 1);
	setenv("NIX_CONFIG", "cores = 1", 1);
	/* what was asked for goes before what was there */
	setenv("NIX_SSL_CERT_FILE", "/other", 1);
	nix->request.ssl_cert_file = "/certs";
	nix->request.profile = "/nix/p";
	nix->request.no_channel_add = nix->request.no_modify_profile = true;
	log_set_level(LOG_VERBOSE);
	SAID(nix, 0, script_run(&nix->request));
	log_set_level(LOG_NORMAL);
	second = fake_text(nix, LAYOUT_LOG);
	assert_has(nix->said, "USER is me.\n");
	assert_has(second, "USER is me.\n");
	/* the log of the run before is gone */
	assert_null(strstr(strstr(second, "USER is") + 1, "USER is"));
	assert_has(second, "NIX_CONFIG is cores = 1\nstore = auto.\n");
	assert_has(second, "NIX_PROFILE is /nix/p.\n");
	assert_has(second, "NIX_SSL_CERT_FILE is /certs.\n");
	assert_has(second, "NIX_INSTALLER_NO_CHANNEL_ADD is 1.\n");
	assert_has(second, "NIX_INSTALLER_NO_MODIFY_PROFILE is 1.\n");
}

/* The lock is held as long as the script runs, even if the installer was killed. */
static void what_stays_open(void **state)
{
	struct fake_nix *nix = *state;
	_cleanup_close_ int lock = openat(nix->place->fd, ".", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int other = openat(nix->place->fd, ".", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *body = xasprintf("for fd in %d %d; do [ ! -e /proc/self/fd/$fd ] || "
					      "echo \"$fd is open\"; done",
					      lock, other);
	_cleanup_free_ char *wanted = xasprintf("%d is open\n", lock);

	fake_program(nix, SCRIPT, body);
	nix->request.lock_fd = lock;
	SAID(nix, 0, script_run(&nix->request));
	text = fake_text(nix, LAYOUT_LOG);
	assert_string_equal(text, wanted);
}

static void each_foreign_variable(void **state)
{
	static const char *const names[] = {
		"NIX_CONF_DIR",	      "NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR",
		"NIX_LOCALSTATE_DIR", "NIX_DATA_DIR",  "NIX_PROFILE",
	};
	struct fake_nix *nix = *state;
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], "/of-another", 1);
	fake_program(nix, SCRIPT, ALL);
	SAID(nix, 0, script_run(&nix->request));
	text = fake_text(nix, LAYOUT_LOG);
	assert_has(text, "NIX_DATA_DIR is unset.\n");
	assert_has_not(text, "/of-another");
}

/* The last twelve lines are shown, whether the last ends with a newline or not. */
static void the_last_words(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *words, *not ;
	} cases[] = {
		{"seq 14 31; exit 3", -1,
		 "the Nix install script failed with status 3; its last words:\n  20\n  21\n",
		 "  19"},
		{"seq 14 31; exit 3", -1, "  30\n  31\n  all of it is in /", "  19"},
		{"seq 20 29; printf 'x\\ny'; exit 1", -1, "words:\n  20\n", "  19"},
		{"seq 30 42 | tr -d '\\n'; exit 1", -1, "words:\n  3031", "\n\n"},
		{"exit 255", -1, "with status 255; its last words:\n  all of it", "\n\n"},
		{"kill -9 $$", -1, "with status 137;", "\n\n"},
		{"printf '\\033[2Jx\\n'; exit 1", -1, "x\n", "\033"},
		{"echo all is well", 0, "", "well"},
	};
	struct fake_nix *nix = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_program(nix, SCRIPT, cases[i].body);
		SAID(nix, cases[i].status, script_run(&nix->request));
		assert_has(nix->said, cases[i].words);
		assert_has_not(nix->said, cases[i].not );
	}
}

static void commands(void **state)
{
	char sh[] = "/bin/sh", c[] = "-c", good[] = "echo good", bad[] = "echo bad; exit 7";
	struct fake_nix *nix = *state;
	_cleanup_free_ char *text = NULL;

	SAID(nix, 0, script_run_command(&nix->request, (char *[]){sh, c, good, NULL}, "W"));
	assert_string_equal(nix->said, "");
	SAID(nix, -1, script_run_command(&nix->request, (char *[]){sh, c, bad, NULL}, "W"));
	assert_has(nix->said, "W 7; its last words:\n  bad\n");
	text = fake_text(nix, LAYOUT_LOG);
	assert_string_equal(text, "good\nbad\n");
}

static int run_limited(const void *context)
{
	const struct rlimit limit = {8, 8};

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return script_run(context) == -1 ? 0 : 1;
}

static int run_interrupted(const void *context)
{
	child_interrupt();
	return script_run(context);
}

static void signals_that_come_meanwhile(void **state)
{
	struct fake_nix *nix = *state;
	_cleanup_free_ char *said = NULL, *text = NULL;
	int status;

	/* the output comes late: reading it is interrupted before */
	fake_program(nix, SCRIPT, "sleep 0.1; echo end");
	said = child_says(run_interrupted, &nix->request, NULL, &status);
	assert_string_equal(said, "");
	assert_int_equal(status, 0);
	text = fake_text(nix, LAYOUT_LOG);
	assert_string_equal(text, "end\n");
}

/* On a terminal, the step is drawn again and again, also while the script says nothing. */
static void what_is_shown_meanwhile(void **state)
{
	struct fake_nix *nix = *state;
	const char *drawn;

	nix->progress.style = PROGRESS_LIVE;
	nix->progress.label = "registering";
	fake_program(nix, SCRIPT, "sleep 0.5");
	log_set_level(LOG_DEBUG);
	SAID(nix, 0, script_run(&nix->request));
	log_set_level(LOG_NORMAL);
	assert_has(nix->said, "nix-user-chroot: running /nix/" SCRIPT " inside\n");
	drawn = strstr(nix->said, "registering");
	assert_non_null(drawn);
	assert_has(drawn + 1, "registering");
	progress_drop(&nix->progress);
}

static int run_without_pipes(const void *context)
{
	refuse_call(SYS_pipe2, -1, EMFILE);
	return script_run(context) == -1 ? 0 : 1;
}

static int run_without_forks(const void *context)
{
	alarm(20);
	refuse_forks();
	return script_run(context) == -1 ? 0 : 1;
}

static int run_elsewhere(const void *context)
{
	struct script_request request = *(const struct script_request *)context;

	/* the directory was replaced by another one */
	request.nix_dir = "/tmp";
	return script_run(&request) == -1 ? 0 : 1;
}

static void what_cannot_be_run(void **state)
{
	static const struct {
		int (*run)(const void *);
		const char *words;
		bool has_run;
	} cases[] = {
		/* the script goes to its end all the same */
		{run_limited, "install.log: File too large", true},
		{run_without_pipes, "cannot run /bin/sh inside: Too many open files\n", false},
		{run_without_forks, "Resource temporarily unavailable", false},
		{run_elsewhere, "/tmp was replaced by another directory a moment ago: ", false},
	};
	struct fake_nix *nix = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;
		_cleanup_free_ char *said = NULL;

		fake_program(nix, SCRIPT, "seq 1 5000; mkdir /nix/ran");
		said = child_says(cases[i].run, &nix->request, NULL, &status);
		assert_has(said, cases[i].words);
		assert_int_equal(status, 0);
		assert_int_equal(unlinkat(nix->request.nix_dir_fd, "ran", AT_REMOVEDIR) == 0,
				 cases[i].has_run);
	}
	assert_int_equal(unlinkat(nix->request.nix_dir_fd, LAYOUT_LOG, 0), 0);
	assert_int_equal(mkdirat(nix->request.nix_dir_fd, LAYOUT_LOG, 0755), 0);
	SAID(nix, -1, script_run(&nix->request));
	assert_has(nix->said, "cannot write ");
}

#define ASKED "echo \"${0##*/} $*\" >>/nix/asked"

static void put_lix(struct fake_nix *nix)
{
	static const char staged[] = LAYOUT_STAGING "/lix-2/store/";
	static const char *const names[] = {HASH(3) "-lix-2", HASH(4) "-other", CACERT};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *name = xasprintf("%s%s/x", staged, names[i]);

		fake_put(nix, name, "");
	}
	fake_put(nix, LAYOUT_STAGING "/lix-2/.reginfo", "registered\n");
	fake_program(nix, "store/" HASH(3) "-lix-2/bin/nix-env", ASKED);
	fake_program(nix, "store/" HASH(3) "-lix-2/bin/nix-store", ASKED " && cat >>/nix/asked");
	fake_program(nix, "store/" HASH(3) "-lix-2/bin/nix-channel",
		     ASKED "\necho \"$NIX_SSL_CERT_FILE\" >>/nix/asked\n[ \"$1\" = --add ]");
	fake_put(nix, "store/" CACERT "/" CERTS, "");
	nix->request.top = "lix-2";
}

static void assert_asked(const struct fake_nix *nix, const char *words)
{
	_cleanup_free_ char *text = fake_text(nix, "asked");

	assert_string_equal(text, words);
	(void)!unlinkat(nix->request.nix_dir_fd, "asked", 0);
}

/* A tarball without a script: what the script would do is done. */
static void a_tarball_without_a_script(void **state)
{
#define INSTALLED                                   \
	"nix-store --load-db\nregistered\n"         \
	"nix-env -i /nix/store/" HASH(3) "-lix-2\n" \
					 "nix-env -i /nix/store/" CACERT "\n"
#define CHANNEL "nix-channel --add https://nixos.org/channels/nixpkgs-unstable nixpkgs\n"
	struct fake_nix *nix = *state;
	_cleanup_free_ char *text = NULL;

	put_lix(nix);
	fake_program(nix, "store/" NIX "/bin/nix-env", "echo \"old $*\" >>/nix/asked");
	SAID(nix, 0, script_run(&nix->request));
	assert_asked(nix, "old -e nix\n" INSTALLED CHANNEL "/nix/store/" CACERT "/" CERTS
			  "\nnix-channel --update nixpkgs\n/nix/store/" CACERT "/" CERTS "\n");
	text = fake_text(nix, LAYOUT_LOG);
	assert_string_equal(text, "the channel could not be fetched\n");
	nix->request.no_channel_add = true;
	/* a profile of its own has no package of the other make */
	nix->request.profile = "/nix/p";
	SAID(nix, 0, script_run(&nix->request));
	assert_asked(nix, INSTALLED);
	nix->request.profile = NULL;
	/* the same make again */
	fake_link(nix, "store/" PROFILE "/bin/nix", "/nix/store/" HASH(3) "-lix-2/bin/nix");
	fake_program(nix, "store/" HASH(3) "-lix-2/bin/nix", "");
	SAID(nix, 0, script_run(&nix->request));
	assert_asked(nix, INSTALLED);
	/* from this make to the other */
	nix->request.top = "nix-1";
	fake_program(nix, SCRIPT, ASKED);
	SAID(nix, 0, script_run(&nix->request));
	assert_asked(nix, "nix-env -e lix\ninstall \n");
	fake_program(nix, "store/" HASH(3) "-lix-2/bin/nix-env", ASKED "; exit 4");
	SAID(nix, -1, script_run(&nix->request));
	assert_has(nix->said, "nix-env -e failed with status 4; its last words:");
	assert_asked(nix, "nix-env -e lix\n");
	nix->request.top = "lix-2";
	SAID(nix, -1, script_run(&nix->request));
	assert_has(nix->said, "registering Nix failed with status 4; its last words:");
}

static void the_nix_of_the_profile(void **state)
{
	struct fake_nix *nix = *state;
	struct strlist names = {0};
	_cleanup_free_ char *version = NULL, *found = script_find_nix(nix->request.nix_dir_fd);

	assert_string_equal(found, "/nix/store/" NIX "/bin/nix");
	nix->request.names = &names;
	strlist_add(&names, CACERT);
	SAID(nix, -1, script_verify(&nix->request, &version));
	assert_has(nix->said, "nix is another one: /nix/store/" NIX "/bin/nix\n  what the script");
	strlist_add(&names, NIX);
	SAID(nix, 0, script_verify(&nix->request, &version));
	assert_string_equal(version, "nix (Nix) 1");
	assert_true(script_nix_is_of("/nix/store/" NIX, &names));
	assert_false(script_nix_is_of("/nix/store/" NIX "1/bin/nix", &names));
	assert_int_equal(unlinkat(nix->place->fd, ".nix-profile", 0), 0);
	SAID(nix, -1, script_verify(&nix->request, &version));
	assert_has(nix->said, "the profile's nix is not there\n");
	SAID(nix, 0, script_nix_runs(&nix->request, &version));
	strlist_clear(&names);
}

static void whether_it_runs(void **state)
{
	static const struct {
		const char *body;
		int result;
		const char *words;
	} cases[] = {
		{"echo 'nix (Nix) 2.3'", 0, "nix (Nix) 2.3"},
		{"echo warning; echo more >&2; echo 'nix (Lix) 2'; echo x", 0, "nix (Lix) 2"},
		{"echo one; echo two", 0, "one"},
		{"printf 'x nix (Nix) 2'", 0, "x nix (Nix) 2"},
		{"", 0, ""},
		{"[ -z \"$LD_PRELOAD\" ] && [ \"$*\" = --version ] && echo 'nix (x)'", 0,
		 "nix (x)"},
		{"printf 'one\ntwo'; exit 5", -1,
		 "bin/nix --version failed inside with status 5; its last words:\n"
		 "  one\n  two\n  is the"},
		{"exit 1", -1, "with status 1; its last words:\n  is the tarball for this kind"},
	};
	struct fake_nix *nix = *state;

	setenv("LD_PRELOAD", "/usr/lib/x.so", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *version = NULL;

		fake_program(nix, "store/" NIX "/bin/nix", cases[i].body);
		SAID(nix, cases[i].result, script_nix_runs(&nix->request, &version));
		if (cases[i].result < 0)
			assert_has(nix->said, cases[i].words);
		else
			assert_string_equal(version, cases[i].words);
	}
}

static int ask_without_processes(const void *context)
{
	_cleanup_free_ char *version = NULL;

	refuse_forks();
	return script_nix_runs(context, &version) == -1 && !version ? 0 : 1;
}

static void nix_cannot_be_entered(void **state)
{
	struct fake_nix *nix = *state;
	_cleanup_free_ char *version = NULL, *said = NULL;
	int status;

	fake_program(nix, "store/" NIX "/bin/nix", "");
	said = child_says(ask_without_processes, &nix->request, NULL, &status);
	assert_int_equal(status, 0);
	assert_has(said, "Resource temporarily unavailable");
	nix->request.nix_dir = "/tmp";
	SAID(nix, -1, script_nix_runs(&nix->request, &version));
	assert_null(version);
}

static void a_channel(void **state)
{
	struct fake_nix *nix = *state;

	assert_false(script_has_channel(nix->request.nix_dir_fd));
	fake_put(nix, "store/" CACERT "/nixpkgs", "");
	fake_link(nix, "../.nix-defexpr/channels", "/nix/store/" CACERT);
	assert_true(script_has_channel(nix->request.nix_dir_fd));
}

int main(void)
{
#define WITH_NIX(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
	const struct CMUnitTest tests[] = {
		WITH_NIX(what_the_script_gets),
		WITH_NIX(what_stays_open),
		WITH_NIX(each_foreign_variable),
		WITH_NIX(the_last_words),
		WITH_NIX(commands),
		WITH_NIX(what_cannot_be_run),
		WITH_NIX(a_tarball_without_a_script),
		WITH_NIX(the_nix_of_the_profile),
		WITH_NIX(whether_it_runs),
		WITH_NIX(nix_cannot_be_entered),
		WITH_NIX(a_channel),
		WITH_NIX(signals_that_come_meanwhile),
		WITH_NIX(what_is_shown_meanwhile),
	};

	if (own_mounts() < 0) {
		puts("1..0 # SKIP needs a host that lets users make namespaces");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
