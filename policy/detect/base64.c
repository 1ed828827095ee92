/*
 * Base64 (RFC 4648) in the middle of text: nobody looks into it, so what is surely base64 is a secret as a whole.
 *
 * A *run* is bytes of the alphabets of base64 and base64url, their padding and the backslash of strings ("\n" between the
 * lines of a key in JSON). It is taken
 *
 *   - at 256 bytes, when it has two of upper case, lower case and digits;
 *   - at 128 bytes, when it has all three and few slashes, dashes and the like (is_mixed): longer than any digest, path or
 *     address of the everyday;
 *   - at 60 bytes, when it is mixed and a line of its own, or when it or the run of 60 on the next line or the line before
 *     is mixed: hexadecimal digests, paths and dashes never are;
 *   - at 16 bytes, when three lines in a row are runs as long as each other, and mixed together: keys in narrow lines;
 *   - behind ";base64," and as the first line of a MIME part that says base64, whatever its length;
 *   - the short line behind one that was taken is the rest of it.
 *
 * Prose has spaces, so none of it is a run. Nothing is looked at further than DETECT_MARGIN away: of runs longer than
 * SPAN_LIMIT each cell of a grid is judged by its surroundings alone.
 */
#include "policy/detect/parts.h"

#include <string.h>
#include <strings.h>

#define NARROW_LEAST 16 /* what find_runs finds */
#define LINE_LEAST                                                                                 \
	60 /* lines of PEM have 64, of PGP 60 to 76, of MIME 76 (RFC 7468, RFC 9580, RFC 2045) */
#define MIXED_LEAST  128 /* SHA-512: 128 in hexadecimal, 88 in base64 */
#define ANY_LEAST    256
#define GAP_LIMIT    32 /* what may stand between two lines' runs: quotes, commas, indentation, "> " */
#define NEAR_LIMIT   128 /* of a neighbouring run only so much is looked at */
#define CELL	     256
#define HEADER_LIMIT 256 /* from a part's "base64" to the blank line under its header */

struct run {
	size_t start, end;
};

static bool is_run_byte(uint8_t byte)
{
	/* + - / 0-9 = and A-Z \ _ a-z */
	static const uint64_t bits[2] = {
		UINT64_C(0x23ffa80000000000),
		UINT64_C(0x07fffffe97fffffe),
	};

	return byte < 0x80 && (bits[byte / 64] >> (byte % 64) & 1);
}

/* What a run is made of. */
struct mix {
	size_t marks; /* slashes, dashes and other bytes that paths and rules are full of */
	unsigned kinds;
	size_t count;
};
enum { HAS_UPPER = 1, HAS_LOWER = 2, HAS_DIGIT = 4, HAS_ALL = 7 };

/* Sixteen bits each count upper case, lower case, digits and marks: no branch on what is random by nature. */
#define U UINT64_C(1)
#define L (UINT64_C(1) << 16)
#define D (UINT64_C(1) << 32)
#define M (UINT64_C(1) << 48)
/* clang-format off */
static const uint64_t weights[128] = {
	[32] = 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, M, 0, M, /* - / */
	D, D, D, D, D, D, D, D, D, D, 0, 0, 0, 0, 0, 0,
	0, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U,
	U, U, U, U, U, U, U, U, U, U, U, 0, M, 0, 0, M, /* \ _ */
	0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, 0, 0, 0, 0, 0,
};
/* clang-format on */
#undef U
#undef L
#undef D
#undef M

/* Of a run's bytes [from, to), fewer than 65,536. */
static void mix_add(struct mix *mix, const struct text *text, size_t from, size_t to)
{
	uint64_t sum = 0;

	for (size_t i = from; i < to; i++)
		sum += weights[text->bytes[i] & 127];
	mix->kinds |= (sum & 0xffff ? HAS_UPPER : 0u) | (sum >> 16 & 0xffff ? HAS_LOWER : 0u) |
		      (sum >> 32 & 0xffff ? HAS_DIGIT : 0u);
	mix->marks += sum >> 48;
	mix->count += to - from;
}

static bool is_mixed(const struct mix *mix)
{
	return mix->kinds == HAS_ALL && mix->marks * 16 <= mix->count;
}

static bool is_mixed_run(const struct text *text, const struct run *run)
{
	struct mix mix = {0};

	mix_add(&mix, text, run->start, run->end);
	return is_mixed(&mix);
}

/* Two kinds at least: neither a rule of dashes nor a word that somebody leant on. */
static bool is_varied(const struct mix *mix)
{
	return (mix->kinds & (mix->kinds - 1)) && mix->marks * 8 <= mix->count;
}

static bool is_quote(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '>' || byte == '\r';
}

