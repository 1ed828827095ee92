/* charset.h - bytes of a part, one character after the other, with where each came from; private to policy/detect and policy/mask */
#ifndef POLICY_DETECT_CHARSET_H
#define POLICY_DETECT_CHARSET_H

#include "policy/detect/walk.h"

#define CHARSET_BAD 0xfffd /* what is no character */

/*
 * Reads a part from some place on. Two integers are all of its state, so that one may go on from any character.
 *
 * @at     where the next byte begins: an escape, a character of base64, a byte
 * @phase  of base64: which byte of the three of a quad begins there (0..2); 3: what is left of a quad before the first whole byte
 */
struct part_reader {
	const uint8_t *bytes;
	size_t length, at;
	uint8_t transfer, charset, phase;
};

/* One byte behind the transfer encoding, and where it is written. */
struct part_byte {
	uint32_t place;	 /* of its first bits */
	uint32_t second; /* base64: the character with its last bits */
	uint8_t value;
	uint8_t phase;	/* base64: 0..2 */
	bool is_escape; /* quoted-printable: "=XX" */
};
/* One character, of up to four such bytes. */
struct part_character {
	uint32_t code; /* CHARSET_BAD when it is none */
	uint8_t count;
	struct part_byte bytes[4];
};

/* part_reader_start - @phase as in struct detect_piece: characters of base64 before the part, modulo 16 */
void part_reader_start(struct part_reader *reader, const uint8_t *bytes, size_t length,
		       unsigned charset, unsigned transfer, unsigned phase);
/* part_reader_next - false at the end */
bool part_reader_next(struct part_reader *reader, struct part_character *out);

/* windows_1252_code - the character of a byte (WHATWG Encoding, index windows-1252) */
uint32_t windows_1252_code(uint8_t byte);
/* windows_1252_byte - the byte of a character; 0 when there is none */
uint8_t windows_1252_byte(uint32_t code);

/* charset_base64 - the six bits of a character of base64 (RFC 4648, 4) */
#define CHARSET_NO_QUAD 0xff /* it is none */
extern const uint8_t charset_quads[256];
static inline uint8_t charset_base64(uint8_t byte)
{
	return (uint8_t)(charset_quads[byte] - 1);
}

/* utf8_put - one to four bytes; returns how many */
static inline size_t utf8_put(uint32_t code, uint8_t *out)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}
static inline size_t utf8_size(uint32_t code)
{
	return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
/* utf8_length - bytes of the character of valid UTF-8 that begins with @head */
static inline size_t utf8_length(uint8_t head)
{
	return head < 0x80 ? 1 : head < 0xe0 ? 2 : head < 0xf0 ? 3 : 4;
}
/* utf8_code - of valid UTF-8 */
static inline uint32_t utf8_code(const uint8_t *p)
{
	switch (utf8_length(*p)) {
	case 1:
		return *p;
	case 2:
		return (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
	case 3:
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	default:
		return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
		       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
	}
}

#endif
