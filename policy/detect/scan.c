#include "policy/detect/kind.h"
#include "policy/detect/kinds/place.h"

#include <stdlib.h>
#include <string.h>

struct detect_scanner {
	bl_classes classes;
	struct words *words;
	struct rows *rows;
	struct identities *identities;
	struct detect_custom *custom; /* NULL: none */
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
static bool insert_each(struct detect_span *items, size_t count)
{
	size_t left = 32 * count;

	for (size_t i = 1; i < count; i++) {
		struct detect_span item = items[i];
		size_t k = i;

		for (; k > 0 && is_before(&item, &items[k - 1]); k--) {
			if (left-- == 0) {
				items[k] = item;
				return false;
			}
			items[k] = items[k - 1];
		}
		items[k] = item;
	}
	return true;
}

/* Heap sort: qsort of glibc may allocate, and a scan must not. */
static void heap_sort(struct detect_span *items, size_t count)
{
	for (size_t i = count / 2; i > 0; i--)
		sift(items, i - 1, count);
	for (size_t i = count; i > 1; i--) {
		struct detect_span swap = items[0];

		items[0] = items[i - 1];
		items[i - 1] = swap;
		sift(items, 0, i - 1);
	}
}

/* Those from the @from-th on, each once: sure when anybody is sure of it. */
void spans_sort(struct detect_spans *spans, size_t from)
{
	size_t kept = from;

	if (spans->count == from)
		return;

	if (!insert_each(spans->items + from, spans->count - from))
		heap_sort(spans->items + from, spans->count - from);
	for (size_t i = from; i < spans->count; i++) {
		struct detect_span *last = kept > from ? &spans->items[kept - 1] : NULL;

		if (last && last->offset == spans->items[i].offset &&
		    last->length == spans->items[i].length &&
		    last->class == spans->items[i].class) {
			last->is_sure |= spans->items[i].is_sure;
			continue;
		}
		spans->items[kept++] = spans->items[i];
	}
	spans->count = kept;
}

/* ---- the scanner --------------------------------------------------------------------------- */

bl_classes detect_supported(void)
{
	/* Classes that hooks and fields find; those of the rows add theirs. */
	bl_classes classes =
		CLASS_BIT(CLASS_EMAIL) | CLASS_BIT(CLASS_CARD) | CLASS_BIT(CLASS_IBAN) |
		CLASS_BIT(CLASS_NATIONAL_ID) | CLASS_BIT(CLASS_PHONE) |
		CLASS_BIT(CLASS_PRIVATE_KEY) | CLASS_BIT(CLASS_URL_CREDENTIALS) |
		CLASS_BIT(CLASS_PASSWORD) | CLASS_BIT(CLASS_SECRET) | CLASS_BIT(CLASS_CUSTOMER) |
		CLASS_BIT(CLASS_NAME) | CLASS_BIT(CLASS_ADDRESS) | CLASS_BIT(CLASS_POSTCODE) |
		CLASS_BIT(CLASS_DATE_OF_BIRTH) | CLASS_BIT(CLASS_IP) | CLASS_BIT(CLASS_MAC) |
		CLASS_BIT(CLASS_LOCATION) | CLASS_BIT(CLASS_CRYPTO_ADDRESS);

	for (size_t i = 0; i < kind_table_count; i++)
		for (size_t k = 0; k < kind_tables[i]->count; k++)
			classes |= CLASS_BIT(kind_tables[i]->rows[k].class);
	return classes;
}

/* Words that are asked for: what people and streets are told by. */
static enum bl_status add_person_words(struct words *words, bl_classes classes)
{
	bl_classes people = CLASS_BIT(CLASS_NAME) | CLASS_BIT(CLASS_ADDRESS);
	enum bl_status status = BL_OK;

