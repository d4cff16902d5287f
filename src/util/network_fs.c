#include "util/network_fs.h"

#include <linux/magic.h>
#include <stddef.h>

const char *network_fs_name(unsigned long f_type)
{
	/* of linux/magic.h, or of a file system's own source if that lacks it */
	static const struct {
		unsigned long type;
		const char *name;
	} kinds[] = {
		{NFS_SUPER_MAGIC, "NFS"},
		{SMB_SUPER_MAGIC, "SMB"},
		{0xff534d42, "CIFS"},
		{0xfe534d42, "SMB"},
		{0x0bd00bd0, "Lustre"},
		{0x01021997, "9p"},
		{AFS_SUPER_MAGIC, "AFS"},
		{0x6b414653, "AFS"},
		{CODA_SUPER_MAGIC, "Coda"},
		{0x00c36400, "Ceph"},
		{0x47504653, "GPFS"},
		{0x19830326, "BeeGFS"},
		{0xaad7aaea, "PanFS"},
		{0x01161970, "GFS2"},
		{0x7461636f, "OCFS2"},
		{0x20030528, "OrangeFS"},
		{0x786f4256, "a VirtualBox shared folder"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == f_type)
			return kinds[i].name;
	return NULL;
}
