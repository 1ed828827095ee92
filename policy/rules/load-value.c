#include <stdlib.h>
#include <string.h>

#include "policy/rules/glob.h"
#include "policy/rules/load.h"
#include "policy/rules/zone.h"

#define WORDS(variable, what, type, function, count)                                               \
	static const char *variable##_name(unsigned value)                                         \
	{                                                                                          \
		return function((type)value);                                                      \
	}                                                                                          \
	const struct vocabulary variable = {what, variable##_name, count};

WORDS(ACTION_WORDS, "action", enum bl_action, bl_action_name, ACTION_COUNT)
WORDS(DEVICE_KIND_WORDS, "kind of device", enum bl_device_kind, bl_device_kind_name,
      DEVICE_KIND_COUNT)
WORDS(STATE_WORDS, "status", enum bl_device_state, bl_device_state_name, STATE_COUNT)
WORDS(FILE_KIND_WORDS, "kind of file", enum bl_file_kind, bl_file_kind_name, FILE_KIND_COUNT)
WORDS(CLASS_WORDS, "class", enum bl_class, bl_class_name, CLASS_COUNT)
WORDS(STYLE_WORDS, "mask style", unsigned, bl_style_name, STYLE_COUNT)
WORDS(SHOWN_WORDS, "mask style", unsigned, bl_style_name, STYLE_COUNT + 1)

struct position load_at(const struct yaml_node *node)
{
	return (struct position){node->line, node->column};
}

struct position load_key_at(const struct yaml_node *node)
{
	return load_at(node->key ? node->key : node);
}

void load_later(struct loader *loader, struct position at, const char *what, const char *word)
{
	load_error(loader, at, "remove it; a policy is never half obeyed",
		   "%s'%s' is not understood by this version of Bailee yet", what,
		   LOAD_QUOTE(word));
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

/* ---- near words ----------------------------------------------------------------------------- */

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

static const struct load_key *find_key(const struct load_key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

bool load_has_near(const struct loader *loader, const struct yaml_node *map,
		   const struct load_key *keys, size_t count, const char *name)
{
	if (map->count > NEAR_KEYS || loader->findings->count == RULES_FINDINGS_LIMIT)
		return false;
	for (const struct yaml_node *value = map->first; value; value = value->next)
		if (!find_key(keys, count, value->key->text) &&
		    is_near(distance(value->key->text, name), name))
			return true;
	return false;
}

void load_suggest(const struct loader *loader, const char *word,
		  const char *(*name)(const void *, size_t), const void *names, size_t count,
		  char fix[256])
{
	unsigned least = UINT32_MAX;
	const char *nearest = NULL;
	size_t used = 0;

	fix[0] = '\0';
	if (loader->findings->count == RULES_FINDINGS_LIMIT)
		return; /* nobody will see it: a hostile file gets no work out of us */
	for (size_t i = 0; i < count; i++) {
		unsigned far = distance(word, name(names, i));

		if (far < least) {
			least = far;
			nearest = name(names, i);
		}
	}
	if (nearest && is_near(least, nearest)) {
		snprintf(fix, 256, "did you mean '%s'?", LOAD_QUOTE(nearest));
		return;
	}
	for (size_t i = 0; i < count && used < 220; i++)
		used += (size_t)snprintf(fix + used, 256 - used, "%s%.*s",
					 i ? ", " : "one of: ", 220 - (int)used, name(names, i));
	if (used >= 220)
		strcpy(fix + 220, " ...");
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
	char fix[256];

	load_suggest(loader, key->text, key_name, keys, count, fix);
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
		const struct load_key *key = find_key(keys, count, value->key->text);

		if (!key)
			refuse_key(loader, value->key, where, keys, count);
		else if (key->need == KEY_LATER)
			load_later(loader, load_at(value->key), "", key->name);
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

static const char *shown_name(const struct yaml_node *node)
{
	return node->key ? node->key->text : "entry";
}

bool load_word(struct loader *loader, const struct yaml_node *node, const char **out_text)
{
	if (!node)
		return false;
	if (node->type != YAML_SCALAR) {
		load_error(loader, load_at(node), "write one value",
			   "'%s' must be one value, not a %s", LOAD_QUOTE(shown_name(node)),
			   node->type == YAML_LIST ? "list" : "map");
		return false;
	}
	if (!node->text[0]) {
		load_error(loader, load_key_at(node), "write a value behind ':', or remove the key",
			   "'%s' has no value", LOAD_QUOTE(shown_name(node)));
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
			   "'%s' must be one line of text", LOAD_QUOTE(shown_name(node)));
		return false;
	}
	if (length > limit) {
		load_error(loader, load_at(node), "make it shorter",
			   "'%s' is longer than %zu bytes", LOAD_QUOTE(shown_name(node)), limit);
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
				   LOAD_QUOTE(entries[i]->text), LOAD_QUOTE(shown_name(list)));
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
			   LOAD_QUOTE(shown_name(node)));
		return false;
	}
	if (!node->count) {
		load_error(loader, load_key_at(node), "give it an entry, or remove the key",
			   "'%s' is an empty list", LOAD_QUOTE(shown_name(node)));
		return false;
	}
	if (node->count > limit) {
		load_error(loader, load_key_at(node), "split it", "'%s' has more than %zu entries",
			   LOAD_QUOTE(shown_name(node)), limit);
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

bool load_ids(struct loader *loader, const struct yaml_node *node, struct string_list *out_ids)
{
	bool is_good = true;

	if (!load_list(loader, node, LIST_LIMIT))
		return false;

	const char **items = load_take(loader, node->count, sizeof(*items));
	size_t count = 0;

	if (!items)
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next)
		is_good = load_id(loader, entry, &items[count++]) && is_good;
	if (is_good)
		*out_ids = (struct string_list){items, count};
	return is_good;
}

/* ---- closed words ----------------------------------------------------------------------------- */

static const char *word_name(const void *words, size_t i)
{
	return ((const struct vocabulary *)words)->name((unsigned)i);
}

bool load_value(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
		unsigned *out_value)
{
	const char *text;
	char fix[256];

	if (!load_word(loader, node, &text))
		return false;
	for (unsigned i = 0; i < words->count; i++)
		if (strcmp(words->name(i), text) == 0) {
			*out_value = i;
			return true;
		}
	load_suggest(loader, text, word_name, words, words->count, fix);
	load_error(loader, load_at(node), fix, "unknown %s '%s'", words->what, LOAD_QUOTE(text));
	return false;
}

bool load_bits(struct loader *loader, const struct yaml_node *node, const struct vocabulary *words,
	       uint32_t *out_bits)
{
	uint32_t bits = 0;
	bool is_good = true;
	unsigned value;

	if (!load_list(loader, node, LIST_LIMIT))
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next)
		if (load_value(loader, entry, words, &value))
			bits |= 1u << value;
		else
			is_good = false;
	if (is_good)
		*out_bits = bits;
	return is_good;
}

/* A class of detect.custom is a good name whose meaning comes later. */
bool load_class(struct loader *loader, const struct yaml_node *node, unsigned *out_class)
{
	if (node->type == YAML_SCALAR && yaml_get(loader->custom, node->text)) {
		load_later(loader, load_at(node), "custom class ", node->text);
		return false;
	}
	return load_value(loader, node, &CLASS_WORDS, out_class);
}

static const char *role_name(const void *roles, size_t i)
{
	const char *name = ((const struct role *)roles)[i].name;

	return name ? name : ""; /* its name was refused */
}

static bool load_role(struct loader *loader, const struct yaml_node *node, uint64_t *roles)
{
	const struct policy *policy = loader->policy;
	const char *text;
	char fix[256];

	if (!load_word(loader, node, &text))
		return false;
	for (size_t i = 0; i < policy->role_count; i++)
		if (policy->roles[i].name && strcmp(policy->roles[i].name, text) == 0) {
			*roles |= UINT64_C(1) << i;
			return true;
		}
	if (strcmp(text, "everyone") == 0)
		snprintf(fix, sizeof(fix), "write 'who: everyone', without brackets");
	else
		load_suggest(loader, text, role_name, policy->roles, policy->role_count, fix);
	load_error(loader, load_at(node), fix, "there is no role '%s'", LOAD_QUOTE(text));
	return false;
}

bool load_roles(struct loader *loader, const struct yaml_node *node, uint64_t *out_roles)
{
	uint64_t roles = 0;
	bool is_good = true;

	if (!load_list(loader, node, ROLE_LIMIT))
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next)
		is_good = load_role(loader, entry, &roles) && is_good;
	*out_roles = roles;
	return is_good;
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
		   LOAD_QUOTE(shown_name(node)));
	return false;
}

