/* Words that were meant: what to say of one that is not known. */
#include <string.h>

#include "policy/rules/load.h"

#define NEAR_LENGTH 48u
#define NEAR_KEYS   64u /* a map with more is no slip of the pen */

/* Levenshtein's distance, for words of at most NEAR_LENGTH. */
static unsigned distance(const char *a, const char *b)
{
	size_t b_length = strlen(b);
	unsigned row[NEAR_LENGTH + 1];

	if (strlen(a) > NEAR_LENGTH || b_length > NEAR_LENGTH)
		return UINT32_MAX;
	for (unsigned k = 0; k <= b_length; k++)
		row[k] = k;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= b_length; k++) {
			unsigned change = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			row[k] = BL_MIN(change, BL_MIN(row[k], row[k - 1]) + 1);
		}
	}
	return row[b_length];
}

static bool is_near(unsigned far, const char *word)
{
	return far <= 2 && far * 2 < strlen(word);
}

static bool is_key(const struct load_key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return true;
	return false;
}

/* Will nobody see what is found now? A hostile file gets no more work out of us then. */
static bool is_full(const struct rules_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].severity == RULES_WARNING)
			return false; /* an error takes its place */
	return findings->count == RULES_FINDINGS_LIMIT;
}

bool load_has_near(const struct loader *loader, const struct yaml_node *map,
		   const struct load_key *keys, size_t count, const char *name)
{
	if (map->count > NEAR_KEYS || is_full(loader->findings))
		return false;
	for (const struct yaml_node *value = map->first; value; value = value->next)
		if (!is_key(keys, count, value->key->text) &&
		    is_near(distance(value->key->text, name), name))
			return true;
	return false;
}

void load_suggest(const struct loader *loader, const char *word, const struct vocabulary *words,
		  char fix[256])
{
	unsigned least = UINT32_MAX;
	const char *nearest = NULL;
	size_t used = 0;

	fix[0] = '\0';
	if (is_full(loader->findings))
		return;
	for (size_t i = 0; i < words->count; i++) {
		const char *name = words->name(words->items, i);
		unsigned far = distance(word, name);

		if (far < least) {
			least = far;
			nearest = name;
		}
	}
	if (nearest && is_near(least, nearest)) {
		snprintf(fix, 256, "did you mean '%s'?", LOAD_QUOTE(nearest));
		return;
	}
	for (size_t i = 0; i < words->count && used < 220; i++)
		used += (size_t)snprintf(fix + used, 256 - used, "%s%.*s",
					 used ? ", " : "one of: ", 220 - (int)used,
					 words->name(words->items, i));
	if (used >= 220)
		strcpy(fix + 220, " ...");
}

void load_unknown(struct loader *loader, const struct yaml_node *node,
		  const struct vocabulary *words)
{
	char fix[256];

	load_suggest(loader, node->text, words, fix);
	if (!words->count)
		snprintf(fix, sizeof(fix), "give the policy a %s of that name", words->what);
	load_error(loader, load_at(node), fix,
		   words->is_own ? "there is no %s '%s'" : "unknown %s '%s'", words->what,
		   LOAD_QUOTE(node->text));
}
