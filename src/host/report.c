#include "host/report.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* prose fits a terminal of 80 columns; commands are never broken */
#define LINE_WIDTH 78

static const struct {
	const char *id;
	const char *title;
} names[CHECK_STEP_COUNT] = {
	[CHECK_USER_NAMESPACE] = {"user-namespace", "user namespace"},
	[CHECK_MOUNT_NAMESPACE] = {"mount-namespace", "mount namespace"},
	[CHECK_ID_MAPS] = {"id-maps", "user and group IDs"},
	[CHECK_SLAVE] = {"slave", "slave mounts"},
	[CHECK_TMPFS] = {"tmpfs", "tmpfs"},
	[CHECK_BIND] = {"bind", "bind mount"},
	[CHECK_PIVOT_ROOT] = {"pivot-root", "pivot_root"},
	[CHECK_NESTED_NAMESPACE] = {"nested-namespace", "nested namespaces"},
	[CHECK_PROC_MOUNT] = {"proc-mount", "/proc for a sandbox"},
	[CHECK_CONFINEMENT] = {"confinement", "--install's sandbox"},
};

/*
 * Print the words of FOREIGN, wrapped: the first line begins with FIRST, the others with as many
 * blanks.
 */
static void print_wrapped(FILE *f, const char *first, const char *foreign)
{
	_cleanup_free_ char *shown = text_shown(foreign);
	const char *text = shown;
	size_t indent = strlen(first), column = indent;
	bool fresh = true;

	fputs(first, f);
	while (*text) {
		size_t len = strcspn(text, " ");

		if (!fresh && column + 1 + len > LINE_WIDTH) {
			fprintf(f, "\n%*s", (int)indent, "");
			column = indent;
			fresh = true;
		}
		fprintf(f, "%s%.*s", fresh ? "" : " ", (int)len, text);
		column += len + !fresh;
		fresh = false;
		text += len + strspn(text + len, " ");
	}
	fputc('\n', f);
}

static void print_steps(FILE *f, const struct probe *probe)
{
	for (size_t i = 0; i < CHECK_STEP_COUNT; i++) {
		const struct probe_step *step = &probe->steps[i];
		_cleanup_free_ char *failure = NULL;

		switch (step->outcome) {
		case PROBE_OK:
			fprintf(f, "  %-21s ok\n", names[i].title);
			break;
		case PROBE_FAILED:
			failure = probe_failure(step);
			text_print(f, "  %-21s failed: %s\n", names[i].title, failure);
			break;
		case PROBE_NOT_TRIED:
			fprintf(f, "  %-21s not tried\n", names[i].title);
			break;
		}
	}
}

/* a line for each runtime: "  userns     works", or why not */
static void print_runtimes(FILE *f, const struct runtimes *runtimes)
{
	fputs("\nRuntimes, the first that works is taken:\n", f);
	for (int i = RUNTIME_USERNS; i < RUNTIME_COUNT; i++) {
		_cleanup_free_ char *name = xasprintf("  %-21s ", runtime_name((enum runtime)i));

		if (!runtimes->refused[i])
			fprintf(f, "%sworks\n", name);
		else
			print_wrapped(f, name, runtimes->refused[i]);
	}
}

static bool has_own_namespaces(const struct report *report)
{
	return report->runtimes.userns.steps[CHECK_CONFINEMENT].outcome == PROBE_OK;
}

/* What confines the unpacking (unpack/confine.h). Without the filter nothing is unpacked. */
static void print_confinement(FILE *f, const struct report *report)
{
	bool landlock = report->facts.landlock > 0, namespaces = has_own_namespaces(report);

	fprintf(f, "\nThe unpacking is confined by %s.\n",
		namespaces && landlock ? "namespaces, Landlock and a system call filter"
		: namespaces	       ? "namespaces and a system call filter"
		: landlock	       ? "Landlock and a system call filter"
				       : "a system call filter alone");
}

static void print_bundle(FILE *f, const struct bundled_nix *nix)
{
	_cleanup_free_ char *size = NULL;

	if (!nix || nix->bundle->broken)
		return;
	size = str_size(nix->bundle->size);
	text_print(f, "\nIn this file: Nix %s for %s (%s, %s).\n", nix->version, nix->system,
		   nix->bundle->name, size);
}

