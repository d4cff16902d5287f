#include "install/self_in_place.h"
#include "install/notes.h"
#include "install/tidy.h"
#include "store/layout.h"
#include "store/lock.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
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

/* An installation that others keep for us is not to be written to. */
static bool is_kept_by_others(const struct installation *in)
{
	_cleanup_free_ char *state = path_join(in->site->nix_dir, LAYOUT_STATE);

	return faccessat(AT_FDCWD, state, W_OK | X_OK, AT_EACCESS) < 0;
}

static bool is_complete(int nix_dir_fd)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;

	return record_read(nix_dir_fd, &record) == 0 && record.is_complete;
}

static int put_again(const struct installation *in, struct self_plan *out)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	int r;

	if (lock_take(in->site->nix_dir, in->progress, &lock) < 0)
		return -1;
	self_plan_clear(out);
	r = is_complete(lock.nix_dir_fd) ? record_open(lock.nix_dir_fd, &record) : 0;
	if (r == 0 && record.is_complete) {
		r = put_self(in, &record, out);
		if (r == 0)
			r = record_write(&record, lock.nix_dir_fd);
	}
	lock_remove(&lock);
	return r < 0 ? layout_error("write the record in", in->site->nix_dir, r) : 0;
}

int renew(const struct installation *in)
{
	_cleanup_(self_plan_clear) struct self_plan self = {0};
	_cleanup_close_ int fd = open(in->site->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *hint = NULL;

	tidy(in->site, 0);
	if (in->request->no_shims || is_kept_by_others(in) || !is_complete(fd))
		return 0;
	look_at_self(in, &self);
	if (self_has_work(&self) && put_again(in, &self) < 0)
		return -1;
	if (self.bin && !self.is_on_path)
		hint = self_path_hint(&self, &in->site->home);
	if (hint)
		log_info("%-s", hint);
	return 0;
}
