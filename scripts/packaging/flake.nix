# The flake lies beside the package, and its source is the whole repository:
#
#     nix run  'github:nix-user-chroot/nix-user-chroot?dir=scripts/packaging' -- --check
#     nix build 'git+file:///path/to/a/clone?dir=scripts/packaging'
#
# There is no flake.lock: nixpkgs is the user's own, or the newest commit of the branch named below. To use the
# nixpkgs of another flake: inputs.nix-user-chroot.inputs.nixpkgs.follows = "nixpkgs".
{
  description = "Nix without root: enter a /nix of your own, and install Nix there";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "i686-linux"
        "aarch64-linux"
        "armv6l-linux"
        "armv7l-linux"
        "riscv64-linux"
        "powerpc64le-linux"
      ];
      forEachSystem = outputs: lib.genAttrs systems (system: outputs system nixpkgs.legacyPackages.${system});
    in
    {
      overlays.default = final: _previous: {
        nix-user-chroot = final.callPackage ./package.nix { };
      };

      packages = forEachSystem (
        system: pkgs: {
          nix-user-chroot = pkgs.callPackage ./package.nix { };
          default = self.packages.${system}.nix-user-chroot;
        }
      );

      apps = forEachSystem (
        system: _pkgs: {
          default = {
            type = "app";
            program = lib.getExe self.packages.${system}.default;
            meta = { inherit (self.packages.${system}.default.meta) description; };
          };
        }
      );

      # building the package runs its unit tests
      checks = forEachSystem (system: _pkgs: { package = self.packages.${system}.default; });

      devShells = forEachSystem (
        system: pkgs: {
          default = pkgs.mkShell {
            inputsFrom = [ self.packages.${system}.default ];
            packages = [
              pkgs.bats
              pkgs.cmocka
              pkgs.shellcheck
            ];
          };
        }
      );
    };
}
