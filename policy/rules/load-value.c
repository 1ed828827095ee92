/* The shapes of values: keys, words, texts, lists, names. */
#include <stdlib.h>
#include <string.h>

#include "policy/rules/load.h"

/* @first: the value of the first word. */
#define WORDS(variable, what, type, function, first, count)                                        \
	static const char *variable##_name(const void *unused, size_t i)                           \
	{                                                                                          \
		(void)unused;                                                                      \
		return function((type)(i + (first)));                                              \
	}                                                                                          \
	const struct vocabulary variable = {what, variable##_name, NULL, (count) - (first), false};

WORDS(ACTION_WORDS, "action", enum bl_action, bl_action_name, 0, ACTION_COUNT)
WORDS(DEVICE_KIND_WORDS, "kind of device", enum bl_device_kind, bl_device_kind_name, 0,
      DEVICE_KIND_COUNT)
WORDS(STATE_WORDS, "status", enum bl_device_state, bl_device_state_name, 0, STATE_COUNT)
WORDS(FILE_KIND_WORDS, "kind of file", enum bl_file_kind, bl_file_kind_name, 0, FILE_KIND_COUNT)
WORDS(STYLE_WORDS, "mask style", unsigned, bl_style_name, 0, STYLE_COUNT)
WORDS(SHOWN_WORDS, "mask style", unsigned, bl_style_name, 0, STYLE_COUNT + 1)
WORDS(CONSENT_WORDS, "consent", enum bl_consent, bl_consent_name, FIRST_WRITTEN, CONSENT_COUNT)
WORDS(CHECK_WORDS, "check of a caller", enum bl_check, bl_check_name, FIRST_WRITTEN, CHECK_COUNT)

/* A name that found no memory is no word. */
static const char *or_none(const char *name)
{
	return name ? name : "";
}

static const char *role_name(const void *roles, size_t i)
{
	return or_none(((const struct role *)roles)[i].name);
}

static const char *workplace_name(const void *workplaces, size_t i)
{
	return or_none(((const struct workplace *)workplaces)[i].name);
}

static const char *person_name(const void *people, size_t i)
{
	return or_none(((const struct person *)people)[i].name);
}

static const char *rule_name(const void *rules, size_t i)
{
	return ((const struct rule *)rules)[i].id;
}

static const char *class_name(const void *policy, size_t i)
{
	return policy_class_name(policy, (unsigned)i);
}

struct vocabulary load_role_words(const struct loader *loader)
{
	return (struct vocabulary){"role", role_name, loader->policy->roles,
				   loader->policy->role_count, true};
}

struct vocabulary load_workplace_words(const struct loader *loader)
{
	return (struct vocabulary){"workplace", workplace_name, loader->policy->workplaces,
				   loader->policy->workplace_count, true};
}

struct vocabulary load_person_words(const struct loader *loader)
{
	return (struct vocabulary){"person", person_name, loader->policy->people,
				   loader->policy->person_count, true};
}

struct vocabulary load_rule_words(const struct loader *loader)
{
	return (struct vocabulary){"rule", rule_name, loader->policy->rules,
				   loader->policy->rule_count, true};
}

struct vocabulary load_class_words(const struct loader *loader)
{
	return (struct vocabulary){"class", class_name, loader->policy,
				   CLASS_COUNT + loader->policy->custom_count, false};
}

struct position load_at(const struct yaml_node *node)
{
	return (struct position){node->line, node->column};
}

struct position load_key_at(const struct yaml_node *node)
{
	return load_at(node->key ? node->key : node);
}

const char *load_quote(const char *text, char out[LOAD_QUOTE_SIZE])
{
	size_t length = strlen(text);

	if (length < LOAD_QUOTE_SIZE)
		return memcpy(out, text, length + 1);
	length = LOAD_QUOTE_SIZE - 4;
	while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	memcpy(out, text, length);
	return strcpy(out + length, "...") - length;
}

void *load_take(struct loader *loader, size_t count, size_t size)
{
	void *taken = arena_take(loader->policy->arena, count, size);

	if (!taken)
		loader->is_out_of_memory = true;
	return taken;
}

const char *load_copy(struct loader *loader, const char *text)
{
	const char *copy = arena_copy(loader->policy->arena, text, strlen(text));

	if (!copy)
		loader->is_out_of_memory = true;
	return copy;
}

/* ---- shapes ----------------------------------------------------------------------------------- */

static const char *key_name(const void *keys, size_t i)
{
	return ((const struct load_key *)keys)[i].name;
}

/* "on:" is true to YAML 1.1, and a JSON of this file would hold "true". */
static bool is_boolean_word(const struct yaml_node *key)
{
	static const char *const WORDS_1_1[] = {"y",  "n",   "yes",  "no",
						"on", "off", "true", "false"};

	for (size_t i = 0; i < BL_COUNT(WORDS_1_1); i++)
		if (!key->is_quoted && strcasecmp(key->text, WORDS_1_1[i]) == 0)
			return true;
	return false;
}

static void refuse_key(struct loader *loader, const struct yaml_node *key, const char *where,
		       const struct load_key *keys, size_t count)
{
	const struct vocabulary words = {"key", key_name, keys, count, false};
	char fix[256];

	load_suggest(loader, key->text, &words, fix);
	if (is_boolean_word(key))
		load_error(loader, load_at(key), fix,
			   "unknown key '%s' in %s: a boolean to YAML 1.1", LOAD_QUOTE(key->text),
			   where);
	else
		load_error(loader, load_at(key), fix, "unknown key '%s' in %s",
			   LOAD_QUOTE(key->text), where);
}

bool load_keys(struct loader *loader, const struct yaml_node *map, const char *where,
	       const struct load_key *keys, size_t count)
{
	char fix[256];
	bool is_whole = true;

	if (!map)
		return false;
	if (map->type != YAML_MAP) {
		snprintf(fix, sizeof(fix), "write keys and values: {%s: ...}", keys[0].name);
		load_error(loader, load_key_at(map), fix, "%s must be a map", where);
		return false;
	}
	for (const struct yaml_node *value = map->first; value; value = value->next) {
		size_t i = 0;

		while (i < count && strcmp(keys[i].name, value->key->text) != 0)
			i++;
		if (i == count)
			refuse_key(loader, value->key, where, keys, count);
	}
	for (size_t i = 0; i < count; i++) {
		if (keys[i].need != KEY_REQUIRED || yaml_get(map, keys[i].name))
			continue;
		is_whole = false;
		if (load_has_near(loader, map, keys, count, keys[i].name))
			continue; /* misspelt, and told as that */
		snprintf(fix, sizeof(fix), "add '%s: %s'", keys[i].name, keys[i].example);
		load_error(loader, load_at(map), fix, "%s has no '%s'", where, keys[i].name);
	}
	return is_whole;
}

const char *load_shown_name(const struct yaml_node *node)
{
	return node->key ? node->key->text : "entry";
}

bool load_word(struct loader *loader, const struct yaml_node *node, const char **out_text)
{
	if (!node)
		return false;
	if (node->type != YAML_SCALAR) {
		load_error(loader, load_at(node), "write one value",
			   "'%s' must be one value, not a %s", LOAD_QUOTE(load_shown_name(node)),
			   node->type == YAML_LIST ? "list" : "map");
		return false;
	}
	if (!node->text[0]) {
		load_error(loader, load_key_at(node), "write a value behind ':', or remove the key",
			   "'%s' has no value", LOAD_QUOTE(load_shown_name(node)));
		return false;
	}
	*out_text = node->text;
	return true;
}

bool load_text(struct loader *loader, const struct yaml_node *node, size_t limit,
	       const char **out_text)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;

	size_t length = strlen(text);

	while (length && (text[length - 1] == '\n' || text[length - 1] == ' '))
		length--; /* block scalars end in a line end */
	if (!length || strcspn(text, "\n\r\t") < length) {
		load_error(loader, load_at(node), "write it on one line",
			   "'%s' must be one line of text", LOAD_QUOTE(load_shown_name(node)));
		return false;
	}
	if (length > limit) {
		load_error(loader, load_at(node), "make it shorter",
			   "'%s' is longer than %zu bytes", LOAD_QUOTE(load_shown_name(node)),
			   limit);
		return false;
	}
	*out_text = arena_copy(loader->policy->arena, text, length);
	if (!*out_text)
		loader->is_out_of_memory = true;
	return *out_text;
}

