/* Which table of partitions an image has, what it says, and whether libtsk reads it the same way. */
#include "fs/image/reader/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MBR_ENTRIES 4
#define MBR_TABLE   446
#define LOGICAL	    5 /* the number of the first logical partition */
#define ISO_AT	    32769

#define IN_TWO_WAYS "MBR partition table is read in two ways"

struct mbr_entry {
	uint8_t flags, type;
	uint32_t start, sectors;
};

bool table_add(struct table *table, uint64_t start, uint64_t sectors)
{
	if (table->count == BL_COUNT(table->parts)) {
		table->trouble = "partition table has too many partitions";
		return false;
	}
	table->parts[table->count++] = (struct table_part){start, sectors};
	return true;
}

bool table_list(struct table *table, uint64_t start, uint64_t sectors, uint32_t number,
		const char *trouble)
{
	struct partition at = {.number = number};

	if (table->listed == BL_COUNT(table->volumes)) {
		table->trouble = "partition table has too many partitions";
		return false;
	}
	if (__builtin_mul_overflow(start, table->sector, &at.offset) || at.offset > INT64_MAX ||
	    __builtin_mul_overflow(sectors, table->sector, &at.length) || at.length > INT64_MAX) {
		table->trouble = "partition table has a partition of no place";
		return false;
	}
	table->volumes[table->listed++] = (struct volume){.at = at, .trouble = trouble};
	return true;
}

/* ---- DOS ---- */

static struct mbr_entry entry_of(const uint8_t *sector, unsigned index)
{
	const uint8_t *entry = sector + MBR_TABLE + 16 * (size_t)index;

	return (struct mbr_entry){
		.flags = entry[0],
		.type = entry[4],
		.start = bl_get32(entry + 8),
		.sectors = bl_get32(entry + 12),
	};
}

static bool is_used(const struct mbr_entry *entry)
{
	return entry->type && entry->sectors;
}

static bool is_extended(const struct mbr_entry *entry)
{
	return entry->type == 0x05 || entry->type == 0x0f || entry->type == 0x85;
}

/* Boot sectors of FAT and NTFS end with the same two bytes and have code where the entries would be. */
static bool mbr_is_sane(const uint8_t *sector, uint64_t image_bytes)
{
	uint64_t ends[MBR_ENTRIES], starts[MBR_ENTRIES];
	size_t count = 0;

	if (bl_get16(sector + 510) != 0xaa55)
		return false;
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry entry = entry_of(sector, i);
		uint64_t start = entry.start;

		if (entry.flags & 0x7f)
			return false;
		if (!is_used(&entry))
			continue;
		if (!start || start * TABLE_SECTOR >= image_bytes)
			return false;
		for (size_t k = 0; k < count; k++)
			if (start < ends[k] && starts[k] < start + entry.sectors)
				return false;
		starts[count] = start;
		ends[count++] = start + entry.sectors;
	}
	return count > 0;
}

static bool is_inside(uint64_t start, uint64_t sectors, uint64_t from, uint64_t length)
{
	return start > from && start - from < length && sectors <= length - (start - from);
}

struct chain {
	uint64_t start, sectors; /* of the extended partition */
	uint64_t tables
		[READER_VOLUMES]; /* sectors that were read: a chain that comes back is a loop */
	struct mbr_entry logical[READER_VOLUMES];
	uint64_t places[READER_VOLUMES];
	size_t count, found;
};

/* One table of the chain: at most one partition, inside, and at most one further table. 0 in *out_next: the last one. */
static bool chain_table(struct blocks *blocks, struct chain *chain, uint64_t at, uint64_t *out_next)
{
	uint8_t sector[TABLE_SECTOR];
	size_t before = chain->found;

	*out_next = 0;
	if (blocks_read(blocks, at * TABLE_SECTOR, sector, sizeof(sector)) ||
	    bl_get16(sector + 510) != 0xaa55)
		return false;
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry entry = entry_of(sector, i);
		uint64_t base = is_extended(&entry) ? chain->start : at;

		if (!is_used(&entry))
			continue;
		if (entry.flags & 0x7f ||
		    !is_inside(base + entry.start, 1, chain->start, chain->sectors))
			return false;
		if (is_extended(&entry) && !*out_next) {
			*out_next = base + entry.start;
		} else if (!is_extended(&entry) && chain->found == before &&
			   is_inside(base + entry.start, entry.sectors, chain->start,
				     chain->sectors)) {
			chain->logical[chain->found] = entry;
			chain->places[chain->found++] = base + entry.start;
		} else {
			return false;
		}
	}
	return true;
}

