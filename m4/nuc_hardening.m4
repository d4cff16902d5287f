# NUC_HARDENING
# Enables every warning that the project keeps clean, and the flags that make memory errors harder to exploit, as far
# as the compiler and the linker know each flag. Appends to NUC_CFLAGS, NUC_CPPFLAGS and NUC_LDFLAGS.
AC_DEFUN([NUC_HARDENING], [
  NUC_CFLAGS=
  NUC_CPPFLAGS=
  NUC_LDFLAGS=
  AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening], [leave out the flags against memory errors])],
    [], [enable_hardening=yes])
  nuc_cflags="-Wall -Wextra -Wformat=2 -Wshadow -Wconversion -Wvla -Wundef"
  nuc_cflags="$nuc_cflags -Wstrict-prototypes -Wmissing-prototypes"
  nuc_ldflags=
  AS_IF([test "x$enable_hardening" != xno], [
    nuc_cflags="$nuc_cflags -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE"
    nuc_ldflags="-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack"
    # a static build passes -static-pie itself
    AS_CASE([" $LDFLAGS "], [*" -static"*], [], [nuc_ldflags="$nuc_ldflags -pie"])
    # _FORTIFY_SOURCE needs optimisation, and a sanitizer finds the same errors better
    AS_CASE([" $CFLAGS x$enable_sanitizers "], [*" -O0 "* | *" xyes "*], [],
      [NUC_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
  ])
  AC_MSG_CHECKING([which flags $CC takes])
  nuc_saved_cflags=$CFLAGS
  nuc_saved_ldflags=$LDFLAGS
  for nuc_flag in $nuc_cflags; do
    CFLAGS="$nuc_saved_cflags -Werror $nuc_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [NUC_CFLAGS="$NUC_CFLAGS $nuc_flag"])
  done
  CFLAGS="$nuc_saved_cflags $NUC_CFLAGS"
  for nuc_flag in $nuc_ldflags; do
    LDFLAGS="$nuc_saved_ldflags $nuc_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [NUC_LDFLAGS="$NUC_LDFLAGS $nuc_flag"])
  done
  CFLAGS=$nuc_saved_cflags
  LDFLAGS=$nuc_saved_ldflags
  AC_MSG_RESULT([$NUC_CFLAGS$NUC_LDFLAGS])
  AC_SUBST([NUC_CFLAGS])
  AC_SUBST([NUC_CPPFLAGS])
  AC_SUBST([NUC_LDFLAGS])
])

# NUC_WERROR: --enable-werror is for our own checks. Users do not get it: a newer compiler may have new warnings.
AC_DEFUN([NUC_WERROR], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [], [enable_werror=no])
  AS_IF([test "x$enable_werror" = xyes], [NUC_CFLAGS="$NUC_CFLAGS -Werror"])
])
