/*
 * Unpacks the archive on descriptor 0 into the working directory, and reports on descriptor 1, as
 * the confined child of --install does, but without confinement: for emulators, which have no
 * namespaces.
 */
#include "unpack/extract.h"

int main(void)
{
	return extract_nix_tarball(
		&(struct unpack_limits){.bytes = UNPACK_MAX_BYTES, .entries = UNPACK_MAX_ENTRIES});
}
