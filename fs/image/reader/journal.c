/* Replay of an unclean ext journal, without writing: which blocks of the volume are newer in the journal. */
#include "fs/image/reader/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Linux Documentation/filesystems/ext4/journal.rst; all fields big-endian. */
#define MAGIC		0xc03b3998u
#define TYPE_DESCRIPTOR 1
#define TYPE_COMMIT	2
#define TYPE_SUPER_V2	4
#define TYPE_REVOKE	5
#define HEADER_BYTES	12
#define REVOKE_BYTES	16 /* header and r_count */
#define TAIL_BYTES	4  /* checksum at the end of descriptor and revoke blocks */
#define UUID_BYTES	16

#define HAS_64BIT   0x02u
#define HAS_ASYNC   0x04u
#define HAS_CSUM_V2 0x08u
#define HAS_CSUM_V3 0x10u
#define KNOWN	    0x1fu /* with REVOKE; not fast commit */

#define TAG_ESCAPED   1u
#define TAG_SAME_UUID 2u
#define TAG_LAST      8u

#define ITEMS_LIMIT (1u << 20) /* blocks, and revocations, of one journal */

struct item {
	uint64_t block;	      /* of the volume */
	uint64_t place;	      /* its newer copy: byte in the image */
	uint32_t transaction; /* counted from the first in the journal */
	uint32_t order;
	uint32_t checksum;
	bool is_escaped;
};

struct items {
	struct item *all;
	size_t count, room;
};

struct scan {
	struct blocks *blocks;
	const struct runs *journal;
	uint32_t unit, features, first, length, seed;
	uint32_t at, sequence, transaction, steps;
	struct items writes, revokes;
	uint8_t *block;
};

static uint32_t be32(const uint8_t *p)
{
	return __builtin_bswap32(bl_get32(p));
}

/* CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), four bits at a time. */
static uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t length)
{
	static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
					   0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
					   0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
					   0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		crc = table[crc & 15] ^ (crc >> 4);
		crc = table[crc & 15] ^ (crc >> 4);
	}
	return crc;
}

static int items_add(struct items *items, const struct item *item)
{
	if (items->count >= ITEMS_LIMIT)
		return EFBIG;
	if (items->count == items->room) {
		size_t room = items->room ? 2 * items->room : 64;
		struct item *all = realloc(items->all, room * sizeof(*all));

		if (!all)
			return ENOMEM;
		items->all = all;
		items->room = room;
	}
	items->all[items->count] = *item;
	items->all[items->count].order = (uint32_t)items->count;
	items->count++;
	return 0;
}

/* Where block @index of the journal lies in the image, 0 when nowhere. */
static uint64_t place_of(const struct scan *scan, uint32_t index)
{
	uint64_t at = (uint64_t)index * scan->unit;

	for (size_t i = 0; i < scan->journal->count; i++) {
		const struct wire_run *run = &scan->journal->items[i];

		if (at >= run->file_offset && at + scan->unit <= run->file_offset + run->length)
			return run->image_offset + (at - run->file_offset);
	}
	return 0;
}

static int step(struct scan *scan)
{
	/* Once round the journal at most, whatever it says. */
	if (++scan->steps > scan->length)
		return EIO;
	if (++scan->at == scan->length)
		scan->at = scan->first;
	return 0;
}

static size_t tag_bytes(const struct scan *scan)
{
	if (scan->features & HAS_CSUM_V3)
		return 16;
	return 8u + (scan->features & HAS_CSUM_V2 ? 2u : 0) + (scan->features & HAS_64BIT ? 4u : 0);
}

static uint32_t tag_read(const struct scan *scan, const uint8_t *tag, struct item *out)
{
	uint32_t flags;

	*out = (struct item){.block = be32(tag), .transaction = scan->transaction};
	if (scan->features & HAS_CSUM_V3) {
		flags = be32(tag + 4);
		out->checksum = be32(tag + 12);
	} else {
		flags = be32(tag + 4) & 0xffff;
		out->checksum = be32(tag + 4) >> 16;
	}
	if (scan->features & HAS_64BIT)
		out->block |= (uint64_t)be32(tag + 8) << 32;
	out->is_escaped = flags & TAG_ESCAPED;
	return flags;
}

