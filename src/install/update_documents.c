#include "install/update_documents.h"
#include "home/self.h"
#include "install/notes.h"
#include "install/update_place.h"
#include "run/nix_dir.h"
#include "store/layout.h"
#include "store/lock.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>

/* Find out which documents are to be written for a program that is in RECORD. */
static void look(const struct home *home, const struct record *record, struct documents *out)
{
	_cleanup_(strlist_clear) struct strlist ours = {0};
	_cleanup_free_ char *self = fs_self_path();

	*out = (struct documents){0};
	if (record->owner != geteuid() || !self || !update_recorded_name(record, self))
		return;
	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		notes_of_copies(record, home->documents.items[i], &ours);
	documents_look(home, &ours, out);
}

static int put(const char *nix_dir, const struct home *home)
{
	_cleanup_(documents_clear) struct documents documents = {0};
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	struct progress progress;
	int r;

	progress_init(&progress);
	if (lock_take(nix_dir, &progress, &lock) < 0)
		return -1;
	r = record_open(lock.nix_dir_fd, &record);
	if (r == 0) {
		look(home, &record, &documents);
		r = notes_documents(&documents, &record);
	}
	if (r == 0) {
		documents_carry_out(&documents);
		r = record_write(&record, lock.nix_dir_fd);
	}
	lock_end(&lock);
	return r < 0 ? layout_error("write the record in", nix_dir, r) : 0;
}

int update_documents(const struct update_request *request)
{
	enum runtime runtime = request->runtime;
	_cleanup_free_ char *nix_dir = nix_dir_choose(&runtime);
	_cleanup_close_ int fd = nix_dir ? open(nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_(documents_clear) struct documents documents = {0};
	_cleanup_(home_clear) struct home home = {0};
	struct trust trust;

	if (!nix_dir || home_find(&home) < 0)
		return -1;
	if (fd >= 0 && record_read(fd, &record) == 0)
		look(&home, &record, &documents);
	if (!documents_have_work(&documents))
		return 0;
	if (trusted_find(&request->trust, &trust) < 0 || layout_check_links(fd, nix_dir) < 0 ||
	    trusted_check(&trust, fd, nix_dir, false, NULL) < 0)
		return -1;
	return put(nix_dir, &home);
}