/* ---- quantities -------------------------------------------------------------------------------- */

/* Up to @digits_limit digits, no sign, no leading zero but "0" itself. */
static bool take_digits(const char **p, unsigned digits_limit, uint64_t *out)
{
	uint64_t value = 0;
	unsigned digits = 0;
	const char *from = *p;

	for (; **p >= '0' && **p <= '9'; ++*p) {
		if (++digits > digits_limit)
			return false;
		value = value * 10 + (uint64_t)(**p - '0');
	}
	*out = value;
	return digits && (from[0] != '0' || digits == 1);
}

bool load_number(struct loader *loader, const struct yaml_node *node, uint64_t *out)
{
	const char *text, *p;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_digits(&p, 15, out) && !*p && !node->is_quoted)
		return true;
	load_error(loader, load_at(node), "write a whole number, like 1", "'%s' must be a number",
		   LOAD_QUOTE(shown_name(node)));
	return false;
}

bool load_span(struct loader *loader, const struct yaml_node *node, int64_t *out_seconds)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} UNITS[] = {{"s", 1},	   {"m", 60},	  {"h", 3600},
		     {"d", 86400}, {"w", 604800}, {"y", 31536000}};
	const char *text, *p;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (take_digits(&p, 9, &value) && value)
		for (size_t i = 0; i < BL_COUNT(UNITS); i++)
			if (strcmp(p, UNITS[i].unit) == 0 &&
			    value <= (uint64_t)SPAN_DAYS_LIMIT * 86400 /
					     (uint64_t)UNITS[i].seconds) {
				*out_seconds = (int64_t)value * UNITS[i].seconds;
				return true;
			}
	load_error(loader, load_at(node), "write a span like 30d: s, m, h, d, w or y, at most 100y",
		   "'%s' is not a span of time", LOAD_QUOTE(text));
	return false;
}

