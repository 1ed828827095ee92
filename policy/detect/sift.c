/*
 * Which words of a region may mean something: one look into a table for each, and for those that are in it what must stand near them if
 * they are to mean it. Most words of a text are told so without being read.
 */
#include "policy/detect/parts.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_AVX2_CODE 1
#else
#define HAS_AVX2_CODE 0
#endif
#define INLINE static inline __attribute__((always_inline))

/* ---- where words begin ------------------------------------------------------------------------------ */

/* A region, and what is asked of its words. */
struct sieve {
	const struct word_filter *filter;
	const struct anchors *anchors;
	const uint8_t *bytes; /* of the region, */
	size_t length, left;  /* so many, and so many to the end of the text */
};

struct word_place {
	uint32_t start, end;
};

/* The lowest bit that is set; of none it does not matter. */
INLINE uint32_t first_bit(uint64_t bits)
{
	return (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
}

/* Bytes of other scripts are letters here. */
INLINE uint64_t letters(const struct anchors *anchors, size_t at)
{
	return anchors_bits(anchors->word, at) | anchors_bits(anchors->high, at);
}

INLINE uint64_t digits(const struct sieve *sieve, size_t at)
{
	return anchors_bits(sieve->anchors->digit, at) | anchors_bits(sieve->anchors->high, at);
}

/* Where the word that @at is in ends; a region may end before it does. */
INLINE size_t word_end(const struct anchors *anchors, size_t at)
{
	uint64_t others = ~letters(anchors, at);

	while (!others) {
		at += 64;
		others = ~letters(anchors, at);
	}
	return at + (size_t)__builtin_ctzll(others);
}

/* Which of the words that begin at @starts of the 64 bytes at @bytes may be such that matter whatever is near. */
typedef uint64_t heads_fn(const struct word_filter *filter, const uint8_t *bytes, uint64_t starts);

INLINE uint64_t heads_scalar(const struct word_filter *filter, const uint8_t *bytes,
			     uint64_t starts)
{
	uint64_t out = 0;

	for (; starts; starts &= starts - 1) {
		const uint8_t *at = bytes + __builtin_ctzll(starts);
		unsigned found = 0;

		for (size_t i = 0; i < BL_COUNT(filter->heads); i++) {
			unsigned buckets = UINT8_MAX;

			for (size_t k = 0; k < WORD_HEAD; k++)
				buckets &= filter->heads[i][k][at[k] | 0x20];
			found |= buckets;
		}
		out |= found ? starts & -starts : 0;
	}
	return out;
}

#if HAS_AVX2_CODE
#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

AVX2 INLINE __m256i load(const uint8_t *bytes)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

AVX2 INLINE __m256i load_table(const uint8_t *table)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

/* Bytes in lower case, and what tells of each which row of letters it is in, or that it is in none. */
struct lower {
	__m256i bytes, row, letter;
};

/* Letters by their lower nibble, one table for each of their two rows; all else is alike. */
AVX2 INLINE __m256i look_up(const uint8_t *table, const struct lower *lower)
{
	__m256i first = _mm256_shuffle_epi8(load_table(table + 0x60), lower->bytes);
	__m256i second = _mm256_shuffle_epi8(load_table(table + 0x70), lower->bytes);

	return _mm256_blendv_epi8(_mm256_set1_epi8((char)table[' ']),
				  _mm256_blendv_epi8(first, second, lower->row), lower->letter);
}

AVX2 INLINE uint32_t heads_half(const struct word_filter *filter, const uint8_t *bytes)
{
	__m256i buckets[BL_COUNT(filter->heads)], all = _mm256_setzero_si256();

	for (size_t k = 0; k < WORD_HEAD; k++) {
		struct lower lower = {
			.bytes = _mm256_or_si256(load(bytes + k), _mm256_set1_epi8(0x20))};

		lower.row = _mm256_slli_epi16(lower.bytes, 3);
		lower.letter = _mm256_slli_epi16(lower.bytes, 1);
		for (size_t i = 0; i < BL_COUNT(buckets); i++) {
			__m256i found = look_up(filter->heads[i][k], &lower);

			buckets[i] = k ? _mm256_and_si256(buckets[i], found) : found;
		}
	}
	for (size_t i = 0; i < BL_COUNT(buckets); i++)
		all = _mm256_or_si256(all, buckets[i]);
	return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(all, _mm256_setzero_si256()));
}

