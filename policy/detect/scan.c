#include "policy/detect/parts.h"

#include <stdlib.h>
#include <string.h>

struct detect_scanner {
	bl_classes classes;
	struct identities *identities;
	struct detect_custom *custom; /* NULL: none */
	struct lexicon lexicon;
};

/* ---- spans --------------------------------------------------------------------------------- */

void detect_spans_free(struct detect_spans *spans)
{
	free(spans->items);
	spans->items = NULL;
	spans->count = spans->room = 0;
}

void sink_add(struct sink *sink, size_t start, size_t end, enum bl_class class, bool is_sure)
{
	struct detect_spans *spans = sink->spans;

	if (start >= end || end <= sink->from || start >= sink->to ||
	    !(sink->classes & CLASS_BIT(class)))
		return;
	if (spans->count == spans->room) {
		size_t room = spans->room ? 2 * spans->room : 64;
		struct detect_span *grown = realloc(spans->items, room * sizeof(*grown));

		if (!grown) {
			sink->has_failed = true;
			return;
		}
		spans->items = grown;
		spans->room = room;
	}
	spans->items[spans->count++] = (struct detect_span){
		.offset = start,
		.length = (uint32_t)(end - start),
		.class = (uint8_t) class,
		.is_sure = is_sure,
	};
}

static bool is_before(const struct detect_span *a, const struct detect_span *b)
{
	if (a->offset != b->offset)
		return a->offset < b->offset;
	if (a->length != b->length)
		return a->length > b->length;
	return a->class < b->class;
}

static void sift(struct detect_span *items, size_t root, size_t count)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && is_before(&items[child], &items[child + 1]))
			child++;
		if (!is_before(&items[root], &items[child]))
			return;

		struct detect_span swap = items[root];

		items[root] = items[child];
		items[child] = swap;
	}
}

/* Spans come almost in order: moving each to its place is enough, while it takes few moves. */
static bool insert_each(struct detect_spans *spans)
{
	size_t left = 8 * spans->count;

	for (size_t i = 1; i < spans->count; i++) {
		struct detect_span item = spans->items[i];
		size_t k = i;

		for (; k > 0 && is_before(&item, &spans->items[k - 1]); k--) {
			if (left-- == 0) {
				spans->items[k] = item;
				return false;
			}
			spans->items[k] = spans->items[k - 1];
		}
		spans->items[k] = item;
	}
	return true;
}

/* Heap sort: qsort of glibc may allocate, and a scan must not. */
static void heap_sort(struct detect_spans *spans)
{
	for (size_t i = spans->count / 2; i > 0; i--)
		sift(spans->items, i - 1, spans->count);
	for (size_t i = spans->count; i > 1; i--) {
		struct detect_span swap = spans->items[0];

		spans->items[0] = spans->items[i - 1];
		spans->items[i - 1] = swap;
		sift(spans->items, 0, i - 1);
	}
}

static void spans_sort(struct detect_spans *spans)
{
	size_t kept = 0;

	if (!insert_each(spans))
		heap_sort(spans);
	for (size_t i = 0; i < spans->count; i++) {
		const struct detect_span *last = kept ? &spans->items[kept - 1] : NULL;

		if (last && last->offset == spans->items[i].offset &&
		    last->length == spans->items[i].length && last->class == spans->items[i].class)
			continue;
		spans->items[kept++] = spans->items[i];
	}
	spans->count = kept;
}

/* ---- the scanner --------------------------------------------------------------------------- */

bl_classes detect_supported(void)
{
	return CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_IBAN) |
	       CLASS_BIT(CLASS_NATIONAL_ID) | CLASS_BIT(CLASS_PHONE) |
	       CLASS_BIT(CLASS_PRIVATE_KEY) | CLASS_BIT(CLASS_URL_CREDENTIALS) |
	       CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_CUSTOMER);
}

