#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level level_now = LOG_NORMAL;

void log_set_level(enum log_level level)
{
	level_now = level;
}

enum log_level log_get_level(void)
{
	return level_now;
}

/* TEXT with every line after the first indented, and a newline at the end; the caller frees. */
static char *lay_out(const char *prefix, const char *text)
{
	size_t lines = 1, len = strlen(prefix) + strlen(text);
	char *out, *p;

	for (const char *q = text; *q; q++)
		lines += *q == '\n';
	out = p = xcalloc(len + 2 * lines + 2, 1);
	p = stpcpy(p, prefix);
	for (const char *q = text; *q; q++) {
		*p++ = *q;
		if (*q == '\n' && q[1])
			p = stpcpy(p, "  ");
	}
	if (p[-1] != '\n')
		*p = '\n';
	return out;
}

__attribute__((format(printf, 3, 0))) static void say(enum log_level level, const char *prefix,
						      const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL, *out = NULL;
	int saved = errno;

	if (level > level_now)
		return;
	text = xvasprintf(format, args);
	out = lay_out(prefix, text);
	/* a closed stderr is the caller's wish, and there is nowhere left to complain to */
	(void)!fs_write_all(STDERR_FILENO, out, strlen(out));
	errno = saved;
}

#define DEFINE_LOG(name, level, prefix)           \
	void name(const char *format, ...)        \
	{                                         \
		va_list args;                     \
		va_start(args, format);           \
		say(level, prefix, format, args); \
		va_end(args);                     \
	}

DEFINE_LOG(log_error, LOG_ERROR, "nix-user-chroot: ")
DEFINE_LOG(log_warning, LOG_NORMAL, "nix-user-chroot: warning: ")
DEFINE_LOG(log_info, LOG_NORMAL, "nix-user-chroot: ")
DEFINE_LOG(log_verbose, LOG_VERBOSE, "nix-user-chroot: ")
DEFINE_LOG(log_debug, LOG_DEBUG, "nix-user-chroot: ")
