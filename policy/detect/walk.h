/* walk.h - going through a structured file from its start: fields by name, and parts written in another way; private to policy/detect
 *
 * One walker per enum detect_format but DETECT_PLAIN. Its state has no pointers and a fixed size, and is all there is to know about
 * what came before: depth, column, classes of the columns, boundaries of mail. Nothing is recursive; what is nested deeper or longer
 * than there is room for is named in docs/detection.md, with what then happens (masked rather than shown).
 */
#ifndef POLICY_DETECT_WALK_H
#define POLICY_DETECT_WALK_H

#include "policy/detect/parts.h"

#define WALK_STATE (DETECT_STATE - 64) /* the rest is look.c's */
struct walk_state {
	uint8_t bytes[WALK_STATE]; /* zeroed: the start of a file */
};

/* A part of the text that is written in another way than the file: a body of mail, an encoded word, a value of a card. */
struct walk_part {
	size_t start, end;
	uint8_t charset, transfer, phase; /* as in struct detect_piece; phase is of `start` */
};

/* What is found on the way. */
struct walk_out {
	struct sink *
		sink; /* fields whose name tells their class, by sink_add: whole values, quotes aside */
	struct walk_part *parts;
	size_t part_count, part_room; /* grown by walk() with realloc; the caller frees */
	bool has_failed;	      /* out of memory */
};

/*
 * walk - from [from, to) of @text, the state being that of @from; afterwards that of @to
 *
 * @text  UTF-8, decoded where the file's charset is another; of DETECT_MAIL the file's own bytes
 * @out   NULL: only the state is wanted
 *
 * Same state whatever the calls it was reached by: walk(a, b) and walk(b, c) is walk(a, c). A field or part that was begun before @from is
 * told from @from on, one that has not ended at @to up to there. Never fails; a text that breaks its format goes on as that format's
 * state machine reads it, so that a value is rather masked than not.
 */
void walk(const struct detect_profile *profile, struct walk_state *state, const struct text *text,
	  size_t from, size_t to, struct walk_out *out);

/* ---- transfer encodings and charsets (decoded.c): a part as UTF-8, and back ----------------------------------- */

/*
 * A part of the file as UTF-8, with the way back to its bytes. Buffers are reused.
 *
 * raw[i / DECODED_STEP] is where the character stands in the part that gave byte i, for i a multiple of DECODED_STEP; between them one decodes again.
 */
#define DECODED_STEP 64u
struct decoded {
	uint8_t *bytes; /* UTF-8; what is no character of the charset is U+FFFD */
	size_t length, room;
	uint32_t *raw;
	size_t raw_room;
	uint8_t charset, transfer, phase;
	const uint8_t *part; /* the caller's; @part_length bytes */
	size_t part_length;
};
void decoded_free(struct decoded *decoded); /* wipes; frees what is in it */
enum bl_status decode(const uint8_t *part, size_t length, unsigned charset, unsigned transfer,
		      unsigned phase, struct decoded *out) BL_MUST_CHECK;
/* decoded_place - of the byte in the part that byte @at of the text comes from (its first one); part_length for length */
size_t decoded_place(const struct decoded *decoded, size_t at);
/* decoded_end - where in the part the character that ends at byte @at of the text ends; what it shares with the next one is that one's */
size_t decoded_end(const struct decoded *decoded, size_t at);
/* decoded_at - the other way: the first byte of the text that comes from @place or from behind it */
size_t decoded_at(const struct decoded *decoded, size_t place);
/*
 * encode_back - write the text, some bytes of which were replaced, back into @out: the part's bytes [from, to)
 *
 * @masked  as long as decoded->bytes, same characters but where it was masked
 * Bytes of the part that give the same as before stay as they are; line ends, padding and soft breaks stay; same length.
 */
void encode_back(const struct decoded *decoded, const uint8_t *masked, size_t from, size_t to,
		 uint8_t *out);

#endif
