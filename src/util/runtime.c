#include "util/runtime.h"

#include <errno.h>
#include <string.h>

static const char *const names[RUNTIME_COUNT] = {
	[RUNTIME_AUTO] = "auto",       [RUNTIME_USERNS] = "userns", [RUNTIME_HELPER] = "helper",
	[RUNTIME_MOUNTNS] = "mountns", [RUNTIME_DIRECT] = "direct", [RUNTIME_PROOT] = "proot",
};

const char *runtime_name(enum runtime runtime)
{
	return names[runtime];
}

int runtime_parse(const char *name, enum runtime *out)
{
	for (int i = 0; i < RUNTIME_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum runtime)i;
			return 0;
		}
	}
	return -EINVAL;
}
