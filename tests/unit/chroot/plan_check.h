/*
 * A plan as text, and a plan tried out on paper: each step must be possible when its turn comes,
 * and none may make anything in a directory of the host's. Include after fake_host.h.
 */
#ifndef TEST_PLAN_CHECK_H
#define TEST_PLAN_CHECK_H

#include "chroot/plan.h"

static inline const char *plan_word(enum plan_type type)
{
	static const char *const words[] = {
		[PLAN_DIRECTORY] = "dir",
		[PLAN_SYMLINK] = "link",
		[PLAN_BIND_DIRECTORY] = "bind-dir",
		[PLAN_BIND_FILE] = "bind-file",
		[PLAN_COVER_DIRECTORY] = "cover-dir",
		[PLAN_COVER_FILE] = "cover-file",
		[PLAN_HIDE_FILE] = "hide",
		[PLAN_WRITE_FILE] = "write",
		[PLAN_COVER_TEXT] = "cover-text",
		[PLAN_TMPFS] = "tmpfs",
		[PLAN_NIX] = "nix",
	};

	return words[type];
}

/*
 * The steps of PLAN as text, one a line: "WORD PATH"; "WORD PATH < SOURCE" if the source has
 * another path; or "WORD PATH = TEXT". The caller frees.
 */
static inline char *plan_text(const struct plan *plan)
{
	char *text = NULL;
	size_t len;
	FILE *f = xopen_memstream(&text, &len);

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_step *step = &plan->steps[i];
		bool elsewhere = step->source && strcmp(step->source, step->path) != 0;

		fprintf(f, "%s %s%s%s%s%s\n", plan_word(step->type), step->path,
			elsewhere ? " < " : "", elsewhere ? step->source : "",
			step->text ? " = " : "", step->text ? step->text : "");
	}
	fclose(f);
	return text;
}

/* What is mounted so far in a simulation of the plan; a later mount covers an earlier one. */
struct paper_mount {
	const char *path;
	const char *source; /* on the host or below /nix; NULL: a tmpfs of ours */
	bool is_file;	    /* it is the empty file */
};

struct paper {
	const struct fake_host *host;
	struct paper_mount *mounts;
	size_t mount_count;
	struct plan_step *made; /* the entries of our tmpfs */
	size_t made_count;
};

