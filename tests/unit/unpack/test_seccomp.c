/*
 * The filter of the process that unpacks: its program evaluated on made-up calls for every
 * processor that Nix has tarballs for, with the numbers of the kernel's own headers; and run for
 * real on this one.
 */
#include "foreign_calls.h"
#include "unpack_fixture.h"

#include "unpack/seccomp.h"

#include <linux/audit.h>

/*
 * What the filter does with each call, by name. Every number that has no name must answer ENOSYS.
 */
static const char *const passes[] = {
	"_llseek",
	"llseek",
	"brk",
	"clock_gettime",
	"clock_gettime64",
	"close",
	"exit",
	"exit_group",
	"fchmod",
	"fcntl",
	"fcntl64",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"ftruncate",
	"ftruncate64",
	"futex",
	"futex_time64",
	"geteuid",
	"geteuid32",
	"getrandom",
	"gettimeofday",
	"link",
	"linkat",
	"lseek",
	"lstat",
	"lstat64",
	"madvise",
	"mkdir",
	"mkdirat",
	"mmap",
	"mmap2",
	"mprotect",
	"mremap",
	"munmap",
	"newfstatat",
	"open",
	"openat",
	"read",
	"readv",
	"restart_syscall",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"sigaltstack",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"time",
	"umask",
	"utimensat",
	"utimensat_time64",
	"write",
	"writev",
};

