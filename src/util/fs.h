/*
 * Files and directories, by descriptor. Silent: every function returns 0 (or what it says), or a
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
 * Read the regular file PATH whole into *DATA, which gets a NUL behind its *LEN bytes and is the
 * caller's to free. -EFBIG where it holds more than MAX bytes, -EISDIR where it is a directory,
 * -EINVAL (a socket: -ENXIO) where it is another thing than a regular file; a fifo is not waited
 * on.
 */
int fs_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len);

/* The same of the file FD. */
int fs_read_fd(int fd, size_t max, char **data, size_t *len);

/*
 * Read what one read(2) of the file PATH gives, SIZE - 1 bytes at most, with a NUL behind: for the
 * small files of /proc. Returns how many, or a negative errno.
 */
ssize_t fs_read_some(int dirfd, const char *path, char *buffer, size_t size);

/*
 * Write the file NAME anew: into NAME.new, fsync(2), rename(2), fsync(2) of the directory, so that
 * NAME is at every instant absent, old or complete. A NAME.new that is there, of whatever kind, is
 * removed first; on failure it is, too. NAME is in DIRFD or below it, with no symlink on the way.
 */
int fs_replace_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode);

/* mkdir -p: every missing directory of PATH with MODE (less umask). -ENOTDIR where one is a file.
 */
int fs_mkdirs(int dirfd, const char *path, mode_t mode);

/*
 * Mode 0755 for the directory FD, without what it may have inherited: a default ACL would give what
 * is made in it to others, and set-group-ID to another group.
 */
int fs_make_plain(int fd);

/* A descriptor of the directory PATH, read-only; -ENOTDIR or -ELOOP where PATH itself is a symlink.
 */
int fs_open_dir(int dirfd, const char *path);

/*
 * The same, of the directory PATH below DIRFD, on the way to which there may be neither a symlink
 * (-ENOTDIR or -ELOOP) nor a mount (-EXDEV), be it of the same file system. No "." or ".." in PATH.
 */
int fs_open_dir_below(int dirfd, const char *path);

/*
 * PATH below DIRFD, relative, without "." and "..", and with no symlink anywhere in it: none of
 * these goes through one (-ENOTDIR or -ELOOP). A mount on the way does no harm to them.
 *
 * fs_open_above(): the directory that the last component of PATH lies in, and that component in
 * *NAME, which points into PATH. fs_make_dirs_below(): mkdir -p, what is made being 0755 whatever
 * the umask; a descriptor of the last one. fs_open_below(): open(2) of a regular file (another
 * thing: -EINVAL or -ENXIO); a fifo is not waited on.
 */
int fs_open_above(int dirfd, const char *path, const char **name);
int fs_make_dirs_below(int dirfd, const char *path);
int fs_open_below(int dirfd, const char *path, int flags, mode_t mode);

/* lstat(2), unlink(2) of PATH below DIRFD, with no symlink on the way. */
int fs_stat_below(int dirfd, const char *path, struct stat *st);
int fs_unlink_below(int dirfd, const char *path);

/*
 * rm -rf NAME: directories that lack u+rwx get it first, symlinks are removed and never followed, a
 * mount is not entered, be it of the same file system, and be it NAME itself (-EXDEV). What can be
 * removed beside that is. 0 also where nothing was there. NAME's parent may be anything where NAME
 * is absolute; else there may be no symlink on the way. A mode is changed by a descriptor of
 * the directory that was looked at, and the stack does not grow with the depth of the tree.
 */
int fs_remove_tree(int dirfd, const char *name);

/* fsync(2) of the directory PATH. */
int fs_sync_dir(int dirfd, const char *path);

/*
 * readlink(2) of any length; *TARGET is the caller's to free.
 */
int fs_readlink(int dirfd, const char *path, char **target);

/*
 * The absolute path of the running program (/proc/self/exe), the caller's to free; NULL where
 * /proc is not mounted.
 */
char *fs_self_path(void);

/* The deepest of PATH (absolute) and the directories above it that is there; the caller frees. */
char *fs_deepest_existing(const char *path);

/* Is there anything called PATH, be it a symlink that leads nowhere? */
bool fs_exists(int dirfd, const char *path);

/*
 * The directory PATH for fs_next_entry(); closedir(3) it, or _cleanup_closedir_. NULL with errno
 * set; a symlink is not followed (ENOTDIR or ELOOP).
 */
DIR *fs_list_dir(int dirfd, const char *path);

/* The same of the directory FD, which is closed on failure, too; NULL where FD is negative. */
DIR *fs_list_fd(int fd);

/*
 * readdir(3) without "." and "..". NULL at the end, with errno 0, or where reading failed, with
 * errno set.
 */
struct dirent *fs_next_entry(DIR *dir);

/* Do A and B describe one and the same file? */
bool fs_same_inode(const struct stat *a, const struct stat *b);

/* Are A and B, links followed, one and the same file? */
bool fs_same_file(const char *a, const char *b);

/*
 * The mount that PATH (with "", DIRFD itself) is on: by a number that no other mount has or had
 * since the system was started (Linux 6.8), or else, not UNIQUE, by mountinfo's (Linux 5.8), which
 * is used anew. 0: the kernel does not say.
 */
uint64_t fs_mount_id(int dirfd, const char *path, bool unique);

/*
 * Is there for certain no file system with the number DEVICE any more, in no mount namespace, not
 * even behind an open descriptor? False too where ustat(2) is not to be had (arm64, riscv64; most
 * containers' filters). A number is used anew: true one time may be false the next.
 */
bool fs_has_ended(dev_t device);

/* Is PATH a file that we may execute? */
bool fs_is_program(const char *path);

#endif
