#include "run/path_config_error.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

/* How many bytes of the file's words a message shows. */
#define SHOWN_WORD 120

static void say_unreadable(const char *file, int err)
{
	switch (err) {
	case ELOOP:
		log_error("cannot read %s: it is a symlink that leads nowhere\n"
			  "repair it or remove it",
			  file);
		break;
	case EFBIG:
		log_error("cannot read %s: it is larger than 1 MiB, which no list of paths is\n"
			  "repair it or remove it",
			  file);
		break;
	case EINVAL:
	case EISDIR:
		log_error("cannot read %s: it is not a regular file\n"
			  "put a file in its place or remove it",
			  file);
		break;
	default:
		log_error("cannot read %s: %s\nmake it readable or remove it", file, strerror(err));
	}
}

/* What is wrong with a path, after "the exclude X". */
static const char *const words_for_paths[] = {
	[PATH_CONFIG_RELATIVE] = "must be absolute",
	[PATH_CONFIG_EMPTY] = "is empty",
	[PATH_CONFIG_DOT_DOT] = "has \"..\" in it",
	[PATH_CONFIG_NUL] = "has a NUL character in it",
	[PATH_CONFIG_TOO_LONG] = "is longer than a path can be",
	[PATH_CONFIG_ROOT] = "is / itself",
	[PATH_CONFIG_IN_NIX] = "is in /nix, where the Nix directory is",
};

/* The message for PROBLEM; the caller frees. */
static char *words_for(const struct path_config_problem *problem)
{
	_cleanup_free_ char *word =
		text_shown_at_most(problem->word ? problem->word : "", SHOWN_WORD);

	switch (problem->kind) {
	case PATH_CONFIG_SYNTAX:
		if (problem->word)
			return text_format("\"%s\" %s in line %u", word, problem->what,
					   problem->line);
		return text_format("%s", problem->what);
	case PATH_CONFIG_NOT_A_SECTION:
		return text_format("\"%s\" must be a section: [%s]", word, word);
	case PATH_CONFIG_NOT_A_LIST:
		return text_format("paths must be an array of strings: paths = [\"/a\", \"/b\"]");
	case PATH_CONFIG_NOT_A_STRING:
		return text_format("the target of \"%s\" must be a string, one path", word);
	case PATH_CONFIG_UNQUOTED:
		return text_format("\"%s\" is a table here, not a path: a path with a dot in it "
				   "needs quotes around it, as in \"lib/libc.so\" = "
				   "\"/lib/libc.so\"",
				   word);
	case PATH_CONFIG_SAME_TARGET:
		return text_format("\"%s\" is the target of line %u already", word, problem->line);
	case PATH_CONFIG_UNKNOWN_SECTION:
		return text_format("\"%s\" is unknown and ignored; there are [excludes], [profile] "
				   "and [absolute]",
				   word);
	case PATH_CONFIG_UNKNOWN_KEY:
		return text_format("\"%s\" is unknown in [excludes] and ignored; it has \"paths\"",
				   word);
	case PATH_CONFIG_EXCLUDE_IN_NIX:
		return text_format("the exclude \"%s\" is ignored: the host's /nix is not seen "
				   "inside",
				   word);
	default:
		return text_format("the %s \"%s\" %s", problem->what, word,
				   words_for_paths[problem->kind]);
	}
}

static void say(const char *file, const struct path_config_problem *problem)
{
	_cleanup_free_ char *words = words_for(problem);

	if (problem->kind >= PATH_CONFIG_UNKNOWN_SECTION)
		log_warning("%s:%u:%u: %s", file, problem->at.line, problem->at.column, words);
	else
		log_error("failed to parse config file %s:%u:%u: %s\n"
			  "nix-user-chroot --print-path-config prints an example",
			  file, problem->at.line, problem->at.column, words);
}

void path_config_say(const char *file, const struct path_config_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++) {
		const struct path_config_problem *problem = &problems->items[i];

		if (problem->kind == PATH_CONFIG_UNREADABLE)
			say_unreadable(file, -problem->err);
		else
			say(file, problem);
	}
}

int path_config_read(int nix_dir_fd, const char *nix_dir, struct path_config *out)
{
	_cleanup_(path_config_problems_clear) struct path_config_problems problems;
	_cleanup_free_ char *file = path_join(nix_dir, PATH_CONFIG_FILE);
	int r = path_config_load(nix_dir_fd, out, &problems);

	path_config_say(file, &problems);
	return r;
}
