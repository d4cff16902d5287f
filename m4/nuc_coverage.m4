# NUC_COVERAGE
# --enable-coverage: count how often each line runs (clang's source-based coverage). The counters are in files in the
# directory coverage/ of the build tree, which each process maps: so they are also complete for a process that ends
# by _exit(2), by a signal or by an exec, or that is confined and can open no file.
AC_DEFUN([NUC_COVERAGE], [
  AC_ARG_ENABLE([coverage],
    [AS_HELP_STRING([--enable-coverage], [count the lines that run, for scripts/check coverage; with clang])],
    [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" = xyes], [
    nuc_flags="-fprofile-instr-generate=$(pwd)/coverage/%m%c.profraw -fcoverage-mapping -mllvm -runtime-counter-relocation"
    # clang warns that the linker does not use the last two flags
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
