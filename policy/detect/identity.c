/*
 * Known identities: every form in which a record's values may be written, as canonical patterns (folded,
 * one space between words), sorted, and matched by narrowing a range of them character by character.
 */
#include "policy/detect/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#define VALUE_LIMIT   256 /* bytes of one value that count */
#define PATTERN_LIMIT 192 /* canonical bytes; raw text of one match stays under SPAN_LIMIT */
#define WORDS_LIMIT   6
#define PHONES_LIMIT  64
#define PHONE_DIGITS  17
#define GAP_LIMIT     4 /* characters between two words of a name */

struct pattern {
	char text[PATTERN_LIMIT + 1];
	uint8_t length;
	uint8_t class;
	bool needs_capital; /* short: only when written as a name is */
};

struct identities {
	struct pattern *patterns; /* sorted by text */
	size_t count, room;
	struct {
		uint32_t from, to;
		uint64_t next[2]; /* a bit per second and third byte, modulo 64 */
	} first[256];		  /* by first byte */
	bool has_wide;		  /* some pattern begins outside ASCII */
	struct identity_filter filter;
	struct {
		uint8_t digits[PHONE_DIGITS], count;
	} phones[PHONES_LIMIT];
	size_t phone_count;
	uint8_t class_of[4]; /* by enum detect_identity_kind */
};

/* Names that are also everyday words: alone they say nothing about a person. Sorted by nothing. */
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

/* ---- building ------------------------------------------------------------------------------ */

/* How letters with marks are written where there are none: dropped marks, or two letters. */
enum spelling { SPELL_PLAIN, SPELL_TWO_LETTERS, SPELL_ONE_LETTER, SPELL_COUNT };

static size_t fold_as(int32_t code, enum spelling spelling, char out[FOLD_LIMIT])
{
	static const struct {
		int32_t code;
		char text[3];
	} pairs[] = {{0xe4, "ae"}, {0xc4, "ae"}, {0xf6, "oe"}, {0xd6, "oe"}, {0xfc, "ue"},
		     {0xdc, "ue"}, {0xe5, "aa"}, {0xc5, "aa"}, {0xf8, "oe"}, {0xd8, "oe"}};

	for (size_t i = 0; spelling == SPELL_TWO_LETTERS && i < BL_COUNT(pairs); i++)
		if (pairs[i].code == code) {
			memcpy(out, pairs[i].text, 2);
			return 2;
		}
	return text_fold(code, out);
}

/* @value as canonical text: words with one space between. Returns its length. */
static size_t canonical(const char *value, size_t size, enum spelling spelling,
			char out[PATTERN_LIMIT + 1])
{
	struct text text = {(const uint8_t *)value, BL_MIN(size, (size_t)VALUE_LIMIT)};
	size_t length = 0, at = 0;

	while (at < text.length) {
		int32_t code;
		char folded[FOLD_LIMIT];

		at += text_next(&text, at, &code);
		if (text_is_word(code)) {
			size_t count = fold_as(code, spelling, folded);

			if (length + count > PATTERN_LIMIT)
				break;
			memcpy(out + length, folded, count);
			length += count;
		} else if (length && out[length - 1] != ' ' && length < PATTERN_LIMIT) {
			out[length++] = ' ';
		}
	}
	while (length && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
	if (spelling == SPELL_ONE_LETTER) {
		size_t kept = 0;

		for (size_t i = 0; i < length; i++) {
			out[kept++] = out[i];
			if (strchr("aou", out[i]) && out[i + 1] == 'e')
				i++;
		}
		out[kept] = '\0';
		length = kept;
	}
	return length;
}

static enum bl_status add_pattern(struct identities *self, const char *text, enum bl_class class,
				  bool needs_capital)
{
	size_t length = strlen(text);

	if (length < 3 || length > PATTERN_LIMIT)
		return BL_OK;
	for (size_t i = 0; i < self->count; i++)
		if (strcmp(self->patterns[i].text, text) == 0) {
			self->patterns[i].needs_capital &= needs_capital;
			return BL_OK;
		}
	if (self->count == self->room) {
		size_t room = self->room ? 2 * self->room : 64;
		struct pattern *grown = calloc(room, sizeof(*grown));

		if (!grown)
			return BL_NO_MEMORY;
		if (self->count)
			memcpy(grown, self->patterns, self->count * sizeof(*grown));
		if (self->patterns)
			sodium_memzero(self->patterns, self->room * sizeof(*grown));
		free(self->patterns);
		self->patterns = grown;
		self->room = room;
	}

	struct pattern *pattern = &self->patterns[self->count++];

	memcpy(pattern->text, text, length + 1);
	pattern->length = (uint8_t)length;
	pattern->class = (uint8_t) class;
	pattern->needs_capital = needs_capital;
	return BL_OK;
}

/* A name's words. Each may hold a space of its own ("o brien", "anna maria"). */
struct name_words {
	char word[WORDS_LIMIT][PATTERN_LIMIT + 1];
	size_t count;
};

static void remove_spaces(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != ' ')
			*to++ = *text;
	*to = '\0';
}

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
				remove_spaces(word);
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
 * Forms of a name: F first, L last, M middle words; small letters are initials; '+' joins without space.
 * A form with a middle word is left out when there is none.
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
		remove_spaces(whole);

	size_t length = strlen(whole);

	/* "k li" and "kimm" would hit too much that is nobody. */
	if (length < 5 || length > PATTERN_LIMIT)
		return false;
	memcpy(out, whole, length + 1);
	return true;
}

