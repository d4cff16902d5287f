# shellcheck shell=bash
# shellcheck disable=SC2154 # Nix sets the attributes of the derivation as variables
# Does what nixpkgs' stdenv does, as far as this package needs it
set -euo pipefail

# installCheckPhase calls this function
runHook() {
	:
}

[[ " $nativeBuildInputs " == *" autoreconfHook "* && " $nativeBuildInputs " == *" pkg-config "* ]]
cp -r "$src" source
chmod -R u+w source
cd source
autoreconf -fi
# shellcheck disable=SC2086 # a list of words
./configure --quiet --prefix="$out" $configureFlags
make --quiet -j"$NIX_BUILD_CORES"
[ -z "${doCheck-}" ] || make --quiet -j"$NIX_BUILD_CORES" check
make --quiet install
[ -z "${doInstallCheck-}" ] || eval "$installCheckPhase"
