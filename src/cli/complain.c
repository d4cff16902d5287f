#include "cli/complain.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <string.h>

/* The name of COMMAND if it has a help page of its own, else NULL. */
static const char *page_of(enum command command)
{
	const char *name = NULL;
	bool has_options = false;

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (spec->kind == KIND_COMMAND && spec->value == (int)command)
			name = spec->name;
		has_options |= (spec->scope & SCOPE_OF(command)) != 0;
	}
	return has_options ? name : NULL;
}

/* Print WHAT, and below it SUGGESTION, or, if that is NULL, which help page to read. */
static void complain(const char *what, const char *suggestion, enum command command)
{
	const char *page = page_of(command);

	if (suggestion)
		log_error("%s\n%-s", what, suggestion);
	else
		log_error("%s\nnix-user-chroot %s%s%s--help lists the options", what,
			  page ? "--" : "", page ? page : "", page ? " " : "");
}

/*
 * The option that the first LEN characters of NAME stand for: its name, or an unambiguous beginning
 * of its name, as getopt_long(3) accepts. *COUNT becomes the number of options that begin like
 * that, and EXAMPLES the names of two of them.
 */
static const struct option_spec *spec_named(const char *name, size_t len, size_t *count,
					    const char *examples[2])
{
	const struct option_spec *found = NULL;

	*count = 0;
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strncmp(option_specs[i].name, name, len) != 0)
			continue;
		found = &option_specs[i];
		if (*count < 2)
			examples[*count] = found->name;
		++*count;
		if (strlen(found->name) == len) {
			*count = 1;
			break;
		}
	}
	return *count == 1 ? found : NULL;
}

/* Our option for an option of other installers, or NULL. */
static const char *of_other_installer(const char *typed)
{
	static const struct {
		const char *name, *advice;
	} others[] = {
		{"proxy", "set the variable https_proxy to the proxy's URL"},
		{"ssl-cert-file", "--cacert FILE names the CA certificates"},
		{"tarball-url-prefix", "--mirror URL names where releases are"},
		{"nix-package-url", "--tarball URL names the tarball"},
	};
	size_t len = strcspn(typed, "=");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strlen(others[i].name) == len && strncmp(typed, others[i].name, len) == 0)
			return others[i].advice;
	return NULL;
}

/* "did you mean --NAME?", with the part of TYPED after '='; NULL if no name is similar. */
static char *did_you_mean(const char *typed)
{
	_cleanup_free_ char *name = xstrndup(typed, strcspn(typed, "="));
	const char *nearest = option_nearest(name, false);

	return nearest ? xasprintf("did you mean --%s%s?", nearest, typed + strlen(name)) : NULL;
}

static void complain_long(const char *word, enum command command)
{
	_cleanup_free_ char *what = NULL, *suggestion = NULL;
	const char *examples[2];
	size_t count;
	const struct option_spec *spec =
		spec_named(word + 2, strcspn(word + 2, "="), &count, examples);

	if (spec && spec->metavar) {
		what = xasprintf("option --%s needs a %s", spec->name, spec->metavar);
	} else if (spec && spec->value == COMMAND_VERSION && spec->kind == KIND_COMMAND &&
		   complain_is_nix_version(word + strcspn(word, "=") + 1)) {
		complain_version(word + strcspn(word, "=") + 1);
		return;
	} else if (spec) {
		what = xasprintf("option --%s takes no argument", spec->name);
		suggestion = xstrdup("leave out the = and the text after it");
	} else if (count > 1 && count < OPTION_COUNT) {
		what = xasprintf("option %s is the beginning of more than one option", word);
		suggestion = xasprintf("did you mean --%s or --%s?", examples[0], examples[1]);
	} else {
		what = xasprintf("unknown option %s", word);
		suggestion = xstrdup(of_other_installer(word + 2));
		if (!suggestion)
			suggestion = did_you_mean(word + 2);
	}
	complain(what, suggestion, command);
}

void complain_option(const char *word, int letter, enum command command)
{
	_cleanup_free_ char *what = NULL, *suggestion = NULL;

	if (str_starts_with(word, "--")) {
		complain_long(word, command);
		return;
	}
	/* "-install" with one hyphen: getopt_long(3) takes every letter for an option */
	if (strlen(word) > 3)
		suggestion = did_you_mean(word + 1);
	what = suggestion ? xasprintf("unknown option %s", word)
			  : xasprintf("unknown option -%c", letter);
	complain(what, suggestion, command);
}

void complain_scope(const struct option_spec *spec)
{
	_cleanup_free_ char *commands = NULL, *what = NULL, *next = NULL;
	const char *first = NULL, *argument = NULL;

	if (spec->scope == SCOPE_ENTER) {
		what = xasprintf("option --%s goes with a command to run inside", spec->name);
		next = xasprintf("as in nix-user-chroot --%s -- COMMAND", spec->name);
		complain(what, next, COMMAND_ENTER);
		return;
	}
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *command = &option_specs[i];
		char *longer;

		if (command->kind != KIND_COMMAND || !(spec->scope & SCOPE_OF(command->value)))
			continue;
		argument = first ? argument : command->metavar;
		first = first ? first : command->name;
		longer = xasprintf("%s%s--%s", commands ? commands : "", commands ? " or " : "",
				   command->name);
		free(commands);
		commands = longer;
	}
	what = xasprintf("option --%s goes with %s", spec->name, commands);
	next = xasprintf("as in nix-user-chroot --%s%s%s --%s%s%s", first, argument ? " " : "",
			 argument ? argument : "", spec->name, spec->metavar ? " " : "",
			 spec->metavar ? spec->metavar : "");
	complain(what, next, COMMAND_ENTER);
}

/* The version in WORD, without a "v" or "nix-" before it; NULL: WORD is no version. */
static const char *nix_version_in(const char *word)
{
	size_t digits;

	if (str_starts_with(word, "nix-"))
		word += strlen("nix-");
	if (*word == 'v')
		word++;
	digits = strspn(word, "0123456789");
	return digits > 0 && word[digits] == '.' && !strchr(word, '/') ? word : NULL;
}

bool complain_is_nix_version(const char *word)
{
	return nix_version_in(word);
}

static char *name_the_option(const char *word)
{
	return text_format("--install --nix-version %s installs that Nix", nix_version_in(word));
}

void complain_version(const char *word)
{
	_cleanup_free_ char *what = text_format(
		"--version prints the version of this program, and takes no argument: %s", word);
	_cleanup_free_ char *next = name_the_option(word);

	complain(what, next, COMMAND_INSTALL);
}

void complain_word(const char *word, enum command command)
{
	_cleanup_free_ char *what = xasprintf("unexpected argument \"%s\"", word), *next = NULL;

	if (command == COMMAND_INSTALL && complain_is_nix_version(word))
		next = name_the_option(word);
	else if (command == COMMAND_INSTALL)
		next = xstrdup(
			"a command goes after --, and NIX_USER_CHROOT_DIR=DIR names the directory");
	complain(what, next, command);
}
