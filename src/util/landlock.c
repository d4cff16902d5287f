#include "util/landlock.h"

#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* These numbers are the same on every processor. Headers may be older than the kernel. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule	    445
#define SYS_landlock_restrict_self  446
#endif

/* Constants of linux/landlock.h under our own names, for the same reason. */
enum {
	CREATE_RULESET_VERSION = 1 << 0,
	RULE_PATH_BENEATH = 1,
};

enum {
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	MAKE_SYM = 1 << 12,
	REFER = 1 << 13,
	TRUNCATE = 1 << 14,
};

struct ruleset {
	uint64_t files, net, scoped;
};

struct path_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

/* All rights that the version ABI knows: a ruleset takes away those that no rule gives back. */
static struct ruleset all_rights(int abi)
{
	/* of files: 13 rights in ABI 1, REFER in 2, TRUNCATE in 3, IOCTL_DEV in 5 */
	int files = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;

	return (struct ruleset){
		.files = (UINT64_C(1) << files) - 1,
		.net = abi >= 4 ? 3 : 0,    /* BIND_TCP, CONNECT_TCP */
		.scoped = abi >= 6 ? 3 : 0, /* ABSTRACT_UNIX_SOCKET, SIGNAL */
	};
}

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

int landlock_enter(int abi)
{
	const struct ruleset all = all_rights(abi);
	_cleanup_close_ int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct path_beneath below = {
		.allowed = all.files & (WRITE_FILE | READ_FILE | READ_DIR | MAKE_DIR | MAKE_REG |
					MAKE_SYM | REFER | TRUNCATE),
		.parent_fd = here,
	};
	/* an older kernel accepts a longer struct if the bytes that it does not know are 0 */
	_cleanup_close_ int ruleset =
		(int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

	if (here < 0 || ruleset < 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &below, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}
