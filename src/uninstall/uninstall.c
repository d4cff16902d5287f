/*
 * --uninstall: find what is to be removed, show it, ask, remove it. The record is removed last, so
 *   that an interrupted run can be repeated.
 */
#include "uninstall/uninstall.h"
#include "home/startup_files.h"
#include "run/inside.h"
#include "run/nix_dir.h"
#include "run/run.h"
#include "store/layout.h"
#include "store/lock.h"
#include "ui/log.h"
#include "uninstall/belief.h"
#include "uninstall/find.h"
#include "uninstall/let_go.h"
#include "uninstall/mounts_below.h"
#include "uninstall/room.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct uninstallation {
	const struct uninstall_request *request;
	char *nix_dir;
	struct home home;
	struct trust trust; /* whom the user trusts */
	struct progress progress;
	struct strlist held; /* directories that are removed when this process has ended */
	bool is_told;	     /* the user was told which lines of the record are not believed */
};

/* The contents of the Nix directory, as far as they decide what may be removed. */
struct state {
	struct record record;
	bool has_record; /* RECORD could be read */
	bool has_store;
	bool has_remains; /* nothing but our own directory is left, of an interrupted run */
};

static void look(int nix_dir_fd, struct state *out)
{
	*out = (struct state){.record = RECORD_NONE};
	if (nix_dir_fd < 0)
		return;
	out->has_record = record_read(nix_dir_fd, &out->record) == 0;
	out->has_store = fs_exists(nix_dir_fd, "store");
	out->has_remains =
		!out->has_record && !out->has_store && fs_exists(nix_dir_fd, LAYOUT_STATE);
}

static void state_clear(struct state *state)
{
	record_clear(&state->record);
}

/* May the Nix be removed? 0, or -1 after a message. */
static int check_state(const struct uninstallation *un, const struct state *state)
{
	bool is_adopted = state->has_record && record_is_adopted(&state->record);

	if (state->has_record && state->record.owner != geteuid()) {
		log_error("the record in %s was written by user %lu: nothing was removed\n"
			  "who installed this Nix can run nix-user-chroot --uninstall",
			  un->nix_dir, (unsigned long)state->record.owner);
		return -1;
	}
	if (state->has_remains || (state->has_record && !is_adopted))
		return 0;
	if (!state->has_record && !state->has_store) {
		log_error("there is no Nix in %s that --install installed: nothing to remove\n"
			  "if it is elsewhere, set NIX_USER_CHROOT_DIR to its directory",
			  un->nix_dir);
		return -1;
	}
	if (un->request->force)
		return 0;
	log_error("%s holds a Nix store that was made by other means%s, and is left as it is\n"
		  "--force removes it all the same, with all that is in it",
		  un->nix_dir, is_adopted ? " before --install added to it" : "");
	return -1;
}

/* Is this the wrong place or time to begin, whatever there is to remove? */
static int check_place(const struct uninstallation *un, int nix_dir_fd)
{
	_cleanup_free_ char *mount = NULL;

	if (run_is_inside(nix_dir_fd)) {
		log_error("this shell is inside: %s is its /nix\n"
			  "leave it, and run nix-user-chroot --uninstall outside",
			  un->nix_dir);
		return -1;
	}
	mount = mounts_first_below(un->nix_dir, "");
	if (!mount)
		return 0;
	log_error("%s is a mount point in %s: nothing was removed\n"
		  "unmount it, for what is mounted there is not to be removed with it",
		  mount, un->nix_dir);
	return -1;
}

/* Add a line with VALUE after INDENT to *TEXT. */
static void add_line(char **text, const char *indent, const char *value)
{
	char *longer = text_format("%-s\n%s%s", *text, indent, value);

	free(*text);
	*text = longer;
}

/* Ignore what the record says about places that are not ours, and warn once. */
static void believe(struct uninstallation *un, struct record *record)
{
	_cleanup_(strlist_clear) struct strlist dropped = {0};
	_cleanup_free_ char *list = xstrdup("");

	belief_filter(record, &un->home, un->nix_dir, &dropped);
	for (size_t i = 0; i < dropped.count; i++)
		add_line(&list, "  ", dropped.items[i]);
	if (dropped.count > 0 && !un->is_told)
		log_warning("the record in %s has lines that --install did not write for you with "
			    "this HOME and these XDG variables: what they are about stays%-s",
			    un->nix_dir, list);
	un->is_told = true;
}