enum bl_status detect_scanner_new(bl_classes classes, const struct detect_custom *custom,
				  const struct detect_identity *identities, size_t identity_count,
				  struct detect_scanner **out_scanner, struct bl_error *why)
{
	BL_CLEANUP(detect_scanner_free) struct detect_scanner *self = calloc(1, sizeof(*self));

	if (!self)
		return bl_fail(why, BL_NO_MEMORY, "no memory for a scanner");
	self->classes = classes;
	self->custom = detect_custom_ref(custom);
	lexicon_init(&self->lexicon);

	enum bl_status status =
		identities_new(identities, identity_count, classes, &self->identities);

	if (status != BL_OK)
		return bl_fail(why, status, "cannot build the scanner's list of known identities");
	*out_scanner = BL_TAKE(self);
	return BL_OK;
}

void detect_scanner_free(struct detect_scanner *scanner)
{
	if (!scanner)
		return;
	identities_free(scanner->identities);
	detect_custom_unref(scanner->custom);
	free(scanner);
}

/* Are there seven digits among the 32 bytes at bit @at, with only what joins numbers between? */
static bool is_long_number(const struct anchors *anchors, size_t at)
{
	size_t word = at / 64, bit = at % 64;
	uint64_t digit = anchors->digit[word] >> bit, numeric = anchors->numeric[word] >> bit;

	if (bit) {
		digit |= anchors->digit[word + 1] << (64 - bit);
		numeric |= anchors->numeric[word + 1] << (64 - bit);
	}

	unsigned extent = ~numeric ? (unsigned)__builtin_ctzll(~numeric) : 64;
	uint64_t mask = extent >= 32 ? UINT32_MAX : (UINT64_C(1) << extent) - 1;

	/* Six cleared and one left: no branch, and no popcount instruction to be had. */
	digit &= mask;
	for (unsigned k = 0; k < 6; k++)
		digit &= digit - 1;
	return digit != 0;
}

/* Digits may be those of "base64", or an '@' in the spelling of a program, an address or a page. */
static void scan_encoded(const struct text *text, size_t at, struct sink *sink)
{
	uint8_t digit = text->bytes[at];

	/* 64 or 064, 40 or 0040, 2540 */
	if (digit != '6' && digit != '4' && digit != '0' && digit != '2')
		return;
	switch (text->bytes[at - 1]) {
	case 'e':
	case 'E':
		base64_labelled(text, at, sink);
		break;
	case '%':
	case '#':
	case 'u':
	case 'x':
	case 'X':
		email_encoded_at(text, at, sink);
		break;
	default:
		break;
	}
}

/* Where numbers of one word of bits begin, by what stands before and behind them. */
struct starts {
	uint64_t letter; /* behind a letter */
	uint64_t iban;	 /* the same, and before another digit */
	uint64_t seven;	 /* with seven bytes at least that make numbers */
	uint64_t odd;	 /* behind what neither makes words nor numbers */
	uint64_t four;	 /* of exactly four digits */
};

/* The last bits of the word before. */
struct carry {
	uint64_t digit, word, numeric;
};

static uint64_t shifted(const uint64_t *bits, unsigned count)
{
	return bits[0] >> count | bits[1] << (64 - count);
}

static void find_starts(const struct anchors *anchors, size_t i, const struct carry *carry,
			struct starts *out)
{
	const uint64_t *digits = &anchors->digit[i], *numerics = &anchors->numeric[i];
	uint64_t starts = *digits & ~(*digits << 1 | carry->digit);
	uint64_t behind_word = anchors->word[i] << 1 | carry->word;
	/* Two in a row, four, seven: the next word's bits are needed for the last ones. */
	uint64_t two[2] = {*numerics & shifted(numerics, 1), numerics[1] & numerics[1] >> 1};
	uint64_t four[2] = {two[0] & shifted(two, 2), two[1] & two[1] >> 2};
	uint64_t seven = starts & four[0] & shifted(four, 3);

	out->letter = starts & behind_word;
	out->iban = out->letter & shifted(digits, 1);
	out->seven = seven;
	out->odd = starts & ~(behind_word | *numerics << 1 | carry->numeric);
	out->four = starts & shifted(digits, 1) & shifted(digits, 2) & shifted(digits, 3) &
		    ~shifted(digits, 4);
}

