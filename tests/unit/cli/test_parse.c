/* The command line and the environment. */
#include "cli/parse.h"
#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../capture.h"
#include "../place.h"

#define PREFIX		"nix-user-chroot: "
#define LISTS		"  nix-user-chroot --help lists the options\n"
#define LISTS_OF(which) "  nix-user-chroot " which " --help lists the options\n"

#define MAX_WORDS 16

/* A command line, and the result of parsing it. */
struct line {
	char *words[MAX_WORDS + 1];
	struct options options;
	int result;
	char *said;
};

/* Parses the words up to a NULL. */
static struct line *parse(const char *first, ...)
{
	struct line *line = xcalloc(1, sizeof(*line));
	struct capture capture;
	int count = 1;
	va_list args;

	line->words[0] = xstrdup("nix-user-chroot");
	va_start(args, first);
	for (const char *word = first; word; word = va_arg(args, const char *)) {
		assert_true(count < MAX_WORDS);
		line->words[count++] = xstrdup(word);
	}
	va_end(args);
	capture_begin(&capture);
	line->result = parse_options(count, line->words, &line->options);
	line->said = capture_end(&capture);
	return line;
}

static void line_free(struct line **line)
{
	options_clear(&(*line)->options);
	for (size_t i = 0; (*line)->words[i]; i++)
		free((*line)->words[i]);
	free((*line)->said);
	free(*line);
}

#define PARSE(name, ...)                                                   \
	_cleanup_(line_free) struct line *name = parse(__VA_ARGS__, NULL); \
	assert_string_equal(name->said, "");                               \
	assert_int_equal(name->result, 0)

#define REFUSE(message, ...)                                                          \
	do {                                                                          \
		_cleanup_(line_free) struct line *refused = parse(__VA_ARGS__, NULL); \
		assert_string_equal(refused->said, message);                          \
		assert_int_equal(refused->result, -1);                                \
	} while (0)

static void assert_command(const struct line *line, const char *nix_dir, const char *first,
			   const char *second)
{
	assert_int_equal(line->options.command, COMMAND_ENTER);
	if (nix_dir)
		assert_string_equal(line->options.nix_dir, nix_dir);
	else
		assert_null(line->options.nix_dir);
	if (!first) {
		assert_null(line->options.argv);
		return;
	}
	assert_non_null(line->options.argv);
	assert_string_equal(line->options.argv[0], first);
	if (second)
		assert_string_equal(line->options.argv[1], second);
	else
		assert_null(line->options.argv[1]);
}

static void entering(void **state)
{
	_cleanup_(line_free) struct line *nothing = parse(NULL);
	PARSE(directory, "dir");
	PARSE(command, "dir", "bash", "-l");
	PARSE(dashes, "--", "bash", "-l");
	PARSE(only_dashes, "--");
	PARSE(both, "dir", "--", "bash");
	PARSE(later_dashes, "dir", "bash", "--");
	PARSE(quiet, "-q", "--", "true");

	(void)state;
	assert_int_equal(nothing->result, 0);
	assert_command(nothing, NULL, NULL, NULL);
	assert_command(directory, "dir", NULL, NULL);
	assert_command(command, "dir", "bash", "-l");
	assert_command(dashes, NULL, "bash", "-l");
	assert_command(only_dashes, NULL, NULL, NULL);
	assert_command(both, "dir", "bash", NULL);
	assert_command(later_dashes, "dir", "bash", "--");
	assert_command(quiet, NULL, "true", NULL);
	assert_ptr_equal(directory->options.program_argv, directory->words);
}

/* Options after the first word belong to the command, even if they look like ours. */
static void options_end_at_the_first_word(void **state)
{
	PARSE(version, "dir", "nix", "--version");
	PARSE(install, "dir", "--install");
	PARSE(empty_command, "dir", "");

	(void)state;
	assert_command(version, "dir", "nix", "--version");
	assert_command(install, "dir", "--install", NULL);
	assert_command(empty_command, "dir", "", NULL);
	REFUSE(PREFIX
	       "NIXPATH is an empty word\n"
	       "  give the directory that is to be /nix, or leave it out for the default one\n",
	       "", "true");
}

