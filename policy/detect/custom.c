/* Classes of a policy's own: patterns compiled by libvectorscan, matches as runs of bytes (its manual: "Compiling
 * Patterns", "Start of Match", "Scratch Space") */
#include "policy/detect/parts.h"

#include <hs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A match begins where the leftmost one of its end begins: together they cover every match. UTF8: what matches is whole
 * characters, so that masks keep UTF-8. Neither case nor the words of other alphabets: \w is [A-Za-z0-9_], as written.
 */
#define FLAGS	    (HS_FLAG_SOM_LEFTMOST | HS_FLAG_UTF8)
#define SET_WEIGHT  512
#define UNEVEN	    40 /* weight of matches that differ in length, measured */
#define COUNT_LIMIT (CLASS_LIMIT - CLASS_COUNT)
#define POOL_SLOTS  64
#define PIECE	    256u	/* of a run that is longer than a span may be */
#define CONTEXT	    (2 * PIECE) /* bytes in which such a run is seen to be one */

_Static_assert(2 * DETECT_CUSTOM_WIDTH <= CONTEXT, "matches at the margins are seen whole");
_Static_assert(CONTEXT + PIECE < SCAN_SLACK, "runs at the margins are seen whole");
_Static_assert(DETECT_WINDOW % PIECE == 0 && 2 * PIECE <= SPAN_LIMIT, "pieces lie on the grid");

/* What one scan needs to itself. */
struct slot {
	hs_scratch_t *scratch;
	uint8_t copy[SCAN_REGION]; /* a text in which something reads otherwise */
	uint64_t bits[];	   /* SCAN_WORDS per class: bytes that some match covers */
};

/* The part of a set that changes. */
struct live {
	atomic_uint refs;
	_Atomic(struct slot *) idle[POOL_SLOTS];
};

struct detect_custom {
	struct live *live;
	struct detect_pattern *patterns; /* sorted by class; texts owned */
	size_t count;
	uint8_t rows[CLASS_LIMIT]; /* class of each row of bits */
	unsigned row_count;
	bl_classes classes;
	bool has_boundaries;	 /* some pattern says \b or \B */
	hs_database_t *database; /* NULL when there are no patterns */
	hs_scratch_t *model;	 /* cloned, never scanned with */
};

/* ---- slots ------------------------------------------------------------------------------------- */

static void slot_free(struct slot *slot)
{
	if (!slot)
		return;
	hs_free_scratch(slot->scratch);
	free(slot);
}

static struct slot *slot_new(const struct detect_custom *custom)
{
	struct slot *slot =
		malloc(sizeof(*slot) + custom->row_count * SCAN_WORDS * sizeof(slot->bits[0]));

	if (!slot)
		return NULL;
	slot->scratch = NULL;
	if (hs_clone_scratch(custom->model, &slot->scratch) != HS_SUCCESS) {
		free(slot);
		return NULL;
	}
	return slot;
}

/* One that lies idle, or a new one: as many as ever scan at once, so reads soon allocate nothing. */
static struct slot *slot_take(const struct detect_custom *custom)
{
	for (size_t i = 0; i < POOL_SLOTS; i++) {
		_Atomic(struct slot *) *idle = &custom->live->idle[i];

		if (!atomic_load_explicit(idle, memory_order_relaxed))
			continue;

		struct slot *slot = atomic_exchange(idle, NULL);

		if (slot)
			return slot;
	}
	return slot_new(custom);
}

static void slot_give(const struct detect_custom *custom, struct slot *slot)
{
	for (size_t i = 0; i < POOL_SLOTS; i++) {
		struct slot *none = NULL;

		if (atomic_compare_exchange_strong(&custom->live->idle[i], &none, slot))
			return;
	}
	slot_free(slot);
}

/* ---- the set ----------------------------------------------------------------------------------- */

struct detect_custom *detect_custom_ref(const struct detect_custom *custom)
{
	if (custom)
		atomic_fetch_add(&custom->live->refs, 1);
	return (struct detect_custom *)custom;
}