static int compare_entries(const void *left, const void *right)
{
	const struct yaml_node *a = *(const struct yaml_node *const *)left;
	const struct yaml_node *b = *(const struct yaml_node *const *)right;

	return strcmp(a->text, b->text);
}

/* At most LIST_LIMIT or PERSON_LIMIT entries, so an array on the heap and a sort are cheap. */
static bool refuse_twice(struct loader *loader, const struct yaml_node *list)
{
	BL_CLEANUP(bl_free)
	const struct yaml_node **entries = calloc(list->count, sizeof(*entries));
	size_t count = 0;

	if (!entries) {
		loader->is_out_of_memory = true;
		return false;
	}
	for (const struct yaml_node *entry = list->first; entry; entry = entry->next)
		if (entry->type == YAML_SCALAR)
			entries[count++] = entry;
	qsort(entries, count, sizeof(*entries), compare_entries);
	for (size_t i = 1; i < count; i++)
		if (strcmp(entries[i - 1]->text, entries[i]->text) == 0) {
			bool is_first = entries[i]->line < entries[i - 1]->line ||
					(entries[i]->line == entries[i - 1]->line &&
					 entries[i]->column < entries[i - 1]->column);

			load_error(loader, load_at(entries[is_first ? i - 1 : i]),
				   "remove one of the two", "'%s' stands twice in '%s'",
				   LOAD_QUOTE(entries[i]->text), LOAD_QUOTE(load_shown_name(list)));
			return false;
		}
	return true;
}

