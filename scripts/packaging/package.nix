# nix-user-chroot as Nix builds it, with nixpkgs' callPackage:
#
#     pkgs.callPackage ./scripts/packaging/package.nix { }
#
# The program that enters, and the installer in libexec, as any distribution has them.
{
  lib,
  stdenv,
  autoreconfHook,
  pkg-config,
  curl,
  libarchive,
  openssl,
  cmocka,
  # the privileged program for hosts without user namespaces; it gets its capability by
  # security.wrappers, or by hand, since a store path has none
  enableHelper ? false,
}:

let
  root = ../..;
  # configure.ac is where the version stands. A regular expression of Nix matches all of a text, so
  # line by line.
  versions = lib.concatMap (
    line:
    let
      version = builtins.match "AC_INIT\\(\\[[^]]*], *\\[([^]]*)].*" line;
    in
    if version == null then [ ] else version
  ) (lib.splitString "\n" (builtins.readFile (root + "/configure.ac")));
in
stdenv.mkDerivation {
  pname = "nix-user-chroot";
  version = lib.head versions;

  # What is built, and nothing else: a change of a script or a test suite is no new package.
  src = lib.fileset.toSource {
    inherit root;
    fileset = lib.fileset.unions [
      (root + "/COPYING")
      (root + "/Makefile.am")
      (root + "/README")
      (root + "/configure.ac")
      (root + "/m4")
      (root + "/scripts/completions")
      (root + "/src")
      (root + "/tests/unit")
      (root + "/tests/tools")
    ];
  };

  strictDeps = true;
  nativeBuildInputs = [
    autoreconfHook
    pkg-config
  ];
  buildInputs = [
    curl
    libarchive
    openssl
  ];
  checkInputs = [ cmocka ];

  configureFlags = lib.optional enableHelper "--enable-helper";

  enableParallelBuilding = true;
  doCheck = true;

  # An installer that is missing, or does not start, would be noticed by users only.
  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    test "$("$out/bin/nix-user-chroot" --version | head -n 1)" = "nix-user-chroot $version"
    test "$("$out/libexec/nix-user-chroot/nix-user-chroot-install" --version | head -n 1)" = "nix-user-chroot $version"
    runHook postInstallCheck
  '';

  meta = {
    description = "Nix without root: enter a /nix of your own, and install Nix there";
    homepage = "https://github.com/nix-user-chroot/nix-user-chroot";
    license = lib.licenses.mit;
    mainProgram = "nix-user-chroot";
    platforms = lib.platforms.linux;
  };
}