bool load_size(struct loader *loader, const struct yaml_node *node, int64_t *out_bytes)
{
	static const char UNITS[] = "KMG";
	const char *text, *p, *unit = NULL;
	uint64_t value;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	/* 12 digits of G stay below 2^70; so the product is checked. */
	if (take_digits(&p, 12, &value) && value &&
	    (!*p || ((unit = strchr(UNITS, *p)) && !p[1]))) {
		for (unsigned k = 0; unit && k <= (unsigned)(unit - UNITS); k++)
			if (__builtin_mul_overflow(value, UINT64_C(1024), &value))
				value = UINT64_MAX;
		if (value <= (uint64_t)INT64_MAX) {
			*out_bytes = (int64_t)value;
			return true;
		}
	}
	load_error(loader, load_at(node), "write bytes, or a number with K, M or G: 20M",
		   "'%s' is not a size", LOAD_QUOTE(text));
	return false;
}

/* Exactly @count digits. */
static bool take_fixed(const char **p, unsigned count, unsigned *out)
{
	*out = 0;
	for (unsigned i = 0; i < count; i++, ++*p) {
		if (**p < '0' || **p > '9')
			return false;
		*out = *out * 10 + (unsigned)(**p - '0');
	}
	return true;
}

static bool take_mark(const char **p, char mark)
{
	if (**p != mark)
		return false;
	++*p;
	return true;
}

