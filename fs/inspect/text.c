/* Personal data among the bytes of one block: its text is gathered, looked through, and what is found is told by its place. */
#include "fs/inspect/private.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Room for any single run: a unit of UTF-16 becomes up to three bytes. */
#define LOOKED	      (INSPECT_BLOCK + 2 * INSPECT_CONTEXT)
#define ROOM	      (LOOKED / 2 * 3 + 64)
#define PATTERN_BYTES 4	 /* what repeats itself after so many at most... */
#define PATTERN_LEAST 64 /* ...for at least as long as this */
#define NEIGHBOUR     64 /* findings behind one that are compared with it */

/*
 * Between two runs: no detector joins what a control character parts, and a value at the edge of its run looks like one at the edge
 * of a text.
 */
static const uint8_t PARTING[] = {'\n', 1, '\n'};
#define PIECES (ROOM / (INSPECT_RUN + sizeof(PARTING)) + 2)

/* One run: [at, end) of what was gathered comes from the bytes at @from. */
struct piece {
	uint32_t at, end, from;
	uint32_t length; /* bytes there */
	uint8_t reading;
};

struct inspect_text {
	const struct detect_scanner *scanner;
	inspect_kinds_fn *kinds;
	struct inspect_runs runs;
	uint8_t *gathered;
	size_t used, most_used;
	struct piece *pieces;
	size_t piece_count;
	struct detect_spans spans;
	struct inspect_finding *items;
	size_t count, room;
};

enum bl_status inspect_text_new(const struct detect_scanner *scanner,
				struct inspect_text **out_text)
{
	BL_CLEANUP(inspect_text_free) struct inspect_text *text = calloc(1, sizeof(*text));

	if (!text || inspect_runs_init(&text->runs, LOOKED) != BL_OK)
		return BL_NO_MEMORY;
	text->scanner = scanner;
	text->kinds = inspect_kinds_has_avx2() ? inspect_kinds_avx2 : inspect_kinds_plain;
	text->gathered = malloc(ROOM);
	text->pieces = malloc(PIECES * sizeof(*text->pieces));
	if (!text->gathered || !text->pieces)
		return BL_NO_MEMORY;
	*out_text = BL_TAKE(text);
	return BL_OK;
}

void inspect_text_free(struct inspect_text *text)
{
	if (!text)
		return;
	if (text->gathered)
		sodium_memzero(text->gathered, text->most_used);
	inspect_runs_done(&text->runs);
	free(text->gathered);
	free(text->pieces);
	detect_spans_free(&text->spans);
	free(text->items);
	free(text);
}

/* ---- gathering ------------------------------------------------------------------------------------------ */

/* Characters whose bytes have the right shape and are none all the same: too long a form, half a pair, beyond the last. */
static bool is_no_character(const uint8_t *p)
{
	return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	       (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90);
}

/* Behind the ASCII from @at on; a few bytes less, or none. */
static size_t skip_ascii(const uint8_t *bytes, size_t at, size_t length)
{
	while (length - at >= 32) {
		uint64_t words[4];

		memcpy(words, bytes + at, sizeof(words));
		if ((words[0] | words[1] | words[2] | words[3]) & UINT64_C(0x8080808080808080))
			break;
		at += sizeof(words);
	}
	return at;
}

static void put_utf8(uint8_t *out, const uint8_t *bytes, size_t length)
{
	memcpy(out, bytes, length);
	for (size_t i = skip_ascii(out, 0, length); i + 2 < length;) {
		if (out[i] < 0x80) {
			i++;
			continue;
		}
		if (out[i] >= 0xe0 && is_no_character(out + i)) {
			size_t size = out[i] >= 0xf0 ? 4 : 3;

			memset(out + i, 1, size); /* as long, so that places stay what they are */
			i += size;
		} else {
			i++;
		}
		i = skip_ascii(out, i, length);
	}
}

static unsigned unit_at(const uint8_t *bytes, enum inspect_order order)
{
	return order == ORDER_LITTLE ? bytes[0] | (unsigned)bytes[1] << 8
				     : bytes[1] | (unsigned)bytes[0] << 8;
}

/* UTF-16 without pairs as UTF-8; how many bytes. @out_any: all bits of its units that say which group they are of. */
static size_t put_utf16(uint8_t *out, const uint8_t *bytes, size_t length, enum inspect_order order,
			bool *out_is_wide)
{
	size_t size = 0;

	*out_is_wide = false;
	for (size_t i = 0; i < length; i += 2) {
		unsigned unit = unit_at(bytes + i, order);

		if (unit < 0x80) {
			out[size++] = (uint8_t)unit;
		} else if (unit < 0x800) {
			out[size++] = (uint8_t)(0xc0 | unit >> 6);
			out[size++] = (uint8_t)(0x80 | (unit & 0x3f));
		} else {
			*out_is_wide |= unit >= 0x3000;
			out[size++] = (uint8_t)(0xe0 | unit >> 12);
			out[size++] = (uint8_t)(0x80 | (unit >> 6 & 0x3f));
			out[size++] = (uint8_t)(0x80 | (unit & 0x3f));
		}
	}
	return size;
}

