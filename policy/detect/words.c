/*
 * The words that mean something: labels of kinds, given names, titles, streets, known identities, all in one hash table that never
 * changes. A phrase is a path of nodes, one per word; a filter in front tells of most words of a text that nobody knows them, or that
 * what they need is not there (sift.c). Words are kept folded: lower case, marks dropped.
 */
#include "policy/detect/kind.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CASE_BITS    UINT64_C(0x2020202020202020)
#define MULTIPLIER   UINT64_C(0x9e3779b97f4a7c15)
#define FILTER_LEAST 13 /* slots, as a power of two */
#define FILTER_MOST  18
#define PAIRS_LEAST  13 /* bits, as a power of two */
#define PAIRS_MOST   20
#define SIGNS_MOST   40 /* letters of a phrase that WORD_SIGNS_AHEAD reckons with */
#define TAIL_LEAST   5	/* letters of a name in front of such digits */

/* ---- spelling -------------------------------------------------------------------------------- */

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

static size_t drop_second_letters(char *text, size_t length)
{
	size_t kept = 0;

	for (size_t i = 0; i < length; i++) {
		text[kept++] = text[i];
		if (memchr("aou", text[i], 3) && i + 1 < length && text[i + 1] == 'e')
			i++;
	}
	text[kept] = '\0';
	return kept;
}

size_t words_canonical(const char *value, size_t size, enum spelling spelling,
		       char out[CANONICAL_LIMIT + 1])
{
	struct text text = {(const uint8_t *)value, size};
	size_t length = 0, at = 0;

	while (at < text.length) {
		int32_t code;
		char folded[FOLD_LIMIT];

		at += text_next(&text, at, &code);
		if (text_is_word(code)) {
			size_t count = fold_as(code, spelling, folded);

			if (length + count > CANONICAL_LIMIT)
				break;
			memcpy(out + length, folded, count);
			length += count;
		} else if (length && out[length - 1] != ' ' && length < CANONICAL_LIMIT) {
			out[length++] = ' ';
		}
	}
	while (length && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
	return spelling == SPELL_ONE_LETTER ? drop_second_letters(out, length) : length;
}

void words_join(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != ' ')
			*to++ = *text;
	*to = '\0';
}

/* ---- hashing --------------------------------------------------------------------------------- */

#define FIRST(count)                                                                               \
	{                                                                                          \
		UINT64_MAX >> (64 - 8 * (count)), 0                                                \
	}
#define LONGER UINT64_C(1) << 63
/* clang-format off */
const struct word_cut word_cuts[256] = {
	{UINT64_MAX, LONGER}, FIRST(1), FIRST(2), FIRST(3), FIRST(4), FIRST(5), FIRST(6), FIRST(7), FIRST(8),
	[9 ... 255] = {UINT64_MAX, LONGER},
};
/* clang-format on */

/* Eight bytes, or what there is and zeros; the bit that tells cases apart is
 * set in all there are. */
static inline uint64_t load_word(const char *word, size_t length)
{
	return word_key(bl_get64((const uint8_t *)word), length);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash << 29 | hash >> 35) ^ value;
	return hash * MULTIPLIER ^ hash >> 31;
}

/* @before: the hash of the words before it; 0: none. Never 0. */
static uint64_t hash_word(uint64_t before, const char *word, size_t length)
{
	uint64_t hash = mix(before, length);

	for (size_t at = 0; at < length; at += 8)
		hash = mix(hash, load_word(word + at, length - at));
	return hash | 1;
}

/* ---- building -------------------------------------------------------------------------------- */

enum {
	HAS_MORE = 1,
	NEEDS_CAPITAL = 2,
	IS_WHOLE = 4,
	IS_SECOND = 8, /* a second word whose pair the filter knows */
	IS_HEAD = 16,  /* a first word that may matter whatever stands near it */
};

/* A first word, for the filter. */
struct word_start {
	uint64_t key;
	uint32_t slot; /* what it puts into its slot, but the tag */
	bool is_head;
};

