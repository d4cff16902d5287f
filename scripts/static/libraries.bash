# shellcheck shell=bash
#
# The libraries of one architecture, for scripts/build-static: each build_NAME compiles one into
# $sysroot/usr with the compiler of toolchain.bash, and with nothing in it that we do not use.

# What decodes the tarball and the TLS stream is made for speed, the rest for size.
size_flags='-Os -DNDEBUG'
speed_flags='-O2 -DNDEBUG'

# configure_static ARG...: a configure script of autoconf's
configure_static() {
	./configure --quiet --host="$triplet" --prefix=/usr --disable-shared --enable-static \
		--disable-dependency-tracking "$@"
}

make_quiet() {
	make --quiet --jobs="$jobs" "$@"
}

build_zlib() {
	unpack zlib
	CC=$triplet-gcc AR=$triplet-ar RANLIB=$triplet-ranlib CFLAGS=$speed_flags \
		./configure --static --prefix=/usr
	make_quiet libz.a
	make --quiet DESTDIR="$sysroot" install
}

build_xz() {
	unpack xz
	configure_static CFLAGS="$speed_flags" --disable-nls --disable-doc --disable-scripts \
		--disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo \
		--disable-lzma-links --disable-microlzma --disable-lzip-decoder \
		--disable-encoders --enable-threads=no
	make_quiet
	make --quiet DESTDIR="$sysroot" install
}

build_zstd() {
	local only='ZSTD_LIB_COMPRESSION=0 ZSTD_LIB_DICTBUILDER=0 ZSTD_LIB_DEPRECATED=0
		ZSTD_LEGACY_SUPPORT=0'
	# Nix releases no tarball in zstd's format. One that somebody has made may take longer, and the
	# decoder has 42 KB in place of 132.
	local small='-DHUF_FORCE_DECOMPRESS_X1 -DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT'
	small+=' -DZSTD_NO_INLINE -DDYNAMIC_BMI2=0'
	unpack zstd
	# shellcheck disable=SC2086 # a list of words
	make_quiet -C lib libzstd.a $only CC="$triplet-gcc" AR="$triplet-ar" CFLAGS="$size_flags $small"
	# shellcheck disable=SC2086
	make --quiet -C lib install-static install-includes install-pc $only \
		DESTDIR="$sysroot" PREFIX=/usr LIBDIR=/usr/lib
}

# What TLS 1.2 and 1.3 need with today's certificates and ciphers stays: RSA, (EC)DH, the NIST
# curves, X25519, Ed25519, AES, ChaCha20-Poly1305, SHA-1 and SHA-2 (SHA-1 for certificate ids and
# old roots' signatures of themselves), and so does the assembler code that makes them fast.
openssl_without=(
	acvp-tests afalgeng apps argon2 aria async atexit autoload-config bf blake2 camellia cast
	cmp cms comp ct default-thread-pool deprecated des dgram docs dsa dso dtls dynamic-engine
	ec2m engine filenames gost http idea legacy loadereng md4 mdc2 ml-dsa ml-kem module
	multiblock nextprotoneg ocb ocsp padlockeng psk quic rc2 rc4 rfc3779 rmd160 scrypt seed shared siphash
	siv slh-dsa sm2 sm3 sm4 srp srtp ssl3 ssl-trace static-engine tests thread-pool tls1
	tls1-method tls1_1 tls1_1-method ts ui-console uplink whirlpool
)

