#include "chroot/ssh_config.h"
#include "util/cleanup.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t\r\f\v"

/*
 * The next word of the line *REST, unquoted; the caller frees. NULL: no more words, or a comment.
 */
static char *next_word(const char **rest)
{
	const char *p = *rest + strspn(*rest, BLANKS);
	char *word, *end;
	char quote = '\0';

	if (!*p || *p == '#')
		return NULL;
	end = word = xcalloc(strlen(p) + 1, 1);
	for (; *p && (quote || !strchr(BLANKS, *p)); p++) {
		if (*p == '\\' && p[1] && strchr("\\\"' ", p[1]))
			*end++ = *++p;
		else if (quote && *p == quote)
			quote = '\0';
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else
			*end++ = *p;
	}
	*rest = p;
	return word;
}

/* The arguments of LINE if it is an Include line; NULL if not. */
static const char *arguments_of(const char *line)
{
	size_t len;

	line += strspn(line, BLANKS);
	len = strcspn(line, BLANKS "=");
	if (len != strlen("Include") || strncasecmp(line, "Include", len) != 0)
		return NULL;
	line += len;
	line += strspn(line, BLANKS);
	return line + (*line == '=');
}

void ssh_config_includes(const char *text, struct strlist *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *line = xstrndup(text, len);
		const char *rest = arguments_of(line);
		char *word;

		while (rest && (word = next_word(&rest)))
			strlist_take(out, word);
		text += len + (text[len] == '\n');
	}
}
