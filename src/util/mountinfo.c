#include "util/mountinfo.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <string.h>

/* A mount takes about 150 bytes, and some hosts have thousands of mounts. */
#define MOUNTINFO_MAX ((size_t)16 << 20)

/* "id parent major:minor root target options [tag…] - type source super-options" */
enum {
	FIELD_ID = 0,
	FIELD_TARGET = 4,
	FIELD_OPTIONS = 5,
	FIELD_COUNT = 6,
};

static bool is_octal(const char *p)
{
	return p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
	       p[3] >= '0' && p[3] <= '7';
}

/* Unescape TEXT in place: blank, tab, newline and backslash are "\ooo" (proc_pid_mountinfo(5)). */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (is_octal(text)) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

static bool parse_line(char *line, struct mountinfo *out)
{
	char *fields[FIELD_COUNT], *rest = line, *word;

	for (int i = 0; i < FIELD_COUNT; i++) {
		fields[i] = strtok_r(NULL, " ", &rest);
		if (!fields[i])
			return false;
	}
	out->is_shared = out->is_unbindable = false;
	while ((word = strtok_r(NULL, " ", &rest)) && strcmp(word, "-") != 0) {
		out->is_shared |= str_starts_with(word, "shared:");
		out->is_unbindable |= strcmp(word, "unbindable") == 0;
	}
	out->fs_type = strtok_r(NULL, " ", &rest);
	/* the source may be empty, and strtok_r would skip it: only the last word is needed */
	word = rest ? strrchr(rest, ' ') : NULL;
	out->super_options = word ? word + 1 : "";
	out->id = strtol(fields[FIELD_ID], NULL, 10);
	unescape(fields[FIELD_TARGET]);
	out->target = fields[FIELD_TARGET];
	out->options = fields[FIELD_OPTIONS];
	return out->fs_type != NULL;
}

char *mountinfo_read(const char *root, const char *process)
{
	_cleanup_free_ char *file = xasprintf("%s/proc/%s/mountinfo", root, process);
	char *text;
	size_t len;

	return fs_read_file(AT_FDCWD, file, MOUNTINFO_MAX, &text, &len) < 0 ? NULL : text;
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

char *mountinfo_type_of(int fd)
{
	uint64_t id = fs_mount_id(fd, "", false);
	_cleanup_free_ char *text = id ? mountinfo_read("", "self") : NULL;
	char *cursor = text;
	struct mountinfo line;

	while (cursor && mountinfo_next(&cursor, &line))
		if (line.id >= 0 && (uint64_t)line.id == id)
			return xstrdup(line.fs_type);
	return NULL;
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
