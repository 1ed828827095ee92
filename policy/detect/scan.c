#include "policy/detect/kind.h"
#include "policy/detect/kinds/place.h"
#include "policy/detect/scan.h"

#include <stdlib.h>
#include <string.h>

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

void meaning_at(const struct region *region, size_t at)
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

/* ---- the walk --------------------------------------------------------------------------------- */

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
		if (anchors->digit[i] | anchors->digit[i + 1])
			scan_digits(region, i, &carry);
		if (anchors->colon[i] | anchors->equal[i] | anchors->dash[i] | anchors->dot[i] |
		    anchors->at[i])
			scan_signs(region, i);
		if (bits_any_byte(&anchors->base64[i]))
			scan_long_words(region, i, &carry);
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

/* Blocks that begin before the region, and in it where there are five '-' in a row. */
static void scan_keys(const struct region *region)
{
	const struct text *text = region->text;
	struct sink *sink = region->sink;
	size_t end = region->has_rule ? text->length
				      : BL_MIN(text->length, region->start + BEGIN_SIZE - 1);
	size_t from = sink->from > DETECT_REACH ? sink->from - DETECT_REACH : 0;
	struct key_search search = {0};

	if (!(sink->classes & CLASS_BIT(CLASS_PRIVATE_KEY)))
		return;
	for (size_t at = find_begin(text->bytes, end, from); at < BL_MIN(end, sink->to);
	     at = find_begin(text->bytes, end, at + 1))
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
	struct region region = {.scanner = scanner,
				.text = text,
				.start = start,
				.length = end - start,
				.anchors = &anchors,
				.sink = &sink};

	classify(text->bytes + start, end - start, &anchors);
	if (!is_checked && !is_text(text, &anchors, start, from, to))
		return BL_UNSUPPORTED;
	scan_region(&region);
	scan_escapes(&region);
	if (region.has_run)
		base64_runs(text, start, end - start, &anchors, &sink);
	scan_keys(&region);
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
	struct region region = {.scanner = scanner,
				.text = &text,
				.length = text.length,
				.anchors = &anchors,
				.sink = &sink};

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