static void custom_free(struct detect_custom *custom)
{
	for (size_t i = 0; custom->live && i < POOL_SLOTS; i++)
		slot_free(custom->live->idle[i]);
	free(custom->live);
	for (size_t i = 0; i < custom->count; i++)
		free((char *)custom->patterns[i].pattern);
	free(custom->patterns);
	hs_free_scratch(custom->model);
	hs_free_database(custom->database);
	free(custom);
}

void detect_custom_unref(struct detect_custom *custom)
{
	if (custom && (!custom->live || atomic_fetch_sub(&custom->live->refs, 1) == 1))
		custom_free(custom);
}

/* The library's words in our manner: "Unterminated character class at index 3." */
static enum bl_status fail_compile(hs_compile_error_t *error, struct bl_error *why)
{
	char words[256] = "it gives no reason";

	if (error && error->message)
		snprintf(words, sizeof(words), "%s", error->message);
	hs_free_compile_error(error);
	words[0] = (char)text_lower((uint8_t)words[0]);
	if (words[0] && words[strlen(words) - 1] == '.')
		words[strlen(words) - 1] = '\0';
	if (strstr(words, "allocate memory"))
		return bl_fail(why, BL_NO_MEMORY, "no memory for patterns");
	if (strstr(words, "too large"))
		return bl_fail(
			why, BL_INVALID,
			"is too large for the matcher: write smaller bounds, narrower classes "
			"than ., or fewer choices");
	return bl_fail(why, BL_INVALID, "is not taken by the matcher: %s", words);
}

static enum bl_status check_width(const char *pattern, bool *out_is_even, struct bl_error *why)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;

	if (hs_expression_info(pattern, FLAGS, &info, &error) != HS_SUCCESS)
		return fail_compile(error, why);

	unsigned least = info->min_width, most = info->max_width;

	free(info);
	if (least < 1)
		return bl_fail(why, BL_INVALID,
			       "can match nothing at all: write at least one character that must "
			       "be there");
	if (most > DETECT_CUSTOM_WIDTH)
		return bl_fail(why, BL_INVALID,
			       "can match more than %d bytes (a character has up to 4): write "
			       "smaller bounds",
			       DETECT_CUSTOM_WIDTH);
	*out_is_even = least == most;
	return BL_OK;
}

static enum bl_status check_platform(struct bl_error *why)
{
	if (hs_valid_platform() != HS_SUCCESS)
		return bl_fail(
			why, BL_UNSUPPORTED,
			"classes of detect.custom cannot be looked for on this processor: the "
			"matcher does not run here (x86 needs SSSE3)");
	return BL_OK;
}

static enum bl_status check_one(const char *pattern, unsigned *out_weight, struct bl_error *why)
{
	enum bl_status status = pattern_check(pattern, out_weight, why);
	bool is_even = false;

	if (status == BL_OK)
		status = check_width(pattern, &is_even, why);
	if (!is_even)
		*out_weight += UNEVEN;
	return status;
}

enum bl_status detect_custom_check(const char *pattern, struct bl_error *why)
{
	enum bl_status status = check_platform(why);
	unsigned weight = 0;

	return status == BL_OK ? check_one(pattern, &weight, why) : status;
}

/* Each by itself, before anything costly. */
static enum bl_status check_all(const struct detect_pattern *patterns, size_t count,
				size_t *out_bad, struct bl_error *why)
{
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++) {
		unsigned weight = 0;

		*out_bad = i;
		if (i >= COUNT_LIMIT || patterns[i].class < CLASS_COUNT ||
		    patterns[i].class >= CLASS_LIMIT)
			return bl_fail(why, BL_INVALID, "is one class too many: at most %d",
				       COUNT_LIMIT);

		enum bl_status status = check_one(patterns[i].pattern, &weight, why);

		if (status != BL_OK)
			return status;
		sum += weight;
		if (sum > SET_WEIGHT)
			return bl_fail(
				why, BL_INVALID,
				"is one too many: all patterns together are too large, write "
				"smaller bounds");
	}
	return BL_OK;
}

