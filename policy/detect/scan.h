/* scan.h - a region of a text and the bits of its bytes, and the walks over them; private to policy/detect
 *
 * A *place* is a byte of the region, counted from its start. Behind the region's end all bits are zero: what would be found there counts
 * for nobody.
 */
#ifndef POLICY_DETECT_SCAN_H
#define POLICY_DETECT_SCAN_H

#include "policy/detect/parts.h"

struct detect_scanner {
	bl_classes classes;
	struct words *words;
	struct rows *rows;
	struct identities *identities;
	struct detect_custom *custom; /* NULL: none */
};

/* What is scanned: a region of a text, its bits, and where its spans go. */
struct region {
	const struct detect_scanner *scanner;
	const struct text *text;
	size_t start, length; /* in the text */
	const struct anchors *anchors;
	struct sink *sink;
	size_t scheme; /* behind the ':' of the last "://"; 0: none yet */
	/* Seen so far, LONG_RUN bytes of base64 in a row; five '-'. */
	bool has_run, has_rule;
};
#define LONG_RUN 16u

/* The last bits of the word of bits before. */
struct carry {
	uint64_t digit, word, numeric, base64;
};

/* bits_ahead - the bits of a word of bits, @count (1 to 63) places ahead */
static inline uint64_t bits_ahead(const uint64_t *bits, unsigned count)
{
	return bits[0] >> count | bits[1] << (64 - count);
}
/* bits_run - how many bits are set from the lowest on, of the 64 that are given */
static inline unsigned bits_run(uint64_t bits)
{
	return ~bits ? (unsigned)__builtin_ctzll(~bits) : 64;
}
/* bits_before - the 64 bits before @place, the nearest the highest */
static inline uint64_t bits_before(const uint64_t *bits, size_t place)
{
	if (place >= 64)
		return anchors_bits(bits, place - 64);
	return place ? bits[0] << (64 - place) : 0;
}
/* bits_run_back - how many of those are set from the highest on */
static inline unsigned bits_run_back(uint64_t bits)
{
	return ~bits ? (unsigned)__builtin_clzll(~bits) : 64;
}

/* bits_any_byte - is one of the first ten bytes all ones? One is in every row of sixteen bits that begins in the first word */
static inline bool bits_any_byte(const uint64_t bits[2])
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t none = ~bits[0], more = ~bits[1] | ~UINT64_C(0xffff);

	return (((none - ones) & ~none) | ((more - ones) & ~more)) & tops;
}

/* meaning_at - the word that begins at @at of the text, and the phrases that begin with it (scan.c) */
void meaning_at(const struct region *region, size_t at);
/* scan_digits - what begins with digits among those of word @i of the bits, or has some (digits.c) */
void scan_digits(const struct region *region, size_t i, const struct carry *carry);
/* scan_signs - what is told by its signs: ':', '=', '@', '-' and '.' (signs.c) */
void scan_signs(struct region *region, size_t i);
/* scan_long_words - what is told by its length, of sixteen and more (signs.c) */
void scan_long_words(struct region *region, size_t i, const struct carry *carry);

#endif