struct words {
	struct word_node *nodes; /* open addressing; a hash of 0: empty */
	size_t count, mask;
	char *texts;
	size_t text_length, text_room;
	struct word_label *labels; /* [0] is none */
	size_t label_count, label_room;
	struct word_start *keys; /* of all first words, for the filter */
	size_t key_count, key_room;
	uint64_t *pairs; /* hashes of first and second words, for the filter */
	size_t pair_count, pair_room;
	struct word_filter filter;
};

static struct word_node *probe(const struct words *words, uint64_t hash)
{
	size_t at = (size_t)(hash >> 38) & words->mask;

	while (words->nodes[at].hash && words->nodes[at].hash != hash)
		at = (at + 1) & words->mask;
	return &words->nodes[at];
}

static bool grow_nodes(struct words *self)
{
	struct words grown = {.mask = self->mask ? 2 * self->mask + 1 : 4095};

	grown.nodes = calloc(grown.mask + 1, sizeof(*grown.nodes));
	if (!grown.nodes)
		return false;
	for (size_t i = 0; self->nodes && i <= self->mask; i++)
		if (self->nodes[i].hash)
			*probe(&grown, self->nodes[i].hash) = self->nodes[i];
	free(self->nodes);
	self->nodes = grown.nodes;
	self->mask = grown.mask;
	return true;
}

/* Room for one item more; what is left behind is wiped: texts may be somebody's
 * name. */
static void *grow(void *items, size_t count, size_t *room, size_t more, size_t size)
{
	size_t wanted = *room ? *room : 1024;
	void *grown;

	if (count + more <= *room)
		return items;
	while (wanted < count + more)
		wanted *= 2;
	grown = calloc(wanted, size);
	if (!grown)
		return NULL;
	if (items) {
		memcpy(grown, items, count * size);
		sodium_memzero(items, *room * size);
		free(items);
	}
	*room = wanted;
	return grown;
}

#define GROW(self, items, count, room, more)                                                       \
	(grow((self)->items, (self)->count, &(self)->room, more, sizeof(*(self)->items)))

static bool add_key(struct words *self, uint64_t key, uint32_t slot, bool is_head)
{
	struct word_start *keys = GROW(self, keys, key_count, key_room, 1);

	if (!keys)
		return false;
	self->keys = keys;
	self->keys[self->key_count++] = (struct word_start){key, slot, is_head};
	return true;
}

static bool add_pair(struct words *self, uint64_t first, uint64_t second)
{
	uint64_t *pairs = GROW(self, pairs, pair_count, pair_room, 1);

	if (!pairs)
		return false;
	self->pairs = pairs;
	self->pairs[self->pair_count++] = pair_hash(first, second);
	return true;
}

/* What person_at and street_at ask of a word of these sorts before anything else; particles never begin anything. */
static unsigned needs_of_sorts(unsigned sorts)
{
	const unsigned names = WORD_GIVEN | WORD_GIVEN_TOO | WORD_SURNAME;

	return (sorts & names ? WORD_CAPITAL : 0u) |
	       (sorts & (WORD_TITLE | WORD_GREETING) ? WORD_PROPER : 0u) |
	       (sorts & WORD_CLOSING ? WORD_LINE : 0u) | (sorts & WORD_STREET ? WORD_HOUSE : 0u);
}

static unsigned needs_of(const struct word_meaning *meaning, size_t length)
{
	switch (meaning->sort) {
	case MEANS_LABEL:
		/* See WORD_SHORT_REACH. */
		if (length <= 2)
			return WORD_DIGIT;
		if (!meaning->needs_digit)
			return WORD_ALWAYS;
		return meaning->is_after ? WORD_BEHIND : WORD_DIGIT;
	case MEANS_WORD:
		return needs_of_sorts(meaning->sorts);
	case MEANS_IDENTITY:
		return meaning->needs_capital ? WORD_CAPITAL : WORD_ALWAYS;
	}
	return WORD_ALWAYS;
}

