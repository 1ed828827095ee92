/* parts.h - what the files of policy/detect share; private to this folder,
 * verify.h excepted
 *
 * Every detector is local: it looks at no byte further than DETECT_MARGIN from
 * its anchor, so that spans do not depend on where a scan began. Key blocks
 * look DETECT_REACH far.
 */
#ifndef POLICY_DETECT_PARTS_H
#define POLICY_DETECT_PARTS_H

#include "policy/detect/detect.h"

/* Anchors are sought this far beyond the margins, so that every span that
 * touches them is complete. */
#define SCAN_SLACK  DETECT_MARGIN
#define SCAN_REGION (DETECT_WINDOW + 2 * (DETECT_MARGIN + SCAN_SLACK))
#define SCAN_WORDS  (SCAN_REGION / 64 + 2)
#define SPAN_LIMIT  (DETECT_MARGIN / 2)

/* The bytes a detector may look at. */
struct text {
	const uint8_t *bytes;
	size_t length;
};

/* ---- classify.c: one bit per byte
 * ---------------------------------------------------------- */

/* Bit n of word n/64: byte n of the region. SCAN_AHEAD words behind the last are zero, as far as there are so many; the rest is unset. */
#define SCAN_AHEAD 16u
struct anchors {
	uint64_t digit[SCAN_WORDS];
	uint64_t numeric[SCAN_WORDS]; /* digits and what may stand between them, bytes
                                   >= 0x80 too */
	uint64_t at[SCAN_WORDS];      /* '@' */
	uint64_t high[SCAN_WORDS];    /* >= 0x80 */
	uint64_t zero[SCAN_WORDS];    /* NUL */
	uint64_t word[SCAN_WORDS];    /* ASCII letters and digits */
	uint64_t upper[SCAN_WORDS];   /* ASCII capitals */
	uint64_t base64[SCAN_WORDS];  /* the alphabets of base64, and '\\' */
	uint64_t colon[SCAN_WORDS];   /* ':' */
	uint64_t equal[SCAN_WORDS];   /* '=' */
	uint64_t dot[SCAN_WORDS];     /* '.' */
	uint64_t dash[SCAN_WORDS];    /* '-' */
};
/* anchors_bits - the 64 bits from @at on; at < SCAN_REGION, and no further than SCAN_AHEAD says */
static inline uint64_t anchors_bits(const uint64_t *bits, size_t at)
{
	size_t word = at / 64, bit = at % 64;

	return bits[word] >> bit | bits[word + 1] << 1 << (63 - bit);
}

/*
 * classify_scalar, classify_avx2 - fill @out for @length <= SCAN_REGION bytes;
 * the same bits from both classify - whichever is the fastest here
 * classify_has_avx2 - may classify_avx2 be called on this machine?
 */
typedef void classify_fn(const uint8_t *bytes, size_t length, struct anchors *out);
classify_fn classify, classify_scalar, classify_avx2;
bool classify_has_avx2(void);

#define BEGIN_SIZE 10u /* "-----BEGIN" */
/* find_begin - where "-----BEGIN" starts at or after @from; @length when nowhere */
typedef size_t find_begin_fn(const uint8_t *bytes, size_t length, size_t from);
find_begin_fn find_begin, find_begin_scalar, find_begin_avx2;

/* ---- text.c: characters
 * -------------------------------------------------------------------- */

static inline bool text_is_digit(uint8_t byte)
{
	return (uint8_t)(byte - '0') < 10;
}
static inline bool text_is_letter(uint8_t byte) /* ASCII */
{
	return (uint8_t)((byte | 0x20) - 'a') < 26;
}
static inline bool text_is_alnum(uint8_t byte) /* ASCII */
{
	return text_is_letter(byte) || text_is_digit(byte);
}
static inline uint8_t text_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}
/* text_next - the character at @at: its length (1 when it is not UTF-8), @out_code -1 when it is not */
size_t text_next_wide(const struct text *text, size_t at, int32_t *out_code);
static inline size_t text_next(const struct text *text, size_t at, int32_t *out_code)
{
	if (text->bytes[at] >= 0x80)
		return text_next_wide(text, at, out_code);
	*out_code = text->bytes[at];
	return 1;
}
/* text_before - the same for the character that ends at @at > 0 */
size_t text_before_wide(const struct text *text, size_t at, int32_t *out_code);
static inline size_t text_before(const struct text *text, size_t at, int32_t *out_code)
{
	if (text->bytes[at - 1] >= 0x80)
		return text_before_wide(text, at, out_code);
	*out_code = text->bytes[at - 1];
	return 1;
}
/* text_is_word - is this character part of a word (letter, mark, digit of any script)? */
bool text_is_word_wide(int32_t code); /* code >= 0x80 */
static inline bool text_is_word(int32_t code)
{
	if (code >= 0x80)
		return text_is_word_wide(code);
	return code >= 0 && text_is_alnum((uint8_t)code);
}
/* text_follows_escape - does "\n" and the like, or "\u00a0", end at @at, as in
 * the strings of JSON and programs? */
