/* Where the running program is, whether --update may replace it there, and replacing it. */
#ifndef INSTALL_UPDATE_PLACE_H
#define INSTALL_UPDATE_PLACE_H

#include "install/update_request.h"
#include "store/record.h"
#include "util/sha256.h"

#include <stddef.h>
#include <sys/types.h>

struct update_place {
	char *path; /* absolute, without symlinks */
	int fd;	    /* the program's file */
	int dir_fd; /* the directory of the file */
	mode_t mode;
};

#define UPDATE_PLACE_NONE       \
	{                       \
		NULL, -1, -1, 0 \
	}

/*
 * Find the program, which was started by the name ARGV0: 0 with *OUT for update_place_clear(), or
 * -1 after a message, if it belongs to another user or a package, or consists of two files, which
 * no release has. The message is a warning if the user asks for more than the program (IS_PART),
 * else an error.
 */
int update_place_find(const char *argv0, bool is_part, struct update_place *out);

/*
 * Replace the program in PLACE by the LEN bytes at DATA, whose digest is SHA256, by rename(2), and
 * update the record of the Nix directory if the program is in it. 0, or -1 after a message.
 */
int update_place_put(const struct update_request *request, const struct update_place *place,
		     const void *data, size_t len, const struct sha256 *sha256);

/* The name by which RECORD lists the program at PATH; NULL: RECORD does not list it. */
const char *update_recorded_name(const struct record *record, const char *path);

void update_place_clear(struct update_place *place);

#endif
