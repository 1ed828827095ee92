/* walk-parts.h - what the walkers share; private to walk*.c */
#ifndef POLICY_DETECT_WALK_PARTS_H
#define POLICY_DETECT_WALK_PARTS_H

#include "policy/detect/field.h"
#include "policy/detect/walk.h"

/*
 * Decisions at a byte take the one before it and so many behind it: how a cell ends, what a header's name is followed by. The
 * text has to reach that far behind @to, or end with the file.
 */
#define WALK_AHEAD 1024u

/* One call of walk(). */
struct walk_run {
	const struct text *text;
	size_t from, to;
	struct walk_out *out; /* NULL: only the state is wanted */
	struct field_memo memo;
	size_t open; /* where the field that is being hidden begins in this call */
};

/* walk_field - [start, end) is a value of @class; long ones are told in overlapping pieces on the file's grid */
void walk_field(struct walk_run *run, size_t start, size_t end, unsigned class);
/* walk_part - [start, end) is written in another way; @charset CHARSET_COUNT: it is no text */
void walk_part(struct walk_run *run, size_t start, size_t end, unsigned charset, unsigned transfer,
	       unsigned phase);
/* walk_phase - of base64 behind [start, end), modulo 16: UTF-32 takes four characters of three bytes; padding begins anew */
unsigned walk_phase(const struct text *text, size_t start, size_t end, unsigned phase);
/* walk_charset - enum detect_charset of a name of RFC 2045; CHARSET_COUNT: of one that hides what it says (UTF-7) */
unsigned walk_charset(const uint8_t *name, size_t length);
/* walk_same - is [bytes, bytes + length) this word, in any case? @word is in lower case */
bool walk_same(const uint8_t *bytes, size_t length, const char *word);

/* A class and its strength in a byte; of a zeroed state none. */
#define WALK_NONE 0u
static inline uint8_t walk_pack(struct field_rule rule)
{
	return rule.class >= CLASS_COUNT
		       ? WALK_NONE
		       : (uint8_t)((rule.class + 1u) | (unsigned)rule.strength << 6);
}
static inline struct field_rule walk_unpack(uint8_t packed)
{
	return packed == WALK_NONE
		       ? FIELD_NONE
		       : (struct field_rule){(uint8_t)((packed & 63) - 1), (uint8_t)(packed >> 6)};
}

void walk_csv(const struct detect_profile *profile, void *state, struct walk_run *run);
void walk_json(void *state, struct walk_run *run);
void walk_xml(void *state, struct walk_run *run);
void walk_card(void *state, struct walk_run *run);
void walk_mail(void *state, struct walk_run *run);

#endif
