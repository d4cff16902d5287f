#include "options.h"
#include "options_table.h"
#include "util/cleanup.h"

static void print_option(FILE *f, const struct option_spec *spec, const char *help)
{
	_cleanup_free_ char *left =
		xasprintf("%s%c%s--%s%s%s", spec->letter ? "-" : "  ",
			  spec->letter ? spec->letter : ' ', spec->letter ? ", " : " ", spec->name,
			  spec->metavar ? " " : "", spec->metavar ? spec->metavar : "");

	fprintf(f, "  %-28s %s\n", left, help);
}

static void print_options(FILE *f, unsigned scope)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option_spec *spec = &option_specs[i];

		if (spec->scope == scope)
			print_option(f, spec, spec->help);
		else if (spec->scope & SCOPE_INSTALL && spec->scope & scope)
			print_option(f, spec,
				     scope == SCOPE_INSTALL
					     ? spec->help
					     : "also a store that --install did not make");
	}
}

void options_print_help(FILE *f)
{
	fputs("usage: nix-user-chroot [OPTION...] [NIXPATH] [COMMAND [ARG...]]\n"
	      "       nix-user-chroot [OPTION...] -- COMMAND [ARG...]\n"
	      "       nix-user-chroot --install [OPTION...] [-- COMMAND [ARG...]]\n"
	      "       nix-user-chroot --uninstall [--yes]\n"
	      "\n"
	      "Run COMMAND (a login shell by default) with the directory NIXPATH as /nix,\n"
	      "without root. By default that is where --install puts Nix: $NIX_USER_CHROOT_DIR,\n"
	      "else $XDG_DATA_HOME/nix, else ~/.local/share/nix. Called by another name, through\n"
	      "a link, it runs the command of that name of your Nix profile there.\n"
	      "\n",
	      f);
	print_options(f, SCOPE_ANY);
	fputs("\nWith --install:\n", f);
	print_options(f, SCOPE_INSTALL);
	fputs("\nWith --uninstall:\n", f);
	print_options(f, SCOPE_UNINSTALL);
	fputs("\nWith --check:\n", f);
	print_options(f, SCOPE_CHECK);
	fputs("\nman nix-user-chroot has the variables, the files and examples.\n", f);
}