build_openssl() {
	local target more=()
	case $arch in
	i686) target=linux-x86 ;;
	armv7l) target=linux-armv4 ;;
	riscv64)
		target=linux64-riscv64
		# its assembler code is for extensions that few processors have, and calls functions that
		# are left out here
		more=(no-asm)
		;;
	*) target=linux-$arch ;;
	esac
	unpack openssl
	# The code for P-256 alone has a table of 150 KB, to verify in a tenth of a millisecond what the code
	# for all curves verifies in half a one.
	# shellcheck disable=SC2016 # a $ of that file's
	sed -i '/\$EC\(ASM\|DEF\)_/s/ecp_nistz256[-a-z0-9_]*\.[csS]\|ECP_NISTZ256_ASM//g' crypto/ec/build.info
	CC=$triplet-gcc AR=$triplet-ar RANLIB=$triplet-ranlib ./Configure "$target" \
		--prefix=/usr --libdir=lib --openssldir=/etc/ssl "${openssl_without[@]/#/no-}" "${more[@]}" \
		CFLAGS="$size_flags -DOPENSSL_SMALL_FOOTPRINT" >/dev/null
	# AES unrolled for AVX-512 is a quarter of all of libcrypto (740 KB), and a download is as fast
	# with AES-NI; ChaCha20-Poly1305, SHA-1 and SHA-512 for AVX are 70 KB, and faster than any network
	# without. Their generators ask the compiler which assembler it has, and write less, or a stub
	# that says "not on this processor", where that is too old.
	if [ "$arch" = x86_64 ]; then
		make --quiet CC='echo GNU assembler version 2.25 #' \
			crypto/modes/aes-gcm-avx512.s crypto/aes/aesni-xts-avx512.s
		make --quiet CC='echo GNU assembler version 2.18 #' \
			crypto/chacha/chacha-x86_64.s crypto/poly1305/poly1305-x86_64.s crypto/bn/rsaz-avx2.s \
			crypto/sha/sha1-x86_64.s crypto/sha/sha512-x86_64.s \
			crypto/aes/aesni-sha1-x86_64.s crypto/aes/aesni-sha256-x86_64.s
	fi
	make_quiet build_libs
	make --quiet DESTDIR="$sysroot" install_dev
}

# The resolver has a thread of its own, as in distributions' builds: a slow name server must not
# keep the progress callback, and with it Ctrl-C, waiting. That thread ends with the look-up.
build_curl() {
	unpack curl
	configure_static CFLAGS="$size_flags" PKG_CONFIG_LIBDIR="$sysroot/usr/lib/pkgconfig" \
		--with-openssl --without-ca-bundle --without-ca-path --without-ca-fallback \
		--disable-ca-search --without-zlib --without-brotli --without-zstd \
		--without-libpsl --without-libidn2 --without-nghttp2 --without-libgsasl \
		--enable-threaded-resolver --enable-ipv6 --enable-http --enable-file \
		--enable-proxy --enable-basic-auth --enable-digest-auth \
		--disable-alt-svc --disable-ares --disable-aws --disable-bearer-auth \
		--disable-bindlocal --disable-cookies --disable-dict --disable-docs --disable-doh \
		--disable-form-api --disable-ftp --disable-get-easy-options --disable-gopher \
		--disable-headers-api --disable-hsts --disable-imap --disable-ipfs \
		--disable-kerberos-auth --disable-ldap --disable-ldaps --disable-libcurl-option \
		--disable-manual --disable-mime --disable-mqtt --disable-negotiate-auth \
		--disable-netrc --disable-ntlm --disable-openssl-auto-load-config --disable-pop3 \
		--disable-progress-meter --disable-rtsp --disable-smb --disable-smtp \
		--disable-telnet --disable-tftp --disable-tls-srp --disable-unix-sockets \
		--disable-websockets --disable-sha512-256
	make_quiet -C lib
	make --quiet -C lib DESTDIR="$sysroot" install
	make --quiet -C include DESTDIR="$sysroot" install
	make --quiet DESTDIR="$sysroot" install-pkgconfigDATA
}

build_libarchive() {
	unpack libarchive
	configure_static CFLAGS="$size_flags" PKG_CONFIG_LIBDIR="$sysroot/usr/lib/pkgconfig" \
		--disable-bsdtar --disable-bsdcat --disable-bsdcpio --disable-bsdunzip \
		--disable-acl --disable-xattr --without-bz2lib --without-cng --without-expat \
		--without-iconv --without-libb2 --without-lz4 --without-lzo2 --without-mbedtls \
		--without-nettle --without-openssl --without-xml2
	make_quiet
	make --quiet DESTDIR="$sysroot" install
}
