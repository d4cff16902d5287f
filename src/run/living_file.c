#include "run/living_file.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/hash.h"
#include "util/str.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* Changes with the layout of the structs: files with another magic are ignored. */
static const char magic[8] = "nuc-ns-2";

/* Long before a file has this size, its visitors are too many and it is written again. */
#define FILE_MAX ((size_t)1 << 20)

int living_file_read(int list, const char *name, struct living_file *out)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fs_read_file(list, name, FILE_MAX, &text, &len);

	*out = (struct living_file){0};
	if (r < 0)
		return r;
	if (len < sizeof(*out->head) || memcmp(text, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	out->name = xstrdup(name);
	out->text = steal_ptr(&text);
	/* memory of xreallocarray() is aligned for any type */
	out->head = (const void *)out->text;
	out->visitors = (const void *)(out->head + 1);
	out->count = (len - sizeof(*out->head)) / sizeof(*out->visitors);
	return 0;
}

void living_file_clear(struct living_file *file)
{
	free(file->name);
	free(file->text);
	*file = (struct living_file){0};
}

char *living_file_name(const struct living_key *key)
{
	return xasprintf("%llx.%llx.%llx", (unsigned long long)key->nix_device,
			 (unsigned long long)key->nix_inode,
			 (unsigned long long)hash_bytes(HASH_START, key, sizeof(*key)));
}

/* write(2); a limit on the size of files (ulimit -f) is an error, not a signal. */
static int write_quietly(int fd, const void *data, size_t len)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int r;

	sigaction(SIGXFSZ, &ignore, &before);
	r = fs_write_all(fd, data, len);
	sigaction(SIGXFSZ, &before, NULL);
	return r;
}

int living_file_write(int list, const char *name, const struct living_head *head,
		      const struct living_visitor *visitors, size_t count)
{
	const size_t len = sizeof(*head) + count * sizeof(*visitors);
	_cleanup_free_ char *text = xcalloc(len, 1);
	/*
	 * The sticky bit keeps systemd-tmpfiles(8) from removing the file for its age (the XDG base
	 * directory specification has the same for runtime directories).
	 */
	const mode_t mode = S_ISVTX | 0600, umask_before = umask(077);
	_cleanup_close_ int fd =
		openat(list, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
	struct stat st;
	int r;

	umask(umask_before);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	memcpy(text, head, sizeof(*head));
	memcpy(text, magic, sizeof(magic));
	memcpy(text + sizeof(*head), visitors, len - sizeof(*head));
	r = write_quietly(fd, text, len);
	if (r == 0 && st.st_size > (off_t)len && ftruncate(fd, (off_t)len) < 0)
		r = -errno;
	return r;
}

int living_file_visit(int list, const char *name, const struct living_visitor *visitor)
{
	_cleanup_close_ int fd = openat(list, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : write_quietly(fd, visitor, sizeof(*visitor));
}