static enum bl_status add_name(struct identities *self, const char *value, enum bl_class class)
{
	for (unsigned i = 0; i < 2 * SPELL_COUNT; i++) {
		struct name_words words;
		char text[PATTERN_LIMIT + 1];
		enum bl_status status = BL_OK;

		split_name(value, (enum spelling)(i / 2), i % 2, &words);
		for (size_t k = 0; words.count >= 2 && k < BL_COUNT(name_forms); k++)
			if (status == BL_OK && make_form(name_forms[k], &words, text))
				status = add_pattern(self, text, class, false);
		for (size_t k = 0; k < words.count && status == BL_OK; k++) {
			size_t length = strlen(words.word[k]);

			if (length >= 3 &&
			    !is_listed(words.word[k], stop_words, BL_COUNT(stop_words)))
				status = add_pattern(self, words.word[k], class, length < 4);
		}
		if (status != BL_OK)
			return status;
	}
	return BL_OK;
}

static enum bl_status add_email(struct identities *self, const char *value, enum bl_class class)
{
	char text[PATTERN_LIMIT + 1];
	const char *at = strrchr(value, '@');
	enum bl_status status = BL_OK;

	if (canonical(value, strlen(value), SPELL_PLAIN, text))
		status = add_pattern(self, text, class, false);
	if (status != BL_OK || !at ||
	    canonical(value, (size_t)(at - value), SPELL_PLAIN, text) < 5 ||
	    is_listed(text, roles, BL_COUNT(roles)) ||
	    is_listed(text, stop_words, BL_COUNT(stop_words)))
		return status;
	status = add_pattern(self, text, class, false);
	remove_spaces(text);
	return status == BL_OK ? add_pattern(self, text, class, false) : status;
}

/* Is this line of an address a line on its own: a street with its number, two words, a postcode? */
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

static enum bl_status add_address_text(struct identities *self, char *text, enum bl_class class)
{
	enum bl_status status = add_pattern(self, text, class, false);

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
			status = add_pattern(self, other, class, false);
		}
	}
	return status;
}

static enum bl_status add_address(struct identities *self, const char *value, enum bl_class class)
{
	char text[PATTERN_LIMIT + 1];
	size_t size = strnlen(value, VALUE_LIMIT), at = 0;
	enum bl_status status = BL_OK;

	for (unsigned spelling = 0; spelling < SPELL_ONE_LETTER && status == BL_OK; spelling++)
		if (canonical(value, size, (enum spelling)spelling, text) && is_address_part(text))
			status = add_address_text(self, text, class);
	while (at < size && status == BL_OK) {
		size_t end = at;

		while (end < size && !strchr(",;\r\n", value[end]))
			end++;
		for (unsigned spelling = 0; spelling < SPELL_ONE_LETTER && status == BL_OK;
		     spelling++)
			if (canonical(value + at, end - at, (enum spelling)spelling, text) &&
			    is_address_part(text))
				status = add_address_text(self, text, class);
		at = end + 1;
	}
	return status;
}

static void add_phone(struct identities *self, const char *value)
{
	uint8_t digits[PHONE_DIGITS];
	size_t count = 0;

	for (; *value && count < PHONE_DIGITS; value++)
		if (text_is_digit((uint8_t)*value))
			digits[count++] = (uint8_t)(*value - '0');
	if (count < 7 || self->phone_count == PHONES_LIMIT)
		return;
	memcpy(self->phones[self->phone_count].digits, digits, count);
	self->phones[self->phone_count++].count = (uint8_t)count;
}

static int compare_patterns(const void *left, const void *right)
{
	const struct pattern *a = left, *b = right;

	return strcmp(a->text, b->text);
}

static void allow(struct identity_filter *filter, size_t place, uint8_t byte, uint8_t bucket)
{
	filter->low[place][byte & 15] |= bucket;
	filter->high[place][byte >> 4] |= bucket;
}

