/*
 * nix-user-chroot-helper: the one privileged program, for hosts that refuse user namespaces.
 *
 *     nix-user-chroot-helper DESCRIPTOR COUNT [NAME=VALUE…] -- PROGRAM [ARG…]
 *     nix-user-chroot-helper --try
 *
 * Runs PROGRAM as the caller, with the directory that is open as DESCRIPTOR, which must belong to
 * the caller, as /nix, and all else of / as it was; the COUNT words are PROGRAM's environment.
 * --try does the same without a program, and its status tells whether this host allows it.
 *
 * The helper has the file capability cap_sys_admin, or is setuid root, and its caller may be
 * hostile: its words, environment, descriptors, limits, signals and working directory come from the
 * caller. So it gives up every id and every other capability before it looks at anything, reaches
 * all files as the caller would, and sets no_new_privs, so that no later program gains anything. It
 * reads no variable and no file of the caller's, and takes no path: what is shown where is fixed.
 */
#include "chroot/chroot.h"
#include "ui/log.h"
#include "util/capability.h"
#include "util/cleanup.h"
#include "util/exit_status.h"
#include "util/standard_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif

#define MOUNTING	   CAP_TO_BIT(CAP_SYS_ADMIN)
#define CAP_TO_BIT(number) (UINT64_C(1) << (number))

/* How the process started. */
struct caller {
	uid_t uid;
	bool had_no_new_privs; /* the kernel gives no privilege then */
};

/*
 * The first act: give up all privilege except CAP_SYS_ADMIN, which is kept but not in effect. The
 * files of the process in /proc then belong to root, so that other processes of the caller can
 * neither trace it nor reach its memory. False if the ids could not be given up.
 */
