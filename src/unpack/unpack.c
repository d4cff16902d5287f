#include "unpack/unpack.h"

#include "unpack/confine.h"
#include "unpack/extract.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

/* How often progress() is called when the child says nothing, in milliseconds. */
#define TICK 250

/* One read from the archive; a pipe holds as much. */
#define FEED_BLOCK ((size_t)64 << 10)

/*
 * The archive's way to the child: what is read is digested and handed on from memory that is ours
 * alone, so that the child gets what the digest is of.
 */
struct feed {
	int in;			      /* the archive; the caller's */
	int out;		      /* the child's descriptor 0; -1: closed */
	struct sha256_stream *digest; /* NULL: not asked for */
	bool complete;		      /* the child got all of it */
	int error;		      /* errno: it could not be read */
	size_t have, sent;	      /* bytes in block, and of them those that are written */
	char block[FEED_BLOCK];
};

/* What came of the child. */
struct outcome {
	struct extract_report last; /* kind 0: it did not say how it ended */
	bool stopped;		    /* progress() asked for it */
	int read_error;		    /* errno: the archive could not be read */
	bool complete;		    /* the child got all of it */
	struct sha256 digest;	    /* and this is its digest, where one is expected */
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

/* Nothing more goes to the child: at the archive's end, or since it cannot be had or is not wanted
 */
static void feed_end(struct feed *feed, int error)
{
	close(steal_fd(&feed->out));
	feed->error = error;
}

static void feed_read(struct feed *feed)
{
	ssize_t n = read(feed->in, feed->block, sizeof(feed->block));

	if (n < 0) {
		if (errno != EINTR && errno != EAGAIN)
			feed_end(feed, errno);
		return;
	}
	feed->have = (size_t)n;
	feed->sent = 0;
	if (n == 0) {
		feed->complete = true;
		feed_end(feed, 0);
	} else if (feed->digest && sha256_stream_update(feed->digest, feed->block, (size_t)n) < 0) {
		feed_end(feed, EIO);
	}
}

static void feed_write(struct feed *feed)
{
	ssize_t n = write(feed->out, feed->block + feed->sent, feed->have - feed->sent);

	if (n >= 0)
		feed->sent += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN)
		/* EPIPE: the child has ended, and has said why or the status will */
		feed_end(feed, errno == EPIPE ? 0 : errno);
}

/* What to wait for: room in the pipe, or the next of the archive. */
static struct pollfd feed_waits(const struct feed *feed)
{
	if (feed->out < 0)
		return (struct pollfd){.fd = -1};
	if (feed->sent < feed->have)
		return (struct pollfd){.fd = feed->out, .events = POLLOUT};
	return (struct pollfd){.fd = feed->in, .events = POLLIN};
}

/* One step of it, which does not block. */
static void feed_step(struct feed *feed)
{
	if (feed->sent < feed->have)
		feed_write(feed);
	else
		feed_read(feed);
}

/*
 * Feed and follow the child until its end of the pipe of reports is closed, which is when it can
 * write no more, to the pipe or to the staging directory.
 */
static void follow(const struct unpack_request *request, int reports, pid_t pid, struct feed *feed,
		   struct outcome *outcome)
{
	struct extract_report report;
	uint64_t taken = 0;

