/*
 * Known identities: every form in which their values may be written, as
 * canonical phrases in the table of words (words.c), which finds whole words by
 * hash; phones as keys of their last digits.
 */
#include "policy/detect/parts.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_LIMIT   256 /* bytes of one value that count */
#define PATTERN_LIMIT CANONICAL_LIMIT
#define WORDS_LIMIT   6
#define PHONE_DIGITS  17
#define PHONE_LEAST   7
#define PHONE_TAIL    9 /* digits that tell one number from all others */

struct phone {
	uint64_t key; /* digits behind a 1, so that zeros count; 0: empty */
	uint8_t class;
	bool is_short; /* the number has no more digits than these */
};

struct identities {
	struct phone *phones; /* open addressing */
	size_t phone_count, phone_mask;
};

/* Where what is built goes. */
struct build {
	struct words *words;
	enum bl_class class;
	bool is_harvested;
};

/* Names that are also everyday words: alone they say nothing about a person.
 * Sorted by nothing. */
static const char *const stop_words[] = {
	"able",	  "amber",   "angel",	"april",  "art",     "august",	"autumn", "baker",
	"banks",  "bell",    "berry",	"best",	  "bill",    "bird",	"black",  "blue",
	"bond",	  "book",    "brook",	"brown",  "bush",    "carter",	"case",	  "chance",
	"chase",  "church",  "clay",	"cliff",  "cole",    "cook",	"cooper", "cross",
	"daisy",  "dale",    "dawn",	"day",	  "dean",    "drew",	"duke",	  "earl",
	"east",	  "eden",    "faith",	"farmer", "field",   "fields",	"fisher", "flowers",
	"ford",	  "forest",  "fox",	"frank",  "freeman", "gene",	"ginger", "glass",
	"gold",	  "grace",   "grant",	"gray",	  "green",   "grey",	"hall",	  "hand",
	"hardy",  "harmony", "heather", "hill",	  "holly",   "home",	"hope",	  "house",
	"hunter", "iris",    "ivy",	"jack",	  "jade",    "jasmine", "jean",	  "jewel",
	"joy",	  "july",    "june",	"king",	  "lake",    "lane",	"lily",	  "little",
	"long",	  "love",    "mark",	"marks",  "mason",   "may",	"mercy",  "miles",
	"mills",  "moon",    "nick",	"noble",  "north",   "olive",	"page",	  "park",
	"parks",  "pat",     "penny",	"pearl",  "poppy",   "porter",	"post",	  "power",
	"price",  "prince",  "rain",	"ray",	  "reed",    "rice",	"rich",	  "river",
	"rob",	  "rock",    "rose",	"ruby",	  "rusty",   "sage",	"sandy",  "short",
	"sky",	  "small",   "smart",	"snow",	  "south",   "star",	"stone",  "stone",
	"strong", "sue",     "summer",	"sunny",  "taylor",  "trip",	"victor", "violet",
	"wade",	  "walker",  "wall",	"ward",	  "wells",   "west",	"white",  "will",
	"winter", "wise",    "wood",	"woods",  "young",   "the",	"and",	  "van",
	"von",	  "der",     "den",	"del",	  "bin",     "ibn",	"dos",	  "das",
	"für",	  "mit",
};

static const char *const titles[] = {"mr",   "mrs",  "ms",   "miss", "dr", "prof", "sir",
				     "dame", "herr", "frau", "mme",  "sr", "sra",  "jr"};

/* Local parts of addresses that many share. */
static const char *const roles[] = {"admin",	"contact",   "hello",	   "support",
				    "sales",	"office",    "service",	   "noreply",
				    "no reply", "webmaster", "postmaster", "email"};

static const struct {
	const char *long_form, *short_form;
} street_words[] = {
	{"street", "st"},     {"road", "rd"},	  {"avenue", "ave"}, {"boulevard", "blvd"},
	{"drive", "dr"},      {"lane", "ln"},	  {"court", "ct"},   {"square", "sq"},
	{"apartment", "apt"}, {"strasse", "str"},
};

