# NUC_COMPLETIONS
# Where the completions of the shells are installed: below the data directory of this installation, which is where
# the shells look when the prefix is that of a distribution. --without-SHELL-completion-dir leaves one out.
AC_DEFUN([NUC_COMPLETIONS], [
  NUC_COMPLETION([bash], [bash-completion/completions])
  NUC_COMPLETION([zsh], [zsh/site-functions])
  NUC_COMPLETION([fish], [fish/vendor_completions.d])
])

# NUC_COMPLETION(SHELL, DEFAULT): defines the Makefile variable SHELL_completion_dir and the automake conditional
# WITH_SHELL_COMPLETION. Where the conditional is false, no completion for SHELL is installed.
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