AVX2 INLINE uint64_t heads_avx2(const struct word_filter *filter, const uint8_t *bytes,
				uint64_t starts)
{
	return starts &
	       (heads_half(filter, bytes) | (uint64_t)heads_half(filter, bytes + 32) << 32);
}
#endif

/* Is there a digit, a capital or another script so near that a word of block @i may depend on it? Blocks come in order. */
INLINE bool has_sign(const struct anchors *anchors, size_t i, size_t *next, size_t *until)
{
	for (; *next <= i + WORD_SIGNS_AHEAD && *next < SCAN_WORDS; ++*next)
		if (anchors->digit[*next] | anchors->upper[*next] | anchors->high[*next])
			*until = *next + 1 + WORD_SIGNS_BACK;
	return i < *until;
}

/*
 * Starts and ends by turns of the words of blocks [from, to) that may mean something by what is near and how they begin; how many words.
 * Eight at a time, whether there are so many or not: no branch on what a text is made of.
 */
INLINE size_t find_edges(const struct sieve *sieve, size_t from, size_t to, heads_fn *heads,
			 uint32_t *out)
{
	const struct anchors *anchors = sieve->anchors;
	size_t count = 0, next = from - BL_MIN(from, (size_t)WORD_SIGNS_BACK), until = 0;
	uint64_t before =
		from ? (anchors->word[from - 1] | anchors->high[from - 1]) >> 63 : UINT64_C(0);
	uint64_t open = 0;

	for (size_t i = from; i < to; i++) {
		uint64_t word = anchors->word[i] | anchors->high[i], sum, edges;
		uint64_t starts = word & ~(word << 1 | before);

		before = word >> 63;
		if (!has_sign(anchors, i, &next, &until) && (i + 1) * 64 + WORD_HEAD <= sieve->left)
			starts = heads(sieve->filter, sieve->bytes + i * 64, starts);
		/* A start that is added to its word comes out behind it. */
		bool is_open = __builtin_add_overflow(word, open, &sum);

		open = is_open | __builtin_add_overflow(sum, starts, &sum);
		edges = starts | (sum & ~word);

		size_t more = (size_t)__builtin_popcountll(edges);

		for (size_t k = 0; k < more; k += 8) {
#pragma GCC unroll 8
			for (size_t n = 0; n < 8; n++) {
				/* Behind the last one: some number that nobody reads. */
				out[count + k + n] = (uint32_t)(i * 64) + first_bit(edges);
				edges &= edges - 1;
			}
		}
		count += more;
	}
	if (open)
		out[count++] = (uint32_t)word_end(anchors, to * 64);
	return count / 2;
}

/* ---- what must stand near ------------------------------------------------------------------------------- */

INLINE uint64_t key_of(const struct sieve *sieve, struct word_place place)
{
	return word_key(bl_get64(sieve->bytes + place.start), place.end - place.start);
}

/* The same for a word with digits at its end, a few of which may not count. */
static bool is_numbered_pair(const struct sieve *sieve, uint64_t first, struct word_place word)
{
	uint64_t raw = bl_get64(sieve->bytes + word.start);
	size_t end = word.end,
	       least = BL_MAX((size_t)word.start + 2, end - BL_MIN(end, (size_t)WORD_TAIL));

	while (end > least && text_is_digit(sieve->bytes[end - 1]))
		if (word_pairs(sieve->filter, first, word_key(raw, --end - word.start)))
			return true;
	return false;
}

/* Does the word make a pair with the one whose key is @first, or (0) may it stand between a title and a name? */
INLINE bool is_pair(const struct sieve *sieve, uint64_t first, struct word_place word)
{
	size_t length = word.end - word.start;
	uint64_t raw = bl_get64(sieve->bytes + word.start);

	/* Or it is written otherwise than it is kept. */
	return word_pairs(sieve->filter, first, word_key(raw, length)) |
		       ((raw & UINT64_C(0x8080808080808080) & word_cuts[(uint8_t)length].mask) !=
			0) ||
	       (text_is_digit(sieve->bytes[word.end - 1]) && is_numbered_pair(sieve, first, word));
}

