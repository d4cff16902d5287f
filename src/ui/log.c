#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* To the line's first column, and erase it (ECMA-48: EL). */
#define ERASE_LINE "\r\033[K"

static enum log_level level_now = LOG_NORMAL;
static char *status_now; /* what is in the terminal's last line; NULL: nothing of ours */

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

/*
 * Write TEXT, of LEN bytes, above the status line, in one write(2) with it. KEEP: show that again
 * below.
 */
static void put(const char *text, size_t len, bool keep)
{
	_cleanup_free_ char *out = NULL;
	size_t size;
	FILE *f = xopen_memstream(&out, &size);

	if (status_now)
		fputs(ERASE_LINE, f);
	fwrite(text, 1, len, f);
	/* below the middle of a line it would be in the way of the line's rest */
	keep = keep && len > 0 && text[len - 1] == '\n';
	if (status_now && keep)
		fputs(status_now, f);
	fclose(f);
	if (!keep) {
		free(status_now);
		status_now = NULL;
	}
	/* a closed stderr is the caller's wish, and there is nowhere left to complain to */
	(void)!fs_write_all(STDERR_FILENO, out, size);
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
	put(out, strlen(out), level != LOG_ERROR);
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
DEFINE_LOG(log_print, LOG_NORMAL, "")

void log_output(const char *data, size_t len)
{
	if (level_now >= LOG_VERBOSE)
		put(data, len, true);
}

void log_status(const char *text)
{
	_cleanup_free_ char *out = xasprintf(ERASE_LINE "%s", text ? text : "");

	free(status_now);
	status_now = xstrdup(text);
	(void)!fs_write_all(STDERR_FILENO, out, strlen(out));
}