/* Copies, in order of class, so that two sets can be compared. */
static bool copy_all(struct detect_custom *custom, const struct detect_pattern *patterns,
		     size_t count)
{
	custom->patterns = calloc(count + 1, sizeof(*custom->patterns));
	if (!custom->patterns)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t at = custom->count;
		char *copy = strdup(patterns[i].pattern);

		if (!copy)
			return false;
		for (; at > 0 && custom->patterns[at - 1].class > patterns[i].class; at--)
			custom->patterns[at] = custom->patterns[at - 1];
		custom->patterns[at] = (struct detect_pattern){copy, patterns[i].class};
		custom->count++;
	}
	return true;
}

/* @out_bad: which of custom->patterns. */
static enum bl_status compile(struct detect_custom *custom, size_t *out_bad, struct bl_error *why)
{
	const char *texts[COUNT_LIMIT];
	unsigned flags[COUNT_LIMIT], ids[COUNT_LIMIT];
	hs_compile_error_t *error = NULL;

	for (size_t i = 0; i < custom->count; i++) {
		uint8_t class = custom->patterns[i].class;

		if (i == 0 || class != custom->patterns[i - 1].class)
			custom->rows[custom->row_count++] = class;
		custom->classes |= CLASS_BIT(class);
		custom->has_boundaries |= strstr(custom->patterns[i].pattern, "\\b") ||
					  strstr(custom->patterns[i].pattern, "\\B");
		texts[i] = custom->patterns[i].pattern;
		flags[i] = FLAGS;
		ids[i] = custom->row_count - 1;
	}
	if (custom->count == 0)
		return BL_OK;
	if (hs_compile_multi(texts, flags, ids, (unsigned)custom->count, HS_MODE_BLOCK, NULL,
			     &custom->database, &error) != HS_SUCCESS) {
		*out_bad = error && error->expression > 0 ? (size_t)error->expression : 0;
		return fail_compile(error, why);
	}
	if (hs_alloc_scratch(custom->database, &custom->model) != HS_SUCCESS)
		return bl_fail(why, BL_NO_MEMORY, "no memory for patterns");
	custom->live->idle[0] = slot_new(custom);
	return custom->live->idle[0] ? BL_OK : bl_fail(why, BL_NO_MEMORY, "no memory for patterns");
}

static enum bl_status custom_new(const struct detect_pattern *patterns, size_t count,
				 struct detect_custom **out_custom, size_t *out_bad,
				 struct bl_error *why)
{
	BL_CLEANUP(detect_custom_unref) struct detect_custom *custom = calloc(1, sizeof(*custom));

	if (custom)
		custom->live = calloc(1, sizeof(*custom->live));
	if (!custom || !custom->live)
		return bl_fail(why, BL_NO_MEMORY, "no memory for patterns");
	custom->live->refs = 1;
	if (!copy_all(custom, patterns, count))
		return bl_fail(why, BL_NO_MEMORY, "no memory for patterns");

	size_t bad = 0;
	enum bl_status status = compile(custom, &bad, why);

	if (status != BL_OK) {
		for (size_t i = 0; i < count; i++)
			if (strcmp(patterns[i].pattern, custom->patterns[bad].pattern) == 0)
				*out_bad = i;
		return status;
	}
	*out_custom = BL_TAKE(custom);
	return BL_OK;
}

enum bl_status detect_custom_new(const struct detect_pattern *patterns, size_t count,
				 struct detect_custom **out_custom, size_t *out_bad,
				 struct bl_error *why)
{
	size_t bad = 0;
	enum bl_status status = check_platform(why);

	if (status == BL_OK)
		status = check_all(patterns, count, &bad, why);
	if (status == BL_OK)
		status = custom_new(patterns, count, out_custom, &bad, why);
	if (status == BL_INVALID)
		*out_bad = bad;
	return status;
}

bl_classes custom_classes(const struct detect_custom *custom)
{
	return custom ? custom->classes : 0;
}

const struct detect_pattern *detect_custom_pattern(const struct detect_custom *custom, size_t index)
{
	return custom && index < custom->count ? &custom->patterns[index] : NULL;
}

