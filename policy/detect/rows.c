/*
 * The rows of all kinds a scanner looks for: sure ones by what their first run of digits or letters may be, so that most are told from
 * its length alone; labelled ones behind and in front of their labels.
 */
#include "policy/detect/kind.h"
#include "policy/detect/scan.h"

#include <stdlib.h>
#include <string.h>

#define RUN_LIMIT   32	/* longer runs are as long as this one */
#define PLACE_LIMIT 48	/* places behind a label where a value may begin */
#define CHAIN_LIMIT 448 /* from a label to the last value that counts for it, bytes */
#define BACK_LIMIT  64	/* from the beginning of a value to the label behind it, bytes */

_Static_assert(CHAIN_LIMIT + SPAN_LIMIT <= DETECT_MARGIN, "what a label finds is near it");
_Static_assert(4 * LABEL_REACH < CHAIN_LIMIT, "characters have four bytes at most");

/* What stands behind the first word of a value, as forms tell them apart. UNKNOWN: it may be any. */
enum sign { SIGN_UNKNOWN, SIGN_SPACE, SIGN_DASH, SIGN_DOT, SIGN_SLASH, SIGN_OTHER, SIGN_COUNT };

/* How long the run of digits or of letters is that a value begins with; most of 0: it does not. */
struct shape {
	uint8_t least[2], most[2]; /* digits, letters */
	bool is_other;		   /* may begin with something else */
	bool may_lack_digits;	   /* among its first DIGIT_WITHIN bytes */
	bool may_have_none;	   /* at all */
	/* A bit for each length, the highest: that and more. Of a first word that the value may end with; of one before a sign; of the second. */
	uint32_t ends, goes_on[SIGN_COUNT], seconds;
};
#define ANY_WORD   UINT32_MAX
#define WORD_LIMIT 31u
enum { DIGITS, LETTERS };

struct row {
	const struct kind *kind;
	struct shape shape;
};

/* Which of the sure rows a place may have values of, a bit for each: few places have any. */
#define SURE_LIMIT 64
struct sure {
	uint16_t rows[SURE_LIMIT];
	size_t count;
	uint64_t runs[2][RUN_LIMIT + 1]; /* by the first run of digits or letters */
	uint64_t ends[WORD_LIMIT + 1], goes_on[SIGN_COUNT][WORD_LIMIT + 1]; /* by the first word */
	uint64_t seconds[WORD_LIMIT + 1];
};

struct rows {
	struct row *rows;
	size_t count;
	struct sure sure;
};

/* ---- shapes --------------------------------------------------------------------------------------- */

/* One element of a form: which run it belongs to, how many bytes of it at least and at most. */
struct element {
	enum { IS_DIGITS, IS_LETTERS, IS_BOTH, IS_GAP, IS_OTHER } sort;
	unsigned least, most;
};

static const char *read_element(const char *form, struct element *out)
{
	char letter = *form++;

	*out = (struct element){IS_OTHER, 1, 1};
	if (letter == '_') {
		out->sort = IS_GAP;
	} else if (letter != '-' && (letter == '\\' || !memchr("daxh", letter, 4))) {
		if (letter == '\\' && *form)
			letter = *form++;
		if (text_is_digit((uint8_t)letter))
			out->sort = IS_DIGITS;
		else if (text_is_letter((uint8_t)letter))
			out->sort = IS_LETTERS;
	} else if (letter != '-') {
		out->sort = letter == 'd' ? IS_DIGITS : letter == 'a' ? IS_LETTERS : IS_BOTH;
		if (*form == '{') {
			char *end;

			out->least = out->most = (unsigned)strtoul(form + 1, &end, 10);
			if (*end == ',')
				out->most = (unsigned)strtoul(end + 1, &end, 10);
			form = *end == '}' ? end + 1 : end;
		}
	}
	return form;
}

static void widen(struct shape *shape, unsigned run, unsigned least, unsigned most)
{
	uint8_t low = (uint8_t)BL_MIN(least, (unsigned)RUN_LIMIT);

	shape->least[run] = shape->most[run] ? BL_MIN(shape->least[run], low) : low;
	shape->most[run] =
		(uint8_t)BL_MAX((unsigned)shape->most[run], BL_MIN(most, (unsigned)RUN_LIMIT));
}

