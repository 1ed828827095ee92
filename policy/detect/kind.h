/* kind.h - what the files of policy/detect/kinds share: one table row per kind; private to policy/detect
 *
 * A kind is a number, a code or a phrase of one sort: "gb-nino", "us-itin", "swift-bic". Whatever can be said in a row is said
 * in a row; what cannot has a hook below, called by the scanner at its anchors. docs/detection.md tells how they are found.
 *
 * Every match is local: it looks at no byte further than DETECT_MARGIN from where it begins, and no value is longer than
 * SPAN_LIMIT (half a margin), so that spans do not depend on where a scan began.
 */
#ifndef POLICY_DETECT_KIND_H
#define POLICY_DETECT_KIND_H

#include "policy/detect/parts.h"

enum kind_trust {
	KIND_SURE, /* shape and check are enough, wherever it stands. No lone check digit: one number in ten has it */
	KIND_LABELLED, /* only with one of its labels near */
};

/* kind_match_fn - where the value that begins at @at ends; @at when none begins there */
typedef size_t kind_match_fn(const struct text *text, size_t at);
/* kind_check_fn - do the check digits, areas, dates in it fit? @value: its ASCII letters (upper case) and digits, nothing else */
typedef bool kind_check_fn(const char *value, size_t count);

/*
 * One kind.
 *
 * @forms  how it is written, '|' between forms, tried in order. In a form:
 *           d digit   a letter   x letter or digit   h hexadecimal digit   (ASCII, either case)
 *           {n} or {n,m} behind one of these: so many (greedy)
 *           -  a separator: one of space - . / no-break space, narrow no-break space, hyphen, en dash; all '-' of one form
 *              have to be the same character
 *           _  the same, or none; all '_' of one form agree as well
 *           anything else stands for itself, capital letters in either case; \ in front makes d a x h - _ { } | plain
 *         The value begins and ends at a word boundary, and is no part of a longer number: no digit may stand before or behind it
 *         with a '-', '.', '/', ',' or ':' between.
 * @match  instead of forms, where those cannot say it; boundaries are its own affair. Forms beside it only say what its values begin with,
 *         so that it is asked less often: how long a number, a row of letters or a word, and whether digits must be among it, and how soon ("x{0,15}d":
 *         one is among the first sixteen bytes; signs in front are free).
 *         NULL: whatever may be
 * @check  NULL: the shape is all there is to check. With @match: over the letters and digits of what it matched
 * @labels for KIND_LABELLED: words and phrases, '|' between, as they are spelt, lower case, diacritics included; the scanner finds
 *         them in any case and with the diacritics dropped, as whole words, one to three gap characters between words. A value counts when
 *         it begins within LABEL_REACH characters behind a label, on the same line (or at the start of the next when the label
 *         ends its line), or directly behind another value of the same row and label ("phones: A, B and C").
 * @after  the same for labels that stand behind the value, at most LABEL_AFTER characters away; NULL: none
 *
 * The longest form that fits wins. Rows of one class may overlap: all bytes are hidden.
 */
struct kind {
	const char *id; /* "gb-nino": country or scheme, then name; for tests, docs and `--list` */
	const char *
		standard; /* who defines number, check and lengths: "ISO 7812-1", "HMRC NIM39110" */
	uint8_t class;	  /* enum bl_class */
	uint8_t trust;	  /* enum kind_trust */
	const char *forms;
	kind_match_fn *match;
	kind_check_fn *check;
	const char *labels;
	const char *after;
};
#define LABEL_REACH 40 /* characters: shared/detection asks for 30 */
#define LABEL_AFTER 12

struct kind_table {
	const struct kind *rows;
	size_t count;
};
extern const struct kind_table
	kinds_government; /* national-id, tax-id, passport, driving-licence */
