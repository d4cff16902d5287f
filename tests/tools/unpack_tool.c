/*
 * unpack_tool [-r] [-k] ARCHIVE STAGING_DIR NIX_DIR [MAX_BYTES [MAX_ENTRIES]]
 *
 * Unpacks ARCHIVE ("-": standard input), confined, into STAGING_DIR, and then commits its store
 * paths to NIX_DIR/store, as --install does. -r: replace store paths that exist. -k: keep the
 * unpacked files, and do not commit.
 */
#include "store/commit.h"
#include "store/layout.h"
#include "unpack/unpack.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int commit(int staging_fd, const char *top, const char *nix_path, bool replace)
{
	_cleanup_close_ int top_fd = fs_open_dir(staging_fd, top);
	_cleanup_close_ int nix_fd = fs_open_dir(AT_FDCWD, nix_path);
	struct trust trust;
	const char *unknown;
	struct store_request request = {.nix_path = nix_path, .trust = &trust, .replace = replace};
	struct store_result result;
	_cleanup_(record_clear) struct record record = RECORD_NONE;
	int r;

	if (top_fd < 0 || nix_fd < 0) {
		fprintf(stderr, "cannot open %s or %s\n", top, nix_path);
		return 1;
	}
	request.top_fd = top_fd;
	request.nix_dir_fd = nix_fd;
	r = fs_mkdirs(nix_fd, LAYOUT_STATE, 0755);
	if (r == 0)
		r = record_open(nix_fd, &record);
	if (r < 0) {
		layout_error("make the record of", nix_path, r);
		return 1;
	}
	if (trust_find(NULL, NULL, &trust, &unknown) < 0 ||
	    store_commit(&request, &record, &result) < 0)
		return 1;
	printf("added %zu replaced %zu\n", result.added, result.replaced);
	for (size_t i = 0; i < result.names.count; i++)
		puts(result.names.items[i]);
	store_result_clear(&result);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_close_ int archive_fd = -1, staging_fd = -1;
	struct unpack_request request = {.lock_fd = -1};
	bool replace = false, keep = false;
	struct unpack_result result;
	int c, status = 0;

	while ((c = getopt(argc, argv, "rk")) != -1) {
		replace |= c == 'r';
		keep |= c == 'k';
	}
	argv += optind;
	if (argc - optind < 3)
		return 2;
	archive_fd = strcmp(argv[0], "-") == 0 ? dup(0) : open(argv[0], O_RDONLY | O_CLOEXEC);
	staging_fd = fs_open_dir(AT_FDCWD, argv[1]);
	if (archive_fd < 0 || staging_fd < 0) {
		perror(archive_fd < 0 ? argv[0] : argv[1]);
		return 2;
	}
	request.archive_name = argv[0];
	request.staging_fd = staging_fd;
	request.staging_path = argv[1];
	if (argc - optind > 3)
		request.limits.bytes = strtoull(argv[3], NULL, 10);
	if (argc - optind > 4)
		request.limits.entries = strtoull(argv[4], NULL, 10);
	if (unpack_archive(&request, archive_fd, NULL, &result) < 0)
		return 1;
	printf("top %s entries %llu bytes %llu\n", result.top, (unsigned long long)result.entries,
	       (unsigned long long)result.bytes);
	if (!keep)
		status = commit(staging_fd, result.top, argv[2], replace);
	unpack_result_clear(&result);
	return status;
}