static bool give_up_all_but_mounting(struct caller *caller)
{
	gid_t gid = getgid();

	caller->uid = getuid();
	caller->had_no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return false;
	/*
	 * this needs CAP_SETPCAP, which a setuid root program has; a failure without it does not
	 * matter
	 */
	for (int number = 0; number < 64; number++)
		prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(caller->uid, caller->uid, caller->uid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return false;
	/* a change of ids sets this to fs.suid_dumpable */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return false;
	/* if CAP_SYS_ADMIN is missing, is_fit() reports that later */
	return capability_set(MOUNTING, 0) == 0 || capability_set(0, 0) == 0;
}

/* WORD as a number of at most nine digits, or -1. */
static int parse_number(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	return digits > 0 && digits < 10 && !word[digits] ? (int)strtol(word, NULL, 10) : -1;
}

/* Does the process have its privilege, and may this caller use it? */
static bool is_fit(const struct caller *caller)
{
	if (caller->uid == 0) {
		log_error("the helper does nothing for root\n"
			  "nix-user-chroot --runtime=mountns needs none");
		return false;
	}
	if (capability_set(MOUNTING, 0) == 0)
		return true;
	log_error("the helper has no privilege to mount: %-s",
		  caller->had_no_new_privs
			  ? "no_new_privs is set\n"
			    "no program can give privilege to processes of this container or "
			    "service"
			  : "the kernel gave it none\n"
			    "an administrator installs it with the file capability cap_sys_admin "
			    "or setuid root, where mounts are not nosuid");
	return false;
}

/* Does a program or the kernel generate the files of a file system of this TYPE? */
static bool is_made_up(long type)
{
	static const long made_up[] = {FUSE_SUPER_MAGIC,   PROC_SUPER_MAGIC,	SYSFS_MAGIC,
				       CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC};

	for (size_t i = 0; i < sizeof(made_up) / sizeof(made_up[0]); i++)
		if (type == made_up[i])
			return true;
	return false;
}

/*
 * Make the Nix directory the working directory, so that no later rename can exchange it. The Nix
 * directory must belong to the caller, be writable for the caller, and be on a file system that
 * stores files: a FUSE file system may be served by a program of the caller's, and /proc has
 * directories that belong to the caller.
 */
static bool enter_nix_dir(int fd, uid_t uid)
{
	struct stat st;
	struct statfs fs;

	if (fchdir(fd) < 0 || stat(".", &st) < 0 || statfs(".", &fs) < 0) {
		log_error("the helper cannot enter the Nix directory: %s\n"
			  "it must be a directory that you may search",
			  strerror(errno));
		return false;
	}
	close(fd);
	if (st.st_uid != uid || access(".", W_OK | X_OK) < 0) {
		log_error("the helper uses a Nix directory only if it is yours and you may write "
			  "to it\n"
			  "make one of your own, or copy it");
		return false;
	}
	if (is_made_up(fs.f_type)) {
		log_error("the helper does not use a Nix directory on FUSE, /proc or the like\n"
			  "put the Nix directory on a disk: NIX_USER_CHROOT_DIR");
		return false;
	}
	return true;
}

/* struct mount_attr of linux/mount.h, which conflicts with sys/mount.h of older libcs */
struct attributes {
	uint64_t set, clear, propagation, namespace_fd;
};

/* The restrictions that the mount at /nix has already, as flags of mount(2). */
static unsigned long flags_of(const struct statvfs *fs)
{
	static const struct {
		unsigned long has, keep;
	} pairs[] = {
		{ST_RDONLY, MS_RDONLY},		{ST_NOEXEC, MS_NOEXEC},
		{ST_NOATIME, MS_NOATIME},	{ST_RELATIME, MS_RELATIME},
		{ST_NODIRATIME, MS_NODIRATIME},
	};
	unsigned long flags = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (fs->f_flag & pairs[i].has)
			flags |= pairs[i].keep;
	return flags;
}

/*
 * Mount /nix nosuid and nodev. Before Linux 5.12 mount(2) cannot add a flag to the mounts below the
 * Nix directory: these stay as they are on the host.
 */
static bool restrict_nix(void)
{
	const struct attributes attributes = {.set = MS_NOSUID | MS_NODEV};
	struct statvfs fs;

#ifdef SYS_mount_setattr
	/* AT_RECURSIVE; MOUNT_ATTR_NOSUID and _NODEV are the numbers of mount(2) */
	if (syscall(SYS_mount_setattr, AT_FDCWD, "/nix", 0x8000, &attributes, sizeof(attributes)) ==
	    0)
		return true;
#endif
	if (statvfs("/nix", &fs) == 0 &&
	    mount(NULL, "/nix", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | flags_of(&fs),
		  NULL) == 0)
		return true;
	log_error("the helper cannot make /nix nosuid and nodev: %s\n"
		  "nothing is run then: tell your administrator",
		  strerror(errno));
	return false;
}

/* Enter. The privilege is in effect only in this function. */
static bool enter(const struct plan *plan)
{
	static const char *const words[CHROOT_STEP_COUNT] = {
		[CHROOT_UNSHARE_MOUNTS] = "create a mount namespace",
		[CHROOT_MAKE_SLAVE] = "keep mounts from spreading to the host",
		[CHROOT_MOUNT_TMPFS] = "mount a tmpfs",
		[CHROOT_PIVOT_ROOT] = "make the new root",
		[CHROOT_MOUNT_NIX] = "mount the Nix directory on /nix",
	};
	_cleanup_(chroot_error_clear) struct chroot_error error = {0};
	bool is_done;

	if (capability_set(MOUNTING, MOUNTING) < 0) {
		log_error("the helper cannot use its privilege: %s\ntell your administrator",
			  strerror(errno));
		return false;
	}
	is_done = chroot_enter(plan, false, &error) == 0;
	if (!is_done)
		log_error("the helper cannot %s: %s\nnix-user-chroot --check tells which runtimes "
			  "work here",
			  words[error.step] ? words[error.step] : "build the new root",
			  strerror(error.err));
	return is_done && restrict_nix();
}

/* Give the privilege up for good: nothing is kept, and no_new_privs is set. */
static bool give_up_mounting(void)
{
	if (capability_set(0, 0) == 0 && capability_set(MOUNTING, 0) < 0 &&
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return true;
	log_error("the helper cannot give its privilege up: nothing is run\n"
		  "tell your administrator");
	return false;
}

/* Enter a new root with the working directory as /nix, and give all privilege up. */
static bool enter_without_config(void)
{
	_cleanup_(plan_clear) struct plan plan = {0};
	const struct host_view view = host_view_real(NULL);

	if (plan_build(&(struct plan_input){.view = &view}, &plan) < 0)
		return false;
	return enter(&plan) && give_up_mounting();
}

static int try(void)
{
	/* any directory will do as /nix; /proc is usually a mount of its own, not the root */
	if (chdir("/proc") < 0 && chdir("/") < 0)
		return EXIT_CANCELED;
	return enter_without_config() ? 0 : EXIT_CANCELED;
}

static int usage(void)
{
	log_error("nix-user-chroot-helper is not for the command line\n"
		  "nix-user-chroot runs it where user namespaces are refused: man nix-user-chroot");
	return EXIT_CANCELED;
}

/* WORDS: DESCRIPTOR COUNT [NAME=VALUE…] -- PROGRAM [ARG…] */
static int run(int count, char **words, const struct caller *caller)
{
	int fd = count >= 4 ? parse_number(words[0]) : -1;
	int variables = count >= 4 ? parse_number(words[1]) : -1;
	char **program;

	if (fd <= STDERR_FILENO || variables < 0 || variables > count - 4 ||
	    strcmp(words[2 + variables], "--") != 0)
		return usage();
	if (!is_fit(caller) || !enter_nix_dir(fd, caller->uid) || !enter_without_config())
		return EXIT_CANCELED;
	/* leave the old root; in the new one this cannot fail */
	(void)!chdir("/");
	/* the "--" becomes the end of the environment */
	words[2 + variables] = NULL;
	program = words + 3 + variables;
	execve(program[0], program, words + 2);
	log_error("the helper cannot run %s inside: %s\n"
		  "install nix-user-chroot outside of /nix, where you may execute it",
		  program[0], strerror(errno));
	return EXIT_CANCELED;
}

int main(int argc, char **argv)
{
	struct caller caller;

	if (!give_up_all_but_mounting(&caller) || standard_fds_guard() < 0 || clearenv() != 0)
		return EXIT_CANCELED;
	if (argc == 2 && strcmp(argv[1], "--try") == 0)
		return is_fit(&caller) ? try() : EXIT_CANCELED;
	return argc > 1 ? run(argc - 1, argv + 1, &caller) : usage();
}