bool text_follows_escape(const struct text *text, size_t at);
/* text_starts_word, text_ends_word - is there a word boundary before / behind
 * @at? */
bool text_starts_word(const struct text *text, size_t at);
static inline bool text_ends_word(const struct text *text, size_t at)
{
	int32_t code;

	if (at >= text->length)
		return true;
	text_next(text, at, &code);
	return !text_is_word(code);
}
/* text_zero_width - length of the character at @at that shows nothing, where it
 * is one; else 0 */
static inline size_t text_zero_width(const struct text *text, size_t at)
{
	const uint8_t *p = text->bytes + at;
	size_t left = text->length - at;

	if (left >= 2 && p[0] == 0xc2 && p[1] == 0xad) /* soft hyphen */
		return 2;
	if (left < 3)
		return 0;
	return (p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x8b && p[2] <= 0x8d) ||
			       (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) ||
			       (p[0] == 0xe2 && p[1] == 0x81 && p[2] == 0xa0)
		       ? 3
		       : 0;
}
/* text_fold - lower case without marks, ASCII where Latin; returns how many
 * bytes (0..FOLD_LIMIT) */
#define FOLD_LIMIT 32
size_t text_fold(int32_t code, char out[FOLD_LIMIT]);
/* text_is_gap - may this character stand between the words of a name? */
bool text_is_gap(int32_t code);
/* text_is_utf8 - are [from, to) whole UTF-8 characters? One cut by the end of
 * @text passes. */
bool text_is_utf8(const struct text *text, size_t from, size_t to);
/* text_is_whole - is all of it UTF-8, nothing cut? */
bool text_is_whole(const struct text *text);

/*
 * scan_text - the spans that touch [@from, @to) of UTF-8 text of any length,
 * appended; offsets from the text's first byte
 *
 * @phase  place of that byte on the grid of what is cut into cells: its offset
 * modulo DETECT_WINDOW. The same for the same text. BL_OK, BL_NO_MEMORY.
 * Appended ones are sorted.
 */
enum bl_status scan_text(const struct detect_scanner *scanner, const struct text *text, size_t from,
			 size_t to, size_t phase, struct detect_spans *out) BL_MUST_CHECK;
/* scan_words_of - its table of words, for tests */
struct words *scan_words_of(const struct detect_scanner *scanner);
/* scan_classes - what it looks for */
bl_classes scan_classes(const struct detect_scanner *scanner);
/* spans_sort - those from the @from-th on in the order of struct detect_spans, each once: sure when anybody is sure of it */
void spans_sort(struct detect_spans *spans, size_t from);

/* ---- detectors
 * -----------------------------------------------------------------------------
 */

struct words;
/* Where found spans go. Offsets are relative to the text until the scan is
 * over. */
struct sink {
	struct detect_spans *spans;
	const struct words *words; /* NULL: none */
	bl_classes classes;
	size_t from, to; /* only what touches [from, to) is kept */
	size_t phase;	 /* the text's place on the file's grid: its offset modulo
                      DETECT_WINDOW */
	bool is_name;	 /* a file name: no labels around, so a bare national number
                      counts */
	bool has_failed; /* out of memory */
};
void sink_add(struct sink *sink, size_t start, size_t end, enum bl_class class, bool is_sure);

/* ---- words.c: labels, names, known identities in one table
 * ------------------------------------------ */

/* How letters with marks are written where there are none: dropped marks, two
 * letters, or the first of two. */
enum spelling { SPELL_PLAIN, SPELL_TWO_LETTERS, SPELL_ONE_LETTER, SPELL_COUNT };
#define CANONICAL_LIMIT 192 /* bytes of a phrase; raw text of one match stays under SPAN_LIMIT */
/* words_canonical - @value folded, words with one space between; how many bytes
 */
