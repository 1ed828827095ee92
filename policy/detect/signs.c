/* What is told by its signs: labels by their ':' or '=', addresses by their '@' and colons, and long words, which are tokens. */
#include "policy/detect/kind.h"
#include "policy/detect/scan.h"

#include <string.h>

#define USERINFO_REACH 300 /* bytes of user info, and some */

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

void scan_long_words(struct region *region, size_t i, const struct carry *carry)
{
	const uint64_t *runs = &region->anchors->base64[i];
	uint64_t starts = *runs & ~(*runs << 1 | carry->base64 >> 63);
	uint64_t two[2] = {*runs & bits_ahead(runs, 1), runs[1] & runs[1] >> 1};
	uint64_t four[2] = {two[0] & bits_ahead(two, 2), two[1] & two[1] >> 2};
	uint64_t eight[2] = {four[0] & bits_ahead(four, 4), four[1] & four[1] >> 4};

	_Static_assert(LONG_RUN == 16, "eight, and eight more");
	for (uint64_t bits = starts & eight[0] & bits_ahead(eight, 8); bits; bits &= bits - 1) {
		size_t at = i * 64 + (size_t)__builtin_ctzll(bits), end = at;

		region->has_run = true;
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
		near |= bits_ahead(colons, k);
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

static void scan_pairs(struct region *region, size_t i)
{
	const uint64_t *dashes = &region->anchors->dash[i], *dots = &region->anchors->dot[i];
	uint64_t pairs = (*dashes & bits_ahead(dashes, 3) & bits_ahead(dashes, 6)) |
			 (*dots & bits_ahead(dots, 5));

	region->has_rule |= (*dashes & bits_ahead(dashes, 1) & bits_ahead(dashes, 2) &
			     bits_ahead(dashes, 3) & bits_ahead(dashes, 4)) != 0;
	for (; pairs; pairs &= pairs - 1) {
		size_t at = region->start + i * 64 + (size_t)__builtin_ctzll(pairs);

		if (at > 0 && is_hex(region->text, at - 1) && is_hex(region->text, at + 1))
			pairs_at(region->text, at, region->sink);
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
		dots[0] = bits_ahead(dots, (unsigned)bit);
		runs[0] = bits_ahead(runs, (unsigned)bit);
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

void scan_signs(struct region *region, size_t i)
{
	const struct anchors *anchors = region->anchors;

	if (anchors->colon[i] | anchors->equal[i])
		scan_colons(region, i);
	if (anchors->dash[i] | anchors->dot[i])
		scan_pairs(region, i);
	if (anchors->at[i])
		scan_ats(region, i);
}
