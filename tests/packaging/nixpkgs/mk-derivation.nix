# stdenv.mkDerivation for the tests: it uses the compiler and the tools of this host
{ lib, system }:
attrs:
let
  # the real mkDerivation would take a misspelt attribute for an environment variable, and nobody would notice
  known = [
    "buildInputs"
    "checkInputs"
    "configureFlags"
    "doCheck"
    "doInstallCheck"
    "enableParallelBuilding"
    "installCheckPhase"
    "meta"
    "nativeBuildInputs"
    "pname"
    "src"
    "strictDeps"
    "version"
  ];
  unknown = builtins.attrNames (builtins.removeAttrs attrs known);
in
if unknown != [ ] then
  throw "mkDerivation: no such attribute: ${toString unknown}"
else
  derivation (
    builtins.removeAttrs attrs [ "meta" ]
    // {
      name = "${attrs.pname}-${attrs.version}";
      inherit system;
      builder = "/bin/bash";
      args = [ ./build.bash ];
      PATH = "/usr/bin:/bin";
    }
  )
  // attrs
  // {
    drvAttrs = attrs;
  }