static bool is_listed(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* ---- building -------------------------------------------------------------------------------- */

#define canonical(value, size, spelling, out)                                                      \
	words_canonical(value, BL_MIN((size_t)(size), (size_t)VALUE_LIMIT), spelling, out)

static enum bl_status add_pattern(const struct build *build, const char *text, bool needs_capital)
{
	struct word_meaning meaning = {.sort = MEANS_IDENTITY,
				       .class = (uint8_t)build->class,
				       .needs_capital = needs_capital};

	return strlen(text) < 3 ? BL_OK : words_add(build->words, text, &meaning);
}

/* A name's words. Each may hold a space of its own ("o brien", "anna maria").
 */
struct name_words {
	char word[WORDS_LIMIT][PATTERN_LIMIT + 1];
	size_t count;
};

static void split_name(const char *value, enum spelling spelling, bool is_joined,
		       struct name_words *out)
{
	size_t size = strnlen(value, VALUE_LIMIT), at = 0, after_comma = 0;
	bool has_comma = false;

	out->count = 0;
	while (at < size && out->count < WORDS_LIMIT) {
		size_t end = at;

		while (end < size && !strchr(" \t\r\n,", value[end]))
			end++;

		char *word = out->word[out->count];

		if (canonical(value + at, end - at, spelling, word)) {
			if (is_joined)
				words_join(word);
			out->count += !is_listed(word, titles, BL_COUNT(titles));
		}
		if (end < size && value[end] == ',' && !has_comma) {
			has_comma = true;
			after_comma = out->count;
		}
		at = end + 1;
	}
	if (!has_comma || after_comma == 0 || after_comma >= out->count)
		return;

	/* "Miller, Kim" is Kim Miller. */
	struct name_words turned = {.count = out->count};

	for (size_t i = 0; i < out->count; i++)
		memcpy(turned.word[i], out->word[(i + after_comma) % out->count],
		       sizeof(turned.word[i]));
	*out = turned;
}

/*
 * Forms of a name: F first, L last, M middle words; small letters are initials;
 * '+' joins without space. A form with a middle word is left out when there is
 * none.
 */
static const char *const name_forms[] = {
	"F L",	 "L F",	  "f L", "L f", "F l", "F M L", "L F M", "F m L", "f m L", "L F m",
	"L f m", "f M L", "F+L", "L+F", "f+L", "L+f",	"F+l",	 "f+m+L", "F+m+L", "F+M+L",
};

static void put_initial(char *out, const char *word)
{
	size_t length = 1;

	while ((word[length] & 0xc0) == 0x80)
		length++;
	memcpy(out + strlen(out), word, length);
}

static bool make_form(const char *form, const struct name_words *words, char out[PATTERN_LIMIT + 1])
{
	char whole[WORDS_LIMIT * (PATTERN_LIMIT + 2)] = "";
	bool is_joined = false;

	for (; *form; form++) {
		size_t from = 0, to = 1;

		if (*form == ' ')
			strcat(whole, " ");
		is_joined |= *form == '+';
		if (*form == ' ' || *form == '+')
			continue;
		if (*form == 'L' || *form == 'l') {
			from = words->count - 1;
			to = words->count;
		} else if (*form == 'M' || *form == 'm') {
			from = 1;
			to = words->count - 1;
			if (from >= to)
				return false;
		}
		for (size_t i = from; i < to; i++) {
			if (*form >= 'a')
				put_initial(whole, words->word[i]);
			else
				strcat(whole, words->word[i]);
			if (i + 1 < to)
				strcat(whole, " ");
		}
	}
	if (is_joined)
		words_join(whole);

	size_t length = strlen(whole);

	/* "k li" and "kimm" would hit too much that is nobody. */
	if (length < 5 || length > PATTERN_LIMIT)
		return false;
	memcpy(out, whole, length + 1);
	return true;
}

static bool is_same_name(const struct name_words *a, const struct name_words *b)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->count != b->count || strcmp(a->word[i], b->word[i]) != 0)
			return false;
	return a->count == b->count;
}

static enum bl_status add_forms(const struct build *build, const struct name_words *words)
{
	char text[PATTERN_LIMIT + 1];
	enum bl_status status = BL_OK;

	for (size_t k = 0; words->count >= 2 && k < BL_COUNT(name_forms); k++)
		if (status == BL_OK && make_form(name_forms[k], words, text))
			status = add_pattern(build, text, false);
	/* Alone, of many people's names some are words as well: only as names are
   * written. */
	for (size_t k = 0; k < words->count && status == BL_OK; k++) {
		size_t length = strlen(words->word[k]);

		if (length >= 3 && !is_listed(words->word[k], stop_words, BL_COUNT(stop_words)))
			status = add_pattern(build, words->word[k],
					     length < 4 || build->is_harvested);
	}
	return status;
}