static void new_namespace(void **state)
{
	_cleanup_(line_free) struct line *none = parse("dir", NULL);
	_cleanup_(line_free) struct line *given = parse("--new-namespace", "dir", NULL);
	_cleanup_(line_free) struct line *by_variable = NULL, *of_install = NULL;

	(void)state;
	assert_false(none->options.new_namespace);
	assert_true(given->options.new_namespace);
	setenv("NIX_USER_CHROOT_NEW_NAMESPACE", "1", 1);
	by_variable = parse("--", "sh", NULL);
	assert_true(by_variable->options.new_namespace);
	/* --install does not take this option: without a command it enters nothing */
	of_install = parse("--install", NULL);
	assert_int_equal(of_install->result, 0);
	assert_false(of_install->options.new_namespace);
}

static void no_ssh_config(void **state)
{
	_cleanup_(line_free) struct line *none = parse("dir", NULL);
	_cleanup_(line_free) struct line *given = parse("--no-ssh-config", "--", "sh", NULL);
	_cleanup_(line_free) struct line *by_variable = NULL, *of_install = NULL;

	(void)state;
	assert_false(none->options.no_ssh_config);
	assert_true(given->options.no_ssh_config);
	setenv("NIX_USER_CHROOT_NO_SSH_CONFIG", "yes", 1);
	by_variable = parse("--", "sh", NULL);
	assert_true(by_variable->options.no_ssh_config);
	/* --install takes this option for the command that it runs */
	of_install = parse("--install", "--", "sh", NULL);
	assert_true(of_install->options.no_ssh_config);
	REFUSE(PREFIX "option --no-ssh-config goes with --install\n"
		      "  as in nix-user-chroot --install --no-ssh-config\n",
	       "--check", "--no-ssh-config");
}

static void command_line(void **state)
{
	_cleanup_(line_free) struct line *alone = parse("-c", "exit 1", NULL);
	_cleanup_(line_free) struct line *words = parse("-v", "--command", "x", "zero", "-v", NULL);
	_cleanup_(line_free) struct line *dashes = parse("-cx", "--", "-v", NULL);

	(void)state;
	assert_string_equal(alone->options.command_line, "exit 1");
	assert_null(alone->options.argv);
	assert_null(alone->options.nix_dir);
	assert_string_equal(words->options.command_line, "x");
	assert_null(words->options.nix_dir);
	assert_string_equal(words->options.argv[0], "zero");
	assert_string_equal(words->options.argv[1], "-v");
	assert_string_equal(dashes->options.command_line, "x");
	assert_string_equal(dashes->options.argv[0], "-v");
}

static void verbosity(void **state)
{
	PARSE(normal, "dir");
	PARSE(one, "-v");
	PARSE(two, "-vv");
	PARSE(many, "-v", "--verbose", "-vvv");
	PARSE(quiet, "-q");
	PARSE(loud_at_last, "-q", "-v");
	PARSE(quiet_at_last, "-vv", "--quiet");

	(void)state;
	assert_int_equal(normal->options.log_level, LOG_NORMAL);
	assert_int_equal(one->options.log_level, LOG_VERBOSE);
	assert_int_equal(two->options.log_level, LOG_DEBUG);
	assert_int_equal(many->options.log_level, LOG_DEBUG);
	assert_int_equal(quiet->options.log_level, LOG_ERROR);
	assert_int_equal(loud_at_last->options.log_level, LOG_VERBOSE);
	assert_int_equal(quiet_at_last->options.log_level, LOG_ERROR);
}

