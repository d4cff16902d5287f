/*
 * The options as data: one table, which the parser, the help pages, the tests and, as text,
 * scripts/completions/generate read.
 */
#ifndef CLI_OPTION_TABLE_H
#define CLI_OPTION_TABLE_H

#include "cli/options.h"

#include <stdbool.h>
#include <stddef.h>

/* What an option does with its place in struct options. */
enum option_kind {
	KIND_COMMAND,	/* option names the command: VALUE; an argument goes where OFFSET says */
	KIND_FLAG,	/* bool at OFFSET becomes true */
	KIND_STRING,	/* char * at OFFSET becomes a copy of the argument; the last one counts */
	KIND_LINES,	/* the argument is added to the struct strlist at OFFSET */
	KIND_RUNTIME,	/* enum runtime at OFFSET becomes the one that the argument names */
	KIND_VERBOSITY, /* VALUE is added to the level, LOG_ERROR sets it */
};

/* Which commands an option goes with: a bit for each. */
#define SCOPE_OF(command) (1u << (command))
#define SCOPE_ANY	  0u
#define SCOPE_INSTALL	  SCOPE_OF(COMMAND_INSTALL)
#define SCOPE_UNINSTALL	  SCOPE_OF(COMMAND_UNINSTALL)
#define SCOPE_UPDATE	  SCOPE_OF(COMMAND_UPDATE)
#define SCOPE_BUNDLE	  SCOPE_OF(COMMAND_BUNDLE)
#define SCOPE_CHECK	  SCOPE_OF(COMMAND_CHECK)
#define SCOPE_ENTER	  SCOPE_OF(COMMAND_ENTER)

/* The heading under which the help pages list an option; see help.c. */
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
	 * The environment variable of the same meaning; NULL: none. If the option goes with
	 * --install, no other command reads the variable, except that entering and --uninstall read
	 * whom to trust.
	 */
	const char *variable;
	const char *help;
	/*
	 * other help texts, for an option that means something else to that command; NULL: the same
	 */
	const char *help_uninstall, *help_update;
};

#define OPTION_COUNT 37

extern const struct option_spec option_specs[OPTION_COUNT];

bool option_goes_with(const struct option_spec *spec, enum command command);

/*
 * The name of the option that NAME is, exactly or with a typing error or two: "install" for
 * "instal". IS_COMMAND: consider only options that name a command. NULL: none.
 */
const char *option_nearest(const char *name, bool is_command);

#endif
