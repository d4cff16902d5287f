# NUC_HARDENING
# Every warning that the project keeps clean, and what makes memory errors harder to exploit, as far
# as the compiler and the linker know the flag. Into NUC_CFLAGS and NUC_LDFLAGS.

# NUC_TRY_CFLAG(FLAG): add FLAG to NUC_CFLAGS where the compiler takes it
AC_DEFUN([NUC_TRY_CFLAG], [
  AS_VAR_PUSHDEF([cache], [nuc_cv_cflag_$1])
  AC_CACHE_CHECK([whether $CC takes $1], [cache], [
    nuc_saved=$CFLAGS
    CFLAGS="$CFLAGS -Werror $1"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    CFLAGS=$nuc_saved
  ])
  AS_VAR_IF([cache], [yes], [NUC_CFLAGS="$NUC_CFLAGS $1"])
  AS_VAR_POPDEF([cache])
])

# NUC_TRY_LDFLAG(FLAG): the same for the linker and NUC_LDFLAGS
AC_DEFUN([NUC_TRY_LDFLAG], [
  AS_VAR_PUSHDEF([cache], [nuc_cv_ldflag_$1])
  AC_CACHE_CHECK([whether the linker takes $1], [cache], [
    nuc_saved=$LDFLAGS
    LDFLAGS="$LDFLAGS $1"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    LDFLAGS=$nuc_saved
  ])
  AS_VAR_IF([cache], [yes], [NUC_LDFLAGS="$NUC_LDFLAGS $1"])
  AS_VAR_POPDEF([cache])
])

AC_DEFUN([NUC_HARDENING], [
  NUC_CFLAGS=
  NUC_LDFLAGS=
  AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening], [leave out the flags against memory errors])],
    [], [enable_hardening=yes])
  m4_foreach_w([flag], [-Wall -Wextra -Wformat=2 -Wshadow -Wconversion -Wvla -Wundef
                        -Wstrict-prototypes -Wmissing-prototypes],
    [NUC_TRY_CFLAG(flag)])
  AS_IF([test "x$enable_hardening" != xno], [
    m4_foreach_w([flag], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE],
      [NUC_TRY_CFLAG(flag)])
    m4_foreach_w([flag], [-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack],
      [NUC_TRY_LDFLAG(flag)])
    # a static build asks for -static-pie itself
    AS_CASE([" $LDFLAGS "], [*" -static"*], [], [NUC_TRY_LDFLAG([-pie])])
    # needs optimisation, and is done better by a sanitizer where there is one
    AS_IF([test "x$enable_sanitizers" = xno || test -z "$enable_sanitizers"],
      [NUC_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
    AS_CASE([" $CFLAGS "], [*" -O0 "*], [NUC_CPPFLAGS=])
  ])
  AC_SUBST([NUC_CFLAGS])
  AC_SUBST([NUC_CPPFLAGS])
  AC_SUBST([NUC_LDFLAGS])
])

# NUC_WERROR: --enable-werror, for our own checks; not for users, whose compilers know new warnings
AC_DEFUN([NUC_WERROR], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [], [enable_werror=no])
  AS_IF([test "x$enable_werror" = xyes], [NUC_CFLAGS="$NUC_CFLAGS -Werror"])
])