static void bundle(void **state)
{
	PARSE(plain, "--bundle", "out", "--nix-version", "2.26.3", "--system", "i686-linux");
	PARSE(program, "--bundle=out", "--program", "file", "--releases", "dir");
	PARSE(help, "--bundle", "--help");
	PARSE(by_letter, "--bundle", "-h");
	PARSE(help_after, "--bundle", "out", "--help");

	(void)state;
	assert_int_equal(plain->options.command, COMMAND_BUNDLE);
	assert_string_equal(plain->options.bundle, "out");
	assert_string_equal(plain->options.install.nix_version, "2.26.3");
	assert_string_equal(plain->options.install.system, "i686-linux");
	assert_string_equal(program->options.bundle, "out");
	assert_string_equal(program->options.program, "file");
	assert_string_equal(program->options.update.releases, "dir");
	assert_int_equal(help->options.command, COMMAND_HELP);
	assert_int_equal(help->options.help_on, COMMAND_BUNDLE);
	assert_int_equal(by_letter->options.command, COMMAND_HELP);
	assert_int_equal(by_letter->options.help_on, COMMAND_BUNDLE);
	assert_int_equal(help_after->options.help_on, COMMAND_BUNDLE);
	REFUSE(PREFIX "--bundle needs a OUT, and got an empty word\n"
		      "  give one, or leave the option out\n",
	       "--bundle", "");
	REFUSE(PREFIX "--bundle needs OUT, a file to write, and got --mirror\n"
		      "  ./--mirror is a file of that name\n",
	       "--bundle", "--mirror", "m");
	REFUSE(PREFIX "--install and --bundle do not go together\n  give one of the two\n",
	       "--install", "--bundle", "out");
	REFUSE(PREFIX "option --program goes with --bundle\n"
		      "  as in nix-user-chroot --bundle OUT --program FILE\n",
	       "--install", "--program", "file");
	REFUSE(PREFIX "unexpected argument \"sh\"\n" LISTS_OF("--bundle"), "--bundle", "out", "--",
	       "sh");
}

static void commands(void **state)
{
	PARSE(install, "--install");
	PARSE(uninstall, "--uninstall", "--yes", "--force");
	PARSE(asking, "--uninstall");
	PARSE(check, "--check", "--json");
	PARSE(print, "--print-path-config");
	PARSE(help, "--help");
	PARSE(letter, "-h");
	/* the last of several counts */
	PARSE(twice, "--install", "--mirror", "m", "--mirror", "n");
	/* of several pages the first */
	PARSE(pages, "--help", "--update", "--check", "--version");
	PARSE(version, "-V");
	PARSE(help_wins, "--install", "--mirror", "m", "--help");
	PARSE(first_wins, "--help", "--version", "--install", "--json");

	(void)state;
	assert_int_equal(install->options.command, COMMAND_INSTALL);
	assert_string_equal(twice->options.install.mirror, "n");
	assert_int_equal(pages->options.help_on, COMMAND_UPDATE);
	assert_int_equal(uninstall->options.command, COMMAND_UNINSTALL);
	assert_true(uninstall->options.yes && uninstall->options.install.force);
	assert_false(asking->options.yes || asking->options.install.force);
	assert_int_equal(check->options.command, COMMAND_CHECK);
	assert_true(check->options.json);
	assert_int_equal(print->options.command, COMMAND_PRINT_PATH_CONFIG);
	assert_int_equal(help->options.command, COMMAND_HELP);
	assert_int_equal(letter->options.command, COMMAND_HELP);
	assert_int_equal(version->options.command, COMMAND_VERSION);
	assert_int_equal(help_wins->options.command, COMMAND_HELP);
	assert_int_equal(first_wins->options.command, COMMAND_HELP);
	assert_int_equal(help->options.help_on, COMMAND_ENTER);
	assert_int_equal(help_wins->options.help_on, COMMAND_INSTALL);
	assert_int_equal(first_wins->options.help_on, COMMAND_INSTALL);
	REFUSE(PREFIX "--install and --check do not go together\n  give one of the two\n",
	       "--install", "--check");
	REFUSE(PREFIX "--install and --uninstall do not go together\n  give one of the two\n",
	       "--install", "--uninstall");
}