size_t words_canonical(const char *value, size_t size, enum spelling spelling,
		       char out[CANONICAL_LIMIT + 1]);
/* words_join - takes the spaces out */
void words_join(char *text);

/* What a phrase means. */
struct word_meaning {
	enum { MEANS_LABEL, MEANS_WORD, MEANS_IDENTITY } sort;
	uint16_t row;	    /* MEANS_LABEL: of the scanner's kinds */
	bool is_after;	    /* MEANS_LABEL: stands behind the value */
	uint8_t sorts;	    /* MEANS_WORD: enum word_sort */
	uint8_t class;	    /* MEANS_IDENTITY */
	bool needs_capital; /* MEANS_IDENTITY: only when written as a name is */
	bool needs_digit; /* MEANS_LABEL: no value of the row is without one among its first bytes */
	bool needs_sign; /* MEANS_LABEL: none is without a digit, a capital or a character beyond ASCII */
};
struct words;
enum bl_status words_new(struct words **out) BL_MUST_CHECK;
void words_free(struct words *words); /* wipes */
BL_DEFINE_CLEANUP(struct words, words_free)
/* words_add - one phrase, canonical */
enum bl_status words_add(struct words *words, const char *text,
			 const struct word_meaning *meaning) BL_MUST_CHECK;
/* words_add_list - phrases as they are spelt, @separator between */
enum bl_status words_add_list(struct words *words, const char *list, char separator,
			      const struct word_meaning *meaning) BL_MUST_CHECK;
/* words_between - single words that may stand between a title and a name, a space between */
enum bl_status words_between(struct words *words, const char *list) BL_MUST_CHECK;
/* words_finish - nothing is added from now on */
enum bl_status words_finish(struct words *words) BL_MUST_CHECK;

/*
 * What must be so for a word to mean something, as bits: any of them will do. A phrase is told by its second word: what it needs besides
 * is asked when it was read.
 */
enum word_needs {
	WORD_ALWAYS = 1,
	WORD_CAPITAL = 2, /* written as names are, or in a script of its own */
	WORD_DIGIT = 4,	  /* a digit soon behind it */
	WORD_BEHIND = 8,  /* a digit in front of it: a label behind a value */
	WORD_PAIR = 16,	  /* the second word of a phrase behind it */
	WORD_PROPER = 32, /* behind it something that is written as names are */
	WORD_LINE = 64,	  /* behind it the end of the line, or a comma */
	WORD_HOUSE = 128, /* a digit on either side: streets */
};
/* Bytes. Behind a label of one or two letters a digit must follow sooner: such words are everywhere. */
#define WORD_REACH	 56u
#define WORD_SHORT_REACH 10u
#define WORD_BACK_REACH	 64u
#define WORD_HOUSE_BACK	 128u
#define WORD_HOUSE_REACH 192u
/*
 * Blocks of 64 bytes: no digit and no capital counts for a word that is further behind or ahead of the word's own. Ahead there may be the
 * rest of a phrase of 40 letters, LABEL_REACH, and the longest value; or LINE_BLANKS and six words of a name with such gaps.
 */
#define WORD_SIGNS_BACK	 2u
#define WORD_SIGNS_AHEAD 11u
#define WORD_GAP	 4u /* between the words of a phrase */
#define WORD_TAIL	 4u /* digits behind a name or label that belong to it: "kmiller84" */

/*
 * Most words are told from this alone. A bit for each hash of a word's first eight bytes, few enough to stay in the fastest memory; then a
 * slot for it: a tag of the hash in the low byte (0: no word begins so; WORD_MANY: several do), what they need in the next, how long they
 * may be in the others (a bit for each length, the highest for that and more). And a bit for each hash of the first two words of a phrase.
 */
