#include "cli/parse.h"
#include "cli/complain.h"
#include "cli/nearest.h"
#include "cli/option_table.h"
#include "util/cleanup.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *field_of(struct options *out, const struct option_spec *spec)
{
	return (char *)out + spec->offset;
}

static void add_lines(struct strlist *list, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > 0)
			strlist_take(list, xstrndup(text, len));
		text += len + (text[len] == '\n');
	}
}

static void add_verbosity(enum log_level *level, int value)
{
	if (value == LOG_ERROR)
		*level = LOG_ERROR;
	else if (*level + value <= LOG_DEBUG)
		*level = (enum log_level)(*level < LOG_NORMAL ? value : (int)*level + value);
}

static int set_command(struct options *out, const struct option_spec *spec, const char **chosen)
{
	bool asks_only = spec->value == COMMAND_HELP || spec->value == COMMAND_VERSION;

	/* --help and --version win over other commands, as in other programs */
	if (out->command == COMMAND_HELP || out->command == COMMAND_VERSION) {
		if (!asks_only && out->help_on == COMMAND_ENTER)
			out->help_on = (enum command)spec->value;
		return 0;
	}
	if (*chosen && !asks_only && out->command != (enum command)spec->value) {
		log_error("--%s and --%s do not go together\ngive one of the two", *chosen,
			  spec->name);
		return -1;
	}
	if (asks_only)
		out->help_on = out->command;
	out->command = (enum command)spec->value;
	*chosen = spec->name;
	return 0;
}

static int set_runtime(const struct option_spec *spec, const char *argument, enum runtime *out)
{
	if (runtime_parse(argument, out) == 0)
		return 0;
	log_error("there is no runtime \"%s\"\n"
		  "--%s or %s is auto, userns, helper, mountns, direct or proot",
		  argument, spec->name, spec->variable);
	return -1;
}

static int set_string(struct options *out, const struct option_spec *spec, const char *argument)
{
	char **string = field_of(out, spec);

	if (!*argument) {
		log_error("--%s needs a %s, and got an empty word\n"
			  "give one, or leave the option out",
			  spec->name, spec->metavar);
		return -1;
	}
	free(*string);
	*string = xstrdup(argument);
	return 0;
}

/* A command whose argument is a file name: an argument that looks like an option is refused. */
static int set_command_of(struct options *out, const struct option_spec *spec, const char *argument,
			  const char **chosen)
{
	bool asks_help = strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0;

	if (set_command(out, spec, chosen) < 0)
		return -1;
	if (asks_help) {
		out->help_on = out->command == COMMAND_HELP ? out->help_on : out->command;
		out->command = COMMAND_HELP;
		return 0;
	}
	if (*argument == '-') {
		log_error("--%s needs %s, a file to write, and got %s\n"
			  "./%s is a file of that name",
			  spec->name, spec->metavar, argument, argument);
		return -1;
	}
	return set_string(out, spec, argument);
}

/* Store ARGUMENT, of the command line or the environment, where the option's row says. */
static int apply(struct options *out, const struct option_spec *spec, const char *argument,
		 const char **chosen)
{
	switch (spec->kind) {
	case KIND_COMMAND:
		return spec->metavar ? set_command_of(out, spec, argument, chosen)
				     : set_command(out, spec, chosen);
	case KIND_FLAG:
		*(bool *)field_of(out, spec) = true;
		return 0;
	case KIND_STRING:
		return set_string(out, spec, argument);
	case KIND_LINES:
		add_lines(field_of(out, spec), argument);
		return 0;
	case KIND_RUNTIME:
		return set_runtime(spec, argument, field_of(out, spec));
	case KIND_VERBOSITY:
		add_verbosity(field_of(out, spec), spec->value);
		return 0;
	}
	return -1;
}

/* 1 if WORD means yes, 0 if it means no, else -1. */
static int truth_of(const char *word)
{
	static const char *const yes[] = {"1", "yes", "true", "on"};
	static const char *const no[] = {"0", "no", "false", "off"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(word, yes[i]) == 0)
			return 1;
		if (strcmp(word, no[i]) == 0)
			return 0;
	}
	return -1;
}

/*
 * How often -v is given, 0 to 2, by a number (more is 2) or a word for yes or no; -1 for neither.
 */
static int verbosity_of(const char *word)
{
	size_t digits = strspn(word, "0123456789"), zeros = strspn(word, "0");

	if (digits == 0 || word[digits])
		return truth_of(word);
	return zeros == digits ? 0 : zeros + 1 == digits && word[zeros] == '1' ? 1 : 2;
}