static void install_options(void **state)
{
	PARSE(all, "--install", "--nix-version", "2.26.3", "--mirror=https://m/nix//", "--sha256=h",
	      "--system", "s", "--no-channel-add", "--force", "--cacert=c", "--extra-conf", "a = b",
	      "--extra-conf=c = d\n\ne = f\ng");
	PARSE(rest, "--install", "--tarball", "t", "--nix-extra-conf-file", "f",
	      "--no-modify-profile", "--no-shims", "--dry-run", "--nix-version=1",
	      "--nix-version=2", "--", "bash", "-l");
	const struct install_options *install = &all->options.install;

	(void)state;
	assert_string_equal(install->nix_version, "2.26.3");
	assert_string_equal(install->mirror, "https://m/nix");
	assert_string_equal(install->sha256, "h");
	assert_string_equal(install->system, "s");
	assert_string_equal(install->cacert, "c");
	assert_true(install->no_channel_add);
	assert_true(install->force);
	assert_false(install->no_modify_profile || install->no_shims || install->dry_run);
	assert_null(install->tarball);
	assert_null(all->options.argv);
	assert_int_equal(install->extra_conf.count, 4);
	assert_string_equal(install->extra_conf.items[3], "g");
	assert_string_equal(install->extra_conf.items[0], "a = b");
	assert_string_equal(install->extra_conf.items[1], "c = d");
	assert_string_equal(install->extra_conf.items[2], "e = f");

	install = &rest->options.install;
	assert_string_equal(install->tarball, "t");
	assert_string_equal(install->nix_extra_conf_file, "f");
	assert_string_equal(install->nix_version, "2");
	assert_true(install->no_modify_profile);
	assert_true(install->no_shims && install->dry_run);
	assert_string_equal(rest->options.argv[0], "bash");
	assert_string_equal(rest->options.argv[1], "-l");
}

static void mistyped(void **state)
{
	(void)state;
	REFUSE(PREFIX "unknown option --instal-now\n" LISTS, "--instal-now");
	REFUSE(PREFIX "unknown option --intsall\n  did you mean --install?\n", "--intsall");
	REFUSE(PREFIX "unknown option --quite\n  did you mean --quiet?\n", "--quite", "dir");
	REFUSE(PREFIX "unknown option --miror=x\n  did you mean --mirror=x?\n", "--install",
	       "--miror=x");
	REFUSE(PREFIX "unknown option -install\n  did you mean --install?\n", "-install");
	REFUSE(PREFIX "unknown option --nothing\n" LISTS_OF("--install"), "--install", "--nothing");
	REFUSE(PREFIX "unknown option --nothing\n" LISTS_OF("--check"), "--check", "--nothing");
	REFUSE(PREFIX "unknown option --=\n" LISTS, "--=");
	REFUSE(PREFIX "unknown option -x\n" LISTS, "-x");
	REFUSE(PREFIX "unknown option -z\n" LISTS, "-vqz", "dir");
}

/* Options that users of other installers are used to. */
static void of_other_installers(void **state)
{
	PARSE(install, "--install", "--yes", "--no-confirm", "--no-daemon");
	PARSE(uninstall, "--uninstall", "--no-confirm");

	(void)state;
	assert_int_equal(install->options.command, COMMAND_INSTALL);
	assert_true(uninstall->options.yes);
	REFUSE(PREFIX "unknown option --proxy\n"
		      "  set the variable https_proxy to the proxy's URL\n",
	       "--install", "--proxy", "http://p");
	REFUSE(PREFIX "unknown option --ssl-cert-file=x\n"
		      "  --cacert FILE names the CA certificates\n",
	       "--install", "--ssl-cert-file=x");
	REFUSE(PREFIX "unknown option --tarball-url-prefix\n"
		      "  --mirror URL names where releases are\n",
	       "--install", "--tarball-url-prefix", "x");
	REFUSE(PREFIX "unknown option --nix-package-url\n"
		      "  --tarball URL names the tarball\n",
	       "--nix-package-url", "x", "--install");
}

/*
 * A version after --version: the program must not print its own version and succeed, as a script
 * would expect of Nix.
 */
