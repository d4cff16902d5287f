#include "install/script_home.h"
#include "home/startup_files.h"
#include "install/profile_install.h"
#include "install/profile_links.h"
#include "store/layout.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"

#include <string.h>

/*
 * Run the script, which writes fish's file anew: the user's own is kept and restored. 0, or -1
 * after a message.
 */
static int run_keeping_fish(const struct installation *in, const struct script_request *request)
{
	const char *fish = in->site->home.fish;
	int r = request->no_modify_profile
			? 0
			: startup_file_keep(fish, request->nix_dir_fd, LAYOUT_FISH);
	bool is_kept = fs_exists(request->nix_dir_fd, LAYOUT_FISH);
	int status = r < 0 ? -1 : script_run(request);

	if (r == 0)
		r = startup_file_put_back(fish, request->nix_dir_fd, LAYOUT_FISH);
	if (r < 0) {
		log_error("cannot keep %s as it is, which the Nix install script writes anew: %s\n"
			  "move it away, or leave such files alone with --no-modify-profile",
			  fish, strerror(-r));
		return -1;
	}
	if (status == 0 && is_kept)
		log_verbose("%s is yours, and stays: fish gets no line for Nix", fish);
	return status;
}

/* Turn off what would make the script fail on this host, although the user did not ask for that. */
static void limit(const struct installation *in, struct script_request *request)
{
	const struct home *home = &in->site->home;

	if (!request->no_modify_profile && !startup_file_fish_is_free(home->fish)) {
		log_warning("%s cannot be written, and the Nix install script would end there: no "
			    "startup file gets a line for Nix\n"
			    "nix-user-chroot needs none; for a shell of your own, source "
			    "~/.nix-profile/etc/profile.d/nix.sh",
			    home->fish);
		request->no_modify_profile = true;
	}
	if (!request->no_channel_add &&
	    profile_links_has_foreign_channels(in->site, request->nix_dir_fd)) {
		log_warning(
			"%s/channels is another Nix's, and stays as it is: there is no channel here\n"
			"flakes need none; with XDG_STATE_HOME=DIRECTORY Nix has channels of its own",
			home->generations);
		request->no_channel_add = true;
	}
}

int script_run_at_home(const struct installation *in, struct script_request *request)
{
	int r = profile_links_prepare(in->site, request->nix_dir_fd);

	if (r < 0) {
		log_error("cannot make the link to your Nix profile in %s: %s\n"
			  "see who may write there",
			  in->site->home.path, strerror(-r));
		return -1;
	}
	limit(in, request);
	if (!profile_install_is_needed(request->nix_dir_fd))
		return run_keeping_fish(in, request);
	if (profile_install_begin(request) < 0 || run_keeping_fish(in, request) < 0)
		return -1;
	return profile_install_finish(request);
}
