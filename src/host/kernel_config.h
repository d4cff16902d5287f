/*
 * How the running kernel was built.
 */
#ifndef HOST_KERNEL_CONFIG_H
#define HOST_KERNEL_CONFIG_H

enum kernel_option {
	KERNEL_OPTION_UNKNOWN, /* no configuration that we may read */
	KERNEL_OPTION_NO,
	KERNEL_OPTION_YES,
};

/*
 * Look OPTION ("CONFIG_USER_NS") up where distributions leave the configuration of kernel RELEASE:
 * /boot/config-RELEASE, /lib/modules/RELEASE/config, /proc/config.gz (read through gzip(1), where
 * there is one), each below ROOT. *FILE is the one that answered, without ROOT, the caller's to
 * free, or NULL.
 */
enum kernel_option kernel_config_lookup(const char *root, const char *release, const char *option,
					char **file);

#endif