static void nix_version_as_a_word(void **state)
{
	PARSE(plain, "--version");
	PARSE(directory, "--version", "dir");
	PARSE(after_dashes, "--version", "--", "2.26.3");
	PARSE(help, "--help", "2.26.3");
	PARSE(other_page, "--version", "--install");

	(void)state;
	assert_int_equal(after_dashes->options.command, COMMAND_VERSION);
	assert_int_equal(help->options.command, COMMAND_HELP);
	assert_int_equal(other_page->options.command, COMMAND_VERSION);
	assert_int_equal(plain->options.command, COMMAND_VERSION);
	assert_int_equal(directory->options.command, COMMAND_VERSION);
#define TAKES_NONE PREFIX "--version prints the version of this program, and takes no argument: "
#define INSTALLS   "\n  --install --nix-version 2.26.3 installs that Nix\n"
	REFUSE(TAKES_NONE "2.26.3" INSTALLS, "--install", "--version", "2.26.3");
	REFUSE(TAKES_NONE "2.26.3" INSTALLS, "--version", "2.26.3", "--install");
	REFUSE(TAKES_NONE "v2.26.3" INSTALLS, "--install", "--version=v2.26.3");
	REFUSE(PREFIX "unexpected argument \"2.26.3\"" INSTALLS, "--install", "2.26.3");
	REFUSE(PREFIX "unexpected argument \"v2.26.3\"" INSTALLS, "--install", "v2.26.3");
	REFUSE(PREFIX "unexpected argument \"nix-2.26.3\"" INSTALLS, "--install", "nix-2.26.3");
}

static void mistyped_variables(void **state)
{
	_cleanup_(line_free) struct line *first = NULL, *again = NULL;

	(void)state;
	setenv("NIX_USER_CHROOT_VERSION", "2.26.3", 1);
	setenv("NIX_USER_CHROOT_NO_SHIMS", "1", 1);
	setenv("NIX_USER_CHROOT_PROGRAM_OF_MINE", "1", 1);
	setenv("NIX_USER_CHROOT_DIR", "/d", 1);
	/* as near to one as to another */
	setenv("NIX_USER_CHROOT_", "1", 1);
	/* also after those that are not warned of */
	setenv("NIX_USER_CHROOT_NO_SHIM", "1", 1);
	{
		PARSE(entering, "dir");
	}
	first = parse("--install", NULL);
	assert_int_equal(first->result, 0);
	assert_non_null(strstr(
		first->said, PREFIX
		"warning: the variable NIX_USER_CHROOT_VERSION is unknown to this program\n  did you mean NIX_USER_CHROOT_NIX_VERSION?\n"));
	assert_non_null(strstr(first->said, "did you mean NIX_USER_CHROOT_NO_SHIMS?\n"));
	assert_null(strstr(first->said, "MINE"));
	assert_null(strstr(first->said, "_DIR"));
	again = parse("--install", NULL);
	assert_string_equal(again->said, "");
}