/* May a phrase of @length letters mean something in lower case, with no sign of a value near? */
static bool is_plain(const struct word_meaning *meaning, size_t length)
{
	if (length > SIGNS_MOST)
		return true;
	if (meaning->sort == MEANS_LABEL && meaning->needs_sign)
		return false;
	/* A digit, or a capital: what stands behind titles, greetings and closings is written as names are. */
	return needs_of(meaning, length) & WORD_ALWAYS;
}

/* The first word of a phrase of @all letters, for the filter. */
static bool seek(struct words *self, struct word_node *node, const char *word, size_t length,
		 size_t all, const struct word_meaning *meaning)
{
	uint64_t key = load_word(word, length);
	bool is_only = all == length;
	bool is_head = !(node->flags & IS_HEAD) && is_plain(meaning, all);
	unsigned needs = is_only ? needs_of(meaning, length) : WORD_PAIR;

	if (is_only && meaning->sort == MEANS_WORD &&
	    meaning->sorts & (WORD_TITLE | WORD_GREETING) && !add_pair(self, 0, key))
		return false;
	if ((node->needs | needs) == node->needs && !is_head)
		return true;
	node->needs |= (uint8_t)needs;
	node->flags |= is_head ? IS_HEAD : 0;
	return add_key(self, key, word_length_bit(length) | needs << 8, is_head);
}

/* The second one. */
static bool seek_pair(struct words *self, struct word_node *node, const char *text, size_t second,
		      size_t end)
{
	if (node->flags & IS_SECOND)
		return true;
	node->flags |= IS_SECOND;
	return add_pair(self, load_word(text, second - 1), load_word(text + second, end - second));
}

static struct word_node *add_node(struct words *self, uint64_t hash)
{
	if (self->count * 2 >= self->mask && !grow_nodes(self))
		return NULL;

	struct word_node *node = probe(self, hash);

	if (!node->hash) {
		node->hash = hash;
		node->class = CLASS_LIMIT;
		self->count++;
	}
	return node;
}

static bool add_text(struct words *self, struct word_node *node, const char *text, size_t length)
{
	char *texts = GROW(self, texts, text_length, text_room, length);

	if (!texts)
		return false;
	self->texts = texts;
	node->text = (uint32_t)self->text_length;
	node->length = (uint8_t)length;
	node->flags |= IS_WHOLE;
	memcpy(texts + self->text_length, text, length);
	self->text_length += length;
	return true;
}

static bool add_label(struct words *self, struct word_node *node,
		      const struct word_meaning *meaning)
{
	struct word_label *labels = GROW(self, labels, label_count, label_room, 2);

	if (!labels)
		return false;
	self->labels = labels;
	if (!self->label_count)
		self->label_count = 1;
	for (uint32_t i = node->labels; i; i = labels[i].next)
		if (labels[i].row == meaning->row && labels[i].is_after == meaning->is_after)
			return true;
	labels[self->label_count] =
		(struct word_label){node->labels, meaning->row, meaning->is_after};
	node->labels = (uint32_t)self->label_count++;
	return true;
}

static bool add_meaning(struct words *self, struct word_node *node,
			const struct word_meaning *meaning)
{
	if (meaning->sort == MEANS_LABEL)
		return add_label(self, node, meaning);
	if (meaning->sort == MEANS_WORD) {
		node->sorts |= meaning->sorts;
		return true;
	}
	/* Of the record's and of harvested ones the record's. */
	if (node->class == CLASS_LIMIT) {
		node->class = meaning->class;
		node->flags |= meaning->needs_capital ? NEEDS_CAPITAL : 0;
		return true;
	}
	if (meaning->class == CLASS_CUSTOMER)
		node->class = meaning->class;
	if (!meaning->needs_capital)
		node->flags &= (uint8_t)~NEEDS_CAPITAL;
	return true;
}

