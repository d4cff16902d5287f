/*
 * What the program says: to stderr, never to stdout, which belongs to the command.
 *
 * A message is one line of what was tried on what and why it failed, and after a '\n' a line of
 * what the user can do next; the first gets the "nix-user-chroot: " in front, the following are
 * indented. One write(2) a message, so that messages of several processes do not mix.
 */
#ifndef UI_LOG_H
#define UI_LOG_H

enum log_level {
	LOG_ERROR = -1,	 /* all that --quiet leaves */
	LOG_NORMAL = 0,	 /* warnings, and what --install does */
	LOG_VERBOSE = 1, /* -v: notes */
	LOG_DEBUG = 2,	 /* -vv: requests, mounts, commands */
};

/*
 * Messages above LEVEL are dropped from now on. The level is the one piece of state that the
 * program keeps for itself: it is set once from the options and only ever read after.
 */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
