/* Text among bytes: a bit for each byte and question, and from then on only words of bits, as in policy/detect/classify.c. */
#include "fs/inspect/private.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- what each byte may be ---------------------------------------------------------------------------- */

/* Every kind is a few ranges of bytes. */
static const struct {
	uint8_t kind, from, to;
} ranges[] = {
	{KIND_TEXT, 0x20, 0x7e},   {KIND_TEXT, 0x09, 0x0d},	{KIND_BEHIND, 0x80, 0xbf},
	{KIND_TWO, 0xc2, 0xdf},	   {KIND_THREE, 0xe0, 0xef},	{KIND_FOUR, 0xf0, 0xf4},
	{KIND_LATIN, 0x20, 0x7e},  {KIND_LATIN, 0x09, 0x0d},	{KIND_LATIN, 0xa0, 0xff},
	{KIND_ZERO, 0x00, 0x00},   {KIND_ALPHABET, 0x00, 0x17}, {KIND_ALPHABET, 0x1e, 0x22},
	{KIND_HAN, 0x00, 0x00},	   {KIND_HAN, 0x20, 0x20},	{KIND_HAN, 0x30, 0x31},
	{KIND_HAN, 0x4e, 0x9f},	   {KIND_HANGUL, 0x00, 0x00},	{KIND_HANGUL, 0x20, 0x20},
	{KIND_HANGUL, 0x30, 0x30}, {KIND_HANGUL, 0xac, 0xd7},
};

void inspect_kinds_plain(const struct inspect_kind_tables *tables, const uint8_t bytes[64],
			 struct inspect_kinds *out)
{
	(void)tables;
	memset(out, 0, sizeof(*out));
	for (size_t r = 0; r < BL_COUNT(ranges); r++) {
		uint8_t from = ranges[r].from, width = (uint8_t)(ranges[r].to - from);
		uint64_t bits = 0;

		for (unsigned i = 0; i < 64; i++)
			bits |= (uint64_t)((uint8_t)(bytes[i] - from) <= width) << i;
		out->bits[ranges[r].kind] |= bits;
	}
}

/* The columns (low halves of bytes) of @kind in @row (the high half), a bit each. */
static unsigned columns_of(size_t kind, unsigned row)
{
	unsigned columns = 0;

	for (size_t r = 0; r < BL_COUNT(ranges); r++)
		for (unsigned low = 0; low < 16 && ranges[r].kind == kind; low++)
			if (row * 16 + low >= ranges[r].from && row * 16 + low <= ranges[r].to)
				columns |= 1u << low;
	return columns;
}

/* Rows with the same columns share a bit; what both halves of a byte have a bit of is of the kind. */
void inspect_kind_tables_init(struct inspect_kind_tables *tables)
{
	memset(tables, 0, sizeof(*tables));
	for (size_t kind = 0; kind < KIND_COUNT; kind++) {
		unsigned seen[16] = {0}, count = 0;

		for (unsigned row = 0; row < 16; row++) {
			unsigned columns = columns_of(kind, row), k = 0;

			if (!columns)
				continue;
			while (k < count && seen[k] != columns)
				k++;
			if (k == count)
				seen[count++] = columns;
			tables->high[kind][row] = (uint8_t)(1u << k);
			for (unsigned low = 0; low < 16; low++)
				tables->low[kind][low] |= (uint8_t)((columns >> low & 1) << k);
		}
		assert(count <= 8);
	}
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load_table(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* A bit per byte that is of no such kind. */
AVX2 static inline uint64_t bits_without(__m256i low_table, __m256i high_table, __m256i low,
					 __m256i high)
{
	__m256i both = _mm256_and_si256(_mm256_shuffle_epi8(low_table, low),
					_mm256_shuffle_epi8(high_table, high));

	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(both, _mm256_setzero_si256()));
}

AVX2 void inspect_kinds_avx2(const struct inspect_kind_tables *tables, const uint8_t bytes[64],
			     struct inspect_kinds *out)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32));
	__m256i a_high = _mm256_and_si256(_mm256_srli_epi16(a, 4), nibble);
	__m256i b_high = _mm256_and_si256(_mm256_srli_epi16(b, 4), nibble);

	a = _mm256_and_si256(a, nibble);
	b = _mm256_and_si256(b, nibble);
	for (size_t k = 0; k < KIND_COUNT; k++) {
		__m256i low = load_table(tables->low[k]), high = load_table(tables->high[k]);

		out->bits[k] = ~(bits_without(low, high, a, a_high) |
				 bits_without(low, high, b, b_high) << 32);
		/* Text all along, as in mail: what it is not needs no asking. */
		if (k == KIND_TEXT && out->bits[k] == UINT64_MAX) {
			for (k = KIND_BEHIND; k < KIND_ALPHABET; k++)
				out->bits[k] = k == KIND_LATIN ? UINT64_MAX : 0;
			k--;
		}
	}
}

