#include "ui/log.h"
#include "util/cleanup.h"
#include "util/str.h"
#include "util/text.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Go to the first column and erase the line (ECMA-48: EL). */
#define ERASE_LINE "\r\033[K"

static enum log_level level_now = LOG_NORMAL;
static char *status_now; /* our text in the terminal's last line; NULL: none */
static pid_t status_group;
static bool is_mid_line; /* another program's output has ended within a line */

void log_set_level(enum log_level level)
{
	level_now = level;
}

enum log_level log_get_level(void)
{
	return level_now;
}

/*
 * PREFIX and TEXT with every line after the first indented, and a newline at the end; the caller
 * frees.
 */
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

/* Write everything, also if another program has made stderr non-blocking. */
static void write_out(const char *data, size_t len)
{
	while (len > 0) {
		struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
		ssize_t n = write(STDERR_FILENO, data, len);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			poll(&wait, 1, -1);
		} else if (n == 0 || errno != EINTR) {
			/* stderr is closed on purpose, and there is nowhere else to complain */
			return;
		}
	}
}

static bool has_terminal(pid_t group)
{
	pid_t foreground = tcgetpgrp(STDERR_FILENO);

	return foreground < 0 || foreground == group;
}

/* Write TEXT, of LEN bytes, above the status line, in one write(2) together with it. */
static void put(const char *text, size_t len)
{
	_cleanup_free_ char *out = NULL;
	size_t size;
	FILE *f = xopen_memstream(&out, &size);

	if (status_now && !has_terminal(status_group))
		log_forget_status();
	if (status_now)
		fputs(ERASE_LINE, f);
	fwrite(text, 1, len, f);
	if (is_mid_line)
		log_forget_status();
	if (status_now)
		fputs(status_now, f);
	fclose(f);
	write_out(out, size);
}

__attribute__((format(printf, 3, 0))) static void say(enum log_level level, const char *prefix,
						      const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL, *out = NULL;
	int saved = errno;

	if (level > level_now)
		return;
	text = text_vformat(format, args);
	out = lay_out(prefix, text);
	if (level == LOG_ERROR && status_now)
		log_status(NULL, status_group);
	if (is_mid_line)
		put("\n", 1);
	is_mid_line = false;
	put(out, strlen(out));
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
	int saved = errno;

	if (level_now < LOG_VERBOSE || len == 0)
		return;
	is_mid_line = data[len - 1] != '\n';
	put(data, len);
	errno = saved;
}

void log_status(const char *text, pid_t group)
{
	_cleanup_free_ char *out = NULL;
	int saved = errno;

	if (is_mid_line || (!text && !status_now))
		return;
	free(status_now);
	status_now = NULL;
	if (has_terminal(group)) {
		out = xasprintf(ERASE_LINE "%s", text ? text : "");
		write_out(out, strlen(out));
		status_now = xstrdup(text);
		status_group = group;
	}
	errno = saved;
}

void log_forget_status(void)
{
	free(status_now);
	status_now = NULL;
}

void log_erase_line(pid_t group)
{
	if (has_terminal(group))
		write_out(ERASE_LINE, strlen(ERASE_LINE));
}
