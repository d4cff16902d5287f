#include "run/processes.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <string.h>

/* Up to this many process IDs are looked at one by one, instead of listing all of /proc. */
#define FEW 256

uint64_t process_start(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%ld/stat", (long)pid);
	char text[1024];
	ssize_t len = fs_read_some(AT_FDCWD, path, text, sizeof(text));
	/* the second field is the name in parentheses, which may hold blanks and parentheses */
	const char *field = len > 0 ? strrchr(text, ')') : NULL;

	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}

static uint64_t namespace_of(pid_t pid, const char *kind)
{
	_cleanup_free_ char *path = xasprintf("/proc/%ld/ns/%s", (long)pid, kind);
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

uint64_t process_mount_namespace(pid_t pid)
{
	return namespace_of(pid, "mnt");
}

uint64_t process_pid_namespace(pid_t pid)
{
	return namespace_of(pid, "pid");
}

pid_t process_last(void)
{
	char text[128];
	ssize_t len = fs_read_some(AT_FDCWD, "/proc/loadavg", text, sizeof(text));
	const char *last = len > 0 ? strrchr(text, ' ') : NULL;

	return last ? (pid_t)strtol(last, NULL, 10) : 0;
}

void processes_visit(pid_t above, pid_t last, void (*visit)(pid_t pid, void *context),
		     void *context)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;

	if (last >= above && last - above < FEW && above > 0) {
		for (pid_t pid = above + 1; pid <= last; pid++)
			visit(pid, context);
		return;
	}
	dir = fs_list_dir(AT_FDCWD, "/proc");
	while (dir && (entry = fs_next_entry(dir))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (*end == '\0' && pid > above)
			visit((pid_t)pid, context);
	}
}
