# NUC_CMOCKA
# The unit tests need cmocka. Without cmocka configure leaves the unit tests out, and says so.
AC_DEFUN([NUC_CMOCKA], [
  have_cmocka=yes
  PKG_CHECK_MODULES([CMOCKA], [cmocka >= 1.1.5], [], [have_cmocka=no])
  AM_CONDITIONAL([HAVE_CMOCKA], [test "x$have_cmocka" = xyes])
])