static int read_descriptor(struct scan *scan)
{
	size_t end = scan->unit - (scan->features & (HAS_CSUM_V2 | HAS_CSUM_V3) ? TAIL_BYTES : 0);
	size_t size = tag_bytes(scan);
	uint32_t flags = 0;

	for (size_t at = HEADER_BYTES; at + size <= end && !(flags & TAG_LAST); at += size) {
		struct item item;
		int error = step(scan);

		flags = tag_read(scan, scan->block + at, &item);
		item.place = place_of(scan, scan->at);
		if (!error && !item.place)
			error = EIO;
		if (!error)
			error = items_add(&scan->writes, &item);
		if (error)
			return error;
		if (!(flags & TAG_SAME_UUID))
			at += UUID_BYTES;
	}
	return step(scan);
}

static int read_revoke(struct scan *scan)
{
	size_t size = scan->features & HAS_64BIT ? 8 : 4;
	size_t end = be32(scan->block + HEADER_BYTES);

	if (end > scan->unit)
		return EIO;
	for (size_t at = REVOKE_BYTES; at + size <= end; at += size) {
		struct item item = {.block = be32(scan->block + at),
				    .transaction = scan->transaction};

		if (size == 8)
			item.block = item.block << 32 | be32(scan->block + at + 4);
		int error = items_add(&scan->revokes, &item);
		if (error)
			return error;
	}
	return step(scan);
}

/* One block of the log; *out_is_end when it is none of this journal's. */
static int read_log(struct scan *scan, bool *out_is_end)
{
	uint64_t place = place_of(scan, scan->at);

	if (!place)
		return EIO;
	int error = blocks_read(scan->blocks, place, scan->block, scan->unit);
	if (error)
		return error;
	*out_is_end = be32(scan->block) != MAGIC ||
		      be32(scan->block + 8) != scan->sequence + scan->transaction;
	if (*out_is_end)
		return 0;
	switch (be32(scan->block + 4)) {
	case TYPE_DESCRIPTOR:
		return read_descriptor(scan);
	case TYPE_REVOKE:
		return read_revoke(scan);
	case TYPE_COMMIT:
		scan->transaction++;
		return step(scan);
	default:
		*out_is_end = true;
		return 0;
	}
}

