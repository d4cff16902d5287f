/*
 * What a configuration file of ssh includes (ssh_config(5), "Include").
 */
#ifndef CHROOT_SSH_CONFIG_H
#define CHROOT_SSH_CONFIG_H

#include "util/str.h"

/*
 * Add to OUT the patterns of the Include lines of TEXT, without quotes. Host and Match blocks make
 * no difference: ssh opens an included file in either.
 */
void ssh_config_includes(const char *text, struct strlist *out);

#endif
