#include "install/dry_run_mounts.h"
#include "run/environment.h"
#include "run/path_config_error.h"
#include "util/cleanup.h"
#include "util/xdg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool is_top(const char *path)
{
	return !strchr(path + 1, '/');
}

static bool is_bind(enum plan_type type)
{
	return type == PLAN_BIND_DIRECTORY || type == PLAN_BIND_FILE;
}

static void begin_line(FILE *f, bool *is_first)
{
	fprintf(f, "  %-14s ", *is_first ? "mounts" : "");
	*is_first = false;
}

/* One line of the entries of / that are taken over as WHAT says, where there are any. */
static void print_top(const struct plan *plan, const char *what, bool want_links, FILE *f,
		      bool *is_first)
{
	bool began = false;

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_step *step = &plan->steps[i];

		if (!is_top(step->path) ||
		    (want_links ? step->type != PLAN_SYMLINK : !is_bind(step->type)))
			continue;
		if (!began) {
			begin_line(f, is_first);
			fputs(what, f);
			began = true;
		}
		fprintf(f, " %s", step->path);
	}
	if (began)
		fputc('\n', f);
}

/* How many entries PLAN has in DIRECTORY. */
static size_t count_in(const struct plan *plan, const char *directory)
{
	size_t len = strlen(directory), count = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const char *path = plan->steps[i].path;

		count += strncmp(path, directory, len) == 0 && path[len] == '/' &&
			 !strchr(path + len + 1, '/');
	}
	return count;
}

static void print_step(const struct plan *plan, const struct plan_step *step, const char *nix_dir,
		       FILE *f, bool *is_first)
{
	size_t entries;

	switch (step->type) {
	case PLAN_NIX:
		begin_line(f, is_first);
		fprintf(f, "%s is %s\n", step->path, nix_dir);
		break;
	case PLAN_COVER_DIRECTORY:
	case PLAN_COVER_FILE:
		begin_line(f, is_first);
		fprintf(f, "%s is %s\n", step->path, step->source);
		break;
	case PLAN_HIDE_FILE:
		begin_line(f, is_first);
		fprintf(f, "%s is left out\n", step->path);
		break;
	case PLAN_DIRECTORY:
	case PLAN_TMPFS:
		entries = count_in(plan, step->path);
		begin_line(f, is_first);
		fprintf(f, "%s is a directory of its own with %zu %s\n", step->path, entries,
			entries == 1 ? "entry" : "entries");
		break;
	case PLAN_BIND_DIRECTORY:
	case PLAN_BIND_FILE:
	case PLAN_SYMLINK:
		break;
	}
}

void dry_run_condense(const struct plan *plan, const char *nix_dir, FILE *f)
{
	bool is_first = true;

	for (size_t i = 0; i < plan->count; i++)
		print_step(plan, &plan->steps[i], nix_dir, f, &is_first);
	print_top(plan, "bound as they are:", false, f, &is_first);
	print_top(plan, "links made again:", true, f, &is_first);
}

/* A host without our Nix directory, which is not made yet. */
static bool is_nix(const char *path)
{
	return str_starts_with(path, "/nix") && (path[4] == '/' || !path[4]);
}

static int look_but_nix(void *context, const char *path, enum entry_type *type, char **target)
{
	const struct host_view *real = context;

	return is_nix(path) ? -ENOENT : real->look(real->context, path, type, target);
}

static int list_but_nix(void *context, const char *path, struct listing *out)
{
	const struct host_view *real = context;

	*out = (struct listing){0};
	return is_nix(path) ? -ENOENT : real->list(real->context, path, out);
}

static bool is_writable_but_nix(void *context, const char *path)
{
	const struct host_view *real = context;

	return !is_nix(path) && real->is_writable(real->context, path);
}

static bool is_kernels_but_nix(void *context, const char *path)
{
	const struct host_view *real = context;

	return !is_nix(path) && real->is_kernels(real->context, path);
}

int dry_run_print_mounts(const struct workspace *workspace, FILE *f)
{
	_cleanup_(path_config_clear) struct path_config config = {0};
	_cleanup_(plan_clear) struct plan plan = {0};
	_cleanup_free_ char *user = environment_user(), *state = xdg_state_home();
	_cleanup_close_ int fd = open(workspace->nix_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct host_view real = host_view_real(&fd), view = real;

	if (fd < 0)
		view = (struct host_view){
			.list = list_but_nix,
			.look = look_but_nix,
			.is_writable = is_writable_but_nix,
			.is_kernels = is_kernels_but_nix,
			.context = &real,
		};

	if (fd >= 0 && path_config_read(fd, workspace->nix_dir, &config) < 0)
		return -1;
	if (plan_build(
		    &(struct plan_input){
			    .view = &view, .config = &config, .user = user, .state_home = state},
		    &plan) < 0)
		return -1;
	dry_run_condense(&plan, workspace->nix_dir, f);
	return 0;
}