bool detect_custom_same(const struct detect_custom *a, const struct detect_custom *b)
{
	size_t count = a ? a->count : 0;

	if (count != (b ? b->count : 0))
		return false;
	for (size_t i = 0; i < count; i++)
		if (a->patterns[i].class != b->patterns[i].class ||
		    strcmp(a->patterns[i].pattern, b->patterns[i].pattern) != 0)
			return false;
	return true;
}

/* ---- matching ---------------------------------------------------------------------------------- */

static int mark_match(unsigned row, unsigned long long from, unsigned long long to,
		      unsigned flags BL_UNUSED, void *context)
{
	uint64_t *bits = (uint64_t *)context + row * SCAN_WORDS;

	while (from < to) {
		unsigned bit = (unsigned)(from % 64);
		unsigned count = (unsigned)BL_MIN(to - from, 64u - bit);

		bits[from / 64] |= (count == 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1) << bit;
		from += count;
	}
	return 0;
}

/* Where bits that are @is_set begin at or after @at; @length when nowhere. */
static size_t next_bit(const uint64_t *bits, size_t at, size_t length, bool is_set)
{
	while (at < length) {
		uint64_t word = (is_set ? bits[at / 64] : ~bits[at / 64]) >> (at % 64);

		if (word)
			return BL_MIN(length, at + (size_t)__builtin_ctzll(word));
		at = (at / 64 + 1) * 64;
	}
	return length;
}

/*
 * Matches that touch are one span: how many there are and in which order does not matter. A run longer than a span may
 * be is cut on the file's own grid, so that all windows cut alike; its pieces overlap and so are masked as one.
 */
static void add_run(struct sink *sink, size_t start, size_t end, enum bl_class class)
{
	if (end - start <= SPAN_LIMIT) {
		sink_add(sink, start, end, class, true);
		return;
	}
	for (size_t at = start; at < end;) {
		size_t cut = BL_MIN(end, at + PIECE - (sink->phase + at) % PIECE);

		sink_add(sink, at, BL_MIN(end, cut + 1), class, true);
		at = cut;
	}
}

static void add_runs(const struct detect_custom *custom, const struct slot *slot, size_t start,
		     size_t length, struct sink *sink)
{
	for (unsigned row = 0; row < custom->row_count; row++) {
		const uint64_t *bits = slot->bits + row * SCAN_WORDS;
		size_t at = 0;

		while ((at = next_bit(bits, at, length, true)) < length) {
			size_t end = next_bit(bits, at, length, false);

			add_run(sink, start + at, start + end, (enum bl_class)custom->rows[row]);
			at = end;
		}
	}
}

static void slot_clear(const struct detect_custom *custom, struct slot *slot, size_t length)
{
	for (unsigned row = 0; row < custom->row_count; row++)
		memset(slot->bits + row * SCAN_WORDS, 0, (length / 64 + 1) * sizeof(slot->bits[0]));
}

static bool slot_match(const struct detect_custom *custom, struct slot *slot, const uint8_t *bytes,
		       size_t length)
{
	return hs_scan(custom->database, (const char *)bytes, (unsigned)length, 0, slot->scratch,
		       mark_match, slot->bits) == HS_SUCCESS;
}

/* The matcher wants whole UTF-8. What is none matches nothing, so a text may end there; the windows there are refused. */
static size_t valid_from(const struct text *text, size_t from)
{
	size_t at = from - BL_MIN(from, (size_t)CONTEXT), good = at;

	while (at < from) {
		int32_t code;

		at += text_next(text, at, &code);
		if (code < 0)
			good = at;
	}
	return good;
}

static size_t valid_to(const struct text *text, size_t from, size_t to)
{
	size_t limit = BL_MIN(text->length, to + CONTEXT), at = to - BL_MIN(to - from, 4u);

	while (at < to && (text->bytes[at] & 0xc0) == 0x80)
		at++;
	while (at < limit) {
		int32_t code;
		size_t length = text_next(text, at, &code);

		if (code < 0)
			break;
		at += length;
	}
	return at;
}

/*
 * In the strings of JSON and programs a word begins behind "\\n" and the like, whose letter would look like a part of it.
 * Copies the text with gaps in the place of such letters; false when there are none.
 */
