# NUC_HELPER
# --enable-helper: also build and install nix-user-chroot-helper, the privileged program for hosts that refuse user
# namespaces. "make install" gives the helper no privilege: the administrator does, or a package.
AC_DEFUN([NUC_HELPER], [
  AC_ARG_ENABLE([helper],
    [AS_HELP_STRING([--enable-helper],
                    [install the program that needs privilege, for hosts without user namespaces])],
    [], [enable_helper=no])
  AM_CONDITIONAL([HELPER], [test "x$enable_helper" = xyes])
])
