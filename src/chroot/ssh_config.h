/*
 * What a configuration file of ssh includes (ssh_config(5), "Include").
 */
#ifndef CHROOT_SSH_CONFIG_H
#define CHROOT_SSH_CONFIG_H

#include "util/str.h"

/*
 * Add to OUT the patterns that the Include lines of TEXT name, as they are written but without
 * quotes. It makes no difference in which Host or Match block a line is: ssh opens what is included
 * either way.
 */
void ssh_config_includes(const char *text, struct strlist *out);

#endif