static uint32_t lengths(unsigned least, unsigned most)
{
	uint32_t bits = 0;

	for (unsigned i = BL_MIN(least, WORD_LIMIT); i <= BL_MIN(most, WORD_LIMIT); i++)
		bits |= UINT32_C(1) << i;
	return bits;
}

static uint32_t second_words(const char *form)
{
	unsigned least = 0, most = 0;
	uint32_t bits = 0;
	struct element element = {IS_GAP, 0, 0};

	while (*form && *form != '|' && element.sort != IS_OTHER) {
		form = read_element(form, &element);
		if (element.sort == IS_OTHER || element.sort == IS_GAP) {
			bits |= lengths(least, most);
			continue;
		}
		least += element.least;
		most += element.most;
	}
	return element.sort == IS_OTHER ? bits : bits | lengths(least, most);
}

static enum sign sign_of(uint8_t byte)
{
	switch (byte) {
	case ' ':
		return SIGN_SPACE;
	case '-':
		return SIGN_DASH;
	case '.':
		return SIGN_DOT;
	case '/':
		return SIGN_SLASH;
	default:
		return byte < 0x80 ? SIGN_OTHER : SIGN_UNKNOWN;
	}
}

/* A first word of such lengths, and behind it the element that was read from @form. */
static void add_first(struct shape *shape, uint32_t words, const char *form, const char *end)
{
	bool is_any = *form == '-' || *form == '_';

	for (unsigned sign = SIGN_UNKNOWN; sign < SIGN_COUNT; sign++)
		if (sign == SIGN_UNKNOWN || (is_any && sign != SIGN_OTHER) ||
		    (!is_any && sign == sign_of((uint8_t)end[-1])))
			shape->goes_on[sign] |= words;
}

/* How long the words may be that a form begins with. All '_' are there, or none is. */
static void add_words(struct shape *shape, const char *form)
{
	unsigned least = 0, most = 0;

	while (*form && *form != '|') {
		struct element element;
		const char *end = read_element(form, &element);

		if (element.sort == IS_OTHER || element.sort == IS_GAP) {
			add_first(shape, lengths(least, most), form, end);
			shape->seconds |= second_words(end);
			if (element.sort == IS_OTHER)
				return;
		} else {
			least += element.least;
			most += element.most;
		}
		form = end;
	}
	shape->ends |= lengths(least, most);
}

/* What a form may begin with; where it ends. */
static const char *add_form(struct shape *shape, const char *form)
{
	struct element element = {IS_OTHER, 0, 0};
	unsigned least = 0, most = 0, run, before = 0;
	bool has_gap = false, is_over = false, has_digit = false, has_any = false;
	const char *at = *form && *form != '|' ? read_element(form, &element) : form;

	add_words(shape, form);

	if (element.sort != IS_DIGITS && element.sort != IS_LETTERS) {
		shape->is_other |= element.sort == IS_OTHER || element.sort == IS_GAP;
		if (element.sort != IS_OTHER) {
			widen(shape, DIGITS, 1, RUN_LIMIT);
			widen(shape, LETTERS, 1, RUN_LIMIT);
		}
		is_over = true;
	}
	run = element.sort == IS_LETTERS ? LETTERS : DIGITS;
	for (at = form; *at && *at != '|';) {
		at = read_element(at, &element);
		has_any |= element.sort == IS_DIGITS && element.least;
		has_digit |= element.sort == IS_DIGITS && element.least && before < DIGIT_WITHIN;
		before +=
			element.most * (element.sort == IS_GAP || element.sort == IS_OTHER ? 3 : 1);
		if (is_over)
			continue;
		if (element.sort == IS_GAP) {
			has_gap = true;
		} else if (element.sort == (run == DIGITS ? IS_DIGITS : IS_LETTERS)) {
			least += has_gap ? 0 : element.least;
			most += element.most;
		} else {
			if (element.sort == IS_BOTH)
				most = RUN_LIMIT;
			widen(shape, run, least ? least : 1, most);
			is_over = true;
		}
	}
	if (!is_over)
		widen(shape, run, least ? least : 1, most);
	shape->may_lack_digits |= !has_digit;
	shape->may_have_none |= !has_any;
	return at + (*at == '|');
}

static void make_shape(const struct kind *kind, struct shape *out)
{
	*out = (struct shape){0};
	for (const char *form = kind->forms; form && *form;)
		form = add_form(out, form);
	if (kind->match) {
		out->is_other = true;
		out->seconds = ANY_WORD;
		if (kind->forms)
			return;
		out->may_lack_digits = out->may_have_none = true;
		widen(out, DIGITS, 1, RUN_LIMIT);
		widen(out, LETTERS, 1, RUN_LIMIT);
		out->ends = ANY_WORD;
	}
}

