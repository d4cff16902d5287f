/*
 * No rule of ours and no SECURE flag of libarchive's stands in an archive's way. What it does then,
 * it does inside the staging directory: the confinement alone holds. That the archives are
 * dangerous is shown too, by what they wrote where they thought to be outside.
 */
#include "unpack_fixture.h"

#include "unpack/extract.h"
#include "unpack/extract_entry.h"
#include "unpack/unpack.h"

/* A policy that makes everything that the archive has. */
static int take_anything(struct extraction *x, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);

	if (!path)
		return 0;
	/* if the kernel refuses an entry, leave it out and go on with the next */
	if (extract_entry_write(x, entry, path) < 0)
		archive_write_finish_entry(x->out);
	x->report.entries++;
	if (!x->top)
		x->top = xstrdup("nix-without-policy");
	x->has = HAS_INSTALL | HAS_REGINFO | HAS_STORE;
	return 0;
}

static int without_policy(const struct unpack_limits *limits)
{
	/*
	 * without UNLINK, because the filter allows no unlink(2), and then no entry would be made
	 */
	const struct extract_policy policy = {
		take_anything, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
				       ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR};

	return extract_run(limits, &policy);
}

/*
 * SCRATCH/outside has the files that the archives try to reach; the archives are unpacked to
 * SCRATCH/staging.
 */
struct place {
	struct scratch *scratch;
	int outside, staging, archive;
	char *target; /* the path of SCRATCH/outside without its first '/': so it is in staging */
};

static struct place place_new(struct scratch *scratch)
{
	struct place place = {
		.scratch = scratch,
		.outside = make_dir(scratch, "outside"),
		.staging = make_dir(scratch, "staging"),
		.archive = tar_new(scratch),
		.target = xasprintf("%s/outside", scratch->dir + 1),
	};

	make_file(place.outside, "victim", "untouched", 0644);
	return place;
}

/* Unpacks, and checks that in SCRATCH only the staging directory has changed. */
static void unpack_and_look(struct place *place)
{
	struct unpack_request request = {
		.archive_name = "ARCHIVE",
		.staging_fd = place->staging,
		.staging_path = "STAGING",
		.lock_fd = -1,
		.work = without_policy,
	};
	struct unpack_result result;
	struct stat st;

	tar_end(place->archive);
	lseek(place->archive, 0, SEEK_SET);
	assert_int_equal(unpack_archive(&request, place->archive, NULL, &result), 0);
	unpack_result_clear(&result);
	assert_int_equal(count_children(place->scratch->fd), 3);
	assert_int_equal(count_children(place->outside), 1);
	assert_file(place->outside, "victim", "untouched");
	st = status_of(place->outside, "victim");
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_nlink, 1);
}

static void place_free(struct place *place)
{
	close(place->outside);
	close(place->staging);
	close(place->archive);
	free(place->target);
}

static void test_dotdot(void **state)
{
	struct place place = place_new(*state);

	tar_entry(place.archive, '0', "../../../../evil", "", "evil", 0644);
	tar_entry(place.archive, '0', "../outside/victim", "", "evil", 0644);
	unpack_and_look(&place);
	assert_file(place.staging, "evil", "evil");
	assert_file(place.staging, "outside/victim", "evil");
	place_free(&place);
}

static void test_absolute(void **state)
{
	struct place place = place_new(*state);
	_cleanup_free_ char *victim = xasprintf("/%s/victim", place.target);

	tar_entry(place.archive, '0', victim, "", "evil", 0644);
	unpack_and_look(&place);
	assert_file(place.staging, victim + 1, "evil");
	place_free(&place);
}

static void test_symlink(void **state)
{
	struct place place = place_new(*state);
	_cleanup_free_ char *absolute = xasprintf("/%s", place.target);
	_cleanup_free_ char *made = xasprintf("%s/victim", place.target);

	/* make a directory of the same path inside, so that the link leads somewhere */
	tar_entry(place.archive, '5', absolute, "", NULL, 0755);
	tar_entry(place.archive, '2', "absolute", absolute, NULL, 0777);
	tar_entry(place.archive, '0', "absolute/victim", "", "evil", 0644);
	tar_entry(place.archive, '2', "up", "../outside", NULL, 0777);
	tar_entry(place.archive, '0', "up/victim", "", "evil", 0644);
	unpack_and_look(&place);
	assert_file(place.staging, made, "evil");
	place_free(&place);
}

static void test_hardlink(void **state)
{
	struct place place = place_new(*state);
	_cleanup_free_ char *victim = xasprintf("/%s/victim", place.target);

	tar_entry(place.archive, '1', "linked", victim, NULL, 0644);
	tar_entry(place.archive, '1', "up", "../outside/victim", NULL, 0644);
	tar_entry(place.archive, '0', "linked", "", "evil", 0644);
	unpack_and_look(&place);
	assert_false(is_there(place.staging, "up"));
	place_free(&place);
}

static void test_devices(void **state)
{
	struct place place = place_new(*state);

	tar_entry(place.archive, '3', "character", "", NULL, 0666);
	tar_entry(place.archive, '4', "block", "", NULL, 0666);
	tar_entry(place.archive, '0', "after", "", "after", 0644);
	unpack_and_look(&place);
	assert_false(is_there(place.staging, "character"));
	assert_false(is_there(place.staging, "block"));
	assert_file(place.staging, "after", "after");
	place_free(&place);
}

#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_dotdot),  WITH_SCRATCH(test_absolute),
		WITH_SCRATCH(test_symlink), WITH_SCRATCH(test_hardlink),
		WITH_SCRATCH(test_devices),
	};

	return cmocka_run_group_tests_name("unpack without policy", tests, NULL, NULL);
}
