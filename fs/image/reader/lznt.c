#include "fs/image/reader/lznt.h"

#include <errno.h>
#include <string.h>

#define IS_PACKED 0x8000u
#define SIZE_MASK 0x0fffu

/* How many bits of a pair say the length; the rest says how far back: more of them the further the chunk has come. */
static unsigned length_bits(size_t made)
{
	unsigned bits = 12;

	for (size_t far = made - 1; far >= 16; far >>= 1)
		bits--;
	return bits;
}

static int copy_back(const uint8_t *pair, uint8_t *out, size_t room, size_t *inout_made)
{
	size_t made = *inout_made;

	if (!made)
		return EIO;
	unsigned bits = length_bits(made), said = bl_get16(pair);
	size_t back = (said >> bits) + 1u, count = (said & ((1u << bits) - 1)) + 3u;

	if (back > made || count > room - made)
		return EIO;
	/* Byte by byte: a copy may read what it wrote just now. */
	for (size_t i = 0; i < count; i++, made++)
		out[made] = out[made - back];
	*inout_made = made;
	return 0;
}

static int unpack_chunk(const uint8_t *in, size_t length, uint8_t *out, size_t room)
{
	size_t at = 0, made = 0;

	while (at < length) {
		unsigned flags = in[at++];

		for (unsigned i = 0; i < 8 && at < length; i++, flags >>= 1) {
			if (!(flags & 1)) {
				if (made == room)
					return EIO;
				out[made++] = in[at++];
				continue;
			}
			if (length - at < 2 || copy_back(in + at, out, room, &made))
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
