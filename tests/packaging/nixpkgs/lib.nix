# The functions of nixpkgs' lib that scripts/packaging calls, written from their documentation
rec {
  inherit (builtins) concatMap head;

  optional = condition: element: if condition then [ element ] else [ ];

  genAttrs =
    names: value:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = value name;
      }) names
    );

  splitString =
    separator: text: builtins.filter builtins.isString (builtins.split separator text);

  getExe = package: "${package}/bin/${package.meta.mainProgram}";

  callPackageWith =
    pkgs: file: overrides:
    let
      function = import file;
    in
    function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // overrides);

  fileset = {
    # as in nixpkgs, a missing file is an error
    unions = map (
      path:
      if builtins.pathExists path then path else throw "lib.fileset: ${toString path} does not exist"
    );

    toSource =
      { root, fileset }:
      let
        within = outer: inner: outer == inner || hasPrefix "${outer}/" inner;
        wanted = map toString fileset;
      in
      builtins.path {
        name = "source";
        path = root;
        filter = path: _type: builtins.any (file: within file path || within path file) wanted;
      };
  };

  hasPrefix =
    prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;

  licenses.mit = {
    spdxId = "MIT";
    free = true;
  };

  platforms.linux = [
    "aarch64-linux"
    "armv6l-linux"
    "armv7l-linux"
    "i686-linux"
    "powerpc64le-linux"
    "riscv64-linux"
    "x86_64-linux"
  ];
}