static bool fits(const struct shape *shape, unsigned run, unsigned length)
{
	return length >= shape->least[run] && length <= shape->most[run];
}

/* ---- building ------------------------------------------------------------------------------------- */

/* Names and addresses are never written in lower case alone. */
static bool needs_sign(const struct row *self)
{
	return !self->shape.may_have_none || self->kind->class == CLASS_NAME ||
	       self->kind->class == CLASS_ADDRESS;
}

static enum bl_status add_labels(struct words *words, const struct row *self, size_t row)
{
	const struct kind *kind = self->kind;
	struct word_meaning meaning = {.sort = MEANS_LABEL,
				       .row = (uint16_t)row,
				       .needs_digit = !self->shape.may_lack_digits,
				       .needs_sign = needs_sign(self)};
	enum bl_status status = words_add_list(words, kind->labels, '|', &meaning);

	meaning.is_after = true;
	return status == BL_OK ? words_add_list(words, kind->after, '|', &meaning) : status;
}

static void add_lengths(uint64_t masks[WORD_LIMIT + 1], uint32_t words, uint64_t bit)
{
	for (unsigned length = 0; length <= WORD_LIMIT; length++)
		masks[length] |= words >> length & 1 ? bit : 0;
}

static bool add_sure(struct sure *self, size_t row, const struct shape *shape)
{
	uint64_t bit;

	if (self->count == SURE_LIMIT)
		return false;
	bit = UINT64_C(1) << self->count;
	self->rows[self->count++] = (uint16_t)row;
	for (unsigned run = 0; run < 2; run++)
		for (unsigned length = 1; length <= RUN_LIMIT; length++)
			self->runs[run][length] |= fits(shape, run, length) ? bit : 0;
	add_lengths(self->ends, shape->ends, bit);
	add_lengths(self->seconds, shape->seconds, bit);
	for (unsigned sign = 0; sign < SIGN_COUNT; sign++)
		add_lengths(self->goes_on[sign], shape->goes_on[sign], bit);
	return true;
}

static enum bl_status add_row(struct rows *self, const struct kind *kind, struct words *words)
{
	struct row *row = &self->rows[self->count];

	row->kind = kind;
	make_shape(kind, &row->shape);
	self->count++;
	if (kind->trust == KIND_LABELLED)
		return add_labels(words, row, self->count - 1);
	return add_sure(&self->sure, self->count - 1, &row->shape) ? BL_OK : BL_UNSUPPORTED;
}

enum bl_status rows_new(bl_classes classes, struct words *words, struct rows **out)
{
	BL_CLEANUP(rows_free) struct rows *self = calloc(1, sizeof(*self));
	enum bl_status status = BL_OK;
	size_t room = 0;

	for (size_t i = 0; i < kind_table_count; i++)
		room += kind_tables[i]->count;
	if (self)
		self->rows = calloc(room + 1, sizeof(*self->rows));
	if (!self || !self->rows)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < kind_table_count; i++)
		for (size_t k = 0; k < kind_tables[i]->count && status == BL_OK; k++) {
			const struct kind *kind = &kind_tables[i]->rows[k];

			if (!(classes & CLASS_BIT(kind->class)))
				continue;
			status = add_row(self, kind, words);
		}
	if (status == BL_OK)
		*out = BL_TAKE(self);
	return status;
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	free(rows->rows);
	free(rows);
}

/* The length of the word of which @length bytes end at @at. */
static unsigned word_from(const struct text *text, size_t at, unsigned length)
{
	while (length < WORD_LIMIT && at < text->length && text_is_alnum(text->bytes[at])) {
		length++;
		at++;
	}
	return length;
}

/* ---- sure ones ------------------------------------------------------------------------------------ */

static unsigned digits_from(const struct text *text, size_t at)
{
	unsigned count = 0;

	while (count < RUN_LIMIT && at + count < text->length &&
	       text_is_digit(text->bytes[at + count]))
		count++;
	return count;
}

static unsigned letters_from(const struct text *text, size_t at)
{
	unsigned count = 0;

	while (count < RUN_LIMIT && at + count < text->length &&
	       text_is_letter(text->bytes[at + count]))
		count++;
	return count;
}