static inline bool paper_within(const char *path, const char *directory)
{
	size_t len = directory[1] ? strlen(directory) : 0;

	return strncmp(path, directory, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static inline const struct paper_mount *paper_mount_of(const struct paper *paper, const char *path)
{
	for (size_t i = paper->mount_count; i > 0; i--)
		if (paper_within(path, paper->mounts[i - 1].path))
			return &paper->mounts[i - 1];
	fail_msg("%s is in no mount", path);
	return NULL;
}

/* Returns 0 and the type of PATH in the simulation, or -errno. */
static inline int paper_look(const struct paper *paper, const char *path, enum entry_type *type)
{
	const struct paper_mount *mount = paper_mount_of(paper, path);

	if (mount->source) {
		_cleanup_free_ char *there =
			xasprintf("%s%s", mount->source[1] ? mount->source : "",
				  path + (mount->path[1] ? strlen(mount->path) : 0));
		const struct fake_entry *entry = fake_find(paper->host, *there ? there : "/");
		int r = *there ? fake_check_parents(paper->host, there) : 0;

		if (r < 0 || !entry)
			return r < 0 ? r : -ENOENT;
		*type = fake_type(entry);
		return 0;
	}
	*type = mount->is_file ? ENTRY_FILE : ENTRY_DIRECTORY;
	if (strcmp(path, mount->path) == 0)
		return 0;
	if (mount->is_file)
		return -ENOTDIR;
	for (size_t i = paper->made_count; i > 0; i--) {
		const struct plan_step *step = &paper->made[i - 1];

		if (strcmp(step->path, path) != 0)
			continue;
		*type = step->type == PLAN_SYMLINK ? ENTRY_SYMLINK
			: step->type == PLAN_BIND_FILE || step->type == PLAN_WRITE_FILE
				? ENTRY_FILE
				: ENTRY_DIRECTORY;
		return 0;
	}
	return -ENOENT;
}

static inline void paper_mount_add(struct paper *paper, const char *path, const char *source)
{
	paper->mounts =
		xreallocarray(paper->mounts, paper->mount_count + 1, sizeof(*paper->mounts));
	paper->mounts[paper->mount_count++] = (struct paper_mount){path, source, false};
}

/* A new entry must be in a directory that the plan has made, and nothing of that name may exist. */
static inline void paper_make(struct paper *paper, const struct plan_step *step)
{
	_cleanup_free_ char *parent = path_parent(step->path);
	enum entry_type type;

	if (paper_mount_of(paper, parent)->source)
		fail_msg("%s would be made on the host", step->path);
	if (paper_look(paper, parent, &type) < 0 || type != ENTRY_DIRECTORY)
		fail_msg("%s has no directory to be made in", step->path);
	if (paper_look(paper, step->path, &type) != -ENOENT)
		fail_msg("%s is there already", step->path);
	paper->made = xreallocarray(paper->made, paper->made_count + 1, sizeof(*paper->made));
	paper->made[paper->made_count++] = *step;
}

static inline void paper_require(const struct paper *paper, const struct plan_step *step,
				 enum entry_type wanted)
{
	enum entry_type type;
	int r = paper_look(paper, step->path, &type);

	if (r < 0 || type != wanted)
		fail_msg("%s %s: nothing fit to mount on", plan_word(step->type), step->path);
}

static inline void paper_do(struct paper *paper, const struct plan_step *step)
{
	switch (step->type) {
	case PLAN_BIND_DIRECTORY:
	case PLAN_BIND_FILE:
	case PLAN_NIX:
	case PLAN_DIRECTORY:
	case PLAN_SYMLINK:
	case PLAN_WRITE_FILE:
		paper_make(paper, step);
		break;
	case PLAN_COVER_FILE:
	case PLAN_HIDE_FILE:
	case PLAN_COVER_TEXT:
		paper_require(paper, step, ENTRY_FILE);
		break;
	case PLAN_COVER_DIRECTORY:
	case PLAN_TMPFS:
		paper_require(paper, step, ENTRY_DIRECTORY);
		break;
	}
	if (step->type == PLAN_NIX)
		paper_mount_add(paper, step->path, "/nix");
	else if (step->type != PLAN_DIRECTORY && step->type != PLAN_SYMLINK &&
		 step->type != PLAN_WRITE_FILE)
		paper_mount_add(paper, step->path, step->source);
	if (step->type == PLAN_HIDE_FILE || step->type == PLAN_COVER_TEXT)
		paper->mounts[paper->mount_count - 1].is_file = true;
}

/* Simulates PLAN on HOST; a step that could not be carried out fails the test. */
static inline void plan_check(const struct plan *plan, const struct fake_host *host)
{
	struct paper paper = {.host = host};
	size_t nix = 0;

	paper_mount_add(&paper, "/", NULL);
	/* while the steps are carried out, there is the old root, and a file of ours */
	paper_make(&paper, &(struct plan_step){.type = PLAN_DIRECTORY, .path = plan->old_root});
	paper_make(&paper, &(struct plan_step){.type = PLAN_BIND_FILE, .path = plan->own_file});
	for (size_t i = 0; i < plan->count; i++) {
		/* no step may be inside the old root */
		assert_false(paper_within(plan->steps[i].path, plan->old_root));
		paper_do(&paper, &plan->steps[i]);
		nix += plan->steps[i].type == PLAN_NIX;
	}
	assert_int_equal(nix, 1);
	free(paper.mounts);
	free(paper.made);
}

#endif
