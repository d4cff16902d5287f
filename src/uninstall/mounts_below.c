#include "uninstall/mounts_below.h"
#include "util/mountinfo.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <string.h>

/* a container host may have some thousand mounts of some hundred bytes */
#define MOUNTINFO_MAX (16 << 20)

static bool is_octal(const char *p)
{
	return p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
	       p[3] >= '0' && p[3] <= '7';
}

/* proc_pid_mountinfo(5): blank, tab, newline and backslash are written "\ooo". The caller frees. */
static char *unescape(const char *text)
{
	char *out = xstrdup(text), *to = out;

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
	return out;
}

char *mounts_first_below(const char *directory, const char *root)
{
	_cleanup_free_ char *file = xasprintf("%s/proc/self/mountinfo", root), *text = NULL;
	_cleanup_free_ char *real = realpath(directory, NULL);
	struct mountinfo mount;
	size_t len;
	char *cursor;

	if (!real || fs_read_file(AT_FDCWD, file, MOUNTINFO_MAX, &text, &len) < 0)
		return NULL;
	cursor = text;
	while (mountinfo_next(&cursor, &mount)) {
		_cleanup_free_ char *target = unescape(mount.target);
		size_t prefix = real[1] ? strlen(real) : 0;

		if (strncmp(target, real, prefix) == 0 && target[prefix] == '/' && target[1])
			return steal_ptr(&target);
	}
	return NULL;
}
