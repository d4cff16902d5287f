#include "run/processes.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <string.h>

/* A file of some numbers in one line. */
#define LINE_MAX_SIZE ((size_t)64 << 10)

/* So many process IDs are looked at one by one, before all of /proc is listed instead. */
#define FEW 256

static char *read_line(const char *path)
{
	char *text;
	size_t len;

	return fs_read_file(AT_FDCWD, path, LINE_MAX_SIZE, &text, &len) < 0 ? NULL : text;
}

uint64_t process_start(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%ld/stat", (long)pid), *text = read_line(path);
	/* the second field is the name in parentheses, which may hold any of these */
	const char *field = text ? strrchr(text, ')') : NULL;

	for (int i = 2; field && i < 22; i++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field, NULL, 10) : 0;
}

uint64_t process_mount_namespace(pid_t pid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%ld/ns/mnt", (long)pid);
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

pid_t process_last(void)
{
	_cleanup_free_ char *text = read_line("/proc/loadavg");
	const char *last = text ? strrchr(text, ' ') : NULL;

	return last ? (pid_t)strtol(last, NULL, 10) : 0;
}

void processes_visit(pid_t above, void (*visit)(pid_t pid, void *context), void *context)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	pid_t last = above > 0 ? process_last() : 0;

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