bool inspect_kinds_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
void inspect_kinds_avx2(const struct inspect_kind_tables *tables, const uint8_t bytes[64],
			struct inspect_kinds *out)
{
	inspect_kinds_plain(tables, bytes, out);
}

bool inspect_kinds_has_avx2(void)
{
	return false;
}
#endif

/* ---- where text may be ---------------------------------------------------------------------------------- */

enum inspect_order inspect_reading_order(enum inspect_reading reading)
{
	static const enum inspect_order orders[READING_COUNT] = {
		[READING_UTF8] = ORDER_UTF8,	  [READING_LITTLE] = ORDER_LITTLE,
		[READING_BIG] = ORDER_BIG,	  [READING_LITTLE_HAN] = ORDER_LITTLE,
		[READING_BIG_HAN] = ORDER_BIG,	  [READING_LITTLE_HANGUL] = ORDER_LITTLE,
		[READING_BIG_HANGUL] = ORDER_BIG,
	};

	return orders[reading];
}

/* Two words behind the last one are read as well. */
#define SPARE 2

enum bl_status inspect_runs_init(struct inspect_runs *runs, size_t most)
{
	size_t words = most / 64 + 1 + SPARE, summary = words / 64 + 1;
	size_t each = words + summary;

	*runs = (struct inspect_runs){.memory_words = READING_COUNT * each + summary};
	inspect_kind_tables_init(&runs->tables);
	runs->memory = calloc(runs->memory_words, sizeof(*runs->memory));
	if (!runs->memory)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < READING_COUNT; i++) {
		runs->bits[i] = runs->memory + i * each;
		runs->starts[i] = runs->bits[i] + words;
	}
	runs->mixed = runs->memory + READING_COUNT * each;
	return BL_OK;
}

void inspect_runs_done(struct inspect_runs *runs)
{
	if (runs->memory)
		sodium_memzero(runs->memory, runs->memory_words * sizeof(*runs->memory));
	free(runs->memory);
	runs->memory = NULL;
}

/* The bits that are @count further on. */
static uint64_t ahead(uint64_t word, uint64_t next, unsigned count)
{
	return word >> count | next << (64 - count);
}

/* The first bytes of whole characters, which may reach into the next word. */
struct heads {
	uint64_t two, three, four;
};

static uint64_t utf8_bits(const struct inspect_kinds *kinds, const struct inspect_kinds *next,
			  struct heads *inout_heads)
{
	const uint64_t *k = kinds->bits, *n = next->bits;
	const struct heads before = *inout_heads;
	uint64_t behind = ahead(k[KIND_BEHIND], n[KIND_BEHIND], 1);
	struct heads heads = {.two = k[KIND_TWO] & behind};

	heads.three = k[KIND_THREE] & behind & ahead(k[KIND_BEHIND], n[KIND_BEHIND], 2);
	heads.four = k[KIND_FOUR] & behind & ahead(k[KIND_BEHIND], n[KIND_BEHIND], 2) &
		     ahead(k[KIND_BEHIND], n[KIND_BEHIND], 3);
	*inout_heads = heads;

	uint64_t all = heads.two | heads.three | heads.four, longer = heads.three | heads.four;

	return k[KIND_TEXT] | all | all << 1 | longer << 2 | heads.four << 3 |
	       (before.two | before.three | before.four) >> 63 |
	       (before.three | before.four) >> 62 | before.four >> 61;
}

/* May units of UTF-16 begin in this word? */
static bool is_mixed(const struct inspect_runs *runs, size_t word)
{
	return runs->mixed[word / 64] >> (word % 64) & 1;
}

static const struct {
	enum inspect_kind high;
	enum inspect_reading little, big;
} groups[] = {
	{KIND_ALPHABET, READING_LITTLE, READING_BIG},
	{KIND_HAN, READING_LITTLE_HAN, READING_BIG_HAN},
	{KIND_HANGUL, READING_LITTLE_HANGUL, READING_BIG_HANGUL},
};

