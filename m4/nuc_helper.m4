# NUC_HELPER
# --enable-helper: nix-user-chroot-helper is built and installed too, the privileged program for
# hosts that refuse user namespaces. No privilege is given to it: that is for the administrator, or
# for a package.
AC_DEFUN([NUC_HELPER], [
  AC_ARG_ENABLE([helper],
    [AS_HELP_STRING([--enable-helper],
                    [install the program that needs privilege, for hosts without user namespaces])],
    [], [enable_helper=no])
  AM_CONDITIONAL([HELPER], [test "x$enable_helper" = xyes])
])
