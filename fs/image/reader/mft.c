#include "fs/image/reader/mft.h"

#include <errno.h>
#include <string.h>

#define USA_OFFSET	4 /* of the update sequence array: u16 */
#define USA_COUNT	6 /* its length in u16, the sequence number among them */
#define SEQUENCE	16
#define LINKS		18
#define FIRST_ATTRIBUTE 20 /* u16 */
#define FLAGS		22
#define USED_BYTES	24 /* u32 */
#define BASE_RECORD	32 /* u48, then a sequence number */
#define HEADER_BYTES	42 /* the shortest header there is */
#define BLOCK_HEADER	40 /* of an index block */

#define ATTRIBUTE_END  0xffffffffu
#define RESIDENT_BYTES 24 /* headers of attributes */
#define RUNS_BYTES     64
#define LISTED_BYTES   26
#define NODE_BYTES     16
#define ENTRY_BYTES    16
#define ENTRY_LAST     2
#define FILE_NAME      66 /* bytes in front of the name */
#define SHORT_NAME     2  /* its namespace: 0 POSIX, 1 Win32, 2 DOS, 3 both */

/* ---- fix-ups ---- */

static int unfix(uint8_t *bytes, size_t size, const char *magic, size_t header)
{
	if (size < MFT_STRIDE || size % MFT_STRIDE || memcmp(bytes, magic, 4) != 0)
		return EIO;
	size_t strides = size / MFT_STRIDE, usa = bl_get16(bytes + USA_OFFSET);
	/* All of the array lies in front of the first pair that it stands for. */
	if (bl_get16(bytes + USA_COUNT) != strides + 1 || usa < header ||
	    usa + 2 * (strides + 1) > MFT_STRIDE - 2)
		return EIO;
	for (size_t i = 0; i < strides; i++) {
		uint8_t *last = bytes + (i + 1) * MFT_STRIDE - 2;

		if (memcmp(last, bytes + usa, 2) != 0)
			return EIO;
		memcpy(last, bytes + usa + 2 + 2 * i, 2);
	}
	return 0;
}

int mft_unfix(uint8_t *record, size_t size)
{
	return size > MFT_RECORD_LIMIT ? EIO : unfix(record, size, "FILE", HEADER_BYTES);
}

int mft_unfix_block(uint8_t *block, size_t size)
{
	return size > MFT_BLOCK_LIMIT ? EIO : unfix(block, size, "INDX", BLOCK_HEADER);
}

/* ---- a record ---- */

uint64_t mft_base(const uint8_t *record)
{
	return bl_get64(record + BASE_RECORD);
}

uint16_t mft_sequence(const uint8_t *record)
{
	return bl_get16(record + SEQUENCE);
}

uint16_t mft_links(const uint8_t *record)
{
	return bl_get16(record + LINKS);
}

bool mft_is_used(const uint8_t *record)
{
	return bl_get16(record + FLAGS) & 1;
}

bool mft_is_folder(const uint8_t *record)
{
	return bl_get16(record + FLAGS) & 2;
}

size_t mft_pair_at(const uint8_t *record, size_t stride)
{
	return bl_get16(record + USA_OFFSET) + 2u + 2 * stride;
}

static int resident_part(const uint8_t *attribute, struct mft_attribute *out)
{
	size_t value = bl_get16(attribute + 20);

	out->value_length = bl_get32(attribute + 16);
	if (value > out->length || out->value_length > out->length - value ||
	    (out->value_length && value < RESIDENT_BYTES))
		return EIO;
	out->value = attribute + value;
	return 0;
}

static int runs_part(const uint8_t *attribute, struct mft_attribute *out)
{
	size_t pairs = bl_get16(attribute + 32);

	if (out->length < RUNS_BYTES || pairs < RUNS_BYTES || pairs > out->length)
		return EIO;
	out->first_vcn = bl_get64(attribute + 16);
	out->last_vcn = bl_get64(attribute + 24);
	out->unit_shift = attribute[34];
	out->size = bl_get64(attribute + 48);
	out->written = bl_get64(attribute + 56);
	out->pairs = attribute + pairs;
	out->pairs_length = out->length - pairs;
	return 0;
}

int mft_next(const uint8_t *record, size_t size, size_t *inout_at, struct mft_attribute *out)
{
	size_t used = bl_get32(record + USED_BYTES), at = *inout_at;

	if (!at) {
		at = bl_get16(record + FIRST_ATTRIBUTE);
		if (used > size || at < mft_pair_at(record, size / MFT_STRIDE) || at > used)
			return EIO;
	}
	if (at + 4 > used)
		return EIO;
	const uint8_t *attribute = record + at;
	uint32_t type = bl_get32(attribute);
	if (type == ATTRIBUTE_END)
		return ENOENT;
	if (at + RESIDENT_BYTES > used)
		return EIO;
	size_t length = bl_get32(attribute + 4), name = bl_get16(attribute + 10);
	if (length < RESIDENT_BYTES || length % 8 || length > used - at)
		return EIO;
	*out = (struct mft_attribute){.type = type,
				      .flags = bl_get16(attribute + 12),
				      .id = bl_get16(attribute + 14),
				      .is_resident = !attribute[8],
				      .name_length = attribute[9],
				      .at = at,
				      .length = length};
	if (out->name_length &&
	    (name < RESIDENT_BYTES || name > length || 2u * out->name_length > length - name))
		return EIO;
	out->name = attribute + (out->name_length ? name : 0);
	*inout_at = at + length;
	return out->is_resident ? resident_part(attribute, out) : runs_part(attribute, out);
}

