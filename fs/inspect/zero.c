#include <string.h>

#include "fs/inspect/private.h"

/* memcmp against itself, one byte on: the C library's widest compare, and no table of our own. */
bool inspect_is_fill(const uint8_t *bytes, size_t length, uint8_t fill)
{
	return length == 0 || (bytes[0] == fill && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* The first byte from @at on that is not fill; @length when there is none. */
static size_t skip_fill(const uint8_t *bytes, size_t at, size_t length, uint8_t fill)
{
	static const size_t steps[] = {4096, 64};

	for (size_t i = 0; i < BL_COUNT(steps); i++)
		while (length - at >= steps[i] && inspect_is_fill(bytes + at, steps[i], fill))
			at += steps[i];
	while (at < length && bytes[at] == fill)
		at++;
	return at;
}

/* Behind the last byte before @at that is not fill; there is one. */
static size_t behind_last(const uint8_t *bytes, size_t at, uint8_t fill)
{
	while (bytes[at - 1] == fill)
		at--;
	return at;
}

/*
 * The end of the region that begins at @from, and where the next begins. A gap that is long enough has a whole half of it on the
 * grid of such halves, so only those are looked at, most of them no further than their first bytes.
 */
static size_t region_end(const uint8_t *bytes, size_t from, size_t length, uint8_t fill,
			 size_t *out_next)
{
	const size_t step = INSPECT_GAP / 2;

	for (size_t at = from / step * step + step; at < length; at += step) {
		if (!inspect_is_fill(bytes + at, BL_MIN(step, length - at), fill))
			continue;

		size_t end = behind_last(bytes, at, fill),
		       next = skip_fill(bytes, at, length, fill);

		if (next == length || next - end >= INSPECT_GAP) {
			*out_next = next;
			return end;
		}
		at = next / step * step;
	}
	*out_next = length;
	return behind_last(bytes, length, fill);
}

size_t inspect_block_regions(const uint8_t *bytes, size_t length, uint64_t offset, uint8_t fill,
			     struct inspect_region out[INSPECT_BLOCK_REGIONS])
{
	size_t count = 0, at = skip_fill(bytes, 0, length, fill);

	while (at < length) {
		size_t next, end = region_end(bytes, at, length, fill, &next);

		out[count++] = (struct inspect_region){offset + at, end - at};
		at = next;
	}
	return count;
}

void inspect_join(struct inspect_joiner *joiner, const struct inspect_region *region,
		  struct inspect_result *result)
{
	struct inspect_region *open = &joiner->open;

	if (open->length && region->offset - (open->offset + open->length) < INSPECT_GAP) {
		open->length = region->offset + region->length - open->offset;
		return;
	}
	inspect_join_end(joiner, result);
	*open = *region;
}

void inspect_join_end(struct inspect_joiner *joiner, struct inspect_result *result)
{
	const struct inspect_region *open = &joiner->open;

	if (!open->length)
		return;
	if (result->regions_told < INSPECT_PLACES)
		result->regions[result->regions_told++] = *open;
	result->region_count++;
	result->region_bytes += open->length;
	joiner->open.length = 0;
}