static enum bl_status add_name(const struct build *build, const char *value)
{
	struct name_words plain;
	enum bl_status status = BL_OK;

	split_name(value, SPELL_PLAIN, false, &plain);
	status = add_forms(build, &plain);
	for (unsigned i = 1; i < 2 * SPELL_COUNT && status == BL_OK; i++) {
		struct name_words words;

		split_name(value, (enum spelling)(i / 2), i % 2, &words);
		if (!is_same_name(&words, &plain))
			status = add_forms(build, &words);
	}
	return status;
}

static enum bl_status add_email(const struct build *build, const char *value)
{
	char text[PATTERN_LIMIT + 1];
	const char *at = strrchr(value, '@');
	enum bl_status status = BL_OK;

	if (canonical(value, strlen(value), SPELL_PLAIN, text))
		status = add_pattern(build, text, false);
	if (status != BL_OK || !at ||
	    canonical(value, (size_t)(at - value), SPELL_PLAIN, text) < 5 ||
	    is_listed(text, roles, BL_COUNT(roles)) ||
	    is_listed(text, stop_words, BL_COUNT(stop_words)))
		return status;
	status = add_pattern(build, text, false);
	words_join(text);
	return status == BL_OK ? add_pattern(build, text, false) : status;
}

/* Is this line of an address a line on its own: a street with its number, two
 * words, a postcode? */
static bool is_address_part(const char *text)
{
	size_t digits = 0, letters = 0, spaces = 0;

	for (; *text; text++) {
		if (text_is_digit((uint8_t)*text))
			digits++;
		else if (*text == ' ')
			spaces++;
		else
			letters++;
	}
	return (digits && letters && digits + letters >= 5) || (spaces && letters >= 8);
}

static enum bl_status add_address_text(const struct build *build, char *text)
{
	enum bl_status status = add_pattern(build, text, false);

	for (size_t i = 0; i < BL_COUNT(street_words) && status == BL_OK; i++) {
		const char *const pair[2] = {street_words[i].long_form, street_words[i].short_form};

		for (size_t k = 0; k < 2 && status == BL_OK; k++) {
			char *hit = strstr(text, pair[k]), other[2 * PATTERN_LIMIT];
			size_t length = strlen(pair[k]);

			if (!hit || hit == text || hit[-1] != ' ' ||
			    (hit[length] != ' ' && hit[length] != '\0'))
				continue;
			snprintf(other, sizeof(other), "%.*s%s%s", (int)(hit - text), text,
				 pair[!k], hit + length);
			status = add_pattern(build, other, false);
		}
	}
	return status;
}

static enum bl_status add_address(const struct build *build, const char *value)
{
	char text[PATTERN_LIMIT + 1];
	size_t size = strnlen(value, VALUE_LIMIT), at = 0;
	enum bl_status status = BL_OK;

	for (unsigned spelling = 0; spelling < SPELL_ONE_LETTER && status == BL_OK; spelling++)
		if (canonical(value, size, (enum spelling)spelling, text) && is_address_part(text))
			status = add_address_text(build, text);
	while (at < size && status == BL_OK) {
		size_t end = at;

		while (end < size && !strchr(",;\r\n", value[end]))
			end++;
		for (unsigned spelling = 0; spelling < SPELL_ONE_LETTER && status == BL_OK;
		     spelling++)
			if (canonical(value + at, end - at, (enum spelling)spelling, text) &&
			    is_address_part(text))
				status = add_address_text(build, text);
		at = end + 1;
	}
	return status;
}

/* ---- phones ---------------------------------------------------------------------------------- */

/* The last @tail digits, behind a 1. */
static uint64_t phone_key(const uint8_t *digits, size_t count, size_t tail)
{
	uint64_t key = 1;

	for (size_t i = count - tail; i < count; i++)
		key = key * 10 + digits[i];
	return key;
}

static struct phone *find_phone(const struct identities *self, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & self->phone_mask;

	while (self->phones[at].key && self->phones[at].key != key)
		at = (at + 1) & self->phone_mask;
	return &self->phones[at];
}

