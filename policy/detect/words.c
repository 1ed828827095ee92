/*
 * The words that mean something: labels of kinds, given names, titles, streets,
 * known identities, all in one hash table that never changes. A phrase is a
 * path of nodes, one per word; the filter, one bit per hash of a first word,
 * tells most words of a text that nobody knows them. Words are kept folded:
 * lower case, marks dropped.
 */
#include "policy/detect/kind.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MULTIPLIER   UINT64_C(0x9e3779b97f4a7c15)
#define CASE_BITS    UINT64_C(0x2020202020202020)
#define FILTER_LEAST 16 /* bytes, as a power of two */
#define FILTER_MOST  19
#define GAP_LIMIT    4 /* characters between two words */
#define TAIL_DIGITS  4 /* "kmiller84": a few digits behind a name or label belong to it */
#define TAIL_LEAST   5 /* letters of a name in front of such digits */

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

#define FIRST(count) (UINT64_MAX >> (64 - 8 * (count)))
/* clang-format off */
const uint64_t word_masks[256] = {
	UINT64_MAX, FIRST(1), FIRST(2), FIRST(3), FIRST(4), FIRST(5), FIRST(6), FIRST(7), [8 ... 255] = UINT64_MAX,
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
	IS_SOUGHT = 8,	    /* a first word that the filter knows, when written as a name is */
	IS_SOUGHT_ANY = 16, /* however it is written */
};

/* A first word, for the filter. */
struct word_start {
	uint64_t key;
	bool is_any;
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

static bool add_key(struct words *self, uint64_t key, bool is_any)
{
	struct word_start *keys = GROW(self, keys, key_count, key_room, 1);

	if (!keys)
		return false;
	self->keys = keys;
	self->keys[self->key_count++] = (struct word_start){key, is_any};
	return true;
}

/* Words that are names and other things as well count only when they are written as names are; particles never begin anything. */
static bool seek(struct words *self, struct word_node *node, uint64_t key, bool is_only,
		 const struct word_meaning *meaning)
{
	const unsigned capital = WORD_GIVEN_TOO | WORD_SURNAME | WORD_PARTICLE;
	bool is_any = true;

	if (is_only && meaning->sort == MEANS_WORD) {
		if (meaning->sorts == WORD_PARTICLE)
			return true;
		is_any = meaning->sorts & ~capital;
	} else if (is_only && meaning->sort == MEANS_IDENTITY) {
		is_any = !meaning->needs_capital;
	}
	if (node->flags & (is_any ? IS_SOUGHT_ANY : IS_SOUGHT | IS_SOUGHT_ANY))
		return true;
	node->flags |= is_any ? IS_SOUGHT_ANY : IS_SOUGHT;
	return add_key(self, key, is_any);
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

	if (length == 0 || length > CANONICAL_LIMIT)
		return BL_OK;
	memcpy(text, canonical, length);
	for (;;) {
		size_t end = at + strcspn(text + at, " ");
		struct word_node *node;

		hash = hash_word(hash, text + at, end - at);
		node = add_node(self, hash);
		if (!node ||
		    (at == 0 && !seek(self, node, load_word(text, end), end == length, meaning)))
			return BL_NO_MEMORY;
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

static void add_tag(struct word_filter *filter, const struct word_start *start)
{
	uint8_t *tag = &filter->bytes[word_place(filter, start->key)];
	uint8_t own = word_tag(start->key);

	if (*tag == 0 || (*tag | WORD_ANY) == (own | WORD_ANY))
		*tag |= own | (start->is_any ? WORD_ANY : 0);
	else
		*tag = WORD_MANY;
}

enum bl_status words_finish(struct words *self)
{
	unsigned bits = FILTER_LEAST;

	while (bits < FILTER_MOST && self->key_count * 16 > (size_t)1 << bits)
		bits++;
	self->filter.bytes = calloc((size_t)1 << bits, 1);
	if (!self->filter.bytes)
		return BL_NO_MEMORY;
	self->filter.shift = 64 - bits;
	for (size_t i = 0; i < self->key_count; i++)
		add_tag(&self->filter, &self->keys[i]);
	if (self->keys)
		sodium_memzero(self->keys, self->key_room * sizeof(*self->keys));
	free(self->keys);
	self->keys = NULL;
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
	if (words->keys)
		sodium_memzero(words->keys, words->key_room * sizeof(*words->keys));
	free(words->texts);
	free(words->nodes);
	free(words->keys);
	free(words->labels);
	free(words->filter.bytes);
	free(words);
}

const struct word_filter *words_filter(const struct words *words)
{
	return &words->filter;
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
		if (i == GAP_LIMIT || lines > 1 || !text_is_gap(code))
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
			       phrase->length - length <= TAIL_DIGITS
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

	*out_is_known = word_may_be(&words->filter, load_word(folded, length), text->bytes[start]);
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
