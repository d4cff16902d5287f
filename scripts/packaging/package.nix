# nix-user-chroot as Nix builds it, with nixpkgs' callPackage:
#
#     pkgs.callPackage ./scripts/packaging/package.nix { }
#
# The program that enters, and the installer in libexec, as in the package of any distribution.
{
  lib,
  stdenv,
  autoreconfHook,
  pkg-config,
  curl,
  libarchive,
  openssl,
  cmocka,
  # Build the privileged program for hosts without user namespaces, too. A file in the store cannot have a
  # capability: give it to the program by security.wrappers, or by hand.
  enableHelper ? false,
}:

let
  root = ../..;
  # The version is in configure.ac. A regular expression of Nix has to match the whole text, so match each line.
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

  # Only the files that the build needs: a change of a script or a test suite must not make a new package.
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

  # Check that the installer is there and starts: otherwise only users would notice.
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
