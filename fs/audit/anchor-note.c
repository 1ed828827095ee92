#include "fs/audit/anchor.h"

#include <string.h>

/* The places in a checkpoint (docs/format-log.md, "Checkpoints"). */
#define LOG_ID_AT    14u
#define SEQUENCE_AT  47u
#define FRAME_AT     68u
#define CHAIN_AT     89u
#define TIME_AT	     134u
#define SIGNATURE_AT 174u

#define DIGITS "0123456789"
#define HEX    DIGITS "abcdef"
#define BASE64 DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/="

static bool has_fixed_parts(const char *text)
{
	static const struct {
		unsigned at;
		const char *part;
	} FIXED[] = {
		{0, "bailee.log/v1\n"},
		{SEQUENCE_AT - 1, "\n"},
		{FRAME_AT - 1, "\n"},
		{CHAIN_AT - 1, "\n"},
		{TIME_AT - 1, "\n"},
		{TIME_AT + ANCHOR_NUMBER, "\n\n\xe2\x80\x94 bailee.log/v1 "},
		{AUDIT_NOTE - 1, "\n"},
	};

	for (size_t i = 0; i < BL_COUNT(FIXED); i++) {
		if (memcmp(text + FIXED[i].at, FIXED[i].part, strlen(FIXED[i].part)) != 0)
			return false;
	}
	return true;
}

/* Nothing that would end a value of syslog's structured data gets through here. */
static bool has_fields(const char *text)
{
	static const struct {
		unsigned at, length;
		const char *alphabet;
	} FIELDS[] = {
		{LOG_ID_AT, ANCHOR_LOG_ID, HEX},   {SEQUENCE_AT, ANCHOR_NUMBER, DIGITS},
		{FRAME_AT, ANCHOR_NUMBER, DIGITS}, {CHAIN_AT, ANCHOR_CHAIN, BASE64},
		{TIME_AT, ANCHOR_NUMBER, DIGITS},  {SIGNATURE_AT, ANCHOR_SIGNATURE, BASE64},
	};

	for (size_t i = 0; i < BL_COUNT(FIELDS); i++) {
		for (unsigned at = 0; at < FIELDS[i].length; at++) {
			char c = text[FIELDS[i].at + at];

			if (c == '\0' || !strchr(FIELDS[i].alphabet, c))
				return false;
		}
	}
	return true;
}

static bool take_number(const char *digits, uint64_t *out)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < ANCHOR_NUMBER; i++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

bool anchor_note_read(const char *text, struct anchor_note *out)
{
	if (!has_fixed_parts(text) || !has_fields(text))
		return false;
	out->text = text;
	out->log_id = text + LOG_ID_AT;
	out->chain = text + CHAIN_AT;
	out->signature = text + SIGNATURE_AT;
	return take_number(text + SEQUENCE_AT, &out->sequence) &&
	       take_number(text + FRAME_AT, &out->frame) && take_number(text + TIME_AT, &out->time);
}

bool anchor_note_is_same(const struct anchor_note *one, const struct anchor_note *other)
{
	return memcmp(one->text, other->text, TIME_AT) == 0;
}
