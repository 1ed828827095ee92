/* Apple partition map and BSD disklabel. */
#include "fs/image/reader/tables.h"

#include <string.h>
#include <strings.h>

#define MAP_ENTRIES 256 /* Apple's own tools make at most 63 */

#define LABEL_MAGIC 0x82564557u
#define LABEL_SLOTS 16
#define LABEL_RAW   2 /* 'c' */
#define LABEL_START 148
#define FREEBSD	    0xa5

static uint32_t big32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t big16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* ---- Apple partition map ---- */

/* The map itself and what is free are no volumes. */
static bool is_map_volume(const uint8_t *entry)
{
	static const char *const none[] = {"Apple_partition_map", "Apple_Free", "Apple_Void",
					   "Apple_Scratch"};

	for (size_t i = 0; i < BL_COUNT(none); i++)
		if (!strncasecmp((const char *)entry + 48, none[i], 32))
			return false;
	return true;
}

static bool map_entry(const uint8_t *entry, uint32_t index, struct table *table)
{
	uint32_t start = big32(entry + 8), sectors = big32(entry + 12);

	if (!sectors)
		return true;
	if (!start) {
		table->trouble = "Apple partition map has a partition over itself";
		return false;
	}
	/* libtsk takes what has no status for free. */
	if (big32(entry + 88) && !table_add(table, start, sectors))
		return false;
	if (!is_map_volume(entry))
		return true;
	if (!big32(entry + 88)) {
		table->trouble = "Apple partition map is read in two ways";
		return false;
	}
	return table_list(table, start, sectors, index + 1, NULL);
}

static bool is_map_sector(unsigned bytes)
{
	return bytes == 512 || bytes == 1024 || bytes == 2048 || bytes == 4096;
}

bool map_read(struct blocks *blocks, const uint8_t *sector, struct table *table)
{
	uint8_t entry[TABLE_SECTOR];
	uint32_t count = 1;

	/* "ER": the driver descriptor record, which tells the block size; the map begins behind it. */
	if (memcmp(sector, "ER", 2) != 0 || !is_map_sector(big16(sector + 2)))
		return false;
	table->sector = big16(sector + 2);
	for (uint32_t i = 0; i < count; i++) {
		int error = blocks_read(blocks, (uint64_t)(i + 1) * table->sector, entry,
					sizeof(entry));

		if (!i && (error || memcmp(entry, "PM", 2) != 0))
			return false;
		if (!i)
			count = big32(entry + 4);
		if (error || memcmp(entry, "PM", 2) != 0 || big32(entry + 4) != count || !count ||
		    count > MAP_ENTRIES) {
			table->trouble = "Apple partition map is damaged";
			return true;
		}
		if (!map_entry(entry, i, table))
			return true;
	}
	if (!table->listed)
		table->trouble = "Apple partition map is empty";
	return true;
}

/* ---- BSD disklabel ---- */

/* All 16-bit words up to the last partition give 0. */
static bool label_sum_holds(const uint8_t *label, unsigned slots)
{
	uint16_t sum = 0;

	for (size_t at = 0; at < LABEL_START + 16 * (size_t)slots; at += 2)
		sum ^= bl_get16(label + at);
	return !sum;
}

/*
 * Sectors are the disk's, except in FreeBSD's slices, where they are the slice's own if 'c', which is all of the slice, begins
 * at 0. (So Linux reads them too.)
 */
static uint64_t label_base(const uint8_t *label, const struct label_place *place)
{
	const uint8_t *raw = label + LABEL_START + 16 * LABEL_RAW;

	return place->type == FREEBSD && !bl_get32(raw + 4) ? place->start : 0;
}

static bool label_entry(const uint8_t *label, unsigned slot, const struct label_place *place,
			struct table *table)
{
	const uint8_t *entry = label + LABEL_START + 16 * slot;
	uint64_t sectors = bl_get32(entry), start = bl_get32(entry + 4);
	uint64_t base = label_base(label, place);

	if (!sectors)
		return true;
	if (!table_add(table, start, sectors))
		return false;
	/* Type 0 is "unused": so the one over everything ('c', and 'd' on NetBSD) is marked. */
	if (!entry[12])
		return true;
	if (base + start < place->start || start + base - place->start > place->sectors ||
	    sectors > place->sectors - (start + base - place->start)) {
		table->trouble = "BSD disklabel has a partition outside of it";
		return false;
	}
	return table_list(table, base + start, sectors, slot + 1, NULL);
}

bool label_read(struct blocks *blocks, const struct label_place *place, struct table *table)
{
	uint8_t label[TABLE_SECTOR];

	if (blocks_read(blocks, (place->start + 1) * TABLE_SECTOR, label, sizeof(label)) ||
	    bl_get32(label) != LABEL_MAGIC || bl_get32(label + 132) != LABEL_MAGIC)
		return false;
	unsigned slots = bl_get16(label + 138);
	table->is_checked = true;
	table->sector = TABLE_SECTOR;
	if (!slots || slots > LABEL_SLOTS || bl_get32(label + 40) != TABLE_SECTOR ||
	    !label_sum_holds(label, slots)) {
		table->trouble = "BSD disklabel is damaged";
		return true;
	}
	for (unsigned slot = 0; slot < slots; slot++)
		if (!label_entry(label, slot, place, table))
			return true;
	if (!table->listed)
		table->trouble = "BSD disklabel is empty";
	return true;
}
