/* GPT: a copy counts when its checksums hold, the first one first. */
#include "fs/image/reader/tables.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_LEAST 92
#define ENTRY_LEAST  128
#define ENTRIES_MOST 1024 /* the usual table has 128; a hostile one may say four billion */
#define ENTRY_MOST   1024

struct header {
	uint64_t first, last; /* sectors that partitions may use */
	uint64_t table;
	uint32_t entries, entry_bytes, table_crc;
};

/* ISO 3309, as zlib's crc32: UEFI specification 2.10, 5.3.2. */
static uint32_t crc32_of(const uint8_t *bytes, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static bool header_read(struct blocks *blocks, unsigned sector, uint64_t at, struct header *out)
{
	uint8_t bytes[TABLE_SECTOR];

	if (blocks_read(blocks, at * sector, bytes, sizeof(bytes)) ||
	    memcmp(bytes, "EFI PART", 8) != 0)
		return false;
	uint32_t length = bl_get32(bytes + 12), crc = bl_get32(bytes + 16);
	if (length < HEADER_LEAST || length > sizeof(bytes))
		return false;
	bl_put32(bytes + 16, 0);
	if (crc32_of(bytes, length) != crc || bl_get64(bytes + 24) != at)
		return false;
	*out = (struct header){
		.first = bl_get64(bytes + 40),
		.last = bl_get64(bytes + 48),
		.table = bl_get64(bytes + 72),
		.entries = bl_get32(bytes + 80),
		.entry_bytes = bl_get32(bytes + 84),
		.table_crc = bl_get32(bytes + 88),
	};
	return out->entries && out->entries <= ENTRIES_MOST && out->entry_bytes >= ENTRY_LEAST &&
	       out->entry_bytes <= ENTRY_MOST && out->table < INT64_MAX / sector;
}

/* Types whose partitions have no magic of their own; as on disk. Microsoft, PARTITION_INFORMATION_GPT; GRUB's manual. */
static const char *hint_of(const uint8_t *type)
{
	static const struct {
		uint8_t type[16];
		const char *hint;
	} rows[] = {
		{{0x8f, 0xaf, 0x5c, 0xe7, 0x80, 0xf6, 0xee, 0x4c, 0xaf, 0xa3, 0xb0, 0x01, 0xe5,
		  0x6e, 0xfc, 0x2d},
		 "Windows Storage Spaces: one part of something larger, which is not read by this "
		 "version"},
		{{0xa0, 0x60, 0x9b, 0xaf, 0x31, 0x14, 0x62, 0x4f, 0xbc, 0x68, 0x33, 0x11, 0x71,
		  0x4a, 0x69, 0xad},
		 "Windows dynamic disk: one part of something larger, which is not read by this "
		 "version"},
		{{0x16, 0xe3, 0xc9, 0xe3, 0x5c, 0x0b, 0xb8, 0x4d, 0x81, 0x7d, 0xf9, 0x2d, 0xf0,
		  0x02, 0x15, 0xae},
		 "Microsoft reserved partition, without a filesystem"},
		{{0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6f, 0x6e, 0x74, 0x4e, 0x65, 0x65, 0x64,
		  0x45, 0x46, 0x49},
		 "BIOS boot partition, without a filesystem"},
	};

	for (size_t i = 0; i < BL_COUNT(rows); i++)
		if (!memcmp(type, rows[i].type, sizeof(rows[i].type)))
			return rows[i].hint;
	return NULL;
}

static void entries_take(const struct header *header, const uint8_t *bytes, struct table *table)
{
	static const uint8_t unused[16] = {0};

	for (uint32_t i = 0; i < header->entries; i++) {
		const uint8_t *entry = bytes + (size_t)i * header->entry_bytes;
		uint64_t first = bl_get64(entry + 32), last = bl_get64(entry + 40);

		if (!memcmp(entry, unused, sizeof(unused)))
			continue;
		if (first > last || !first || last >= INT64_MAX / table->sector) {
			table->trouble = "GPT has a partition of no place";
			return;
		}
		if (!table_add(table, first, last - first + 1) ||
		    !table_list(table, first, last - first + 1, i + 1, NULL))
			return;
		table->volumes[table->listed - 1].hint = hint_of(entry);
	}
	if (!table->listed)
		table->trouble = "GPT is empty";
}

/* One copy, whole and unharmed, or nothing. */
static bool copy_read(struct blocks *blocks, uint64_t at, struct table *table)
{
	struct header header;

	if (!header_read(blocks, table->sector, at, &header))
		return false;
	size_t length = (size_t)header.entries * header.entry_bytes;
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(length);
	if (!bytes || blocks_read(blocks, header.table * table->sector, bytes, length) ||
	    crc32_of(bytes, length) != header.table_crc)
		return false;
	table->is_checked = true;
	entries_take(&header, bytes, table);
	return true;
}

bool gpt_read(struct blocks *blocks, bool has_second, struct table *table)
{
	static const unsigned sectors[] = {512, 4096};

	for (size_t i = 0; i < BL_COUNT(sectors); i++) {
		table->sector = sectors[i];
		if (copy_read(blocks, 1, table))
			return true;
	}
	/* The second copy is the last sector of the disk: that of the image, unless the image is cut. */
	table->is_second = true;
	for (size_t i = 0; i < BL_COUNT(sectors) && has_second; i++) {
		uint64_t last = blocks->image_bytes / sectors[i];

		table->sector = sectors[i];
		if (last > 2 && copy_read(blocks, last - 1, table))
			return true;
	}
	return false;
}