static bool take_date(const char **p, unsigned *year, unsigned *month, unsigned *mday)
{
	return take_fixed(p, 4, year) && take_mark(p, '-') && take_fixed(p, 2, month) &&
	       take_mark(p, '-') && take_fixed(p, 2, mday);
}

bool load_day(struct loader *loader, const struct yaml_node *node, int32_t *out_day)
{
	const char *text, *p;
	unsigned year, month, mday;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (!take_date(&p, &year, &month, &mday) || *p) {
		load_error(loader, load_at(node), "write year, month and day: 2027-03-31",
			   "'%s' is not a date", LOAD_QUOTE(text));
		return false;
	}
	if (zone_day((int)year, month, mday, out_day))
		return true;
	load_error(loader, load_at(node), "give a day of the calendar", "there is no day %s",
		   LOAD_QUOTE(text));
	return false;
}

/* HH:MM; 24:00 where @most is 1440 */
static bool take_minute(const char **p, unsigned most, unsigned *out)
{
	unsigned hour, minute;

	if (!take_fixed(p, 2, &hour) || !take_mark(p, ':') || !take_fixed(p, 2, &minute) ||
	    minute > 59)
		return false;
	*out = hour * 60 + minute;
	return *out <= most;
}

bool load_moment(struct loader *loader, const struct yaml_node *node, int64_t *out_unix)
{
	const char *text, *p;
	unsigned year, month, mday, minute = 0;
	struct zone_time wall;
	int32_t day;

	if (!load_word(loader, node, &text))
		return false;
	p = text;
	if (!take_date(&p, &year, &month, &mday) || !take_mark(&p, ' ') || strlen(p) != 5 ||
	    p[2] != ':' || strspn(p, "0123456789:") != 5) {
		load_error(loader, load_at(node),
			   "write day and time: 2026-07-01 10:00 (a bare 22:00 is a number to YAML "
			   "1.1)",
			   "'%s' is not a moment", LOAD_QUOTE(text));
		return false;
	}
	if (!zone_day((int)year, month, mday, &day) || !take_minute(&p, 1439, &minute) || *p) {
		load_error(loader, load_at(node), "give a day of the calendar and 00:00 to 23:59",
			   "there is no moment %s", LOAD_QUOTE(text));
		return false;
	}
	if (!loader->policy->zone)
		return false; /* the zone was refused, and that was said */
	*out_unix = zone_unix(loader->policy->zone, day, minute);
	zone_local(loader->policy->zone, *out_unix, &wall);
	if (wall.day == day && wall.minute == minute)
		return true;
	load_error(loader, load_at(node), "the clocks go forward then: give the time after",
		   "there is no %s in this time zone", LOAD_QUOTE(text));
	return false;
}

static bool take_weekday(const char **p, unsigned *out)
{
	static const char DAYS[] = "MonTueWedThuFriSatSun";

	for (unsigned i = 0; i < 7; i++)
		if (strncmp(*p, DAYS + (size_t)i * 3, 3) == 0) {
			*p += 3;
			*out = i;
			return true;
		}
	return false;
}

/* "Mon-Sat 07:00-20:00"; "Sat-Mon" goes over the week's end. */
static bool parse_hours(const char *text, struct hours *out)
{
	const char *p = text;
	unsigned first, last, from, until;

	if (!take_weekday(&p, &first))
		return false;
	last = first;
	if (*p == '-' && (p++, !take_weekday(&p, &last)))
		return false;
	if (!take_mark(&p, ' ') || !take_minute(&p, 1439, &from) || !take_mark(&p, '-') ||
	    !take_minute(&p, 1440, &until) || *p)
		return false;
	out->days = (uint8_t)(1u << first);
	for (unsigned day = first; day != last;) {
		day = (day + 1) % 7;
		out->days |= (uint8_t)(1u << day);
	}
	out->from_minute = (uint16_t)from;
	out->until_minute = (uint16_t)until;
	return true;
}