/* Can all be told of a word that begins there? */
INLINE bool is_told(const struct sieve *sieve, size_t at)
{
	return at < sieve->length && at + 8 <= sieve->left;
}

INLINE bool any_digit(const struct sieve *sieve, size_t from, size_t to)
{
	for (to = BL_MIN(to, sieve->length); from < to; from += 64) {
		size_t reach = BL_MIN(to - from, (size_t)64);

		if (digits(sieve, from) & ((UINT64_C(2) << (reach - 1)) - 1))
			return true;
	}
	return false;
}

INLINE bool is_phrase(const struct sieve *sieve, struct word_place word)
{
	uint64_t behind = letters(sieve->anchors, word.end);
	unsigned gap = first_bit(behind), length = first_bit(~(behind >> gap));
	uint32_t next = word.end + BL_MIN(gap, WORD_GAP);

	if (!is_told(sieve, next))
		return true;
	if (gap > WORD_GAP)
		return false;
	/* Of a second word that long the end is not known. */
	return gap + length >= 63 ||
	       is_pair(sieve, key_of(sieve, word), (struct word_place){next, next + length});
}

/* Of what the word may need besides, what is so and told without a branch. */
INLINE unsigned near_at(const struct sieve *sieve, struct word_place word)
{
	size_t from = word.start, end = word.end, behind = BL_MIN(from, (size_t)64);
	uint8_t first = sieve->bytes[from];
	unsigned reach = end - from <= 2 ? WORD_SHORT_REACH : WORD_REACH;
	bool is_capital = (first >= 0x80) | ((uint8_t)(first - 'A') < 26);
	bool is_digit = (digits(sieve, end) & (UINT64_MAX >> (64 - reach))) != 0;
	/* So many bits, none and 64 among them. */
	uint64_t mask = ((UINT64_C(1) << (behind & 63)) - 1) | (0 - (uint64_t)(behind >> 6));
	bool is_behind = (digits(sieve, from - behind) & mask) != 0;

	_Static_assert(WORD_BACK_REACH == 64, "a word of bits tells it");
	return WORD_ALWAYS | (is_capital ? WORD_CAPITAL : 0u) | (is_digit ? WORD_DIGIT : 0u) |
	       (is_behind ? WORD_BEHIND : 0u);
}

INLINE uint8_t byte_at(const struct sieve *sieve, size_t at)
{
	return at < sieve->left ? sieve->bytes[at] : '\n';
}

/* A title, a greeting: behind it, or behind what may stand between, something that is written as names are. */
static bool is_before_name(const struct sieve *sieve, size_t end)
{
	size_t at = end;
	uint8_t byte = byte_at(sieve, at);

	if (byte == '.' || byte == ',')
		byte = byte_at(sieve, ++at);
	if (byte == ' ')
		byte = byte_at(sieve, ++at);
	if (at == end)
		return false;
	if ((uint8_t)(byte - 'a') >= 26 || !is_told(sieve, at))
		return true;
	return is_pair(sieve, 0,
		       (struct word_place){(uint32_t)at, (uint32_t)word_end(sieve->anchors, at)});
}

/* "Regards," and the end of the line, or a comma and a name. */
static bool is_before_signature(const struct sieve *sieve, size_t end)
{
	for (size_t at = end; at - end < 9; at++) {
		uint8_t byte = byte_at(sieve, at);

		if (byte == ',' || byte == '\n' || byte == '\r' || byte == '\\')
			return true;
		if (!memchr(".!;: \t-", byte, 7))
			return false;
	}
	return true;
}

/* What few words need, and takes a look. */
static bool may_mean(const struct sieve *sieve, unsigned needs, struct word_place word)
{
	size_t from = word.start, end = word.end;

	if (needs & WORD_PROPER && is_before_name(sieve, end))
		return true;
	if (needs & WORD_LINE && is_before_signature(sieve, end))
		return true;
	return needs & WORD_HOUSE && any_digit(sieve, from - BL_MIN(from, (size_t)WORD_HOUSE_BACK),
					       end + WORD_HOUSE_REACH);
}

/* ---- sifting ---------------------------------------------------------------------------------------- */

