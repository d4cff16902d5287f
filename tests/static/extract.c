/*
 * Unpack the archive on descriptor 0 into the working directory, as the confined child of --install
 * does, with the reports on descriptor 1 and no confinement: for an emulator that has no
 * namespaces.
 */
#include "unpack/extract.h"

int main(void)
{
	return extract_nix_tarball(
		&(struct unpack_limits){.bytes = UNPACK_MAX_BYTES, .entries = UNPACK_MAX_ENTRIES});
}