static bool chain_read(struct blocks *blocks, struct chain *chain)
{
	uint64_t at = chain->start;

	while (at) {
		uint64_t next = 0;

		if (chain->count == BL_COUNT(chain->tables))
			return false;
		for (size_t i = 0; i < chain->count; i++)
			if (chain->tables[i] == at)
				return false;
		chain->tables[chain->count++] = at;
		if (!chain_table(blocks, chain, at, &next))
			return false;
		at = next;
	}
	return true;
}

struct dos {
	struct blocks *blocks;
	struct sleuth_image *image;
	struct table *table;
	uint32_t next; /* number for what has no slot in the MBR */
};

static bool is_slice(const struct mbr_entry *entry)
{
	return entry->type == 0xa5 || entry->type == 0xa6 || entry->type == 0xa9;
}

static bool agrees(struct sleuth_image *image, enum table_kind kind, uint64_t offset,
		   const struct table *table);

/* A BSD slice: what its label says, as Linux numbers it, behind the logical ones. False: it has no label. */
static bool slice_list(struct dos *dos, const struct mbr_entry *entry, uint64_t start,
		       uint32_t number)
{
	struct table label = {0};
	const struct label_place place = {start, entry->sectors, entry->type};

	if (!label_read(dos->blocks, &place, &label))
		return false;
	if (!label.trouble && !agrees(dos->image, TABLE_LABEL, start * TABLE_SECTOR, &label))
		label.trouble = "BSD disklabel is read in two ways";
	if (label.trouble)
		return table_list(dos->table, start, entry->sectors, number, label.trouble), true;
	for (size_t i = 0; i < label.listed; i++)
		if (!table_list(dos->table, label.volumes[i].at.offset / TABLE_SECTOR,
				label.volumes[i].at.length / TABLE_SECTOR, dos->next++, NULL))
			break;
	return true;
}

static void extended_list(struct dos *dos, const struct mbr_entry *extended, uint32_t number)
{
	struct chain chain = {.start = extended->start, .sectors = extended->sectors};

	if (!chain_read(dos->blocks, &chain)) {
		dos->table->is_partial = true;
		(void)table_list(dos->table, extended->start, extended->sectors, number,
				 "chain of logical partitions is damaged");
		return;
	}
	for (size_t i = 0; i < chain.found; i++)
		if (!table_add(dos->table, chain.places[i], chain.logical[i].sectors) ||
		    !table_list(dos->table, chain.places[i], chain.logical[i].sectors, dos->next++,
				NULL))
			return;
}

static void dos_read(struct dos *dos, const uint8_t *sector)
{
	dos->table->sector = TABLE_SECTOR;
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry entry = entry_of(sector, i);

		if (is_used(&entry) && is_extended(&entry))
			extended_list(dos, &entry, i + 1);
	}
	for (unsigned i = 0; i < MBR_ENTRIES; i++) {
		const struct mbr_entry entry = entry_of(sector, i);

		if (!is_used(&entry) || is_extended(&entry))
			continue;
		if (!table_add(dos->table, entry.start, entry.sectors))
			return;
		if (!is_slice(&entry) || !slice_list(dos, &entry, entry.start, i + 1))
			(void)table_list(dos->table, entry.start, entry.sectors, i + 1, NULL);
	}
}

/* ---- the second opinion ---- */

static bool take_away(struct table_part *parts, size_t *count, const struct table_part *wanted)
{
	for (size_t i = 0; i < *count; i++) {
		if (parts[i].start != wanted->start || parts[i].sectors != wanted->sectors)
			continue;
		parts[i] = parts[--*count];
		return true;
	}
	return false;
}

/*
 * What we list, libtsk must list, and nothing else. It may refuse a table whose checksums hold: it wants the first two
 * partitions inside the image, and counts a label's sectors from the slice.
 */
static bool agrees(struct sleuth_image *image, enum table_kind kind, uint64_t offset,
		   const struct table *table)
{
	struct table_part parts[READER_VOLUMES];
	size_t count = 0;
	int error =
		sleuth_parts(image, kind, offset, table->sector, parts, BL_COUNT(parts), &count);

	if (error)
		return error == ENOENT && table->is_checked;
	for (size_t i = 0; i < table->count; i++)
		if (!take_away(parts, &count, &table->parts[i]))
			return false;
	return count == 0 || table->is_partial;
}