enum bl_status words_add(struct words *self, const char *canonical,
			 const struct word_meaning *meaning)
{
	size_t length = strlen(canonical), at = 0;
	char text[CANONICAL_LIMIT + 9] = "";
	uint64_t hash = 0;
	bool second = false;

	if (length == 0 || length > CANONICAL_LIMIT)
		return BL_OK;
	memcpy(text, canonical, length);
	for (;;) {
		size_t end = at + strcspn(text + at, " ");
		struct word_node *node;

		hash = hash_word(hash, text + at, end - at);
		node = add_node(self, hash);
		if (!node || (at == 0 && !seek(self, node, text, end, length, meaning)) ||
		    (at != 0 && !second && !seek_pair(self, node, text, at, end)))
			return BL_NO_MEMORY;
		second = at != 0;
		if (end < length) {
			node->flags |= HAS_MORE;
			at = end + 1;
			continue;
		}
		if (!(node->flags & IS_WHOLE) && !add_text(self, node, text, length))
			return BL_NO_MEMORY;
		return add_meaning(self, node, meaning) ? BL_OK : BL_NO_MEMORY;
	}
}

enum bl_status words_add_list(struct words *self, const char *list, char separator,
			      const struct word_meaning *meaning)
{
	enum bl_status status = BL_OK;

	while (list && *list && status == BL_OK) {
		const char *end = strchrnul(list, separator);

		for (unsigned spelling = 0; spelling < SPELL_ONE_LETTER; spelling++) {
			char text[CANONICAL_LIMIT + 1];
			size_t length = words_canonical(list, (size_t)(end - list),
							(enum spelling)spelling, text);

			if (status == BL_OK)
				status = words_add(self, text, meaning);
			/* "socialSecurityNumber" */
			words_join(text);
			if (status == BL_OK && length > 4 && strlen(text) < length)
				status = words_add(self, text, meaning);
		}
		list = end + (*end == separator);
	}
	return status;
}

enum bl_status words_new(struct words **out)
{
	BL_CLEANUP(words_free) struct words *self = calloc(1, sizeof(*self));

	if (!self || !grow_nodes(self))
		return BL_NO_MEMORY;
	*out = BL_TAKE(self);
	return BL_OK;
}

enum bl_status words_between(struct words *self, const char *list)
{
	while (*list) {
		char text[CANONICAL_LIMIT + 9] = "";
		const char *end = strchrnul(list, ' ');
		size_t length = words_canonical(list, (size_t)(end - list), SPELL_PLAIN, text);

		if (length && !add_pair(self, 0, load_word(text, length)))
			return BL_NO_MEMORY;
		list = end + (*end == ' ');
	}
	return BL_OK;
}

