/* parts.h - what the files of policy/mask share; private to this folder */
#ifndef POLICY_MASK_PARTS_H
#define POLICY_MASK_PARTS_H

#include "policy/mask/mask.h"

#define VALUE_LIMIT                                                                                \
	DETECT_MARGIN /* a longer chain of spans is fill: no single value is that long */

static inline bool mask_is_digit(uint8_t byte)
{
	return (uint8_t)(byte - '0') < 10;
}

/* A value: where it stands in UTF-8 text, and what the text around it is. */
struct value {
	const uint8_t *text; /* as it was */
	size_t length;	     /* of the text */
	size_t start, end;   /* of the value in it */
	unsigned format;     /* enum detect_format */
	bl_classes classes;  /* what it was found as */
};

/* mask_style - @value (its own bytes, apart from the text) in a style that fits; @is_phone: its last nine digits are all that counts */
void mask_style(const struct mask *mask, enum bl_style style, bool is_phone, bl_classes classes,
		uint8_t *value, size_t length);
/* mask_fill - '*' for all but line ends */
void mask_fill(uint8_t *value, size_t length);
/* mask_is_valid - would somebody's check take this for a value of one of @classes? */
bool mask_is_valid(bl_classes classes, const uint8_t *value, size_t length);
/* mask_letters - @count letters of a-z2-7 from as many random bytes */
void mask_letters(const uint8_t *bytes, size_t count, char *out);

/*
 * mask_keep_valid - what the format needs is put back into @masked, the value's bytes after masking: quotes, separators, escapes,
 * tags; a number stays a number (format.c)
 *
 * @keeps  the style keeps some digits as they are
 */
void mask_keep_valid(const struct value *value, bool keeps, uint8_t *masked);

/* mask_spans - in place, in [from, to) of plain bytes (mask.c) */
struct mask_area {
	uint8_t *bytes;
	size_t length;	     /* of all there is */
	size_t from, to;     /* only these change */
	uint64_t origin;     /* of bytes[0] in the file */
	unsigned format;     /* enum detect_format */
	enum bl_style shown; /* what comes of STYLE_ORIGINAL */
};
void mask_spans(const struct mask *mask, const struct mask_area *area,
		const struct detect_spans *spans);

#endif