static void add_run(struct inspect_text *text, const uint8_t *bytes, enum inspect_reading reading,
		    const struct inspect_run_of_text *run)
{
	enum inspect_order order = inspect_reading_order(reading);
	size_t length = run->to - run->from, at = text->used;
	bool is_wide = false;

	if (order == ORDER_UTF8)
		put_utf8(text->gathered + at, bytes + run->from, length);
	else
		length = put_utf16(text->gathered + at, bytes + run->from, length, order, &is_wide);
	text->most_used = BL_MAX(text->most_used, at + length + sizeof(PARTING));
	/* Without a character of the group itself it is the alphabets' too. */
	if (!is_wide && reading > READING_BIG)
		return;
	text->pieces[text->piece_count++] = (struct piece){
		.at = (uint32_t)at,
		.end = (uint32_t)(at + length),
		.from = (uint32_t)run->from,
		.length = (uint32_t)(run->to - run->from),
		.reading = (uint8_t)reading,
	};
	memcpy(text->gathered + at + length, PARTING, sizeof(PARTING));
	text->used = at + length + sizeof(PARTING);
}

/* ---- looking --------------------------------------------------------------------------------------------- */

/* Where spans, which come in order, are in the medium's bytes. */
struct cursor {
	const struct piece *piece, *end;
	uint32_t at;   /* in what was gathered, of this piece */
	uint32_t unit; /* units of UTF-16 before it */
};

static uint32_t units_between(const uint8_t *gathered, uint32_t from, uint32_t to)
{
	uint32_t units = 0;

	for (; from < to; from++)
		units += (gathered[from] & 0xc0) != 0x80;
	return units;
}

static bool add_finding(struct inspect_text *text, const struct inspect_finding *finding)
{
	if (text->count == text->room) {
		size_t room = text->room ? 2 * text->room : 256;
		struct inspect_finding *grown = realloc(text->items, room * sizeof(*grown));

		if (!grown)
			return false;
		text->items = grown;
		text->room = room;
	}
	text->items[text->count++] = *finding;
	return true;
}

/* Is some of @span in a run? Then that part of it, of the first such run, is told. */
static bool locate(const struct inspect_text *text, struct cursor *cursor,
		   const struct detect_span *span, struct inspect_finding *out)
{
	for (; cursor->piece < cursor->end && cursor->piece->end <= span->offset; cursor->piece++)
		cursor->at = cursor->unit = 0;
	if (cursor->piece == cursor->end)
		return false;

	const struct piece *piece = cursor->piece;
	uint32_t from = (uint32_t)BL_MAX(span->offset, (uint64_t)piece->at);
	uint32_t to = (uint32_t)BL_MIN(span->offset + span->length, (uint64_t)piece->end);

	if (from >= to)
		return false;
	*out = (struct inspect_finding){
		.class = span->class, .reading = piece->reading, .run = piece->length};
	if (piece->reading == READING_UTF8) {
		out->offset = piece->from + (from - piece->at);
		out->length = to - from;
		return true;
	}
	if (!cursor->at)
		cursor->at = piece->at;
	cursor->unit += units_between(text->gathered, cursor->at, from);
	cursor->at = from;
	out->offset = piece->from + 2 * (uint64_t)cursor->unit;
	out->length = 2 * units_between(text->gathered, from, to);
	return out->length > 0;
}

static enum bl_status scan_window(struct inspect_text *text, size_t at, uint64_t offset,
				  struct cursor *cursor)
{
	struct detect_window window = {
		.core = BL_MIN(text->used - at, (size_t)DETECT_WINDOW),
		.lead = BL_MIN(at, (size_t)DETECT_LEAD),
		.offset = at,
	};

	window.tail = BL_MIN(text->used - at - window.core, (size_t)DETECT_TAIL);
	window.bytes = text->gathered + at - window.lead;

	enum bl_status status = detect_scan(text->scanner, &window, &text->spans);

	for (size_t i = 0; status == BL_OK && i < text->spans.count; i++) {
		const struct detect_span *span = &text->spans.items[i];
		struct inspect_finding finding;

		if (span->offset < at || span->offset >= at + window.core ||
		    !locate(text, cursor, span, &finding))
			continue;
		finding.offset += offset;
		if (!add_finding(text, &finding))
			status = BL_NO_MEMORY;
	}
	return status;
}

/* What was gathered is looked through, and forgotten. */
static enum bl_status flush(struct inspect_text *text, uint64_t offset)
{
	struct cursor cursor = {text->pieces, text->pieces + text->piece_count, 0, 0};
	enum bl_status status = BL_OK;

	for (size_t at = 0; at < text->used && status == BL_OK; at += DETECT_WINDOW)
		status = scan_window(text, at, offset, &cursor);
	text->used = text->piece_count = 0;
	return status;
}

