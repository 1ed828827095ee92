/* field.h - what the name of a field says, and what its value has to look like; private to policy/detect */
#ifndef POLICY_DETECT_FIELD_H
#define POLICY_DETECT_FIELD_H

#include "policy/detect/parts.h"

enum field_strength {
	FIELD_SURE, /* the name is enough: "date_of_birth" */
	FIELD_WEAK, /* names other things as well ("name", "address", "pin"): the value has to look like one */
	FIELD_HANDLE, /* a person's, but root's and nobody's as well: "user" */
	FIELD_BESIDE, /* only beside other fields of persons: "state", "country", "serial" */
};
struct field_rule {
	uint8_t class; /* enum bl_class; CLASS_COUNT: the name says nothing */
	uint8_t strength;
};
#define FIELD_NONE  ((struct field_rule){CLASS_COUNT, FIELD_SURE})
#define FIELD_NAME  128u /* bytes of a name that are read; longer ones say nothing */
#define FIELD_VALUE 256u /* bytes of a value that field_fits looks at */

struct field_word {
	char word[30];
	uint8_t class, strength;
};
enum field_qualifier { QUALIFIER_NEUTRAL, QUALIFIER_PERSON, QUALIFIER_THING };
struct field_qualifier_word {
	char word[15];
	uint8_t sort; /* enum field_qualifier */
};
extern const struct field_word field_words[]; /* sorted (field-words.c) */
extern const size_t field_word_count;
extern const struct field_qualifier_word field_qualifiers[]; /* sorted */
extern const size_t field_qualifier_count;
/* A bit for field_hash of each of them. */
#define FIELD_WORD_BITS	     8192u
#define FIELD_QUALIFIER_BITS 2048u
extern const uint64_t field_word_bits[FIELD_WORD_BITS / 64];
extern const uint64_t field_qualifier_bits[FIELD_QUALIFIER_BITS / 64];
static inline unsigned field_hash(const char *letters, size_t length) /* of one and more */
{
	unsigned first = (uint8_t)letters[0], second = length > 1 ? (uint8_t)letters[1] : 0;

	return ((first * 26 + second) * 26 + (uint8_t)letters[length - 1]) * 31 + (unsigned)length;
}

struct field_rule field_rule(const uint8_t *name, size_t length);

/* field_fits - may [start, end) be a value of such a field? Always for FIELD_SURE. Looks at FIELD_VALUE bytes at most */
bool field_fits(struct field_rule rule, const struct text *text, size_t start, size_t end);

/* What the last names were: structured files repeat theirs. All zero at first; answers are field_rule's. */
#define FIELD_MEMO 64u
struct field_memo {
	struct {
		uint8_t length; /* 0: free */
		uint8_t name[46];
		struct field_rule rule;
	} items[FIELD_MEMO];
};
struct field_rule field_remember(struct field_memo *memo, const uint8_t *name, size_t length);

#endif
