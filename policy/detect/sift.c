/*
 * Which words of a region may mean something: one look into a table for each, and for those that are in it what must stand near them if
 * they are to mean it. Most words of a text are told so without being read.
 */
#include "policy/detect/parts.h"

#include <string.h>

#if defined(__x86_64__)
#define HAS_AVX2_CODE 1
#else
#define HAS_AVX2_CODE 0
#endif
#define INLINE static inline __attribute__((always_inline))

/* ---- edges ---------------------------------------------------------------------------------------- */

/* The lowest bit that is set; of none it does not matter. */
INLINE uint32_t first_bit(uint64_t bits)
{
	return (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
}

/*
 * Starts and ends of words of blocks [from, to), by turns; the first is a start. Bytes of other scripts are letters here. Eight at a
 * time, whether there are so many or not: no branch on what a text is made of.
 */
INLINE size_t find_edges(const struct anchors *anchors, size_t from, size_t to, size_t length,
			 uint32_t *out)
{
	size_t count = 0, last;
	uint64_t carry =
		from ? (anchors->word[from - 1] | anchors->high[from - 1]) >> 63 : UINT64_C(0);
	bool is_inside = carry;

	for (size_t i = from; i < to; i++) {
		uint64_t word = anchors->word[i] | anchors->high[i];
		uint64_t edges = word ^ (word << 1 | carry);
		size_t more = (size_t)__builtin_popcountll(edges);

		carry = word >> 63;
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
	if (is_inside) {
		count -= count > 0;
		memmove(out, out + 1, count * sizeof(*out));
	}
	if (count % 2 == 0)
		return count;
	for (last = to * 64;
	     last < length &&
	     (anchors->word[last / 64] | anchors->high[last / 64]) >> (last % 64) & 1;)
		last++;
	out[count++] = (uint32_t)BL_MIN(last, length);
	return count;
}

/* ---- what must stand near ------------------------------------------------------------------------------- */

/* A region, and the edges of the words of some of its blocks. */
struct sieve {
	const struct word_filter *filter;
	const struct anchors *anchors;
	const uint8_t *bytes; /* of the region, */
	size_t length, left;  /* so many, and so many to the end of the text */
	const uint32_t *edges;
	size_t edge_count;
};

/* The word whose start is edges[k]. */
INLINE uint64_t key_of(const struct sieve *sieve, size_t k)
{
	const uint32_t *edges = sieve->edges + k;

	return word_key(bl_get64(sieve->bytes + edges[0]), edges[1] - edges[0]);
}

/* The same for a word with digits at its end, a few of which may not count. */
static bool is_numbered_pair(const struct sieve *sieve, uint64_t first, const uint32_t *edges)
{
	uint64_t raw = bl_get64(sieve->bytes + edges[0]);
	size_t end = edges[1], least = BL_MAX(edges[0] + 2, end - BL_MIN(end, (size_t)WORD_TAIL));

	while (end > least && text_is_digit(sieve->bytes[end - 1]))
		if (word_pairs(sieve->filter, first, word_key(raw, --end - edges[0])))
			return true;
	return false;
}

/* Does the word behind make a pair with the one whose key is @first, or (0) may it stand between a title and a name? */
INLINE bool is_pair(const struct sieve *sieve, uint64_t first, size_t next)
{
	const uint32_t *edges = sieve->edges + next;
	size_t length = edges[1] - edges[0];
	uint64_t raw = bl_get64(sieve->bytes + edges[0]);

	/* Or it is written otherwise than it is kept. */
	return word_pairs(sieve->filter, first, word_key(raw, length)) |
		       ((raw & UINT64_C(0x8080808080808080) & word_cuts[(uint8_t)length].mask) !=
			0) ||
	       (text_is_digit(sieve->bytes[edges[1] - 1]) && is_numbered_pair(sieve, first, edges));
}

/* Is there a word behind the one at @k, of which all can be told? */
INLINE bool has_next(const struct sieve *sieve, size_t k)
{
	return k + 3 < sieve->edge_count && sieve->edges[k + 2] + 8u <= sieve->left;
}

INLINE uint64_t digits(const struct sieve *sieve, size_t at)
{
	return anchors_bits(sieve->anchors->digit, at) | anchors_bits(sieve->anchors->high, at);
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

INLINE bool is_phrase(const struct sieve *sieve, size_t k)
{
	return !has_next(sieve, k) || (sieve->edges[k + 2] - sieve->edges[k + 1] <= WORD_GAP &&
				       is_pair(sieve, key_of(sieve, k), k + 2));
}

/* Of what the word may need besides, what is so and told without a branch. */
INLINE unsigned near_at(const struct sieve *sieve, size_t k)
{
	size_t from = sieve->edges[k], end = sieve->edges[k + 1], behind = BL_MIN(from, (size_t)64);
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
static bool is_before_name(const struct sieve *sieve, size_t k)
{
	size_t end = sieve->edges[k + 1], at = end;
	uint8_t byte = byte_at(sieve, at);

	if (byte == '.' || byte == ',')
		byte = byte_at(sieve, ++at);
	if (byte == ' ')
		byte = byte_at(sieve, ++at);
	if (at == end)
		return false;
	return (uint8_t)(byte - 'a') >= 26 || !has_next(sieve, k) || sieve->edges[k + 2] != at ||
	       is_pair(sieve, 0, k + 2);
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
static bool may_mean(const struct sieve *sieve, unsigned needs, size_t k)
{
	size_t from = sieve->edges[k], end = sieve->edges[k + 1];

	if (needs & WORD_PROPER && is_before_name(sieve, k))
		return true;
	if (needs & WORD_LINE && is_before_signature(sieve, end))
		return true;
	return needs & WORD_HOUSE && any_digit(sieve, from - BL_MIN(from, (size_t)WORD_HOUSE_BACK),
					       end + WORD_HOUSE_REACH);
}

/* ---- sifting ---------------------------------------------------------------------------------------- */

#define RARE (WORD_PROPER | WORD_LINE | WORD_HOUSE)

/* Four sieves, each finer than the one before; no branch on what a word is, until few are left. */
INLINE size_t sift_words(const struct sieve *sieve, uint32_t *out)
{
	const struct word_filter *filter = sieve->filter;
	uint64_t hashes[FIND_WORDS];
	uint8_t needs[FIND_WORDS];
	size_t count = 0, kept = 0, all = sieve->edge_count, whole = all;

	/* All but the last can be loaded in one go; those few are taken as they are. */
	while (whole && sieve->edges[whole - 2] + 8u > sieve->left)
		whole -= 2;
	for (size_t k = 0; k < whole; k += 2) {
		uint64_t hash = key_hash(key_of(sieve, k));

		out[count] = (uint32_t)k;
		hashes[count] = hash;
		count += word_has_bit(filter, hash, sieve->bytes[sieve->edges[k]]);
	}
	for (size_t i = 0; i < count; i++) {
		size_t k = out[i], length = sieve->edges[k + 1] - sieve->edges[k];
		uint32_t slot = filter->slots[hashes[i] >> filter->shift];

		out[kept] = (uint32_t)k;
		needs[kept] = (uint8_t)word_needs(slot);
		kept += word_fits(slot, hashes[i], length);
	}
	count = kept;
	kept = 0;
	/* Beginnings of phrases are the most of them: "is", "the", "for". */
	for (size_t i = 0; i < count; i++) {
		unsigned pair = is_phrase(sieve, out[i]) ? WORD_PAIR : 0u;
		unsigned near = needs[i] & (pair | ~(unsigned)WORD_PAIR);

		out[kept] = out[i];
		needs[kept] = (uint8_t)near;
		kept += near != 0;
	}
	count = kept;
	kept = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned near = needs[i] & (near_at(sieve, out[i]) | WORD_PAIR | RARE);

		out[kept] = out[i];
		needs[kept] = (uint8_t)near;
		kept += near != 0;
	}
	count = kept;
	kept = 0;
	for (size_t i = 0; i < count; i++) {
		size_t k = out[i];

		out[kept] = sieve->edges[k];
		kept += needs[i] & ~RARE || may_mean(sieve, needs[i], k);
	}
	for (size_t k = whole; k < all; k += 2)
		out[kept++] = sieve->edges[k];
	return kept;
}

INLINE size_t find(const struct text *text, size_t start, size_t length,
		   const struct anchors *anchors, size_t from, const struct word_filter *filter,
		   uint32_t out[FIND_WORDS])
{
	uint32_t edges[FIND_BLOCKS * 64 + 16];
	size_t to = BL_MIN(from + FIND_BLOCKS, (length + 63) / 64);
	size_t count = find_edges(anchors, from, to, length, edges);

	const struct sieve sieve = {
		filter, anchors, text->bytes + start, length, text->length - start, edges, count};

	return sift_words(&sieve, out);
}

size_t find_words_scalar(const struct text *text, size_t start, size_t length,
			 const struct anchors *anchors, size_t from,
			 const struct word_filter *filter, uint32_t out[FIND_WORDS])
{
	return find(text, start, length, anchors, from, filter, out);
}

#if HAS_AVX2_CODE
/* The same, with instructions that come with AVX2. */
__attribute__((target("avx2,bmi,bmi2,popcnt"))) size_t
find_words_avx2(const struct text *text, size_t start, size_t length, const struct anchors *anchors,
		size_t from, const struct word_filter *filter, uint32_t out[FIND_WORDS])
{
	return find(text, start, length, anchors, from, filter, out);
}
#else
size_t find_words_avx2(const struct text *text, size_t start, size_t length,
		       const struct anchors *anchors, size_t from, const struct word_filter *filter,
		       uint32_t out[FIND_WORDS])
{
	return find(text, start, length, anchors, from, filter, out);
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