static int by_block(const void *left, const void *right)
{
	const struct item *a = left, *b = right;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* Was the block given up in @transaction or later? Revocations are sorted by block, then age. */
static bool is_revoked(const struct scan *scan, const struct item *write)
{
	size_t low = 0, high = scan->revokes.count;

	/* The first revocation of a block behind this one; the one before it is the latest of this one. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (scan->revokes.all[middle].block <= write->block)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || scan->revokes.all[low - 1].block != write->block)
		return false;
	return scan->revokes.all[low - 1].transaction >= write->transaction;
}

static size_t drop_uncommitted(struct items *items, uint32_t committed)
{
	size_t kept = 0;

	for (size_t i = 0; i < items->count; i++)
		if (items->all[i].transaction < committed)
			items->all[kept++] = items->all[i];
	if (kept)
		qsort(items->all, kept, sizeof(*items->all), by_block);
	return kept;
}

static int check_copy(struct scan *scan, const struct item *write)
{
	uint8_t sequence[4];
	uint32_t number = __builtin_bswap32(scan->sequence + write->transaction);

	if (!(scan->features & (HAS_CSUM_V2 | HAS_CSUM_V3)))
		return 0;
	int error = blocks_read(scan->blocks, write->place, scan->block, scan->unit);
	if (error)
		return error;
	bl_put32(sequence, number);
	uint32_t sum = crc32c(crc32c(scan->seed, sequence, 4), scan->block, scan->unit);
	if (!(scan->features & HAS_CSUM_V3))
		sum &= 0xffff;
	return sum == write->checksum ? 0 : EIO;
}

static int build_overlay(struct scan *scan, struct overlay *out)
{
	scan->writes.count = drop_uncommitted(&scan->writes, scan->transaction);
	scan->revokes.count = drop_uncommitted(&scan->revokes, scan->transaction);
	out->items = calloc(scan->writes.count + 1, sizeof(*out->items));
	if (!out->items)
		return ENOMEM;
	for (size_t i = 0; i < scan->writes.count; i++) {
		const struct item *write = &scan->writes.all[i];
		bool is_last = i + 1 == scan->writes.count ||
			       scan->writes.all[i + 1].block != write->block;

		int error = check_copy(scan, write);
		if (error)
			return error;
		if (is_last && !is_revoked(scan, write))
			out->items[out->count++] = (struct overlay_block){
				write->block, write->place, write->is_escaped};
	}
	out->unit = scan->unit;
	return 0;
}

static int read_super(struct scan *scan)
{
	uint64_t place = place_of(scan, 0);
	int error = place ? blocks_read(scan->blocks, place, scan->block, scan->unit) : EIO;
	const uint8_t *super = scan->block;

	if (error)
		return error;
	/* Version 1 has no features and is older than ext3 in any device of ours. */
	if (be32(super) != MAGIC || be32(super + 4) != TYPE_SUPER_V2 ||
	    be32(super + 12) != scan->unit)
		return EIO;
	scan->length = be32(super + 16);
	scan->first = be32(super + 20);
	scan->sequence = be32(super + 24);
	scan->at = be32(super + 28);
	scan->features = be32(super + 40);
	scan->seed = crc32c(~0u, super + 48, UUID_BYTES);
	/* Without data checksums an asynchronous commit may stand before the blocks it commits. */
	if ((scan->features & ~KNOWN) ||
	    ((scan->features & HAS_ASYNC) && !(scan->features & (HAS_CSUM_V2 | HAS_CSUM_V3))))
		return EOPNOTSUPP;
	return scan->first && scan->first < scan->length && scan->at < scan->length &&
			       (!scan->at || scan->at >= scan->first)
		       ? 0
		       : EIO;
}

static int scan_run(struct scan *scan, struct overlay *out)
{
	bool is_end = false;
	int error = read_super(scan);

	/* Start 0: the journal is empty, and nothing has to be replayed. */
	while (!error && scan->at && !is_end)
		error = read_log(scan, &is_end);
	return error ? error : build_overlay(scan, out);
}

int journal_replay(struct blocks *blocks, const struct runs *journal, uint32_t unit,
		   struct overlay *out)
{
	struct scan scan = {.blocks = blocks, .journal = journal, .unit = unit};

	scan.block = malloc(unit);
	int error = scan.block ? scan_run(&scan, out) : ENOMEM;
	free(scan.block);
	free(scan.writes.all);
	free(scan.revokes.all);
	if (error)
		overlay_done(out);
	return error;
}

void overlay_done(struct overlay *overlay)
{
	free(overlay->items);
	*overlay = (struct overlay){0};
}

/* The first replayed block at or behind @block. */
static size_t overlay_find(const struct overlay *overlay, uint64_t block)
{
	size_t low = 0, high = overlay->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (overlay->items[middle].block < block)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool overlay_touches(const struct overlay *overlay, uint64_t block, uint64_t count)
{
	size_t at = overlay_find(overlay, block);

	return at < overlay->count && overlay->items[at].block - block < count;
}

/* The part of one replayed block that lies in [offset, offset + length). */
static int patch(const struct overlay *overlay, const struct overlay_block *newer,
		 struct blocks *blocks, uint64_t offset, uint8_t *out, size_t length)
{
	uint64_t start = newer->block * overlay->unit;
	uint64_t from = BL_MAX(start, offset), to = BL_MIN(start + overlay->unit, offset + length);
	uint8_t magic[4];
	int error = blocks_read(blocks, newer->place + (from - start), out + (from - offset),
				(size_t)(to - from));

	/* A block that began with the journal's magic was written with zeros there. */
	bl_put32(magic, __builtin_bswap32(MAGIC));
	for (uint64_t i = from; newer->is_escaped && i < to && i - start < sizeof(magic); i++)
		out[i - offset] = magic[i - start];
	return error;
}

int overlay_read(const struct overlay *overlay, struct blocks *blocks, uint64_t offset,
		 uint8_t *out, size_t length)
{
	int error = 0;

	if (!overlay->count || !length)
		return 0;
	for (size_t i = overlay_find(overlay, offset / overlay->unit); i < overlay->count && !error;
	     i++) {
		if (overlay->items[i].block > (offset + length - 1) / overlay->unit)
			break;
		error = patch(overlay, &overlay->items[i], blocks, offset, out, length);
	}
	return error;
}
