/* sessions: the programs that show contents in a sealed session, and how long one lasts. */
#include <string.h>

#include "policy/rules/load.h"

static const char *proc_name(const void *unused, size_t i)
{
	(void)unused;
	return i ? "accept" : "refuse";
}

/* What it is called in the tree, where all of them are in one folder. */
static const char *base_name(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash ? slash + 1 : program;
}

/*
 * Shells, languages, and programs with one inside, as Debian names them; each also with a version behind it. Others that start programs
 * (find, env) are no such thing: what they can start is in the tree, and was named.
 */
static bool is_interpreter(const char *name)
{
	static const char *const NAMES[] = {
		"ash",	  "awk",     "bash",	     "bsd-csh",	  "busybox", "csh",	"dash",
		"deno",	  "elvish",  "emacs",	     "erl",	  "ex",	     "expect",	"fish",
		"gawk",	  "gdb",     "gs",	     "guile",	  "iex",     "ipython", "irb",
		"java",	  "jshell",  "julia",	     "ksh",	  "lksh",    "lldb",	"lua",
		"luajit", "m4",	     "make",	     "mawk",	  "mksh",    "mono",	"nawk",
		"node",	  "nodejs",  "nvim",	     "ocaml",	  "octave",  "perl",	"php",
		"posh",	  "pwsh",    "pypy",	     "python",	  "qjs",     "rbash",	"R",
		"rc",	  "Rscript", "ruby",	     "rview",	  "rvim",    "rzsh",	"sash",
		"screen", "script",  "sh",	     "static-sh", "tclsh",   "tcsh",	"tmux",
		"toybox", "vi",	     "view",	     "vim",	  "vimdiff", "wish",	"xonsh",
		"yash",	  "zsh",     "original-awk",
	};
	/* Of the build, a display or a way of linking: emacs-nox, vim.tiny, zsh-static, python3-dbg; and the loader, which runs any program. */
	size_t length = strcspn(name, "0123456789.-");

	if (strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld.so", 5) == 0)
		return true;
	for (size_t i = 0; i < BL_COUNT(NAMES); i++)
		if (strcmp(name, NAMES[i]) == 0 ||
		    (strlen(NAMES[i]) == length && strncmp(name, NAMES[i], length) == 0))
			return true;
	return false;
}

static bool load_viewer(struct loader *loader, const struct yaml_node *node,
			const char **out_viewer)
{
	if (!load_program(loader, node, out_viewer))
		return false;
	if (!is_interpreter(base_name(*out_viewer)))
		return true;
	load_error(loader, load_at(node), "write it under 'interpreters'",
		   "'%s' runs what it is given", LOAD_QUOTE(*out_viewer));
	return false;
}

/* In the tree one would hide the other. Of lists that were good, so every entry is a program. */
static void refuse_same_name(struct loader *loader, const struct yaml_node *entry,
			     const struct yaml_node *others)
{
	for (const struct yaml_node *other = others->first; other && other != entry;
	     other = other->next)
		if (strcmp(base_name(entry->text), base_name(other->text)) == 0) {
			load_error(loader, load_at(entry), "keep one of the two",
				   "'%s' has the name of '%s' in '%s'", LOAD_QUOTE(entry->text),
				   LOAD_QUOTE(other->text), load_shown_name(others));
			return;
		}
}

/* The same of viewers that nobody stated. */
static void refuse_default(struct loader *loader, const struct yaml_node *entry)
{
	const struct rules_sessions *sessions = &loader->policy->sessions;

	for (size_t i = 0; i < sessions->viewer_count; i++)
		if (strcmp(base_name(entry->text), sessions->viewers[i]) == 0)
			load_error(loader, load_at(entry), "remove it, or state the viewers",
				   "'%s' is a viewer unless 'viewers' says otherwise",
				   LOAD_QUOTE(entry->text));
}

static void load_programs(struct loader *loader, const struct yaml_node *viewers,
			  const struct yaml_node *interpreters)
{
	struct rules_sessions *sessions = &loader->policy->sessions;
	struct string_list listed = {NULL, 0}, running = {NULL, 0};
	bool has_viewers = load_strings(loader, viewers, load_viewer, &listed);
	bool has_interpreters = load_strings(loader, interpreters, load_program, &running);

	if (listed.count + running.count > RULES_PROGRAMS_LIMIT)
		load_error(loader, load_key_at(viewers ? viewers : interpreters), "name fewer",
			   "'sessions' has more than %u programs", RULES_PROGRAMS_LIMIT);
	if (has_viewers) {
		sessions->viewers = listed.items;
		sessions->viewer_count = listed.count;
		for (const struct yaml_node *node = viewers->first; node; node = node->next)
			refuse_same_name(loader, node, viewers);
	}
	if (!has_interpreters)
		return;
	sessions->interpreters = running.items;
	sessions->interpreter_count = running.count;
	for (const struct yaml_node *node = interpreters->first; node; node = node->next) {
		refuse_same_name(loader, node, interpreters);
		if (has_viewers)
			refuse_same_name(loader, node, viewers);
		else if (!viewers)
			refuse_default(loader, node);
	}
}

static void load_times(struct loader *loader, const struct yaml_node *idle,
		       const struct yaml_node *total)
{
	struct rules_sessions *sessions = &loader->policy->sessions;
	bool has_idle = load_span(loader, idle, &sessions->idle_seconds);

	(void)load_span(loader, total, &sessions->total_seconds);
	if (sessions->idle_seconds <= sessions->total_seconds)
		return;
	if (has_idle)
		load_error(loader, load_at(idle), "write it shorter than 'total'",
			   total ? "'idle' is longer than 'total'"
				 : "'idle' is longer than 'total', which is 8h unless stated");
	else
		sessions->idle_seconds = sessions->total_seconds;
}

void load_sessions(struct loader *loader, const struct yaml_node *node)
{
	static const struct load_key KEYS[] = {
		{"viewers", KEY_OPTIONAL, NULL},      {"interpreters", KEY_OPTIONAL, NULL},
		{"idle", KEY_OPTIONAL, NULL},	      {"total", KEY_OPTIONAL, NULL},
		{"visible_proc", KEY_OPTIONAL, NULL},
	};
	static const struct vocabulary PROC_WORDS = {"'visible_proc'", proc_name, NULL, 2, false};
	struct rules_sessions *sessions = &loader->policy->sessions;
	unsigned accepts;

	if (!node)
		return;
	sessions->is_stated = true;
	(void)load_keys(loader, node, "'sessions'", KEYS, BL_COUNT(KEYS));
	load_empty(loader, node, "write {idle: 15m}, or remove it");
	load_programs(loader, yaml_get(node, "viewers"), yaml_get(node, "interpreters"));
	load_times(loader, yaml_get(node, "idle"), yaml_get(node, "total"));
	if (load_value(loader, yaml_get(node, "visible_proc"), &PROC_WORDS, &accepts))
		sessions->accepts_visible_proc = accepts;
}
