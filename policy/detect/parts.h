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

/* Bit n of word n/64: byte n of the region. Words behind the last are zero. */
struct anchors {
	uint64_t digit[SCAN_WORDS];
	uint64_t numeric[SCAN_WORDS]; /* digits and what may stand between them, bytes
                                   >= 0x80 too */
	uint64_t at[SCAN_WORDS];      /* '@' */
	uint64_t high[SCAN_WORDS];    /* >= 0x80 */
	uint64_t zero[SCAN_WORDS];    /* NUL */
	uint64_t word[SCAN_WORDS];    /* ASCII letters and digits */
	uint64_t base64[SCAN_WORDS];  /* the alphabets of base64, and '\\' */
	uint64_t colon[SCAN_WORDS];   /* ':' */
	uint64_t equal[SCAN_WORDS];   /* '=' */
	uint64_t dot[SCAN_WORDS];     /* '.' */
	uint64_t dash[SCAN_WORDS];    /* '-' */
};

/*
 * classify_scalar, classify_avx2 - fill @out for @length <= SCAN_REGION bytes;
 * the same bits from both classify - whichever is the fastest here
 * classify_has_avx2 - may classify_avx2 be called on this machine?
 */
typedef void classify_fn(const uint8_t *bytes, size_t length, struct anchors *out);
classify_fn classify, classify_scalar, classify_avx2;
bool classify_has_avx2(void);

/* classify_find_begin - where "-----BEGIN" starts at or after @from; @length
 * when nowhere */
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
/* text_next - the character at @at: its length (1 when it is not UTF-8),
 * @out_code -1 when it is not */
size_t text_next(const struct text *text, size_t at, int32_t *out_code);
/* text_before - the same for the character that ends at @at > 0 */
size_t text_before(const struct text *text, size_t at, int32_t *out_code);
/* text_is_word - is this character part of a word (letter, mark, digit of any
 * script)? */
bool text_is_word(int32_t code);
/* text_follows_escape - does "\n" and the like, or "\u00a0", end at @at, as in
 * the strings of JSON and programs? */
bool text_follows_escape(const struct text *text, size_t at);
/* text_starts_word, text_ends_word - is there a word boundary before / behind
 * @at? */
bool text_starts_word(const struct text *text, size_t at);
bool text_ends_word(const struct text *text, size_t at);
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
/* words_finish - nothing is added from now on */
enum bl_status words_finish(struct words *words) BL_MUST_CHECK;

/* Most words are told from this alone: at the hash of a first word's first eight bytes a tag of it; 0: no word; WORD_MANY: several. */
struct word_filter {
	uint8_t *bytes;
	unsigned shift;
};
#define WORD_MANY 255
#define WORD_ANY                                                                                   \
	1 /* of a tag: however it is written, else with a capital or in a script of its own */
const struct word_filter *words_filter(const struct words *words);
extern const uint64_t word_masks[256]; /* so many bytes; of eight and more all */
/* word_key - of a word whose first bytes are @bytes: what is behind its end goes, and case */
static inline uint64_t word_key(uint64_t bytes, size_t length)
{
	/* No branch: nothing tells how long the next word is. Of very long ones it does not matter. */
	return (bytes | UINT64_C(0x2020202020202020)) & word_masks[(uint8_t)length];
}
static inline uint64_t key_hash(uint64_t key)
{
	return key * UINT64_C(0x9e3779b97f4a7c15);
}
static inline size_t word_place(const struct word_filter *filter, uint64_t key)
{
	return (size_t)(key_hash(key) >> filter->shift);
}
static inline uint8_t word_tag(uint64_t key)
{
	return (uint8_t)(((key_hash(key) >> 32 & 0xffff) % 126 + 1) << 1);
}
/* word_may_be - @first: the byte it begins with in the text */
static inline bool word_may_be(const struct word_filter *filter, uint64_t key, uint8_t first)
{
	uint8_t tag = filter->bytes[word_place(filter, key)];

	return tag && (tag == WORD_MANY || (tag & ~WORD_ANY) == word_tag(key)) &&
	       (tag & WORD_ANY || first >= 0x80 || (first >= 'A' && first <= 'Z'));
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
 * find_words - where words begin that the filter may know, of FIND_BLOCKS words of bits from @from on (classify.c); how many
 *
 * @start, @length  the region of @text that @anchors is of; what is found is relative to it
 * A word that began before is left out. The same from all three.
 */
#define FIND_BLOCKS 16u
#define FIND_WORDS  (FIND_BLOCKS * 32 + 8)
typedef size_t find_words_fn(const struct text *text, size_t start, size_t length,
			     const struct anchors *anchors, size_t from,
			     const struct word_filter *filter, uint32_t out[FIND_WORDS]);
find_words_fn find_words, find_words_scalar, find_words_avx2;

/* words_wide - the same question for the word at @at that has characters of any script: its length (or that of what is no word) */
size_t words_wide(const struct words *words, const struct text *text, size_t at, size_t end,
		  bool *out_is_known);

/* ---- rows.c: the kinds a scanner looks for ------------------------------------------------------------- */

struct rows;
/* rows_new - those of @classes; their labels go into @words */
enum bl_status rows_new(bl_classes classes, struct words *words, struct rows **out) BL_MUST_CHECK;
void rows_free(struct rows *rows);
BL_DEFINE_CLEANUP(struct rows, rows_free)
/* rows_sure_at - the sure values that begin with the digit or letter at @at */
void rows_sure_at(const struct rows *rows, const struct text *text, size_t at, struct sink *sink);
/* rows_any_sure - may one begin with so many letters? */
bool rows_any_sure(const struct rows *rows, size_t letters);
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
