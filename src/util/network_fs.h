/*
 * File systems that several hosts share.
 */
#ifndef UTIL_NETWORK_FS_H
#define UTIL_NETWORK_FS_H

/*
 * The name of the network file system that has statfs(2)'s F_TYPE; NULL for any other. A constant.
 * SQLite's write-ahead log does not work there, because it needs shared memory between all who
 * write (sqlite.org/wal.html), and a process ID that is written there may be another host's.
 */
const char *network_fs_name(unsigned long f_type);

#endif