/* As apply(), for a VALUE of the environment; that of a flag is a word for yes or no. */
static int apply_variable(struct options *out, const struct option_spec *spec, const char *value)
{
	int truth;

	if (spec->kind == KIND_STRING || spec->kind == KIND_LINES || spec->kind == KIND_RUNTIME)
		return apply(out, spec, value, NULL);
	truth = spec->kind == KIND_VERBOSITY ? verbosity_of(value) : truth_of(value);
	if (truth < 0 && spec->kind == KIND_VERBOSITY) {
		/* a wrong verbosity is no reason to refuse an entry */
		log_warning("%s is \"%s\", which is ignored\nset it to 0, 1 or 2, or unset it",
			    spec->variable, value);
		return 0;
	}
	if (truth < 0) {
		log_error("%s is \"%s\"\nset it to 1 or 0, or unset it", spec->variable, value);
		return -1;
	}
	while (truth-- > 0)
		apply(out, spec, NULL, NULL);
	return 0;
}

/*
 * Does COMMAND read the variable of SPEC? Variables of --install count for --install alone: a bad
 * value must not prevent an entry, and a variable for --install --force must not make --uninstall
 * force.
 */
static bool has_variable(const struct option_spec *spec, enum command command)
{
	return spec->variable && (spec->scope == SCOPE_ANY || command == COMMAND_INSTALL ||
				  command == COMMAND_ENTER || spec->kind == KIND_STRING);
}

/* Take from the environment what the command line did not set. */
static int apply_environment(struct options *out, const bool used[OPTION_COUNT])
{
	bool verbosity_used = false;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		verbosity_used |= used[i] && option_specs[i].kind == KIND_VERBOSITY;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *spec = &option_specs[i];
		const char *value =
			has_variable(spec, out->command) ? env_get(spec->variable) : NULL;
		bool is_set = used[i] || (spec->kind == KIND_VERBOSITY && verbosity_used);

		if (!value || is_set || !option_goes_with(spec, out->command))
			continue;
		if (apply_variable(out, spec, value) < 0)
			return -1;
	}
	return 0;
}

/*
 * The variable of an option that is nearest to the VARIABLE of the environment; NULL: none is near.
 */
static const char *nearest_variable(const char *variable)
{
	const char *names[OPTION_COUNT + 1] = {"NIX_USER_CHROOT_DIR"};
	size_t count = 1, prefix = strlen("NIX_USER_CHROOT_"), bare = strlen(variable) - prefix;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (option_specs[i].variable)
			names[count++] = option_specs[i].variable;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], variable) == 0)
			return NULL;
		names[i] += prefix;
	}
	/* compare without the prefix that all of them share */
	for (size_t i = 0; i < count; i++)
		if (bare > 0 && str_ends_with(names[i], variable + prefix))
			return names[i];
	return nearest_word(variable + prefix, names, count);
}

/*
 * Warn of variables that are nearly ours, since they would be ignored silently. They are also
 * removed from the environment: the installer parses the same command line again, and would warn
 * again.
 */
static void warn_of_mistyped_variables(void)
{
	for (size_t i = 0; environ && environ[i];) {
		_cleanup_free_ char *name = xstrndup(environ[i], strcspn(environ[i], "="));
		const char *nearest =
			str_starts_with(name, "NIX_USER_CHROOT_") ? nearest_variable(name) : NULL;

		if (!nearest) {
			i++;
			continue;
		}
		log_warning("the variable %s is unknown to this program\n"
			    "did you mean NIX_USER_CHROOT_%s?",
			    name, nearest);
		unsetenv(name);
	}
}

/* The variables of Nix's own installer with the same meaning. As there, any text means yes. */
static void apply_upstream_environment(struct install_options *install)
{
	if (env_get("NIX_INSTALLER_NO_CHANNEL_ADD"))
		install->no_channel_add = true;
	if (env_get("NIX_INSTALLER_NO_MODIFY_PROFILE"))
		install->no_modify_profile = true;
}

/*
 * The option table in the form of getopt_long(3): its value for option_specs[i] is FIRST_VALUE + i.
 */
#define FIRST_VALUE 256

