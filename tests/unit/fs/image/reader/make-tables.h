/* make-tables.h - tables of partitions, as bytes */
#ifndef TESTS_MAKE_TABLES_H
#define TESTS_MAKE_TABLES_H

#include "policy/base.h"

#include <string.h>

#define GPT_ENTRIES 128
#define GPT_ENTRY   128

struct place {
	uint64_t start, sectors;
};

static inline uint32_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static inline void dos_put(uint8_t *sector, unsigned index, unsigned type, uint32_t start,
			   uint32_t sectors)
{
	uint8_t *entry = sector + 446 + 16 * (size_t)index;

	entry[4] = (uint8_t)type;
	bl_put32(entry + 8, start);
	bl_put32(entry + 12, sectors);
	bl_put16(sector + 510, 0xaa55);
}

/* One copy of a GPT: its header at sector @at, its entries at @table; every fourth slot is used, from the first on. */
static inline void gpt_put(uint8_t *disk, unsigned sector, uint64_t at, uint64_t table,
			   const struct place *places, size_t count)
{
	uint8_t *header = disk + at * sector, *entries = disk + table * sector;

	memset(header, 0, sector);
	memset(entries, 0, (size_t)GPT_ENTRIES * GPT_ENTRY);
	for (size_t i = 0; i < count; i++) {
		uint8_t *entry = entries + 4 * i * GPT_ENTRY;

		memset(entry, 0xaf, 32);
		bl_put64(entry + 32, places[i].start);
		bl_put64(entry + 40, places[i].start + places[i].sectors - 1);
	}
	memcpy(header, "EFI PART", 8);
	bl_put32(header + 8, 0x10000);
	bl_put32(header + 12, 92);
	bl_put64(header + 24, at);
	bl_put64(header + 72, table);
	bl_put32(header + 80, GPT_ENTRIES);
	bl_put32(header + 84, GPT_ENTRY);
	bl_put32(header + 88, sum_of(entries, (size_t)GPT_ENTRIES * GPT_ENTRY));
	bl_put32(header + 16, sum_of(header, 92));
}

#endif
