# NUC_COMPLETIONS
# Where the completions of the shells are installed: below the data directory of this installation,
# where they are looked for with the prefix of a distribution. --without-NAME-completion-dir leaves
# one out.
AC_DEFUN([NUC_COMPLETIONS], [
  NUC_COMPLETION([bash], [bash-completion/completions])
  NUC_COMPLETION([zsh], [zsh/site-functions])
  NUC_COMPLETION([fish], [fish/vendor_completions.d])
])

# NUC_COMPLETION(SHELL, DEFAULT): SHELL_completion_dir is a variable of the Makefile; it has none of
# its files where WITH_SHELL_COMPLETION is not true.
AC_DEFUN([NUC_COMPLETION], [
  AC_ARG_WITH([$1-completion-dir],
    [AS_HELP_STRING([--with-$1-completion-dir=DIR],
                    [completions of $1 @<:@DATADIR/$2@:>@])],
    [], [with_$1_completion_dir=yes])
  AS_CASE([$with_$1_completion_dir],
    [yes], [$1_completion_dir='${datadir}/$2'],
    [no], [$1_completion_dir=],
    [$1_completion_dir=$with_$1_completion_dir])
  AC_SUBST([$1_completion_dir])
  AM_CONDITIONAL([WITH_$1_COMPLETION], [test -n "$$1_completion_dir"])
])