#define WORD_HEAD    4u
#define WORD_BUCKETS 16u
struct word_filter {
	uint64_t *bits, *pairs;
	uint32_t *slots;
	unsigned shift, pair_shift;
	/*
	 * The beginnings of words that matter with no digit, no capital and nothing but ASCII near, in buckets: which of them, as bits, the
	 * n-th byte may be of, by its value in lower case. Bytes that are no letters are all alike.
	 */
	uint8_t heads[WORD_BUCKETS / 8][WORD_HEAD][256];
	uint8_t letters
		[256]; /* what words of one letter need: they are everywhere, so they share with nobody */
};
#define WORD_FILTER_BITS 16 /* of each half, as a power of two */
#define WORD_MANY	 255u
const struct word_filter *words_filter(const struct words *words);
/* words_read_all - for tests: no word is passed over any more, whatever stands near it */
void words_read_all(struct words *words);
/* Of so many bytes of a word: those that are kept, of eight and more all; and the mark of what is longer */
struct word_cut {
	uint64_t mask, mark;
};
extern const struct word_cut word_cuts[256];
/* word_key - of a word whose first bytes are @bytes: what is behind its end goes, and case; the highest bit: it is longer */
static inline uint64_t word_key(uint64_t bytes, size_t length)
{
	/* No branch: nothing tells how long the next word is. Of very long ones it does not matter. */
	const struct word_cut *cut = &word_cuts[(uint8_t)length];

	return ((bytes | UINT64_C(0x2020202020202020)) & cut->mask) | cut->mark;
}
static inline uint64_t key_hash(uint64_t key)
{
	return key * UINT64_C(0x9e3779b97f4a7c15);
}
static inline unsigned word_tag(uint64_t hash)
{
	return (unsigned)(hash >> 32 & 255) | 1;
}
/*
 * word_bit - its bit: one half of them is for words in lower case, and what counts only in capitals is not there. @first: its first byte
 */
static inline size_t word_bit(uint64_t hash, uint8_t first)
{
	return (hash >> 20 & ((1u << WORD_FILTER_BITS) - 1)) | (size_t)(first & 0x20)
								       << (WORD_FILTER_BITS - 5);
}
static inline bool word_has_bit(const struct word_filter *filter, uint64_t hash, uint8_t first)
{
	size_t bit = word_bit(hash, first);

	return filter->bits[bit / 64] >> (bit % 64) & 1;
}
static inline uint32_t word_length_bit(size_t length)
{
	return UINT32_C(1) << (16 + (length < 15 ? length : 15));
}
/* word_fits - may the word of that hash and length be one of the slot's? */
static inline bool word_fits(uint32_t slot, uint64_t hash, size_t length)
{
	uint32_t tag = slot & 255u;

	return ((tag == word_tag(hash)) | (tag == WORD_MANY)) &
	       ((slot & word_length_bit(length)) != 0);
}
static inline unsigned word_needs(uint32_t slot)
{
	return slot >> 8 & 255;
}
/* pair_hash - of the keys of two words; 0 in place of the first: the second may stand between a title and a name */
static inline uint64_t pair_hash(uint64_t first, uint64_t second)
{
	return key_hash((first << 27 | first >> 37) ^ key_hash(second));
}
static inline bool word_pairs(const struct word_filter *filter, uint64_t first, uint64_t second)
{
	uint64_t hash = pair_hash(first, second) >> filter->pair_shift;

	return filter->pairs[hash / 64] >> (hash % 64) & 1;
}

struct word_label {
	uint32_t next; /* words_label takes it; 0: none */
	uint16_t row;
	bool is_after;
};
const struct word_label *words_label(const struct words *words, uint32_t at);
struct word_node {
	uint64_t hash;
	uint32_t text, labels;
	uint8_t length, sorts, class, flags;
	uint8_t needs; /* enum word_needs: of a first word */
};
struct word_found {
	size_t end;
	uint32_t labels; /* the first of them */
	uint8_t sorts;	 /* enum word_sort */
	uint8_t class;	 /* of a known identity; CLASS_LIMIT: none */
};
/* words_at - the phrases that begin with the word at @start, shortest first;
 * how many */
#define WORDS_FOUND 8
size_t words_at(const struct words *words, const struct text *text, size_t start,
		struct word_found out[WORDS_FOUND]);

/*
 * find_words - where words begin that may mean something there, of FIND_BLOCKS words of bits from @from on (sift.c); how many
 *
 * @start, @length  the region of @text that @anchors is of; what is found is relative to it
 * A word that began before is left out. The same from all three.
 */
#define FIND_BLOCKS 64u
#define FIND_WORDS  (FIND_BLOCKS * 32 + 8)
typedef size_t find_words_fn(const struct text *text, size_t start, size_t length,
			     const struct anchors *anchors, size_t from,
			     const struct word_filter *filter, uint32_t out[FIND_WORDS]);
find_words_fn find_words, find_words_scalar, find_words_avx2;

