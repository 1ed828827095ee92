/* Strings with a shape: paths, device ids, hosts, programs. */
#include <string.h>

#include "policy/rules/glob.h"
#include "policy/rules/load.h"

/* What is wrong with a path pattern; NULL: nothing. Its meaning is the automaton's. */
static const char *path_fault(const char *path, const char **out_fix)
{
	bool is_in_braces = false;

	*out_fix = "begin it with '/' or '**/': '/Users/**'";
	if (path[0] != '/' && strncmp(path, "**/", 3) != 0)
		return "is not rooted at the partition";
	*out_fix = "write every folder once, with '/' between";
	if (strstr(path, "//") || strchr(path, '\\'))
		return "has an empty folder name or a '\\'";
	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t length = strcspn(p + 1, "/");

		if ((length == 1 && p[1] == '.') || (length == 2 && p[1] == '.' && p[2] == '.'))
			return "has a '.' or '..' folder";
	}
	*out_fix = "close it: {a,b} and [a-z], without nesting and within one folder name";
	for (const char *p = path; *p; p++) {
		if (*p == '[') {
			/* The first character is a member whatever it is: "[]a]". */
			if (!p[1] || p[1] == '/')
				return "has a '[' that is not closed";
			p += 2 + strcspn(p + 2, "]/");
			if (*p != ']')
				return "has a '[' that is not closed";
		} else if (*p == '{' || *p == '}') {
			if (is_in_braces == (*p == '{'))
				return "has a '{' or '}' too many";
			is_in_braces = !is_in_braces;
		} else if (*p == '/' && is_in_braces) {
			return "has a '{' that is not closed";
		}
	}
	return is_in_braces ? "has a '{' that is not closed" : NULL;
}

/* Shape first, for the better words; then whether the automaton takes it. */
static bool check_path(struct loader *loader, const struct yaml_node *node, const char *path)
{
	struct bl_error why = {{0}};
	const char *fix, *fault = path_fault(path, &fix);

	if (fault) {
		load_error(loader, load_at(node), fix, "'%s' %s", LOAD_QUOTE(path), fault);
		return false;
	}

	enum bl_status status = glob_check(path, &loader->paths, &why);

	if (status == BL_NO_MEMORY)
		loader->is_out_of_memory = true;
	else if (status != BL_OK)
		load_error(loader, load_at(node), "simplify the pattern", "%s", why.text);
	return status == BL_OK;
}

static bool is_within(const struct glob_size *size)
{
	return size->alternatives <= PATH_ALTERNATIVES_LIMIT && size->symbols <= PATH_SYMBOLS_LIMIT;
}

/* One path may be too much for what all of them come to: told once, the rest is not looked at. */
static bool check_path_size(struct loader *loader, const struct yaml_node *node)
{
	if (is_within(&loader->paths))
		return true;
	if (loader->paths.alternatives > PATH_ALTERNATIVES_LIMIT)
		load_error(loader, load_at(node), "write '*' where a choice need not be exact",
			   "the braces of all paths together stand for more than %u names",
			   PATH_ALTERNATIVES_LIMIT);
	else
		load_error(loader, load_at(node), "name whole folders instead of each file in them",
			   "all paths together have more than %u characters", PATH_SYMBOLS_LIMIT);
	return false;
}

bool load_path(struct loader *loader, const struct yaml_node *node, const char **out_path)
{
	return load_text(loader, node, PATH_LIMIT, out_path) && is_within(&loader->paths) &&
	       check_path(loader, node, *out_path) && check_path_size(loader, node);
}

#define SMALL_LETTERS	   "abcdefghijklmnopqrstuvwxyz"
#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" SMALL_LETTERS "0123456789"

bool load_device_id(struct loader *loader, const struct yaml_node *node, const char **out_id)
{
	if (!load_text(loader, node, BL_DEVICE_ID_SIZE * 2, out_id))
		return false;
	if (strspn(*out_id, LETTERS_AND_DIGITS "._-*?") == strlen(*out_id))
		return true;
	load_error(loader, load_at(node),
		   "device ids have letters, digits, '.', '_' and '-'; '*' and '?' stand for any",
		   "'%s' matches no device id", LOAD_QUOTE(*out_id));
	return false;
}

/* A host as the daemon knows its own, which is compared in small letters. */
bool load_host(struct loader *loader, const struct yaml_node *node, const char **out_host)
{
	const char *text;

	if (!load_text(loader, node, TEXT_LIMIT, &text))
		return false;

	size_t length = strlen(text);

	if (length > HOST_LIMIT || strspn(text, LETTERS_AND_DIGITS "._-") != length ||
	    !strchr(LETTERS_AND_DIGITS, text[0])) {
		load_error(loader, load_at(node),
			   "write the name that 'hostname' prints there, like bench-01",
			   "'%s' is not a host", LOAD_QUOTE(text));
		return false;
	}

	char *host = arena_copy(loader->policy->arena, text, length);

	if (!host) {
		loader->is_out_of_memory = true;
		return false;
	}
	for (char *c = host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	*out_host = host;
	return true;
}

/* "less" or "/usr/bin/less". */
bool load_program(struct loader *loader, const struct yaml_node *node, const char **out_program)
{
	const char *text;

	if (!load_text(loader, node, PATH_LIMIT, &text))
		return false;

	bool is_path = text[0] == '/';
	const char *allowed = is_path ? LETTERS_AND_DIGITS "._+-/" : LETTERS_AND_DIGITS "._+-";
	const char *last = strrchr(text, '/');

	if (strspn(text, allowed) != strlen(text) || strstr(text, "//") || strstr(text, "/.") ||
	    text[0] == '.' || text[0] == '-' || (last && !last[1])) {
		load_error(loader, load_at(node),
			   "write a program's name, or its whole path: /usr/bin/less",
			   "'%s' is not a program", LOAD_QUOTE(text));
		return false;
	}
	*out_program = text;
	return true;
}
