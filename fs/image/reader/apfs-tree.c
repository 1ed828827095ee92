/* Objects and B-trees of APFS: each node is verified before a byte of it is believed. */
#include "fs/image/reader/apfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODE_DATA 56 /* btree_node_phys_t.btn_data */
#define ROOT_INFO 40 /* btree_info_t at the end of a root */

/* btn_flags */
#define NODE_IS_ROOT  1
#define NODE_IS_LEAF  2
#define NODE_IS_FIXED 4
#define NODE_KNOWN    7 /* others are of sealed volumes: hashes, and nodes without a header */

/* omap_val_t.ov_flags */
#define OMAP_DELETED   1
#define OMAP_ENCRYPTED 4
#define OMAP_NO_HEADER 8
#define OMAP_KEY       16 /* bytes of a key, and of a value */

bool apfs_sum_holds(const uint8_t *object, size_t length)
{
	const uint64_t most = UINT32_MAX;
	uint64_t one = 0, two = 0;

	for (size_t at = 8; at < length; at += 4) {
		one = (one + bl_get32(object + at)) % most;
		two = (two + one) % most;
	}
	uint64_t low = most - (one + two) % most, high = most - (one + low) % most;
	return bl_get64(object) == (high << 32 | low);
}

static int block_read(const struct apfs_place *place, uint64_t at, uint8_t *out)
{
	if (at >= place->length / place->block_bytes)
		return EIO;
	return blocks_read(place->blocks, place->offset + at * place->block_bytes, out,
			   place->block_bytes);
}

int apfs_object(const struct apfs_place *place, uint64_t at, uint64_t oid, enum apfs_type type,
		uint8_t *out)
{
	int error = block_read(place, at, out);

	if (error)
		return error;
	if (!apfs_sum_holds(out, place->block_bytes) || bl_get64(out + 8) != oid ||
	    bl_get64(out + 16) > place->xid || bl_get16(out + 24) != type)
		return EIO;
	return 0;
}

/* ---- one node ---- */

struct node {
	uint8_t *bytes;
	uint32_t count, index; /* keys; the next one */
	uint32_t keys, values; /* where keys begin, where values end */
	uint16_t level;
	bool is_fixed, is_leaf;
	uint16_t key_bytes, value_bytes; /* of fixed ones */
};

struct walk {
	const struct apfs_tree *tree;
	struct node path[APFS_LEVELS];
	unsigned depth, visited;
	uint16_t key_bytes, value_bytes; /* as the root says */
};

static int node_shape(struct walk *walk, struct node *node)
{
	const uint8_t *bytes = node->bytes;
	uint32_t room = walk->tree->place->block_bytes;
	unsigned flags = bl_get16(bytes + 32);
	uint32_t toc = NODE_DATA + bl_get16(bytes + 40), toc_bytes = bl_get16(bytes + 42);
	bool is_root = flags & NODE_IS_ROOT;

	node->level = bl_get16(bytes + 34);
	node->count = bl_get32(bytes + 36);
	node->index = 0;
	node->is_leaf = flags & NODE_IS_LEAF;
	node->is_fixed = flags & NODE_IS_FIXED;
	node->values = is_root ? room - ROOT_INFO : room;
	node->keys = toc + toc_bytes;
	/* Bit 15 is one of checks that never lie on a disk. */
	if (flags & ~(unsigned)NODE_KNOWN || is_root != (walk->depth == 0) ||
	    node->is_leaf != (node->level == 0) || node->keys > node->values ||
	    node->count > toc_bytes / (node->is_fixed ? 4u : 8u))
		return EIO;
	if (is_root) {
		const uint8_t *info = bytes + room - ROOT_INFO;

		if (bl_get32(info + 4) != room || bl_get32(info + 8) > room ||
		    bl_get32(info + 12) > room)
			return EIO;
		walk->key_bytes = (uint16_t)bl_get32(info + 8);
		walk->value_bytes = (uint16_t)bl_get32(info + 12);
	}
	node->key_bytes = walk->key_bytes;
	node->value_bytes = node->is_leaf ? walk->value_bytes : 8;
	return node->is_fixed && (!node->key_bytes || !node->value_bytes) ? EIO : 0;
}

static int node_record(const struct node *node, uint32_t index, struct apfs_record *out)
{
	const uint8_t *toc = node->bytes + NODE_DATA + bl_get16(node->bytes + 40);
	uint32_t key, key_bytes, value, value_bytes;

	if (node->is_fixed) {
		key = bl_get16(toc + 4 * (size_t)index);
		value = bl_get16(toc + 4 * (size_t)index + 2);
		key_bytes = node->key_bytes;
		value_bytes = node->value_bytes;
	} else {
		key = bl_get16(toc + 8 * (size_t)index);
		key_bytes = bl_get16(toc + 8 * (size_t)index + 2);
		value = bl_get16(toc + 8 * (size_t)index + 4);
		value_bytes = bl_get16(toc + 8 * (size_t)index + 6);
	}
	/* 0xffff: a ghost, without a value; of no tree that is read here. */
	if (value == UINT16_MAX || node->keys + key + key_bytes > node->values ||
	    value > node->values - node->keys || value_bytes > value)
		return EIO;
	*out = (struct apfs_record){
		.key = node->bytes + node->keys + key,
		.key_bytes = (uint16_t)key_bytes,
		.value = node->bytes + node->values - value,
		.value_bytes = (uint16_t)value_bytes,
	};
	return 0;
}