/* A unit prints when its high byte is of the group; a high byte of zero asks more of the low one. */
static void utf16_bits(struct inspect_runs *runs, size_t word, const struct inspect_kinds *kinds,
		       const struct inspect_kinds *next)
{
	const uint64_t *k = kinds->bits, *n = next->bits;

	/* Text all along: whatever units it makes would be taken away again. */
	if ((k[KIND_TEXT] & n[KIND_TEXT]) == UINT64_MAX) {
		for (size_t r = READING_LITTLE; r < READING_COUNT; r++)
			runs->bits[r][word] = 0;
		return;
	}
	runs->mixed[word / 64] |= UINT64_C(1) << (word % 64);

	uint64_t little = k[KIND_LATIN] | ~ahead(k[KIND_ZERO], n[KIND_ZERO], 1);
	uint64_t big = ahead(k[KIND_LATIN], n[KIND_LATIN], 1) | ~k[KIND_ZERO];

	for (size_t g = 0; g < BL_COUNT(groups); g++) {
		uint64_t high = k[groups[g].high], high_next = n[groups[g].high];

		runs->bits[groups[g].little][word] = ahead(high, high_next, 1) & little;
		runs->bits[groups[g].big][word] = high & big;
	}
}

/* The bits that have seven more behind them, each @step further on. */
static inline uint64_t long_ones(const uint64_t *bits, unsigned step)
{
	uint64_t word = bits[0], next = bits[1];

	_Static_assert(INSPECT_RUN == 8, "three times twice as many");
	word &= ahead(word, next, step);
	next &= next >> step;
	word &= ahead(word, next, 2 * step);
	next &= next >> 2 * step;
	return word & ahead(word, next, 4 * step);
}

/* The bytes of the runs that begin at @starts, as far as they are in the same word. */
static uint64_t spread(uint64_t starts)
{
	starts |= starts << 1;
	starts |= starts << 2;
	return starts | starts << 4;
}

/* As far as they are in the next one: all up to where the last of them ends. */
static uint64_t spread_over(uint64_t starts)
{
	uint64_t last = starts >> (64 - (INSPECT_RUN - 1));

	return last ? (UINT64_C(2) << (63 - __builtin_clzll(last))) - 1 : 0;
}

/* Bytes of long runs of UTF-8 are no units of UTF-16: else "the" in ASCII would be Chinese. */
static void clear_utf8(struct inspect_runs *runs, size_t words)
{
	const uint64_t *utf8 = runs->bits[READING_UTF8];
	uint64_t starts = long_ones(utf8, 1), inside = spread(starts);

	for (size_t w = 0; w < words; w++) {
		uint64_t next = long_ones(utf8 + w + 1, 1);
		uint64_t inside_next = spread(next) | spread_over(starts);
		uint64_t both = inside & ahead(inside, inside_next, 1);

		for (size_t r = READING_LITTLE; both && is_mixed(runs, w) && r < READING_COUNT; r++)
			runs->bits[r][w] &= ~both;
		inside = inside_next;
		starts = next;
	}
}

/* Steps are said apart, so that each shift is by a number known beforehand: twice as fast. */
static uint64_t starts_in(const uint64_t *bits, bool is_utf8)
{
	return is_utf8 ? long_ones(bits, 1) : long_ones(bits, 2);
}

/* A bit for each word in which a run may begin: most have none, and are not looked at again. */
static void note_starts(struct inspect_runs *runs, enum inspect_reading reading, size_t words)
{
	const uint64_t *bits = runs->bits[reading];
	bool is_utf8 = reading == READING_UTF8;

	for (size_t w = 0; w < words; w += 64) {
		uint64_t left = is_utf8 ? UINT64_MAX : runs->mixed[w / 64], note = 0;

		if (words - w < 64)
			left &= (UINT64_C(1) << (words - w)) - 1;
		for (; left; left &= left - 1) {
			unsigned k = (unsigned)__builtin_ctzll(left);

			if (bits[w + k])
				note |= (uint64_t)(starts_in(bits + w + k, is_utf8) != 0) << k;
		}
		runs->starts[reading][w / 64] = note;
	}
}

/* The kinds of one word of bytes; none behind the last. */
static void kinds_of(const struct inspect_runs *runs, const uint8_t *bytes, size_t word,
		     inspect_kinds_fn *kinds, struct inspect_kinds *out)
{
	size_t from = word * 64, rest = runs->length > from ? runs->length - from : 0;
	uint8_t last[64] = {0};

	if (rest >= 64) {
		kinds(&runs->tables, bytes + from, out);
		return;
	}
	memcpy(last, bytes + (runs->length - rest), rest);
	kinds(&runs->tables, last, out);
	for (size_t k = 0; k < KIND_COUNT; k++)
		out->bits[k] &= (UINT64_C(1) << rest) - 1;
	sodium_memzero(last, sizeof(last));
}

