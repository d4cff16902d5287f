#include "unpack/confine_status.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

_Noreturn void status_give_up(const char *step, int err)
{
	struct confine_status status = {.err = err};

	strncpy(status.what, step, sizeof(status.what) - 1);
	if (write(AT_STATUS, &status, sizeof(status)) < 0)
		_exit(127);
	_exit(126);
}

void status_must(int result, const char *step)
{
	if (result < 0)
		status_give_up(step, errno);
}

void status_confined(int landlock)
{
	struct confine_status status = {.landlock = landlock};

	status_must((int)write(AT_STATUS, &status, sizeof(status)), "write");
	close(AT_STATUS);
}
