#include "run/living_file.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* With the layout of the structs, this changes. */
static const char magic[8] = "nuc-ns-1";

/* So many visitors that the list is written anew long before. */
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
	/* xreallocarray() memory, which is aligned for anything */
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

char *living_file_prefix(const struct living_key *key)
{
	return xasprintf("%llx.%llx.", (unsigned long long)key->nix_device,
			 (unsigned long long)key->nix_inode);
}

/* write(2), where a limit on the size of files (ulimit -f) is an error and no signal. */
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
	/* a name of our own, and none that a file of the list has */
	_cleanup_free_ char *fresh = xasprintf("new.%ld", (long)getpid());
	_cleanup_close_ int fd =
		openat(list, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct living_head whole = *head;
	int r;

	if (fd < 0)
		return -errno;
	memcpy(whole.magic, magic, sizeof(magic));
	/*
	 * Whatever the umask is; and sticky, which keeps systemd-tmpfiles(8) from removing it for
	 * its age (the XDG base directory specification asks that of a runtime directory too).
	 */
	r = fchmod(fd, S_ISVTX | 0600) < 0 ? -errno : 0;
	if (r == 0)
		r = write_quietly(fd, &whole, sizeof(whole));
	if (r == 0)
		r = write_quietly(fd, visitors, count * sizeof(*visitors));
	if (r == 0 && renameat(list, fresh, list, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(list, fresh, 0);
	return r;
}

int living_file_visit(int list, const char *name, const struct living_visitor *visitor)
{
	_cleanup_close_ int fd = openat(list, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : write_quietly(fd, visitor, sizeof(*visitor));
}