/* The digits of one word of bits, whose first byte is at @from. */
static void scan_digits(const struct detect_scanner *scanner, const struct text *text, size_t from,
			size_t i, const struct anchors *anchors, const struct starts *starts,
			struct sink *sink)
{
	for (uint64_t bits = starts->letter; bits; bits &= bits - 1) {
		size_t bit = (size_t)__builtin_ctzll(bits), at = from + bit;

		scan_encoded(text, at, sink);
		if (!((starts->iban | starts->seven) >> bit & 1))
			continue;
		if (!text_follows_escape(text, at))
			iban_at(text, at, sink);
		else if (is_long_number(anchors, i * 64 + bit))
			number_at(text, at, scanner->identities, sink);
	}
	for (uint64_t bits = starts->seven & ~starts->letter; bits; bits &= bits - 1) {
		size_t bit = (size_t)__builtin_ctzll(bits);

		if (is_long_number(anchors, i * 64 + bit))
			number_at(text, from + bit, scanner->identities, sink);
	}
	for (uint64_t bits = starts->odd; bits; bits &= bits - 1) {
		size_t at = from + (size_t)__builtin_ctzll(bits);

		if (at > 0)
			scan_encoded(text, at, sink);
	}
	for (uint64_t bits = starts->four; bits; bits &= bits - 1) {
		size_t at = from + (size_t)__builtin_ctzll(bits);

		/* No issuer of four fours begins with these, but half of all years and amounts do. */
		if (text->bytes[at] >= '2' && text->bytes[at] != '7')
			card_at(text, at, sink);
	}
}

/* The anchors of one region of the text: walk their bits, let the detectors look. */
static void scan_region(const struct detect_scanner *scanner, const struct text *text, size_t start,
			size_t length, const struct anchors *anchors, struct sink *sink)
{
	size_t words = (length + 63) / 64;
	struct carry carry = {0};

	for (size_t i = 0; i < words; i++) {
		uint64_t word = anchors->word[i];
		uint64_t names = anchors->name[i] & ~(word << 1 | carry.word);
		size_t from = start + i * 64;

		if (anchors->digit[i]) {
			struct starts starts;

			find_starts(anchors, i, &carry, &starts);
			scan_digits(scanner, text, from, i, anchors, &starts, sink);
		}
		carry = (struct carry){anchors->digit[i] >> 63, word >> 63,
				       anchors->numeric[i] >> 63};
		for (uint64_t at = anchors->at[i]; at; at &= at - 1)
			email_at(text, from + (size_t)__builtin_ctzll(at), sink);
		for (; names; names &= names - 1)
			identities_at(scanner->identities, text,
				      from + (size_t)__builtin_ctzll(names), sink);
	}
}

/* Names behind "\n" and the like: by its bits the n or the digit before such a name looks like a part of it. */
static void scan_escapes(const struct detect_scanner *scanner, const struct text *text,
			 size_t start, size_t length, const struct anchors *anchors,
			 struct sink *sink)
{
	const uint8_t *from = text->bytes + start, *at = from;

	if (identities_is_empty(scanner->identities))
		return;
	while ((at = memchr(at, '\\', length - (size_t)(at - from)))) {
		size_t place =
			(size_t)(at - from) + (at + 1 < from + length && at[1] == 'u' ? 6 : 2);

		if (place < length && anchors->name[place / 64] >> (place % 64) & 1 &&
		    text_follows_escape(text, start + place))
			identities_at(scanner->identities, text, start + place, sink);
		at++;
	}
}

static void scan_keys(const struct text *text, struct sink *sink)
{
	size_t from = sink->from > DETECT_REACH ? sink->from - DETECT_REACH : 0;
	struct key_search search = {0};

	if (!(sink->classes & CLASS_BIT(CLASS_PRIVATE_KEY)))
		return;
	for (size_t at = find_begin(text->bytes, text->length, from); at < sink->to;
	     at = find_begin(text->bytes, text->length, at + 1))
		key_at(text, at, &search, sink);
}