static const char *const ends[] = {
	"add_key",
	"bpf",
	"chroot",
	"delete_module",
	"execve",
	"execveat",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"kill",
	"modify_ldt",
	"mount",
	"mount_setattr",
	"move_mount",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"personality",
	"pidfd_getfd",
	"pidfd_open",
	"pidfd_send_signal",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"request_key",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"setns",
	"setpgid",
	"setsid",
	"socket",
	"socketcall",
	"socketpair",
	"umount",
	"umount2",
	"unshare",
	"userfaultfd",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_in(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static uint32_t verdict_for(const char *name)
{
	if (is_in(passes, COUNT(passes), name))
		return SECCOMP_RET_ALLOW;
	return is_in(ends, COUNT(ends), name) ? SECCOMP_RET_KILL_PROCESS
					      : SECCOMP_RET_ERRNO | ENOSYS;
}

/*
 * Returns what PROGRAM answers to a call. The kernel demands that each jump stays within the
 * program.
 */
static uint32_t evaluate(const struct seccomp_program *program, uint32_t arch, uint32_t number)
{
	const struct seccomp_data data = {.nr = (int)number, .arch = arch};
	uint32_t a = 0;

	for (size_t pc = 0; pc < program->len; pc++) {
		const struct sock_filter *i = &program->code[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k % 4 == 0 && i->k < sizeof(data));
			memcpy(&a, (const char *)&data + i->k, sizeof(a));
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %zu is another one: %#x", pc, i->code);
		}
	}
	fail_msg("the program ends without a word");
	return 0;
}

/*
 * A processor, and the places of a header with its numbers: the kernel's own headers, or those of a
 * cross compiler.
 */
struct processor {
	const char *name;
	uint32_t arch;
	bool is_narrow; /* 32 bits: it has the calls that end in time64 */
	const char *headers[3];
};

static struct processor processors[] = {
	{"x86_64",
	 AUDIT_ARCH_X86_64,
	 false,
	 {"/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
	  "/usr/x86_64-linux-gnu/include/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"}},
	{"i686",
	 AUDIT_ARCH_I386,
	 true,
	 {"/usr/include/x86_64-linux-gnu/asm/unistd_32.h",
	  "/usr/include/i386-linux-gnu/asm/unistd_32.h",
	  "/usr/i686-linux-gnu/include/asm/unistd_32.h"}},
	{"aarch64", AUDIT_ARCH_AARCH64, false, {"/usr/include/asm-generic/unistd.h"}},
	{"riscv64", AUDIT_ARCH_RISCV64, false, {"/usr/include/asm-generic/unistd.h"}},
	{"armv7",
	 AUDIT_ARCH_ARM,
	 true,
	 {"/usr/arm-linux-gnueabihf/include/asm/unistd-eabi.h",
	  "/usr/include/arm-linux-gnueabihf/asm/unistd-eabi.h"}},
	{"powerpc64le",
	 AUDIT_ARCH_PPC64LE,
	 false,
	 {"/usr/powerpc64le-linux-gnu/include/asm/unistd_64.h",
	  "/usr/include/powerpc64le-linux-gnu/asm/unistd_64.h"}},
};

struct call {
	char name[64];
	uint32_t number;
};

struct calls {
	size_t count;
	struct call list[600];
};

static FILE *open_header(const struct processor *processor)
{
	for (size_t i = 0; i < COUNT(processor->headers) && processor->headers[i]; i++) {
		FILE *file = fopen(processor->headers[i], "re");

		if (file)
			return file;
	}
	return NULL;
}

/* Returns the call NAME ("3264_fcntl" in the generic header), or NULL. */
static const struct call *find(const struct calls *calls, const char *name)
{
	for (size_t i = 0; i < calls->count; i++)
		if (strcmp(calls->list[i].name, name) == 0)
			return &calls->list[i];
	return NULL;
}

/*
 * Takes the number from lines like "#define __NR_name 3" and "#define __NR3264_name 3"; instead of
 * the number there may be another name.
 */
static void take_line(const char *line, struct calls *calls)
{
	struct call *call = &calls->list[calls->count];
	char value[64];

	if (sscanf(line, "#define __NR_%63s %63[^\n]", call->name, value) != 2 &&
	    sscanf(line, "#define __NR%63s %63[^\n]", call->name, value) != 2)
		return;
	if (sscanf(value, "%u", &call->number) == 1 ||
	    sscanf(value, "(__NR_SYSCALL_BASE + %u)", &call->number) == 1) {
		calls->count++;
	} else if (str_starts_with(value, "__NR3264_")) {
		const struct call *same = find(calls, value + strlen("__NR"));

		if (same) {
			call->number = same->number;
			calls->count++;
		}
	}
	assert_true(calls->count < COUNT(calls->list));
}

/* Takes the numbers that foreign_calls.h has for PROCESSOR. */
static void take_foreign(const struct processor *processor, struct calls *out)
{
	enum foreign column = processor->arch == AUDIT_ARCH_ARM ? FOREIGN_ARM : FOREIGN_PPC64;

	if (processor->arch != AUDIT_ARCH_ARM && processor->arch != AUDIT_ARCH_PPC64LE)
		return;
	for (size_t i = 0; i < COUNT(foreign_calls); i++) {
		struct call *call = &out->list[out->count];

		if (foreign_calls[i].number[column] < 0)
			continue;
		snprintf(call->name, sizeof(call->name), "%s", foreign_calls[i].name);
		call->number = (uint32_t)foreign_calls[i].number[column];
		out->count++;
	}
}

/* Returns false if this host knows no numbers of PROCESSOR. */
static bool read_calls(const struct processor *processor, struct calls *out)
{
	_cleanup_fclose_ FILE *file = open_header(processor);
	char line[512];

	out->count = 0;
	while (file && fgets(line, sizeof(line), file))
		take_line(line, out);
	if (!file)
		take_foreign(processor, out);
	return out->count > 0;
}

/* Does PROCESSOR have CALL? The generic header also has calls for 32-bit processors. */
static bool is_real(const struct processor *processor, const struct call *call)
{
	return !str_starts_with(call->name, "3264_") && strcmp(call->name, "syscalls") != 0 &&
	       strcmp(call->name, "arch_specific_syscall") != 0 &&
	       (processor->is_narrow || call->number < 403 || call->number > 423);
}

static void test_processor(void **state)
{
	const struct processor *processor = *state;
	struct seccomp_program program;
	struct calls calls;
	size_t passed = 0, ended = 0;

	assert_true(seccomp_build(processor->arch, &program));
	assert_true(program.len <= SECCOMP_MAX_PROGRAM);
	if (!read_calls(processor, &calls)) {
		print_message("no header of %s is installed\n", processor->name);
		skip();
	}
	for (size_t i = 0; i < calls.count; i++) {
		const struct call *call = &calls.list[i];
		uint32_t verdict = evaluate(&program, processor->arch, call->number);

		if (is_real(processor, call) && verdict != verdict_for(call->name))
			fail_msg("%s: %s (%u) comes to %#x", processor->name, call->name,
				 call->number, verdict);
		passed += verdict == SECCOMP_RET_ALLOW;
		ended += verdict == SECCOMP_RET_KILL_PROCESS;
	}
	/* the header was read: there are at least so many calls */
	assert_true(passed > 36 && ended > 40);
}

/* Numbers that no call has, and numbers of another processor. */
static void test_strangers(void **state)
{
	struct seccomp_program program;

	(void)state;
	for (size_t i = 0; i < COUNT(processors); i++) {
		uint32_t arch = processors[i].arch;

		assert_true(seccomp_build(arch, &program));
		assert_int_equal(evaluate(&program, arch, 5000), SECCOMP_RET_ERRNO | ENOSYS);
		assert_int_equal(evaluate(&program, arch, 0x0f0002), SECCOMP_RET_ERRNO | ENOSYS);
		for (uint32_t number = 0; number < 500; number++) {
			for (size_t j = 0; j < COUNT(processors); j++)
				if (j != i)
					assert_int_equal(
						evaluate(&program, processors[j].arch, number),
						SECCOMP_RET_KILL_PROCESS);
			/* x32 calls on x86-64 */
			if (arch == AUDIT_ARCH_X86_64)
				assert_int_equal(evaluate(&program, arch, 0x40000000u | number),
						 SECCOMP_RET_KILL_PROCESS);
		}
	}
	assert_false(seccomp_build(AUDIT_ARCH_S390X, &program));
	assert_false(seccomp_build(0, &program));
}

/* Makes the call NUMBER under the filter. Exit status: 1 if it answers ENOSYS, else 2. */
static _Noreturn void call_number(uint32_t number)
{
	long r;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	MUST(seccomp_enter() == 0);
	r = syscall((long)number, -1L, -1L, -1L, -1L, -1L, -1L);
	_exit(r == -1 && errno == ENOSYS ? 1 : 2);
}

static int status_of_call(uint32_t number)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		call_number(number);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Returns the processor that this test is built for, or NULL. */
static const struct processor *native(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return &processors[0];
#elif defined(__i386__)
	return &processors[1];
#elif defined(__aarch64__)
	return &processors[2];
#elif defined(__riscv)
	return &processors[3];
#elif defined(__arm__)
	return &processors[4];
#elif defined(__powerpc64__)
	return &processors[5];
#else
	return NULL;
#endif
}

/*
 * The kernel itself makes these calls for probes, past every filter. A process that makes them
 * otherwise is killed (since Linux 6.14).
 */
static bool is_of_probes(const char *name)
{
	return strcmp(name, "uretprobe") == 0 || strcmp(name, "uprobe") == 0;
}

/* Makes each call that is not allowed, in a process of its own. */
static void test_kernel(void **state)
{
	struct calls calls;
	size_t ended = 0;

	(void)state;
	if (!native() || !read_calls(native(), &calls))
		skip();
	for (size_t i = 0; i < calls.count; i++) {
		const struct call *call = &calls.list[i];
		uint32_t verdict = verdict_for(call->name);
		int status;

		if (!is_real(native(), call) || verdict == SECCOMP_RET_ALLOW ||
		    is_of_probes(call->name))
			continue;
		status = status_of_call(call->number);
		if (verdict == SECCOMP_RET_KILL_PROCESS
			    ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS
			    : !WIFEXITED(status) || WEXITSTATUS(status) != 1)
			fail_msg("%s (%u): status %#x", call->name, call->number, status);
		ended += WIFSIGNALED(status);
	}
	assert_true(ended > 40);
}

#ifdef __x86_64__
/*
 * 32-bit numbers by the 32-bit entry of the kernel, where 20 is getpid(2): for 64 bits, 20 is
 * writev(2), which is allowed.
 */
static void test_kernel_foreign(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		long r = 20;

		signal(SIGSEGV, SIG_DFL); /* instead of cmocka's handler */
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		MUST(seccomp_enter() == 0);
		__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* SIGSEGV comes from a kernel that has no 32-bit entry */
	assert_true(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
	assert_true(WTERMSIG(status_of_call(0x40000000u | 20)) == SIGSYS);
}
#endif

#define FOR(i)                                                                 \
	{                                                                      \
		processors_name[i], test_processor, NULL, NULL, &processors[i] \
	}

static const char *const processors_name[] = {
	"test_processor x86_64",  "test_processor i686",  "test_processor aarch64",
	"test_processor riscv64", "test_processor armv7", "test_processor powerpc64le",
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		FOR(0),
		FOR(1),
		FOR(2),
		FOR(3),
		FOR(4),
		FOR(5),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_kernel),
#ifdef __x86_64__
		cmocka_unit_test(test_kernel_foreign),
#endif
	};

	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