static void put_phone(struct identities *self, uint64_t key, enum bl_class class, bool is_short)
{
	struct phone *phone = find_phone(self, key);

	if (!phone->key || class == CLASS_CUSTOMER)
		phone->class = (uint8_t) class;
	phone->key = key;
	phone->is_short |= is_short;
}

static void add_phone(struct identities *self, const char *value, enum bl_class class)
{
	uint8_t digits[PHONE_DIGITS];
	size_t count = 0, most;

	for (; *value && count < PHONE_DIGITS; value++)
		if (text_is_digit((uint8_t)*value))
			digits[count++] = (uint8_t)(*value - '0');
	if (count < PHONE_LEAST)
		return;
	self->phone_count++;
	most = BL_MIN(count, (size_t)PHONE_TAIL);
	for (size_t tail = PHONE_LEAST; tail <= most; tail++)
		put_phone(self, phone_key(digits, count, tail), class, tail == count);
}

/* Room for all of them: as keys of seven, eight and nine digits. */
static enum bl_status make_phones(struct identities *self, const struct detect_identity *items,
				  size_t count)
{
	size_t phones = 0, room = 16;

	for (size_t i = 0; i < count; i++)
		phones += items[i].kind == IDENTITY_PHONE;
	while (room < 6 * phones)
		room *= 2;
	self->phones = calloc(room, sizeof(*self->phones));
	self->phone_mask = room - 1;
	return self->phones ? BL_OK : BL_NO_MEMORY;
}

/*
 * Numbers are compared from the back, so that country code and trunk prefix may
 * be there or not: nine digits must agree, or all of the shorter one.
 */
bool identities_phone(const struct identities *identities, const uint8_t *digits, size_t count,
		      enum bl_class *out_class)
{
	size_t most = BL_MIN(count, (size_t)PHONE_TAIL);

	if (count < PHONE_LEAST || count > PHONE_DIGITS || !identities->phone_count)
		return false;
	for (size_t tail = most; tail >= PHONE_LEAST; tail--) {
		const struct phone *phone = find_phone(identities, phone_key(digits, count, tail));

		if (!phone->key || (tail < most && !phone->is_short))
			continue;
		*out_class = (enum bl_class)phone->class;
		return true;
	}
	return false;
}

bool identities_any_phone(const struct identities *identities)
{
	return identities->phone_count > 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static enum bl_class class_of(const struct detect_identity *item, bl_classes classes)
{
	static const enum bl_class own_class[] = {CLASS_NAME, CLASS_EMAIL, CLASS_PHONE,
						  CLASS_ADDRESS};

	return !item->is_harvested && classes & CLASS_BIT(CLASS_CUSTOMER) ? CLASS_CUSTOMER
									  : own_class[item->kind];
}

static enum bl_status add_item(struct identities *self, struct words *words,
			       const struct detect_identity *item, enum bl_class class)
{
	struct build build = {words, class, item->is_harvested};

	switch (item->kind) {
	case IDENTITY_NAME:
		return add_name(&build, item->value);
	case IDENTITY_EMAIL:
		return add_email(&build, item->value);
	case IDENTITY_ADDRESS:
		return add_address(&build, item->value);
	case IDENTITY_PHONE:
		break;
	}
	add_phone(self, item->value, class);
	return BL_OK;
}

enum bl_status identities_new(const struct detect_identity *items, size_t count, bl_classes classes,
			      struct words *words, struct identities **out)
{
	BL_CLEANUP(identities_free)
	struct identities *self = calloc(1, sizeof(*self));
	enum bl_status status = self ? make_phones(self, items, count) : BL_NO_MEMORY;

	for (size_t i = 0; i < count && status == BL_OK; i++) {
		enum bl_class class = class_of(&items[i], classes);

		if (classes & CLASS_BIT(class))
			status = add_item(self, words, &items[i], class);
	}
	if (status == BL_OK)
		*out = BL_TAKE(self);
	return status;
}

void identities_free(struct identities *identities)
{
	if (!identities)
		return;
	if (identities->phones)
		sodium_memzero(identities->phones,
			       (identities->phone_mask + 1) * sizeof(*identities->phones));
	free(identities->phones);
	free(identities);
}