static void print_terminals(FILE *f, const char *no_terminals)
{
	_cleanup_free_ char *words =
		no_terminals
			? xasprintf("Nix will not be able to build anything: %s. It gives each "
				    "build a terminal. In a container, devpts is not mounted "
				    "on /dev/pts, or /dev/ptmx is no link to pts/ptmx.",
				    no_terminals)
			: NULL;

	if (!words)
		return;
	fputc('\n', f);
	print_wrapped(f, "", words);
}

/* The runtime to take; RUNTIME_AUTO: none works */
static enum runtime choose(const struct report *report)
{
	if (report->wanted == RUNTIME_AUTO)
		return runtimes_first(&report->runtimes, true);
	return report->runtimes.refused[report->wanted] ? RUNTIME_AUTO : report->wanted;
}

/*
 * Is the Nix directory missing, and impossible to make? The runtime direct uses /nix, which was
 * checked before.
 */
static bool lacks_nix_dir(const struct report *report)
{
	return report->nix_dir_err && choose(report) != RUNTIME_DIRECT;
}

/* Does somebody else keep the Nix directory? Then --install has nothing to do there. */
static bool is_kept(const struct report *report)
{
	return report->keeper && choose(report) != RUNTIME_DIRECT;
}

/* What is wrong with the bundle, if it was cut or changed; else NULL. */
static const char *broken_bundle(const struct report *report)
{
	return report->bundle ? report->bundle->bundle->broken : NULL;
}

bool report_is_well(const struct report *report)
{
	return !broken_bundle(report) && choose(report) != RUNTIME_AUTO && !lacks_nix_dir(report) &&
	       !is_kept(report);
}

static char *verdict(const struct report *report)
{
	const struct probe *probe = &report->runtimes.userns;
	enum runtime first = choose(report);

	if (report->runtimes.hides_programs)
		return xstrdup("No: this host's own programs are in /nix/store, and a /nix of your "
			       "own would hide them.");
	if (first == RUNTIME_AUTO && report->runtimes.lacks_proot &&
	    (report->wanted == RUNTIME_AUTO || report->wanted == RUNTIME_PROOT))
		return xstrdup("Not yet: no runtime that is here works. --install fetches a "
			       "PRoot from the release of this program, if there is one for this "
			       "machine; a proot on PATH would do too.");
	if (first == RUNTIME_AUTO)
		return xstrdup("No: neither entering nor --install will work here.");
	if (lacks_nix_dir(report))
		return text_format(
			"No: entering would work here, but there is no Nix in %s, and it "
			"cannot be put there: %s.%s NIX_USER_CHROOT_DIR names another "
			"directory.",
			report->nix_dir, strerror(report->nix_dir_err),
			report->nix_dir_err == EROFS || report->nix_dir_err == EACCES
				? " A systemd unit with ProtectHome= or ProtectSystem= sees "
				  "a home like that."
				: "");
	if (is_kept(report))
		return text_format(
			"Entering will work here, and --install will not: the store in %s belongs to %s "
			"and is not yours to write. nix-user-chroot -- COMMAND uses it as it is; "
			"NIX_USER_CHROOT_DIR names another directory.",
			report->nix_dir, report->keeper);
	if (broken_bundle(report))
		return xasprintf("No: entering would work here, but this file cannot be used as a "
				 "bundle: %s. Copy it again, or make it anew with --bundle.",
				 broken_bundle(report));
	if (first != RUNTIME_USERNS)
		return xasprintf("Yes: entering and --install will work here, by the runtime %s; "
				 "only Nix's own build sandbox will not.",
				 runtime_name(first));
	if (!probe_can_sandbox(probe))
		return xstrdup("Yes: entering and --install will work here; only Nix's own build "
			       "sandbox will not, so --install writes 'sandbox = false' to "
			       "nix.conf.");
	return xstrdup(
		"Yes: entering and --install will work here, and so will Nix's build sandbox.");
}

static void print_reason(FILE *f, const struct explanation *reason)
{
	_cleanup_free_ char *sentence = xasprintf("%s.", reason->reason);

	fprintf(f, "\nWhy \"%s\" failed:\n", names[reason->step].title);
	print_wrapped(f, "  ", sentence);
	if (reason->admin.count > 0)
		fputs("\nWhat an administrator can do about it:\n", f);
	for (size_t i = 0; i < reason->admin.count; i++)
		text_print(f, "  %s\n", reason->admin.items[i]);
}

