/* make-hfs.h - an HFS+ volume out of folders and files, as Apple's TN1150 has it; no tool of this system makes one */
#ifndef TESTS_MAKE_HFS_H
#define TESTS_MAKE_HFS_H

#include "policy/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HFS_BLOCK    UINT64_C(4096) /* a node has one */
#define HFS_ROOT     2u
#define HFS_OVERFLOW 2u /* block of the tree of extents, of two nodes */
#define HFS_CATALOG  8u /* block of the catalog */
#define HFS_HEADER   1024u
#define HFS_NAME     24

struct hfs_record {
	uint32_t parent;
	char name[HFS_NAME]; /* in capitals, so that it sorts as it is */
	uint8_t data[248];
	size_t length;
};

struct hfs {
	uint8_t *bytes;
	uint64_t size_bytes;
	struct hfs_record *records;
	size_t count, room;
	uint32_t nodes, root_node, depth, leaves;
};

static BL_UNUSED void hfs_big(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint32_t hfs_get(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint8_t *hfs_record(struct hfs *h, uint32_t parent, const char *name, size_t length)
{
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 64;
		h->records = realloc(h->records, h->room * sizeof(*h->records));
		if (!h->records)
			abort();
	}
	struct hfs_record *record = &h->records[h->count++];
	*record = (struct hfs_record){.parent = parent, .length = length};
	snprintf(record->name, sizeof(record->name), "%s", name);
	return record->data;
}

/* What leads from a number to its name. */
static void hfs_thread(struct hfs *h, uint16_t kind, uint32_t id, uint32_t parent, const char *name)
{
	uint8_t *data = hfs_record(h, id, "", 10 + 2 * strlen(name));

	hfs_big(data, kind, 2);
	hfs_big(data + 4, parent, 4);
	hfs_big(data + 8, strlen(name), 2);
	for (size_t i = 0; name[i]; i++)
		data[10 + 2 * i + 1] = (uint8_t)name[i];
}

static BL_UNUSED void hfs_folder(struct hfs *h, uint32_t id, uint32_t parent, const char *name)
{
	uint8_t *data = hfs_record(h, parent, name, 88);

	hfs_big(data, 1, 2);
	hfs_big(data + 8, id, 4);
	hfs_big(data + 42, 0040755, 2);
	hfs_thread(h, 3, id, parent, name);
}

/* @count blocks at @block, and a size that may say otherwise. */
static BL_UNUSED void hfs_file(struct hfs *h, uint32_t id, uint32_t parent, const char *name,
			       uint64_t size, uint32_t block, uint32_t count)
{
	uint8_t *data = hfs_record(h, parent, name, 248);

	hfs_big(data, 2, 2);
	hfs_big(data + 8, id, 4);
	hfs_big(data + 42, 0100644, 2);
	hfs_big(data + 88, size, 8);
	hfs_big(data + 100, (size + HFS_BLOCK - 1) / HFS_BLOCK, 4);
	hfs_big(data + 104, block, 4);
	hfs_big(data + 108, count, 4);
	hfs_thread(h, 4, id, parent, name);
}

static int hfs_compare(const void *a, const void *b)
{
	const struct hfs_record *one = a, *two = b;

	if (one->parent != two->parent)
		return one->parent < two->parent ? -1 : 1;
	return strcmp(one->name, two->name);
}

static uint8_t *hfs_node(const struct hfs *h, uint32_t node)
{
	return h->bytes + (HFS_CATALOG + node) * HFS_BLOCK;
}

/* Key and data behind what is in the node; false: no room. */
static bool hfs_put(uint8_t *node, uint32_t parent, const char *name, const uint8_t *data,
		    size_t length)
{
	unsigned count = (unsigned)node[10] << 8 | node[11];
	uint8_t *offsets = node + HFS_BLOCK - 2;
	size_t at =
		count ? (size_t)offsets[-2 * (int)count] << 8 | offsets[-2 * (int)count + 1] : 14;
	size_t key = 6 + 2 * strlen(name);

	if (at + 2 + key + length + 2 * (count + 2) > HFS_BLOCK)
		return false;
	hfs_big(node + at, key, 2);
	hfs_big(node + at + 2, parent, 4);
	hfs_big(node + at + 6, strlen(name), 2);
	for (size_t i = 0; name[i]; i++)
		hfs_big(node + at + 8 + 2 * i, (uint8_t)name[i], 2);
	memcpy(node + at + 2 + key, data, length);
	hfs_big(offsets - 2 * count, at, 2);
	hfs_big(node + 10, count + 1, 2);
	hfs_big(offsets - 2 * (count + 1), at + 2 + key + length, 2);
	return true;
}

static uint32_t hfs_node_new(struct hfs *h, int kind, uint32_t height, uint32_t before)
{
	uint8_t *node = hfs_node(h, ++h->nodes);

	if ((HFS_CATALOG + h->nodes + 2) * HFS_BLOCK > h->size_bytes)
		abort();
	node[8] = (uint8_t)kind;
	node[9] = (uint8_t)height;
	hfs_big(node + 4, before, 4);
	if (before)
		hfs_big(hfs_node(h, before), h->nodes, 4);
	return h->nodes;
}

/* Each level of index nodes until there is one. */
static void hfs_index(struct hfs *h, struct hfs_record *firsts, size_t count)
{
	for (h->depth = 1; count > 1; h->depth++) {
		size_t above = 0;
		uint32_t node = 0;

		for (size_t i = 0; i < count; i++) {
			const struct hfs_record *first = &firsts[i];

			if (node &&
			    hfs_put(hfs_node(h, node), first->parent, first->name, first->data, 4))
				continue;
			node = hfs_node_new(h, 0, h->depth + 1, node);
			if (!hfs_put(hfs_node(h, node), first->parent, first->name, first->data, 4))
				abort();
			struct hfs_record up = *first;
			hfs_big(up.data, node, 4);
			firsts[above++] = up;
		}
		count = above;
	}
	h->root_node = hfs_get(firsts[0].data);
}

static void hfs_leaves(struct hfs *h)
{
	struct hfs_record *firsts = calloc(h->count + 1, sizeof(*firsts));
	size_t count = 0;
	uint32_t node = 0;

	if (!firsts)
		abort();
	for (size_t i = 0; i < h->count; i++) {
		const struct hfs_record *record = &h->records[i];

		if (node && hfs_put(hfs_node(h, node), record->parent, record->name, record->data,
				    record->length))
			continue;
		node = hfs_node_new(h, -1, 1, node);
		if (!hfs_put(hfs_node(h, node), record->parent, record->name, record->data,
			     record->length))
			abort();
		firsts[count] = *record;
		hfs_big(firsts[count++].data, node, 4);
	}
	h->leaves = node;
	hfs_index(h, firsts, count);
	free(firsts);
}

/* A header node: of the catalog (key of 516 bytes), of the extents (10) */
static void hfs_header(uint8_t *node, uint32_t depth, uint32_t root, uint32_t last, uint32_t nodes,
		       uint16_t key_most)
{
	uint8_t *header = node + 14;

	node[8] = 1;
	hfs_big(node + 10, 3, 2);
	hfs_big(header, depth, 2);
	hfs_big(header + 2, root, 4);
	hfs_big(header + 10, root ? 1 : 0, 4);
	hfs_big(header + 14, last, 4);
	hfs_big(header + 18, HFS_BLOCK, 2);
	hfs_big(header + 20, key_most, 2);
	hfs_big(header + 22, nodes, 4);
	header[37] = 0xcf;
	hfs_big(header + 38, 6, 4);
	hfs_big(node + HFS_BLOCK - 2, 14, 2);
	hfs_big(node + HFS_BLOCK - 4, 120, 2);
	hfs_big(node + HFS_BLOCK - 6, 248, 2);
	hfs_big(node + HFS_BLOCK - 8, HFS_BLOCK - 8, 2);
}

static void hfs_fork(uint8_t *fork, uint32_t block, uint32_t count)
{
	hfs_big(fork, count * HFS_BLOCK, 8);
	hfs_big(fork + 12, count, 4);
	hfs_big(fork + 16, block, 4);
	hfs_big(fork + 20, count, 4);
}

static BL_UNUSED struct hfs hfs_begin(uint64_t size_bytes)
{
	struct hfs h = {.bytes = calloc(1, size_bytes), .size_bytes = size_bytes};

	if (!h.bytes)
		abort();
	hfs_folder(&h, HFS_ROOT, 1, "VOLUME");
	return h;
}

/* Every block is in use; the catalog goes to the end but for a fourth of the volume, which is for contents. */
static BL_UNUSED void hfs_end(struct hfs *h)
{
	uint64_t blocks = h->size_bytes / HFS_BLOCK;
	uint8_t *volume = h->bytes + HFS_HEADER;
	uint32_t catalog = (uint32_t)(blocks * 3 / 4 - HFS_CATALOG);

	qsort(h->records, h->count, sizeof(*h->records), hfs_compare);
	hfs_leaves(h);
	hfs_header(hfs_node(h, 0), h->depth, h->root_node, h->leaves, catalog, 516);
	hfs_header(h->bytes + HFS_OVERFLOW * HFS_BLOCK, 0, 0, 0, 2, 10);
	memset(h->bytes + HFS_BLOCK, 0xff, HFS_BLOCK);
	memcpy(volume, "H+\0\4", 4);
	hfs_big(volume + 4, 1u << 8, 4);
	memcpy(volume + 8, "10.0", 4);
	for (unsigned i = 16; i < 32; i += 4)
		hfs_big(volume + i, 0xd0000000u, 4);
	hfs_big(volume + 40, HFS_BLOCK, 4);
	hfs_big(volume + 44, blocks, 4);
	hfs_big(volume + 64, 0x7fffffff, 4);
	hfs_fork(volume + 112, 1, 1);
	hfs_fork(volume + 192, HFS_OVERFLOW, 2);
	hfs_fork(volume + 272, HFS_CATALOG, catalog);
	memcpy(h->bytes + h->size_bytes - 1024, volume, 512);
}

static BL_UNUSED void hfs_done(struct hfs *h)
{
	free(h->bytes);
	free(h->records);
}

#endif
