#include "unpack/unpack.h"

#include "ui/log.h"
#include "unpack/confine.h"
#include "unpack/entry_policy.h"
#include "unpack/extract.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often progress() is called while the child says nothing, in milliseconds. */
#define TICK 250

/* Bytes of one read from the archive, as many as a pipe holds. */
#define FEED_BLOCK ((size_t)64 << 10)

struct unpack {
	struct unpack_request request;
	struct confined child; /* pid -1: there is none */
	int archive;	       /* the other end of the child's descriptor 0; -1: closed */
	/* the other end of the child's descriptor 1; -1: closed, the child has ended */
	int reports;
	struct extract_reader reader;
	struct extract_report last; /* kind 0: the child has not said yet how it ended */
	uint64_t taken;		    /* bytes of the archive that the child has unpacked */
	bool stopped;		    /* progress() asked to stop */
	bool cut_short;		    /* the child did not read the whole archive */
	struct sigaction outer;	    /* the caller's disposition of SIGPIPE */
};

static int run_work(void *ctx)
{
	const struct unpack_request *request = ctx;

	return request->work(&request->limits);
}

/*
 * Empty the staging directory. Only the first failure is reported; the rest is removed all the
 * same.
 */
static void empty_staging(const struct unpack_request *request)
{
	_cleanup_closedir_ DIR *dir = fs_list_dir(request->staging_fd, ".");
	int first = dir ? 0 : -errno;
	struct dirent *entry;

	while (dir && (entry = fs_next_entry(dir))) {
		int r = fs_remove_tree(request->staging_fd, entry->d_name);

		first = first ? first : r;
	}
	if (first < 0)
		log_warning("cannot empty %s: %s\nremove it by hand", request->staging_path,
			    strerror(-first));
}

static void ask_progress(struct unpack *u)
{
	if (u->request.progress && u->request.progress(u->request.ctx, u->taken) != 0)
		u->stopped = true;
}

/* Read one report. When there are no more, the child can write nothing more, to staging either. */
static void take_report(struct unpack *u)
{
	const struct extract_report *report = &u->reader.report;
	int r = extract_report_read(u->reports, &u->reader);

	if (r == -EAGAIN)
		return;
	if (r <= 0)
		close(steal_fd(&u->reports));
	else if (report->kind == EXTRACT_PROGRESS)
		u->taken = report->bytes;
	else
		u->last = *report;
}

/*
 * Follow the child until FD (-1: nothing) is ready for EVENTS. Returns 1, 0 if the child has ended,
 * or -ECANCELED if it is to end.
 */
static int follow(struct unpack *u, int fd, short events)
{
	while (u->reports >= 0 && !u->stopped) {
		struct pollfd waits[] = {{.fd = u->reports, .events = POLLIN},
					 {.fd = fd, .events = events}};
		int ready = poll(waits, 2, TICK);

		if (ready > 0 && waits[0].revents)
			take_report(u);
		ask_progress(u);
		if (ready > 0 && waits[1].revents && !u->stopped)
			return 1;
	}
	return u->stopped ? -ECANCELED : 0;
}

