/*
 * What the headers of a program's file tell (elf(5)): where it ends, and on which machines it runs.
 */
#ifndef UTIL_ELF_H
#define UTIL_ELF_H

#include <stdbool.h>
#include <stdint.h>

struct elf {
	uint64_t end;	   /* bytes that the headers account for: what is behind is no part of it */
	unsigned bits;	   /* of its pointers: 32 or 64 */
	unsigned machine;  /* EM_… of <elf.h> */
	bool needs_loader; /* and libraries of the host with it: it is not static */
};

/*
 * Look at the file FD, from its first byte, whatever its offset. Nothing in it is believed but
 * sizes. Returns 0, -ENOEXEC where it is no program of a little-endian machine (all that Nix is
 * released for are), or a negative errno of pread(2).
 */
int elf_look(int fd, struct elf *out);

/* Is ELF a program for the system that Nix calls SYSTEM ("x86_64-linux")? */
bool elf_is_for(const struct elf *elf, const char *system);

/* Nix's name for the (first) system that ELF is a program for; NULL: none. */
const char *elf_system(const struct elf *elf);

#endif