#define RARE (WORD_PROPER | WORD_LINE | WORD_HOUSE)

/* Four sieves, each finer than the one before; no branch on what a word is, until few are left. */
INLINE size_t sift_words(const struct sieve *sieve, struct word_place *words, size_t all,
			 uint32_t *out)
{
	const struct word_filter *filter = sieve->filter;
	uint64_t hashes[FIND_WORDS];
	uint8_t needs[FIND_WORDS];
	size_t count = 0, kept = 0, tail = 0;

	/* All but the last can be loaded in one go; those few are taken as they are. */
	while (all && words[all - 1].start + 8u > sieve->left)
		out[tail++] = words[--all].start;
	for (size_t k = 0; k < all; k++) {
		struct word_place word = words[k];
		uint64_t hash = key_hash(key_of(sieve, word));

		words[count] = word;
		hashes[count] = hash;
		count += word_has_bit(filter, hash, sieve->bytes[word.start]);
	}
	for (size_t i = 0; i < count; i++) {
		struct word_place word = words[i];
		uint32_t slot = filter->slots[hashes[i] >> filter->shift];

		words[kept] = word;
		needs[kept] = (uint8_t)word_needs(slot);
		kept += word_fits(slot, hashes[i], word.end - word.start);
	}
	count = kept;
	kept = 0;
	/* Beginnings of phrases are the most of them: "is", "the", "for". */
	for (size_t i = 0; i < count; i++) {
		unsigned pair = is_phrase(sieve, words[i]) ? WORD_PAIR : 0u;
		unsigned near = needs[i] & (pair | ~(unsigned)WORD_PAIR);

		words[kept] = words[i];
		needs[kept] = (uint8_t)near;
		kept += near != 0;
	}
	count = kept;
	kept = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned near = needs[i] & (near_at(sieve, words[i]) | WORD_PAIR | RARE);

		words[kept] = words[i];
		needs[kept] = (uint8_t)near;
		kept += near != 0;
	}
	count = kept;
	kept = 0;
	for (size_t i = 0; i < count; i++) {
		out[tail + kept] = words[i].start;
		kept += needs[i] & ~RARE || may_mean(sieve, needs[i], words[i]);
	}
	return tail + kept;
}

INLINE size_t find(const struct text *text, size_t start, size_t length,
		   const struct anchors *anchors, size_t from, const struct word_filter *filter,
		   heads_fn *heads, uint32_t out[FIND_WORDS])
{
	size_t to = BL_MIN(from + FIND_BLOCKS, (length + 63) / 64);
	const struct sieve sieve = {filter, anchors, text->bytes + start, length,
				    text->length - start};

	struct word_place words[FIND_WORDS];
	_Static_assert(sizeof(words) == 2 * FIND_WORDS * sizeof(uint32_t), "edges by turns");
	size_t count = find_edges(&sieve, from, to, heads, (uint32_t *)words);

	return sift_words(&sieve, words, count, out);
}

size_t find_words_scalar(const struct text *text, size_t start, size_t length,
			 const struct anchors *anchors, size_t from,
			 const struct word_filter *filter, uint32_t out[FIND_WORDS])
{
	return find(text, start, length, anchors, from, filter, heads_scalar, out);
}

#if HAS_AVX2_CODE
/* The same, with instructions that come with AVX2. */
AVX2 size_t find_words_avx2(const struct text *text, size_t start, size_t length,
			    const struct anchors *anchors, size_t from,
			    const struct word_filter *filter, uint32_t out[FIND_WORDS])
{
	return find(text, start, length, anchors, from, filter, heads_avx2, out);
}
#else
size_t find_words_avx2(const struct text *text, size_t start, size_t length,
		       const struct anchors *anchors, size_t from, const struct word_filter *filter,
		       uint32_t out[FIND_WORDS])
{
	return find(text, start, length, anchors, from, filter, heads_scalar, out);
}
#endif

size_t find_words(const struct text *text, size_t start, size_t length,
		  const struct anchors *anchors, size_t from, const struct word_filter *filter,
		  uint32_t out[FIND_WORDS])
{
	return classify_has_avx2()
		       ? find_words_avx2(text, start, length, anchors, from, filter, out)
		       : find_words_scalar(text, start, length, anchors, from, filter, out);
}
