# NUC_SANITIZERS
# --enable-sanitizers: AddressSanitizer (with its leak check) and UndefinedBehaviorSanitizer. Any finding ends the
# program.
AC_DEFUN([NUC_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UBSan, for tests])],
    [], [enable_sanitizers=no])
  AS_IF([test "x$enable_sanitizers" = xyes], [
    nuc_flags="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
    nuc_saved=$CFLAGS
    CFLAGS="$CFLAGS $nuc_flags"
    AC_MSG_CHECKING([whether $CC has the sanitizers])
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])], [
      AC_MSG_RESULT([no])
      AC_MSG_ERROR([$CC cannot link with $nuc_flags: install its sanitizer runtime])
    ])
    # no sanitizer sees a variable that is not set: give it a value that is noticed
    CFLAGS="$CFLAGS -Werror -ftrivial-auto-var-init=pattern"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [nuc_flags="$nuc_flags -ftrivial-auto-var-init=pattern"])
    CFLAGS=$nuc_saved
    NUC_CFLAGS="$NUC_CFLAGS $nuc_flags"
  ])
])
