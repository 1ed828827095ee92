#include "fs/image/reader/reader.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SECTOR	    512
#define SUPER_BYTES 4096

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

static uint32_t number_behind(const struct volume *volumes, size_t count)
{
	uint32_t most = 0;

	for (size_t i = 0; i < count; i++)
		most = BL_MAX(most, volumes[i].at.number);
	return most + 1;
}

/*
 * The first volume of a container of APFS has the partition's number, further ones have the next that no partition has. A
 * container without a table becomes number 1 when there are more.
 */
static size_t containers_unfold(struct blocks *blocks, struct volume *volumes, size_t count)
{
	size_t all = count;

	for (size_t i = 0; i < count; i++) {
		struct volume *first = &volumes[i];

		if (first->trouble || !first->kind_count || first->kinds[0]->parser != PROBE_APFS)
			continue;
		size_t inside = apfs_volumes(blocks, first->at.offset, first->at.length);
		if (inside > 1 && !first->at.number)
			first->at.number = 1;
		if (inside > READER_VOLUMES - all + 1) {
			first->trouble = "image has too many volumes";
			continue;
		}
		for (size_t k = 1; k < inside; k++) {
			volumes[all] = *first;
			volumes[all].inside = k;
			volumes[all].at.number = number_behind(volumes, all);
			all++;
		}
	}
	return all;
}

int volumes_scan(struct blocks *blocks, struct sleuth_image *image,
		 struct volume out[READER_VOLUMES], size_t *out_count)
{
	uint8_t sector[SECTOR] = {0};
	size_t count = 0;
	int error = blocks_read(blocks, 0, sector, BL_MIN(blocks->image_bytes, (uint64_t)SECTOR));

	if (error)
		return error;
	count = tables_scan(blocks, image, sector, out);
	if (!count) {
		out[0] = (struct volume){.at = {0, blocks->image_bytes, 0}};
		count = 1;
	}
	judge_places(out, count, blocks->image_bytes);
	for (size_t i = 0; i < count; i++)
		out[i].kind_count = probe(blocks, out[i].at.offset, out[i].at.length, out[i].kinds);
	*out_count = containers_unfold(blocks, out, count);
	return 0;
}

static struct tree *try_kind(const struct volume *volume, const struct probe_kind *kind,
			     struct blocks *blocks, struct sleuth_image *image,
			     const char **out_notice)
{
	const char *refused = NULL;
	struct tree *tree = NULL;
	int error = EIO;

	switch (kind->parser) {
	case PROBE_EXT:
		error = ext_open(blocks, volume->at.offset, volume->at.length, &tree, out_notice);
		break;
	case PROBE_NTFS:
		error = ntfs_open(blocks, volume->at.offset, volume->at.length, &tree, out_notice);
		break;
	case PROBE_SLEUTH:
		if (!strcmp(kind->type, "hfsplus"))
			refused = hfs_journal(blocks, volume->at.offset, volume->at.length);
		if (refused) {
			*out_notice = refused;
			break;
		}
		error = sleuth_open(image, kind->type, volume->at.offset, volume->at.length, &tree,
				    out_notice);
		break;
	case PROBE_APFS:
		error = apfs_open(blocks, volume->at.offset, volume->at.length, volume->inside,
				  &tree, out_notice);
		break;
	case PROBE_ISO:
		error = iso_open(blocks, volume->at.offset, volume->at.length, &tree, out_notice);
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
		volume->notice = volume->hint ? volume->hint : "no filesystem known here";
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
