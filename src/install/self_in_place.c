#include "install/self_in_place.h"
#include "install/notes.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>

static int look(const struct installation *in, const struct record *record, struct self_plan *out)
{
	_cleanup_(strlist_clear) struct strlist ours = {0};
	_cleanup_free_ char *copy = path_join(in->site->home.bin, "nix-user-chroot");

	notes_of_copies(record, copy, &ours);
	return self_look(&in->site->home, in->request->program_argv[0], &ours, out);
}

int put_self(const struct installation *in, struct record *record, struct self_plan *out)
{
	if (in->request->no_shims || look(in, record, out) < 0)
		return 0;
	if (notes_self(in->site, out, record) < 0)
		return -1;
	self_carry_out(out);
	return 0;
}

void look_at_self(const struct installation *in, struct self_plan *out)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int fd = open(in->site->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (in->request->no_shims)
		return;
	if (fd >= 0)
		record_read(fd, &record);
	look(in, &record, out);
}