/* ---- runs ---- */

void mft_pairs_init(struct mft_pairs *pairs, const struct mft_attribute *attribute)
{
	*pairs = (struct mft_pairs){attribute->pairs, attribute->pairs + attribute->pairs_length,
				    attribute->first_vcn, 0};
}

/* A little-endian number of @length bytes, with its sign. */
static int64_t number_of(const uint8_t *bytes, unsigned length)
{
	uint64_t number = length && (bytes[length - 1] & 0x80) ? UINT64_MAX : 0;

	for (unsigned i = length; i--;)
		number = number << 8 | bytes[i];
	return (int64_t)number;
}

int mft_next_run(struct mft_pairs *pairs, uint64_t clusters, struct mft_run *out)
{
	/* Padding may stand for the end. */
	if (pairs->at == pairs->end || !*pairs->at)
		return ENOENT;
	unsigned counted = *pairs->at & 15, placed = *pairs->at >> 4;
	const uint8_t *at = pairs->at + 1;
	uint64_t end;

	if (!counted || counted > 8 || placed > 8 ||
	    (size_t)(pairs->end - at) < (size_t)counted + placed)
		return EIO;
	int64_t count = number_of(at, counted), step = number_of(at + counted, placed);
	if (count <= 0 || __builtin_add_overflow(pairs->vcn, (uint64_t)count, &end) ||
	    end > INT64_MAX)
		return EIO;
	*out = (struct mft_run){.vcn = pairs->vcn, .count = (uint64_t)count, .is_hole = !placed};
	if (placed) {
		/* Unsigned on purpose: below zero is far above the end. */
		out->lcn = pairs->lcn + (uint64_t)step;
		if (out->lcn >= clusters || out->count > clusters - out->lcn)
			return EIO;
		pairs->lcn = out->lcn;
	}
	pairs->vcn = end;
	pairs->at = at + counted + placed;
	return 0;
}

/* ---- lists ---- */

int mft_next_listed(const uint8_t *list, size_t length, size_t *inout_at, struct mft_listed *out)
{
	size_t left = length - *inout_at;
	const uint8_t *entry = list + *inout_at;

	if (!left)
		return ENOENT;
	if (left < LISTED_BYTES)
		return EIO;
	size_t step = bl_get16(entry + 4), name = entry[7];
	if (step < LISTED_BYTES || step > left || (entry[6] && name + 2u * entry[6] > step))
		return EIO;
	*out = (struct mft_listed){.type = bl_get32(entry),
				   .id = bl_get16(entry + 24),
				   .name_length = entry[6],
				   .name = entry + (entry[6] ? name : 0),
				   .first_vcn = bl_get64(entry + 8),
				   .reference = bl_get64(entry + 16)};
	*inout_at += step;
	return 0;
}

int mft_next_entry(const uint8_t *node, size_t length, size_t *inout_at, struct mft_entry *out)
{
	if (length < NODE_BYTES)
		return EIO;
	size_t used = bl_get32(node + 4), at = *inout_at;
	if (!at)
		at = bl_get32(node);
	if (used > length || at < NODE_BYTES || at > used || used - at < ENTRY_BYTES)
		return EIO;
	const uint8_t *entry = node + at;
	size_t step = bl_get16(entry + 8), key = bl_get16(entry + 10);
	if (bl_get16(entry + 12) & ENTRY_LAST)
		return ENOENT;
	if (step < ENTRY_BYTES + FILE_NAME || step % 8 || step > used - at || key < FILE_NAME ||
	    key > step - ENTRY_BYTES)
		return EIO;
	const uint8_t *name = entry + ENTRY_BYTES;
	if (2u * name[64] > key - FILE_NAME)
		return EIO;
	*out = (struct mft_entry){.reference = bl_get64(entry),
				  .is_short = name[65] == SHORT_NAME,
				  .name_length = name[64],
				  .name = name + FILE_NAME};
	*inout_at = at + step;
	return 0;
}

/* ---- places ---- */

/* On the disk the last two bytes of a stride are somewhere else. */
static int tell_bytes(const uint8_t *record, size_t from, size_t to, mft_range_fn *tell,
		      void *context)
{
	int error = 0;

	while (from < to && !error) {
		size_t stride = from / MFT_STRIDE, within = from % MFT_STRIDE;
		size_t end = BL_MIN(to, stride * MFT_STRIDE + MFT_STRIDE - 2);

		if (within >= MFT_STRIDE - 2) {
			size_t at = mft_pair_at(record, stride) + (within - (MFT_STRIDE - 2));

			error = tell(context, at, at + 1);
			from++;
		} else {
			error = tell(context, from, end);
			from = end;
		}
	}
	return error;
}

int mft_value_places(const uint8_t *record, const struct mft_attribute *attribute,
		     mft_range_fn *tell, void *context)
{
	/* The value is the last of the attribute: what pads it is the stream's as well. */
	return tell_bytes(record, (size_t)(attribute->value - record),
			  attribute->at + attribute->length, tell, context);
}

int mft_places(const uint8_t *record, size_t size, mft_range_fn *tell, void *context)
{
	struct mft_attribute attribute;
	size_t at = 0;
	int error;

	while (!(error = mft_next(record, size, &at, &attribute))) {
		if (attribute.type == MFT_DATA && attribute.is_resident)
			error = mft_value_places(record, &attribute, tell, context);
		if (error)
			return error;
	}
	if (error != ENOENT)
		return error;
	return tell_bytes(record, bl_get32(record + USED_BYTES), size, tell, context);
}
