#include "cli/options.h"

#include <stdlib.h>

void options_clear(struct options *options)
{
	struct install_options *install = &options->install;

	free(install->nix_version);
	free(install->mirror);
	free(install->tarball);
	free(install->sha256);
	free(install->system);
	free(install->cacert);
	free(install->nix_extra_conf_file);
	strlist_clear(&install->extra_conf);
	free(options->update.releases);
	free(options->update.program_sha256);
	free(options->command_line);
	free(options->bundle);
	free(options->program);
	free(options->trust_owner);
	free(options->shared_group);
	*options = (struct options){0};
}
