#include "unpack/extract_report.h"

#include "util/fs.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

void extract_report_send(int fd, const struct extract_report *report)
{
	(void)!fs_write_all(fd, report, sizeof(*report));
}

int extract_report_read(int fd, struct extract_reader *reader)
{
	char *p = (char *)&reader->report;

	while (reader->have < sizeof(reader->report)) {
		ssize_t n = read(fd, p + reader->have, sizeof(reader->report) - reader->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		reader->have += (size_t)n;
	}
	reader->have = 0;
	reader->report.text[sizeof(reader->report.text) - 1] = '\0';
	return 1;
}

const char *extract_advice_text(uint32_t advice)
{
	static const char *const texts[EXTRACT_ADVICE_COUNT] = {
		[EXTRACT_ADVICE_TARBALL] = "get the tarball anew, or another one: --nix-version, "
					   "--mirror and --tarball choose it",
		[EXTRACT_ADVICE_SPACE] = "make room there (or raise the quota) and run it again",
		[EXTRACT_ADVICE_DISK] = "look at that file system's mount options and permissions, "
					"or choose another one with NIX_USER_CHROOT_DIR",
	};

	return advice < EXTRACT_ADVICE_COUNT ? texts[advice] : NULL;
}
