/*
 * The options as data: one table, which the parser, the help pages and the tests read.
 */
#ifndef CLI_OPTION_TABLE_H
#define CLI_OPTION_TABLE_H

#include <stddef.h>

/* What an option does with its place in struct options. */
enum option_kind {
	KIND_COMMAND,	/* option names the command: VALUE */
	KIND_FLAG,	/* bool at OFFSET becomes true */
	KIND_STRING,	/* char * at OFFSET becomes a copy of the argument; the last one counts */
	KIND_LINES,	/* the argument is added to the struct strlist at OFFSET */
	KIND_VERBOSITY, /* VALUE is added to the level, LOG_ERROR sets it */
};

/* Which commands an option goes with: bits. */
enum option_scope {
	SCOPE_ANY = 0,
	SCOPE_INSTALL = 1 << 0,
	SCOPE_UNINSTALL = 1 << 1,
	SCOPE_CHECK = 1 << 2,
	SCOPE_ENTER = 1 << 3, /* none of these: NIXPATH COMMAND… */
};

/* Under which heading the help pages have it; see options_help.c. */
enum option_group {
	GROUP_COMMAND,
	GROUP_WHAT,	 /* what is installed */
	GROUP_WHERE,	 /* where that comes from */
	GROUP_CONFIGURE, /* how Nix is configured */
	GROUP_LEAVE,	 /* what is left alone */
	GROUP_OTHER,	 /* of a command with few options */
	GROUP_RUNNING,
};

struct option_spec {
	const char *name;
	char letter; /* '\0': none */
	enum option_kind kind;
	unsigned scope;
	enum option_group group;
	int value;
	size_t offset;
	const char *metavar; /* NULL: takes no argument */
	/*
	 * The environment variable of the same meaning, NULL: none. Where the option goes with
	 * --install, no other command looks at it.
	 */
	const char *variable;
	const char *help;
	const char *help_uninstall; /* where it means something else to --uninstall, else NULL */
};

#define OPTION_COUNT 24

extern const struct option_spec option_specs[OPTION_COUNT];

/* Where one of the commands that have options of their own is named: "--install". */
struct option_command {
	int command; /* enum command */
	unsigned scope;
	const char *option;
};

#define OPTION_COMMAND_COUNT 3

extern const struct option_command option_commands[OPTION_COMMAND_COUNT];

#endif