static void set_bit(uint64_t *bits, size_t bit)
{
	bits[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static void add_slot(struct word_filter *filter, const struct word_start *start)
{
	uint64_t hash = key_hash(start->key);
	uint32_t *slot = &filter->slots[hash >> filter->shift];
	uint32_t tag = *slot & 255u, own = word_tag(hash);

	tag = tag == 0 || tag == own ? own : WORD_MANY;
	*slot = (*slot & ~UINT32_C(255)) | start->slot | tag;
	set_bit(filter->bits, word_bit(hash, 'A'));
	if (word_needs(start->slot) != WORD_CAPITAL)
		set_bit(filter->bits, word_bit(hash, 'a'));
}

/* The bucket of each first letter: those with many words first, each into the one with the fewest. */
static void choose_buckets(const struct words *self, uint8_t out[256])
{
	size_t counts[256] = {0}, loads[WORD_BUCKETS] = {0};

	for (size_t i = 0; i < self->key_count; i++)
		counts[(uint8_t)self->keys[i].key] += self->keys[i].is_head;
	for (;;) {
		size_t most = 0, least = 0;

		for (size_t i = 0; i < BL_COUNT(counts); i++)
			most = counts[i] > counts[most] ? i : most;
		if (!counts[most])
			return;
		for (size_t i = 0; i < WORD_BUCKETS; i++)
			least = loads[i] < loads[least] ? i : least;
		out[most] = (uint8_t)least;
		loads[least] += counts[most];
		counts[most] = 0;
	}
}

/* A letter of a word, or whatever stands behind its end. Digits and other scripts are not asked about. */
static void add_head_byte(uint8_t table[256], uint8_t byte, uint8_t bucket)
{
	if (text_is_letter(byte)) {
		table[byte] |= bucket;
		return;
	}
	for (unsigned i = 0; i < 0xe0; i++)
		if (!text_is_letter((uint8_t)i))
			table[i] |= bucket;
}

static void fill_heads(struct words *self)
{
	uint8_t buckets[256] = {0};

	choose_buckets(self, buckets);
	for (size_t i = 0; i < self->key_count; i++) {
		uint64_t key = self->keys[i].key;
		unsigned bucket = buckets[(uint8_t)key];

		for (size_t k = 0; self->keys[i].is_head && k < WORD_HEAD; k++)
			add_head_byte(self->filter.heads[bucket / 8][k], (uint8_t)(key >> 8 * k),
				      (uint8_t)(1u << bucket % 8));
	}
}

/* A power of two, @each times @count at least, unless that is out of bounds. */
static unsigned bits_for(size_t count, size_t each, unsigned least, unsigned most)
{
	unsigned bits = least;

	while (bits < most && count * each > (size_t)1 << bits)
		bits++;
	return bits;
}

static bool make_filter(struct words *self)
{
	unsigned bits = bits_for(self->key_count, 6, FILTER_LEAST, FILTER_MOST);
	unsigned pair_bits = bits_for(self->pair_count, 16, PAIRS_LEAST, PAIRS_MOST);
	struct word_filter *filter = &self->filter;

	filter->bits = calloc((size_t)2 << (WORD_FILTER_BITS - 6), sizeof(*filter->bits));
	filter->slots = calloc((size_t)1 << bits, sizeof(*filter->slots));
	filter->pairs = calloc((size_t)1 << (pair_bits - 6), sizeof(*filter->pairs));
	if (!filter->bits || !filter->slots || !filter->pairs)
		return false;
	filter->shift = 64 - bits;
	filter->pair_shift = 64 - pair_bits;
	for (size_t i = 0; i < self->key_count; i++)
		add_slot(filter, &self->keys[i]);
	for (size_t i = 0; i < self->pair_count; i++)
		set_bit(filter->pairs, self->pairs[i] >> filter->pair_shift);
	fill_heads(self);
	return true;
}

static void forget_keys(struct words *self)
{
	if (self->keys)
		sodium_memzero(self->keys, self->key_room * sizeof(*self->keys));
	if (self->pairs)
		sodium_memzero(self->pairs, self->pair_room * sizeof(*self->pairs));
	free(self->keys);
	free(self->pairs);
	self->keys = NULL;
	self->pairs = NULL;
}

enum bl_status words_finish(struct words *self)
{
	if (!make_filter(self))
		return BL_NO_MEMORY;
	forget_keys(self);
	return BL_OK;
}

void words_free(struct words *words)
{
	if (!words)
		return;
	if (words->texts)
		sodium_memzero(words->texts, words->text_room);
	if (words->nodes)
		sodium_memzero(words->nodes, (words->mask + 1) * sizeof(*words->nodes));
	forget_keys(words);
	free(words->texts);
	free(words->nodes);
	free(words->labels);
	free(words->filter.bits);
	free(words->filter.slots);
	free(words->filter.pairs);
	free(words);
}

const struct word_filter *words_filter(const struct words *words)
{
	return &words->filter;
}

void words_read_all(struct words *words)
{
	struct word_filter *filter = &words->filter;

	memset(filter->heads, 0xff, sizeof(filter->heads));
	memset(filter->bits, 0xff, ((size_t)2 << (WORD_FILTER_BITS - 6)) * sizeof(*filter->bits));
	memset(filter->slots, 0xff, ((size_t)1 << (64 - filter->shift)) * sizeof(*filter->slots));
}

const struct word_label *words_label(const struct words *words, uint32_t at)
{
	return at ? &words->labels[at] : NULL;
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* Behind the gap at @at; @at when it is too long or no word follows. */
static size_t gap_end(const struct text *text, size_t at)
{
	size_t end = at, lines = 0;

	for (size_t i = 0; end < text->length; i++) {
		int32_t code = text->bytes[end];
		size_t length = code < 0x80 ? 1 : text_next(text, end, &code);

		if (text_is_word(code))
			return end;
		lines += code == '\n';
		if (i == WORD_GAP || lines > 1 || !text_is_gap(code))
			return at;
		end += length;
	}
	return at;
}

/* A phrase as far as it was read. */
struct phrase {
	char folded[CANONICAL_LIMIT + FOLD_LIMIT + 8];
	size_t length, word; /* of what was read; where its last word begins */
	uint64_t before;     /* hash of the words before that */
};

/* How many of eight bytes, from the first on, are ASCII letters and digits. */
static size_t alnum_length(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t low = bytes & ~tops, lower = low | CASE_BITS;
	uint64_t letter = (lower + ones * (0x80 - 'a')) & ~(lower + ones * (0x7f - 'z'));
	uint64_t digit = (low + ones * (0x80 - '0')) & ~(low + ones * (0x7f - '9'));
	uint64_t other = (~(letter | digit) | bytes) & tops;

	return other ? (size_t)__builtin_ctzll(other) / 8 : 8;
}

/* Reads the word at @at; where it ends, or @at when it is too long. */
static size_t read_word(const struct text *text, size_t at, struct phrase *phrase)
{
	size_t end = at;

	phrase->word = phrase->length;
	while (end < text->length) {
		int32_t code = text->bytes[end];
		size_t length = 1;

		if (phrase->length > CANONICAL_LIMIT)
			return at;
		if (end + 8 <= text->length) {
			uint64_t bytes = bl_get64(text->bytes + end);

			length = alnum_length(bytes);
			bl_put64((uint8_t *)phrase->folded + phrase->length, bytes | CASE_BITS);
			phrase->length += length;
			end += length;
			if (length == 8)
				continue;
			code = text->bytes[end];
			if (code < 0x80)
				break;
			length = 1;
		}
		if (code < 0x80) {
			if (!text_is_alnum((uint8_t)code))
				break;
			phrase->folded[phrase->length++] = (char)(code | 0x20);
		} else {
			length = text_next(text, end, &code);
			if (!text_is_word(code))
				break;
			phrase->length += text_fold(code, phrase->folded + phrase->length);
		}
		end += length;
	}
	return phrase->length > CANONICAL_LIMIT ? at : end;
}

static const struct word_node *find(const struct words *words, const struct phrase *phrase,
				    size_t length, uint64_t *out_hash)
{
	*out_hash = hash_word(phrase->before, phrase->folded + phrase->word, length - phrase->word);

	const struct word_node *node = probe(words, *out_hash);

	return node->hash ? node : NULL;
}

static bool is_same(const struct words *words, const struct word_node *node,
		    const struct phrase *phrase, size_t length)
{
	return node->flags & IS_WHOLE && node->length == length &&
	       memcmp(words->texts + node->text, phrase->folded, length) == 0;
}

/* Letters in front of the few digits at the end of what was read; 0 when it is
 * not so. */
static size_t without_digits(const struct phrase *phrase)
{
	size_t length = phrase->length;

	while (length > phrase->word && text_is_digit((uint8_t)phrase->folded[length - 1]))
		length--;
	return length < phrase->length && length > phrase->word + 1 &&
			       phrase->length - length <= WORD_TAIL
		       ? length
		       : 0;
}

static bool is_capital(const struct text *text, size_t at)
{
	return text->bytes[at] >= 0x80 || (text->bytes[at] >= 'A' && text->bytes[at] <= 'Z');
}

static size_t add_found(const struct text *text, size_t start, size_t end,
			const struct word_node *node, bool is_tail, struct word_found *out)
{
	bool is_known = node->class < CLASS_LIMIT;

	if (is_known && node->flags & NEEDS_CAPITAL && !is_capital(text, start))
		is_known = false;
	if (is_known && is_tail && node->length < TAIL_LEAST)
		is_known = false;
	if (!is_known && !node->labels && (is_tail || !node->sorts))
		return 0;
	*out = (struct word_found){.end = end,
				   .labels = node->labels,
				   .sorts = is_tail ? 0 : node->sorts,
				   .class = is_known ? node->class : CLASS_LIMIT};
	return 1;
}

size_t words_at(const struct words *words, const struct text *text, size_t start,
		struct word_found out[WORDS_FOUND])
{
	struct phrase phrase;
	size_t at = start, count = 0;

	phrase.length = 0;
	phrase.before = 0;
	while (count < WORDS_FOUND) {
		uint64_t hash, other;
		size_t end = read_word(text, at, &phrase);

		if (end == at || end - start > SPAN_LIMIT)
			break;

		const struct word_node *node = find(words, &phrase, phrase.length, &hash);

		if (node && is_same(words, node, &phrase, phrase.length)) {
			count += add_found(text, start, end, node, false, &out[count]);
		} else if (!node) {
			size_t length = without_digits(&phrase);

			node = length ? find(words, &phrase, length, &other) : NULL;
			if (node && is_same(words, node, &phrase, length))
				count += add_found(text, start, end, node, true, &out[count]);
			break;
		}
		if (!(node->flags & HAS_MORE) || phrase.length >= CANONICAL_LIMIT)
			break;
		at = gap_end(text, end);
		if (at == end)
			break;
		phrase.before = hash;
		phrase.folded[phrase.length++] = ' ';
	}
	return count;
}

/* What the filter says of a folded word. */
static bool may_be(const struct words *words, const char *folded, size_t length, bool is_capital)
{
	uint64_t hash = key_hash(load_word(folded, length));
	uint32_t slot = words->filter.slots[hash >> words->filter.shift];

	return length && word_fits(slot, hash, length) &&
	       (word_needs(slot) != WORD_CAPITAL || is_capital);
}

bool words_numbered(const struct words *words, const struct text *text, size_t at, size_t length)
{
	uint8_t bytes[8] = {0};
	uint64_t key, hash;
	uint32_t slot;

	if (length < 2 || length > CANONICAL_LIMIT)
		return false;
	if (text->length - at < sizeof(bytes)) {
		memcpy(bytes, text->bytes + at, text->length - at);
		key = word_key(bl_get64(bytes), length);
	} else {
		key = word_key(bl_get64(text->bytes + at), length);
	}
	hash = key_hash(key);
	slot = words->filter.slots[hash >> words->filter.shift];
	return word_has_bit(&words->filter, hash, text->bytes[at]) && word_fits(slot, hash, length);
}

size_t words_wide(const struct words *words, const struct text *text, size_t at, size_t end,
		  bool *out_is_known)
{
	char folded[CANONICAL_LIMIT + FOLD_LIMIT + 8];
	size_t start = at, length = 0;

	while (at < end) {
		int32_t code;
		size_t size = text_next(text, at, &code);

		if (!text_is_word(code))
			break;
		if (length <= CANONICAL_LIMIT)
			length += text_fold(code, folded + length);
		at += size;
	}
	if (at == start) {
		int32_t code;

		return text_next(text, at, &code);
	}

	*out_is_known = may_be(words, folded, length, is_capital(text, start));
	/* "müller84" */
	for (unsigned i = 0; i < WORD_TAIL && length > 2 && !*out_is_known &&
			     text_is_digit((uint8_t)folded[length - 1]);
	     i++)
		*out_is_known = may_be(words, folded, --length, is_capital(text, start));
	return at - start;
}

unsigned word_sorts(const struct sink *sink, const struct text *text, size_t start, size_t end)
{
	struct word_found found[WORDS_FOUND];
	size_t count = sink->words ? words_at(sink->words, text, start, found) : 0;

	for (size_t i = 0; i < count; i++)
		if (found[i].end == end)
			return found[i].sorts;
	return 0;
}
