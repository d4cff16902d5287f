#include "util/store_name.h"

#include <stddef.h>
#include <string.h>

#define HASH_LEN     32
#define MAX_NAME_LEN 211

bool store_name_valid(const char *name)
{
	static const char base32[] = "0123456789abcdfghijklmnpqrsvwxyz";
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789+-._?=";
	size_t len;

	if (strspn(name, base32) != HASH_LEN || name[HASH_LEN] != '-')
		return false;
	name += HASH_LEN + 1;
	len = strlen(name);
	return len >= 1 && len <= MAX_NAME_LEN && name[0] != '.' && strspn(name, allowed) == len;
}
