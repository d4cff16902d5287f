#include "home/documents.h"
#include "config.h"
#include "ui/log.h"
#include "util/cleanup.h"
#include "util/fs.h"
#include "util/sha256_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#ifdef SINGLE_BINARY
#include "documents_data.h"

enum { DOCUMENT_MAX = 1 << 20 /* bytes; the man page has 40,000 */ };

/* In the order of home.h. */
static const struct {
	const unsigned char *data;
	size_t len;
} contents[DOCUMENT_COUNT] = {
	{document_man, sizeof(document_man)},
	{document_bash, sizeof(document_bash)},
	{document_fish, sizeof(document_fish)},
	{document_zsh, sizeof(document_zsh)},
};

static enum document_action decide(const struct document *document, const struct strlist *ours)
{
	_cleanup_free_ char *text = NULL;
	char hex[SHA256_HEX_LEN + 1];
	struct sha256 digest;
	size_t len;
	int r = fs_read_file(AT_FDCWD, document->path, DOCUMENT_MAX, &text, &len);

	if (r == -ENOENT && !fs_exists(AT_FDCWD, document->path))
		return DOCUMENT_MAKE;
	if (r < 0)
		return DOCUMENT_LEAVE;
	if (len == document->len && memcmp(text, document->data, len) == 0)
		return DOCUMENT_KEEP;
	/* a link is not ours, even if it leads to a file of ours */
	if (!ours || sha256_of_file(AT_FDCWD, document->path, &digest) < 0)
		return DOCUMENT_LEAVE;
	sha256_format(&digest, hex);
	return strlist_has(ours, hex) ? DOCUMENT_MAKE : DOCUMENT_LEAVE;
}

/*
 * zsh searches only directories that its configuration names. So its completion is wanted only if
 * its directory exists already: then the user made it and probably told zsh.
 */
static bool is_wanted(const char *path, enum home_document kind)
{
	_cleanup_free_ char *directory = path_parent(path);

	return kind != DOCUMENT_ZSH || access(directory, W_OK | X_OK) == 0;
}

void documents_look(const struct home *home, const struct strlist *ours, struct documents *out)
{
	*out = (struct documents){0};
	for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
		struct document *document = &out->items[i];

		document->path = xstrdup(home->documents.items[i]);
		document->data = contents[i].data;
		document->len = contents[i].len;
		if (is_wanted(document->path, (enum home_document)i))
			document->action = decide(document, ours);
	}
}
#else
void documents_look(const struct home *home, const struct strlist *ours, struct documents *out)
{
	(void)home;
	(void)ours;
	*out = (struct documents){0};
}
#endif

static bool has(const struct documents *documents, enum document_action action)
{
	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		if (documents->items[i].action == action)
			return true;
	return false;
}

bool documents_have_work(const struct documents *documents)
{
	return has(documents, DOCUMENT_MAKE);
}

bool documents_differ(const struct documents *documents)
{
	return has(documents, DOCUMENT_LEAVE) || has(documents, DOCUMENT_MAKE);
}

void documents_carry_out(const struct documents *documents)
{
	for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
		const struct document *document = &documents->items[i];
		int r = document->action == DOCUMENT_MAKE
				? fs_put_file(document->path, document->data, document->len, 0644)
				: 0;

		if (r < 0)
			log_warning("cannot write %s, which is for man or a shell: %s\n"
				    "Nix works without it; run --install again when it can be "
				    "written",
				    document->path, strerror(-r));
	}
}

void documents_clear(struct documents *documents)
{
	for (size_t i = 0; i < DOCUMENT_COUNT; i++)
		free(documents->items[i].path);
	*documents = (struct documents){0};
}