/* Reasons often share advice: each piece of advice is printed once. */
static void print_ways(FILE *f, const struct explanations *reasons)
{
	_cleanup_(strlist_clear) struct strlist said = {0};

	for (size_t i = 0; i < reasons->count; i++) {
		const struct strlist *user = &reasons->items[i].user;

		for (size_t k = 0; k < user->count; k++) {
			if (strlist_has(&said, user->items[k]))
				continue;
			if (said.count == 0)
				fputs("\nWhat you can do:\n", f);
			print_wrapped(f, "  - ", user->items[k]);
			strlist_add(&said, user->items[k]);
		}
	}
}

void report_print_table(FILE *f, const struct report *report)
{
	const char *note = explain_note(&report->facts);
	_cleanup_free_ char *words = verdict(report);

	text_print(f, "Linux %s",
		   *report->facts.release ? report->facts.release : "(release unknown)");
	if (report->facts.container_name)
		text_print(f, ", in a container (%s)", report->facts.container_name);
	fputs("\n\n", f);
	print_steps(f, &report->runtimes.userns);
	print_runtimes(f, &report->runtimes);
	print_confinement(f, report);
	print_bundle(f, report->bundle);
	print_terminals(f, report->runtimes.no_terminals);
	fputc('\n', f);
	print_wrapped(f, "", words);
	for (size_t i = 0; i < report->reasons.count; i++)
		print_reason(f, &report->reasons.items[i]);
	print_ways(f, &report->reasons);
	if (note) {
		fputc('\n', f);
		print_wrapped(f, "", note);
	}
}

/* The character C within a JSON string; if SIZE is 0, the byte at BYTES, which is not UTF-8. */
static void print_json_character(FILE *f, uint32_t c, const char *bytes, size_t size)
{
	if (size == 0)
		fputs("\\ufffd", f);
	else if (text_is_unsafe(c))
		fprintf(f, "\\u%04x", (unsigned)c);
	else if (c == '"' || c == '\\')
		fprintf(f, "\\%c", (char)c);
	else
		fwrite(bytes, 1, size, f);
}

/* TEXT as a JSON string, or null: RFC 8259, section 7. */
static void print_json_string(FILE *f, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (!text) {
		fputs("null", f);
		return;
	}
	fputc('"', f);
	for (size_t i = 0; i < len;) {
		uint32_t c = 0;
		size_t size = utf8_decode(text + i, len - i, &c);

		print_json_character(f, c, text + i, size);
		i += size ? size : 1;
	}
	fputc('"', f);
}

static void print_json_list(FILE *f, const struct strlist *list)
{
	fputc('[', f);
	for (size_t i = 0; i < list->count; i++) {
		fputs(i ? ", " : "", f);
		print_json_string(f, list->items[i]);
	}
	fputc(']', f);
}

static void print_json_step(FILE *f, size_t index, const struct probe_step *step)
{
	static const char *const results[] = {
		[PROBE_NOT_TRIED] = "not-tried",
		[PROBE_OK] = "ok",
		[PROBE_FAILED] = "failed",
	};
	bool failed = step->outcome == PROBE_FAILED;
	_cleanup_free_ char *failure = failed ? probe_failure(step) : NULL;

	fprintf(f, "{\"step\": \"%s\", \"result\": \"%s\", \"errno\": ", names[index].id,
		results[step->outcome]);
	if (failed)
		fprintf(f, "%d", step->err);
	else
		fputs("null", f);
	fputs(", \"error\": ", f);
	print_json_string(f, failure);
	fputc('}', f);
}

static void print_json_reason(FILE *f, const struct explanation *reason)
{
	fprintf(f, "{\"id\": \"%s\", \"step\": \"%s\", \"reason\": ", reason->id,
		names[reason->step].id);
	print_json_string(f, reason->reason);
	fputs(", \"fix\": ", f);
	print_json_string(f, reason->short_fix);
	fputs(", \"admin\": ", f);
	print_json_list(f, &reason->admin);
	fputs(", \"user\": ", f);
	print_json_list(f, &reason->user);
	fputc('}', f);
}

