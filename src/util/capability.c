#include "util/capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

bool capability_held(unsigned number)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capget, &header, sets) == 0 &&
	       (sets[CAP_TO_INDEX(number)].effective & CAP_TO_MASK(number)) != 0;
}

int capability_set(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{.permitted = (uint32_t)permitted, .effective = (uint32_t)effective},
		{.permitted = (uint32_t)(permitted >> 32),
		 .effective = (uint32_t)(effective >> 32)},
	};

	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}