bool load_list(struct loader *loader, const struct yaml_node *node, size_t limit)
{
	char fix[256];

	if (!node)
		return false;
	if (node->type != YAML_LIST) {
		snprintf(fix, sizeof(fix), "write a list: [%s]",
			 node->type == YAML_SCALAR && node->text[0] ? LOAD_QUOTE(node->text)
								    : "...");
		load_error(loader, load_key_at(node), fix, "'%s' must be a list",
			   LOAD_QUOTE(load_shown_name(node)));
		return false;
	}
	if (!node->count) {
		load_error(loader, load_key_at(node), "give it an entry, or remove the key",
			   "'%s' is an empty list", LOAD_QUOTE(load_shown_name(node)));
		return false;
	}
	if (node->count > limit) {
		load_error(loader, load_key_at(node), "split it", "'%s' has more than %zu entries",
			   LOAD_QUOTE(load_shown_name(node)), limit);
		return false;
	}
	return refuse_twice(loader, node);
}

static bool is_id(const char *text)
{
	size_t length = strlen(text);

	return text[0] >= 'a' && text[0] <= 'z' && length < BL_RULE_ID_SIZE &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

bool load_id(struct loader *loader, const struct yaml_node *node, const char **out_id)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;
	if (!is_id(text)) {
		load_error(loader, load_at(node),
			   "use small letters, digits and '-', a letter first, at most 63",
			   "'%s' is not a name", LOAD_QUOTE(text));
		return false;
	}
	*out_id = load_copy(loader, text);
	return *out_id;
}

bool load_name(struct loader *loader, const struct yaml_node *key, const char **out_name)
{
	const char *unused;

	*out_name = load_copy(loader, key->text);
	return load_id(loader, key, &unused) && *out_name;
}

bool load_strings(struct loader *loader, const struct yaml_node *node, load_string_fn *load_one,
		  struct string_list *out_list)
{
	bool is_good = true;

	if (!load_list(loader, node, LIST_LIMIT))
		return false;

	const char **items = load_take(loader, node->count, sizeof(*items));
	size_t count = 0;

	if (!items)
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next)
		is_good = load_one(loader, entry, &items[count++]) && is_good;
	if (is_good)
		*out_list = (struct string_list){items, count};
	return is_good;
}

void *load_section(struct loader *loader, const struct yaml_node *map, size_t limit, size_t size,
		   const char *example)
{
	if (!map)
		return NULL;
	if (map->type != YAML_MAP || !map->count) {
		load_error(loader, load_key_at(map), example, "'%s' must be a map with an entry",
			   load_shown_name(map));
		return NULL;
	}
	if (map->count > limit) {
		load_error(loader, load_key_at(map), "make it shorter",
			   "'%s' has more than %zu entries", load_shown_name(map), limit);
		return NULL;
	}
	return load_take(loader, map->count, size);
}

void load_empty(struct loader *loader, const struct yaml_node *map, const char *fix)
{
	if (map && map->type == YAML_MAP && !map->count)
		load_error(loader, load_key_at(map), fix, "'%s' is empty", load_shown_name(map));
}

/* ---- words that are known -------------------------------------------------------------------- */

bool load_value(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
		unsigned *out_value)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->name(words->items, i), text) == 0) {
			*out_value = (unsigned)i;
			return true;
		}
	load_unknown(loader, node, words);
	return false;
}

bool load_bits(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
	       uint64_t *out_bits)
{
	uint64_t bits = 0;
	bool is_good = true;
	unsigned value;

	if (!load_list(loader, node, LIST_LIMIT))
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next)
		if (load_value(loader, entry, words, &value))
			bits |= UINT64_C(1) << value;
		else
			is_good = false;
	if (is_good)
		*out_bits = bits;
	return is_good;
}

bool load_bits32(struct loader *loader, const struct yaml_node *node,
		 const struct vocabulary *words, uint32_t *out_bits)
{
	uint64_t bits;

	if (!load_bits(loader, node, words, &bits))
		return false;
	*out_bits = (uint32_t)bits;
	return true;
}

bool load_class(struct loader *loader, const struct yaml_node *node, unsigned *out_class)
{
	const struct vocabulary words = load_class_words(loader);

	return load_value(loader, node, &words, out_class);
}

bool load_true_or_false(struct loader *loader, const struct yaml_node *node, bool *out)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;
	*out = strcmp(text, "true") == 0;
	if (*out || strcmp(text, "false") == 0)
		return true;
	load_error(loader, load_at(node), "write true or false", "'%s' must be true or false",
		   LOAD_QUOTE(load_shown_name(node)));
	return false;
}