/* Find what is removed and what stays; or -1 after a message. */
static int find_all(struct uninstallation *un, int nix_dir_fd, struct found *out)
{
	_cleanup_(state_clear) struct state state = {.record = RECORD_NONE};

	if (nix_dir_fd >= 0 && trusted_check(&un->trust, nix_dir_fd, un->nix_dir, false, NULL) < 0)
		return -1;
	look(nix_dir_fd, &state);
	if (check_state(un, &state) < 0 || check_place(un, nix_dir_fd) < 0)
		return -1;
	believe(un, &state.record);
	find(
		&(struct find_request){
			.is_forced = un->request->force,
			.nix_dir = un->nix_dir,
			.nix_dir_fd = nix_dir_fd,
			.home = &un->home,
			.record = state.has_record ? &state.record : NULL,
		},
		out);
	/* a run was interrupted at its very end: nothing tells any more who made this */
	if (state.has_remains)
		strlist_add(&out->made, un->nix_dir);
	return 0;
}

/* Add TITLE and LINES, unless there are no LINES. */
static void add_section(char **text, const char *title, const struct strlist *lines)
{
	if (lines->count > 0)
		add_line(text, "", title);
	for (size_t i = 0; i < lines->count; i++)
		add_line(text, "  ", lines->items[i]);
}

/* What will be removed and what will stay, a line each; the caller frees. */
static char *describe(const struct uninstallation *un, const struct found *found)
{
	_cleanup_free_ char *state = path_join(un->nix_dir, LAYOUT_STATE);
	char *text = xstrdup("to be removed:");

	for (size_t i = 0; i < found->removals.count; i++)
		if (found->removals.items[i].shown)
			add_line(&text, "  ", found->removals.items[i].shown);
	add_line(&text, "  ", state);
	for (size_t i = 0; i < found->last.count; i++)
		add_line(&text, "  ", found->last.items[i].shown);
	add_section(&text, "links into the store that will become copies:", &found->copied);
	add_section(&text, "links to what is removed, which will lead nowhere:", &found->dangling);
	add_section(&text, "to be put back as it was:", &found->back);
	add_section(&text, "not made by --install, and left as it is:", &found->left);
	return text;
}

/* What may change at any time, and is no reason to ask again; the caller frees. */
static char *describe_beside(const struct found *found, int nix_dir_fd)
{
	_cleanup_(strlist_clear) struct strlist processes = {0};
	_cleanup_free_ char *size = str_size(room_of(&found->removals, nix_dir_fd));
	char *text = text_format("\nthis frees %s", size);

	room_processes(nix_dir_fd, &processes);
	add_section(&text, "processes that are inside, and lose their programs:", &processes);
	return text;
}

/* Ask. 0 for yes, -1 after a message. */
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

static int show_and_ask(const struct uninstallation *un, const struct found *found, int nix_dir_fd,
			const char *description)
{
	_cleanup_free_ char *beside = describe_beside(found, nix_dir_fd);

	if (un->request->yes) {
		log_info("%-s%-s", description, beside);
		return 0;
	}
	/* --quiet would hide the question's text, so it is printed as an error */
	log_error("%-s%-s", description, beside);
	return ask();
}

/*
 * Remove the directories MADE; if STATE (a path without links) is given, only those that hold it,
 * and STATE itself.
 */
static void remove_made(const struct strlist *made, const char *state)
{
	for (size_t i = 0; i < made->count; i++) {
		_cleanup_free_ char *real = state ? realpath(made->items[i], NULL) : NULL;

		if (!state || (real && path_is_within(state, real)))
			rmdir(made->items[i]);
	}
}

static int carry_out_all(const struct uninstallation *un, int nix_dir_fd,
			 const struct removals *removals)
{
	int failed = 0;

	for (size_t i = 0; i < removals->count; i++)
		if (removal_carry_out(&removals->items[i], nix_dir_fd, un->nix_dir) < 0) {
			failed = -1;
			/* a copy is made before its source is removed */
			if (removals->items[i].kind == KEEP_COPY)
				break;
		}
	return failed;
}

