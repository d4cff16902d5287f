#include "util/mountinfo.h"

#include <stdlib.h>
#include <string.h>

/* "id parent major:minor root target options [tag…] - type source super-options" */
enum {
	FIELD_ID = 0,
	FIELD_TARGET = 4,
	FIELD_OPTIONS = 5,
	FIELD_COUNT = 6,
};

static bool parse_line(char *line, struct mountinfo *out)
{
	char *fields[FIELD_COUNT], *rest = line, *word;

	for (int i = 0; i < FIELD_COUNT; i++) {
		fields[i] = strtok_r(NULL, " ", &rest);
		if (!fields[i])
			return false;
	}
	while ((word = strtok_r(NULL, " ", &rest)) && strcmp(word, "-") != 0)
		;
	out->fs_type = strtok_r(NULL, " ", &rest);
	/* the source may be empty, which strtok_r would pass over: only the last word is wanted */
	word = rest ? strrchr(rest, ' ') : NULL;
	out->super_options = word ? word + 1 : "";
	out->id = strtol(fields[FIELD_ID], NULL, 10);
	out->target = fields[FIELD_TARGET];
	out->options = fields[FIELD_OPTIONS];
	return out->fs_type != NULL;
}

bool mountinfo_next(char **cursor, struct mountinfo *out)
{
	while (**cursor) {
		char *line = *cursor, *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		*cursor = end ? end : line + strlen(line);
		if (parse_line(line, out))
			return true;
	}
	return false;
}

bool mountinfo_has_option(const char *options, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = options; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, word, len) == 0 && (p[len] == ',' || p[len] == '\0'))
			return true;
	}
	return false;
}
