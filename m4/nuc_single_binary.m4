# NUC_SINGLE_BINARY
# --enable-single-binary: link the installer into nix-user-chroot itself. By default the installer is a second
# program, so that entering a chroot does not load libcurl and the libraries that libcurl needs.
AC_DEFUN([NUC_SINGLE_BINARY], [
  AC_ARG_ENABLE([single-binary],
    [AS_HELP_STRING([--enable-single-binary],
                    [one program that can do all; for static releases])],
    [], [enable_single_binary=no])
  AS_IF([test "x$enable_single_binary" = xyes],
        [AC_DEFINE([SINGLE_BINARY], [1], [The installer is linked into nix-user-chroot itself.])])
  AM_CONDITIONAL([SINGLE_BINARY], [test "x$enable_single_binary" = xyes])
])