/* What stands at a place: the run it begins with, the words, as long as they are, and what is between. */
struct standing {
	unsigned run, length; /* DIGITS or LETTERS; 0: neither */
	unsigned first, second;
	enum sign sign; /* SIGN_UNKNOWN: nothing is known of the second word either */
};

static void read_standing(const struct region *region, size_t place, struct standing *out)
{
	const struct anchors *anchors = region->anchors;
	uint64_t words = anchors_bits(anchors->word, place);
	uint64_t digits = anchors_bits(anchors->digit, place);
	size_t behind;

	out->run = digits & 1 ? DIGITS : LETTERS;
	out->length = bits_run(digits & 1 ? digits : words & ~digits);
	out->length = BL_MIN(out->length, (unsigned)RUN_LIMIT);
	out->first = BL_MIN(bits_run(words), WORD_LIMIT);
	out->second = 0;
	out->sign = SIGN_OTHER;
	behind = region->start + place + out->first;
	if (out->first == WORD_LIMIT)
		out->sign = SIGN_UNKNOWN;
	else if (behind < region->text->length)
		out->sign = sign_of(region->text->bytes[behind]);
	if (out->sign != SIGN_UNKNOWN) {
		out->second = bits_run(anchors_bits(anchors->word, place + out->first + 1));
		out->second = BL_MIN(out->second, WORD_LIMIT);
	}
}

void rows_sure_at(const struct rows *rows, const struct region *region, size_t place,
		  struct sink *sink)
{
	const struct sure *sure = &rows->sure;
	struct standing standing;
	uint64_t left;

	read_standing(region, place, &standing);
	left = sure->goes_on[standing.sign][standing.first];
	if (standing.sign != SIGN_UNKNOWN)
		left &= sure->seconds[standing.second];
	left = (left | sure->ends[standing.first]) & sure->runs[standing.run][standing.length];
	for (; left; left &= left - 1) {
		const struct row *row = &rows->rows[sure->rows[__builtin_ctzll(left)]];
		size_t at = region->start + place, end = kind_end(row->kind, region->text, at);

		if (end > at)
			sink_add(sink, at, end, (enum bl_class)row->kind->class, true);
	}
}

/* ---- labelled ones -------------------------------------------------------------------------------- */

/* Where a value may begin, and the run that stands there. */
struct place {
	size_t at;
	uint8_t digits, letters;
};

static bool is_head(uint8_t byte)
{
	return (byte & 0xc0) != 0x80;
}

/* ':' '=' '"' '\'' '`' ',' ';' '>': joints between a label and its value; a value is none of them. */
static bool is_joint(uint8_t byte)
{
	static const uint64_t bits[2] = {UINT64_C(0x6c00108400000000),
					 UINT64_C(0x0000000100000000)};

	return bits[byte >> 6 & 1] >> (byte & 63) & 1;
}

/* May a value begin here? */
static bool is_place(const struct text *text, size_t at)
{
	uint8_t byte = text->bytes[at], before = at ? text->bytes[at - 1] : ' ';

	if (byte <= ' ' || byte == 0x7f || !is_head(byte))
		return false;
	if (byte < 0x80 && !text_is_alnum(byte))
		return !is_joint(byte);
	/* The middle of a word, unless an escape ends there. */
	if (text_is_alnum(before) && !(at >= 2 && text->bytes[at - 2] == '\\') &&
	    !(at >= 6 && text->bytes[at - 6] == '\\'))
		return false;
	return (before < 0x80 && !text_is_alnum(before)) || text_starts_word(text, at);
}

static void set_place(const struct text *text, size_t at, struct place *out)
{
	out->at = at;
	out->digits = out->letters = 0;
	if (text_is_digit(text->bytes[at]))
		out->digits = (uint8_t)digits_from(text, at);
	else if (text_is_letter(text->bytes[at]))
		out->letters = (uint8_t)letters_from(text, at);
}

/* How far the next place may be at least: none begins within a word, but behind an escape ("\nName"). */
static size_t step_from(const struct text *text, size_t at)
{
	if (!text_is_alnum(text->bytes[at]) || (at && text->bytes[at - 1] == '\\'))
		return 1;
	return word_from(text, at, 0);
}

