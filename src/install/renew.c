#include "install/renew.h"
#include "install/disk_check.h"
#include "install/notes.h"
#include "install/preflight.h"
#include "install/script.h"
#include "install/self_in_place.h"
#include "install/tidy.h"
#include "install/user_conf.h"
#include "store/layout.h"
#include "store/lock.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <fcntl.h>

/* Does somebody else maintain this installation? Then the caller cannot write to it. */
static bool is_kept_by_others(const struct installation *in)
{
	_cleanup_free_ char *state = path_join(in->site->nix_dir, LAYOUT_STATE);

	return faccessat(AT_FDCWD, state, W_OK | X_OK, AT_EACCESS) < 0;
}

/* Is the installation complete, by this user, who alone can write to the record? */
static bool is_complete(const struct record *record)
{
	return record->is_complete && record->owner == geteuid();
}

static int look_at_conf(const struct installation *in, const struct nix_conf_facts *facts,
			int nix_dir_fd, const struct record *record, struct renewal *out)
{
	_cleanup_free_ char *text = NULL, *lacks = NULL;
	size_t len;
	int r;

	if (!out->is_ours) {
		const struct record none = RECORD_NONE;

		return nix_conf_check(nix_dir_fd, in->site->nix_dir, facts, &none, false);
	}
	r = fs_read_file(nix_dir_fd, LAYOUT_NIX_CONF, USER_CONF_MAX, &text, &len);
	lacks = r == 0 ? nix_conf_lacks(text, facts) : NULL;
	out->conf = !layout_has_nix_conf(nix_dir_fd) ||
		    (lacks && nix_conf_is_as_written(record, in->site->nix_dir, text));
	return 0;
}

const char *renewal_runtime(const struct installation *in, const struct record *record)
{
	const char *name = runtime_name(in->request->runtime);

	return in->request->runtime == RUNTIME_AUTO ||
			       record_has(record, RECORD_RUNTIME, name, NULL)
		       ? NULL
		       : name;
}

/* Find the runtime that was asked for, if it can be recorded. */
static void look_at_runtime(const struct installation *in, const struct record *record,
			    struct renewal *out)
{
	const char *name = renewal_runtime(in, record);

	if (out->is_ours)
		out->runtime = name;
	else if (name)
		log_warning("--runtime=%s is not written down for an installation that is not "
			    "yours\ngive it to each command, or set NIX_USER_CHROOT_RUNTIME=%s",
			    name, name);
}

int renewal_look(const struct installation *in, const struct nix_conf_facts *facts,
		 struct renewal *out)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	_cleanup_close_ int fd = open(in->site->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*out = (struct renewal){0};
	if (fd >= 0)
		record_read(fd, &record);
	out->is_ours = !is_kept_by_others(in) && is_complete(&record);
	if (look_at_conf(in, facts, fd, &record, out) < 0)
		return -1;
	look_at_runtime(in, &record, out);
	if (out->is_ours)
		look_at_self(in, &out->self);
	out->path = out->self.bin && !out->self.is_on_path && !in->request->no_modify_profile &&
		    !self_has_path_file(&in->site->home);
	return 0;
}

bool renewal_has_work(const struct renewal *renewal)
{
	return renewal->conf || renewal->runtime || renewal->path || self_has_work(&renewal->self);
}

/* Write nix.conf, and check that Nix works with it. */
static int write_conf(const struct installation *in, struct nix_conf_facts *facts,
		      const struct lock *lock, struct record *record)
{
	_cleanup_(nix_conf_before_clear) struct nix_conf_before before = {0};
	const char *nix_dir = in->site->nix_dir;
	const struct script_request request = {
		.nix_dir = nix_dir,
		.runtime = in->site->runtime,
		.nix_dir_fd = lock->nix_dir_fd,
		.lock_fd = lock->fd,
		.progress = in->progress,
	};
	_cleanup_free_ char *version = NULL;

	/*
	 * a new nix.conf is for this host: whatever prevents an installation here would prevent
	 * Nix, too
	 */
	if (!layout_has_nix_conf(lock->nix_dir_fd) &&
	    (preflight(in->site, in->request, facts) < 0 ||
	     disk_check(lock->nix_dir_fd, nix_dir, facts) < 0))
		return -1;
	if (nix_conf_write(lock->nix_dir_fd, nix_dir, facts, record, &before) < 0)
		return -1;
	if (!before.is_changed)
		return 0;
	if (script_nix_runs(&request, &version) < 0) {
		nix_conf_take_back(lock->nix_dir_fd, &before);
		return -1;
	}
	log_info(before.text ? "added to %s/" LAYOUT_NIX_CONF " what you asked for"
			     : "%s/" LAYOUT_NIX_CONF " was gone: written again",
		 nix_dir);
	return 0;
}

/*
 * Print that the runtime is recorded. It was tried, and the command of this --install uses it;
 * later commands choose.
 */
static void say_runtime(enum runtime runtime)
{
	const char *name = runtime_name(runtime);

	if (runtime == RUNTIME_DIRECT)
		log_info("/nix is used directly from now on");
	else
		log_info("the runtime is %s now, in the record and for what nix.conf says of "
			 "builds\nentering takes the first runtime that works, unless "
			 "--runtime=%s or NIX_USER_CHROOT_RUNTIME=%s says otherwise",
			 name, name, name);
}

static int renew_locked(const struct installation *in, struct nix_conf_facts *facts,
			const struct lock *lock, struct self_plan *self)
{
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	int r = record_open(lock->nix_dir_fd, &record);
	bool has_runtime;

	/* another process may have been at work meanwhile */
	if (r == 0 && !is_complete(&record))
		return 0;
	has_runtime = !renewal_runtime(in, &record);
	if (r == 0 && !has_runtime)
		r = notes_runtime(in->site, &record);
	if (r == 0 && (write_conf(in, facts, lock, &record) < 0 || put_self(in, &record, self) < 0))
		return -1;
	if (r == 0)
		r = record_write(&record, lock->nix_dir_fd);
	if (r == 0 && !has_runtime)
		say_runtime(in->site->runtime);
	return r < 0 ? layout_error("write the record in", in->site->nix_dir, r) : 0;
}

static int carry_out(const struct installation *in, struct nix_conf_facts *facts,
		     struct self_plan *self)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	int r;

	if (lock_take(in->site->nix_dir, in->progress, &lock) < 0)
		return -1;
	self_plan_clear(self);
	r = renew_locked(in, facts, &lock, self);
	lock_remove(&lock);
	return r;
}

int renew(const struct installation *in, const struct installed *installed,
	  struct nix_conf_facts *facts)
{
	_cleanup_(renewal_clear) struct renewal renewal = {0};

	tidy(in->site, 0);
	if (renewal_look(in, facts, &renewal) < 0)
		return -1;
	if (!renewal_has_work(&renewal))
		installed_say(installed);
	else if (carry_out(in, facts, &renewal.self) < 0)
		return -1;
	else
		log_info("%-s", installed->words);
	self_say_path(&renewal.self, &in->site->home);
	return 0;
}

void renewal_clear(struct renewal *renewal)
{
	self_plan_clear(&renewal->self);
}