static void make_getopt_tables(struct option long_options[OPTION_COUNT + 1],
			       char short_options[2 * OPTION_COUNT + 2])
{
	/* '+': option parsing stops at the first non-option; the rest belongs to the command */
	*short_options++ = '+';
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		long_options[i] = (struct option){
			.name = option_specs[i].name,
			.has_arg = option_specs[i].metavar ? required_argument : no_argument,
			.val = FIRST_VALUE + (int)i,
		};
		if (option_specs[i].letter) {
			*short_options++ = option_specs[i].letter;
			if (option_specs[i].metavar)
				*short_options++ = ':';
		}
	}
	long_options[OPTION_COUNT] = (struct option){0};
	*short_options = '\0';
}

static const struct option_spec *spec_of(int value)
{
	if (value >= FIRST_VALUE)
		return &option_specs[value - FIRST_VALUE];
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (option_specs[i].letter == value)
			return &option_specs[i];
	return NULL;
}

/*
 * Parse the options of the command line. *REST becomes the index of the first non-option,
 * *AFTER_DASHES whether "--" precedes it.
 */
static int apply_command_line(int argc, char **argv, struct options *out, bool used[OPTION_COUNT],
			      int *rest, bool *after_dashes)
{
	struct option long_options[OPTION_COUNT + 1];
	char short_options[2 * OPTION_COUNT + 2];
	const char *chosen = NULL;

	make_getopt_tables(long_options, short_options);
	opterr = 0;
	optind = 0; /* glibc and musl: start over, since tests parse more than once */
	for (;;) {
		int before = optind ? optind : 1;
		int value = getopt_long(argc, argv, short_options, long_options, NULL);
		const struct option_spec *spec;

		if (value == -1) {
			*rest = optind;
			*after_dashes = optind > before;
			return 0;
		}
		spec = value == '?' ? NULL : spec_of(value);
		if (!spec) {
			complain_option(argv[before], optopt, out->command);
			return -1;
		}
		used[spec - option_specs] = true;
		if (apply(out, spec, optarg, &chosen) < 0)
			return -1;
	}
}

/* Refuse options of another command, instead of ignoring them. */
static int check_scopes(const struct options *out, const bool used[OPTION_COUNT])
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (!used[i] || option_goes_with(&option_specs[i], out->command))
			continue;
		complain_scope(&option_specs[i]);
		return -1;
	}
	return 0;
}

/* Take the words after the options: NIXPATH and COMMAND, or COMMAND alone. */
static int take_operands(char **words, bool after_dashes, struct options *out)
{
	bool takes_command = out->command == COMMAND_ENTER || out->command == COMMAND_INSTALL;

	if (!*words)
		return 0;
	/* the words after a shell's -c are $0 and $1 there */
	if (out->command_line) {
		out->argv = words;
		return 0;
	}
	if (out->command == COMMAND_ENTER && !after_dashes) {
		out->nix_dir = *words++;
		if (!*out->nix_dir) {
			log_error("NIXPATH is an empty word\n"
				  "give the directory that is to be /nix, or leave it out for the "
				  "default one");
			return -1;
		}
		/* "DIR -- COMMAND" too: no command is called "--" */
		if (*words && strcmp(*words, "--") == 0)
			words++;
	} else if (!takes_command || !after_dashes) {
		complain_word(*words, out->command);
		return -1;
	}
	if (*words)
		out->argv = words;
	return 0;
}

static void trim_slashes(char *url)
{
	size_t len = url ? strlen(url) : 0;

	while (len > 0 && url[len - 1] == '/')
		url[--len] = '\0';
}

int parse_options(int argc, char **argv, struct options *out)
{
	bool used[OPTION_COUNT] = {0};
	bool after_dashes = false;
	int rest = 0;

	*out = (struct options){.command = COMMAND_ENTER, .program_argv = argv};
	/*
	 * before Linux 5.18, execve(2) starts programs without any word, and musl would read past
	 * the end
	 */
	if (argc > 0 && apply_command_line(argc, argv, out, used, &rest, &after_dashes) < 0)
		return -1;
	/* a script would take "--install --version 2.26.3" for a successful installation */
	if (out->command == COMMAND_VERSION && argc > rest && argv[rest] && !after_dashes &&
	    complain_is_nix_version(argv[rest])) {
		complain_version(argv[rest]);
		return -1;
	}
	if (out->command == COMMAND_HELP || out->command == COMMAND_VERSION)
		return 0;
	if (check_scopes(out, used) < 0 || apply_environment(out, used) < 0)
		return -1;
	if (out->command == COMMAND_INSTALL) {
		apply_upstream_environment(&out->install);
		warn_of_mistyped_variables();
	}
	trim_slashes(out->install.mirror);
	return take_operands(argv + rest, after_dashes, out);
}