/* The places behind a label that ends at @at: on its line, or, when nothing follows there, the first of the next. */
static size_t find_places(const struct text *text, size_t at, struct place *out)
{
	size_t count = 0;
	unsigned lines = 0;

	for (size_t characters = 0, step; at < text->length && count < PLACE_LIMIT; at += step) {
		uint8_t byte = text->bytes[at];

		step = step_from(text, at);
		characters += is_head(byte);
		if (characters > LABEL_REACH + 1)
			break;
		characters += step - 1;
		if (byte == '\n' && (count || ++lines > 1))
			break;
		if (!is_place(text, at))
			continue;
		set_place(text, at, &out[count++]);
		if (lines && (text_is_alnum(byte) || byte >= 0x80))
			break;
	}
	return count;
}

static bool fits_place(const struct row *row, const struct place *place)
{
	if (place->digits)
		return fits(&row->shape, DIGITS, place->digits);
	if (place->letters)
		return fits(&row->shape, LETTERS, place->letters);
	return row->shape.is_other;
}

/* Where the next of several values would begin: "A, B and C". @end when nothing like that follows. */
static size_t next_in_chain(const struct text *text, size_t end)
{
	size_t at = end, limit = BL_MIN(text->length, end + 4), word;

	while (at < limit && memchr(" ,;/&|+", text->bytes[at], 7))
		at++;
	if (at == end)
		return end;
	for (word = at; word < text->length && word - at < 5 && text_is_letter(text->bytes[word]);)
		word++;
	/* and, und, et, y, or, oder, ou */
	return word > at && word - at < 5 && word < text->length && text->bytes[word] == ' '
		       ? word + 1
		       : at;
}

static size_t add_chain(const struct row *row, const struct text *text, size_t label, size_t end,
			struct sink *sink)
{
	const struct kind *kind = row->kind;

	/* What is behind a password is hardly another one. */
	if (kind->class == CLASS_PASSWORD || kind->class == CLASS_SECRET)
		return end;
	for (;;) {
		size_t at = next_in_chain(text, end), stop;
		struct place place;

		if (at == end || at >= text->length || at - label > CHAIN_LIMIT ||
		    !is_place(text, at))
			return end;
		set_place(text, at, &place);
		stop = fits_place(row, &place) ? kind_end(kind, text, at) : at;
		if (stop == at)
			return end;
		sink_add(sink, at, stop, (enum bl_class)kind->class, false);
		end = stop;
	}
}

static void find_behind(const struct row *row, const struct text *text, size_t label,
			const struct place *places, size_t count, struct sink *sink)
{
	size_t until = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = places[i].at, end;

		if (at < until || at - label > CHAIN_LIMIT || !fits_place(row, &places[i]))
			continue;
		end = kind_end(row->kind, text, at);
		if (end == at)
			continue;
		sink_add(sink, at, end, (enum bl_class)row->kind->class, false);
		until = add_chain(row, text, label, end, sink);
		/* A match takes many things for a value: only the first is one. */
		if (row->kind->match)
			return;
	}
}

/* The value in front of a label that begins at @label. */
static void find_before(const struct row *row, const struct text *text, size_t label,
			struct sink *sink)
{
	size_t from = label - BL_MIN(label, (size_t)BACK_LIMIT);

	for (size_t i = label; i > from; i--)
		if (text->bytes[i - 1] == '\n')
			from = i;
	for (size_t at = from; at < label; at++) {
		struct place place;
		size_t end, characters = 0;

		if (!is_place(text, at))
			continue;
		set_place(text, at, &place);
		end = fits_place(row, &place) ? kind_end(row->kind, text, at) : at;
		if (end == at || end > label)
			continue;
		for (size_t i = end; i < label; i++)
			characters += is_head(text->bytes[i]);
		if (characters <= LABEL_AFTER)
			sink_add(sink, at, end, (enum bl_class)row->kind->class, false);
		at = end - 1;
	}
}

void rows_labelled(const struct rows *rows, const struct words *words, const struct text *text,
		   size_t start, const struct word_found *label, bool is_digit_near,
		   struct sink *sink)
{
	struct place places[PLACE_LIMIT];
	size_t count = SIZE_MAX;

	for (const struct word_label *at = words_label(words, label->labels); at;
	     at = words_label(words, at->next)) {
		const struct row *row = &rows->rows[at->row];

		if (at->is_after) {
			find_before(row, text, start, sink);
			continue;
		}
		if (!is_digit_near && !row->shape.may_lack_digits)
			continue;
		if (count == SIZE_MAX)
			count = find_places(text, label->end, places);
		find_behind(row, text, start, places, count, sink);
	}
}