	for (;;) {
		struct pollfd waits[] = {{.fd = reports, .events = POLLIN}, feed_waits(feed)};
		int ready = poll(waits, 2, TICK);

		if (ready > 0 && waits[0].revents) {
			if (read_report(reports, &report) <= 0)
				break;
			if (report.kind == EXTRACT_PROGRESS)
				taken = report.bytes;
			else
				outcome->last = report;
		}
		if (ready > 0 && waits[1].revents) {
			feed_step(feed);
			if (feed->error)
				confine_kill(pid);
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
	outcome->read_error = feed->error;
	outcome->complete = feed->complete;
}

static void say_failure(const struct unpack_request *request, const struct outcome *outcome)
{
	const struct extract_report *last = &outcome->last;
	const char *advice = advice_text(last->advice);
	_cleanup_free_ char *so_far = NULL, *size = str_size(last->bytes);

	if (outcome->read_error) {
		log_error("cannot unpack %s into %s: cannot read it: %s\nrun it again",
			  request->archive_name, request->staging_path,
			  strerror(outcome->read_error));
	} else if (last->kind == EXTRACT_FAILED) {
		if (last->advice == EXTRACT_ADVICE_SPACE)
			so_far = xasprintf(" (%s in %llu files were unpacked until then)", size,
					   (unsigned long long)last->entries);
		log_error("cannot unpack %s into %s: %s%s%-s%-s", request->archive_name,
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

/*
 * Start the child, and give it the archive through FEED, whose end of the pipe is made here.
 * Returns 0 with the child ended, or -1 after it has said why there was none.
 */
static int run_child(const struct unpack_request *request, struct unpack_limits *limits,
		     struct feed *feed, struct outcome *outcome)
{
	_cleanup_close_ int reports = -1, child_out = -1, child_in = -1;
	struct confine_request confine = {
		.root_fd = request->staging_fd,
		.keep_fd = request->lock_fd,
		.run = run_extract,
		.ctx = limits,
	};
	int from_child[2], to_child[2];
	pid_t pid;

	if (pipe2(from_child, O_CLOEXEC) < 0) {
		log_error("cannot start the unpacking: pipe: %s\n"
			  "the limit of open files may be reached: ulimit -n",
			  strerror(errno));
		return -1;
	}
	reports = from_child[0];
	child_out = confine.out_fd = from_child[1];
	if (pipe2(to_child, O_CLOEXEC) < 0 || fcntl(to_child[1], F_SETFL, O_NONBLOCK) < 0) {
		log_error("cannot start the unpacking: pipe: %s\n"
			  "the limit of open files may be reached: ulimit -n",
			  strerror(errno));
		return -1;
	}
	child_in = confine.in_fd = to_child[0];
	feed->out = to_child[1];
	pid = confine_spawn(&confine);
	if (pid < 0)
		return -1;
	close(steal_fd(&child_in));
	close(steal_fd(&child_out));
	follow(request, reports, pid, feed, outcome);
	outcome->status = confine_wait(pid);
	return 0;
}

static void feed_free(struct feed **feed)
{
	if (*feed) {
		cleanup_close(&(*feed)->out);
		sha256_stream_free((*feed)->digest);
	}
	free(*feed);
}

static int unpack_confined(const struct unpack_request *request, struct unpack_limits *limits,
			   struct outcome *outcome)
{
	/* a child that ends early is no reason for us to: write(2) is to say EPIPE */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	_cleanup_(feed_free) struct feed *feed = xcalloc(1, sizeof(*feed));
	struct sigaction outer;
	int r;

	feed->in = request->archive_fd;
	feed->out = -1;
	if (request->expected && sha256_stream_new(&feed->digest) < 0) {
		log_error("libcrypto offers no SHA-256\nits installation is broken");
		return -1;
	}
	sigaction(SIGPIPE, &ignore, &outer);
	r = run_child(request, limits, feed, outcome);
	sigaction(SIGPIPE, &outer, NULL);
	if (r == 0 && feed->digest && sha256_stream_digest(feed->digest, &outcome->digest) < 0)
		outcome->read_error = EIO;
	return r;
}

/* Did the child get what was expected, all of it? -1 after a message where it did not. */
static int check_digest(const struct unpack_request *request, const struct outcome *outcome)
{
	char wanted[SHA256_HEX_LEN + 1], got[SHA256_HEX_LEN + 1] = "nothing that is whole";

	if (!request->expected)
		return 0;
	if (outcome->complete && sha256_equal(&outcome->digest, request->expected))
		return 0;
	sha256_format(request->expected, wanted);
	if (outcome->complete)
		sha256_format(&outcome->digest, got);
	log_error("cannot unpack %s into %s: it was changed after it had been verified\n"
		  "expected %s\nfound    %s\n"
		  "nothing of it was used; see who can write to the directory that it was "
		  "downloaded to, and run it again",
		  request->archive_name, request->staging_path, wanted, got);
	return -1;
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
	if (outcome.read_error || outcome.last.kind != EXTRACT_DONE || outcome.status > 0 ||
	    !top_valid(outcome.last.text)) {
		say_failure(request, &outcome);
		empty_staging(request);
		out->refused = !outcome.read_error && outcome.last.kind == EXTRACT_FAILED &&
			       outcome.last.advice == EXTRACT_ADVICE_TARBALL;
		return -1;
	}
	if (check_digest(request, &outcome) < 0) {
		empty_staging(request);
		out->refused = true;
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
