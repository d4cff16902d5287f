/*
 * The steps that a host may refuse.
 */
#ifndef HOST_CHECK_STEP_H
#define HOST_CHECK_STEP_H

/*
 * The steps of entering, in order; then what Nix needs inside for a sandboxed build; then what
 * --install needs to unpack.
 */
enum check_step {
	CHECK_USER_NAMESPACE,
	CHECK_MOUNT_NAMESPACE,
	CHECK_ID_MAPS,
	CHECK_SLAVE,
	CHECK_TMPFS,
	CHECK_BIND,
	CHECK_PIVOT_ROOT,
	CHECK_NESTED_NAMESPACE,
	CHECK_PROC_MOUNT,
	CHECK_CONFINEMENT, /* the namespaces that --install unpacks the tarball in */
	CHECK_STEP_COUNT,
};

#endif