static int node_find(const struct apfs_tree *tree, uint64_t oid, uint64_t *out_at)
{
	if (tree->map)
		return apfs_find(tree->map, oid, out_at);
	*out_at = oid;
	return 0;
}

static int node_load(struct walk *walk, uint64_t oid)
{
	const struct apfs_place *place = walk->tree->place;
	struct node *node = &walk->path[walk->depth];
	uint64_t at = 0;
	int error = walk->visited++ < APFS_NODES ? node_find(walk->tree, oid, &at) : EFBIG;

	if (error)
		return error == ENOENT ? EIO : error;
	if (!node->bytes)
		node->bytes = malloc(place->block_bytes);
	if (!node->bytes)
		return ENOMEM;
	error = apfs_object(place, at, oid, walk->depth ? APFS_NODE : APFS_ROOT, node->bytes);
	if (!error && bl_get32(node->bytes + 28) != (uint32_t)walk->tree->kind)
		error = EIO;
	if (!error)
		error = node_shape(walk, node);
	/* Down is down: so there is an end, whatever the children are. */
	if (!error && walk->depth && node->level + 1 != walk->path[walk->depth - 1].level)
		error = EIO;
	return error;
}

/* ---- walking ---- */

/* The last child that begins before what is wanted, since it may go on to hold the first of it. */
static int node_start(struct node *node, apfs_compare_fn *compare, void *context)
{
	uint32_t low = 0, high = node->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct apfs_record record;
		int error = node_record(node, middle, &record);

		if (error)
			return error;
		if (compare(context, record.key, record.key_bytes) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	node->index = node->is_leaf || !low ? low : low - 1;
	return 0;
}

static int walk_down(struct walk *walk, uint64_t oid, apfs_compare_fn *compare, void *context)
{
	int error = node_load(walk, oid);

	if (!error)
		error = node_start(&walk->path[walk->depth], compare, context);
	return error;
}

/* The next record of the deepest node: told, descended into, or the end of all. */
static int walk_step(struct walk *walk, apfs_compare_fn *compare, apfs_record_fn *tell,
		     void *context, bool *out_is_over)
{
	struct node *node = &walk->path[walk->depth];
	struct apfs_record record;

	if (node->index == node->count) {
		*out_is_over = walk->depth == 0;
		walk->depth -= walk->depth > 0;
		return 0;
	}
	int error = node_record(node, node->index++, &record);
	if (error)
		return error;
	int order = compare(context, record.key, record.key_bytes);
	*out_is_over = order > 0;
	if (order > 0 || (node->is_leaf && order < 0))
		return 0;
	if (node->is_leaf)
		return tell(context, &record);
	if (record.value_bytes != 8 || walk->depth + 1 == APFS_LEVELS)
		return EIO;
	walk->depth++;
	return walk_down(walk, bl_get64(record.value), compare, context);
}

int apfs_walk(const struct apfs_tree *tree, apfs_compare_fn *compare, apfs_record_fn *tell,
	      void *context)
{
	struct walk walk = {.tree = tree};
	bool is_over = false;
	int error = walk_down(&walk, tree->root, compare, context);

	while (!error && !is_over)
		error = walk_step(&walk, compare, tell, context, &is_over);
	for (size_t i = 0; i < APFS_LEVELS; i++)
		free(walk.path[i].bytes);
	return error;
}

/* ---- object maps ---- */

struct finding {
	uint64_t oid, xid, at;
	uint32_t flags;
	bool is_found;
};

static int find_compare(void *context, const uint8_t *key, size_t length)
{
	const struct finding *finding = context;
	uint64_t oid, xid;

	if (length != OMAP_KEY)
		return 1;
	oid = bl_get64(key);
	xid = bl_get64(key + 8);
	if (oid != finding->oid)
		return oid < finding->oid ? -1 : 1;
	return xid > finding->xid;
}

/* Told in the order of transactions: the last one is the newest that counts. */
static int find_tell(void *context, const struct apfs_record *record)
{
	struct finding *finding = context;

	if (record->value_bytes != OMAP_KEY)
		return EIO;
	finding->flags = bl_get32(record->value);
	finding->at = bl_get64(record->value + 8);
	finding->is_found = true;
	return 0;
}

int apfs_find(const struct apfs_tree *map, uint64_t oid, uint64_t *out_at)
{
	struct finding finding = {.oid = oid, .xid = map->place->xid};
	int error = apfs_walk(map, find_compare, find_tell, &finding);

	if (error)
		return error;
	if (!finding.is_found || finding.flags & OMAP_DELETED)
		return ENOENT;
	if (finding.flags & (OMAP_ENCRYPTED | OMAP_NO_HEADER))
		return EOPNOTSUPP;
	*out_at = finding.at;
	return 0;
}

int apfs_map_open(const struct apfs_place *place, uint64_t oid, struct apfs_tree *out)
{
	BL_CLEANUP(bl_free) uint8_t *bytes = malloc(place->block_bytes);
	int error = bytes ? apfs_object(place, oid, oid, APFS_OMAP, bytes) : ENOMEM;

	if (!error)
		*out = (struct apfs_tree){
			.place = place, .root = bl_get64(bytes + 48), .kind = APFS_OMAP};
	return error;
}
