#include "canned.h"
#include "util/fs.h"
#include "util/str.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEAD_MAX = 4096, LIFE = 60 };

/*
 * Reads the head of a request, writes it down, answers, and waits until the client has closed the
 * connection
 */
static void serve_one(int connection, int requests, const char *answer)
{
	const char *silence = strstr(answer, CANNED_SILENCE);
	char head[HEAD_MAX + 1];
	size_t used = 0;
	ssize_t n;

	do {
		n = read(connection, head + used, HEAD_MAX - used);
		if (n <= 0)
			return;
		used += (size_t)n;
		head[used] = '\0';
	} while (!strstr(head, "\r\n\r\n"));
	head[used] = '#';
	if (fs_write_all(requests, head, used + 1) < 0)
		return;
	if (fs_write_all(connection, answer,
			 silence ? (size_t)(silence - answer) : strlen(answer)) < 0) {
		(void)!fs_write_all(requests, "!", 1);
		return;
	}
	if (!silence)
		shutdown(connection, SHUT_WR);
	while (read(connection, head, sizeof(head)) > 0)
		;
}

static _Noreturn void serve(int listener, int requests, const char *const *answers)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(LIFE);
	signal(SIGPIPE, SIG_IGN);
	for (; *answers; answers++) {
		int connection = accept(listener, NULL, NULL);

		if (connection < 0)
			_exit(1);
		serve_one(connection, requests, *answers);
		close(connection);
	}
	_exit(0);
}

void canned_start(struct canned *canned, const char *const *answers)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pipes[2];

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(pipe(pipes), 0);
	canned->pid = fork();
	assert_true(canned->pid >= 0);
	if (canned->pid == 0)
		serve(listener, pipes[1], answers);
	close(listener);
	close(pipes[1]);
	canned->requests = pipes[0];
	canned->url = xasprintf("http://127.0.0.1:%u", ntohs(address.sin_port));
}

char *canned_end(struct canned *canned)
{
	char *text = xcalloc(1, 1);
	size_t used = 0;
	ssize_t n;

	kill(canned->pid, SIGKILL);
	assert_int_equal(waitpid(canned->pid, NULL, 0), canned->pid);
	do {
		text = xreallocarray(text, used + HEAD_MAX + 1, 1);
		n = read(canned->requests, text + used, HEAD_MAX);
		assert_true(n >= 0);
		used += (size_t)n;
	} while (n > 0);
	text[used] = '\0';
	close(canned->requests);
	free(canned->url);
	return text;
}