static void filter_add(struct identity_filter *filter, const struct pattern *pattern,
		       uint8_t bucket)
{
	static const char gaps[] = " \t\r\n.,;-_'\"@+/#()";
	bool is_any = false;

	for (size_t place = 0; place < 3; place++) {
		uint8_t byte = (uint8_t)pattern->text[place];

		/* A gap may be several characters: behind its first anything goes. */
		for (unsigned nibble = 0; is_any && nibble < 16; nibble++) {
			filter->low[place][nibble] |= bucket;
			filter->high[place][nibble] |= bucket;
		}
		for (size_t i = 0; byte == ' ' && gaps[i]; i++)
			allow(filter, place, (uint8_t)gaps[i], bucket);
		is_any |= byte == ' ';
		allow(filter, place, byte, bucket);
		if (byte >= 'a' && byte <= 'z')
			allow(filter, place, byte & 0xdf, bucket);
	}
}

static void build_index(struct identities *self)
{
	if (self->count)
		qsort(self->patterns, self->count, sizeof(*self->patterns), compare_patterns);
	self->filter.is_empty = self->count == 0;
	for (size_t i = 0; i < self->count; i++) {
		uint8_t byte = (uint8_t)self->patterns[i].text[0];

		if (self->first[byte].to == 0)
			self->first[byte].from = (uint32_t)i;
		self->first[byte].to = (uint32_t)i + 1;
		for (size_t k = 0; k < 2 && self->patterns[i].text[k]; k++)
			self->first[byte].next[k] |=
				UINT64_C(1) << ((uint8_t)self->patterns[i].text[k + 1] & 63);
		self->has_wide |= byte >= 0x80;
		filter_add(&self->filter, &self->patterns[i],
			   (uint8_t)(1u << (i * IDENTITY_BUCKETS / self->count)));
	}
}

enum bl_status identities_new(const struct detect_identity *items, size_t count, bl_classes classes,
			      struct identities **out)
{
	static const enum bl_class own_class[] = {CLASS_NAME, CLASS_EMAIL, CLASS_PHONE,
						  CLASS_ADDRESS};
	BL_CLEANUP(identities_free) struct identities *self = calloc(1, sizeof(*self));
	enum bl_status status = BL_OK;

	if (!self)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < BL_COUNT(own_class); i++)
		self->class_of[i] = (uint8_t)(classes & CLASS_BIT(CLASS_CUSTOMER) ? CLASS_CUSTOMER
										  : own_class[i]);
	for (size_t i = 0; i < count && status == BL_OK; i++) {
		enum bl_class class = (enum bl_class)self->class_of[items[i].kind];

		if (!(classes & CLASS_BIT(class)))
			continue;
		switch (items[i].kind) {
		case IDENTITY_NAME:
			status = add_name(self, items[i].value, class);
			break;
		case IDENTITY_EMAIL:
			status = add_email(self, items[i].value, class);
			break;
		case IDENTITY_PHONE:
			add_phone(self, items[i].value);
			break;
		case IDENTITY_ADDRESS:
			status = add_address(self, items[i].value, class);
			break;
		}
	}
	if (status != BL_OK)
		return status;
	build_index(self);
	*out = BL_TAKE(self);
	return BL_OK;
}

void identities_free(struct identities *identities)
{
	if (!identities)
		return;
	if (identities->patterns)
		sodium_memzero(identities->patterns,
			       identities->room * sizeof(*identities->patterns));
	free(identities->patterns);
	sodium_memzero(identities, sizeof(*identities));
	free(identities);
}

/* ---- matching ------------------------------------------------------------------------------ */

const struct identity_filter *identities_filter(const struct identities *identities)
{
	return &identities->filter;
}

bool identities_is_empty(const struct identities *identities)
{
	return identities->count == 0;
}

/* A range of patterns that agree with the text so far. */
struct range {
	const struct pattern *patterns;
	size_t from, to, depth;
};

static bool narrow(struct range *range, uint8_t byte)
{
	/* The patterns are sorted: when the first and the last agree, so do all. */
	if ((uint8_t)range->patterns[range->from].text[range->depth] == byte &&
	    (uint8_t)range->patterns[range->to - 1].text[range->depth] == byte) {
		range->depth++;
		return true;
	}
	while (range->from < range->to &&
	       (uint8_t)range->patterns[range->from].text[range->depth] < byte)
		range->from++;

	size_t low = range->from, high = range->to;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uint8_t)range->patterns[middle].text[range->depth] <= byte)
			low = middle + 1;
		else
			high = middle;
	}
	range->to = low;
	range->depth++;
	return range->from < range->to;
}