static bool copy_escapes(const struct text *text, size_t start, size_t length, uint8_t *out)
{
	const uint8_t *from = text->bytes + start, *at = from;
	bool is_any = false;

	while ((at = memchr(at, '\\', length - (size_t)(at - from)))) {
		size_t size = at + 1 < from + length && at[1] == 'u' ? 6 : 2;
		size_t end = (size_t)(at - from) + size;

		if (end < length && text_is_alnum(from[end]) &&
		    text_follows_escape(text, start + end)) {
			if (!is_any)
				memcpy(out, from, length);
			is_any = true;
			memset(out + end - size + 1, ' ', size - 1);
		}
		at++;
	}
	return is_any;
}

void custom_scan(const struct detect_custom *custom, const struct text *text, struct sink *sink)
{
	if (!(custom_classes(custom) & sink->classes))
		return;

	size_t start = valid_from(text, sink->from);
	size_t length = valid_to(text, BL_MAX(sink->from, start), sink->to) - start;
	struct slot *slot = slot_take(custom);

	if (!slot) {
		sink->has_failed = true;
		return;
	}
	slot_clear(custom, slot, length);
	bool is_done = slot_match(custom, slot, text->bytes + start, length);

	if (is_done && custom->has_boundaries && copy_escapes(text, start, length, slot->copy))
		is_done = slot_match(custom, slot, slot->copy, length);
	if (custom->has_boundaries)
		explicit_bzero(slot->copy, length);
	if (is_done)
		add_runs(custom, slot, start, length, sink);
	else
		sink->has_failed = true;
	slot_give(custom, slot);
}

/* A name as the matcher wants it: no byte that is not UTF-8; '_' is a gap where @is_gap. */
static void copy_name(const struct text *text, bool is_gap, uint8_t *out)
{
	for (size_t at = 0; at < text->length;) {
		int32_t code;
		size_t length = text_next(text, at, &code);

		memcpy(out + at, text->bytes + at, length);
		if (code < 0 || (is_gap && code == '_'))
			out[at] = ' ';
		at += length;
	}
}

void custom_scan_name(const struct detect_custom *custom, const struct text *text,
		      struct sink *sink)
{
	if (!(custom_classes(custom) & sink->classes) || text->length == 0)
		return;

	struct slot *slot = slot_take(custom);
	bool is_done = slot;

	if (slot)
		slot_clear(custom, slot, text->length);
	for (unsigned pass = 0; is_done && pass < 2; pass++) {
		copy_name(text, pass == 1, slot->copy);
		is_done = slot_match(custom, slot, slot->copy, text->length);
		explicit_bzero(slot->copy, text->length);
	}
	if (is_done)
		add_runs(custom, slot, 0, text->length, sink);
	else
		sink->has_failed = true;
	if (slot)
		slot_give(custom, slot);
}

/* ---- examples ---------------------------------------------------------------------------------- */

struct whole {
	unsigned row;
	size_t length;
	bool is_found;
};

static int note_whole(unsigned row, unsigned long long from, unsigned long long to,
		      unsigned flags BL_UNUSED, void *context)
{
	struct whole *whole = context;

	/* The leftmost start of each end is told: this one when there is any from the very front. */
	if (row == whole->row && from == 0 && to == whole->length)
		whole->is_found = true;
	return 0;
}

bool detect_custom_finds(const struct detect_custom *custom, unsigned class, const char *text,
			 size_t length)
{
	struct whole whole = {.length = length};
	struct text bytes = {(const uint8_t *)text, length};

	if (class >= CLASS_LIMIT || !(custom->classes & CLASS_BIT(class)) || length == 0 ||
	    length > DETECT_CUSTOM_WIDTH || !text_is_whole(&bytes))
		return false;
	while (custom->rows[whole.row] != class)
		whole.row++;

	struct slot *slot = slot_take(custom);

	if (!slot)
		return false;
	if (hs_scan(custom->database, text, (unsigned)length, 0, slot->scratch, note_whole,
		    &whole) != HS_SUCCESS)
		whole.is_found = false;
	slot_give(custom, slot);
	return whole.is_found;
}