/* The variable that names the directory is one of ours, though no option has it. */
static void mistyped_directory(void **state)
{
	static const struct {
		const char *variable, *meant;
	} cases[] = {
		{"NIX_USER_CHROOT_DIRR", "DIR"},
		{"NIX_USER_CHROOT_R", "DIR"}, /* the first one that ends so */
		{"NIX_USER_CHROOT_DIR", NULL},
		{"NIX_USER_CHROOT_VERBOS", "VERBOSE"}, /* of the last option */
		{"NIX_USER_CHROOT_VERBOSE", NULL},
		{"NIX_USER_CHROOTDIR", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(line_free) struct line *line = NULL;
		_cleanup_free_ char *words = NULL;

		setenv(cases[i].variable, "1", 1);
		line = parse("--install", NULL);
		words = cases[i].meant
				? xasprintf(PREFIX "warning: the variable %s is unknown to this "
						   "program\n  did you mean NIX_USER_CHROOT_%s?\n",
					    cases[i].variable, cases[i].meant)
				: xstrdup("");
		assert_string_equal(line->said, words);
		/* the one that was warned of is gone, another one stays */
		assert_int_equal(!getenv(cases[i].variable), cases[i].meant != NULL);
		unsetenv(cases[i].variable);
	}
}

/* The words for yes and no, and which command reads which variable. */
static void flags_by_variable(void **state)
{
	static const struct {
		const char *word;
		int truth; /* -1: neither */
	} cases[] = {
		{"1", 1},   {"yes", 1},	  {"true", 1}, {"on", 1}, {"0", 0},    {"no", 0},
		{"off", 0}, {"false", 0}, {"2", -1},   {"y", -1}, {"YES", -1}, {"00", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(line_free) struct line *line = NULL, *update = NULL;

		setenv("NIX_USER_CHROOT_NO_SHIMS", cases[i].word, 1);
		setenv("NIX_USER_CHROOT_DRY_RUN", cases[i].word, 1);
		line = parse("--install", NULL);
		assert_int_equal(line->result, cases[i].truth < 0 ? -1 : 0);
		if (cases[i].truth >= 0)
			assert_int_equal(line->options.install.no_shims, cases[i].truth);
		/* --update has --dry-run too, but this variable is for --install */
		update = parse("--update", NULL);
		assert_int_equal(update->result, 0);
		assert_false(update->options.install.dry_run);
	}
	unsetenv("NIX_USER_CHROOT_NO_SHIMS");
	unsetenv("NIX_USER_CHROOT_DRY_RUN");
	setenv("NIX_USER_CHROOT_TRUST_OWNER", "me", 1);
	setenv("NIX_USER_CHROOT_MIRROR", "https://m///", 1);
	{
		PARSE(uninstall, "--uninstall");
		PARSE(check, "--check");
		PARSE(update, "--update");
		PARSE(given, "--uninstall", "--trust-owner", "you");
		PARSE(enter, "dir");

		assert_string_equal(uninstall->options.trust_owner, "me");
		assert_string_equal(given->options.trust_owner, "you");
		assert_string_equal(enter->options.trust_owner, "me");
		assert_null(check->options.trust_owner);
		assert_null(update->options.trust_owner);
		assert_string_equal(update->options.install.mirror, "https://m");
		assert_null(uninstall->options.install.mirror);
	}
}

static void refused(void **state)
{
	(void)state;
	REFUSE(PREFIX "option --mirror needs a URL\n" LISTS_OF("--install"), "--install",
	       "--mirror");
	/* a whole name, and the beginning of others that come before and after it */
	REFUSE(PREFIX "option --nix takes no argument\n  leave out the = and the text after it\n",
	       "--nix=x");
	REFUSE(PREFIX "option --quiet takes no argument\n  leave out the = and the text after it\n",
	       "--quiet=very");
	REFUSE(PREFIX "--mirror needs a URL, and got an empty word\n"
		      "  give one, or leave the option out\n",
	       "--install", "--mirror=");
	REFUSE(PREFIX "option --mirror goes with --install or --update or --bundle\n"
		      "  as in nix-user-chroot --install --mirror URL\n",
	       "--mirror", "m", "dir");
	REFUSE(PREFIX "option --json goes with --check\n  as in nix-user-chroot --check --json\n",
	       "--install", "--json");
	REFUSE(PREFIX "option --yes goes with --install or --uninstall\n"
		      "  as in nix-user-chroot --install --yes\n",
	       "--check", "--yes");
	REFUSE(PREFIX "option --no-daemon goes with --install\n"
		      "  as in nix-user-chroot --install --no-daemon\n",
	       "--uninstall", "--no-daemon");
	REFUSE(PREFIX "option --dry-run goes with --install or --update\n"
		      "  as in nix-user-chroot --install --dry-run\n",
	       "--uninstall", "--dry-run");
	REFUSE(PREFIX "option --force goes with --install or --uninstall or --update\n"
		      "  as in nix-user-chroot --install --force\n",
	       "--force", "dir");
	REFUSE(PREFIX "unexpected argument \"dir\"\n" LISTS_OF("--uninstall"), "--uninstall",
	       "dir");
	REFUSE(PREFIX "unexpected argument \"true\"\n" LISTS_OF("--uninstall"), "--uninstall", "--",
	       "true");
	REFUSE(PREFIX
	       "unexpected argument \"dir\"\n"
	       "  a command goes after --, and NIX_USER_CHROOT_DIR=DIR names the directory\n",
	       "--install", "dir");
	REFUSE(PREFIX "unexpected argument \"dir\"\n" LISTS_OF("--check"), "--check", "dir");
	REFUSE(PREFIX "unexpected argument \"true\"\n" LISTS_OF("--check"), "--check", "--",
	       "true");
	REFUSE(PREFIX "unexpected argument \"true\"\n" LISTS, "--print-path-config", "--", "true");
}

/* Abbreviations work as in getopt_long(3): enough of a name to be unique. */
static void abbreviations(void **state)
{
	PARSE(whole, "--install", "--mirr=m", "--nix-v", "1");

	(void)state;
	assert_string_equal(whole->options.install.mirror, "m");
	assert_string_equal(whole->options.install.nix_version, "1");
	REFUSE(PREFIX "option --mirror needs a URL\n" LISTS_OF("--install"), "--install", "--mirr");
	REFUSE(PREFIX "option --quiet takes no argument\n  leave out the = and the text after it\n",
	       "--qui=1");
	REFUSE(PREFIX "option --no is the beginning of more than one option\n"
		      "  did you mean --no-channel-add or --no-modify-profile?\n",
	       "--install", "--no");
}

static void variables(void **state)
{
	(void)state;
	setenv("NIX_USER_CHROOT_NIX_VERSION", "2.20.0", 1);
	setenv("NIX_USER_CHROOT_MIRROR", "https://variable/", 1);
	setenv("NIX_USER_CHROOT_EXTRA_CONF", "a = b\nc = d\n", 1);
	setenv("NIX_USER_CHROOT_NO_CHANNEL_ADD", "yes", 1);
	setenv("NIX_USER_CHROOT_NO_MODIFY_PROFILE", "0", 1);
	setenv("NIX_USER_CHROOT_NO_SHIMS", "1", 1);
	setenv("NIX_USER_CHROOT_DRY_RUN", "on", 1);
	setenv("NIX_USER_CHROOT_TARBALL", "", 1);
	PARSE(line, "--install", "--mirror", "https://option");
	assert_string_equal(line->options.install.nix_version, "2.20.0");
	assert_string_equal(line->options.install.mirror, "https://option");
	assert_int_equal(line->options.install.extra_conf.count, 2);
	assert_string_equal(line->options.install.extra_conf.items[1], "c = d");
	assert_true(line->options.install.no_channel_add);
	assert_false(line->options.install.no_modify_profile);
	assert_true(line->options.install.no_shims && line->options.install.dry_run);
	assert_null(line->options.install.tarball);
}

static void verbosity_by_variable(void **state)
{
	(void)state;
	setenv("NIX_USER_CHROOT_VERBOSE", "1", 1);
	PARSE(one, "dir");
	assert_int_equal(one->options.log_level, LOG_VERBOSE);
	setenv("NIX_USER_CHROOT_VERBOSE", "2", 1);
	PARSE(two, "dir");
	assert_int_equal(two->options.log_level, LOG_DEBUG);
	PARSE(quiet, "-q", "dir");
	assert_int_equal(quiet->options.log_level, LOG_ERROR);
	setenv("NIX_USER_CHROOT_VERBOSE", "0", 1);
	setenv("NIX_USER_CHROOT_QUIET", "on", 1);
	PARSE(none, "dir");
	assert_int_equal(none->options.log_level, LOG_ERROR);
	PARSE(loud, "-v", "dir");
	assert_int_equal(loud->options.log_level, LOG_VERBOSE);
}

static void variables_of_the_upstream_installer(void **state)
{
	(void)state;
	setenv("NIX_INSTALLER_NO_CHANNEL_ADD", "1", 1);
	PARSE(one, "--install");
	assert_true(one->options.install.no_channel_add);
	assert_false(one->options.install.no_modify_profile);
	setenv("NIX_INSTALLER_NO_MODIFY_PROFILE", "0", 1);
	PARSE(both, "--install");
	assert_true(both->options.install.no_modify_profile);
}

/* A bad value of a variable for --install must not prevent entering. */
static void bad_variables(void **state)
{
	(void)state;
	setenv("NIX_USER_CHROOT_FORCE", "perhaps", 1);
	REFUSE(PREFIX "NIX_USER_CHROOT_FORCE is \"perhaps\"\n  set it to 1 or 0, or unset it\n",
	       "--install");
	PARSE(enter, "dir", "true");
	PARSE(check, "--check");
	PARSE(help, "--install", "--help");
	PARSE(forced, "--install", "--force");
	assert_true(forced->options.install.force);
	setenv("NIX_USER_CHROOT_FORCE", "1", 1);
	PARSE(by_variable, "--install");
	assert_true(by_variable->options.install.force);
	/* a variable that is set for --install does not turn on --force of --uninstall */
	PARSE(careful, "--uninstall");
	assert_false(careful->options.install.force);
	assert_false(enter->options.install.force);
}

/* A bad value for the verbosity never prevents entering. */
static void odd_verbosity_by_variable(void **state)
{
	static const struct {
		const char *verbose, *quiet;
		enum log_level level;
		const char *said;
	} cases[] = {
		{"3", NULL, LOG_DEBUG, ""},
		{"007", NULL, LOG_DEBUG, ""},
		{"99999999999999999999", NULL, LOG_DEBUG, ""},
		{"01", NULL, LOG_VERBOSE, ""},
		{"00", NULL, LOG_NORMAL, ""},
		{NULL, "2", LOG_ERROR, ""},
		{NULL, "maybe", LOG_NORMAL,
		 PREFIX "warning: NIX_USER_CHROOT_QUIET is \"maybe\", which is ignored\n"
			"  set it to 0, 1 or 2, or unset it\n"},
		{"-1", NULL, LOG_NORMAL,
		 PREFIX "warning: NIX_USER_CHROOT_VERBOSE is \"-1\", which is ignored\n"
			"  set it to 0, 1 or 2, or unset it\n"},
		{"2x", "1", LOG_ERROR,
		 PREFIX "warning: NIX_USER_CHROOT_VERBOSE is \"2x\", which is ignored\n"
			"  set it to 0, 1 or 2, or unset it\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(line_free) struct line *line = NULL;

		unsetenv("NIX_USER_CHROOT_VERBOSE");
		unsetenv("NIX_USER_CHROOT_QUIET");
		if (cases[i].verbose)
			setenv("NIX_USER_CHROOT_VERBOSE", cases[i].verbose, 1);
		if (cases[i].quiet)
			setenv("NIX_USER_CHROOT_QUIET", cases[i].quiet, 1);
		line = parse("dir", NULL);
		assert_int_equal(line->result, 0);
		assert_string_equal(line->said, cases[i].said);
		assert_int_equal(line->options.log_level, cases[i].level);
	}
}

/* Before Linux 5.18 a program can be started without any argument, even without its name. */
static void no_words_at_all(void **state)
{
	char *empty[] = {NULL, (char *)(uintptr_t) "PATH=/not/a/word", NULL};
	struct options options;

	(void)state;
	assert_int_equal(parse_options(0, empty, &options), 0);
	assert_null(options.nix_dir);
	assert_null(options.argv);
	options_clear(&options);
}

static void runtimes_and_trust(void **state)
{
	static const char *const names[] = {"auto",    "userns", "helper",
					    "mountns", "direct", "proot"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		PARSE(line, "--runtime", names[i], "--", "true");
		assert_int_equal(line->options.runtime, i);
		setenv("NIX_USER_CHROOT_RUNTIME", names[i], 1);
		PARSE(by_variable, "--", "true");
		assert_int_equal(by_variable->options.runtime, i);
		unsetenv("NIX_USER_CHROOT_RUNTIME");
	}
	REFUSE(PREFIX "there is no runtime \"chroot\"\n"
		      "  --runtime or NIX_USER_CHROOT_RUNTIME is auto, userns, helper, mountns, "
		      "direct or proot\n",
	       "--runtime", "chroot", "--", "true");
	{
		PARSE(line, "--trust-owner", "me", "--shared-group", "us", "--", "true");
		assert_string_equal(line->options.trust_owner, "me");
		assert_string_equal(line->options.shared_group, "us");
	}
}

#define TEST(name) cmocka_unit_test_setup(name, empty_environment)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entering),
		TEST(options_end_at_the_first_word),
		TEST(new_namespace),
		TEST(no_ssh_config),
		TEST(command_line),
		TEST(verbosity),
		TEST(bundle),
		TEST(commands),
		TEST(install_options),
		TEST(mistyped),
		TEST(of_other_installers),
		TEST(nix_version_as_a_word),
		TEST(mistyped_variables),
		TEST(mistyped_directory),
		TEST(flags_by_variable),
		TEST(refused),
		TEST(abbreviations),
		TEST(variables),
		TEST(verbosity_by_variable),
		TEST(variables_of_the_upstream_installer),
		TEST(bad_variables),
		TEST(odd_verbosity_by_variable),
		TEST(no_words_at_all),
		TEST(runtimes_and_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