extern const struct kind_table kinds_government_europe, kinds_government_americas;
extern const struct kind_table kinds_government_asia; /* and Oceania, Africa */
extern const struct kind_table kinds_health;	      /* health-id */
extern const struct kind_table kinds_payment;	      /* card*, iban, bank-account */
extern const struct kind_table kinds_phone;	      /* phone, by label */
extern const struct kind_table kinds_device;	      /* imei, mac by label, serials (class imei) */
extern const struct kind_table kinds_vehicle;	      /* vin, plate */
extern const struct kind_table kinds_network;	      /* ip, mac, url-credentials by label */
extern const struct kind_table kinds_secret;	      /* password, secret */
extern const struct kind_table kinds_crypto;	      /* crypto-address */
extern const struct kind_table kinds_place;	      /* location */
extern const struct kind_table kinds_birth;	      /* date-of-birth */
extern const struct kind_table kinds_person;	      /* name, by label */
extern const struct kind_table kinds_address;	      /* address, postcode, by label */

/* All of them (kind.c). */
extern const struct kind_table *const kind_tables[];
extern const size_t kind_table_count;

/* kind_end - where @kind's longest value that begins at @at ends, boundaries and check included; @at when none does (kind.c) */
size_t kind_end(const struct kind *kind, const struct text *text, size_t at);

/* ---- words that mean something by themselves ------------------------------------------------------------- */

/* What a whole word may be, as bits. One word may be several. */
enum word_sort {
	WORD_GIVEN = 1,	    /* a given name, and hardly ever anything else */
	WORD_GIVEN_TOO = 2, /* a given name, and a word as well ("Will", "Mark", "Rose") */
	WORD_SURNAME = 4,
	WORD_TITLE = 8,	     /* "mr", "dr", "herr", "mme": a name follows */
	WORD_GREETING = 16,  /* "dear", "hallo", "sehr geehrte": a name may follow */
	WORD_CLOSING = 32,   /* "regards", "grüße": a name may stand on the next line */
	WORD_STREET = 64,    /* "street", "rue", "calle", "via" */
	WORD_PARTICLE = 128, /* "van", "de", "bin": inside of names */
};
struct word_list {
	const char *
		words; /* lower case, one space between; diacritics as spelt: found without them as well */
	uint8_t sort; /* of all of them */
};
extern const struct word_list person_words[]; /* kinds/person-words.c */
extern const size_t person_word_lists;
extern const char person_between
	[]; /* what may stand between a title or greeting and a name (kinds/person.c) */

/* word_sorts - what the word [start, end) is, in whatever case it is written; 0: nothing we know (words.c) */
unsigned word_sorts(const struct sink *sink, const struct text *text, size_t start, size_t end);

/* ---- hooks: called by the scanner at anchors, for kinds no row can say ------------------------------------------- */

/* number_at - digits in groups, seven at least, from the one at @at: cards, phones, dashed SSNs (parts.h; kinds/number.c) */
/* short_number_at - [at, end): one to six digits that no digit and no number's separator precedes: house numbers, postcodes (kinds/address.c) */
void short_number_at(const struct text *text, size_t at, size_t end, struct sink *sink);
/* dotted_at - a run of digits at @at, then '.' and a digit: IPv4, coordinates (kinds/network.c asks kinds/place.c) */
void dotted_at(const struct text *text, size_t at, struct sink *sink);
/* colon_at - a ':' at @at with a hexadecimal digit or a ':' on one side at least, and another ':' within the next five bytes: IPv6, MAC */
void colon_at(const struct text *text, size_t at, struct sink *sink);
/* pairs_at - the first of three '-' that stand three apart, or of two '.' five apart: MAC (kinds/network.c) */
void pairs_at(const struct text *text, size_t at, struct sink *sink);
/* long_word_at - a word of 16 bytes or more of [A-Za-z0-9_-]: tokens, JWT, base58, bech32 (kinds/secret.c asks kinds/crypto.c) */
void long_word_at(const struct text *text, size_t start, size_t end, struct sink *sink);
/* person_at - a word that has @sorts of a name, title, greeting or closing (kinds/person.c) */
void person_at(const struct text *text, size_t start, size_t end, unsigned sorts,
	       struct sink *sink);
/* street_at - a word that is WORD_STREET (kinds/address.c) */
void street_at(const struct text *text, size_t start, size_t end, struct sink *sink);
/* field_at - a ':' or '=' at @at, as in "Name: Ada Lovelace", "user.email=...", "\"phone\": ..." of plain text and logs (field.c) */
void field_at(const struct text *text, size_t at, struct sink *sink);

#endif
