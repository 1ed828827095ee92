#include "fs/image/reader/reader.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECTOR	    512
#define MBR_ENTRIES 4
#define SUPER_BYTES 4096

static bool is_extended(unsigned type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

/*
 * The partition table in sector 0, read by ourselves: the second opinion. Boot sectors of FAT and NTFS end with
 * the same two bytes and have code where the entries would be.
 */
static bool mbr_is_sane(const uint8_t *sector, uint64_t image_bytes)
{
	uint64_t ends[MBR_ENTRIES], starts[MBR_ENTRIES];
	size_t count = 0;

	if (bl_get16(sector + 510) != 0xaa55)
		return false;
	for (size_t i = 0; i < MBR_ENTRIES; i++) {
		const uint8_t *entry = sector + 446 + 16 * i;
		uint64_t start = bl_get32(entry + 8), length = bl_get32(entry + 12);

		if (entry[0] & 0x7f)
			return false;
		if (!entry[4] || !length)
			continue;
		if (!start || start * SECTOR >= image_bytes)
			return false;
		for (size_t k = 0; k < count; k++)
			if (start < ends[k] && starts[k] < start + length)
				return false;
		starts[count] = start;
		ends[count++] = start + length;
	}
	return count > 0;
}

/* Each primary entry that we see, libtsk must have seen the same. */
static bool mbr_agrees(const uint8_t *sector, const struct partition *parts, size_t count)
{
	for (size_t i = 0; i < MBR_ENTRIES; i++) {
		const uint8_t *entry = sector + 446 + 16 * i;
		bool is_found = !entry[4] || is_extended(entry[4]) || !bl_get32(entry + 12);

		for (size_t k = 0; k < count && !is_found; k++)
			is_found = parts[k].offset == (uint64_t)bl_get32(entry + 8) * SECTOR &&
				   parts[k].length == (uint64_t)bl_get32(entry + 12) * SECTOR;
		if (!is_found)
			return false;
	}
	return true;
}

static bool has_gpt(struct blocks *blocks, const uint8_t *sector)
{
	static const unsigned sizes[] = {512, 4096};
	bool is_protected = false;
	char found[8];

	for (size_t i = 0; i < MBR_ENTRIES; i++)
		is_protected |= sector[446 + 16 * i + 4] == 0xee;
	for (size_t i = 0; i < BL_COUNT(sizes); i++)
		if (!blocks_read(blocks, sizes[i], found, sizeof(found)) &&
		    !memcmp(found, "EFI PART", sizeof(found)))
			return true;
	/* The primary header may be gone; the protective entry alone says that there was one. */
	return bl_get16(sector + 510) == 0xaa55 && is_protected;
}

static void whole_image(struct volume *volume, uint64_t image_bytes, const char *trouble)
{
	*volume = (struct volume){.at = {0, image_bytes, 0}, .trouble = trouble};
}

/* Partitions outside the image or over another one are listed and not opened. */
static void judge_places(struct volume *volumes, size_t count, uint64_t image_bytes)
{
	for (size_t i = 0; i < count; i++) {
		struct partition *at = &volumes[i].at;

		if (at->offset >= image_bytes) {
			volumes[i].trouble = "partition lies behind the end of the image";
			at->offset = image_bytes;
			at->length = 0;
			continue;
		}
		at->length = BL_MIN(at->length, image_bytes - at->offset);
		for (size_t k = 0; k < i; k++) {
			const struct partition *other = &volumes[k].at;

			if (at->offset < other->offset + other->length &&
			    other->offset < at->offset + at->length)
				volumes[i].trouble = volumes[k].trouble =
					"partition overlaps another one";
		}
	}
}

static size_t take_partitions(const struct partition *parts, size_t count, const char *trouble,
			      struct volume *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (struct volume){.at = parts[i], .trouble = trouble};
	return count;
}

static size_t scan_tables(struct blocks *blocks, struct sleuth_image *image, const uint8_t *sector,
			  struct volume out[READER_VOLUMES])
{
	struct partition parts[READER_VOLUMES];
	size_t count = 0;

	if (has_gpt(blocks, sector)) {
		if (!sleuth_partitions(image, true, parts, READER_VOLUMES, &count) && count)
			return take_partitions(parts, count, NULL, out);
		whole_image(out, blocks->image_bytes, "GPT partition table is damaged or empty");
		return 1;
	}
	if (!mbr_is_sane(sector, blocks->image_bytes))
		return 0;
	if (sleuth_partitions(image, false, parts, READER_VOLUMES, &count) || !count) {
		whole_image(out, blocks->image_bytes, "MBR partition table is damaged");
		return 1;
	}
	return take_partitions(
		parts, count,
		mbr_agrees(sector, parts, count) ? NULL : "MBR partition table is read in two ways",
		out);
}

int volumes_scan(struct blocks *blocks, struct sleuth_image *image,
		 struct volume out[READER_VOLUMES], size_t *out_count)
{
	uint8_t sector[SECTOR] = {0};
	size_t count = 0;
	int error = blocks_read(blocks, 0, sector, BL_MIN(blocks->image_bytes, (uint64_t)SECTOR));

	if (error)
		return error;
	count = scan_tables(blocks, image, sector, out);
	if (!count) {
		whole_image(out, blocks->image_bytes, NULL);
		count = 1;
	}
	judge_places(out, count, blocks->image_bytes);
	for (size_t i = 0; i < count; i++)
		out[i].kind_count = probe(blocks, out[i].at.offset, out[i].at.length, out[i].kinds);
	*out_count = count;
	return 0;
}

static struct tree *try_kind(const struct volume *volume, const struct probe_kind *kind,
			     struct blocks *blocks, struct sleuth_image *image,
			     const char **out_notice)
{
	struct tree *tree = NULL;
	int error = EIO;

	switch (kind->parser) {
	case PROBE_EXT:
		error = ext_open(blocks, volume->at.offset, volume->at.length, &tree, out_notice);
		break;
	case PROBE_SLEUTH:
		error = sleuth_open(image, kind->type, volume->at.offset, volume->at.length, &tree,
				    out_notice);
		break;
	case PROBE_NONE:
		*out_notice = kind->notice;
		break;
	}
	return error ? NULL : tree;
}

struct tree *volume_open(struct volume *volume, struct blocks *blocks, struct sleuth_image *image)
{
	if (volume->is_tried)
		return volume->tree;
	volume->is_tried = true;
	volume->notice = volume->trouble;
	for (size_t i = 0; i < volume->kind_count && !volume->trouble && !volume->tree; i++) {
		const char *notice = "not readable";

		volume->tree = try_kind(volume, volume->kinds[i], blocks, image, &notice);
		/* The likeliest kind's words are the ones to show. */
		if (!volume->tree && !volume->notice)
			volume->notice = notice;
		/* What is encrypted is never looked behind. */
		if (volume->kinds[i]->parser == PROBE_NONE)
			break;
	}
	if (volume->tree)
		volume->notice = NULL;
	else if (!volume->notice)
		volume->notice = "no filesystem known here";
	return volume->tree;
}

void volume_describe(const struct volume *volume, struct blocks *blocks, struct wire_volume *out)
{
	uint8_t super[SUPER_BYTES] = {0};
	uint64_t at = volume->kind_count ? volume->kinds[0]->super_offset : 0;
	const char *type = volume->tree		? volume->tree->type
			   : volume->kind_count ? volume->kinds[0]->type
						: "";

	*out = (struct wire_volume){
		.offset = volume->at.offset,
		.length = volume->at.length,
		.root = volume->tree ? volume->tree->root : 0,
		.number = volume->at.number,
		.is_readable = volume->tree != NULL,
	};
	snprintf(out->type, sizeof(out->type), "%s", type);
	snprintf(out->notice, sizeof(out->notice), "%s", volume->notice ? volume->notice : "");
	if (at < volume->at.length) {
		size_t length = (size_t)BL_MIN(volume->at.length - at, (uint64_t)SUPER_BYTES);

		/* Not readable: the digest of zeros, until it can be read. No call of a parser is going on. */
		if (blocks_read(blocks, volume->at.offset + at, super, length))
			memset(super, 0, sizeof(super));
	}
	crypto_generichash(out->digest, sizeof(out->digest), super, sizeof(super), NULL, 0);
}

void volume_forget(struct volume *volume)
{
	if (!volume->tree || !volume->tree->is_keeping)
		return;
	volume->tree->ops->close(volume->tree);
	volume->tree = NULL;
	volume->is_tried = false;
}

void volume_close(struct volume *volume)
{
	if (volume->tree)
		volume->tree->ops->close(volume->tree);
	*volume = (struct volume){0};
}
