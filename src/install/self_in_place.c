#include "install/self_in_place.h"
#include "install/notes.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int look(const struct installation *in, const struct record *record, struct self_plan *out)
{
	_cleanup_(strlist_clear) struct strlist ours = {0};
	_cleanup_free_ char *copy = path_join(in->site->home.bin, "nix-user-chroot");

	notes_of_copies(record, copy, &ours);
	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		notes_of_copies(record, in->site->home.documents.items[i], &ours);
	return self_look(&in->site->home, in->request->program_argv[0], &ours, out);
}

/* "~/.profile, ~/.bashrc"; the caller frees. */
static char *list_files(const struct home *home, const struct path_plan *plan)
{
	char *text = NULL;

	for (size_t i = 0; i <= plan->files.count; i++) {
		const char *path = i < plan->files.count ? plan->files.items[i] : plan->fish.path;
		bool is_below = path && path_is_within(path, home->path);
		char *longer;

		if (!path)
			continue;
		longer =
			xasprintf("%s%s%s%s", text ? text : "", text ? ", " : "",
				  is_below ? "~" : "", is_below ? path + strlen(home->path) : path);
		free(text);
		text = longer;
	}
	return text;
}

/* Put the directory of the commands on the PATH of new shells. 0, or -1 after a message. */
static int put_path(const struct installation *in, const char *bin, struct record *record)
{
	const struct home *home = &in->site->home;
	_cleanup_(path_plan_clear) struct path_plan plan = {0};
	_cleanup_(strlist_clear) struct strlist ours = {0};
	_cleanup_free_ char *sh = path_join(home->config, "path.sh"), *shown = NULL;

	notes_of_copies(record, sh, &ours);
	notes_of_copies(record, home->fish_path, &ours);
	progress_begin(in->progress, "looking at the PATH of new shells", NULL);
	path_look(home, bin, &ours, &plan);
	progress_drop(in->progress);
	if (!path_has_work(&plan))
		return 0;
	if (notes_path(in->site, &plan, record) < 0)
		return -1;
	/* the files that are changed next are the user's */
	if (fsync(record->fd) < 0)
		return layout_error("write the record in", in->site->nix_dir, -errno);
	path_carry_out(&plan);
	path_check(home, bin, &plan);
	shown = list_files(home, &plan);
	if (shown && in->progress->style != PROGRESS_LIVE)
		log_info("new shells have the nix commands on PATH by a line in %s", shown);
	else if (shown)
		progress_end(in->progress, "PATH of new shells: a line in %s", shown);
	return 0;
}

int put_self(const struct installation *in, struct record *record, struct self_plan *out)
{
	if (in->request->no_shims || look(in, record, out) < 0)
		return 0;
	if (notes_self(in->site, out, record) < 0)
		return -1;
	self_carry_out(out);
	/* without a command in that directory, nobody needs it on PATH */
	if (in->request->no_modify_profile || out->copy == COPY_LEAVE || access(out->bin, X_OK) < 0)
		return 0;
	return put_path(in, out->bin, record);
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