/*
 * Remove everything else, then the program, then the record, then the lock. The record alone tells
 * which empty directories were made, also that of the program. A new --install may begin when the
 * lock is gone, and finds nothing that is still to be removed: only the directories that hold the
 * lock are left then, and they are removed only if they are empty.
 */
static int carry_out(const struct uninstallation *un, struct lock *lock, const struct found *found,
		     struct strlist *held)
{
	_cleanup_free_ char *path = path_join(un->nix_dir, LAYOUT_STATE);
	_cleanup_free_ char *state = realpath(path, NULL);
	int r = startup_file_put_back(un->home.fish, lock->nix_dir_fd, LAYOUT_FISH);

	/* the program's copy is in a directory that is removed */
	if (r < 0)
		return layout_error("write back your", un->home.fish, r);
	if (carry_out_all(un, lock->nix_dir_fd, &found->removals) < 0)
		return -1;
	remove_made(&found->made, NULL);
	/* the program is needed for another run */
	if (state && faccessat(AT_FDCWD, state, W_OK, AT_EACCESS) < 0)
		return layout_error("remove the record in", un->nix_dir, -errno);
	if (carry_out_all(un, lock->nix_dir_fd, &found->last) < 0)
		return -1;
	remove_made(&found->made, NULL);
	record_remove(lock->nix_dir_fd);
	if (fs_exists(lock->nix_dir_fd, LAYOUT_RECORD))
		return layout_error("remove the record in", un->nix_dir, -EACCES);
	lock_end(lock);
	remove_made(&found->made, state);
	let_go_find(&found->made, held);
	log_info("Nix is removed from %s", un->nix_dir);
	return 0;
}

/* Find everything again under the lock: another process may have worked there meanwhile. */
static int carry_out_locked(struct uninstallation *un, const char *description)
{
	_cleanup_(lock_clear) struct lock lock = LOCK_NONE;
	_cleanup_(found_clear) struct found found = {0};
	int r;

	if (lock_take(un->nix_dir, &un->progress, &lock) < 0)
		return -1;
	r = find_all(un, lock.nix_dir_fd, &found);
	if (r == 0) {
		_cleanup_free_ char *now = describe(un, &found);

		if (!un->request->yes && strcmp(description, now) != 0) {
			log_error("what is there has changed since you were asked: nothing was "
				  "removed\n"
				  "run nix-user-chroot --uninstall again");
			r = -1;
		}
	}
	if (r == 0)
		r = carry_out(un, &lock, &found, &un->held);
	if (r < 0) {
		lock_end(&lock);
		for (size_t i = lock.made.count; i-- > 0;)
			rmdir(lock.made.items[i]);
	}
	return r;
}

static int uninstall(struct uninstallation *un)
{
	_cleanup_(found_clear) struct found found = {0};
	_cleanup_close_ int nix_dir_fd = -1;
	_cleanup_free_ char *description = NULL;
	enum runtime runtime = un->request->runtime;

	un->nix_dir = nix_dir_choose(&runtime);
	if (!un->nix_dir || home_find(&un->home) < 0 ||
	    trusted_find(&un->request->trust, &un->trust) < 0 || layout_check(un->nix_dir) < 0)
		return -1;
	nix_dir_fd = open(un->nix_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (nix_dir_fd < 0 && errno != ENOENT)
		return layout_error("open the directory", un->nix_dir, -errno);
	if (find_all(un, nix_dir_fd, &found) < 0)
		return -1;
	description = describe(un, &found);
	if (show_and_ask(un, &found, nix_dir_fd, description) < 0)
		return -1;
	return carry_out_locked(un, description);
}

int uninstall_command(const struct uninstall_request *request)
{
	struct uninstallation un = {.request = request};
	int r;

	progress_init(&un.progress);
	r = uninstall(&un);
	if (r == 0)
		let_go(&un.held);
	strlist_clear(&un.held);
	home_clear(&un.home);
	free(un.nix_dir);
	return r < 0 ? EXIT_CANCELED : 0;
}
