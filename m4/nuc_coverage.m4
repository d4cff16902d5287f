# NUC_COVERAGE
# --enable-coverage: each line is counted while it runs (clang's source-based coverage), in files of the
# directory coverage/ of the build tree. The counters are mapped from there, so that processes which end by
# _exit(2), by a signal, by an exec, or confined to no file at all, have theirs counted, too.
AC_DEFUN([NUC_COVERAGE], [
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [count the lines that run, for scripts/check coverage; with clang])],
    [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" = xyes], [
    nuc_flags="-fprofile-instr-generate=$(pwd)/coverage/%m%c.profraw -fcoverage-mapping -mllvm -runtime-counter-relocation"
    # the linker has no use for the last ones
    nuc_flags="$nuc_flags -Wno-unused-command-line-argument"
    nuc_saved=$CFLAGS
    CFLAGS="$CFLAGS $nuc_flags"
    AC_MSG_CHECKING([whether $CC has source-based coverage])
    AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])], [
      AC_MSG_RESULT([no])
      AC_MSG_ERROR([$CC cannot link with $nuc_flags: use clang, with its runtime (libclang-rt-dev)])
    ])
    CFLAGS=$nuc_saved
    NUC_CFLAGS="$NUC_CFLAGS $nuc_flags"
  ])
])