static bool starts_line(const struct text *text, size_t at)
{
	size_t floor = at > GAP_LIMIT ? at - GAP_LIMIT : 0;

	while (at > floor && is_quote(text->bytes[at - 1]))
		at--;
	return at == 0 || text->bytes[at - 1] == '\n';
}

static bool ends_line(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + 4);

	while (at < limit && is_quote(text->bytes[at]))
		at++;
	return at == text->length || text->bytes[at] == '\n';
}

static bool is_line(const struct text *text, const struct run *run)
{
	return starts_line(text, run->start) && ends_line(text, run->end);
}

/* The run at the front of the next line, its first NEAR_LIMIT bytes. */
static bool run_below(const struct text *text, size_t at, struct run *out)
{
	size_t limit = BL_MIN(text->length, at + GAP_LIMIT);
	unsigned lines = 0;

	for (; at < limit && !is_run_byte(text->bytes[at]); at++)
		lines += text->bytes[at] == '\n';
	if (lines != 1 || at == limit)
		return false;
	out->start = at;
	limit = BL_MIN(text->length, at + NEAR_LIMIT);
	while (at < limit && is_run_byte(text->bytes[at]))
		at++;
	out->end = at;
	return true;
}

/* The run at the end of the line before, its last NEAR_LIMIT bytes. */
static bool run_above(const struct text *text, size_t at, struct run *out)
{
	size_t floor = at > GAP_LIMIT ? at - GAP_LIMIT : 0;
	unsigned lines = 0;

	for (; at > floor && !is_run_byte(text->bytes[at - 1]); at--)
		lines += text->bytes[at - 1] == '\n';
	if (lines != 1 || at == floor)
		return false;
	out->end = at;
	floor = at > NEAR_LIMIT ? at - NEAR_LIMIT : 0;
	while (at > floor && is_run_byte(text->bytes[at - 1]))
		at--;
	out->start = at;
	return true;
}

/* One of three lines in a row, of one width, that are mixed together? */
static bool is_narrow_block(const struct text *text, const struct run *run)
{
	struct run runs[5]; /* two above, itself, two below */
	bool is_same[5] = {[2] = true};

	runs[2] = *run;
	for (size_t i = 1; i <= 2; i++) {
		is_same[2 - i] = is_same[3 - i] &&
				 run_above(text, runs[3 - i].start, &runs[2 - i]) &&
				 is_line(text, &runs[2 - i]) &&
				 runs[2 - i].end - runs[2 - i].start == run->end - run->start;
		is_same[2 + i] = is_same[1 + i] && run_below(text, runs[1 + i].end, &runs[2 + i]) &&
				 is_line(text, &runs[2 + i]) &&
				 runs[2 + i].end - runs[2 + i].start == run->end - run->start;
	}
	for (size_t i = 0; i < 3; i++) {
		struct mix mix = {0};

		if (!is_same[i] || !is_same[i + 1] || !is_same[i + 2])
			continue;
		for (size_t k = i; k < i + 3; k++)
			mix_add(&mix, text, runs[k].start, runs[k].end);
		if (is_mixed(&mix))
			return true;
	}
	return false;
}

/* The same for a run that is seen whole. */
static bool is_taken(const struct text *text, const struct run *run)
{
	size_t length = run->end - run->start;
	struct run other;
	struct mix mix = {0};

	if (length < LINE_LEAST)
		return is_line(text, run) && is_narrow_block(text, run);
	mix_add(&mix, text, run->start, run->end);
	if ((length >= ANY_LEAST && is_varied(&mix)) || (length >= MIXED_LEAST && is_mixed(&mix)))
		return true;
	if (is_mixed(&mix) && is_line(text, run))
		return true;
	if (run_above(text, run->start, &other) && other.end - other.start >= LINE_LEAST &&
	    (is_mixed(&mix) || is_mixed_run(text, &other)))
		return true;
	return run_below(text, run->end, &other) && other.end - other.start >= LINE_LEAST &&
	       (is_mixed(&mix) || is_mixed_run(text, &other));
}

/* The last line of a block is shorter than the others. */
static void take_rest(const struct text *text, const struct run *run, struct sink *sink)
{
	struct run rest;

	if (!ends_line(text, run->end) || !run_below(text, run->end, &rest) ||
	    rest.end - rest.start >= LINE_LEAST || !is_line(text, &rest))
		return;
	/* "--boundary" */
	if (rest.end - rest.start >= 2 && memcmp(text->bytes + rest.start, "--", 2) == 0)
		return;
	sink_add(sink, rest.start, rest.end, CLASS_SECRET, false);
}

