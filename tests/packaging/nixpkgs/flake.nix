# A stand-in for nixpkgs, with all that scripts/packaging uses, under nixpkgs' own names: so the flake can be
# evaluated and built without a network. Packages are only names here, and the compiler is this host's.
{
  outputs =
    { self }:
    let
      lib = import ./lib.nix;
      # some of the systems that nixpkgs supports
      systems = [
        "aarch64-linux"
        "armv6l-linux"
        "armv7l-linux"
        "i686-linux"
        "powerpc64le-linux"
        "riscv64-linux"
        "x86_64-linux"
      ];
      packagesFor =
        system:
        let
          stand-in = name: {
            inherit name;
            outPath = name;
          };
          pkgs = {
            inherit lib;
            callPackage = lib.callPackageWith pkgs;
            stdenv.mkDerivation = import ./mk-derivation.nix { inherit lib system; };
            mkShell = { inputsFrom, packages }: pkgs.stdenv.mkDerivation {
              pname = "nix-shell";
              version = "0";
              buildInputs = packages ++ lib.concatMap (input: input.buildInputs) inputsFrom;
            };
          }
          // builtins.listToAttrs (
            map (name: {
              inherit name;
              value = stand-in name;
            }) [
              "autoreconfHook"
              "bats"
              "cmocka"
              "curl"
              "libarchive"
              "openssl"
              "pkg-config"
              "shellcheck"
            ]
          );
        in
        pkgs;
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs systems packagesFor;
    };
}
