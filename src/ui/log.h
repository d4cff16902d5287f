/*
 * Messages: to stderr, never to stdout, which belongs to the command.
 *
 * A message is a line that says what was tried on what and why it failed, then, after '
 * ', a line that says what the user can do. The first line begins with "nix-user-chroot: ", the
 * others are indented. Each message is one write(2), so that messages of several processes do not
 * mix. A %s of the format is foreign text, and is shown as in text_format() (util/text.h): on one
 * line, with nothing that a terminal obeys. Lines of our own, such as advice, are passed by %-s.
 *
 * On a terminal there may be a status line (progress.h), which stays below the messages.
 */
#ifndef UI_LOG_H
#define UI_LOG_H

#include <stddef.h>
#include <sys/types.h>

enum log_level {
	LOG_ERROR = -1,	 /* all that --quiet leaves */
	LOG_NORMAL = 0,	 /* warnings, and the progress of --install */
	LOG_VERBOSE = 1, /* -v: notes */
	LOG_DEBUG = 2,	 /* -vv: requests, mounts, commands */
};

/*
 * Drop messages above LEVEL from now on. The options set the level once, and nothing changes it
 * later.
 */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As log_info(), without the program's name: for the lines of a list or a summary. */
void log_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print LEN bytes of another program's output as they are, at -v. */
void log_output(const char *data, size_t len);

/*
 * Show TEXT below all messages, in place of the last TEXT; NULL: show none. TEXT is one line
 * without a newline, and fits the terminal's width. An error message removes it as well. TEXT is
 * shown only on a terminal that can move its cursor, while the process group GROUP is in the
 * foreground, and not below a line that log_output() has begun and not ended. The status and the
 * level are all the state of this file.
 */
void log_status(const char *text, pid_t group);

/*
 * Forget the status line without erasing it: for a child process, which has a copy of this memory,
 * but perhaps another stderr.
 */
void log_forget_status(void);

/* Erase the line of the cursor, where a child that has ended has left its status. */
void log_erase_line(pid_t group);

#endif