/* A wiping program's pattern, of a few bytes again and again: no value is like that, and looking through "@@@@" takes for ever. */
static bool is_pattern(const uint8_t *bytes, const struct inspect_run_of_text *run)
{
	size_t length = run->to - run->from;

	for (size_t k = 1; k <= PATTERN_BYTES && length >= PATTERN_LEAST; k++)
		if (memcmp(bytes + run->from, bytes + run->from + k, length - k) == 0)
			return true;
	return false;
}

static enum bl_status look_as(struct inspect_text *text, const uint8_t *bytes, uint64_t offset,
			      enum inspect_reading reading, unsigned parity)
{
	struct inspect_run_of_text run;
	enum bl_status status = BL_OK;
	size_t at = 0;

	while (status == BL_OK &&
	       inspect_runs_next(&text->runs, bytes, reading, parity, &at, &run)) {
		size_t length = run.to - run.from;
		size_t most = reading == READING_UTF8 ? length : length / 2 * 3;

		if (is_pattern(bytes, &run))
			continue;
		if (ROOM - text->used < most + sizeof(PARTING))
			status = flush(text, offset);
		if (status == BL_OK)
			add_run(text, bytes, reading, &run);
	}
	return status;
}

/* ---- each once --------------------------------------------------------------------------------------------- */

static int compare_findings(const void *left, const void *right)
{
	const struct inspect_finding *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->length != b->length)
		return a->length > b->length ? -1 : 1;
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	return a->reading < b->reading ? -1 : a->reading > b->reading;
}

/* They come sorted, but for what more than one reading found. */
static void sort_findings(struct inspect_finding *items, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (compare_findings(&items[i - 1], &items[i]) > 0) {
			qsort(items, count, sizeof(*items), compare_findings);
			return;
		}
}

/*
 * Text of one order is, one byte on, text of the other, less a letter at one end: the longer one is right, and among zeros, where
 * neither is, the usual one. What alphabets and other scripts share is read twice: as alphabets it has no chance neighbours.
 */
static bool is_better(const struct inspect_finding *a, const struct inspect_finding *b)
{
	/* READING_LITTLE and READING_BIG, then those of each group; UTF-8 has no twins. */
	unsigned group_a = (a->reading + 1u) / 2, group_b = (b->reading + 1u) / 2;

	if (group_a != group_b)
		return group_a < group_b;
	if (a->length != b->length)
		return a->length > b->length;
	return a->run != b->run ? a->run > b->run : a->reading < b->reading;
}

/* A value is one finding of its class: neither its other readings nor its parts, as the surname of a name, are more of them. */
static void drop_twins(struct inspect_finding *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t end = items[i].offset + items[i].length;

		for (size_t k = i + 1; k < count && k - i <= NEIGHBOUR && items[k].offset < end;
		     k++) {
			bool is_same = items[k].reading == items[i].reading;

			if (items[k].class != items[i].class)
				continue;
			if (!is_same)
				items[is_better(&items[i], &items[k]) ? k : i].is_dropped = true;
			else if (items[k].offset + items[k].length <= end)
				items[k].is_dropped = true;
		}
	}
}

/* A finding of any class that has a byte of a known identity in it is one. */
static void mark_identities(struct inspect_finding *items, size_t count)
{
	uint64_t until = 0, next = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		if (items[i].class == CLASS_CUSTOMER)
			until = BL_MAX(until, items[i].offset + items[i].length);
		items[i].is_identity = items[i].offset < until;
	}
	for (size_t i = count; i-- > 0;) {
		if (items[i].class == CLASS_CUSTOMER)
			next = items[i].offset;
		items[i].is_identity |= next < items[i].offset + items[i].length;
	}
}

static size_t keep(struct inspect_finding *items, size_t count, uint64_t from, uint64_t to)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!items[i].is_dropped && items[i].offset >= from && items[i].offset < to)
			items[kept++] = items[i];
	return kept;
}

enum bl_status inspect_text_look(struct inspect_text *text, const uint8_t *bytes, size_t length,
				 size_t from, size_t to, uint64_t offset,
				 const struct inspect_finding **out_items, size_t *out_count,
				 struct bl_error *why)
{
	enum bl_status status = BL_OK;

	text->count = text->used = text->piece_count = 0;
	inspect_runs_look(&text->runs, bytes, length, text->kinds);
	for (unsigned r = 0; r < READING_COUNT && status == BL_OK; r++)
		for (unsigned parity = 0; parity < (r == READING_UTF8 ? 1 : 2); parity++)
			if (status == BL_OK)
				status = look_as(text, bytes, offset, (enum inspect_reading)r,
						 parity);
	if (status == BL_OK)
		status = flush(text, offset);
	if (status != BL_OK)
		return bl_fail(why, status == BL_NO_MEMORY ? BL_NO_MEMORY : BL_FAILED,
			       "cannot look for personal data: %s",
			       status == BL_NO_MEMORY ? "out of memory"
						      : "the scanner refused its text");
	sort_findings(text->items, text->count);
	drop_twins(text->items, text->count);
	mark_identities(text->items, text->count);
	*out_items = text->items;
	*out_count = keep(text->items, text->count, offset + from, offset + to);
	return BL_OK;
}