/* The next set bit at or after @at, @length when there is none. */
static size_t next_bit(const uint64_t *bits, size_t at, size_t length)
{
	while (at < length) {
		uint64_t word = bits[at / 64] >> (at % 64);

		if (word)
			return BL_MIN(length, at + (size_t)__builtin_ctzll(word));
		at = (at / 64 + 1) * 64;
	}
	return length;
}

/* Is [from, to) UTF-8 without NUL? Bits are relative to @start. */
static bool is_text(const struct text *text, const struct anchors *anchors, size_t start,
		    size_t from, size_t to)
{
	if (next_bit(anchors->zero, from - start, to - start) < to - start)
		return false;

	size_t at = from;

	/* A character that began just before: step back to its head. */
	while (at > 0 && from - at < 3 && (text->bytes[at] & 0xc0) == 0x80)
		at--;
	if (at < from) {
		int32_t code;
		size_t length = text_next(text, at, &code);

		if (code < 0 && !text_is_utf8(text, at, at + 1))
			return false;
		at = code < 0 ? to : at + length;
	}
	while ((at = start + next_bit(anchors->high, at - start, to - start)) < to) {
		int32_t code;
		size_t length = text_next(text, at, &code);

		if (code < 0)
			return text_is_utf8(text, at, at + 1);
		at += length;
	}
	return true;
}

enum bl_status detect_scan(const struct detect_scanner *scanner, const struct detect_window *window,
			   struct detect_spans *out_spans)
{
	struct text text = {window->bytes, window->lead + window->core + window->tail};
	size_t from = window->lead - BL_MIN(window->lead, (size_t)DETECT_MARGIN);
	size_t to = BL_MIN(text.length, window->lead + window->core + DETECT_MARGIN);
	size_t start = from - BL_MIN(from, (size_t)SCAN_SLACK);
	size_t end = BL_MIN(text.length, to + SCAN_SLACK);
	struct sink sink = {.spans = out_spans,
			    .lexicon = &scanner->lexicon,
			    .classes = scanner->classes,
			    .from = from,
			    .to = to,
			    .phase = DETECT_WINDOW - window->lead % DETECT_WINDOW};
	struct anchors anchors;

	out_spans->count = 0;
	if (window->core > DETECT_WINDOW)
		return BL_UNSUPPORTED;
	classify(text.bytes + start, end - start, identities_filter(scanner->identities), &anchors);
	if (!is_text(&text, &anchors, start, from, to))
		return BL_UNSUPPORTED;
	scan_region(scanner, &text, start, end - start, &anchors, &sink);
	scan_escapes(scanner, &text, start, end - start, &anchors, &sink);
	base64_runs(&text, start, end - start, &anchors, &sink);
	scan_keys(&text, &sink);
	custom_scan(scanner->custom, &text, &sink);
	if (sink.has_failed)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < out_spans->count; i++)
		out_spans->items[i].offset += window->offset - window->lead;
	spans_sort(out_spans);
	return BL_OK;
}

enum bl_status detect_scan_name(const struct detect_scanner *scanner, const char *name,
				size_t length, struct detect_spans *out_spans)
{
	struct text text = {(const uint8_t *)name, BL_MIN(length, (size_t)SCAN_REGION)};
	struct sink sink = {.spans = out_spans,
			    .lexicon = &scanner->lexicon,
			    .classes = scanner->classes,
			    .to = text.length,
			    .is_name = true};
	struct anchors anchors;

	out_spans->count = 0;
	classify(text.bytes, text.length, identities_filter(scanner->identities), &anchors);
	scan_region(scanner, &text, 0, text.length, &anchors, &sink);
	custom_scan_name(scanner->custom, &text, &sink);
	if (sink.has_failed)
		return BL_NO_MEMORY;
	spans_sort(out_spans);
	return BL_OK;
}
