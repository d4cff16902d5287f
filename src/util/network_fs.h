/* File systems that several hosts share. */
#ifndef UTIL_NETWORK_FS_H
#define UTIL_NETWORK_FS_H

/*
 * The name of the network file system with statfs(2)'s F_TYPE; NULL for any other file system. A
 * constant. On these, SQLite's write-ahead log does not work, because all writers need to share
 * memory (sqlite.org/wal.html), and a stored process ID may be of another host.
 */
const char *network_fs_name(unsigned long f_type);

#endif
