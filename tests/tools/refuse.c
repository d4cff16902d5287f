/*
 * refuse RULE[,RULE…] -- COMMAND [ARG…]
 *
 * Runs COMMAND under a seccomp filter that refuses system calls, as the filters of containers and
 * systemd units do. The filter is written in BPF instructions, so that the tests need no
 * libseccomp.
 *
 * RULE is NAME[=ERRNO|=kill][:BITS]. The call NAME fails with ERRNO (a number; by default EPERM),
 * or kills the process. With BITS, a hexadecimal number, this applies only if the first argument
 * has any of BITS. NAME is unshare, clone, mount, pivot_root, umount, openat2 or landlock. For
 * clone, only CLONE_NEWUSER is refused; and clone3 then answers ENOSYS, because a filter cannot see
 * its flags. Docker's default filter does the same.
 */
#include "native_arch.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* a rule needs at most five instructions, and the rest of the filter four */
#define MAX_INSTRUCTIONS 64

struct program {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short len;
};

static void emit(struct program *program, struct sock_filter instruction)
{
	if (program->len == MAX_INSTRUCTIONS) {
		fprintf(stderr, "refuse: too many rules\n");
		exit(125);
	}
	program->code[program->len++] = instruction;
}

static void emit_load(struct program *program, size_t offset)
{
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* Before and after a rule, the accumulator contains the number of the call. */
static void emit_rule(struct program *program, long number, uint32_t action, uint32_t bits)
{
	const struct sock_filter answer = BPF_STMT(BPF_RET | BPF_K, action);

	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0,
						   bits ? 4 : 1));
	if (bits) {
		/* the low half comes first: all of NATIVE_ARCH are little-endian */
		emit_load(program, offsetof(struct seccomp_data, args[0]));
		emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	}
	emit(program, answer);
	if (bits)
		emit_load(program, offsetof(struct seccomp_data, nr));
}

static bool add_rule(struct program *program, char *rule)
{
	char *bits_text = strchr(rule, ':'), *error_text = strchr(rule, '=');
	uint32_t action = SECCOMP_RET_ERRNO | EPERM, bits;

	if (bits_text)
		*bits_text++ = '\0';
	if (error_text)
		*error_text++ = '\0';
	if (error_text && strcmp(error_text, "kill") == 0)
		action = SECCOMP_RET_KILL_PROCESS;
	else if (error_text)
		action = SECCOMP_RET_ERRNO |
			 ((uint32_t)strtoul(error_text, NULL, 10) & SECCOMP_RET_DATA);
	bits = bits_text ? (uint32_t)strtoul(bits_text, NULL, 16) : 0;
	if (strcmp(rule, "unshare") == 0) {
		emit_rule(program, SYS_unshare, action, bits);
	} else if (strcmp(rule, "mount") == 0) {
		emit_rule(program, SYS_mount, action, bits);
	} else if (strcmp(rule, "pivot_root") == 0) {
		emit_rule(program, SYS_pivot_root, action, bits);
	} else if (strcmp(rule, "openat2") == 0) {
		emit_rule(program, SYS_openat2, action, 0);
	} else if (strcmp(rule, "landlock") == 0) {
		emit_rule(program, SYS_landlock_create_ruleset, action, 0);
	} else if (strcmp(rule, "umount") == 0) {
		emit_rule(program, SYS_umount2, action, bits);
	} else if (strcmp(rule, "clone") == 0) {
		emit_rule(program, SYS_clone, action, bits ? bits : CLONE_NEWUSER);
		emit_rule(program, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS, 0);
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct program program = {0};
	struct sock_fprog filter;
	char *rest;

	if (argc < 4 || strcmp(argv[2], "--") != 0) {
		fprintf(stderr, "usage: refuse RULE[,RULE...] -- COMMAND [ARG...]\n");
		return 125;
	}
	emit_load(&program, offsetof(struct seccomp_data, arch));
	emit(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0));
	emit(&program, allow);
	emit_load(&program, offsetof(struct seccomp_data, nr));
	rest = argv[1];
	for (char *rule = strtok_r(rest, ",", &rest); rule; rule = strtok_r(NULL, ",", &rest)) {
		if (!add_rule(&program, rule)) {
			fprintf(stderr, "refuse: unknown system call '%s'\n", rule);
			return 125;
		}
	}
	emit(&program, allow);
	filter = (struct sock_fprog){.len = program.len, .filter = program.code};
	/*
	 * a process with CAP_SYS_ADMIN needs no no_new_privs: so sudo works under this filter, as
	 * in a container
	 */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0 &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)) {
		fprintf(stderr, "refuse: cannot set a seccomp filter: %s\n", strerror(errno));
		return 125;
	}
	execvp(argv[3], argv + 3);
	fprintf(stderr, "refuse: cannot run %s: %s\n", argv[3], strerror(errno));
	return 127;
}