/* A long run, cell by cell of the file's grid. */
static void take_cells(const struct text *text, const struct run *run, struct sink *sink)
{
	size_t from = BL_MAX(run->start, sink->from), to = BL_MIN(run->end, sink->to);

	for (size_t at = from; at < to;) {
		size_t into = (at + sink->phase) % CELL;
		size_t cell = at - BL_MIN(at, into), end = BL_MIN(run->end, at - into + CELL);
		struct run piece = {BL_MAX(run->start, cell), end};
		struct mix mix = {0};

		mix_add(&mix, text, BL_MAX(run->start, cell - BL_MIN(cell, (size_t)CELL)),
			BL_MIN(run->end, end + CELL));
		if (is_varied(&mix))
			sink_add(sink, piece.start, piece.end, CLASS_SECRET, false);
		at = end;
	}
}

static void take_run(const struct text *text, const struct run *run, struct sink *sink)
{
	if (run->end - run->start > SPAN_LIMIT) {
		struct mix last = {0};

		take_cells(text, run, sink);
		mix_add(&last, text, run->end - CELL, run->end);
		if (is_varied(&last))
			take_rest(text, run, sink);
	} else if (is_taken(text, run)) {
		sink_add(sink, run->start, run->end, CLASS_SECRET, false);
		take_rest(text, run, sink);
	}
}

/* The run's first and last byte around @at, by the bits of the region. */
static size_t bits_begin(const uint64_t *bits, size_t at)
{
	for (;;) {
		uint64_t gaps = ~bits[at / 64] << (63 - at % 64);

		if (gaps)
			return at + 1 - (size_t)__builtin_clzll(gaps);
		if (at < 64)
			return 0;
		at = at / 64 * 64 - 1;
	}
}

static size_t bits_end(const uint64_t *bits, size_t at, size_t length)
{
	while (at < length) {
		uint64_t gaps = ~bits[at / 64] >> (at % 64);

		if (gaps)
			return BL_MIN(length, at + (size_t)__builtin_ctzll(gaps));
		at = (at / 64 + 1) * 64;
	}
	return length;
}

void base64_runs(const struct text *text, size_t start, size_t length,
		 const struct anchors *anchors, struct sink *sink)
{
	const uint64_t low = UINT64_C(0x0101010101010101), high = low << 7;
	size_t done = 0;

	if (!(sink->classes & CLASS_BIT(CLASS_SECRET)))
		return;
	for (size_t i = 0; i < (length + 63) / 64; i++) {
		uint64_t gaps = ~anchors->base64[i];
		/* Sixteen bytes in a row fill one of eight for sure; what is none of it begins with a gap. */
		uint64_t filled = (gaps - low) & ~gaps & high;

		for (; filled; filled &= filled - 1) {
			size_t at = i * 64 + ((size_t)__builtin_ctzll(filled) & ~(size_t)7);
			struct run run;

			if (at < done || !(anchors->base64[i] >> (at % 64) & 1))
				continue;
			run.start = start + bits_begin(anchors->base64, at);
			done = bits_end(anchors->base64, at, length);
			run.end = start + done;
			if (run.end - run.start >= NARROW_LEAST)
				take_run(text, &run, sink);
		}
	}
}

/* The body of a part whose header says base64, when it is in sight. */
static size_t body_start(const struct text *text, size_t at)
{
	size_t limit = BL_MIN(text->length, at + HEADER_LIMIT);

	for (; at + 2 < limit; at++) {
		if (text->bytes[at] != '\n')
			continue;
		if (text->bytes[at + 1] == '\n')
			return at + 2;
		if (text->bytes[at + 1] == '\r' && text->bytes[at + 2] == '\n')
			return at + 3;
	}
	return 0;
}

void base64_labelled(const struct text *text, size_t at, struct sink *sink)
{
	static const char encoding[] = "encoding:";
	struct run run = {0, 0};

	if (at < 5 || at + 3 > text->length || text->bytes[at + 1] != '4' ||
	    strncasecmp((const char *)text->bytes + at - 4, "base64", 6) != 0)
		return;
	if (text->bytes[at + 2] == ',' && text->bytes[at - 5] == ';') {
		run.start = at + 3;
	} else {
		size_t label = at - 4;

		while (label > 0 && at - label < 8 && strchr(" \t\"", text->bytes[label - 1]))
			label--;
		if (label >= sizeof(encoding) - 1 &&
		    strncasecmp((const char *)text->bytes + label - (sizeof(encoding) - 1),
				encoding, sizeof(encoding) - 1) == 0)
			run.start = body_start(text, at);
	}
	if (!run.start)
		return;

	/* What is longer is found as a run. */
	size_t limit = BL_MIN(text->length, run.start + SPAN_LIMIT);

	for (run.end = run.start; run.end < limit && is_run_byte(text->bytes[run.end]);)
		run.end++;
	sink_add(sink, run.start, run.end, CLASS_SECRET, true);
}