static bool load_window(struct loader *loader, const struct yaml_node *node, struct hours *out)
{
	const char *text;

	if (!load_word(loader, node, &text))
		return false;
	if (!parse_hours(text, out)) {
		load_error(loader, load_at(node), "write days and hours: Mon-Sat 07:00-20:00",
			   "'%s' are not hours", LOAD_QUOTE(text));
		return false;
	}
	if (out->from_minute == out->until_minute) {
		load_error(loader, load_at(node),
			   "end it later than it begins; the end is excluded", "'%s' is empty",
			   LOAD_QUOTE(text));
		return false;
	}
	if (out->from_minute > out->until_minute) {
		load_error(loader, load_at(node),
			   "write two: until 24:00 of one day, from 00:00 of the next",
			   "'%s' goes past midnight", LOAD_QUOTE(text));
		return false;
	}
	return true;
}

bool load_hours(struct loader *loader, const struct yaml_node *node, struct hours **out_hours,
		size_t *out_count)
{
	bool is_list = node && node->type == YAML_LIST, is_good = true;
	size_t count = 0;

	if (!node || (is_list && !load_list(loader, node, HOURS_LIMIT)))
		return false;

	struct hours *hours = load_take(loader, is_list ? node->count : 1, sizeof(*hours));

	if (!hours)
		return false;
	for (const struct yaml_node *entry = is_list ? node->first : node; entry;
	     entry = is_list ? entry->next : NULL)
		is_good = load_window(loader, entry, &hours[count++]) && is_good;
	if (is_good) {
		*out_hours = hours;
		*out_count = count;
	}
	return is_good;
}

/* ---- patterns ----------------------------------------------------------------------------------- */

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

	enum bl_status status = glob_check(path, &why);

	if (status == BL_NO_MEMORY)
		loader->is_out_of_memory = true;
	else if (status != BL_OK)
		load_error(loader, load_at(node), "simplify the pattern", "%s", why.text);
	return status == BL_OK;
}

bool load_paths(struct loader *loader, const struct yaml_node *node, struct string_list *out_paths)
{
	bool is_good = true;

	if (!load_list(loader, node, LIST_LIMIT))
		return false;

	const char **items = load_take(loader, node->count, sizeof(*items));
	size_t count = 0;

	if (!items)
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next)
		if (load_text(loader, entry, PATH_LIMIT, &items[count]) &&
		    check_path(loader, entry, items[count]))
			count++;
		else
			is_good = false;
	if (is_good)
		*out_paths = (struct string_list){items, count};
	return is_good;
}

bool load_device_ids(struct loader *loader, const struct yaml_node *node,
		     struct string_list *out_ids)
{
	static const char ALLOWED[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-*?";
	bool is_good = true;

	if (!load_list(loader, node, LIST_LIMIT))
		return false;

	const char **items = load_take(loader, node->count, sizeof(*items));
	size_t count = 0;

	if (!items)
		return false;
	for (const struct yaml_node *entry = node->first; entry; entry = entry->next) {
		if (!load_text(loader, entry, BL_DEVICE_ID_SIZE * 2, &items[count])) {
			is_good = false;
		} else if (strspn(items[count], ALLOWED) != strlen(items[count])) {
			load_error(loader, load_at(entry),
				   "device ids have letters, digits, '.', '_' and '-'; '*' and '?' "
				   "stand for any",
				   "'%s' matches no device id", LOAD_QUOTE(items[count]));
			is_good = false;
		} else {
			count++;
		}
	}
	if (is_good)
		*out_ids = (struct string_list){items, count};
	return is_good;
}
