/*
 * The help pages. That of --help fits a screen of 80 by 24 with the prompt below it; what a command
 * takes is on a page of its own.
 */
#include "cli/help.h"
#include "cli/option_table.h"
#include "config.h"
#include "util/cleanup.h"

#include <string.h>

static const char overview[] =
	"usage: nix-user-chroot [OPTION...] [NIXPATH | --] [COMMAND [ARG...]]\n"
	"Run COMMAND, or a login shell, with NIXPATH (or ~/.local/share/nix) as /nix.\n";

static const char install_usage[] =
	"usage: nix-user-chroot --install [OPTION...] [-- COMMAND [ARG...]]\n"
	"\n"
	"Install Nix into $NIX_USER_CHROOT_DIR, else $XDG_DATA_HOME/nix, else\n"
	"~/.local/share/nix, and run COMMAND inside. If interrupted, run it again.\n";

static const char uninstall_usage[] =
	"usage: nix-user-chroot --uninstall [OPTION...]\n"
	"\n"
	"Remove what --install has installed. It lists that first, and asks.\n";

static const char bundle_usage[] =
	"usage: nix-user-chroot --bundle OUT [OPTION...]\n"
	"\n"
	"Write OUT: this program with a Nix in it, verified. Copied to another host,\n"
	"OUT --install needs no network there, and OUT -- COMMAND installs by itself.\n";

static const char update_usage[] =
	"usage: nix-user-chroot --update [OPTION...]\n"
	"\n"
	"Replace this program by its newest release, verified. Processes that run\n"
	"inside continue.\n";

static const char check_usage[] =
	"usage: nix-user-chroot --check [OPTION...]\n"
	"\n"
	"Try what entering, installing and Nix's build sandbox need, and say what this\n"
	"host refuses, why, and what to do. Exit status 1: entering or --install fails.\n";

static const struct {
	enum option_group group;
	const char *title;
} groups[] = {
	{GROUP_COMMAND, "Commands"},	      {GROUP_WHAT, "What to install"},
	{GROUP_WHERE, "Where it comes from"}, {GROUP_CONFIGURE, "How Nix is configured"},
	{GROUP_LEAVE, "What is left alone"},  {GROUP_OTHER, "Options"},
	{GROUP_RUNNING, "How it runs"},
};

/* The help text of SPEC that only COMMAND has; NULL: COMMAND has the text of all commands. */
static const char *other_help(const struct option_spec *spec, enum command command)
{
	return command == COMMAND_UNINSTALL ? spec->help_uninstall
	       : command == COMMAND_UPDATE  ? spec->help_update
					    : NULL;
}

static void print_option(FILE *f, const struct option_spec *spec, const char *help)
{
	_cleanup_free_ char *left =
		xasprintf("%s%c%s--%s%s%s", spec->letter ? "-" : "  ",
			  spec->letter ? spec->letter : ' ', spec->letter ? ", " : " ", spec->name,
			  spec->metavar ? " " : "", spec->metavar ? spec->metavar : "");

	fprintf(f, "  %-30s %s\n", left, help);
}

/* The options of GROUP that go with COMMAND, or with no command in particular, under its title. */
static void print_group(FILE *f, enum option_group group, const char *title, enum command command)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *spec = &option_specs[i];
		const char *other = other_help(spec, command);
		/* these commands have too few options for more than one title */
		bool is_short =
			other || (command == COMMAND_UPDATE && spec->group != GROUP_COMMAND);
		enum option_group shown =
			is_short && spec->group != GROUP_RUNNING ? GROUP_OTHER : spec->group;

		if (shown != group || !option_goes_with(spec, command))
			continue;
		if (title)
			fprintf(f, "\n%s:\n", title);
		title = NULL;
		print_option(f, spec, other ? other : spec->help);
	}
}

static void print_page(FILE *f, const char *usage, enum command command, const char *end)
{
	fputs(usage, f);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (command == COMMAND_ENTER || groups[i].group != GROUP_COMMAND)
			print_group(f, groups[i].group, groups[i].title, command);
	fputs(end, f);
}

void help_print(FILE *f, enum command command)
{
	switch (command) {
	case COMMAND_INSTALL:
		print_page(f, install_usage, command,
			   "\nMost have a variable of the same meaning, such as "
			   "NIX_USER_CHROOT_NO_SHIMS=1.\n");
		break;
	case COMMAND_UNINSTALL:
		print_page(f, uninstall_usage, command, "");
		break;
	case COMMAND_BUNDLE:
		print_page(f, bundle_usage, command,
			   "\nMost have a variable of the same meaning, such as "
			   "NIX_USER_CHROOT_MIRROR.\n");
		break;
	case COMMAND_UPDATE:
		print_page(f, update_usage, command, "");
		break;
	case COMMAND_CHECK:
		print_page(f, check_usage, command, "");
		break;
	case COMMAND_ENTER:
	case COMMAND_PRINT_PATH_CONFIG:
	case COMMAND_HELP:
	case COMMAND_VERSION:
		print_page(f, overview, COMMAND_ENTER,
			   "More: man nix-user-chroot; " PACKAGE_URL "\n");
		break;
	}
}
