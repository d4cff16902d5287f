/*
 * What a test's subject says on stderr. Include after cmocka.h.
 */
#ifndef TEST_CAPTURE_H
#define TEST_CAPTURE_H

#include "util/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct capture {
	FILE *file;
	int saved;
};

/* From now on stderr is captured by *CAPTURE. */
static inline void capture_begin(struct capture *capture)
{
	capture->file = tmpfile();
	assert_non_null(capture->file);
	capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	assert_true(capture->saved >= 0);
	assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

/* Restores stderr, and returns what was written to it since capture_begin(); the caller frees. */
static inline char *capture_end(struct capture *capture)
{
	char *text = xcalloc(65536, 1);

	assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
	close(capture->saved);
	rewind(capture->file);
	assert_true(fread(text, 1, 65535, capture->file) < 65535);
	fclose(capture->file);
	return text;
}

#endif
