#include "fs/image/reader/lznt.h"

#include <errno.h>
#include <string.h>

#define IS_PACKED 0x8000u
#define SIZE_MASK 0x0fffu

/* A chunk while it is unpacked. */
struct chunk {
	uint8_t *out;
	size_t made, room;
	unsigned
		length_bits; /* of a pair; the rest says how far back: more of them the further the chunk has come */
	size_t reach; /* what can be reached with those */
};

static int copy_back(struct chunk *chunk, const uint8_t *pair)
{
	for (; chunk->made > chunk->reach; chunk->reach *= 2)
		chunk->length_bits--;
	unsigned said = bl_get16(pair);
	size_t back = (said >> chunk->length_bits) + 1u;
	size_t count = (said & ((1u << chunk->length_bits) - 1)) + 3u;

	if (back > chunk->made || count > chunk->room - chunk->made)
		return EIO;
	uint8_t *to = chunk->out + chunk->made;
	chunk->made += count;
	if (back >= count) {
		memcpy(to, to - back, count);
		return 0;
	}
	/* A copy may read what it wrote just now. */
	for (; count--; to++)
		*to = *(to - back);
	return 0;
}

static int unpack_chunk(const uint8_t *in, size_t length, uint8_t *out, size_t room)
{
	struct chunk chunk = {out, 0, room, 12, 16};
	size_t at = 0;

	while (at < length) {
		unsigned flags = in[at++];

		if (!flags && length - at >= 8 && room - chunk.made >= 8) {
			memcpy(out + chunk.made, in + at, 8);
			chunk.made += 8;
			at += 8;
			continue;
		}
		for (unsigned i = 0; i < 8 && at < length; i++, flags >>= 1) {
			if (!(flags & 1)) {
				if (chunk.made == room)
					return EIO;
				out[chunk.made++] = in[at++];
				continue;
			}
			if (length - at < 2 || copy_back(&chunk, in + at))
				return EIO;
			at += 2;
		}
	}
	return 0;
}

int lznt_unpack(const uint8_t *in, size_t in_length, uint8_t *out, size_t out_length)
{
	size_t at = 0;

	memset(out, 0, out_length);
	for (size_t made = 0; made < out_length && in_length - at >= 2; made += LZNT_CHUNK) {
		unsigned header = bl_get16(in + at);
		size_t length = (header & SIZE_MASK) + 1u;
		size_t room = BL_MIN(out_length - made, (size_t)LZNT_CHUNK);

		if (!header)
			break;
		at += 2;
		if (length > in_length - at)
			return EIO;
		if (!(header & IS_PACKED) && length > room)
			return EIO;
		if (!(header & IS_PACKED))
			memcpy(out + made, in + at, length);
		else if (unpack_chunk(in + at, length, out + made, room))
			return EIO;
		at += length;
	}
	return 0;
}
