#include "install/unpack.h"

#include "install/confine.h"
#include "install/extract.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

/* How often progress() is called when the child says nothing, in milliseconds. */
#define TICK 250

/* What came of the child. */
struct outcome {
	struct extract_report last; /* kind 0: it did not say how it ended */
	bool stopped;		    /* progress() asked for it */
	int status; /* from confine_wait(); below 0 where SIGCHLD is ignored: nothing is known */
};

static int run_extract(void *ctx)
{
	return extract_run(ctx);
}

static const char *advice_text(uint32_t advice)
{
	static const char *const texts[EXTRACT_ADVICE_COUNT] = {
		[EXTRACT_ADVICE_TARBALL] = "get the tarball anew, or another one: --nix-version, "
					   "--mirror and --tarball choose it",
		[EXTRACT_ADVICE_SPACE] = "make room there (or raise the quota) and run it again",
		[EXTRACT_ADVICE_DISK] = "look at that file system's mount options and permissions, "
					"or choose another one with NIX_USER_CHROOT_DIR",
	};

	return advice < EXTRACT_ADVICE_COUNT ? texts[advice] : NULL;
}

/* The child had foreign bytes to work on: take nothing that it says on trust. */
static void tame(struct extract_report *report)
{
	report->text[sizeof(report->text) - 1] = '\0';
	for (char *p = report->text; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

static bool top_valid(const char *top)
{
	return str_starts_with(top, "nix-") && !strchr(top, '/') && strlen(top) <= 255;
}

/* One report, whole: 1, or 0 at the end, or -errno. */
static int read_report(int fd, struct extract_report *report)
{
	char *p = (char *)report;
	size_t have = 0;

	while (have < sizeof(*report)) {
		ssize_t n = read(fd, p + have, sizeof(*report) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return have ? -EPROTO : 0;
		have += (size_t)n;
	}
	tame(report);
	return 1;
}

/*
 * Follow the child until its end of the pipe is closed, which is when it can write no more, to the
 * pipe or to the staging directory.
 */
static void follow(const struct unpack_request *request, int fd, pid_t pid, struct outcome *outcome)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	struct extract_report report;
	uint64_t taken = 0;

	for (;;) {
		int ready = poll(&poll_fd, 1, TICK);

		if (ready > 0) {
			if (read_report(fd, &report) <= 0)
				break;
			if (report.kind == EXTRACT_PROGRESS)
				taken = report.bytes;
			else
				outcome->last = report;
		}
		if (!outcome->stopped && request->progress &&
		    request->progress(request->ctx, taken) != 0) {
			outcome->stopped = true;
			confine_kill(pid);
		}
	}
	/* a ^C may have ended the child before it came to us */
	if (!outcome->stopped && outcome->last.kind == 0 && request->progress)
		outcome->stopped = request->progress(request->ctx, taken) != 0;
}

static void say_failure(const struct unpack_request *request, const struct outcome *outcome)
{
	const struct extract_report *last = &outcome->last;
	const char *advice = advice_text(last->advice);
	_cleanup_free_ char *so_far = NULL;

	if (last->kind == EXTRACT_FAILED) {
		if (last->advice == EXTRACT_ADVICE_SPACE)
			so_far = xasprintf(" (%llu MiB in %llu files were unpacked until then)",
					   (unsigned long long)(last->bytes >> 20),
					   (unsigned long long)last->entries);
		log_error("cannot unpack %s into %s: %s%s%s%s", request->archive_name,
			  request->staging_path, last->text, so_far ? so_far : "",
			  advice ? "\n" : "", advice ? advice : "");
	} else if (outcome->status > 128) {
		log_error("cannot unpack %s into %s: the unpacking was ended by signal %d (%s)\n"
			  "SIGKILL is often the kernel's answer to too little memory; run it again",
			  request->archive_name, request->staging_path, outcome->status - 128,
			  strsignal(outcome->status - 128));
	} else {
		log_error("cannot unpack %s into %s: the unpacking ended with status %d\n"
			  "run it again; more memory may help",
			  request->archive_name, request->staging_path, outcome->status);
	}
}

/* The first failure is the one that is told: this goes on with what is left. */
static void empty_staging(const struct unpack_request *request)
{
	/* a descriptor of its own, since the position of the caller's is the caller's */
	int fd = fs_open_dir(request->staging_fd, ".");
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int first = 0;

	if (!dir) {
		first = -errno;
		if (fd >= 0)
			close(fd);
	}
	while (dir && (entry = readdir(dir))) {
		int r = 0;

		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = fs_remove_tree(request->staging_fd, entry->d_name);
		first = first ? first : r;
	}
	if (first < 0)
		log_warning("cannot empty %s: %s\nremove it by hand", request->staging_path,
			    strerror(-first));
}

static int unpack_confined(const struct unpack_request *request, struct unpack_limits *limits,
			   struct outcome *outcome)
{
	_cleanup_close_ int reports = -1, child_end = -1;
	struct confine_request confine = {
		.root_fd = request->staging_fd,
		.in_fd = request->archive_fd,
		.keep_fd = request->lock_fd,
		.run = run_extract,
		.ctx = limits,
	};
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0) {
		log_error("cannot start the unpacking: pipe: %s", strerror(errno));
		return -1;
	}
	reports = pipes[0];
	child_end = confine.out_fd = pipes[1];
	pid = confine_spawn(&confine);
	if (pid < 0)
		return -1;
	close(steal_fd(&child_end));
	follow(request, reports, pid, outcome);
	outcome->status = confine_wait(pid);
	return 0;
}

int unpack_archive(const struct unpack_request *request, struct unpack_result *out)
{
	struct unpack_limits limits = request->limits;
	struct outcome outcome = {.status = 0};

	*out = (struct unpack_result){0};
	if (!limits.bytes)
		limits.bytes = UNPACK_MAX_BYTES;
	if (!limits.entries)
		limits.entries = UNPACK_MAX_ENTRIES;
	if (unpack_confined(request, &limits, &outcome) < 0)
		return -1;
	if (outcome.stopped) {
		empty_staging(request);
		return -1;
	}
	if (outcome.last.kind != EXTRACT_DONE || outcome.status > 0 ||
	    !top_valid(outcome.last.text)) {
		say_failure(request, &outcome);
		empty_staging(request);
		out->refused = outcome.last.kind == EXTRACT_FAILED &&
			       outcome.last.advice == EXTRACT_ADVICE_TARBALL;
		return -1;
	}
	out->top = xstrdup(outcome.last.text);
	out->entries = outcome.last.entries;
	out->bytes = outcome.last.bytes;
	return 0;
}

void unpack_result_clear(struct unpack_result *result)
{
	free(result->top);
	*result = (struct unpack_result){0};
}