/* Make the child's pipes and start it. Returns 0, or -1 after a message. */
static int start_child(struct unpack *u)
{
	_cleanup_close_ int child_in = -1, child_out = -1;
	struct confine_request confine = {
		.root_fd = u->request.staging_fd,
		.keep_fd = u->request.lock_fd,
		.memory = UNPACK_MAX_MEMORY,
		.file_bytes = u->request.limits.bytes,
		.seconds = UNPACK_MAX_SECONDS,
		.run = run_work,
		.ctx = &u->request,
	};
	int in[2], out[2];

	if (pipe2(out, O_CLOEXEC) == 0) {
		u->reports = out[0];
		child_out = confine.out_fd = out[1];
	}
	if (child_out >= 0 && pipe2(in, O_CLOEXEC) == 0) {
		child_in = confine.in_fd = in[0];
		u->archive = in[1];
	}
	if (child_in < 0 || fcntl(u->reports, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(u->archive, F_SETFL, O_NONBLOCK) < 0) {
		log_error("cannot start the unpacking: pipe: %s\n"
			  "the limit of open files may be reached: ulimit -n",
			  strerror(errno));
		return -1;
	}
	if (confine_spawn(&confine, &u->child) == 0)
		return 0;
	u->child.pid = -1;
	return -1;
}

/* Free everything except the child, which has ended. */
static void release(struct unpack *u)
{
	sigaction(SIGPIPE, &u->outer, NULL);
	cleanup_close(&u->archive);
	cleanup_close(&u->reports);
	free(u);
}

struct unpack *unpack_begin(const struct unpack_request *request)
{
	/* if the child ends early, write(2) returns EPIPE instead of ending this process */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct unpack *u = xcalloc(1, sizeof(*u));

	u->request = *request;
	u->archive = u->reports = u->child.pid = -1;
	if (!u->request.limits.bytes)
		u->request.limits.bytes = UNPACK_MAX_BYTES;
	if (!u->request.limits.entries)
		u->request.limits.entries = UNPACK_MAX_ENTRIES;
	if (!u->request.work)
		u->request.work = extract_nix_tarball;
	sigaction(SIGPIPE, &ignore, &u->outer);
	if (start_child(u) == 0)
		return u;
	release(u);
	return NULL;
}

int unpack_write(void *unpack, const void *data, size_t len)
{
	struct unpack *u = unpack;
	const char *p = data;

	while (len > 0) {
		int r = follow(u, u->archive, POLLOUT);
		ssize_t n = r <= 0 ? 0 : write(u->archive, p, len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (r <= 0 || n < 0) {
			u->cut_short = true;
			return r < 0 ? r : -EPIPE;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* End the child, and remove all that it made. */
static void discard(struct unpack *u)
{
	if (u->child.pid > 0) {
		confine_kill(u->child.pid);
		confine_wait(u->child.pid);
		empty_staging(&u->request);
	}
	cleanup_close(&u->archive);
	cleanup_close(&u->reports);
	u->archive = u->reports = -1;
	u->child.pid = -1;
}

int unpack_restart(void *unpack)
{
	struct unpack *u = unpack;

	discard(u);
	u->reader = (struct extract_reader){.have = 0};
	u->last = (struct extract_report){.kind = 0};
	u->taken = 0;
	u->cut_short = false;
	return start_child(u);
}

/* What the signal SIG that ended the child means, and what to do. */
static const char *signal_advice(int sig)
{
	switch (sig) {
	case SIGSYS:
		return "it asked the kernel for something that no unpacking needs; the tarball may "
		       "have taken it over: get it from elsewhere, and report this";
	case SIGXCPU:
		return "half an hour of processor time is more than a tarball of Nix takes: get it "
		       "from elsewhere";
	default:
		return "SIGKILL is often the kernel's answer to too little memory; run it again";
	}
}

/* Print the failure that the child reported. */
static void say_reported(const struct unpack_request *request, const struct extract_report *last)
{
	const char *advice = extract_advice_text(last->advice);
	_cleanup_free_ char *so_far = NULL, *size = str_size(last->bytes);

	if (last->advice == EXTRACT_ADVICE_SPACE)
		so_far = xasprintf(" (%s in %llu files were unpacked until then)", size,
				   (unsigned long long)last->entries);
	log_error("cannot unpack %s into %s: %s%s%-s%-s", request->archive_name,
		  request->staging_path, last->text, so_far ? so_far : "", advice ? "\n" : "",
		  advice ? advice : "");
}

/*
 * Print why the child failed. STATUS is from confine_wait(); negative if SIGCHLD is ignored and
 * nothing is known.
 */
static void say_failure(const struct unpack *u, int status)
{
	const struct unpack_request *request = &u->request;

	if (u->last.kind == EXTRACT_FAILED)
		say_reported(request, &u->last);
	else if (status > 128)
		log_error("cannot unpack %s into %s: the unpacking was ended by signal %d (%s)\n%s",
			  request->archive_name, request->staging_path, status - 128,
			  strsignal(status - 128), signal_advice(status - 128));
	else if (u->last.kind == EXTRACT_DONE)
		log_error(
			"cannot unpack %s into %s: the unpacking reported success, which cannot be "
			"true (top directory \"%s\", status %d)\n"
			"the tarball may have taken it over: get it from elsewhere, and report "
			"this",
			request->archive_name, request->staging_path, u->last.text, status);
	else
		log_error("cannot unpack %s into %s: the unpacking ended with status %d\n"
			  "run it again; more memory may help",
			  request->archive_name, request->staging_path, status);
}

/* Did the child end well, read all of the archive, and report so? */
static bool succeeded(const struct unpack *u, int status)
{
	return u->last.kind == EXTRACT_DONE && status <= 0 && !u->cut_short &&
	       entry_top_valid(u->last.text);
}

int unpack_end(struct unpack *u, struct unpack_result *out)
{
	bool done;
	int status;

	*out = (struct unpack_result){0};
	if (u->child.pid < 0) {
		release(u);
		return -1;
	}
	close(steal_fd(&u->archive));
	if (follow(u, -1, 0) < 0)
		confine_kill(u->child.pid);
	status = confine_wait(u->child.pid);
	done = !u->stopped && succeeded(u, status);
	if (done) {
		out->top = xstrdup(u->last.text);
		out->entries = u->last.entries;
		out->bytes = u->last.bytes;
	} else {
		if (!u->stopped)
			say_failure(u, status);
		empty_staging(&u->request);
		out->refused = !u->stopped && u->last.kind == EXTRACT_FAILED &&
			       u->last.advice == EXTRACT_ADVICE_TARBALL;
	}
	release(u);
	return done ? 0 : -1;
}

bool unpack_is_confined(const struct unpack *u)
{
	return u->child.to_root;
}

void unpack_abort(struct unpack *u)
{
	discard(u);
	release(u);
}

/*
 * Copy from FD to WATCH and the child, as long as both accept it. Returns 0 if the child's end
 * tells the result, or -1 after a message of WATCH or of this function.
 */
static int feed(struct unpack *u, int fd, const struct sink *watch)
{
	_cleanup_free_ char *block = xcalloc(1, FEED_BLOCK);
	uint64_t left = u->request.archive_size ? u->request.archive_size : UINT64_MAX;

	while (follow(u, fd, POLLIN) > 0) {
		ssize_t n = read(fd, block, left < FEED_BLOCK ? (size_t)left : FEED_BLOCK);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0) {
			log_error("cannot unpack %s into %s: cannot read it: %s\nrun it again",
				  u->request.archive_name, u->request.staging_path,
				  strerror(errno));
			return -1;
		}
		if (n == 0)
			return 0;
		left -= (uint64_t)n;
		if (watch && watch->write(watch->ctx, block, (size_t)n) != 0)
			return -1;
		if (unpack_write(u, block, (size_t)n) < 0)
			return 0;
	}
	u->cut_short = true;
	return 0;
}

int unpack_archive(const struct unpack_request *request, int archive_fd, const struct sink *watch,
		   struct unpack_result *out)
{
	struct unpack *u = unpack_begin(request);

	*out = (struct unpack_result){0};
	if (!u)
		return -1;
	if (feed(u, archive_fd, watch) == 0)
		return unpack_end(u, out);
	unpack_abort(u);
	return -1;
}

void unpack_result_clear(struct unpack_result *result)
{
	free(result->top);
	*result = (struct unpack_result){0};
}
