# shellcheck shell=bash
#
# PRoot, for hosts where the kernel refuses everything else; for scripts/build-static. It is a program
# and a file of its own, with its own licence (GPL-2 or later), and its source goes beside it.
#
#   proot_knows ARCH       does PRoot support ARCH?
#   build_proot            build the program "proot", unstripped, in $work/proot-ARCH
#   pack_proot_source FILE put the sources that build_proot compiles, and the recipe, into FILE, a .tar.xz

proot_knows() {
	case $1 in
	x86_64 | i686 | aarch64 | armv7l) ;;
	*) return 1 ;;
	esac
}

# arch_h WORD [OPTION]: print the definition of the macro WORD in PRoot's arch.h
arch_h() {
	echo '#include "arch.h"' | "$gnu-gcc" "${@:2}" -I. -DNO_LIBC_HEADER -E -dM - |
		sed -n "s/^#define $1 //p"
}

# proot_loader NAME [OPTION]: compile PRoot's loader to the object NAME.o. PRoot starts the loader in place of each
# program that is run inside; the loader is bare code at a fixed address, without any libc.
proot_loader() {
	local name=$1 flags address
	shift
	read -ra flags <<<"$(arch_h LOADER_ARCH_CFLAGS "$@") ${*}"
	address=$(arch_h LOADER_ADDRESS "$@")
	"$gnu-gcc" "${flags[@]}" -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -I. -O2 -fPIC -ffreestanding \
		-fno-stack-protector -fno-asynchronous-unwind-tables -ffile-prefix-map="$work"=/build \
		-static -nostdlib -no-pie -Wl,--build-id=none,-Ttext="$address",-z,noexecstack \
		-w -o "$name.elf" loader/loader.c loader/assembly.S
	"$triplet-strip" -R .comment "$name.elf"
	printf '.section .rodata\n.balign 16\n%s\n' ".globl _binary_${name}_elf_start, _binary_${name}_elf_end" \
		"_binary_${name}_elf_start: .incbin \"$name.elf\"" "_binary_${name}_elf_end:" \
		'.section .note.GNU-stack,"",%progbits' | "$triplet-gcc" -xassembler -c -o "$name.o" -
}

# talloc is in Samba's tarball in Debian; it needs only these few results of Samba's configure.
proot_talloc() {
	local version
	read -r version _ < <(pin samba)
	mkdir talloc
	tar -C talloc --strip-components=3 --no-same-owner -xf "$cache/sources/samba-$version.tar" \
		"samba-$version/lib/talloc/talloc.c" "samba-$version/lib/talloc/talloc.h"
	cat >talloc/replace.h <<-'END'
		#include <errno.h>
		#include <limits.h>
		#include <stdarg.h>
		#include <stdbool.h>
		#include <stdint.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/param.h>
		#include <sys/types.h>
		#include <unistd.h>
		#define HAVE_CONSTRUCTOR_ATTRIBUTE 1
		#define HAVE_GETAUXVAL 1
		#define HAVE_INTPTR_T 1
		#define HAVE_SYS_AUXV_H 1
		#define HAVE_VA_COPY 1
		#define TALLOC_BUILD_VERSION_MAJOR TALLOC_VERSION_MAJOR
		#define TALLOC_BUILD_VERSION_MINOR TALLOC_VERSION_MINOR
		#define TALLOC_BUILD_VERSION_RELEASE 0
	END
}

# PRoot's makefile is not used: it takes facts about this build from the host, git and Python
build_proot() {
	local version file objects=() sources
	read -r version _ < <(pin proot)
	unpack proot
	cd src
	proot_talloc
	printf '#undef VERSION\n#define VERSION "%s"\n#define HAVE_PROCESS_VM\n#define HAVE_SECCOMP_FILTER\n' \
		"$version" >build.h
	# sys/queue.h, which musl does not have, contains only macros: take the host's
	mkdir -p include/sys
	file=$(echo '#include <sys/queue.h>' | "$gnu-gcc" -E -M - | tr -s '[:space:]' '\n' | grep '/sys/queue\.h$')
	cp "$file" include/sys
	proot_loader loader
	objects+=(loader.o)
	if [ -n "$(arch_h HAS_LOADER_32BIT)" ]; then
		proot_loader loader_m32 -m32
		objects+=(loader_m32.o)
	fi
	sources=$(ls cli/{cli,proot,note}.c execve/*.c path/*.c syscall/*.c tracee/*.c ptrace/*.c \
		extension/extension.c extension/{kompat,fake_id0,link2symlink,portmap}/*.c talloc/talloc.c)
	# shellcheck disable=SC2086,SC2016 # lists of words; the inner shell expands its own
	printf '%s\n' $sources | xargs -P "$jobs" -n 1 sh -c '
		for file; do :; done
		exec "$@" -o "$(echo "${file%.c}" | tr / _).o"' sh "$triplet-gcc" $size_flags -w \
		-D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -I. -Iinclude -Italloc -c
	for file in $sources; do
		file=${file%.c}
		objects+=("${file//\//_}.o")
	done
	"$triplet-gcc" -o ../proot "${objects[@]}"
}

pack_proot_source() { # FILE
	local version top
	read -r version _ < <(pin proot)
	top=$work/proot-$version-source
	rm -rf "$top"
	mkdir "$top"
	(
		unpack proot
		cd "$top"
		mv "$work/proot-$arch" "proot-$version"
		proot_talloc
		cp "$here/proot.bash" .
		cat >README <<-END
			What proot-$version-ARCH-linux beside this is made of: PRoot $version (GPL, version 2 or
			later: proot-$version/COPYING) and talloc (LGPL, version 3 or later). proot.bash has
			compiled it, called by scripts/build-static of the nix-user-chroot of this release.
		END
	)
	tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rw,go=rX \
		--format=ustar -cf - "proot-$version-source" | xz -e -T1 >"$1"
}
