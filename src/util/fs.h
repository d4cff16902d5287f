/*
 * Files and directories, by descriptor. No function prints; each returns 0 (or what it says), or a
 * negative errno. DIRFD is as in openat(2); AT_FDCWD is accepted.
 */
#ifndef UTIL_FS_H
#define UTIL_FS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* write(2) until all LEN bytes are written. */
int fs_write_all(int fd, const void *data, size_t len);

/*
 * Read the whole regular file PATH into *DATA, which has a NUL after its *LEN bytes and is the
 * caller's to free. -EFBIG if it holds more than MAX bytes, -EISDIR for a directory, -EINVAL (a
 * socket: -ENXIO) for anything else that is no regular file; a fifo is not waited on.
 */
int fs_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len);

/* Read the open file FD in the same way. */
int fs_read_fd(int fd, size_t max, char **data, size_t *len);

/*
 * Read what one read(2) of the file PATH returns, SIZE - 1 bytes at most, and add a NUL: for small
 * files of /proc. Returns the number of bytes, or a negative errno.
 */
ssize_t fs_read_some(int dirfd, const char *path, char *buffer, size_t size);

/*
 * Write the file NAME: to NAME.new, then fsync(2), rename(2), and fsync(2) of the directory, so
 * that NAME is at every instant absent, old or complete. An existing NAME.new of any kind is
 * removed first, and so is NAME.new after a failure. NAME is in DIRFD or below it, without a
 * symlink on the way.
 */
int fs_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode);

/* The same for the absolute PATH; its missing directories are made. 0 or a negative errno. */
int fs_put_file(const char *path, const void *data, size_t len, mode_t mode);

/*
 * mkdir -p: make every missing directory of PATH with MODE (less umask). -ENOTDIR if one is a file.
 */
int fs_mkdirs(int dirfd, const char *path, mode_t mode);

/*
 * Give the directory FD the mode 0755, and remove what it may have inherited: a default ACL would
 * give files in it to other users, and set-group-ID to another group.
 */
int fs_make_plain(int fd);

/* Open the directory PATH read-only; -ENOTDIR or -ELOOP if PATH itself is a symlink. */
int fs_open_dir(int dirfd, const char *path);

/*
 * Open the directory PATH below DIRFD. On the way there may be no symlink (-ENOTDIR or -ELOOP) and
 * no mount (-EXDEV), not even of the same file system. PATH has no "." or "..".
 */
int fs_open_dir_below(int dirfd, const char *path);

/*
 * For these functions PATH is relative to DIRFD, without "." and "..". None of them follows a
 * symlink, anywhere in PATH (-ENOTDIR or -ELOOP). A mount on the way is allowed.
 *
 * fs_open_above(): opens the directory that holds the last component of PATH, and points *NAME to
 * that component within PATH. fs_make_dirs_below(): mkdir -p with the mode 0755 whatever the umask;
 * opens the last directory. fs_open_below(): open(2) of a regular file (anything else: -EINVAL or
 * -ENXIO); a fifo is not waited on.
 */
int fs_open_above(int dirfd, const char *path, const char **name);
int fs_make_dirs_below(int dirfd, const char *path);
int fs_open_below(int dirfd, const char *path, int flags, mode_t mode);

/* lstat(2) and unlink(2) of PATH below DIRFD, without a symlink on the way. */
int fs_stat_below(int dirfd, const char *path, struct stat *st);
int fs_unlink_below(int dirfd, const char *path);

/*
 * Is NAME one of those that a removed file gets as long as a process has it open: .nfs… of NFS, or
 * .fuse_hidden… of FUSE (libfuse, which gives it another such name each time it is removed)?
 */
bool fs_is_removed_in_use(const char *name);

/*
 * rm -rf NAME. Directories that lack u+rwx get it first. Symlinks are removed and never followed. A
 * mount is never entered (-EXDEV), even if it is of the same file system, or is NAME itself;
 * everything beside a mount is removed. 0 also if there was nothing. If NAME is absolute, anything
 * may be on the way to it; else no symlink may be. A mode is changed through a descriptor of the
 * directory that was looked at. The stack does not grow with the depth of the tree.
 */
int fs_remove_tree(int dirfd, const char *name);

/* fsync(2) of the directory PATH. */
int fs_sync_dir(int dirfd, const char *path);

/* readlink(2) of any length; *TARGET is the caller's to free. */
int fs_readlink(int dirfd, const char *path, char **target);

/*
 * The absolute path of the running program (/proc/self/exe), the caller's to free; NULL if /proc is
 * not mounted.
 */
char *fs_self_path(void);

/* PATH (absolute), or the deepest directory above it that exists; the caller frees. */
char *fs_deepest_existing(const char *path);

/* Does PATH exist, if only as a symlink that leads nowhere? */
bool fs_exists(int dirfd, const char *path);

/*
 * Open the directory PATH for fs_next_entry(); close it by closedir(3) or _cleanup_closedir_. NULL
 * with errno set; a symlink is not followed (ENOTDIR or ELOOP).
 */
DIR *fs_list_dir(int dirfd, const char *path);

/* The same for the directory FD, which is closed also on failure; NULL if FD is negative. */
DIR *fs_list_fd(int fd);

/*
 * readdir(3) without "." and "..". NULL at the end, with errno 0, or if reading failed, with errno
 * set.
 */
struct dirent *fs_next_entry(DIR *dir);

/* Are A and B of the same file? */
bool fs_same_inode(const struct stat *a, const struct stat *b);

/* Are A and B, with links followed, the same file? */
bool fs_same_file(const char *a, const char *b);

/*
 * The ID of the mount that PATH (or DIRFD itself, if PATH is "") is on. UNIQUE: an ID that no other
 * mount has had since the system started (Linux 6.8); else mountinfo's ID (Linux 5.8), which may be
 * used again. 0: the kernel does not say.
 */
uint64_t fs_mount_id(int dirfd, const char *path, bool unique);

/*
 * Has the file system with the number DEVICE certainly ended, so that it is in no mount namespace
 * and behind no open descriptor? False also without ustat(2) (arm64, riscv64; the filters of most
 * containers). Numbers are used again: what is true once may be false later.
 */
bool fs_has_ended(dev_t device);

/* Is PATH a file that this process may execute? */
bool fs_is_program(const char *path);

#endif
