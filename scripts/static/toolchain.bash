# shellcheck shell=bash
#
# The compiler of one architecture, for scripts/build-static: Debian's gcc for it, and musl.
#
#   toolchain_names ARCH   sets arch, gnu (Debian's prefix of its tools) and triplet (ours, as
#                          configure scripts want it), or dies where ARCH is not known
#   toolchain_id           prints all of the host that decides what the compiler makes
#   toolchain_build        in $sysroot: the headers and the libc.a of musl in usr, the kernel's
#                          headers in kernel, and the compiler bin/$triplet-gcc

toolchain_names() {
	arch=$1
	gnu=$arch-linux-gnu
	triplet=$arch-linux-musl
	case $arch in
	x86_64 | i686 | aarch64 | riscv64) ;;
	armv7l)
		gnu=arm-linux-gnueabihf
		triplet=arm-linux-musleabihf
		;;
	*) die "no static binary is made for the architecture '$arch'" \
		"there are x86_64, i686, aarch64, armv7l and riscv64" ;;
	esac
	command -v "$gnu-gcc" >/dev/null || die "there is no $gnu-gcc" \
		"run scripts/deps build static-all, which installs all compilers"
}

# The directory of the kernel's headers with DIR below: linux, asm, asm-generic
kernel_headers() {
	local multiarch dir
	multiarch=$("$gnu-gcc" -print-multiarch)
	for dir in "/usr/include/$multiarch/$1" "/usr/$gnu/include/$1" "/usr/include/$1"; do
		# the host's asm is another architecture's
		if [ -d "$dir" ] && { [ "$1" != asm ] || [[ $dir == *linux-gnu* ]]; }; then
			echo "$dir"
			return
		fi
	done
	die "the kernel's headers for $arch are missing (no directory $1)" \
		"run scripts/deps build static-all"
}

toolchain_id() {
	"$gnu-gcc" -v 2>&1 | tail -n 1
	"$gnu-as" --version | head -n 1
	cat "$(kernel_headers linux)/version.h"
}

fill_template() { # NAME FILE
	sed -e "s|@triplet@|$triplet|g" -e "s|@gcc@|$gnu-gcc|g" -e "s|@sysroot@|$sysroot|g" \
		-e "s|@gcclib@|$gcclib|g" -e "s|@relr@|$(relr_flag)|g" "$here/$1.in" >"$2"
}

# Relative relocations in the short form, which musl applies since 1.2.4, save a tenth of the binary.
# Not every linker has it for every architecture; where not, it says so and ignores the flag.
relr_flag() {
	local flag='-z pack-relative-relocs'
	# shellcheck disable=SC2086 # two words
	"$gnu-ld" $flag -v 2>&1 | grep -q ignored || echo "$flag"
}

build_musl() {
	unpack musl
	# by Debian's compiler as it is: musl has no use for a C library
	./configure --quiet --prefix=/usr --disable-shared --disable-gcc-wrapper --target="$arch" \
		CC="$gnu-gcc" AR="$gnu-ar" RANLIB="$gnu-ranlib" \
		CFLAGS="-ffile-prefix-map=$work=/build -fstack-protector-strong -fPIE"
	make --quiet --jobs="$jobs" lib/libc.a
	make --quiet DESTDIR="$sysroot" install-libs install-headers
}

toolchain_build() {
	local gcclib tool dir
	gcclib=$(dirname "$("$gnu-gcc" -print-libgcc-file-name)")
	mkdir -p "$sysroot/bin" "$sysroot/kernel"
	for dir in linux asm asm-generic; do
		ln -s "$(kernel_headers $dir)" "$sysroot/kernel/$dir"
	done
	for tool in ar nm objcopy objdump ranlib strip; do
		ln -s "$(command -v "$gnu-$tool")" "$sysroot/bin/$triplet-$tool"
	done
	fill_template musl.specs "$sysroot/musl.specs"
	fill_template cc "$sysroot/bin/$triplet-gcc"
	chmod 755 "$sysroot/bin/$triplet-gcc"
	build_musl
}