/* Behind the gap at @at; @at when it is too long or no word follows. */
static size_t gap_end(const struct text *text, size_t at)
{
	size_t end = at, lines = 0;

	for (size_t i = 0; end < text->length; i++) {
		int32_t code;
		size_t length = text_next(text, end, &code);

		if (text_is_word(code))
			return end;
		lines += code == '\n';
		if (i == GAP_LIMIT || lines > 1 || !text_is_gap(code))
			return at;
		end += length;
	}
	return at;
}

/* "kmiller84": a few digits behind a user name belong to it. */
static size_t digits_end(const struct text *text, size_t at)
{
	size_t end = at;

	while (end < text->length && end - at < 5 && text_is_digit(text->bytes[end]))
		end++;
	return end - at < 5 && text_ends_word(text, end) ? end : at;
}

static bool is_capital(const struct text *text, size_t at)
{
	return text->bytes[at] >= 0x80 || (text->bytes[at] >= 'A' && text->bytes[at] <= 'Z');
}

/* A match of the whole pattern that ends at @end, when there is one. */
static const struct pattern *match_at(const struct range *range, const struct text *text, size_t at)
{
	const struct pattern *pattern = &range->patterns[range->from];

	if (pattern->length != range->depth || (pattern->needs_capital && !is_capital(text, at)))
		return NULL;
	return pattern;
}

/* Do two plain letters or digits behind the first rule out every pattern that begins with @byte? */
static bool is_ruled_out(const struct identities *identities, const struct text *text, size_t at,
			 uint8_t byte)
{
	for (size_t k = 0; k < 2 && at + k + 1 < text->length; k++) {
		uint8_t next = text->bytes[at + k + 1];

		if (!text_is_alnum(next))
			return false;
		if (!(identities->first[byte].next[k] >> (text_lower(next) & 63) & 1))
			return true;
	}
	return false;
}

void identities_at(const struct identities *identities, const struct text *text, size_t at,
		   struct sink *sink)
{
	struct range range = {identities->patterns, 0, identities->count, 0};
	const struct pattern *best = NULL;
	size_t end = at, best_end = at;
	uint8_t byte = text->bytes[at];

	if (byte < 0x80) {
		byte = text_lower(byte);
		range.from = identities->first[byte].from;
		range.to = identities->first[byte].to;
		if (range.to == 0 || is_ruled_out(identities, text, at, byte))
			return;
	} else if ((byte & 0xc0) == 0x80 ||
		   (!identities->has_wide && byte > 0xcb && byte != 0xe1 && byte != 0xef)) {
		return; /* inside a character, or of a script no pattern begins in */
	}
	if (!text_starts_word(text, at))
		return;
	while (end < text->length && end - at < SPAN_LIMIT - FOLD_LIMIT) {
		int32_t code = text->bytes[end];
		char folded[FOLD_LIMIT];
		size_t length = code < 0x80 ? 1 : text_next(text, end, &code);

		if (code >= 0 && code < 0x80 && text_is_alnum((uint8_t)code)) {
			if (!narrow(&range, text_lower((uint8_t)code)))
				goto out;
			end++;
		} else if (text_is_word(code)) {
			size_t count = text_fold(code, folded);

			for (size_t i = 0; i < count; i++)
				if (!narrow(&range, (uint8_t)folded[i]))
					goto out;
			end += length;
		} else {
			size_t next = gap_end(text, end);

			if (next == end || !narrow(&range, ' '))
				goto out;
			end = next;
			continue;
		}

		const struct pattern *pattern = match_at(&range, text, at);

		if (!pattern)
			continue;

		size_t stop = text_ends_word(text, end) ? end
			      : range.depth >= 5	? digits_end(text, end)
							: end;

		if (text_ends_word(text, stop)) {
			best = pattern;
			best_end = stop;
		}
	}
out:
	if (best)
		sink_add(sink, at, best_end, (enum bl_class)best->class, true);
}

bool identities_any_phone(const struct identities *identities)
{
	return identities->phone_count > 0;
}

enum bl_class identities_phone_class(const struct identities *identities)
{
	return (enum bl_class)identities->class_of[IDENTITY_PHONE];
}

/*
 * Numbers are compared from the back, so that country code and trunk prefix may be there or not: nine digits
 * must agree, or all of the shorter one.
 */
bool identities_has_phone(const struct identities *identities, const uint8_t *digits, size_t count)
{
	if (count < 7 || count > PHONE_DIGITS)
		return false;
	for (size_t i = 0; i < identities->phone_count; i++) {
		size_t known = identities->phones[i].count, same = 0;
		size_t least = BL_MIN(BL_MIN(count, known), (size_t)9);

		while (same < count && same < known &&
		       digits[count - 1 - same] == identities->phones[i].digits[known - 1 - same])
			same++;
		if (same >= least)
			return true;
	}
	return false;
}
