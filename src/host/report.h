/*
 * What --check says: a table for people, or JSON for scripts.
 *
 * The JSON is one object, in UTF-8 (bytes that are none become U+FFFD), on one line:
 *   "ok"         true where entering and --install will work, which is also exit status 0
 *   "enter"      true where entering will work, by whichever runtime
 *   "install"    true where --install will work
 *   "sandbox"    true where Nix's `sandbox = true` will work inside
 *   "kernel"     the kernel's release, or null
 *   "container"  "Docker", "Podman", "Kubernetes", "Flatpak", another name, or null
 *   "steps"      in the order of trying, an array of
 *     "step"       "user-namespace", "mount-namespace", "id-maps", "slave", "tmpfs", "bind",
 *                  "pivot-root", "nested-namespace", "proc-mount", "confinement"
 *     "result"     "ok", "failed", "not-tried"
 *     "errno"      a number where it failed, else null
 *     "error"      what failed and the errno in words, else null
 *   "runtime"    the one that a new installation takes, or null
 *   "runtimes"   in the order of trying, an array of
 *     "runtime"    "userns", "helper", "mountns", "direct", "proot"
 *     "works"      true where it does
 *     "why"        why not, or null
 *   "terminals-error"  why Nix cannot build here, for want of a terminal, or null
 *   "directory"  the Nix directory, or null
 *   "directory-error"  why no store is there and none can be made, or whose the store is that is
 *                  there and that the user may not write to; or null
 *   "confinement"  of --install's unpacking, an array: "namespaces", "landlock", "filter"
 *   "reasons"    the most certain first, empty where all is well, an array of
 *     "id"         "no-proc", "mount-max", "wsl1", "rhel7", "no-config-user-ns",
 *                  "max-namespaces-zero", "max-namespaces-reached", "unprivileged-userns-clone",
 *                  "emulator", "root-on-initramfs", "chroot", "unmapped-user", "no-cap-setfcap",
 *                  "proc-read-only", "proc-hidden", "apparmor-userns", "seccomp",
 *                  "security-module", "unknown"
 *     "step"       the step that it explains
 *     "reason"     a sentence
 *     "fix"        what an administrator does, in one line
 *     "admin"      an array of the exact commands, a line each; '#' begins a comment
 *     "user"       an array of what others can do, a paragraph each
 *   "bundle"     the Nix in the file of this program; null if there is none
 *     "version", "system", "tarball"   of the Nix: strings, or null if "error" is a string
 *     "sha256"     the tarball's digest in hex, or null
 *     "bytes"      the tarball's size, or null
 *     "error"      why the bundle cannot be used, a clause, or null
 *   "note"       a paragraph about this host, or null
 */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include "host/bundled_nix.h"
#include "host/explain.h"
#include "host/facts.h"
#include "host/runtimes.h"

#include <stdbool.h>
#include <stdio.h>

struct report {
	const struct bundled_nix *bundle; /* NULL: none */
	struct runtimes runtimes;
	enum runtime wanted; /* RUNTIME_AUTO: any will do */
	const char *nix_dir; /* the Nix directory; NULL: not known */
	int nix_dir_err;     /* why nix_dir cannot be made, an errno; 0: it can */
	char *keeper;	     /* the owner of a store that the user may not write to; NULL: none */
	struct host_facts facts;
	struct explanations reasons;
};

/* Will entering and --install work by the wanted runtime? */
bool report_is_well(const struct report *report);

/* Write REPORT to F; the caller checks F's error flag. */
void report_print_table(FILE *f, const struct report *report);
void report_print_json(FILE *f, const struct report *report);

#endif