/* ---- which table ---- */

static size_t whole_image(struct blocks *blocks, const char *trouble, struct volume *out)
{
	out[0] = (struct volume){.at = {0, blocks->image_bytes, 0}, .trouble = trouble};
	return 1;
}

static int by_number(const void *a, const void *b)
{
	const struct volume *one = a, *two = b;

	return one->at.number < two->at.number ? -1 : one->at.number > two->at.number;
}

static size_t take(struct blocks *blocks, struct table *table, struct volume *out)
{
	if (table->trouble)
		return whole_image(blocks, table->trouble, out);
	qsort(table->volumes, table->listed, sizeof(*table->volumes), by_number);
	memcpy(out, table->volumes, table->listed * sizeof(*out));
	return table->listed;
}

static bool is_protective(const uint8_t *sector)
{
	bool is_protected = false;

	for (unsigned i = 0; i < MBR_ENTRIES; i++)
		is_protected |= entry_of(sector, i).type == 0xee;
	return bl_get16(sector + 510) == 0xaa55 && is_protected;
}

/*
 * UEFI wants an entry in the MBR that protects a GPT. Without one it was left behind, perhaps, by who made a filesystem or an
 * MBR over it: then it counts only if there is nothing else, and its copy at the end not at all.
 */
static size_t scan_gpt(struct blocks *blocks, struct sleuth_image *image, const uint8_t *sector,
		       struct volume *out)
{
	const struct probe_kind *kinds[PROBE_ROOM];
	struct table table = {0};
	bool is_protected = is_protective(sector);

	if (!gpt_read(blocks, is_protected, &table))
		return is_protected ? whole_image(blocks, "GPT partition table is damaged", out)
				    : 0;
	if (!is_protected && mbr_is_sane(sector, blocks->image_bytes))
		table.trouble = "disk has a GPT and an MBR, and neither knows of the other";
	else if (!is_protected && probe(blocks, 0, blocks->image_bytes, kinds))
		return 0;
	/* libtsk checks no sums: of a first copy that is damaged it makes something else than the second one says. */
	if (!table.trouble && !table.is_second && !agrees(image, TABLE_GPT, 0, &table))
		table.trouble = "GPT partition table is read in two ways";
	return take(blocks, &table, out);
}

static size_t scan_dos(struct blocks *blocks, struct sleuth_image *image, const uint8_t *sector,
		       struct volume *out)
{
	struct table table = {0};
	struct dos dos = {blocks, image, &table, LOGICAL};

	dos_read(&dos, sector);
	if (!table.trouble && !agrees(image, TABLE_DOS, 0, &table))
		table.trouble = IN_TWO_WAYS;
	return take(blocks, &table, out);
}

/* A disc that has both is shown by its ISO 9660 side: the map's partitions lie over it, on the same files. */
static bool is_disc(struct blocks *blocks)
{
	char found[5];

	return blocks->image_bytes > ISO_AT + sizeof(found) &&
	       !blocks_read(blocks, ISO_AT, found, sizeof(found)) && !memcmp(found, "CD001", 5);
}

static size_t scan_old(struct blocks *blocks, struct sleuth_image *image, const uint8_t *sector,
		       struct volume *out)
{
	struct table map = {0}, label = {0};
	const struct label_place place = {0, blocks->image_bytes / TABLE_SECTOR, 0};

	if (map_read(blocks, sector, &map)) {
		if (is_disc(blocks))
			return 0;
		if (!map.trouble && !agrees(image, TABLE_MAP, 0, &map))
			map.trouble = "Apple partition map is read in two ways";
		return take(blocks, &map, out);
	}
	if (!label_read(blocks, &place, &label))
		return 0;
	if (!label.trouble && !agrees(image, TABLE_LABEL, 0, &label))
		label.trouble = "BSD disklabel is read in two ways";
	return take(blocks, &label, out);
}

size_t tables_scan(struct blocks *blocks, struct sleuth_image *image, const uint8_t *sector,
		   struct volume out[READER_VOLUMES])
{
	size_t count = scan_gpt(blocks, image, sector, out);

	if (!count && mbr_is_sane(sector, blocks->image_bytes))
		return scan_dos(blocks, image, sector, out);
	return count ? count : scan_old(blocks, image, sector, out);
}
