/*
 * What the program says: to stderr, never to stdout, which belongs to the command.
 *
 * A message is one line of what was tried on what and why it failed, and after a '\n' a line of
 * what the user can do next; the first gets the "nix-user-chroot: " in front, the following are
 * indented. One write(2) a message, so that messages of several processes do not mix. What a %s of
 * its format brings in is foreign, and shown as text_format() does (util/text.h): in one line, with
 * nothing that a terminal would obey. Lines of our own, such as advice, go in by %-s.
 *
 * Below the messages there may be a status line on a terminal (progress.h), which stays the last.
 */
#ifndef UI_LOG_H
#define UI_LOG_H

#include <stddef.h>
#include <sys/types.h>

enum log_level {
	LOG_ERROR = -1,	 /* all that --quiet leaves */
	LOG_NORMAL = 0,	 /* warnings, and what --install does */
	LOG_VERBOSE = 1, /* -v: notes */
	LOG_DEBUG = 2,	 /* -vv: requests, mounts, commands */
};

/*
 * Messages above LEVEL are dropped from now on. It is set once from the options and only ever read
 * after.
 */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As log_info(), but as it is, without the program's name: the lines of a list or a summary. */
void log_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* LEN bytes of another program's output, as they are, at -v. */
void log_output(const char *data, size_t len);

/*
 * Show TEXT, one line without a newline that fits the terminal's width, below all messages, instead
 * of what log_status() showed before; NULL: none. An error takes it away too. Only for a terminal
 * that can move its cursor, and only while the process group GROUP has it: put in the background by
 * the shell, we leave the terminal as it is. Not shown below a line that log_output() has begun and
 * not ended. The status and the level are all that the program keeps for itself.
 */
void log_status(const char *text, pid_t group);

/*
 * There is no status line, whatever was shown: in a child process, which has the same memory of it
 * and perhaps another stderr.
 */
void log_forget_status(void);

/* Erase the line that the cursor is in, of a child of ours that has ended and left its status. */
void log_erase_line(pid_t group);

#endif
