/*
 * --uninstall: what there is to remove is found and shown, the user is asked, then it is done. The
 * receipt goes last, so that a run that was broken off can be repeated.
 */
#include "run/inside.h"
#include "commands.h"
#include "install/before.h"
#include "uninstall/find.h"
#include "install/installed.h"
#include "store/lock.h"
#include "uninstall/mounts_below.h"
#include "store/receipt.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct uninstallation {
	const struct options *options;
	struct workspace workspace;
	struct home home;
	int nix_dir_fd;
	struct belongings belongings;
	struct progress progress;
};

static bool exists(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum state {
	STATE_NOTHING, /* no store, and nothing of ours */
	STATE_REMAINS, /* no store and no receipt, but our directory: of a run that was broken off
			*/
	STATE_OURS,    /* by the receipt, or the mark of an installation that was broken off */
	STATE_ADOPTED, /* the same, in a store that was there before */
	STATE_FOREIGN, /* a store without them */
};

static enum state look(int nix_dir_fd)
{
	_cleanup_(before_clear) struct before before = {0};
	struct receipt receipt;
	bool is_adopted;
	int r;

	if (nix_dir_fd < 0)
		return STATE_NOTHING;
	r = receipt_read(nix_dir_fd, &receipt);
	is_adopted = r == 0 && receipt.traces.is_adopted;
	receipt_clear(&receipt);
	if (r != 0 && before_read(nix_dir_fd, &before) == 0)
		is_adopted = before.has_store;
	if (is_adopted)
		return STATE_ADOPTED;
	if (exists(nix_dir_fd, RECEIPT_FILE) || exists(nix_dir_fd, BEFORE_FILE) ||
	    exists(nix_dir_fd, WORKSPACE_INTENT))
		return STATE_OURS;
	if (exists(nix_dir_fd, "store"))
		return STATE_FOREIGN;
	return exists(nix_dir_fd, WORKSPACE_STATE) ? STATE_REMAINS : STATE_NOTHING;
}

/* 0: it may be removed; else -1 after a message. */
static int check_state(const struct uninstallation *un, enum state state)
{
	const char *nix_dir = un->workspace.nix_dir;

	switch (state) {
	case STATE_REMAINS:
	case STATE_OURS:
		return 0;
	case STATE_NOTHING:
		log_error("there is no Nix in %s that --install has put there: nothing to remove\n"
			  "NIX_USER_CHROOT_DIR names the directory of one that is elsewhere",
			  nix_dir);
		return -1;
	case STATE_ADOPTED:
	case STATE_FOREIGN:
		break;
	}
	if (un->options->install.force)
		return 0;
	log_error("%s holds a Nix store that was made by other means%s, and is left as it is\n"
		  "--force removes it all the same, with all that is in it",
		  nix_dir, state == STATE_ADOPTED ? " before --install added to it" : "");
	return -1;
}

/* What makes it wrong to begin, whatever is there. */
static int check_place(const struct uninstallation *un)
{
	_cleanup_free_ char *mount = NULL;

	if (run_is_inside(un->nix_dir_fd)) {
		log_error("this shell is inside: %s is its /nix\n"
			  "leave it, and run nix-user-chroot --uninstall outside",
			  un->workspace.nix_dir);
		return -1;
	}
	mount = mounts_first_below(un->workspace.nix_dir, "");
	if (!mount)
		return 0;
	log_error("%s is a mount point in %s: nothing was removed\n"
		  "unmount it, for what is mounted there is not to be removed with it",
		  mount, un->workspace.nix_dir);
	return -1;
}

static int open_nix_dir(struct uninstallation *un)
{
	un->nix_dir_fd = open(un->workspace.nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (un->nix_dir_fd >= 0 || errno == ENOENT)
		return 0;
	return workspace_error("open the directory", un->workspace.nix_dir, -errno);
}

/* What will be removed and what will not, a line each; the caller frees. */
static char *describe(const struct uninstallation *un)
{
	const struct belongings *found = &un->belongings;
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	fprintf(f, "to be removed:");
	for (size_t i = 0; i < found->removals.count; i++)
		if (found->removals.items[i].shown)
			fprintf(f, "\n  %s", found->removals.items[i].shown);
	fprintf(f, "\n  %s/" WORKSPACE_STATE, un->workspace.nix_dir);
	for (size_t i = 0; i < found->last.count; i++)
		fprintf(f, "\n  %s", found->last.items[i].shown);
	if (found->left.count > 0)
		fprintf(f, "\nnot ours, and left as it is:");
	for (size_t i = 0; i < found->left.count; i++)
		fprintf(f, "\n  %s", found->left.items[i]);
	fclose(f);
	return text;
}

/* 0 for yes, -1 after a message. */
static int ask(void)
{
	_cleanup_free_ char *answer = NULL;
	static const char question[] = "Remove all this? [y/N] ";
	size_t room = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		log_error("nothing was removed: there is no terminal to ask on\n"
			  "--uninstall --yes removes without asking");
		return -1;
	}
	(void)!fs_write_all(STDERR_FILENO, question, sizeof(question) - 1);
	if (getline(&answer, &room, stdin) > 0) {
		answer[strcspn(answer, "\r\n")] = '\0';
		if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
			return 0;
	}
	log_error("nothing was removed");
	return -1;
}

static int show_and_ask(const struct uninstallation *un)
{
	_cleanup_free_ char *text = describe(un);

	if (un->options->yes) {
		log_info("%-s", text);
		return 0;
	}
	/* nobody can answer a question that --quiet hides */
	log_error("%-s", text);
	return ask();
}

static void remove_made(const struct strlist *made)
{
	for (size_t i = 0; i < made->count; i++)
		rmdir(made->items[i]);
}

static int carry_out_all(const struct uninstallation *un, const struct removals *removals)
{
	int failed = 0;

	for (size_t i = 0; i < removals->count; i++)
		if (removal_carry_out(&removals->items[i], un->nix_dir_fd, un->workspace.nix_dir) <
		    0)
			failed = -1;
	return failed;
}

/*
 * The receipt at last, with the directories that were not there before us: those that it does not
 * lie in before it, so that little is left to do when there is nothing any more that tells of them.
 */
static int remove_rest(const struct uninstallation *un)
{
	static const char *const marks[] = {WORKSPACE_INTENT, BEFORE_FILE, RECEIPT_FILE};

	remove_made(&un->belongings.made);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (unlinkat(un->nix_dir_fd, marks[i], 0) < 0 && errno != ENOENT)
			return workspace_error("remove our files in", un->workspace.nix_dir,
					       -errno);
	lock_remove(&un->workspace);
	if (carry_out_all(un, &un->belongings.last) < 0)
		return -1;
	remove_made(&un->belongings.made);
	return 0;
}

static int carry_out(const struct uninstallation *un)
{
	if (carry_out_all(un, &un->belongings.removals) < 0 || remove_rest(un) < 0)
		return -1;
	log_info("Nix is removed from %s", un->workspace.nix_dir);
	return 0;
}

/* Somebody else may have been at work since the user was asked. */
static int carry_out_locked(struct uninstallation *un)
{
	_cleanup_close_ int lock_fd = -1;
	enum state state;
	int r;

	cleanup_close(&un->nix_dir_fd);
	lock_fd = lock_take(&un->workspace, &un->nix_dir_fd, &un->progress);
	if (lock_fd < 0)
		return -1;
	state = look(un->nix_dir_fd);
	r = check_state(un, state);
	if (r == 0)
		r = check_place(un);
	if (r == 0) {
		_cleanup_free_ char *shown = describe(un), *now = NULL;

		belongings_clear(&un->belongings);
		belongings_find(&un->workspace, &un->home, un->nix_dir_fd, &un->belongings);
		now = describe(un);
		if (!un->options->yes && strcmp(shown, now) != 0) {
			log_error(
				"what is there has changed since you were asked: nothing was removed\n"
				"run nix-user-chroot --uninstall again");
			r = -1;
		}
	}
	if (r == 0) {
		/* of a run that was broken off at its very end nothing tells who made these */
		if (state == STATE_REMAINS)
			strlist_add(&un->belongings.made, un->workspace.nix_dir);
		r = carry_out(un);
	}
	if (r < 0) {
		lock_remove(&un->workspace);
		workspace_remove_state(&un->workspace);
	}
	return r;
}

static int uninstall(struct uninstallation *un)
{
	if (workspace_find(&un->workspace) < 0 || home_find(&un->home) < 0 ||
	    open_nix_dir(un) < 0 || check_state(un, look(un->nix_dir_fd)) < 0 ||
	    check_place(un) < 0)
		return -1;
	belongings_find(&un->workspace, &un->home, un->nix_dir_fd, &un->belongings);
	return show_and_ask(un) < 0 ? -1 : carry_out_locked(un);
}

int command_uninstall(const struct options *options)
{
	struct uninstallation un = {.options = options, .nix_dir_fd = -1};
	int r;

	progress_init(&un.progress);
	r = uninstall(&un);

	belongings_clear(&un.belongings);
	home_clear(&un.home);
	workspace_clear(&un.workspace);
	cleanup_close(&un.nix_dir_fd);
	return r < 0 ? EXIT_CANCELED : 0;
}
