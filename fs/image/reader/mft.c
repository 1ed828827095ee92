#include "fs/image/reader/mft.h"

#include <errno.h>
#include <string.h>

#define USA_OFFSET	4  /* of the update sequence array: u16 */
#define USA_COUNT	6  /* its length in u16, the sequence number among them */
#define FIRST_ATTRIBUTE 20 /* u16 */
#define USED_BYTES	24 /* u32 */
#define BASE_RECORD	32 /* u48, then a sequence number */
#define HEADER_BYTES	42 /* the shortest header there is */

#define ATTRIBUTE_END  0xffffffffu
#define ATTRIBUTE_DATA 0x80u
#define RESIDENT_BYTES 24 /* header of a resident attribute */

int mft_unfix(uint8_t *record, size_t size)
{
	if (size < MFT_STRIDE || size > MFT_RECORD_LIMIT || size % MFT_STRIDE ||
	    memcmp(record, "FILE", 4) != 0)
		return EIO;
	size_t strides = size / MFT_STRIDE, usa = bl_get16(record + USA_OFFSET);
	/* All of the array lies in front of the first pair that it stands for. */
	if (bl_get16(record + USA_COUNT) != strides + 1 || usa < HEADER_BYTES ||
	    usa + 2 * (strides + 1) > MFT_STRIDE - 2)
		return EIO;
	for (size_t i = 0; i < strides; i++) {
		uint8_t *last = record + (i + 1) * MFT_STRIDE - 2;

		if (memcmp(last, record + usa, 2) != 0)
			return EIO;
		memcpy(last, record + usa + 2 + 2 * i, 2);
	}
	return 0;
}

uint64_t mft_base(const uint8_t *record)
{
	return bl_get32(record + BASE_RECORD) | (uint64_t)bl_get16(record + BASE_RECORD + 4) << 32;
}

/* On the disk the last two bytes of a stride are somewhere else. */
static int tell_bytes(const uint8_t *record, size_t from, size_t to, mft_range_fn *tell,
		      void *context)
{
	size_t usa = bl_get16(record + USA_OFFSET) + 2;
	int error = 0;

	while (from < to && !error) {
		size_t stride = from / MFT_STRIDE, within = from % MFT_STRIDE;
		size_t end = BL_MIN(to, stride * MFT_STRIDE + MFT_STRIDE - 2);

		if (within >= MFT_STRIDE - 2) {
			size_t at = usa + 2 * stride + (within - (MFT_STRIDE - 2));

			error = tell(context, at, at + 1);
			from++;
		} else {
			error = tell(context, from, end);
			from = end;
		}
	}
	return error;
}

static int data_value(const uint8_t *attribute, uint32_t length, size_t *out_from,
		      uint64_t *inout_bytes)
{
	uint32_t value_length = bl_get32(attribute + 16);
	size_t value = bl_get16(attribute + 20);

	if (length < RESIDENT_BYTES || value < RESIDENT_BYTES || value > length ||
	    value_length > length - value)
		return EIO;
	*out_from = value;
	*inout_bytes += value_length;
	return 0;
}

int mft_places(const uint8_t *record, size_t size, mft_range_fn *tell, void *context,
	       size_t *out_count, uint64_t *out_bytes)
{
	size_t at = bl_get16(record + FIRST_ATTRIBUTE), used = bl_get32(record + USED_BYTES);
	size_t first = bl_get16(record + USA_OFFSET) + 2 * (size / MFT_STRIDE + 1);
	int error = 0;

	*out_count = 0;
	*out_bytes = 0;
	if (used > size || at < first || at > used)
		return EIO;
	while (!error) {
		if (at + 4 > used)
			return EIO;
		uint32_t type = bl_get32(record + at);
		if (type == ATTRIBUTE_END)
			break;
		if (at + RESIDENT_BYTES > used)
			return EIO;
		uint32_t length = bl_get32(record + at + 4);
		if (length < 16 || length % 8 || length > used - at)
			return EIO;
		/* The value is the last of the attribute: what pads it is the file's as well. */
		if (type == ATTRIBUTE_DATA && !record[at + 8]) {
			size_t from = 0;

			error = data_value(record + at, length, &from, out_bytes);
			if (!error)
				error = tell_bytes(record, at + from, at + length, tell, context);
			++*out_count;
		}
		at += length;
	}
	return error ? error : tell_bytes(record, used, size, tell, context);
}