	for (size_t i = 0; classes & people && i < person_word_lists && status == BL_OK; i++) {
		struct word_meaning meaning = {.sort = MEANS_WORD, .sorts = person_words[i].sort};

		status = words_add_list(words, person_words[i].words, ' ', &meaning);
	}
	return status == BL_OK ? words_between(words, person_between) : status;
}

static enum bl_status build(struct detect_scanner *self, const struct detect_identity *identities,
			    size_t count)
{
	enum bl_status status = words_new(&self->words);

	if (status == BL_OK)
		status = rows_new(self->classes, self->words, &self->rows);
	if (status == BL_OK)
		status = add_person_words(self->words, self->classes);
	if (status == BL_OK)
		status = identities_new(identities, count, self->classes, self->words,
					&self->identities);
	return status == BL_OK ? words_finish(self->words) : status;
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

	enum bl_status status = build(self, identities, identity_count);

	if (status != BL_OK)
		return bl_fail(why, status, "cannot build the scanner's table of words");
	*out_scanner = BL_TAKE(self);
	return BL_OK;
}

void detect_scanner_free(struct detect_scanner *scanner)
{
	if (!scanner)
		return;
	identities_free(scanner->identities);
	rows_free(scanner->rows);
	words_free(scanner->words);
	detect_custom_unref(scanner->custom);
	free(scanner);
}

/* What is scanned: a region of a text, its bits, and where its spans go. */
struct region {
	const struct detect_scanner *scanner;
	const struct text *text;
	size_t start, length;
	const struct anchors *anchors;
	struct sink *sink;
	size_t scheme; /* behind the ':' of the last "://"; 0: none yet */
};
#define USERINFO_REACH 300 /* bytes of user info, and some */

/* ---- words ------------------------------------------------------------------------------------ */

/* As rows_labelled wants to know it. Behind the region's end there is none: what would be found there counts for nobody. */
static bool is_digit_near(const struct region *region, size_t at, unsigned reach)
{
	const struct anchors *anchors = region->anchors;
	size_t place = at - region->start;

	_Static_assert(LABEL_REACH + DIGIT_WITHIN == WORD_REACH, "a word of bits tells it");
	return place < region->length &&
	       (anchors_bits(anchors->digit, place) | anchors_bits(anchors->high, place)) &
		       (UINT64_MAX >> (64 - reach));
}

/* The word that begins at @at, and the phrases that begin with it. */
static void meaning_at(const struct region *region, size_t at)
{
	struct word_found found[WORDS_FOUND];
	size_t count = words_at(region->scanner->words, region->text, at, found);
	const struct word_found *known = NULL, *word = NULL;

	for (size_t i = 0; i < count; i++) {
		if (found[i].class < CLASS_LIMIT)
			known = &found[i];
		if (found[i].sorts)
			word = &found[i];
		if (found[i].labels && (found[i].end - at > 2 ||
					is_digit_near(region, found[i].end, WORD_SHORT_REACH)))
			rows_labelled(region->scanner->rows, region->scanner->words, region->text,
				      at, &found[i],
				      is_digit_near(region, found[i].end, WORD_REACH),
				      region->sink);
	}
	if (known)
		sink_add(region->sink, at, known->end, (enum bl_class)known->class, true);
	if (!word)
		return;
	if (word->sorts & ~(unsigned)(WORD_STREET | WORD_PARTICLE))
		person_at(region->text, at, word->end, word->sorts, region->sink);
	if (word->sorts & WORD_STREET)
		street_at(region->text, at, word->end, region->sink);
}

/* Words that have other characters than ASCII in them or beside them, of the run [at, end) of such and of letters. */
static void scan_wide_run(const struct region *region, size_t at, size_t end)
{
	const struct text *text = region->text;

	if (!text_starts_word(text, at))
		while (at < end && !text_ends_word(text, at)) {
			int32_t code;

			at += text_next(text, at, &code);
		}
	while (at < end) {
		bool is_known = false;

		/* 51° 30' */
		if (text->bytes[at] == 0xc2 && at + 1 < end && text->bytes[at + 1] == 0xb0 &&
		    at > 1 && text_is_digit(text->bytes[at - (text->bytes[at - 1] == ' ' ? 2 : 1)]))
			degree_at(text, at, region->sink);

		size_t length = words_wide(region->scanner->words, text, at, end, &is_known);

		if (is_known)
			meaning_at(region, at);
		at += length;
	}
}

static uint64_t shifted(const uint64_t *bits, unsigned count)
{
	return bits[0] >> count | bits[1] << (64 - count);
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

static bool is_wordish(const struct anchors *anchors, size_t at)
{
	return (anchors->word[at / 64] | anchors->high[at / 64]) >> (at % 64) & 1;
}

/* The runs with other characters among [from, to) of the region; @done: up to where they were seen before. */
static size_t scan_wide(const struct region *region, size_t from, size_t to, size_t done)
{
	const struct anchors *anchors = region->anchors;
	size_t at = BL_MAX(from, done);

	while ((at = next_bit(anchors->high, at, to)) < to) {
		size_t start = at, end = at + 1;

		while (start > done && is_wordish(anchors, start - 1))
			start--;
		while (end < region->length && is_wordish(anchors, end))
			end++;
		scan_wide_run(region, region->start + start, region->start + end);
		done = at = end;
	}
	return BL_MAX(done, from);
}

static void scan_words(const struct region *region, size_t block)
{
	uint32_t hits[FIND_WORDS];
	size_t count = find_words(region->text, region->start, region->length, region->anchors,
				  block, words_filter(region->scanner->words), hits);

	for (size_t i = 0; i < count; i++) {
		size_t at = region->start + hits[i];

		if (hits[i] > 0 || text_starts_word(region->text, at))
			meaning_at(region, at);
	}
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
	uint64_t all;
	uint64_t letter; /* behind a letter */
	uint64_t iban;	 /* the same, and before another digit */
	uint64_t seven;	 /* with seven bytes at least that make numbers */
	uint64_t odd;	 /* behind what neither makes words nor numbers */
	uint64_t four;	 /* of exactly four digits */
	uint64_t joined; /* behind one separator behind a letter */
};

/* The last bits of the word before. */
struct carry {
	uint64_t digit, word, numeric, base64;
};

static void find_starts(const struct anchors *anchors, size_t i, const struct carry *carry,
			struct starts *out)
{
	const uint64_t *digits = &anchors->digit[i], *numerics = &anchors->numeric[i];
	uint64_t starts = *digits & ~(*digits << 1 | carry->digit >> 63);
	uint64_t behind_word = anchors->word[i] << 1 | carry->word >> 63;
	uint64_t letters = (anchors->word[i] & ~*digits) << 2 | (carry->word & ~carry->digit) >> 62;
	/* Two in a row, four, seven: the next word's bits are needed for the last ones. */
	uint64_t two[2] = {*numerics & shifted(numerics, 1), numerics[1] & numerics[1] >> 1};
	uint64_t four[2] = {two[0] & shifted(two, 2), two[1] & two[1] >> 2};
	uint64_t seven = starts & four[0] & shifted(four, 3);

	out->all = starts;
	out->letter = starts & behind_word;
	out->iban = out->letter & shifted(digits, 1);
	out->seven = seven;
	out->odd = starts & ~(behind_word | *numerics << 1 | carry->numeric >> 63);
	out->four = starts & shifted(digits, 1) & shifted(digits, 2) & shifted(digits, 3) &
		    ~shifted(digits, 4);
	out->joined =
		starts & (*numerics << 1 | carry->numeric >> 63) & letters & shifted(digits, 1);
}

/* Letters in front of a number may be its own: "AB 12 34 56 C", "RSS MRA 85T10 A562S". */
static void scan_joined(const struct region *region, size_t at)
{
	const struct text *text = region->text;

	for (unsigned words = 0; words < 2 && at >= 2; words++) {
		size_t end = at - 1, start = end;

		if (!memchr(" -./", text->bytes[end], 4))
			return;
		while (start > 0 && end - start < 8 && text_is_letter(text->bytes[start - 1]))
			start--;
		if (start == end || end - start > 6)
			return;
		if (rows_any_sure(region->scanner->rows, end - start))
			rows_sure_at(region->scanner->rows, text, start, region->sink);
		at = start;
	}
}

static void number_from(const struct region *region, size_t at)
{
	number_at(region->text, at, region->scanner->identities, region->sink);
	rows_sure_at(region->scanner->rows, region->text, at, region->sink);
}

/* "kmiller84", "tel2": a few digits behind a word, which may mean something without them. */
static void scan_numbered(const struct region *region, size_t at)
{
	const struct text *text = region->text;
	size_t end = at, start = at;

	if (at < 2 || !text_is_alnum(text->bytes[at - 2]))
		return;
	while (end < text->length && end - at <= WORD_TAIL && text_is_digit(text->bytes[end]))
		end++;
	if (end - at > WORD_TAIL || !text_ends_word(text, end))
		return;
	while (start > 0 && at - start < SPAN_LIMIT && text_is_alnum(text->bytes[start - 1]))
		start--;
	if (at - start >= 2 && text_starts_word(text, start) &&
	    words_numbered(region->scanner->words, text, start, at - start))
		meaning_at(region, start);
}

/* House numbers and postcodes. */
static void scan_short(const struct region *region, const struct starts *starts, size_t from)
{
	const struct text *text = region->text;

	if (!(region->sink->classes & (CLASS_BIT(CLASS_ADDRESS) | CLASS_BIT(CLASS_POSTCODE))))
		return;
	for (uint64_t bits = starts->all & ~starts->letter; bits; bits &= bits - 1) {
		size_t at = from + (size_t)__builtin_ctzll(bits), end = at + 1;

		while (end < text->length && end - at < 7 && text_is_digit(text->bytes[end]))
			end++;
		if (end - at > 6 || (at >= 2 && text_is_digit(text->bytes[at - 2]) &&
				     memchr("-./,:", text->bytes[at - 1], 5)))
			continue;
		short_number_at(text, at, end, region->sink);
	}
}

/* The digits of one word of bits, whose first byte is at @from. */
static void scan_digits(const struct region *region, size_t i, const struct carry *carry)
{
	const struct text *text = region->text;
	size_t from = region->start + i * 64;
	struct starts starts;

	find_starts(region->anchors, i, carry, &starts);
	for (uint64_t bits = starts.letter; bits; bits &= bits - 1) {
		size_t bit = (size_t)__builtin_ctzll(bits), at = from + bit;

		scan_encoded(text, at, region->sink);
		scan_numbered(region, at);
		if (!((starts.iban | starts.seven) >> bit & 1))
			continue;
		if (!text_follows_escape(text, at))
			iban_at(text, at, region->sink);
		else if (is_long_number(region->anchors, i * 64 + bit))
			number_from(region, at);
	}
	for (uint64_t bits = starts.seven & ~starts.letter; bits; bits &= bits - 1) {
		size_t bit = (size_t)__builtin_ctzll(bits);

		if (is_long_number(region->anchors, i * 64 + bit))
			number_from(region, from + bit);
	}
	for (uint64_t bits = starts.odd; bits; bits &= bits - 1) {
		size_t at = from + (size_t)__builtin_ctzll(bits);

		if (at > 0)
			scan_encoded(text, at, region->sink);
	}
	for (uint64_t bits = starts.four; bits; bits &= bits - 1) {
		size_t at = from + (size_t)__builtin_ctzll(bits);

		/* No issuer of four fours begins with these, but half of all years and amounts do. */
		if (text->bytes[at] >= '2' && text->bytes[at] != '7')
			card_at(text, at, region->sink);
	}
	for (uint64_t bits = starts.joined; bits; bits &= bits - 1)
		scan_joined(region, from + (size_t)__builtin_ctzll(bits));
	scan_short(region, &starts, from);
}

/* Words of eight and more in which there are digits: codes that are sure by their check. */
static void scan_mixed(const struct region *region, size_t i, const struct carry *carry)
{
	const struct anchors *anchors = region->anchors;
	const uint64_t *words = &anchors->word[i], *digits = &anchors->digit[i];
	uint64_t starts = *words & ~(*words << 1 | carry->word >> 63);
	uint64_t two[2] = {*words & shifted(words, 1), words[1] & words[1] >> 1};
	uint64_t four[2] = {two[0] & shifted(two, 2), two[1] & two[1] >> 2};
	uint64_t eight = starts & four[0] & shifted(four, 4);

	for (; eight; eight &= eight - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(eight);
		uint64_t word = *words >> bit, digit = *digits >> bit;

		if (bit) {
			word |= words[1] << (64 - bit);
			digit |= digits[1] << (64 - bit);
		}

		unsigned length = ~word ? (unsigned)__builtin_ctzll(~word) : 64;
		uint64_t mask = length < 64 ? (UINT64_C(1) << length) - 1 : UINT64_MAX;
		size_t at = region->start + i * 64 + bit;

		/* Numbers alone are looked at elsewhere. */
		if ((digit & mask) && (digit & mask) != mask && text_starts_word(region->text, at))
			rows_sure_at(region->scanner->rows, region->text, at, region->sink);
	}
}

/* ---- signs ------------------------------------------------------------------------------------ */

static bool is_token_byte(uint8_t byte)
{
	return text_is_alnum(byte) || byte == '_' || byte == '-';
}

/* Words of tokens in the run of base64 that begins at @at. */
static void scan_tokens(const struct region *region, size_t at, size_t end)
{
	const struct text *text = region->text;

	if (at > 0 && is_token_byte(text->bytes[at - 1]))
		while (at < end && is_token_byte(text->bytes[at]))
			at++;
	while (at < end) {
		size_t start = at, stop;

		for (; at < end && is_token_byte(text->bytes[at]);)
			at++;
		/* A region may end in the middle of it. */
		for (stop = at; at == end && stop < text->length && stop - start < DETECT_MARGIN &&
				is_token_byte(text->bytes[stop]);)
			stop++;
		if (stop - start >= 16)
			long_word_at(text, start, BL_MIN(stop, start + DETECT_MARGIN),
				     region->sink);
		at += at == start;
	}
}

static void scan_long_words(const struct region *region, size_t i, const struct carry *carry)
{
	const uint64_t *runs = &region->anchors->base64[i];
	uint64_t starts = *runs & ~(*runs << 1 | carry->base64 >> 63);
	uint64_t two[2] = {*runs & shifted(runs, 1), runs[1] & runs[1] >> 1};
	uint64_t four[2] = {two[0] & shifted(two, 2), two[1] & two[1] >> 2};
	uint64_t eight[2] = {four[0] & shifted(four, 4), four[1] & four[1] >> 4};

	for (uint64_t bits = starts & eight[0] & shifted(eight, 8); bits; bits &= bits - 1) {
		size_t at = i * 64 + (size_t)__builtin_ctzll(bits), end = at;

		while (end < region->length) {
			uint64_t gaps = ~region->anchors->base64[end / 64] >> (end % 64);

			if (gaps) {
				end += (size_t)__builtin_ctzll(gaps);
				break;
			}
			end = (end / 64 + 1) * 64;
		}
		scan_tokens(region, region->start + at,
			    region->start + BL_MIN(end, region->length));
	}
}

static bool is_hex(const struct text *text, size_t at)
{
	return at < text->length &&
	       (text_is_digit(text->bytes[at]) || (uint8_t)((text->bytes[at] | 0x20) - 'a') < 6);
}

/* Two letters or digits at least in front of a ':' or '=', or what quotes or closes a name, and something of a value behind it. */
static bool may_be_label(const struct text *text, size_t at)
{
	uint8_t before = at >= 2 ? text->bytes[at - 1] : 0;

	if (before < 0x80 && text_is_alnum(before))
		before = text->bytes[at - 2];
	else if (before < 0x80 && text_is_alnum(text->bytes[at - (at >= 2 ? 2 : 0)]))
		return before && memchr(" \"'`)]*_>\t", before, 10);
	return before >= 0x80 || text_is_alnum(before) || before == '_' || before == '-';
}

static void scan_colons(struct region *region, size_t i)
{
	const struct text *text = region->text;
	const uint64_t *colons = &region->anchors->colon[i];
	uint64_t near = 0;

	for (unsigned k = 1; k <= 5; k++)
		near |= shifted(colons, k);
	for (uint64_t bits = *colons & near; bits; bits &= bits - 1) {
		size_t at = region->start + i * 64 + (size_t)__builtin_ctzll(bits);

		if (is_hex(text, at + 1) || text->bytes[at + 1] == ':' ||
		    (at > 0 && (is_hex(text, at - 1) || text->bytes[at - 1] == ':')))
			colon_at(text, at, region->sink);
	}
	for (uint64_t bits = *colons | region->anchors->equal[i]; bits; bits &= bits - 1) {
		size_t at = region->start + i * 64 + (size_t)__builtin_ctzll(bits);

		if (at + 2 < text->length && text->bytes[at + 1] == '/' &&
		    text->bytes[at + 2] == '/')
			region->scheme = at + 1;
		if (may_be_label(text, at))
			field_at(text, at, region->sink);
	}
}

static void scan_pairs(const struct region *region, size_t i)
{
	const uint64_t *dashes = &region->anchors->dash[i], *dots = &region->anchors->dot[i];
	uint64_t pairs =
		(*dashes & shifted(dashes, 3) & shifted(dashes, 6)) | (*dots & shifted(dots, 5));

	for (; pairs; pairs &= pairs - 1) {
		size_t at = region->start + i * 64 + (size_t)__builtin_ctzll(pairs);

		if (at > 0 && is_hex(region->text, at - 1) && is_hex(region->text, at + 1))
			pairs_at(region->text, at, region->sink);
	}
}

static void scan_dots(const struct region *region, size_t i, const struct carry *carry)
{
	const struct text *text = region->text;
	const uint64_t *digits = &region->anchors->digit[i];
	uint64_t dots =
		region->anchors->dot[i] & (*digits << 1 | carry->digit >> 63) & shifted(digits, 1);

	for (; dots; dots &= dots - 1) {
		size_t dot = region->start + i * 64 + (size_t)__builtin_ctzll(dots), at = dot;

		while (at > 0 && dot - at < 5 && text_is_digit(text->bytes[at - 1]))
			at--;
		/* Of "1.2.3.4" the first number is asked about. */
		if (at > 0 && text_is_digit(text->bytes[at - 1]))
			continue;
		if (at < 2 || text->bytes[at - 1] != '.' || !text_is_digit(text->bytes[at - 2]))
			dotted_at(text, at, region->sink);
	}
}

/* Can the domain of an address begin at bit @at: letters and the like, and a '.' among them? */
static bool may_be_domain(const struct anchors *anchors, size_t at)
{
	size_t word = at / 64, bit = at % 64;
	uint64_t dots[2] = {anchors->dot[word], anchors->dot[word + 1]};
	uint64_t runs[2];

	for (size_t k = 0; k < 2; k++)
		runs[k] = anchors->base64[word + k] | anchors->high[word + k] | dots[k];
	if (bit) {
		dots[0] = shifted(dots, (unsigned)bit);
		runs[0] = shifted(runs, (unsigned)bit);
	}
	return !~runs[0] || (dots[0] & ((~runs[0] & (runs[0] + 1)) - 1));
}

static void scan_ats(const struct region *region, size_t i)
{
	const struct text *text = region->text;

	for (uint64_t bits = region->anchors->at[i]; bits; bits &= bits - 1) {
		size_t bit = i * 64 + (size_t)__builtin_ctzll(bits), at = region->start + bit;

		if (at + 1 < text->length &&
		    (text->bytes[at + 1] == '[' || may_be_domain(region->anchors, bit + 1) ||
		     (region->scheme && at < region->scheme + USERINFO_REACH)))
			email_at(text, at, region->sink);
	}
}

/* ---- the walk --------------------------------------------------------------------------------- */

static void scan_block(struct region *region, size_t i, const struct carry *carry)
{
	const struct anchors *anchors = region->anchors;

	if (anchors->digit[i])
		scan_digits(region, i, carry);
	if (anchors->digit[i] | anchors->digit[i + 1])
		scan_mixed(region, i, carry);
	if (anchors->dot[i] && anchors->digit[i])
		scan_dots(region, i, carry);
	if (anchors->colon[i] | anchors->equal[i])
		scan_colons(region, i);
	if (anchors->dash[i] | anchors->dot[i])
		scan_pairs(region, i);
	scan_long_words(region, i, carry);
	if (anchors->at[i])
		scan_ats(region, i);
}

/* The anchors of one region of the text: walk their bits, let the detectors look. */
static void scan_region(struct region *region)
{
	const struct anchors *anchors = region->anchors;
	size_t blocks = (region->length + 63) / 64, wide = 0;
	struct carry carry = {0};

	for (size_t i = 0; i < blocks; i++) {
		if (i % FIND_BLOCKS == 0)
			scan_words(region, i);
		if (anchors->high[i])
			wide = scan_wide(region, i * 64, BL_MIN((i + 1) * 64, region->length),
					 wide);
		scan_block(region, i, &carry);
		carry = (struct carry){anchors->digit[i], anchors->word[i], anchors->numeric[i],
				       anchors->base64[i]};
	}
}

/* Words behind "\n" and the like: by its bits the n or the digit before such a word looks like a part of it. */
static void scan_escapes(const struct region *region)
{
	const struct text *text = region->text;
	const uint8_t *from = text->bytes + region->start, *at = from;

	while ((at = memchr(at, '\\', region->length - (size_t)(at - from)))) {
		size_t place = (size_t)(at - from) +
			       (at + 1 < from + region->length && at[1] == 'u' ? 6 : 2);

		if (place < region->length && text_is_alnum(from[place]) &&
		    text_follows_escape(text, region->start + place))
			meaning_at(region, region->start + place);
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

/* ---- scans ------------------------------------------------------------------------------------ */

static struct sink make_sink(const struct detect_scanner *scanner, struct detect_spans *spans,
			     size_t from, size_t to, size_t phase)
{
	return (struct sink){.spans = spans,
			     .words = scanner->words,
			     .classes = scanner->classes,
			     .from = from,
			     .to = to,
			     .phase = phase};
}

/* What touches [from, to), of at most so many bytes that the region around it has bits for. @is_checked: it is text for sure. */
static enum bl_status scan_piece(const struct detect_scanner *scanner, const struct text *text,
				 size_t from, size_t to, size_t phase, bool is_checked,
				 struct detect_spans *out)
{
	size_t start = from - BL_MIN(from, (size_t)SCAN_SLACK);
	size_t end = BL_MIN(text->length, to + SCAN_SLACK);
	struct sink sink = make_sink(scanner, out, from, to, phase);
	struct anchors anchors;
	struct region region = {scanner, text, start, end - start, &anchors, &sink, 0};

	classify(text->bytes + start, end - start, &anchors);
	if (!is_checked && !is_text(text, &anchors, start, from, to))
		return BL_UNSUPPORTED;
	scan_region(&region);
	scan_escapes(&region);
	base64_runs(text, start, end - start, &anchors, &sink);
	scan_keys(text, &sink);
	custom_scan(scanner->custom, text, &sink);
	return sink.has_failed ? BL_NO_MEMORY : BL_OK;
}

struct words *scan_words_of(const struct detect_scanner *scanner)
{
	return scanner->words;
}

bl_classes scan_classes(const struct detect_scanner *scanner)
{
	return scanner->classes;
}

enum bl_status scan_text(const struct detect_scanner *scanner, const struct text *text, size_t from,
			 size_t to, size_t phase, struct detect_spans *out)
{
	const size_t most = DETECT_WINDOW + 2 * DETECT_MARGIN;
	size_t before = out->count;
	enum bl_status status = BL_OK;

	to = BL_MIN(to, text->length);
	for (size_t at = from; at < to && status == BL_OK; at += most)
		status = scan_piece(scanner, text, at, BL_MIN(to, at + most), phase, true, out);
	/* Those that touch two pieces were found twice. */
	if (out->items)
		spans_sort(out, before);
	return status;
}

enum bl_status detect_scan(const struct detect_scanner *scanner, const struct detect_window *window,
			   struct detect_spans *out_spans)
{
	struct text text = {window->bytes, window->lead + window->core + window->tail};
	size_t from = window->lead - BL_MIN(window->lead, (size_t)DETECT_MARGIN);
	size_t to = BL_MIN(text.length, window->lead + window->core + DETECT_MARGIN);
	enum bl_status status;

	out_spans->count = 0;
	if (window->core > DETECT_WINDOW)
		return BL_UNSUPPORTED;
	status = scan_piece(scanner, &text, from, to, DETECT_WINDOW - window->lead % DETECT_WINDOW,
			    false, out_spans);
	if (status != BL_OK)
		return status;
	for (size_t i = 0; i < out_spans->count; i++)
		out_spans->items[i].offset += window->offset - window->lead;
	spans_sort(out_spans, 0);
	return BL_OK;
}

enum bl_status detect_scan_name(const struct detect_scanner *scanner, const char *name,
				size_t length, struct detect_spans *out_spans)
{
	struct text text = {(const uint8_t *)name, BL_MIN(length, (size_t)SCAN_REGION)};
	struct sink sink = make_sink(scanner, out_spans, 0, text.length, 0);
	struct anchors anchors;
	struct region region = {scanner, &text, 0, text.length, &anchors, &sink, 0};

	out_spans->count = 0;
	sink.is_name = true;
	classify(text.bytes, text.length, &anchors);
	scan_region(&region);
	custom_scan_name(scanner->custom, &text, &sink);
	if (sink.has_failed)
		return BL_NO_MEMORY;
	spans_sort(out_spans, 0);
	return BL_OK;
}