void inspect_runs_look(struct inspect_runs *runs, const uint8_t *bytes, size_t length,
		       inspect_kinds_fn *kinds)
{
	size_t words = (length + 63) / 64;
	struct inspect_kinds turns[2];
	struct heads heads = {0};

	runs->length = length;
	memset(runs->mixed, 0, (words / 64 + 1) * sizeof(*runs->mixed));
	kinds_of(runs, bytes, 0, kinds, &turns[0]);
	for (size_t w = 0; w < words; w++) {
		const struct inspect_kinds *now = &turns[w % 2];
		struct inspect_kinds *next = &turns[(w + 1) % 2];

		kinds_of(runs, bytes, w + 1, kinds, next);
		runs->bits[READING_UTF8][w] = utf8_bits(now, next, &heads);
		utf16_bits(runs, w, now, next);
	}
	for (size_t r = 0; r < READING_COUNT; r++)
		memset(runs->bits[r] + words, 0, SPARE * sizeof(uint64_t));
	/* The last byte begins no unit. */
	for (size_t r = READING_LITTLE; length && r < READING_COUNT; r++)
		runs->bits[r][(length - 1) / 64] &= ~(UINT64_C(1) << ((length - 1) % 64));
	clear_utf8(runs, words);
	for (unsigned r = 0; r < READING_COUNT; r++)
		note_starts(runs, (enum inspect_reading)r, words);
}

/* ---- one after the other ---------------------------------------------------------------------------------- */

static bool has_characters(const uint8_t *bytes, size_t from, size_t to)
{
	size_t count = 0;

	for (size_t i = from; i < to && count < INSPECT_RUN; i++)
		count += (bytes[i] & 0xc0) != 0x80;
	return count == INSPECT_RUN;
}

/* Behind the run that begins at @from: the first of its kind of bits that is not there. */
static size_t run_end(const uint64_t *bits, uint64_t mask, size_t from, size_t words)
{
	size_t word = from / 64;
	uint64_t holes = ~bits[word] & mask & UINT64_MAX << (from % 64);

	while (!holes && word < words)
		holes = ~bits[++word] & mask;
	return holes ? word * 64 + (size_t)__builtin_ctzll(holes) : word * 64;
}

/* The first word at @word or behind in which a run may begin; @words when there is none. */
static size_t next_start(const uint64_t *starts, size_t word, size_t words)
{
	while (word < words) {
		uint64_t rest = starts[word / 64] >> (word % 64);

		if (rest)
			return word + (size_t)__builtin_ctzll(rest);
		word = (word / 64 + 1) * 64;
	}
	return words;
}

/* Where a run begins at @at or behind, in its word; 64 when none does. */
static unsigned find_start(const uint64_t *bits, uint64_t mask, bool is_utf8, size_t at)
{
	uint64_t starts = starts_in(bits + at / 64, is_utf8);

	starts &= mask & UINT64_MAX << (at % 64);
	return starts ? (unsigned)__builtin_ctzll(starts) : 64;
}

bool inspect_runs_next(const struct inspect_runs *runs, const uint8_t *bytes,
		       enum inspect_reading reading, unsigned parity, size_t *inout_at,
		       struct inspect_run_of_text *out_run)
{
	bool is_utf8 = reading == READING_UTF8;
	uint64_t mask = is_utf8 ? UINT64_MAX : UINT64_C(0x5555555555555555) << parity;
	const uint64_t *bits = runs->bits[reading];
	size_t words = (runs->length + 63) / 64;

	for (;;) {
		size_t word = next_start(runs->starts[reading], *inout_at / 64, words);

		if (word == words)
			return false;
		if (word > *inout_at / 64)
			*inout_at = word * 64;

		unsigned bit = find_start(bits, mask, is_utf8, *inout_at);

		if (bit == 64) {
			*inout_at = (word + 1) * 64;
			continue;
		}

		size_t from = word * 64 + bit, to = run_end(bits, mask, from, words);

		*inout_at = to;
		if (is_utf8 && !has_characters(bytes, from, to))
			continue;
		*out_run = (struct inspect_run_of_text){from, to};
		return true;
	}
}
