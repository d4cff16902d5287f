#include "unpack/confine_worker.h"

#include "unpack/confine_status.h"
#include "util/landlock.h"
#include "unpack/seccomp.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void worker_death_signal(int sig)
{
	status_must(prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)");
}

void worker_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	status_must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
	/* EINVAL: the kernel has no such capability; EPERM: this process may not drop any */
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EPERM || (errno == EINVAL && cap > 0))
			break;
		status_give_up("prctl(PR_CAPBSET_DROP)", errno);
	}
	status_must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
		    "prctl(PR_CAP_AMBIENT)");
	status_must((int)syscall(SYS_capset, &header, data), "capset");
}

/* prlimit(2) by number, because each libc has its own type for the resource. */
static void limit(int resource, uint64_t soft, uint64_t hard, const char *step)
{
	struct {
		uint64_t soft, hard;
	} limits;

	status_must((int)syscall(SYS_prlimit64, 0, resource, NULL, &limits), step);
	if (limits.hard > hard)
		limits.hard = hard;
	if (limits.soft > soft)
		limits.soft = soft;
	status_must((int)syscall(SYS_prlimit64, 0, resource, &limits, NULL), step);
}

static void set_limits(const struct confine_request *request, uint64_t mapped)
{
	const uint64_t memory = mapped + request->memory, file = request->file_bytes;

	limit(RLIMIT_CORE, 0, 0, "setrlimit(RLIMIT_CORE)");
	limit(RLIMIT_NPROC, 0, 0, "setrlimit(RLIMIT_NPROC)");
	limit(RLIMIT_NOFILE, 64, 64, "setrlimit(RLIMIT_NOFILE)");
	limit(RLIMIT_FSIZE, file, file, "setrlimit(RLIMIT_FSIZE)");
	/* SIGXCPU, which a message can explain, precedes the hard limit's SIGKILL */
	limit(RLIMIT_CPU, request->seconds, request->seconds + 10, "setrlimit(RLIMIT_CPU)");
	if (!WORKER_HAS_ASAN)
		limit(RLIMIT_AS, memory, memory, "setrlimit(RLIMIT_AS)");
	/* write(2) then fails with EFBIG, and a message names the file */
	signal(SIGXFSZ, SIG_IGN);
}

/* Enter Landlock. Returns the version that holds this process, or 0. */
static int enter_landlock(bool namespaces)
{
	int abi = landlock_abi();

	/* with namespaces, Landlock is not needed, and its first version refuses hard links */
	if (abi == 0 || (namespaces && abi < LANDLOCK_ABI_LINKS) || landlock_enter(abi) < 0)
		return 0;
	return abi;
}

_Noreturn void worker_run(const struct confine_request *request, pid_t parent, uint64_t mapped,
			  bool namespaces)
{
	int landlock, r;

	worker_death_signal(SIGKILL);
	/* the parent may have died already */
	if (getppid() != parent)
		_exit(127);
	status_must(setsid(), "setsid");
	worker_drop_capabilities();
	/* a change of credentials may have cleared the death signal */
	worker_death_signal(SIGKILL);
	if (getppid() != parent)
		_exit(127);
	set_limits(request, mapped);
	landlock = enter_landlock(namespaces);
	umask(0);
	/* the steps that the filter would refuse are done */
	r = seccomp_enter();
	if (r < 0)
		status_give_up("prctl(PR_SET_SECCOMP)", -r);
	status_confined(landlock);
	_exit(request->run(request->ctx) & 127);
}