/* words_numbered - does the word of ASCII at @at, @length bytes without the digits behind it, mean something? */
bool words_numbered(const struct words *words, const struct text *text, size_t at, size_t length);
/* words_wide - the same question for the word at @at that has characters of any script: its length (or that of what is no word) */
size_t words_wide(const struct words *words, const struct text *text, size_t at, size_t end,
		  bool *out_is_known);

/* ---- rows.c: the kinds a scanner looks for ------------------------------------------------------------- */

struct rows;
/* rows_new - those of @classes; their labels go into @words */
enum bl_status rows_new(bl_classes classes, struct words *words, struct rows **out) BL_MUST_CHECK;
void rows_free(struct rows *rows);
BL_DEFINE_CLEANUP(struct rows, rows_free)
/* rows_sure_at - the sure values that begin with the digit or letter at @place of the region */
struct region;
void rows_sure_at(const struct rows *rows, const struct region *region, size_t place,
		  struct sink *sink);
/*
 * rows_labelled - the values behind (and in front of) the label that stands from @start to label->end
 *
 * @is_digit_near  is there a digit among the LABEL_REACH characters behind the label and the DIGIT_WITHIN bytes behind those? Most
 *                 values have one.
 */
#define DIGIT_WITHIN 16
void rows_labelled(const struct rows *rows, const struct words *words, const struct text *text,
		   size_t start, const struct word_found *label, bool is_digit_near,
		   struct sink *sink);

/* ---- identity.c: who is known
 * ------------------------------------------------------------------------- */

struct identities; /* phones; names, addresses and the like go into @words */
enum bl_status identities_new(const struct detect_identity *items, size_t count, bl_classes classes,
			      struct words *words, struct identities **out) BL_MUST_CHECK;
void identities_free(struct identities *identities);
BL_DEFINE_CLEANUP(struct identities, identities_free)
/* identities_phone - is this, digit for digit, a known phone number, and of
 * which class? */
bool identities_phone(const struct identities *identities, const uint8_t *digits, size_t count,
		      enum bl_class *out_class);
bool identities_any_phone(const struct identities *identities);

/* pattern_check - is this a pattern of detect.custom that may be given to the
 * matcher? @out_weight: how large it is */
enum bl_status pattern_check(const char *pattern, unsigned *out_weight,
			     struct bl_error *why) BL_MUST_CHECK;
/* custom_classes - what the patterns look for; none for NULL */
bl_classes custom_classes(const struct detect_custom *custom);
/* custom_scan - matches that touch [sink->from, sink->to), which is UTF-8;
 * bytes around it may be anything */
void custom_scan(const struct detect_custom *custom, const struct text *text, struct sink *sink);
/* custom_scan_name - matches in a name, read twice: '_' is a gap between words
 * the second time */
void custom_scan_name(const struct detect_custom *custom, const struct text *text,
		      struct sink *sink);

/* number_at - everything that begins with the digit at @at, which no digit
 * precedes */
void number_at(const struct text *text, size_t at, const struct identities *identities,
	       struct sink *sink);
/* card_at - a card as printed whose first digit is at @at, whatever stands
 * before it and between its groups */
void card_at(const struct text *text, size_t at, struct sink *sink);
/* iban_at - an IBAN whose first check digit is at @at */
void iban_at(const struct text *text, size_t at, struct sink *sink);
/* email_at - the address or the URL's user info around the '@' at @at */
void email_at(const struct text *text, size_t at, struct sink *sink);
/* email_encoded_at - the same around an '@' that is spelt as "%40", "\u0040" or
 * "&#64;", with its digits at @at */
void email_encoded_at(const struct text *text, size_t at, struct sink *sink);
/* base64_runs - secrets in the runs of base64 in @length bytes from @start,
 * whose bits are @anchors */
void base64_runs(const struct text *text, size_t start, size_t length,
		 const struct anchors *anchors, struct sink *sink);
/* base64_labelled - what follows the word base64 whose digits are at @at */
void base64_labelled(const struct text *text, size_t at, struct sink *sink);
/* The first "-----END" that was found so far; calls come in order of @at.
 * Zeroed at the start. */
struct key_search {
	size_t found;
	bool is_valid;
};
/* key_at - the private key block whose "-----BEGIN" is at @at */
void key_at(const struct text *text, size_t at, struct key_search *search, struct sink *sink);

#endif
