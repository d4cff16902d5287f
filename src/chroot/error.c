#include "chroot/error.h"
#include "util/str.h"

#include <stdlib.h>

int chroot_fail(struct chroot_error *error, enum chroot_step step, const char *path,
		const char *root, int r)
{
	*error = (struct chroot_error){
		.step = step,
		.err = -r,
		.path = xstrdup(path),
		.root = xstrdup(root),
	};
	return -1;
}

void chroot_error_clear(struct chroot_error *error)
{
	free(error->path);
	free(error->root);
	*error = (struct chroot_error){0};
}
