#include "install/tidy.h"
#include "fetch/download.h"
#include "host/proot.h"
#include "home/startup_files.h"
#include "store/layout.h"
#include "store/lock.h"
#include "store/record.h"
#include "util/cleanup.h"
#include "util/fs.h"

/* Is there anything to continue with: a complete or begun installation, or a download? */
static bool tells_of_something(const struct record *record, int nix_dir_fd)
{
	_cleanup_close_ int state_fd = fs_open_dir_below(nix_dir_fd, LAYOUT_STATE);

	return record->is_complete || (record->is_begun && layout_has_store_paths(nix_dir_fd)) ||
	       (state_fd >= 0 && download_is_kept(state_fd));
}

void tidy(const struct site *site, pid_t dying)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_free_ char *state = path_join(site->nix_dir, LAYOUT_STATE);
	bool is_ours = lock_try(site->nix_dir, dying, &lock) == 0;

	if (is_ours) {
		startup_file_put_back(site->home.fish, lock.nix_dir_fd, LAYOUT_FISH);
		fs_remove_tree(lock.nix_dir_fd, LAYOUT_STAGING);
		if (record_read(lock.nix_dir_fd, &record) == 0 &&
		    !tells_of_something(&record, lock.nix_dir_fd)) {
			record_remove(lock.nix_dir_fd);
			fs_unlink_below(lock.nix_dir_fd, PROOT_FETCHED);
		}
		lock_end(&lock);
	}
	/*
	 * a process that waits for the lock makes the directories above the lock again; all others
	 * belong to that process
	 */
	for (size_t i = 0; i < site->missing.count; i++)
		if (is_ours || path_is_within(state, site->missing.items[i]))
			rmdir(site->missing.items[i]);
}
