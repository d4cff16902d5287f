/*
 * What the headers of a program's file say (elf(5)): where the program ends, and on which machines
 * it runs.
 */
#ifndef UTIL_ELF_H
#define UTIL_ELF_H

#include <stdbool.h>
#include <stdint.h>

struct elf {
	uint64_t end;	   /* the end of what the headers describe; later bytes are no part of it */
	unsigned bits;	   /* of a pointer: 32 or 64 */
	unsigned machine;  /* EM_… of <elf.h> */
	bool needs_loader; /* not static: it needs the host's loader and libraries */
};

/*
 * Look at the file FD from its first byte, whatever its offset. Returns 0, -ENOEXEC if the file is
 * no program for a little-endian machine (Nix is released for no other), or a negative errno of
 * pread(2).
 */
int elf_look(int fd, struct elf *out);

/* Is ELF a program for the system that Nix calls SYSTEM, such as "x86_64-linux"? */
bool elf_is_for(const struct elf *elf, const char *system);

/* Nix's name for the (first) system that ELF is a program for; NULL: none. */
const char *elf_system(const struct elf *elf);

#endif