static void print_json_bundle(FILE *f, const struct bundled_nix *nix)
{
	const struct bundle *bundle = nix ? nix->bundle : NULL;
	bool is_whole = bundle && !bundle->broken;
	char hex[SHA256_HEX_LEN + 1];

	if (!bundle) {
		fputs("null", f);
		return;
	}
	sha256_format(&bundle->sha256, hex);
	fputs("{\"version\": ", f);
	print_json_string(f, is_whole ? nix->version : NULL);
	fputs(", \"system\": ", f);
	print_json_string(f, is_whole ? nix->system : NULL);
	fputs(", \"tarball\": ", f);
	print_json_string(f, is_whole ? bundle->name : NULL);
	fputs(", \"sha256\": ", f);
	print_json_string(f, is_whole ? hex : NULL);
	if (is_whole)
		fprintf(f, ", \"bytes\": %llu", (unsigned long long)bundle->size);
	else
		fputs(", \"bytes\": null", f);
	fputs(", \"error\": ", f);
	print_json_string(f, bundle->broken);
	fputc('}', f);
}

static const char *json_bool(bool value)
{
	return value ? "true" : "false";
}

static void print_json_runtime(FILE *f, enum runtime runtime, const char *refused)
{
	fprintf(f, "%s{\"runtime\": \"%s\", \"works\": %s, \"why\": ",
		runtime == RUNTIME_USERNS ? "" : ", ", runtime_name(runtime), json_bool(!refused));
	print_json_string(f, refused);
	fputc('}', f);
}

static void print_json_directory_error(FILE *f, const struct report *report)
{
	_cleanup_free_ char *kept =
		is_kept(report) ? text_format("the store belongs to %s and is not yours to write",
					      report->keeper)
				: NULL;

	print_json_string(f, lacks_nix_dir(report) ? strerror(report->nix_dir_err) : kept);
}

void report_print_json(FILE *f, const struct report *report)
{
	const struct runtimes *runtimes = &report->runtimes;
	const struct probe *probe = &runtimes->userns;
	const struct host_facts *facts = &report->facts;
	enum runtime first = choose(report);
	const char *ok = json_bool(report_is_well(report));

	fprintf(f, "{\"ok\": %s, \"enter\": %s, \"install\": %s, \"sandbox\": %s, \"kernel\": ", ok,
		json_bool(first != RUNTIME_AUTO), ok,
		json_bool((first == RUNTIME_USERNS || first == RUNTIME_DIRECT) &&
			  probe_can_sandbox(probe)));
	print_json_string(f, *facts->release ? facts->release : NULL);
	fputs(", \"container\": ", f);
	print_json_string(f, facts->container_name);
	fputs(", \"steps\": [", f);
	for (size_t i = 0; i < CHECK_STEP_COUNT; i++) {
		fputs(i ? ", " : "", f);
		print_json_step(f, i, &probe->steps[i]);
	}
	fputs("], \"runtime\": ", f);
	print_json_string(f, first == RUNTIME_AUTO ? NULL : runtime_name(first));
	fputs(", \"runtimes\": [", f);
	for (int i = RUNTIME_USERNS; i < RUNTIME_COUNT; i++)
		print_json_runtime(f, (enum runtime)i, runtimes->refused[i]);
	fputs("], \"terminals-error\": ", f);
	print_json_string(f, runtimes->no_terminals);
	fprintf(f, ", \"confinement\": [%s%s\"filter\"], \"directory\": ",
		has_own_namespaces(report) ? "\"namespaces\", " : "",
		facts->landlock > 0 ? "\"landlock\", " : "");
	print_json_string(f, report->nix_dir);
	fputs(", \"directory-error\": ", f);
	print_json_directory_error(f, report);
	fputs(", \"reasons\": [", f);
	for (size_t i = 0; i < report->reasons.count; i++) {
		fputs(i ? ", " : "", f);
		print_json_reason(f, &report->reasons.items[i]);
	}
	fputs("], \"bundle\": ", f);
	print_json_bundle(f, report->bundle);
	fputs(", \"note\": ", f);
	print_json_string(f, explain_note(facts));
	fputs("}\n", f);
}
